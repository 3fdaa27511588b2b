//! Snapshots made, listed, pinned and removed by hand.

use std::collections::HashSet;

use serde::Serialize;

use super::Operations;
use crate::engine::{Counts, Inventory, Role, SnapshotFacts, inventory_of_snapshot};
use crate::error::{Code, Error, Result, say};
use crate::fault::{self, Transition};
use crate::ledger::{Ledger, SnapshotRecord};
use crate::migration::Version;
use crate::observer::{Event, Phase, Progress};
use crate::report::Report;
use crate::report::text::count;
use crate::snapshot::{self, Deletable, SnapshotOf, deletable, is_ours, prunable};
use crate::{guard, time};

/// What the runs of verifications by hand begin with: nobody else's clones may be removed.
const VERIFICATION: &str = "verify_";

/// A snapshot as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotLine {
    /// Its name.
    pub name: String,
    /// What it is for; none when mo-migrate did not make it.
    pub purpose: Option<String>,
    /// What it is of: `database`, `table` or `account`.
    pub level: String,
    /// The table, where it is of one.
    pub table: Option<String>,
    /// The database.
    pub database: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// Who made it.
    pub created_by: Option<String>,
    /// The version that the database had.
    pub version_before: Option<i64>,
    /// The version that the run was to reach.
    pub version_target: Option<i64>,
    /// When it may be deleted.
    pub delete_after: Option<String>,
    /// It is pinned.
    pub pinned: bool,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// The run that made it.
    pub run: Option<String>,
    /// The ledger knows it, and it is gone.
    pub gone: bool,
}

/// A table of a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotTable {
    /// Its name.
    pub name: String,
    /// Its rows, where they were counted.
    pub rows: Option<u64>,
}

/// What a schedule did at one of its times.
#[derive(Clone, Debug, Serialize)]
pub struct Scheduled {
    /// The snapshot that was made.
    pub made: SnapshotLine,
    /// Those that were over their time.
    pub deleted: Vec<SnapshotLine>,
}

impl Operations<'_> {
    /// Makes a snapshot, reads it back, and writes down what it is for.
    pub(crate) async fn snapshot_create(
        &self,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<SnapshotLine> {
        if is_ours(purpose) {
            return Err(say::no_purpose(purpose));
        }
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        let _lock = self.lock().await?;
        let history = self.history(Role::Start).await?;
        // Who went back to it would have half of a run, and a marker that nobody takes away.
        if history.as_ref().is_some_and(|history| !history.is_settled()) {
            return Err(say::open_run_first());
        }
        let version = history.and_then(|history| history.latest(&self.settings.set));
        let record = self.snapshot_written_down(purpose, of, version).await?;
        Ok(self.known(&record, false))
    }

    /// Makes one that the ledger knows; the caller has the lock.
    pub(super) async fn snapshot_written_down(
        &self,
        purpose: &str,
        of: &SnapshotOf,
        version: Option<Version>,
    ) -> Result<SnapshotRecord> {
        let mut ledger = Ledger::open(self.engine()).await?;
        let name = snapshot::name(purpose, None, time::now_ms());
        let made = self.snapshot_under_lock(&mut ledger, name, purpose, of, version).await;
        ledger.close().await;
        made
    }

    /// The same under this name, in a ledger that is open.
    pub(super) async fn snapshot_under_lock(
        &self,
        ledger: &mut Ledger,
        name: String,
        purpose: &str,
        of: &SnapshotOf,
        version: Option<Version>,
    ) -> Result<SnapshotRecord> {
        let mut record = SnapshotRecord::begun(name, purpose, version);
        // Before it is made: one that no ledger knows would never be deleted.
        ledger.add_snapshot(&record).await?;
        fault::before(Transition::Snapshot)?;
        let made = self.make_snapshot(&mut record, of).await;
        fault::after(Transition::Snapshot)?;
        if let Err(error) = made {
            self.undo_snapshot(ledger, &record.name).await?;
            return Err(error);
        }
        ledger.complete_snapshot(&record).await?;
        Ok(record)
    }

    /// Removes one that is of no use; the ledger keeps what can't be removed now, and `prune` finds it.
    pub(super) async fn undo_snapshot(&self, ledger: &mut Ledger, name: &str) -> Result<()> {
        if self.engine.delete_snapshot(name).await.is_ok() {
            ledger.forget_snapshot(name).await?;
        }
        Ok(())
    }

    /// Makes it, and reads it back.
    pub(super) async fn make_snapshot(
        &self,
        record: &mut SnapshotRecord,
        of: &SnapshotOf,
    ) -> Result<()> {
        let (name, conduct) = (&record.name, (&self.settings).into());
        let progress = Progress::of(Phase::Snapshot, &self.settings.observer);
        let facts = self.engine.create_snapshot(name, of, conduct, progress).await?;
        if let (SnapshotOf::Table(table), None) = (of, &facts.table) {
            self.settings.observer.event(&Event::Note(say::table_with_all(table, name)));
        }
        let inventory = inventory_of_snapshot(self.engine(), name, Counts::With).await?;
        record.inventory = match facts.table {
            Some(table) => inventory.narrowed(&[table].into()),
            None => inventory,
        };
        (record.level, record.created_at, record.bytes) =
            (facts.level, facts.created_at, facts.bytes);
        record.delete_after = Some(self.settings.keep.until(&record.purpose, facts.created_at));
        Ok(())
    }

    /// All snapshots: those that the ledger knows, and those that others made.
    pub(crate) async fn snapshot_list(&self) -> Result<Vec<SnapshotLine>> {
        let there = self.engine.snapshots().await?;
        let known = match Ledger::read(self.engine()).await? {
            Some(mut ledger) => {
                let known = ledger.snapshots().await;
                ledger.close().await;
                known?
            }
            None => Vec::new(),
        };
        let is_there = |name: &str| there.iter().any(|facts| facts.name == name);
        let mut lines: Vec<_> =
            known.iter().map(|record| self.known(record, !is_there(&record.name))).collect();
        let foreign =
            there.iter().filter(|facts| known.iter().all(|record| record.name != facts.name));
        lines.extend(foreign.map(|facts| self.foreign(facts)));
        Ok(lines)
    }

    /// One snapshot.
    pub(crate) async fn snapshot_show(&self, name: &str) -> Result<SnapshotLine> {
        let all = self.snapshot_list().await?;
        if let Some(found) = all.iter().find(|line| line.name == name) {
            return Ok(found.clone());
        }
        if let Some(mut ledger) = Ledger::read(self.engine()).await? {
            let runs = ledger.runs().await;
            ledger.close().await;
            if let Some(run) = runs?.iter().find(|run| run.id == name) {
                return Err(say::a_run_is_no_snapshot(run));
            }
        }
        Err(say::no_snapshot_named(name, all.iter().map(|line| line.name.as_str())))
    }

    /// The tables of a snapshot with their rows; none where the ledger does not know it, or it can't be read.
    pub(crate) async fn snapshot_tables(&self, name: &str) -> Result<Option<Vec<SnapshotTable>>> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(None) };
        let known = ledger.snapshot(name).await;
        ledger.close().await;
        let Some(mut inventory) = known?.map(|known| known.inventory) else { return Ok(None) };
        if inventory.objects.is_empty() {
            // A failed state is not read when it is made; and one that is gone can't be read.
            let found = inventory_of_snapshot(self.engine(), name, Counts::With).await;
            let Ok(found) = found else { return Ok(None) };
            inventory = found;
        }
        let history = &self.settings.history_table;
        let tables = inventory.tables().filter(|table| table.name != *history);
        let lines =
            tables.map(|table| SnapshotTable { name: table.name.clone(), rows: table.rows });
        Ok(Some(lines.collect()))
    }

    /// Clones a snapshot, tests the clone, and drops it; gives what it holds, in words.
    pub(crate) async fn snapshot_verify(&self, name: &str) -> Result<String> {
        if self.snapshot_show(name).await?.gone {
            return Err(say::snapshot_gone(name));
        }
        let _lock = self.lock().await?;
        self.snapshot_tested(name).await
    }

    /// The same; the caller has the lock.
    pub(super) async fn snapshot_tested(&self, name: &str) -> Result<String> {
        // Of a verification that died, for this one has the lock.
        for (_, run) in self.engine.clones().await? {
            if run.starts_with(VERIFICATION) {
                self.engine.drop_clone(&run).await?;
            }
        }
        let run = format!("{VERIFICATION}{}", time::compact(time::now_ms()));
        let known = match Ledger::read(self.engine()).await? {
            Some(mut ledger) => {
                let known = ledger.snapshot(name).await;
                ledger.close().await;
                known?.map(|known| known.inventory).filter(|known| !known.objects.is_empty())
            }
            None => None,
        };
        let base = known.clone().unwrap_or_default();
        fault::before(Transition::Clone)?;
        // What can't be read is the snapshot's own damage.
        let named = |error: Error| match error.code() {
            Code::Database | Code::Connect if !error.is_lost() => {
                say::snapshot_bad_by_hand(name, error)
            }
            _ => error,
        };
        let cloned = self.engine.clone_snapshot(name, &run, None, &base).await;
        let mut clone = match cloned {
            Ok(clone) => clone,
            Err(error) => {
                // The next one removes what can't be removed now.
                let _ = self.engine.drop_clone(&run).await;
                return Err(named(error));
            }
        };
        fault::after(Transition::Clone)?;
        let damage = self.engine.damage(&mut *clone.connection).await;
        let found =
            self.engine.inventory(&mut *clone.connection, Counts::With, &Inventory::NOTHING).await;
        clone.connection.close().await;
        fault::before(Transition::CloneRemoved)?;
        self.engine.drop_clone(&run).await?;
        fault::after(Transition::CloneRemoved)?;
        let (damage, found) = (damage.map_err(named)?, found.map_err(named)?);
        if let Some(first) = damage.first() {
            return Err(say::snapshot_bad_by_hand(name, say::damaged(first)));
        }
        if let Some(known) = known {
            crate::guard::same_inventory(&known, &found, self.engine(), clone.only.as_deref())
                .map_err(|e| say::snapshot_bad_by_hand(name, e))?;
        }
        let rows: u64 = found.tables().filter_map(|table| table.rows).sum();
        let tables = u64::try_from(found.tables().count()).unwrap_or(u64::MAX);
        Ok(format!("{}, {}", count(tables, "table"), count(rows, "row")))
    }

    /// Pins a snapshot, or lets it go.
    pub(crate) async fn snapshot_pin(&self, name: &str, pinned: bool) -> Result<SnapshotLine> {
        if self.snapshot_show(name).await?.purpose.is_none() {
            return Err(say::not_ours(name));
        }
        let mut ledger = Ledger::open(self.engine()).await?;
        let Some(record) = ledger.snapshot(name).await? else { return Err(say::not_ours(name)) };
        ledger.retain(name, record.delete_after, pinned).await?;
        ledger.close().await;
        let line = self.snapshot_show(name).await?;
        if line.pinned && !pinned { Err(say::held_by_upgrade(name)) } else { Ok(line) }
    }

    /// Deletes one snapshot of ours, unless it is needed.
    pub(crate) async fn snapshot_delete(&self, name: &str) -> Result<()> {
        let _lock = self.lock().await?;
        self.snapshot_delete_preview(name).await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        self.snapshot_removed(&mut ledger, name).await?;
        ledger.close().await;
        Ok(())
    }

    /// The one that would be deleted.
    pub(crate) async fn snapshot_delete_preview(&self, name: &str) -> Result<SnapshotLine> {
        let line = self.snapshot_show(name).await?;
        if line.purpose.is_none() {
            return Err(say::not_ours(name));
        }
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(line) };
        let (record, runs) = (ledger.snapshot(name).await?, ledger.runs().await?);
        ledger.close().await;
        match record.map(|record| deletable(&record, &runs, time::now_ms())) {
            Some(Deletable::WayBack) => Err(say::way_back_needed(name)),
            Some(Deletable::Pinned) => Err(say::pinned(name)),
            Some(Deletable::Yes | Deletable::NotYet) | None => Ok(line),
        }
    }

    /// Removes it, and then what the ledger says of it: one that no ledger knows would stay for ever.
    pub(super) async fn snapshot_removed(&self, ledger: &mut Ledger, name: &str) -> Result<()> {
        fault::before(Transition::SnapshotRemoved)?;
        self.engine.delete_snapshot(name).await?;
        fault::after(Transition::SnapshotRemoved)?;
        ledger.forget_snapshot(name).await
    }

    /// What `prune` would delete: all that is over its time, or what is for this alone.
    pub(crate) async fn prune_preview(&self, purpose: Option<&str>) -> Result<Vec<SnapshotLine>> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(Vec::new()) };
        let (snapshots, runs) = (ledger.snapshots().await?, ledger.runs().await?);
        ledger.close().await;
        let there = self.engine.snapshots().await?;
        let there: HashSet<&str> = there.iter().map(|facts| facts.name.as_str()).collect();
        let over = prunable(&snapshots, &runs, &there, time::now_ms());
        let wanted = over
            .into_iter()
            .filter(|record| purpose.is_none_or(|purpose| record.purpose == purpose));
        Ok(wanted.map(|record| self.known(record, !there.contains(record.name.as_str()))).collect())
    }

    /// Deletes what is over its time and not needed.
    pub(crate) async fn prune(&self, purpose: Option<&str>) -> Result<Vec<SnapshotLine>> {
        let _lock = self.lock().await?;
        let gone = self.prune_preview(purpose).await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        for line in &gone {
            self.snapshot_removed(&mut ledger, &line.name).await?;
        }
        ledger.close().await;
        Ok(gone)
    }

    /// Whether there is what a snapshot would be of.
    pub(crate) async fn snapshot_could_be(&self, of: &SnapshotOf) -> Result<()> {
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        self.engine.has_snapshots_of(of)
    }

    /// A snapshot of a schedule: makes one, and deletes those for the same that are over their time. Who
    /// wants to know is told when that fails.
    pub(crate) async fn snapshot_scheduled(
        &self,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<Scheduled> {
        let done = match self.snapshot_create(purpose, of).await {
            Ok(made) => match self.prune(Some(purpose)).await {
                Ok(deleted) => Ok(Scheduled { made, deleted }),
                Err(error) => Err(say::not_pruned(&made.name, error)),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = &done
            && error.code() != Code::Interrupted
        {
            let engine = self.engine();
            let report = Report::new(&self.settings.set, engine.name(), engine.database());
            guard::tell_schedule(&self.settings, report, error).await;
        }
        done
    }

    fn known(&self, record: &SnapshotRecord, gone: bool) -> SnapshotLine {
        SnapshotLine {
            name: record.name.clone(),
            purpose: Some(record.purpose.clone()),
            level: record.level.clone(),
            table: record.table().map(ToOwned::to_owned),
            database: self.engine.database().to_owned(),
            created_at: time::rfc3339(record.created_at),
            created_by: Some(record.created_by.clone()),
            version_before: record.version_before,
            version_target: record.version_target,
            delete_after: record.delete_after.map(time::rfc3339),
            pinned: record.pinned,
            bytes: record.bytes,
            run: record.run.clone(),
            gone,
        }
    }

    fn foreign(&self, facts: &SnapshotFacts) -> SnapshotLine {
        SnapshotLine {
            name: facts.name.clone(),
            purpose: None,
            level: facts.level.clone(),
            table: facts.table.clone(),
            database: self.engine.database().to_owned(),
            created_at: time::rfc3339(facts.created_at),
            created_by: None,
            version_before: None,
            version_target: None,
            delete_after: None,
            pinned: false,
            bytes: facts.bytes,
            run: None,
            gone: false,
        }
    }
}
