//! The guard: snapshot, run, judge, and keep or put back.
//!
//! The phases of a run stand in [`go`](Run::go), one after the other, and the ways back in
//! [`way_back`](Run::way_back).
//!
//! Invariants:
//! 1. a phase is in the ledger before it begins;
//! 2. the marker is written after the snapshot and before the first change, and removed in the
//!    transaction that makes the run final;
//! 3. a run ends in one outcome, and "rolled back" and "restored" are said only when they are true.

mod apply;
pub(crate) mod around;
mod committed;
mod failed_state;
mod foreign;
mod hooks;
pub(crate) mod job;
mod judge;
pub(crate) mod preflight;
mod proof;
mod recovery;
mod rehearse;
mod restore;
mod restore_plan;
mod run;
mod single_tables;
mod verify;

use std::collections::HashMap;

pub(crate) use foreign::windows;
pub(crate) use hooks::{announce, tell_person, tell_schedule};
pub(crate) use recovery::{Found, Recovery, decide, explained, recover};
pub(crate) use restore::LOOKED_THROUGH;
pub(crate) use restore_plan::{RestorePlan, Situation, restore_plan};
pub(crate) use run::{Run, Stage, record_of};
pub(crate) use verify::same_inventory;

use self::committed::Marked;
use self::job::{Direction, Job, Judge};
use crate::engine::{Counts, Inventory, SnapshotFacts};
use crate::error::{Code, Error, Result, say};
use crate::fault::{self, Transition};
use crate::history::{HistoryWriter, Marker};
use crate::ledger::SnapshotRecord;
use crate::observer::{Event, Phase};
use crate::report::{MigrationReport, MigrationState, Outcome, Report};
use crate::settings::{Stop, Verify};
use crate::validate::When;
use crate::value::Row;
use crate::{snapshot, time};

impl Run<'_> {
    /// Runs the job to its end, whichever that is.
    pub(crate) async fn execute(mut self, job: &Job<'_>) -> Result<Report> {
        self.report.migrations = job.steps.iter().map(pending_line).collect();
        self.begin(Some((Phase::Preflight, ""))).await?;
        let done = Box::pin(self.go(job)).await;
        let ended = match done.map_err(|failure| job.failed(failure)) {
            Ok(()) => Ok(Outcome::Applied),
            // It is final in the database; the next command that opens the ledger closes it.
            Err(failure) if self.stage == Stage::Kept => {
                self.unfinished = true;
                self.tell(&Event::Note(say::kept_but_failed(&failure)));
                Ok(Outcome::Applied)
            }
            Err(failure) => {
                let undone = Box::pin(self.way_back(job, failure)).await;
                Err(self.not_all_undone(undone).await)
            }
        };
        self.finish(ended).await
    }

    /// The phases, in their order.
    async fn go(&mut self, job: &Job<'_>) -> Result<()> {
        self.preflight(job).await?;
        self.snapshot(job).await?;
        self.rehearse(job).await?;
        self.mark(job).await?;
        match &job.around {
            Some(around) => self.around(around).await?,
            None => self.apply(job).await?,
        }
        self.leave(self.applied_words());

        self.enter(Phase::Validate, "").await?;
        self.judge(job, When::Before).await?;
        self.foreign_keys_hold(job).await?;
        self.leave("");

        self.commit(job).await?;

        if job.checks.iter().any(|(_, check)| check.when == When::After) {
            self.enter(Phase::ValidateAfter, "").await?;
            self.judge(job, When::After).await?;
            self.leave("");
        }
        self.keep().await
    }

    /// What undoes a failure depends on how far the run had come.
    async fn way_back(&mut self, job: &Job<'_>, failure: Error) -> Error {
        if let Some(taken) = self.taken_over().await {
            self.unfinished = true;
            return say::run_taken_over(taken, &failure);
        }
        if matches!(self.stage, Stage::Committed | Stage::Unknown) {
            self.tell_failed(&failure).await;
        }
        if failure.code() == Code::StillRunning {
            self.unfinished = true;
            return failure;
        }
        self.report.to = self.report.from;
        for line in &mut self.report.migrations {
            if matches!(line.state, MigrationState::Applied | MigrationState::Reverted) {
                line.state = MigrationState::Undone;
            }
        }
        match self.stage {
            // A run that is kept has no way back; and nothing is restored before this is called.
            Stage::Kept | Stage::Restored => failure,
            Stage::Unknown => {
                self.unfinished = true;
                say::commit_unknown(failure)
            }
            Stage::Untouched => {
                self.close_work().await;
                self.clean_up(failure).await.ended_refused()
            }
            Stage::InTransaction => {
                self.close_work().await;
                self.tell_failed(&failure).await;
                let failure = self.clean_up(failure).await;
                say::rolled_back(failure)
            }
            Stage::Committed if self.record.snapshot.is_none() => {
                self.close_work().await;
                say::half_applied(failure, &self.record.id)
            }
            Stage::Committed => {
                let checks = job.checks_at(When::Snapshot);
                // An interruption ends the run, and not the way back.
                self.settings.stop = Stop::default();
                let said = self.report.checks.len();
                let mut done = self.put_back(&checks).await;
                if done.as_ref().is_err_and(Error::is_lost) {
                    self.report.checks.truncate(said);
                    done = self.put_back_once_more(&checks).await;
                }
                match done {
                    Ok(()) => {
                        say::restored(failure, &self.report, &self.record, &self.settings.keep)
                    }
                    Err(error) => self.not_put_back(error, failure).await,
                }
            }
        }
    }

    /// What is true when the way back did not come to its end.
    async fn not_put_back(&mut self, error: Error, failure: Error) -> Error {
        if let Some(taken) = self.taken_over().await {
            self.unfinished = true;
            return say::run_taken_over(taken, &error);
        }
        self.unfinished = matches!(self.stage, Stage::Restored | Stage::Unknown);
        match self.stage {
            Stage::Restored => {
                let disk = failure.disk().or(error.disk());
                let failure = failure.because(format!("and after the restore: {error}"));
                let failure = failure.on_disk(disk);
                say::not_yet_finished(failure, self.stage)
            }
            Stage::Unknown => say::commit_unknown(
                error.because(format!("the run was to be put back, since {failure}")),
            ),
            _ => say::not_restored(error, &failure, &self.record),
        }
    }

    /// What was undone in the database may have been done outside of it as well.
    async fn not_all_undone(&mut self, undone: Error) -> Error {
        if !undone.is_undone() {
            return undone;
        }
        match self.ledger.outside(&self.record.id).await {
            Ok(outside) if outside.is_empty() => undone,
            Ok(outside) => say::remains_outside(undone, &outside),
            Err(error) => undone.because(format!("and the ledger could not be read: {error}")),
        }
    }

    /// The restore (see `restore.rs`), after which the snapshot is kept for its time only.
    async fn put_back(&mut self, checks: &[Judge]) -> Result<()> {
        self.restore(checks).await?;
        self.release_snapshots().await
    }

    async fn put_back_once_more(&mut self, checks: &[Judge]) -> Result<()> {
        // It was heard of until now, whoever had the lock before.
        (self.lock.last, self.record.heartbeat_at) = (None, time::now_ms());
        match self.on_new_connections(checks).await? {
            Outcome::Restored => self.release_snapshots().await,
            other => Err(say::internal(&format!("the way back ended with {other}"))),
        }
    }

    async fn preflight(&mut self, job: &Job<'_>) -> Result<()> {
        // It was written with the run.
        self.entered("");
        for item in preflight::of_engine(self.engine, &self.settings, job).await {
            item.demanded()?;
        }
        self.leave("");
        self.tell_before().await
    }

    /// The write lock where there is one, the snapshot under it, and its inventory in the ledger.
    async fn snapshot(&mut self, job: &Job<'_>) -> Result<()> {
        let purpose =
            job.around.as_ref().map_or(snapshot::PRE_UPGRADE, |around| around.purpose.as_str());
        let name = snapshot::name(purpose, job.to.or(job.from), time::now_ms());
        let name = job.snapshot.then_some(name);
        self.record.snapshot.clone_from(&name);
        self.enter(Phase::Snapshot, name.as_deref().unwrap_or("none")).await?;
        let mut work = self.open_work().await?;
        if job.rebuilds {
            self.foreign_keys = Some(work.foreign_keys(false).await?);
        }
        self.settings.stop.ends(&*work);
        self.work = Some(work);
        let (engine, progress) = (self.engine, self.progress());
        let conduct = (&self.settings).into();
        fault::before(Transition::Snapshot).map_err(say::snapshot_failed)?;
        let facts = engine
            .secure(self.work()?, name.as_deref(), conduct, progress)
            .await
            .map_err(say::snapshot_failed)?;
        fault::after(Transition::Snapshot)?;
        if engine.capabilities().transactional_ddl {
            self.stage = Stage::InTransaction;
        }
        self.commits_then = self.work()?.foreign_commits().await?;
        if let Some(facts) = facts {
            let inventory = self.read_back(&facts.name).await.map_err(say::snapshot_failed)?;
            self.then = inventory;
            let record = self.snapshot_record(purpose, facts);
            self.ledger.add_snapshot(&record).await?;
            self.report_snapshot(&record);
            job.spares(&engine.comes_back_changed(&self.then), engine)?;
            if self.settings.verify == Verify::Clone {
                self.verify_when_made(job, &record.name).await?;
                return Ok(());
            }
        }
        self.leave(if job.snapshot { self.state(&self.then) } else { "none is taken".to_owned() });
        Ok(())
    }

    /// What the ledger keeps of the run's own snapshot.
    fn snapshot_record(&self, purpose: &str, facts: SnapshotFacts) -> SnapshotRecord {
        SnapshotRecord {
            name: facts.name,
            run: Some(self.record.id.clone()),
            purpose: purpose.to_owned(),
            level: facts.level,
            created_by: crate::lock::who(),
            created_at: facts.created_at,
            version_before: self.record.version_before,
            version_target: self.record.version_target,
            delete_after: None,
            pinned: true,
            bytes: facts.bytes,
            inventory: self.then.clone(),
        }
    }

    async fn verify_when_made(&mut self, job: &Job<'_>, name: &str) -> Result<()> {
        let checks = job.checks_at(When::Snapshot);
        let run = self.record.id.clone();
        let verified = self.test_clone(name, &run, &checks).await;
        self.remove_clone(&run).await?;
        // The snapshot does not verify, and nothing was changed yet.
        let found =
            verified.map_err(|error| say::snapshot_failed(say::snapshot_bad(name, error)))?;
        self.leave(found);
        Ok(())
    }

    /// What the snapshot really holds, read from it and compared with the database itself.
    async fn read_back(&mut self, name: &str) -> Result<Inventory> {
        let engine = self.engine;
        let then = engine.inventory_made(self.work()?, name).await?;
        let now = engine.inventory(self.work()?, Counts::Without, &then).await?;
        if !then.same_definitions(&now) {
            return Err(say::damaged("its definitions are not those of the database"));
        }
        Ok(then)
    }

    /// The marker, with which `apply` begins: from here on the database says that a run is open. In
    /// ring 2 it is committed by itself; in ring 1 it is part of the one transaction.
    async fn mark(&mut self, job: &Job<'_>) -> Result<()> {
        let table = self.settings.history_table.clone();
        let marker = self.marker(job.ring);
        self.record.touched.tables.insert(table.clone());
        let history = self.history.clone();
        let transactional = self.engine.capabilities().transactional_ddl;
        let work = self.work()?;
        if !transactional {
            work.begin().await?;
        }
        let mut writer = HistoryWriter { connection: work, table: &table };
        let database_id = writer.ensure(history.as_ref()).await?;
        writer.mark(&marker).await?;
        work.take_touched();
        self.record.database_id = database_id;
        // The phase first: a crash right after the commit is found in `apply`. Without a migration that
        // it applies, for that is written once the marker is committed.
        self.enter(Phase::Apply, &job.words()).await?;
        if job.ring == 2 {
            fault::before(Transition::Marker)?;
            self.commit_work(Marked::Yes, Stage::Committed).await?;
            fault::after(Transition::Marker)?;
        }
        Ok(())
    }

    fn marker(&self, ring: u8) -> Marker {
        Marker {
            run: self.record.id.clone(),
            set: self.settings.set.clone(),
            snapshot: self.record.snapshot.clone(),
            ring,
            since: time::now_ms(),
        }
    }

    /// The marker of a restore by hand, committed by itself.
    pub(crate) async fn mark_committed(&mut self) -> Result<()> {
        let mut work = self.open_work().await?;
        work.patience(self.settings.lock_timeout);
        work.begin().await?;
        self.work = Some(work);
        let marker = self.marker(2);
        let (table, history) = (self.settings.history_table.clone(), self.history.clone());
        let mut writer = HistoryWriter { connection: self.work()?, table: &table };
        let database_id = writer.ensure(history.as_ref()).await?;
        writer.mark(&marker).await?;
        self.record.database_id = database_id;
        self.record.ring = 2;
        self.ledger.phase(&mut self.record, Phase::Verify, "marker").await?;
        fault::before(Transition::Marker)?;
        self.commit_work(Marked::Yes, Stage::Committed).await?;
        self.close_work().await;
        fault::after(Transition::Marker)
    }

    /// No foreign key may have lost its parent: they are off while a table is rebuilt.
    async fn foreign_keys_hold(&mut self, job: &Job<'_>) -> Result<()> {
        let engine = self.engine;
        let now = match engine.foreign_key_violations(self.work()?, None).await {
            Err(error) if error.message().contains("foreign key mismatch") => {
                // A key that refers to nothing unique was never enforced, and can't be checked.
                self.tell(&Event::Note(format!("warning: foreign keys were not checked: {error}")));
                return Ok(());
            }
            now => now?,
        };
        if now.is_empty() {
            return Ok(());
        }
        let then = match self.record.snapshot.clone().filter(|_| job.snapshot) {
            Some(name) => self.violations_then(&name).await?,
            None => Vec::new(),
        };
        // By table and parent: a rebuilt table may have other row numbers.
        let pair = |row: &Row| format!("{:?}", (row.values().first(), row.values().get(2)));
        let count = |rows: &[Row]| {
            let mut counts: HashMap<String, usize> = HashMap::new();
            for row in rows {
                *counts.entry(pair(row)).or_default() += 1;
            }
            counts
        };
        let (before, after) = (count(&then), count(&now));
        let more = |row: &&Row| after.get(&pair(row)) > before.get(&pair(row));
        let broken: Vec<Row> = now.iter().filter(more).cloned().collect();
        if broken.is_empty() {
            Ok(())
        } else {
            Err(say::foreign_keys_broken(&broken, job.rebuilds))
        }
    }

    /// Rows whose foreign keys were broken in the snapshot already.
    async fn violations_then(&self, snapshot: &str) -> Result<Vec<Row>> {
        let mut past = self.engine.open_snapshot(snapshot).await?;
        let then = self.engine.foreign_key_violations(&mut *past, None).await;
        past.close().await;
        then
    }

    async fn commit(&mut self, job: &Job<'_>) -> Result<()> {
        self.go_on()?;
        self.look_for_foreign_commits().await?;
        let (engine, then) = (self.engine, self.then.clone());
        let touched = self.record.touched.clone();
        let counts = if touched.unknown { Counts::With } else { Counts::Of(&touched.tables) };
        let now = engine.inventory(self.work()?, counts, &then).await?;
        self.report_tables(&now);
        self.report_definitions(&then, &now);
        self.tell(&Event::State(self.state(&now)));
        // In ring 2 nothing is left to be committed.
        if job.ring == 1 && engine.capabilities().transactional_ddl {
            self.enter(Phase::Commit, "").await?;
            fault::before(Transition::Commit)?;
            self.commit_work(Marked::Yes, Stage::Committed).await?;
            fault::after(Transition::Commit)?;
            self.leave("");
        }
        Ok(())
    }

    /// Makes the run final: rows `kept` and no marker, in one transaction.
    pub(crate) async fn keep(&mut self) -> Result<()> {
        self.enter(Phase::Keep, "").await?;
        let (table, run) = (self.settings.history_table.clone(), self.record.id.clone());
        let work = self.work()?;
        work.begin().await?;
        HistoryWriter { connection: &mut *work, table: &table }.keep(&run).await?;
        fault::before(Transition::Keep)?;
        self.commit_work(Marked::No, Stage::Kept).await?;
        fault::after(Transition::Keep)?;
        self.release_snapshots().await?;
        self.leave("");
        Ok(())
    }

    /// The run is over: its snapshot is kept for its time and no longer pinned.
    pub(crate) async fn release_snapshots(&mut self) -> Result<()> {
        let Some(name) = self.record.snapshot.clone() else { return Ok(()) };
        let known = self.ledger.snapshot(&name).await?;
        // What a restore by hand goes back to is another's, and kept as long as that one said.
        let own = |known: &SnapshotRecord| known.run.as_deref() == Some(self.record.id.as_str());
        let Some(known) = known.filter(own) else { return Ok(()) };
        let until = self.settings.keep.until(&known.purpose, time::now_ms());
        self.ledger.retain(&name, Some(until), false).await?;
        if let Some(snapshot) = &mut self.report.snapshot {
            snapshot.delete_after = Some(time::rfc3339(until));
        }
        Ok(())
    }

    /// Nothing was changed, so that the snapshot is of no use.
    pub(crate) async fn remove_unused_snapshot(&mut self) -> Result<()> {
        if let Some(name) = self.record.snapshot.clone() {
            // A restore is from another run's snapshot, which is its way back.
            let known = self.ledger.snapshot(&name).await?;
            if known.is_none_or(|known| known.run.as_deref() == Some(self.record.id.as_str())) {
                fault::before(Transition::SnapshotRemoved)?;
                self.engine.delete_snapshot(&name).await?;
                fault::after(Transition::SnapshotRemoved)?;
                self.ledger.forget_snapshot(&name).await?;
            }
            self.record.snapshot = None;
        }
        self.report.snapshot = None;
        Ok(())
    }

    async fn clean_up(&mut self, failure: Error) -> Error {
        let run = self.record.id.clone();
        let removed = match self.remove_clone(&run).await {
            Ok(()) => self.remove_unused_snapshot().await,
            failed => failed,
        };
        match removed {
            Ok(()) => failure,
            Err(error) => {
                // The next start removes it.
                self.unfinished = true;
                failure.because(format!("and what it left could not be removed: {error}"))
            }
        }
    }

    async fn finish(mut self, ended: Result<Outcome, Error>) -> Result<Report> {
        self.close_work().await;
        let (outcome, error) = match ended {
            Ok(outcome) => (outcome, None),
            Err(error) => (error.outcome(), Some(error)),
        };
        self.report.outcome = outcome;
        if outcome == Outcome::Applied {
            self.report.to = self.record.version_target.or(self.report.to);
        }
        self.report.error = error.as_ref().map(Into::into);
        self.record.error = error.as_ref().map(run::stored);
        // A run that needs a person stays open: its marker is there, and the next start recovers.
        let needs_person = outcome == Outcome::NeedsPerson && self.stage == Stage::Committed;
        let open = self.unfinished || needs_person;
        if !open {
            self.record.outcome = Some(outcome);
            self.record.finished_at = Some(time::now_ms());
        }
        let written = self.write_report().await;
        self.tell_end(outcome).await;
        self.tell(&Event::Finished(outcome));
        self.ledger.close().await;
        if let Some(error) = error {
            return Err(error.reported(self.report));
        }
        if let Err(error) = written {
            // It is applied and final in the database; the next start writes it down.
            self.settings.observer.event(&Event::Note(format!("warning: {error}")));
        }
        Ok(self.report)
    }

    fn applied_words(&self) -> String {
        if let Some(guarded) = &self.report.guarded {
            return guarded
                .exit_code
                .map_or_else(String::new, |code| format!("exited with {code}"));
        }
        let statements: u64 = self.report.migrations.iter().map(|line| line.statements).sum();
        restore::plural(usize::try_from(statements).unwrap_or(usize::MAX), "statement")
    }
}

fn pending_line(step: &job::Step<'_>) -> MigrationReport {
    let kind = match step.direction {
        Direction::Up => step.migration.kind.as_str(),
        Direction::Down => "sql",
    };
    MigrationReport {
        version: step.migration.version,
        name: step.migration.name.to_string(),
        kind: kind.to_owned(),
        state: MigrationState::Pending,
        statements: 0,
        duration_ms: 0,
    }
}
