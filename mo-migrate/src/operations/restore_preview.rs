//! What a restore would do, told before anybody is asked.
//!
//! The plan is the one that the restore itself would make of what is there now, by the same function;
//! the writes that would go are found as `diff` finds them. Nothing is written, and no lock is taken,
//! so that what others write until the restore is not in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::diff::{self, TableDifference};
use super::restore_time::RestoreTime;
use super::{Change, Operations, Whose};
use crate::engine::{Inventory, Moment, Moments, Object, ObjectKind, Step, Touched};
use crate::error::{Error, Result, say};
use crate::guard::{LOOKED_THROUGH, RestorePlan, Situation, restore_plan, same_inventory};
use crate::ledger::{Ledger, RunRecord, SnapshotRecord, StatementWindow};
use crate::migration::Version;
use crate::observer::{Counted, Phase, Progress};
use crate::report::Outcome;
use crate::settings::{ForeignWrites, RestoreMethod};

/// What a restore would do.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Serialize)]
pub struct RestorePreview {
    /// The snapshot.
    pub snapshot: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// It is no snapshot, but a moment of the server's past.
    pub of_a_moment: bool,
    /// The version that the database has afterwards.
    pub version: Option<Version>,
    /// The runs that are taken back, the newest first.
    pub runs: Vec<String>,
    /// The tables that they touched; others stay as they are.
    pub tables: Vec<String>,
    /// Not every table that they touched is known.
    pub unknown: bool,
    /// The tables come back alone: no run is taken back, and the history stays as it is.
    pub alone: bool,
    /// The run that is open, which has to come to its end before.
    pub open_run: Option<String>,
    /// All that would come back is as in the snapshot: nothing is done.
    pub nothing_to_do: bool,
    /// Why it would stop for a person, with nothing changed; none when nothing is in its way.
    pub undecided: Option<String>,
    /// The tables that are another than in the snapshot, and what becomes of each.
    pub changes: Vec<RestoredTable>,
    /// Views, indexes, sequences and the like that are another, and what becomes of each.
    pub objects: Vec<RestoredObject>,
    /// What was written since to the tables that come back, and goes; it is kept in the failed state.
    pub writes: Vec<TableDifference>,
    /// Others' writes are told from the runs' own.
    pub told_apart: bool,
    /// How long it will take; none where nothing like it was measured yet.
    pub takes: Option<RestoreTime>,
}

impl RestorePreview {
    /// How long it will take, in words.
    #[must_use]
    pub fn takes_words(&self) -> String {
        let Some(takes) = &self.takes else {
            return "not known: no restore of this database was measured yet".to_owned();
        };
        format!("{}, by {}", takes.words(), takes.by)
    }
}

/// What a restore does with a table or another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It comes back whole.
    ComesBack,
    /// It comes back whole, with the definition that it had.
    Remade,
    /// It is gone, and comes back whole.
    Returns,
    /// It is new, and goes.
    Goes,
    /// It is another than it was, and stays so.
    Stays,
}

/// A table that is another than in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoredTable {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Its rows now; none when it is not there.
    pub rows_now: Option<u64>,
    /// Its rows in the snapshot; none when it was not there.
    pub rows_then: Option<u64>,
    /// Columns that go, with what is in them.
    pub columns_lost: Vec<String>,
    /// Columns that come back.
    pub columns_back: Vec<String>,
}

/// An object without rows that is another than in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoredObject {
    /// What it is: `view`, `index` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a restore is about.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) snapshot: SnapshotRecord,
    pub(super) touched: Touched,
    /// The runs that were made since, the newest first.
    pub(super) later: Vec<RunRecord>,
    /// The ledger knows all of them.
    pub(super) all_known: bool,
    /// The tables that come back alone.
    pub(super) alone: Option<BTreeSet<String>>,
    /// All comes back, whoever wrote to it.
    pub(super) all: bool,
}

/// Both sides, and what a look at them has cost.
pub(super) struct Sides {
    then: Inventory,
    now: Inventory,
    differ: BTreeSet<String>,
    /// Rows that were seen to be the same, and how long that took.
    pub(super) same: (u64, Duration),
}

impl Operations<'_> {
    /// Fills in what a look at the database shows.
    pub(super) async fn look_at(
        &self,
        preview: &mut RestorePreview,
        wanted: &mut Wanted,
        ledger: &mut Ledger,
    ) -> Result<()> {
        let older = Moment::Snapshot(wanted.snapshot.name.clone());
        let mut moments = self.engine.moments().await?;
        let looked = self.look(&mut *moments, wanted, &older).await;
        let (sides, plan) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                let damage = self.damage_of(&mut *moments, &wanted.snapshot, &older).await;
                moments.close().await;
                return Err(damage.unwrap_or(error));
            }
        };
        if wanted.all {
            let both = sides.then.objects.iter().chain(&sides.now.objects);
            wanted.touched.tables = both.map(|object| object.name.clone()).collect();
            wanted.touched.unknown = false;
        }
        let wanted = &*wanted;
        preview.undecided.clone_from(&plan.undecided);
        preview.changes = self.changes(&sides, &plan);
        preview.objects = objects(&sides, &plan, wanted);
        let windows = self.windows(wanted, ledger).await;
        let writes = match windows {
            Ok(windows) => {
                let tables = preview.changes.iter().filter(|table| table.fate != Fate::Stays);
                let tables: Vec<&str> = tables.map(|table| table.name.as_str()).collect();
                self.writes(&mut *moments, wanted, &sides, windows.as_deref(), &tables).await
            }
            Err(error) => Err(error),
        };
        moments.close().await;
        (preview.told_apart, preview.writes) = writes?;
        let stays = |fate: Fate| fate == Fate::Stays;
        preview.nothing_to_do = preview.undecided.is_none()
            && preview.changes.iter().all(|table| stays(table.fate))
            && preview.objects.iter().all(|object| stays(object.fate));
        if !preview.nothing_to_do {
            preview.takes = self.takes(wanted, &sides, preview, ledger).await?;
        }
        Ok(())
    }

    /// What is wrong with a snapshot that could not be looked at, where it is that.
    async fn damage_of(
        &self,
        moments: &mut dyn Moments,
        snapshot: &SnapshotRecord,
        older: &Moment,
    ) -> Option<Error> {
        let (name, known) = (&snapshot.name, &snapshot.inventory);
        if known.objects.is_empty() {
            return None;
        }
        let found = moments.inventory(older).await.ok()?;
        let damage = same_inventory(known, &found, self.engine(), None).err()?;
        Some(say::snapshot_bad_by_hand(name, damage).true_now("nothing was touched"))
    }

    /// Both sides, and the plan that the restore would make.
    async fn look(
        &self,
        moments: &mut dyn Moments,
        wanted: &Wanted,
        older: &Moment,
    ) -> Result<(Sides, RestorePlan)> {
        let snapshot = &wanted.snapshot;
        if !moments.can_read(older).await? {
            return Err(say::no_snapshot(&snapshot.name, &self.engine.snapshots().await?));
        }
        let then = if snapshot.inventory.objects.is_empty() {
            moments.inventory(older).await?
        } else {
            snapshot.inventory.clone()
        };
        let mut sides = Sides {
            then,
            now: moments.inventory(&Moment::Now).await?,
            differ: BTreeSet::new(),
            same: (0, Duration::ZERO),
        };
        if let Some(tables) = &wanted.alone {
            (sides.then, sides.now) = (sides.then.narrowed(tables), sides.now.narrowed(tables));
        }
        self.find_differing(moments, wanted, older, &mut sides).await?;
        let plan = self.plan_of(moments, wanted, &sides);
        Ok((sides, plan))
    }

    async fn find_differing(
        &self,
        moments: &mut dyn Moments,
        wanted: &Wanted,
        older: &Moment,
        sides: &mut Sides,
    ) -> Result<()> {
        let touched = &wanted.touched;
        let all = touched.unknown
            || self.settings.foreign_writes != ForeignWrites::Keep
            || self.settings.restore_method == RestoreMethod::Database
            || sides.then.tables().count() <= LOOKED_THROUGH;
        let named = |name: &str| touched.tables.iter().any(|t| t.eq_ignore_ascii_case(name));
        let progress = Progress::of(Phase::Check, &self.settings.observer);
        let total: u64 = sides.then.tables().filter_map(|table| table.rows).sum();
        let mut done = 0;
        for table in sides.then.objects.iter().filter(|object| object.kind.has_rows()) {
            let found = sides.now.find(table.kind, &table.name);
            let history = table.name == self.settings.history_table;
            if history || found.is_none_or(|found| found.sql != table.sql) {
                continue;
            }
            if all || named(&table.name) {
                let began = Instant::now();
                let (both, progress) = ([older, &Moment::Now], progress.within(done, total));
                let found = moments.differs(table, both, &progress).await?;
                let rows = table.rows.unwrap_or(0);
                progress.tell(Counted::Rows, rows, None);
                done += rows;
                sides.same.0 += found.same;
                sides.same.1 += began.elapsed();
                if found.differs {
                    sides.differ.insert(table.name.clone());
                }
            }
        }
        Ok(())
    }

    fn plan_of(&self, moments: &dyn Moments, wanted: &Wanted, sides: &Sides) -> RestorePlan {
        let (then, now) =
            (sides.then.clone().without_afterwards(), sides.now.clone().without_afterwards());
        let mut touched = wanted.touched.clone();
        if wanted.alone.is_none() {
            touched.tables.insert(self.settings.history_table.clone());
        }
        // Whose a table's rows are matters where it is not known what the runs wrote to. What differs
        // and can be compared at all is others' then, for a restore by hand has no statements.
        let mut theirs = None;
        if touched.unknown && moments.has_a_past() {
            theirs = Some(sides.differ.clone());
        }
        let plan = restore_plan(&Situation {
            then: &then,
            now: &now,
            rows_differ: &sides.differ,
            touched: &touched,
            foreign: true,
            foreign_tables: theirs.as_ref(),
            policy: self.settings.foreign_writes,
        });
        let whole = self.settings.restore_method == RestoreMethod::Database;
        if whole && wanted.alone.is_none() { plan.of_the_whole(&then, &now) } else { plan }
    }

    /// The tables of the plan that differ, by their names.
    fn changes(&self, sides: &Sides, plan: &RestorePlan) -> Vec<RestoredTable> {
        let whole = plan.steps == [Step::Whole];
        let names: BTreeSet<&String> =
            sides.then.tables().chain(sides.now.tables()).map(|table| &table.name).collect();
        let mut found = Vec::new();
        for name in names.into_iter().filter(|name| **name != self.settings.history_table) {
            let was = sides.then.find(ObjectKind::Table, name);
            let is = sides.now.find(ObjectKind::Table, name);
            let same = was.zip(is).is_some_and(|(was, is)| was.sql == is.sql);
            let differs = !same || sides.differ.contains(name);
            let fate = match (was, is) {
                _ if !differs => continue,
                _ if !whole && plan.kept.contains(name) => Fate::Stays,
                (Some(_), None) => Fate::Returns,
                (None, Some(_)) => Fate::Goes,
                _ if same => Fate::ComesBack,
                _ => Fate::Remade,
            };
            let only = |one: Option<&Object>, other: Option<&Object>| -> Vec<String> {
                let Some((one, other)) = one.zip(other) else { return Vec::new() };
                diff::only(one, other)
            };
            found.push(RestoredTable {
                name: name.clone(),
                fate,
                rows_now: is.and_then(|is| is.rows),
                rows_then: was.and_then(|was| was.rows),
                columns_lost: only(is, was),
                columns_back: only(was, is),
            });
        }
        found
    }

    /// When the runs' own statements were at work; none where that can't be told of one of them.
    async fn windows(
        &self,
        wanted: &Wanted,
        ledger: &mut Ledger,
    ) -> Result<Option<Vec<StatementWindow>>> {
        if !wanted.all_known || wanted.touched.unknown {
            return Ok(None);
        }
        let mut all = Vec::new();
        for run in &wanted.later {
            // One that was put back has written by its restore as well.
            if run.outcome != Some(Outcome::Applied) {
                return Ok(None);
            }
            let windows = ledger.windows(&run.id).await?;
            if windows.is_empty() {
                return Ok(None);
            }
            all.extend(windows);
        }
        all.sort_by_key(|window| window.began);
        Ok(Some(all))
    }

    /// What was written since the snapshot, to these tables; and whether it is told whose it is.
    async fn writes(
        &self,
        moments: &mut dyn Moments,
        wanted: &Wanted,
        sides: &Sides,
        windows: Option<&[StatementWindow]>,
        tables: &[&str],
    ) -> Result<(bool, Vec<TableDifference>)> {
        let (older, newer) = (Moment::Snapshot(wanted.snapshot.name.clone()), Moment::Now);
        let began = windows.and_then(|windows| windows.first()).map(|window| window.began);
        // Where no run has written since, all of it is others'.
        let readable = match began {
            Some(began) => moments.has_a_past() && moments.can_read(&Moment::At(began)).await?,
            None => true,
        };
        let told = windows.filter(|_| readable);
        let mut found = Vec::new();
        if let Some(windows) = told.filter(|windows| !windows.is_empty()) {
            let all = self.told_apart(moments, &wanted.touched, windows, [&older, &newer]).await?;
            found.extend(all.into_iter().filter(|table| tables.contains(&table.name.as_str())));
        } else {
            for name in tables {
                let both = [&sides.then, &sides.now];
                let mut table = diff::table_of(moments, name, both, [&older, &newer]).await?;
                if told.is_some() {
                    table.whose = Whose::Others;
                }
                found.push(table);
            }
        }
        found.retain(|table| !table.is_empty());
        for table in &mut found {
            table.rows.clear();
        }
        Ok((told.is_some(), found))
    }
}

/// What becomes of views, indexes, sequences and the like.
fn objects(sides: &Sides, plan: &RestorePlan, wanted: &Wanted) -> Vec<RestoredObject> {
    let touched = &wanted.touched;
    let kinds = |inventory: &Inventory, kind: &str, name: &str| -> Option<Object> {
        let mut all = inventory.objects.iter();
        all.find(|object| object.name == name && object.kind.words() == kind).cloned()
    };
    let stays = |kind: &str, name: &str| {
        if plan.kept.iter().any(|kept| kept == name) {
            return true;
        }
        let object = kinds(&sides.then, kind, name).or_else(|| kinds(&sides.now, kind, name));
        object.is_some_and(|object| {
            let named = |table: &String| {
                table.eq_ignore_ascii_case(&object.name)
                    || table.eq_ignore_ascii_case(&object.table)
            };
            object.kind.is_put_back_afterwards()
                && !touched.unknown
                && !touched.tables.iter().any(named)
        })
    };
    let differing = diff::objects(&sides.then, &sides.now).into_iter();
    let told = differing.map(|object| {
        let fate = match object.change {
            _ if stays(&object.kind, &object.name) => Fate::Stays,
            Change::Added => Fate::Goes,
            Change::Removed => Fate::Returns,
            Change::Changed => Fate::Remade,
        };
        RestoredObject { kind: object.kind, name: object.name, fate }
    });
    told.collect()
}
