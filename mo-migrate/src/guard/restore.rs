//! The way back: verify the snapshot on a clone (`verify.rs`), plan (`restore_plan.rs`), take the locks,
//! keep the failed state (`failed_state.rs`), restore, prove (`proof.rs`), commit.
//!
//! Invariants:
//! 1. nothing is restored from a snapshot that was not verified on a clone just before;
//! 2. the failed state is kept after writers are locked out and before the first change;
//! 3. the proof ([`prove`](Run::prove)) is made inside the transaction; without it nothing is
//!    committed. A server's own command commits by itself: its phase is one that the next start does
//!    again, and it is left when the proof was made;
//! 4. when any step fails, the transaction is abandoned, and a person decides;
//! 5. the way back of a failing run is not interrupted; a restore by hand and a recovery can be, between
//!    two steps, and have changed nothing then.

use std::collections::BTreeSet;
use std::time::Instant;

use super::committed::Marked;
use super::job::Judge;
use super::proof::Proof;
use super::restore_plan::{RestorePlan, Situation, restore_plan};
use super::run::{Run, Stage};
use crate::engine::{Conduct, Connection, Counts, Moment, Object, RestoreTransaction, Role, Step};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::history::History;
use crate::ledger::SnapshotRecord;
use crate::observer::{Counted, Event, Phase};
use crate::report::{CheckReport, RestoreReport, SnapshotReport, TakenBack};
use crate::settings::{ForeignWrites, RestoreMethod};
use crate::snapshot::{FAILED, moment_of};
use crate::time;

/// In a larger database, tables that the run did not touch are not looked through for others' writes,
/// which stay where they are in any case.
pub(crate) const LOOKED_THROUGH: usize = 100;

/// How often a restore that gave way to other sessions is tried.
const ATTEMPTS: u32 = 5;

/// A restore that was made and proved, and is not yet committed.
#[derive(Debug)]
struct Brought {
    plan: RestorePlan,
    proof: Proof,
    failed_state: String,
    /// The server's clock just before the commit.
    before: Option<i64>,
}

impl Run<'_> {
    /// Brings back what the run touched, and proves it. `checks` are those for the snapshot.
    pub(crate) async fn restore(&mut self, checks: &[Judge]) -> Result<()> {
        let began = Instant::now();
        // While the snapshot is verified nothing keeps others from writing, and the connection that did
        // the work is closed: this one sees them.
        let mut watch = self.watch().await;
        if let Some(work) = self.work.as_mut() {
            // What it can't tell any more is found by comparing.
            let _ = work.rollback().await;
            let _ = self.look_for_foreign_commits().await;
        }
        self.close_work().await;
        let name = self.record.snapshot.clone().ok_or_else(|| say::no_way_back(&self.record))?;
        self.verify_on_clone(&name, checks).await?;
        let mut conduct = Conduct::from(&self.settings);
        let source = self.ledger.snapshot(&name).await?;
        let of_a_failure = source.is_some_and(|source| source.purpose == FAILED);
        let record = &self.record;
        if record.is_of_tables()
            || record.is_from_a_clone()
            || record.is_of_a_moment()
            || of_a_failure
        {
            conduct.method = RestoreMethod::Tables;
        }
        let mut tries = 0;
        let (back, Brought { plan, proof, failed_state, before }) = loop {
            tries += 1;
            let mut back = self.engine.restore(&name, conduct).await?;
            self.seen_by(watch.take()).await;
            match self.restore_in(&mut *back, &name, of_a_failure).await {
                Ok(brought) => break (back, brought),
                Err(error) => {
                    back.abandon().await;
                    // The server has rolled all of it back to let another session go on.
                    if tries == ATTEMPTS || !say::gave_way(&error) {
                        return Err(error);
                    }
                }
            }
        };
        let whole = back.is_whole();
        fault::before(Transition::Restore)?;
        let committed = back.commit().await.map_err(say::restore_commit_failed);
        self.committed(committed, Marked::No, Stage::Restored).await?;
        fault::after(Transition::Restore)?;
        self.leave(format!("{} compared", plural(plan.tables.len(), "table")));
        let foreign = self.record.foreign_seen;
        self.report.restore = Some(RestoreReport {
            method: if whole { "database" } else { "tables" }.to_owned(),
            proof: if proof.counts_only { "counts" } else { "contents" }.to_owned(),
            rows_compared: proof.rows,
            kept_writes: plan.kept,
            discarded_writes: match &plan.foreign_tables {
                Some(theirs) => self.of_users(theirs),
                None if foreign => self.of_users(&plan.tables),
                None => Vec::new(),
            },
            discarded_rows: std::mem::take(&mut self.taken_back),
            tables: plan.tables,
            failed_state: Some(failed_state),
            committed_between: None,
            late_rows: plan.late.clone(),
            duration_ms: time::ms(began.elapsed()),
        });
        self.after_restore(before).await
    }

    /// A connection that can tell later whether others have committed; none where nobody else can.
    async fn watch(&self) -> Option<(Box<dyn Connection>, i64)> {
        if !self.engine.capabilities().durable {
            return None;
        }
        let mut watch = self.engine.connect(Role::Read).await.ok()?;
        let then = watch.foreign_commits().await.ok()?;
        Some((watch, then))
    }

    /// What was committed since is others': the restore has its lock, and has committed nothing.
    async fn seen_by(&mut self, watch: Option<(Box<dyn Connection>, i64)>) {
        let Some((mut watch, then)) = watch else { return };
        self.record.foreign_seen |= watch.foreign_commits().await.is_ok_and(|now| now != then);
        watch.close().await;
    }

    async fn restore_in(
        &mut self,
        back: &mut dyn RestoreTransaction,
        snapshot: &str,
        of_a_failure: bool,
    ) -> Result<Brought> {
        back.connection()?.hold(self.lock.guard.clone()).await?;
        self.enter(Phase::FailedState, "").await?;
        let mut plan = self.plan_restore(back).await?;
        let orphans = self.orphans(back).await?;
        self.go_on()?;
        fault::before(Transition::RestoreLocks)?;
        back.lock(&plan.steps).await?;
        fault::after(Transition::RestoreLocks)?;
        // Each start that can't decide would keep one more copy of what is as it was.
        let kept = if plan.undecided.is_some() { self.failed_states().await? } else { Vec::new() };
        let failed_state = match kept.into_iter().next() {
            Some(first) => first,
            None => self.keep_failed_state(back).await?,
        };
        self.leave(failed_state.clone());
        if let Some(why) = &plan.undecided {
            return Err(say::foreign_writes(why, &self.record, &failed_state));
        }
        let whole = back.is_whole();
        let phase = if whole { Phase::RestoreDatabase } else { Phase::Restore };
        self.enter(phase, snapshot).await?;
        let (progress, all, mut done) = (self.progress(), self.rows_back(&plan), 0);
        for step in &plan.steps {
            self.go_on()?;
            fault::before(Transition::RestoreStep).map_err(say::restore_failed)?;
            back.apply(step).await.map_err(say::restore_failed)?;
            fault::after(Transition::RestoreStep)?;
            if let Step::Rows(table) = step {
                let known = self.then.find(table.kind, &table.name);
                done += known.and_then(|known| known.rows).unwrap_or(0);
                progress.tell(Counted::Rows, done, Some(2 * all));
            }
        }
        if whole {
            self.keep_late_rows(back, &mut plan).await.map_err(say::restored_unproved)?;
        }
        fault::before(Transition::Proof)?;
        let proof = self.prove(back, &plan).await;
        let proof = if whole { proof.map_err(say::restored_unproved)? } else { proof? };
        fault::after(Transition::Proof)?;
        if self.record.is_of_tables() {
            self.leave_the_history(back, orphans).await?;
        } else if of_a_failure {
            self.close_the_history(back).await?;
        }
        if self.record.is_from_a_clone() {
            self.keep_the_id(back).await?;
        }
        self.moment_is_there(snapshot).await?;
        let before = back.connection()?.moment().await?;
        Ok(Brought { plan, proof, failed_state, before })
    }

    /// A moment that is in no snapshot could be read when this began; what was read of it is whole if it
    /// can be read still.
    async fn moment_is_there(&self, name: &str) -> Result<()> {
        let Some(at) = moment_of(name) else { return Ok(()) };
        let mut moments = self.engine.moments().await?;
        let there = moments.can_read(&Moment::At(at)).await;
        moments.close().await;
        if there? { Ok(()) } else { Err(say::moment_lost(name)) }
    }

    /// What others committed after the failed state and before the database was replaced.
    async fn keep_late_rows(
        &mut self,
        back: &mut dyn RestoreTransaction,
        plan: &mut RestorePlan,
    ) -> Result<()> {
        let failed_states = self.failed_states().await?;
        for late in back.between(&failed_states).await? {
            self.tell(&Event::Note(say::written_between(&late)));
            plan.foreign_tables.get_or_insert_default().extend(late.tables);
            plan.late = Some(late.kept);
        }
        Ok(())
    }

    async fn plan_restore(&mut self, back: &mut dyn RestoreTransaction) -> Result<RestorePlan> {
        let (then, now) = self.concerned(back.look(&self.then).await?);
        self.report_definitions(&then, &now);
        let mut touched = self.record.touched.clone();
        if !self.record.is_of_tables() {
            touched.tables.insert(self.settings.history_table.clone());
        }
        let named =
            |name: &str| touched.tables.iter().any(|known| known.eq_ignore_ascii_case(name));
        let all = touched.unknown
            || self.settings.foreign_writes != ForeignWrites::Keep
            || back.is_whole()
            || then.tables().count() <= LOOKED_THROUGH;
        let mut rows_differ = BTreeSet::new();
        let rows = |table: &Object| {
            self.then.find(table.kind, &table.name).and_then(|known| known.rows).unwrap_or(0)
        };
        let total: u64 = then.tables().map(rows).sum();
        let (progress, mut done) = (self.progress(), 0);
        for table in then.objects.iter().filter(|object| object.kind.has_rows()) {
            let same_definition =
                now.find(table.kind, &table.name).is_some_and(|found| found.sql == table.sql);
            // To plan what comes back; the proof is made by `prove`. Where a table comes back in moments,
            // one that was touched does so without a comparison, which may take minutes.
            let ours = named(&table.name);
            let at_once = ours && self.engine.capabilities().cheap_clones;
            let step = progress.within(done, total);
            if same_definition && (at_once || ((all || ours) && back.differs(table, &step).await?))
            {
                rows_differ.insert(table.name.clone());
            }
            done += rows(table);
            progress.tell(Counted::Rows, done.min(total), Some(total));
        }
        let concerned: BTreeSet<String> = (then.tables().map(|table| &table.name))
            .filter(|name| rows_differ.contains(*name) || named(name))
            .filter(|name| **name != self.settings.history_table)
            .cloned()
            .collect();
        let made: BTreeSet<String> =
            (now.tables().filter(|table| then.table(&table.name).is_none()))
                .map(|table| table.name.clone())
                .filter(|name| (touched.unknown || named(name)) && !self.is_own(name))
                .collect();
        let theirs = if self.record.is_of_tables() {
            None
        } else {
            self.written_by_others(back.connection()?, concerned.iter(), &made).await?
        };
        self.record.foreign_seen |= theirs.as_ref().is_some_and(|theirs| !theirs.is_empty());
        let written: Option<BTreeSet<String>> =
            theirs.as_ref().map(|theirs| theirs.keys().cloned().collect());
        let mut plan = restore_plan(&Situation {
            then: &then,
            now: &now,
            rows_differ: &rows_differ,
            touched: &touched,
            foreign: self.record.foreign_seen,
            foreign_tables: written.as_ref(),
            policy: self.settings.foreign_writes,
        });
        if self.record.is_of_tables() {
            // What belongs to the database as a whole stays.
            plan.steps.retain(|step| !matches!(step, Step::Catalogue(_)));
        }
        let plan = if back.is_whole() { plan.of_the_whole(&then, &now) } else { plan };
        self.record.foreign_seen = plan.foreign;
        let taken = theirs.unwrap_or_default().into_iter();
        self.taken_back = taken
            .filter(|(table, _)| plan.tables.contains(table))
            .map(|(table, theirs)| {
                let rows = CheckReport::evidence(&theirs.rows, self.settings.evidence);
                TakenBack { table, count: theirs.count, rows }
            })
            .collect();
        Ok(plan)
    }

    /// The tables that an application made.
    fn of_users(&self, tables: &[String]) -> Vec<String> {
        tables.iter().filter(|name| !self.is_own(name)).cloned().collect()
    }

    /// What could not be in the restore's transaction: from what the ledger wrote down of the snapshot.
    pub(super) async fn put_back_afterwards(&mut self) -> Result<()> {
        let Some(name) = self.record.snapshot.clone() else { return Ok(()) };
        let Some(known) = self.ledger.snapshot(&name).await? else { return Ok(()) };
        let touched = self.record.touched.clone();
        let replaced = if self.ledger.was_in(&self.record.id, Phase::RestoreDatabase).await? {
            self.failed_states().await?.pop()
        } else {
            None
        };
        let (then, replaced) = (&known.inventory, replaced.as_deref());
        fault::before(Transition::Afterwards)?;
        self.engine.put_back_afterwards(then, &touched, replaced).await?;
        fault::after(Transition::Afterwards)
    }

    /// What is told and looked at once the database is back, which it was not before this moment.
    async fn after_restore(&mut self, before: Option<i64>) -> Result<()> {
        self.enter(Phase::Afterwards, "").await?;
        self.put_back_afterwards().await?;
        let mut read = self.engine.connect(Role::Work).await?;
        let touched = &self.record.touched;
        let counts = if touched.unknown { Counts::With } else { Counts::Of(&touched.tables) };
        let now = self.engine.inventory(&mut *read, counts, &self.then).await;
        let history = History::read(&mut *read, &self.settings.history_table).await;
        let after = read.moment().await;
        read.close().await;
        let (now, history, after) = (now?, history?, after?);
        if let (Some(restore), Some(before), Some(after)) =
            (&mut self.report.restore, before, after)
        {
            restore.committed_between = Some([before, after]);
        }
        if history.as_ref().is_some_and(|history| history.marker.is_some()) {
            return Err(say::proof_failed("the marker of the run is still there"));
        }
        self.report.to = history.and_then(|history| history.latest(&self.settings.set));
        self.report_tables_put_back(&now);
        self.tell(&Event::State(self.state(&now)));
        self.leave("");
        Ok(())
    }

    /// The run's snapshot, as the report shows it.
    pub(crate) fn report_snapshot(&mut self, snapshot: &SnapshotRecord) {
        self.report.snapshot = Some(SnapshotReport {
            name: snapshot.name.clone(),
            scope: snapshot.level.clone(),
            created_at: time::rfc3339(snapshot.created_at),
            delete_after: snapshot.delete_after.filter(|_| !snapshot.pinned).map(time::rfc3339),
        });
    }
}

pub(super) fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
