//! The way back: verify the snapshot on a clone, plan, take the locks, keep the failed state,
//! restore, prove, commit.
//!
//! Invariants:
//! 1. nothing is restored from a snapshot that was not verified on a clone just before;
//! 2. the failed state is kept after writers are locked out and before the first change;
//! 3. the proof ([`prove`](Run::prove)) is made inside the transaction; without it nothing is
//!    committed. A server's own command commits by itself: its phase is one that the next start does
//!    again, and it is left when the proof was made;
//! 4. when any step fails, the transaction is abandoned, and a person decides.

use std::collections::BTreeSet;
use std::time::Instant;

use super::job::Judge;
use super::restore_plan::{RestorePlan, Situation, restore_plan};
use super::run::{Run, Stage};
use crate::engine::{
    Conduct, Counts, Engine, Inventory, Object, RestoreTransaction, SnapshotFacts, Step,
};
use crate::error::{Error, Result, say};
use crate::fault::{self, Transition};
use crate::history::History;
use crate::ledger::SnapshotRecord;
use crate::observer::{Event, Phase};
use crate::report::{CheckReport, RestoreReport, SnapshotReport, TakenBack};
use crate::settings::{ForeignWrites, RestoreMethod};
use crate::{snapshot, time};

/// In a larger database, tables that the run did not touch are not looked through for others' writes,
/// which stay where they are in any case.
const LOOKED_THROUGH: usize = 100;

/// How often a restore that gave way to other sessions is tried.
const ATTEMPTS: u32 = 5;

/// What the proof compared.
#[derive(Clone, Copy, Debug, Default)]
struct Proof {
    rows: u64,
    counts_only: bool,
}

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
        if let Some(work) = self.work.as_mut() {
            // What it can't tell any more is found by comparing.
            let _ = work.rollback().await;
            let _ = self.look_for_foreign_commits().await;
        }
        self.close_work().await;
        let name = self.record.snapshot.clone().ok_or_else(say::no_way_back)?;
        self.verify_on_clone(&name, checks).await?;
        let mut conduct = Conduct::from(&self.settings);
        if self.record.is_of_tables() {
            conduct.method = RestoreMethod::Tables;
        }
        let mut tries = 0;
        let (back, Brought { plan, proof, failed_state, before }) = loop {
            tries += 1;
            let mut back = self.engine.restore(&name, conduct).await?;
            match self.restore_in(&mut *back, &name).await {
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
        back.commit().await.map_err(say::restore_commit_failed)?;
        self.stage = Stage::Restored;
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

    /// The snapshot is cloned and the clone tested, before anything depends on it.
    pub(super) async fn verify_on_clone(&mut self, name: &str, checks: &[Judge]) -> Result<()> {
        self.enter(Phase::Verify, name).await?;
        let run = self.record.id.clone();
        let verified = self.test_clone(name, &run, checks).await;
        self.remove_clone(&run).await?;
        let found = verified.map_err(|error| say::snapshot_bad(name, error))?;
        self.leave(found);
        Ok(())
    }

    /// Removes the clone that was made for this run, if one was.
    pub(super) async fn remove_clone(&self, run: &str) -> Result<()> {
        fault::before(Transition::CloneRemoved)?;
        self.engine.drop_clone(run).await?;
        fault::after(Transition::CloneRemoved)
    }

    pub(super) async fn test_clone(
        &mut self,
        name: &str,
        run: &str,
        checks: &[Judge],
    ) -> Result<String> {
        let touched = &self.record.touched;
        let only: Option<Vec<String>> =
            (!touched.unknown).then(|| touched.tables.iter().cloned().collect());
        let known = self.ledger.snapshot(name).await?.map(|known| known.inventory);
        let nothing = Inventory::NOTHING;
        let base = known.as_ref().unwrap_or(&nothing);
        fault::before(Transition::Clone)?;
        let mut clone = self.engine.clone_snapshot(name, run, only.as_deref(), base).await?;
        fault::after(Transition::Clone)?;
        let tested = self.test_clone_on(&mut clone, known, checks).await;
        clone.connection.close().await;
        tested.map(|found| format!("{} is sound: {found}", clone.name))
    }

    async fn test_clone_on(
        &mut self,
        clone: &mut crate::engine::Clone,
        known: Option<Inventory>,
        checks: &[Judge],
    ) -> Result<String> {
        let damage = self.engine.damage(&mut *clone.connection).await?;
        if let Some(first) = damage.first() {
            return Err(say::damaged(first));
        }
        let found = self
            .engine
            .inventory(&mut *clone.connection, Counts::With, &Inventory::NOTHING)
            .await?;
        if let Some(known) = known {
            same_inventory(&known, &found, self.engine, clone.only.as_deref())?;
            self.then = known;
        } else {
            self.then.clone_from(&found);
        }
        if !checks.is_empty() {
            self.judge_on(&mut *clone.connection, checks).await?;
        }
        Ok(self.state(&found))
    }

    async fn restore_in(
        &mut self,
        back: &mut dyn RestoreTransaction,
        snapshot: &str,
    ) -> Result<Brought> {
        back.connection()?.hold(self.lock.guard.clone()).await?;
        self.enter(Phase::FailedState, "").await?;
        let mut plan = self.plan_restore(back).await?;
        let orphans = self.orphans(back).await?;
        fault::before(Transition::RestoreLocks)?;
        back.lock(&plan.steps).await?;
        fault::after(Transition::RestoreLocks)?;
        let failed_state = self.keep_failed_state(back).await?;
        self.leave(failed_state.clone());
        if let Some(why) = &plan.undecided {
            return Err(say::foreign_writes(why, &self.record, &failed_state));
        }
        let whole = back.is_whole();
        let phase = if whole { Phase::RestoreDatabase } else { Phase::Restore };
        self.enter(phase, snapshot).await?;
        for step in &plan.steps {
            fault::before(Transition::RestoreStep)?;
            back.apply(step).await.map_err(say::restore_failed)?;
            fault::after(Transition::RestoreStep)?;
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
        }
        let before = back.connection()?.moment().await?;
        Ok(Brought { plan, proof, failed_state, before })
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

    /// The failed states of this run, the newest first.
    async fn failed_states(&mut self) -> Result<Vec<String>> {
        let run = Some(self.record.id.clone());
        let mut all = self.ledger.snapshots().await?;
        all.retain(|snapshot| snapshot.run == run && snapshot.purpose == "failed");
        all.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.created_at));
        Ok(all.into_iter().map(|snapshot| snapshot.name).collect())
    }

    async fn keep_failed_state(&mut self, back: &mut dyn RestoreTransaction) -> Result<String> {
        let version = self.record.version_target.unwrap_or(0);
        let name = snapshot::name("failed", Some(version), time::now_ms());
        // Its name first, so that a death can't leave one that nobody knows.
        let before = self.record.failed_state.replace(name.clone());
        self.ledger.update_run(&self.record).await?;
        fault::before(Transition::FailedState)?;
        let kept = back.keep_failed_state(&name, self.progress()).await;
        if kept.is_err() {
            self.record.failed_state = before;
        }
        let facts = kept.map_err(say::failed_state)?;
        fault::after(Transition::FailedState)?;
        self.write_failed_state(facts).await?;
        Ok(name)
    }

    async fn write_failed_state(&mut self, facts: SnapshotFacts) -> Result<()> {
        let keep = i64::try_from(self.settings.keep.as_millis()).unwrap_or(i64::MAX);
        self.ledger
            .add_snapshot(&SnapshotRecord {
                name: facts.name,
                run: Some(self.record.id.clone()),
                purpose: "failed".to_owned(),
                level: facts.level,
                created_by: crate::lock::who(),
                created_at: facts.created_at,
                version_before: self.record.version_before,
                version_target: self.record.version_target,
                delete_after: Some(facts.created_at.saturating_add(keep)),
                pinned: false,
                bytes: facts.bytes,
                inventory: Inventory::default(),
            })
            .await
    }

    /// A failed state that was made by a run that died before it was written down.
    pub(super) async fn find_failed_state(&mut self) -> Result<()> {
        let Some(name) = self.record.failed_state.clone() else { return Ok(()) };
        if self.ledger.snapshot(&name).await?.is_some() {
            return Ok(());
        }
        let found = self.engine.snapshots().await?.into_iter().find(|facts| facts.name == name);
        if found.is_none() {
            self.record.failed_state = None;
        }
        match found {
            Some(facts) => self.write_failed_state(facts).await,
            None => Ok(()),
        }
    }

    /// The tables that an application made.
    fn of_users(&self, tables: &[String]) -> Vec<String> {
        let ours =
            |name: &&String| **name == self.settings.history_table || name.starts_with("sqlite_");
        tables.iter().filter(|name| !ours(name)).cloned().collect()
    }

    async fn plan_restore(&mut self, back: &mut dyn RestoreTransaction) -> Result<RestorePlan> {
        let (then, now) = self.concerned(back.look(&self.then).await?);
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
        for table in then.objects.iter().filter(|object| object.kind.has_rows()) {
            let same_definition =
                now.find(table.kind, &table.name).is_some_and(|found| found.sql == table.sql);
            // To plan what comes back; the proof is made by `prove`. Where a table comes back in moments,
            // one that was touched does so without a comparison, which may take minutes.
            let ours = named(&table.name);
            let at_once = ours && self.engine.capabilities().cheap_clones;
            if same_definition && (at_once || ((all || ours) && back.differs(table).await?)) {
                rows_differ.insert(table.name.clone());
            }
        }
        let concerned: BTreeSet<String> = (then.tables().map(|table| &table.name))
            .filter(|name| rows_differ.contains(*name) || named(name))
            .filter(|name| **name != self.settings.history_table)
            .cloned()
            .collect();
        let theirs = if self.record.is_of_tables() {
            None
        } else {
            self.written_by_others(back.connection()?, concerned.iter()).await?
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

    /// Compares all that the restore was to bring back, inside its transaction.
    async fn prove(
        &mut self,
        back: &mut dyn RestoreTransaction,
        plan: &RestorePlan,
    ) -> Result<Proof> {
        let (then, now) = self.concerned(back.inventories().await?);
        let foreign = self.record.foreign_seen;
        let moves = |object: &&Object| object.name == "sqlite_sequence" && foreign;
        let kept = |object: &&Object| {
            plan.kept.contains(&object.name) || plan.kept.contains(&object.table)
        };
        for object in then.objects.iter().filter(|object| !moves(object) && !kept(object)) {
            let found = now.find(object.kind, &object.name);
            if found.is_none_or(|found| found.sql != object.sql) {
                return Err(say::proof_failed(&format!(
                    "the definition of `{}` differs",
                    object.name
                )));
            }
        }
        for object in now.objects.iter().filter(|object| !moves(object) && !kept(object)) {
            if then.find(object.kind, &object.name).is_none() {
                return Err(say::proof_failed(&format!("`{}` is still there", object.name)));
            }
        }
        let mut proof = Proof::default();
        let concerned = |object: &&Object| {
            plan.tables.contains(&object.name) || object.name == "sqlite_sequence"
        };
        for table in then.objects.iter().filter(concerned) {
            if !table.kind.has_rows() || moves(&table) {
                continue;
            }
            let known = self.then.find(table.kind, &table.name).and_then(|known| known.rows);
            let large = known.is_some_and(|rows| rows > self.settings.proof_limit);
            proof.counts_only |= large;
            let compared =
                if large { back.compare_counts(table).await? } else { back.compare(table).await? };
            if compared.differs {
                return Err(say::proof_failed(&format!("rows of `{}` differ", table.name)));
            }
            proof.rows += compared.same;
        }
        if !plan.kept.is_empty() {
            self.count_orphans(back, plan).await?;
        }
        Ok(proof)
    }

    /// Rows that were kept may refer to rows that went: more orphans than there were need a person.
    async fn count_orphans(
        &mut self,
        back: &mut dyn RestoreTransaction,
        plan: &RestorePlan,
    ) -> Result<()> {
        let now = self.engine.foreign_key_violations(back.connection()?, None).await?.len();
        let Some(name) = self.record.snapshot.clone().filter(|_| now > 0) else { return Ok(()) };
        if now > self.violations_then(&name).await?.len() {
            Err(say::orphans(now, &plan.kept))
        } else {
            Ok(())
        }
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
        let mut read = self.engine.connect(crate::engine::Role::Work).await?;
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
        self.report_tables(&now);
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

/// Holds what a clone has against what the ledger says the snapshot had.
pub(crate) fn same_inventory(
    known: &Inventory,
    found: &Inventory,
    engine: &dyn Engine,
    only: Option<&[String]>,
) -> Result<(), Error> {
    let (known, found) = if engine.capabilities().whole_clones {
        (known.clone(), found.clone())
    } else {
        (known.tables_alone(only), found.tables_alone(None))
    };
    if !known.same_definitions(&found) {
        return Err(say::damaged(
            "its definitions are not those that were written down when it was made",
        ));
    }
    for table in known.objects.iter().filter(|object| object.rows.is_some()) {
        let now = found.find(table.kind, &table.name).and_then(|found| found.rows);
        if now != table.rows {
            return Err(say::damaged(&format!(
                "`{}` has {} rows, and had {} when it was made",
                table.name,
                now.unwrap_or(0),
                table.rows.unwrap_or(0)
            )));
        }
    }
    Ok(())
}
