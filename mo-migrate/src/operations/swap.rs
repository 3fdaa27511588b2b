//! `restore --from-clone`: the database becomes what a clone of it is, by the restore that goes back to
//! a snapshot; here is what comes before it.
//!
//! Invariants:
//! 1. what is shown is what comes back: the clone is taken over into a snapshot first, whatever is
//!    written to it afterwards;
//! 2. the clone stays as it is.

use serde::Serialize;

use super::Operations;
use super::clones::{RESTORE, named};
use crate::engine::{Moment, Moments, Object, ObjectKind, Role, RowChange, RowDifferences};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::history::History;
use crate::ledger::{CloneRecord, CloneState, Ledger, SnapshotRecord};
use crate::migration::Version;
use crate::report::text::count;
use crate::snapshot::{self, FROM_CLONE};
use crate::time;

/// What becomes of the database when it becomes what a clone of it is.
#[derive(Clone, Debug, Serialize)]
pub struct CloneSwap {
    /// The clone's database.
    pub database: String,
    /// The snapshot in which the clone is as it is now: what comes back.
    pub snapshot: String,
    /// What the clone was made from.
    pub made_from: String,
    /// The version that the database has now.
    pub version_now: Option<Version>,
    /// The version that it has afterwards.
    pub version: Option<Version>,
    /// In what the clone differs from what it was made from; none where that is gone.
    pub tested: Option<Vec<SwapChange>>,
    /// What changes in the database.
    pub changes: Vec<SwapChange>,
}

/// What changes of a table or another object.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SwapChange {
    /// Its name.
    pub name: String,
    /// What changes, in words.
    pub what: String,
}

impl Operations<'_> {
    /// Takes a clone over into a snapshot, and says what a restore from it would change.
    pub(crate) async fn swap_prepare(&self, database: &str) -> Result<CloneSwap> {
        let _lock = self.lock().await?;
        let history = self.history(Role::Start).await?;
        if history.as_ref().is_some_and(|history| !history.is_settled()) {
            return Err(say::open_run_first());
        }
        let mut ledger = Ledger::open(self.engine()).await?;
        let prepared = Box::pin(self.take_over(&mut ledger, database, history.as_ref())).await;
        ledger.close().await;
        prepared
    }

    async fn take_over(
        &self,
        ledger: &mut Ledger,
        database: &str,
        history: Option<&History>,
    ) -> Result<CloneSwap> {
        let clone = named(ledger.clones().await?, database)?;
        if clone.purpose != RESTORE {
            return Err(say::clone_is_no_way_back(&clone));
        }
        let version = self.settled_version(&clone).await?;
        self.prune_own_snapshots(ledger).await?;
        let name = snapshot::name(FROM_CLONE, version, time::now_ms());
        let purpose = format!("{FROM_CLONE} {}", clone.database);
        let mut record = SnapshotRecord::begun(name, &purpose, version);
        ledger.add_snapshot(&record).await?;
        fault::before(Transition::Snapshot)?;
        let conduct = (&self.settings).into();
        let taken = self.engine.snapshot_of_clone(&clone.database, &record.name, conduct).await;
        fault::after(Transition::Snapshot)?;
        let shown = async {
            let (facts, inventory) = taken?;
            (record.level, record.bytes) = (facts.level, facts.bytes);
            record.inventory = inventory;
            ledger.complete_snapshot(&record).await?;
            // One may have begun after the clone was looked at.
            if self.history_then(&record.name).await?.is_some_and(|then| !then.is_settled()) {
                let address = self.engine.beside(&clone.database)?.address();
                return Err(say::clone_has_an_open_run(&clone, &address));
            }
            self.swap_changes(ledger, &clone, &record).await
        };
        let shown = shown.await;
        if shown.is_err() {
            self.undo_snapshot(ledger, &record.name).await?;
        }
        let (tested, changes) = shown?;
        Ok(CloneSwap {
            database: clone.database,
            snapshot: record.name,
            made_from: clone.from,
            version_now: history.and_then(|history| history.latest(&self.settings.set)),
            version,
            tested,
            changes,
        })
    }

    /// The version of a clone that is whole, and in which no run is open.
    async fn settled_version(&self, clone: &CloneRecord) -> Result<Option<Version>> {
        let engine = self.engine.beside(&clone.database)?;
        if clone.state != CloneState::Ready || !engine.exists().await? {
            return Err(say::clone_is_no_way_back(clone));
        }
        let mut read = engine.connect(Role::Read).await?;
        let history = History::read(&mut *read, &self.settings.history_table).await;
        read.close().await;
        let history = history?;
        if history.as_ref().is_some_and(|history| !history.is_settled()) {
            return Err(say::clone_has_an_open_run(clone, &engine.address()));
        }
        Ok(history.and_then(|history| history.latest(&self.settings.set)))
    }

    /// What testing changed in the clone, and what the restore changes here.
    async fn swap_changes(
        &self,
        ledger: &mut Ledger,
        clone: &CloneRecord,
        taken: &SnapshotRecord,
    ) -> Result<(Option<Vec<SwapChange>>, Vec<SwapChange>)> {
        let new = Moment::Snapshot(taken.name.clone());
        let old = Moment::Snapshot(clone.from.clone());
        let known = ledger.snapshot(&clone.from).await?.is_some();
        let mut moments = self.engine.moments().await?;
        let found = async {
            let tested = if known && moments.can_read(&old).await? {
                Some(self.between(&mut *moments, &old, &new).await?)
            } else {
                None
            };
            Ok((tested, self.between(&mut *moments, &Moment::Now, &new).await?))
        };
        let found = found.await;
        moments.close().await;
        found
    }

    async fn between(
        &self,
        moments: &mut dyn Moments,
        older: &Moment,
        newer: &Moment,
    ) -> Result<Vec<SwapChange>> {
        let (then, now) = (moments.inventory(older).await?, moments.inventory(newer).await?);
        let ours = |name: &str| *name == self.settings.history_table || name.starts_with("sqlite_");
        let mut found = Vec::new();
        for (object, [before, after]) in then.definitions_that_differ(&now) {
            let kind = object.kind;
            // How a view is written in a clone is the server's doing.
            let same_view = kind == ObjectKind::View && before.is_some() && after.is_some();
            if kind.is_put_back_afterwards()
                || same_view
                || ours(&object.name)
                || ours(&object.table)
            {
                continue;
            }
            let what = match (before, after) {
                (None, _) => "is new",
                (_, None) => "is not there any more",
                _ => "has another definition",
            };
            found.push(change(object, what));
        }
        for table in then.tables().filter(|table| !ours(&table.name)) {
            if now.find(table.kind, &table.name).is_none() {
                continue;
            }
            if let Some(rows) = moments.rows(&table.name, older, newer).await?
                && let Some(what) = in_words(&rows)
            {
                found.push(change(table, &what));
            }
        }
        Ok(found)
    }
}

fn change(object: &Object, what: &str) -> SwapChange {
    let kind = if object.kind == ObjectKind::Table {
        String::new()
    } else {
        format!("{} ", object.kind.words())
    };
    SwapChange { name: format!("{kind}{}", object.name), what: what.to_owned() }
}

/// The rows that differ, in words; none when none does.
fn in_words(rows: &RowDifferences) -> Option<String> {
    let of = |number: usize| count(u64::try_from(number).unwrap_or(u64::MAX), "row");
    match rows {
        RowDifferences::Listed(rows) if rows.is_empty() => None,
        RowDifferences::Listed(rows) => {
            let mut words = Vec::new();
            for (what, number) in [
                ("more", rows.iter().filter(|row| matches!(row, RowChange::Added(_))).count()),
                ("gone", rows.iter().filter(|row| matches!(row, RowChange::Removed(_))).count()),
                (
                    "changed",
                    rows.iter().filter(|row| matches!(row, RowChange::Changed(..))).count(),
                ),
            ] {
                if number > 0 {
                    words.push(format!("{} {what}", of(number)));
                }
            }
            Some(words.join(", "))
        }
        RowDifferences::Counted(Some(0)) => None,
        RowDifferences::Counted(Some(number)) => Some(format!("{number} rows differ")),
        RowDifferences::Counted(None) => Some("many rows differ".to_owned()),
    }
}
