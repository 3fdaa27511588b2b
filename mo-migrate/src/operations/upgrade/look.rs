//! What has changed in blue since the snapshot, and whether it can be carried over to green.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Operations, Upgrade};
use crate::engine::{
    CarryOver, Engine, Inventory, Moment, Moments, Object, ObjectKind, Role, RowDifferences, Side,
};
use crate::error::{Result, say};
use crate::history::History;
use crate::ledger::Ledger;
use crate::migration::Version;
use crate::observer::Progress;
use crate::report::text::count;
use crate::upgrade::UpgradeRecord;

/// A table, or another object, that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpgradeChange {
    /// Its name.
    pub name: String,
    /// How many of its rows differ; none where that can't be told.
    pub rows: Option<u64>,
    /// It is carried over to green.
    pub carried: bool,
    /// Why it is not.
    pub why: Option<String>,
}

/// Where an upgrade stands, and what has changed in both databases.
#[derive(Clone, Debug, Serialize)]
pub struct UpgradeStatus {
    /// The upgrade.
    pub upgrade: Upgrade,
    /// Blue's version now.
    pub blue_version: Option<Version>,
    /// Green's version now; none when it is not there.
    pub green_version: Option<Version>,
    /// What has changed in blue since the snapshot; once green is the one to use, without what it was
    /// given of that.
    pub blue_changes: Vec<UpgradeChange>,
    /// What has changed in green since it was migrated.
    pub green_changes: Vec<UpgradeChange>,
    /// What could not be looked at, and why.
    pub unknown: Option<String>,
}

impl Operations<'_> {
    pub(crate) async fn upgrade_status(&self) -> Result<UpgradeStatus> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else {
            return Err(say::no_upgrade());
        };
        let found = ledger.upgrade().await;
        ledger.close().await;
        let Some(upgrade) = found? else { return Err(say::no_upgrade()) };
        let mut status = UpgradeStatus {
            upgrade: self.shown(&upgrade)?,
            blue_version: self.version_of(self.engine()).await?,
            green_version: None,
            blue_changes: Vec::new(),
            green_changes: Vec::new(),
            unknown: None,
        };
        let green = self.green(&upgrade)?;
        if !green.exists().await? {
            let is_missed = upgrade.state.needs_green();
            status.unknown = is_missed.then(|| say::in_a_line(&say::green_missed(&upgrade)));
            return Ok(status);
        }
        status.green_version = self.version_of(&*green).await?;
        let looked = async {
            if upgrade.state.needs_green() {
                status.blue_changes = self.blue_changes(&upgrade, &*green).await?;
            }
            if upgrade.green_snapshot.is_some() {
                status.green_changes = green_changes(&upgrade, &*green).await?;
            }
            Ok(())
        };
        let looked: Result<()> = looked.await;
        status.unknown = looked.err().map(|error| say::in_a_line(&error));
        Ok(status)
    }

    async fn version_of(&self, engine: &dyn Engine) -> Result<Option<Version>> {
        let mut connection = engine.connect(Role::Read).await?;
        let history = History::read(&mut *connection, &self.settings.history_table).await;
        connection.close().await;
        Ok(history?.and_then(|history| history.latest(&self.settings.set)))
    }

    async fn blue_changes(
        &self,
        upgrade: &UpgradeRecord,
        green: &dyn Engine,
    ) -> Result<Vec<UpgradeChange>> {
        let conduct = (&self.settings).into();
        let mut carry = self.engine.carry_over(&upgrade.green, &upgrade.snapshot, conduct).await?;
        let found = self.look_at_blue(&mut *carry, upgrade, green).await;
        carry.close().await;
        Ok(found?.into_iter().map(|found| found.change).collect())
    }

    /// All that has changed in blue.
    pub(super) async fn look_at_blue(
        &self,
        carry: &mut dyn CarryOver,
        upgrade: &UpgradeRecord,
        green: &dyn Engine,
    ) -> Result<Vec<Found>> {
        let mut blue = self.engine.moments().await?;
        let mut there = green.moments().await?;
        let mut looking = Looking {
            upgrade,
            history: &self.settings.history_table,
            carry,
            blue: &mut *blue,
            green: &mut *there,
        };
        let found = looking.changes().await;
        blue.close().await;
        there.close().await;
        found
    }
}

/// What has changed in green since it was migrated.
async fn green_changes(upgrade: &UpgradeRecord, green: &dyn Engine) -> Result<Vec<UpgradeChange>> {
    let Some(snapshot) = &upgrade.green_snapshot else { return Ok(Vec::new()) };
    let mut moments = green.moments().await?;
    let found = async {
        let then = Moment::Snapshot(snapshot.clone());
        let (was, is) = (moments.inventory(&then).await?, moments.inventory(&Moment::Now).await?);
        let mut found = changed_definitions(&was, &is, "green");
        count_rows(&mut *moments, [&was, &is], &then, &mut found).await?;
        for table in tables_of_both(&was, &is) {
            if moments.compare(table, [&then, &Moment::Now], &Progress::silent()).await?.differs {
                let rows = differing(&mut *moments, &table.name, &then).await?;
                let name = table.name.clone();
                found.insert(name.clone(), UpgradeChange { name, rows, carried: false, why: None });
            }
        }
        Ok(found.into_values().collect())
    };
    let found = found.await;
    moments.close().await;
    found
}

/// What has changed in blue.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) change: UpgradeChange,
    /// Where its rows can be carried over: the table, and the contents that green's has.
    pub(super) carry: Option<(Object, String)>,
}

/// What is to be done with the rows of a table that has changed in blue.
enum Verdict {
    /// Green has them already.
    Nothing,
    /// They can be carried over in the place of these contents.
    Carry(String),
    /// They can't, and why.
    Stay(String),
}

/// The three databases, opened to be looked at.
struct Looking<'a> {
    upgrade: &'a UpgradeRecord,
    history: &'a str,
    carry: &'a mut dyn CarryOver,
    blue: &'a mut dyn Moments,
    green: &'a mut dyn Moments,
}

impl Looking<'_> {
    async fn changes(&mut self) -> Result<Vec<Found>> {
        let snapshot = Moment::Snapshot(self.upgrade.snapshot.clone());
        let then = self.blue.inventory(&snapshot).await?;
        let now = self.blue.inventory(&Moment::Now).await?;
        let there = self.green.inventory(&Moment::Now).await?;
        let mut definitions = changed_definitions(&then, &now, "blue");
        count_rows(&mut *self.blue, [&then, &now], &snapshot, &mut definitions).await?;
        let mut found: Vec<_> =
            definitions.into_values().map(|change| Found { change, carry: None }).collect();
        for table in tables_of_both(&then, &now) {
            if found.iter().any(|found| found.change.name == table.name) {
                continue;
            }
            let differs = self.carry.compare(table, Side::Then, Side::Blue).await?.differs;
            // What green was given of a change that blue has taken back since.
            let was_given = self.upgrade.carrying.given.contains_key(&table.name);
            if !differs && (!was_given || self.upgrade.state.is_green_active()) {
                continue;
            }
            let verdict = if self.upgrade.state.is_green_active() {
                self.left_behind(table).await?
            } else {
                self.verdict(table, &then, &there).await?
            };
            let (carry, why) = match verdict {
                Verdict::Nothing => continue,
                Verdict::Carry(contents) => (Some((table.clone(), contents)), None),
                Verdict::Stay(why) => (None, Some(why)),
            };
            // Those that green was given are among them, once it is active.
            let is_part = carry.is_none() && was_given;
            let rows = if is_part || !differs {
                None
            } else {
                differing(self.blue, &table.name, &snapshot).await?
            };
            let (name, carried) = (table.name.clone(), carry.is_some());
            found.push(Found { change: UpgradeChange { name, rows, carried, why }, carry });
        }
        found.sort_by(|a, b| a.change.name.cmp(&b.change.name));
        Ok(found)
    }

    async fn verdict(
        &mut self,
        table: &Object,
        then: &Inventory,
        there: &Inventory,
    ) -> Result<Verdict> {
        let stay = |why: &str| Ok(Verdict::Stay(why.to_owned()));
        if table.name == self.history {
            return stay("blue has run migrations of its own since");
        }
        if table.kind != ObjectKind::Table {
            return stay("it is a part of a virtual table");
        }
        if belongings(then, &table.name) != belongings(there, &table.name) {
            return stay("the migrations changed its definition");
        }
        if !self.carry.compare(table, Side::Blue, Side::Green).await?.differs {
            return Ok(Verdict::Nothing);
        }
        let contents = self.carry.contents(table, Side::Green).await?;
        let carrying = &self.upgrade.carrying;
        // What it has from blue, and nobody has written to since.
        if carrying.has_given(&table.name, &contents)
            || contents == self.carry.contents(table, Side::Then).await?
        {
            return Ok(carrying
                .why_not(&table.name)
                .map_or(Verdict::Carry(contents), |why| Verdict::Stay(why.to_owned())));
        }
        self.others(table).await.map(Verdict::Stay)
    }

    /// What has come to blue when green was the one to use already, or was left there by a person, is
    /// carried over by nobody.
    async fn left_behind(&mut self, table: &Object) -> Result<Verdict> {
        let contents = self.carry.contents(table, Side::Blue).await?;
        if self.upgrade.carrying.has_given(&table.name, &contents) {
            return Ok(Verdict::Nothing);
        }
        Ok(Verdict::Stay("green was not given all of it".to_owned()))
    }

    /// Who has changed a table of green: the migrations, or somebody after them.
    async fn others(&mut self, table: &Object) -> Result<String> {
        if let Some(snapshot) = &self.upgrade.green_snapshot {
            let both = [&Moment::Snapshot(snapshot.clone()), &Moment::Now];
            if self.green.compare(table, both, &Progress::silent()).await?.differs {
                let rows = differing(self.green, &table.name, both[0]).await?;
                let rows = rows.map_or_else(|| "its rows".to_owned(), |rows| count(rows, "row"));
                return Ok(format!("{rows} changed in green since it was migrated"));
            }
        }
        let was_given = self.upgrade.carrying.given.contains_key(&table.name);
        let why = "the migrations changed its rows";
        Ok(if was_given { "its rows were changed in green since" } else { why }.to_owned())
    }
}

/// What belongs to a table, with its definition.
fn belongings(inventory: &Inventory, table: &str) -> Vec<(ObjectKind, String, Option<String>)> {
    let mut found: Vec<_> = (inventory.objects.iter())
        .filter(|object| !object.kind.is_put_back_afterwards())
        .filter(|object| object.table.eq_ignore_ascii_case(table))
        .map(|object| (object.kind, object.name.clone(), object.sql.clone()))
        .collect();
    found.sort();
    found
}

/// The tables with rows that both have, with one definition.
fn tables_of_both<'a>(then: &'a Inventory, now: &'a Inventory) -> Vec<&'a Object> {
    let is_one = |table: &&Object| {
        table.kind.has_rows()
            && table.kind != ObjectKind::SystemTable
            && now.find(table.kind, &table.name).is_some_and(|now| now.sql == table.sql)
    };
    then.objects.iter().filter(is_one).collect()
}

/// Everything whose definition has changed, by the table that it belongs to.
fn changed_definitions(
    then: &Inventory,
    now: &Inventory,
    place: &str,
) -> BTreeMap<String, UpgradeChange> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, why: String| {
        let change =
            UpgradeChange { name: name.to_owned(), rows: None, carried: false, why: Some(why) };
        found.entry(name.to_owned()).or_insert(change);
    };
    for (object, sides) in then.definitions_that_differ(now) {
        let name = if object.table.is_empty() { &object.name } else { &object.table };
        add(
            name,
            match sides {
                [None, _] => format!("the {} is new in {place}", object.kind.words()),
                [_, None] => format!("the {} is gone from {place}", object.kind.words()),
                _ => format!("its definition was changed in {place}"),
            },
        );
    }
    for sequence in then.objects.iter().filter(|object| object.kind == ObjectKind::Sequence) {
        let is = now.find(ObjectKind::Sequence, &sequence.name);
        if is.is_some_and(|is| is.value != sequence.value) {
            add(&sequence.name, format!("the sequence has given out numbers in {place}"));
        }
    }
    found
}

/// How many rows these changes concern: those of a table that is new or gone, or those that differ by
/// the columns that it has at both moments.
async fn count_rows(
    moments: &mut dyn Moments,
    [then, now]: [&Inventory; 2],
    snapshot: &Moment,
    changes: &mut BTreeMap<String, UpgradeChange>,
) -> Result<()> {
    for change in changes.values_mut() {
        let of =
            |side: &Inventory| side.find(ObjectKind::Table, &change.name).map(|table| table.rows);
        change.rows = match (of(then), of(now)) {
            (Some(_), Some(_)) => differing(moments, &change.name, snapshot).await?,
            (rows, None) | (None, rows) => rows.flatten(),
        };
    }
    Ok(())
}

/// How many rows of a table differ from what they were; none where that can't be told.
async fn differing(moments: &mut dyn Moments, table: &str, then: &Moment) -> Result<Option<u64>> {
    Ok(match moments.rows(table, then, &Moment::Now).await? {
        Some(RowDifferences::Listed(rows)) => u64::try_from(rows.len()).ok(),
        Some(RowDifferences::Counted(rows)) => rows,
        None => None,
    })
}
