//! What a dead run left: decided by a pure function, from the ledger and the marker.
//!
//! Invariants:
//! 1. what the dead run left *running* is ended before anything is looked up or restored;
//! 2. nothing is guessed: where ledger and marker do not agree, a person decides;
//! 3. honest rows written long after the death are not taken back without a person.

use std::time::Duration;

use super::job::Judge;
use super::run::{Run, Stage};
use crate::engine::{Engine, LastHolder, Role};
use crate::error::{Code, Error, Result, say};
use crate::history::{History, HistoryWriter, Marker};
use crate::ledger::{Ledger, Outside, RunRecord};
use crate::lock::{Held, Holder};
use crate::migration::MigrationSet;
use crate::observer::{Event, Phase};
use crate::report::{Outcome, Report};
use crate::settings::Settings;
use crate::validate::When;
use crate::{process, time};

/// How long after its last sign of life a dead run may still have written.
const LAST_STATEMENT_MS: i64 = 10_000;

/// What the next start does about an open run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// No run is open.
    Nothing,
    /// Nothing of it is in the database: what it left beside it is removed.
    CleanUp,
    /// It is half applied: the database is put back.
    Restore,
    /// It is applied and was not judged: it is judged again.
    Judge,
    /// It is judged: it is made final.
    Keep,
    /// It was restored: what comes after the restore is done.
    Finish(Outcome),
    /// The ledger does not know the run that the database says is open.
    LedgerGone,
    /// Ledger and database are not of each other.
    OtherDatabase,
}

/// Decides what is to be done, from what the ledger and the database say.
pub(crate) fn decide(run: Option<&RunRecord>, history: Option<&History>) -> Recovery {
    let marker = history.and_then(|history| history.marker.as_ref());
    let Some(run) = run else {
        return if marker.is_some() { Recovery::LedgerGone } else { Recovery::Nothing };
    };
    let id = history.map_or("", |history| history.database_id.as_str());
    let known = run.database_id.as_str();
    let other_id = !known.is_empty() && !id.is_empty() && known != id;
    let vanished = run.had_history && history.is_none();
    if other_id || vanished || marker.is_some_and(|marker| marker.run != run.id) {
        return Recovery::OtherDatabase;
    }
    let is_open = marker.is_some();
    match run.phase {
        Phase::Check | Phase::Lock | Phase::Recover | Phase::Preflight | Phase::Rehearse => {
            Recovery::CleanUp
        }
        // Ring 1 has the marker only once everything is committed.
        Phase::Snapshot | Phase::Apply | Phase::Validate | Phase::Commit if run.ring == 1 => {
            if is_open {
                Recovery::Judge
            } else {
                Recovery::CleanUp
            }
        }
        // A migration has begun, so that the marker was there: somebody took it away.
        Phase::Apply if !is_open && run.applying.is_some() => Recovery::OtherDatabase,
        Phase::Snapshot | Phase::Apply => {
            if is_open {
                Recovery::Restore
            } else {
                Recovery::CleanUp
            }
        }
        // Its checks are in no set, and died with it.
        Phase::Validate | Phase::Commit | Phase::ValidateAfter
            if is_open && run.is_of_a_guard() =>
        {
            Recovery::Restore
        }
        Phase::Validate | Phase::Commit | Phase::ValidateAfter => {
            if is_open {
                Recovery::Judge
            } else {
                Recovery::OtherDatabase
            }
        }
        Phase::Keep if is_open => Recovery::Keep,
        // The marker goes with what is kept: an older copy has neither.
        Phase::Keep if !run.is_kept_in(history) => Recovery::OtherDatabase,
        Phase::Keep => Recovery::Finish(Outcome::Applied),
        // A restore of an older run has no marker until it is done, and none afterwards.
        Phase::Verify | Phase::FailedState if !is_open && run.goes_back() => Recovery::CleanUp,
        Phase::Verify | Phase::FailedState if !is_open => Recovery::OtherDatabase,
        // The last one commits by itself, and was not compared: it is done again.
        Phase::Verify | Phase::FailedState | Phase::RestoreDatabase => Recovery::Restore,
        Phase::Restore | Phase::Afterwards => {
            if is_open {
                Recovery::Restore
            } else {
                Recovery::Finish(Outcome::Restored)
            }
        }
    }
}

/// What a start found, and did about it.
pub(crate) enum Found {
    /// No run was open: the ledger and the history as they were looked up.
    Settled(Box<Ledger>, Option<History>),
    /// A dead run left something, and this is how it was brought to its end.
    DeadRun(Box<Report>),
}

/// Finishes or puts back what a dead run left.
pub(crate) async fn recover(
    engine: &dyn Engine,
    set: &MigrationSet,
    settings: &Settings,
    lock: &Held,
) -> Result<Found> {
    let mut ledger = Ledger::open(engine).await?;
    let mut open = ledger.open_run().await?;
    if let Some(run) = &mut open {
        run.had_history &= !went_before_the_history(run, &mut ledger, settings).await?;
    }
    let history = match (History::of(engine, Role::Start, settings).await, &open) {
        (Err(error), Some(run)) if error.code() == Code::NoDatabase => {
            let copy = copy_line(engine, run);
            return Err(say::gone_with_an_open_run(error, run, copy.as_deref()));
        }
        (history, _) => history?,
    };
    let mut what = decide(open.as_ref(), history.as_ref());
    let marker = history.as_ref().and_then(|history| history.marker.as_ref());
    let record = match (open, marker) {
        (Some(record), _) => {
            if settings.retry && is_marker_gone(&record, history.as_ref()) {
                // A person has seen it, and wants the snapshot.
                what = Recovery::Restore;
            }
            record
        }
        (None, None) => return Ok(Found::Settled(Box::new(ledger), history)),
        (None, Some(marker)) => {
            let record = not_open(engine, &mut ledger, marker).await?;
            if !settings.retry || record.snapshot.is_none() {
                return Err(say::open_again(&record));
            }
            what = Recovery::Restore;
            RunRecord { outcome: None, ..record }
        }
    };
    if record.set != settings.set {
        return Err(say::run_of_another_set(&record));
    }
    settings.observer.event(&Event::Note(say::found_dead_run(&record)));
    ledger.taken_up(&record).await?;
    let children = ledger.children(&record.id).await?;
    if !settings.retry && is_beyond_reach(&record, !children.is_empty()) {
        return Err(say::guarded_elsewhere(&record));
    }
    process::end_children(&record.id, &children).await?;
    let mut run = Run::new(engine, settings.clone(), ledger, lock.clone(), record);
    // A run that came back from its failure to say so did not die, and only a death in apply may
    // be the migration's doing.
    run.record.died |= run.record.error.is_none() && run.record.phase == Phase::Apply;
    run.recovering = true;
    run.history.clone_from(&history);
    if let Some(name) = run.record.snapshot.clone()
        && let Some(known) = run.ledger.snapshot(&name).await?
    {
        run.report_snapshot(&known);
    }
    let done = run.recover_once_more(what, set).await;
    run.finish_recovery(done).await.map(|report| Found::DeadRun(Box::new(report)))
}

fn copy_line(engine: &dyn Engine, run: &RunRecord) -> Option<String> {
    run.snapshot.as_deref().and_then(|snapshot| engine.copy_line(snapshot))
}

/// What a guard stood around may still be writing, by connections that no fence knows: a command on
/// another machine, or a function of a process that lives.
fn is_beyond_reach(run: &RunRecord, has_children: bool) -> bool {
    if !run.is_of_a_guard() || run.phase != Phase::Apply {
        return false;
    }
    let here = Holder::here();
    let lives = run.pid != here.pid && process::lives(run.pid);
    if run.host == here.host { lives && !has_children } else { true }
}

/// The run of a marker, which the ledger has not open.
async fn not_open(engine: &dyn Engine, ledger: &mut Ledger, marker: &Marker) -> Result<RunRecord> {
    let known = ledger.runs().await?.into_iter().find(|run| run.id == marker.run);
    known.ok_or_else(|| say::ledger_gone(marker, &engine.ledger_place()))
}

/// The database is the run's own, and has lost the marker that the run can't be without.
fn is_marker_gone(run: &RunRecord, history: Option<&History>) -> bool {
    let own = |history: &History| !history.is_open() && history.database_id == run.database_id;
    decide(Some(run), history) == Recovery::OtherDatabase && history.is_some_and(own)
}

/// What is true of an open run, and what the next start does about it; none when no run is open.
pub(crate) async fn explained(
    engine: &dyn Engine,
    ledger: &mut Ledger,
    open: Option<&RunRecord>,
    history: Option<&History>,
) -> Result<Option<String>> {
    if let Some(run) = open {
        let last = ledger.last_statement(&run.id).await?;
        // Where that can't be found out, the run's own last sign of life is told.
        let holder = engine.last_holder().await.ok().flatten();
        let (_, silent) = last_heard(run, holder.as_ref());
        let told = say::open_run(run, last, decide(open, history));
        return Ok(Some(format!("{told}; {}", say::last_heard(run, silent))));
    }
    let Some(marker) = history.and_then(|history| history.marker.as_ref()) else { return Ok(None) };
    let error = match not_open(engine, ledger, marker).await {
        Ok(record) => say::open_again(&record),
        Err(error) if error.code() == Code::LedgerGone => error,
        Err(error) => return Err(error),
    };
    Ok(Some(say::in_a_line(&error)))
}

/// When a run was last heard of, and how long ago that is; less than nothing where it is still to come.
fn last_heard(record: &RunRecord, lock: Option<&LastHolder>) -> (i64, i64) {
    match lock {
        Some(last) if last.holder.host == record.host && last.holder.pid == record.pid => {
            (last.beat, last.silent)
        }
        _ => (record.heartbeat_at, time::now_ms().saturating_sub(record.heartbeat_at)),
    }
}

/// A restore by hand may go back to before the first run: with it the history goes.
async fn went_before_the_history(
    run: &RunRecord,
    ledger: &mut Ledger,
    settings: &Settings,
) -> Result<bool> {
    let restoring = matches!(run.phase, Phase::Restore | Phase::Afterwards);
    let Some(name) = run.snapshot.as_ref().filter(|_| restoring && run.goes_back()) else {
        return Ok(false);
    };
    let snapshot = ledger.snapshot(name).await?;
    Ok(snapshot.is_some_and(|then| then.inventory.table(&settings.history_table).is_none()))
}

impl Run<'_> {
    /// What the next start would do, on new connections of this one: those that it had were lost, and a
    /// server may not have noticed yet.
    pub(super) async fn on_new_connections(&mut self, checks: &[Judge]) -> Result<Outcome> {
        self.have_new_connections().await?;
        self.record.had_history &=
            !went_before_the_history(&self.record, &mut self.ledger, &self.settings).await?;
        self.history = History::of(self.engine, Role::Start, &self.settings).await?;
        let what = decide(Some(&self.record), self.history.as_ref());
        self.recover_by(what, checks).await
    }

    async fn have_new_connections(&mut self) -> Result<()> {
        tracing::warn!(run = %self.record.id, "the connections were lost: once more, on new ones");
        self.close_work().await;
        self.engine.end_lost_connections().await?;
        let ledger = Ledger::open(self.engine).await?;
        std::mem::replace(&mut self.ledger, ledger).close().await;
        Ok(())
    }

    /// Whether what was lost so can be tried again, on connections that are there now.
    async fn can_try_again(&mut self, lost: bool) -> bool {
        lost && self.have_new_connections().await.is_ok()
    }

    async fn recover_once_more(&mut self, what: Recovery, set: &MigrationSet) -> Result<Outcome> {
        let judges = what == Recovery::Judge
            || (what == Recovery::Restore && self.record.snapshot.is_some());
        let checks = if judges { checks_of(set, self)? } else { Vec::new() };
        // What a person has decided against the marker would be decided by the marker.
        let by_marker = decide(Some(&self.record), self.history.as_ref()) == what;
        match self.recover_by(what, &checks).await {
            Err(error) if error.is_lost() && by_marker => {
                self.report.checks.clear();
                self.on_new_connections(&checks).await
            }
            done => done,
        }
    }

    async fn recover_by(&mut self, what: Recovery, checks: &[Judge]) -> Result<Outcome> {
        tracing::info!(run = %self.record.id, ?what, "recovery");
        self.find_failed_state().await?;
        match what {
            Recovery::Nothing | Recovery::CleanUp => {
                self.remove_clone(&self.record.id).await?;
                self.remove_unused_snapshot().await?;
                Ok(Outcome::RolledBack)
            }
            Recovery::Finish(outcome) => {
                let restored = outcome == Outcome::Restored;
                self.stage = if restored { Stage::Restored } else { Stage::Kept };
                self.remove_clone(&self.record.id).await?;
                if restored {
                    self.put_back_afterwards().await?;
                }
                if let Some(moment) = self.record.snapshot.clone()
                    && self.record.is_of_a_moment()
                {
                    self.ledger.forget_snapshot(&moment).await?;
                }
                Ok(outcome)
            }
            Recovery::Keep => {
                self.open_committed().await?;
                self.keep().await.map(|()| Outcome::Applied)
            }
            Recovery::Judge => self.judge_again(checks).await,
            Recovery::Restore if self.record.snapshot.is_none() => self.close_by_hand().await,
            // It was not committed, and what it went back to may be gone.
            Recovery::Restore if self.record.is_of_a_moment() => {
                self.take_marker_away().await?;
                self.remove_clone(&self.record.id).await?;
                self.remove_unused_snapshot().await?;
                Ok(Outcome::RolledBack)
            }
            Recovery::Restore => {
                self.not_too_late().await?;
                // What it did not write down can't be told from what others did since.
                self.record.foreign_seen |= self.recovering
                    && self.record.touched.unknown
                    && self.others_may_have_written().await?;
                self.restore(&snapshot_checks(checks, self)).await.map(|()| Outcome::Restored)
            }
            Recovery::LedgerGone | Recovery::OtherDatabase => {
                let history = self.history.as_ref();
                Err(if is_marker_gone(&self.record, history) {
                    say::marker_gone(&self.record)
                } else {
                    let copy = copy_line(self.engine, &self.record);
                    let ledger = self.engine.ledger_place();
                    say::other_database(&self.record, history, &ledger, copy.as_deref())
                })
            }
        }
    }

    async fn open_committed(&mut self) -> Result<()> {
        self.stage = Stage::Committed;
        let mut work = self.open_work().await?;
        self.commits_then = work.foreign_commits().await?;
        self.work = Some(work);
        Ok(())
    }

    /// A run without a snapshot can't be put back: a person mends the database and says so.
    async fn close_by_hand(&mut self) -> Result<Outcome> {
        if !self.settings.retry {
            return Err(say::no_way_back(&self.record));
        }
        self.close_work().await;
        self.take_marker_away().await?;
        Ok(Outcome::NeedsPerson)
    }

    /// The database is as it is to be, and says no more that the run is open.
    async fn take_marker_away(&mut self) -> Result<()> {
        self.open_committed().await?;
        let (table, run) = (self.settings.history_table.clone(), self.record.id.clone());
        let work = self.work()?;
        work.begin().await?;
        HistoryWriter { connection: &mut *work, table: &table }.take_back(&run).await?;
        work.commit().await.map_err(say::commit_failed)
    }

    /// Applied and not judged: the checks run again, without those that compare with before, since
    /// others have written in the meantime.
    async fn judge_again(&mut self, all: &[Judge]) -> Result<Outcome> {
        self.enter(Phase::ValidateAfter, "again, after a death").await?;
        self.open_committed().await?;
        let checks: Vec<Judge> = all
            .iter()
            .filter(|(_, check)| check.when != When::Snapshot && !super::job::needs_before(check))
            .cloned()
            .collect();
        let mut work = self.work.take().ok_or_else(say::connection_lost)?;
        let judged = self.judge_on(&mut *work, &checks).await;
        self.work = Some(work);
        let Err(failed) = judged else {
            self.leave("all checks hold");
            return self.keep().await.map(|()| Outcome::Applied);
        };
        if self.record.snapshot.is_none() {
            return self.close_by_hand().await;
        }
        self.not_too_late().await?;
        self.restore(&snapshot_checks(all, self)).await?;
        self.record.error = Some(super::run::stored(&failed));
        Ok(Outcome::Restored)
    }

    /// What a guard stood around counts as its own until it died.
    async fn others_may_have_written(&self) -> Result<bool> {
        if !self.record.is_of_a_guard() {
            return Ok(true);
        }
        let (alive, _) = last_heard(&self.record, self.lock.last.as_ref());
        let since = alive.saturating_add(LAST_STATEMENT_MS);
        self.engine.written_since(&self.record.touched, since).await
    }

    /// Rows written long after the death may be hours of honest work.
    async fn not_too_late(&self) -> Result<()> {
        let record = &self.record;
        if self.settings.retry {
            return Ok(());
        }
        let (alive, silent) = last_heard(record, self.lock.last.as_ref());
        let within = self.settings.recover_within;
        if Duration::from_millis(silent.unsigned_abs()) <= within {
            return Ok(());
        }
        let Ok(silent) = u64::try_from(silent).map(Duration::from_millis) else {
            return Err(say::recover_cannot_tell(record, alive));
        };
        let since = alive.saturating_add(LAST_STATEMENT_MS);
        if self.engine.written_since(&record.touched, since).await? {
            return Err(say::recover_late(record, silent));
        }
        Ok(())
    }

    /// The database is back, and what was done outside of it is not: the run is closed, and a person
    /// is told once.
    async fn recovered_in_part(mut self, outcome: Outcome, outside: &[Outside]) -> Result<Error> {
        let undone = say::recovered_error(&self.record, outcome);
        let error = say::remains_outside(undone, outside);
        self.record.outcome = Some(Outcome::NeedsPerson);
        self.record.finished_at = Some(time::now_ms());
        self.record.error = Some(super::run::stored(&error));
        (self.report.outcome, self.report.error) = (Outcome::NeedsPerson, Some((&error).into()));
        self.write_report().await?;
        self.tell_end(Outcome::NeedsPerson).await;
        self.ledger.close().await;
        Ok(error.reported(self.report))
    }

    /// What is true after a recovery that did not come to its end.
    fn not_recovered(&self, error: Error) -> Error {
        match self.stage {
            Stage::Restored | Stage::Kept => say::not_yet_finished(error, self.stage),
            Stage::Unknown => say::commit_unknown(error),
            _ => say::recovery_failed(error, &self.record),
        }
    }

    /// Lets the snapshots go, of which a run that rolled back has none any more; gives what was done
    /// outside of the database. What stays of a run that a person has closed is the person's.
    async fn what_remains(&mut self, outcome: Outcome) -> Result<Vec<Outside>> {
        self.release_snapshots().await?;
        match outcome {
            Outcome::Applied | Outcome::NeedsPerson => Ok(Vec::new()),
            _ => self.ledger.outside(&self.record.id).await,
        }
    }

    async fn finish_recovery(mut self, done: Result<Outcome>) -> Result<crate::report::Report> {
        self.close_work().await;
        let done = match done {
            Ok(outcome) => {
                let mut outside = self.what_remains(outcome).await;
                if self.can_try_again(outside.as_ref().is_err_and(Error::is_lost)).await {
                    outside = self.what_remains(outcome).await;
                }
                outside.map(|outside| (outcome, outside))
            }
            Err(error) => Err(error),
        };
        match done {
            Ok((outcome, outside)) => {
                if !outside.is_empty() {
                    return Err(self.recovered_in_part(outcome, &outside).await?);
                }
                self.record.outcome = Some(outcome);
                self.record.finished_at = Some(time::now_ms());
                self.report.outcome = outcome;
                if outcome == Outcome::Applied {
                    self.report.to = self.record.version_target;
                }
                let by_hand = outcome == Outcome::NeedsPerson;
                if by_hand {
                    let closed = say::closed_by_hand(&self.record);
                    self.record.error = Some(super::run::stored(&closed));
                    self.report.error = Some((&closed).into());
                }
                let mut written = self.write_report().await;
                if self.can_try_again(written.as_ref().is_err_and(Error::is_lost)).await {
                    written = self.write_report().await;
                }
                if let Err(error) = written {
                    return Err(self.not_recovered(error));
                }
                self.tell(&Event::Note(say::recovered(&self.record, outcome, &self.report)));
                // Who closed it needs not to be told that a person is needed.
                if !by_hand {
                    self.tell_end(outcome).await;
                }
                self.ledger.close().await;
                Ok(self.report)
            }
            Err(error) => {
                let error = self.not_recovered(error);
                (self.report.outcome, self.report.error) = (error.outcome(), Some((&error).into()));
                self.tell_end(error.outcome()).await;
                self.ledger.close().await;
                Err(error.told())
            }
        }
    }
}

/// The checks of the migrations that the run was to apply, as they are in the set now.
fn checks_of(set: &MigrationSet, run: &Run<'_>) -> Result<Vec<Judge>> {
    let dialect = run.engine.dialect();
    let mut checks = Vec::new();
    if run.record.purpose != "up" {
        return Ok(checks);
    }
    for version in &run.record.versions {
        let migration =
            set.find(*version).ok_or_else(|| say::step_missing(&run.record, *version))?;
        checks.extend(migration.checks(dialect)?.into_iter().map(|check| (Some(*version), check)));
    }
    checks.extend(set.always_checks(dialect)?.into_iter().map(|check| (None, check)));
    Ok(checks)
}

fn snapshot_checks(checks: &[Judge], run: &Run<'_>) -> Vec<Judge> {
    let first = run.record.versions.first().copied();
    checks
        .iter()
        .filter(|judge| judge.1.when == When::Snapshot && super::job::judges_snapshot(judge, first))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(phase: Phase, ring: u8) -> RunRecord {
        RunRecord { ring, phase, ..RunRecord::sample() }
    }

    fn marked(run: Option<&str>) -> History {
        History {
            database_id: "d".to_owned(),
            applied: Vec::new(),
            marker: run.map(|run| Marker {
                run: run.to_owned(),
                set: "main".to_owned(),
                snapshot: Some("s".to_owned()),
                ring: 2,
                since: 0,
            }),
        }
    }

    #[test]
    fn every_row_of_the_table_has_its_way() {
        use Recovery::{CleanUp, Finish, Judge, Keep, OtherDatabase, Restore};
        let (open, closed) = (marked(Some("run_1")), marked(None));
        for (phase, ring, with_marker, without) in [
            (Phase::Check, 2, CleanUp, CleanUp),
            (Phase::Preflight, 1, CleanUp, CleanUp),
            (Phase::Snapshot, 1, Judge, CleanUp),
            (Phase::Apply, 1, Judge, CleanUp),
            (Phase::Commit, 1, Judge, CleanUp),
            (Phase::Snapshot, 2, Restore, CleanUp),
            (Phase::Apply, 2, Restore, CleanUp),
            (Phase::Validate, 2, Judge, OtherDatabase),
            (Phase::Commit, 2, Judge, OtherDatabase),
            (Phase::ValidateAfter, 1, Judge, OtherDatabase),
            (Phase::ValidateAfter, 2, Judge, OtherDatabase),
            (Phase::Verify, 2, Restore, OtherDatabase),
            (Phase::FailedState, 2, Restore, OtherDatabase),
            (Phase::Restore, 2, Restore, Finish(Outcome::Restored)),
            (Phase::RestoreDatabase, 2, Restore, Restore),
            (Phase::Afterwards, 2, Restore, Finish(Outcome::Restored)),
            (Phase::Keep, 2, Keep, Finish(Outcome::Applied)),
        ] {
            let run = run(phase, ring);
            assert_eq!(
                decide(Some(&run), Some(&open)),
                with_marker,
                "{phase} in ring {ring}, marked"
            );
            assert_eq!(
                decide(Some(&run), Some(&closed)),
                without,
                "{phase} in ring {ring}, not marked"
            );
        }
    }

    #[test]
    fn a_marker_without_a_ledger_or_of_another_run_is_never_guessed_at() {
        assert_eq!(decide(None, None), Recovery::Nothing);
        assert_eq!(decide(None, Some(&marked(Some("run_1")))), Recovery::LedgerGone);
        let open = run(Phase::Apply, 2);
        assert_eq!(decide(Some(&open), Some(&marked(Some("run_9")))), Recovery::OtherDatabase);
    }

    #[test]
    fn another_database_in_the_place_of_the_guarded_one_is_left_alone() {
        let mut open = run(Phase::Apply, 2);
        open.database_id = "another".to_owned();
        assert_eq!(decide(Some(&open), Some(&marked(None))), Recovery::OtherDatabase);
        open.database_id = "d".to_owned();
        open.had_history = true;
        assert_eq!(decide(Some(&open), None), Recovery::OtherDatabase);
        // The marker of a run whose migrations have begun is gone.
        open.had_history = false;
        open.applying = Some((1, "sha256:0".to_owned()));
        assert_eq!(decide(Some(&open), Some(&marked(None))), Recovery::OtherDatabase);
    }
}
