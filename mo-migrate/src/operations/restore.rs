//! `restore`: goes back to the snapshot of a run, taking back every later run with it; or brings single
//! tables back, and leaves the history as it is.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::restore_preview::{RestorePreview, Wanted};
use super::{Operations, Settled};
use crate::engine::{
    Counts, Engine, Inventory, Object, ObjectKind, Role, Touched, inventory_of_snapshot,
};
use crate::error::{Error, Result, say};
use crate::guard::job::Job;
use crate::guard::{Run, Stage, record_of};
use crate::history::{Applied, History, HistoryWriter};
use crate::ledger::{Ledger, RESTORE_AT, RESTORE_CLONE, RESTORE_TABLES, RunRecord, SnapshotRecord};
use crate::observer::Event;
use crate::plan::{Goal, tolerant};
use crate::report::{Outcome, Report};
use crate::settings::{ForeignWrites, RestoreMethod};
use crate::snapshot::{FAILED, FROM_CLONE, clone_of, moment_of_run};
use crate::time;

/// What a restore goes back to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back<'a> {
    /// The snapshot of this name or run, or the newest.
    To(Option<&'a str>),
    /// A moment that is in no snapshot.
    At(SystemTime),
}

impl Back<'_> {
    fn is_a_moment(self) -> bool {
        matches!(self, Self::At(_))
    }
}

impl Operations<'_> {
    /// The same with the settings for it. Who names a moment wants the database as it was then, whoever
    /// wrote since.
    fn for_the(&self, back: Back<'_>) -> Operations<'_> {
        let mut settings = self.settings.clone();
        if back.is_a_moment() {
            settings.restore_method = RestoreMethod::Tables;
            if settings.foreign_writes == ForeignWrites::Keep {
                settings.foreign_writes = ForeignWrites::Discard;
            }
        }
        Operations { engine: self.engine.clone(), set: self.set, settings }
    }

    async fn source_of(
        &self,
        ledger: &mut Ledger,
        back: Back<'_>,
        history: Option<&History>,
    ) -> Result<SnapshotRecord> {
        match back {
            Back::To(wanted) => find(self.engine(), ledger, wanted, history).await,
            Back::At(at) => self.moment(ledger, at).await,
        }
    }

    /// The name of the snapshot that `restore` would go back to.
    pub(super) async fn snapshot_meant(&self, wanted: Option<&str>) -> Result<String> {
        let mut ledger = Ledger::read(self.engine()).await?.ok_or_else(say::no_runs)?;
        let exists = self.engine.exists().await?;
        let history = if exists { self.history(Role::Read).await? } else { None };
        let found = find(self.engine(), &mut ledger, wanted, history.as_ref()).await;
        ledger.close().await;
        found.map(|snapshot| snapshot.name)
    }

    /// What `restore` would do.
    pub(crate) async fn restore_preview(
        &self,
        back: Back<'_>,
        tables: &[String],
    ) -> Result<RestorePreview> {
        let mut ledger = Ledger::read(self.engine()).await?.ok_or_else(say::no_runs)?;
        let operations = self.for_the(back);
        let preview = Box::pin(operations.preview_on(&mut ledger, back, tables)).await;
        ledger.close().await;
        preview
    }

    async fn preview_on(
        &self,
        ledger: &mut Ledger,
        back: Back<'_>,
        tables: &[String],
    ) -> Result<RestorePreview> {
        if !self.engine.exists().await? {
            let is_open = ledger.open_run().await?.is_some();
            return Err(say::nothing_to_restore_into(self.engine.no_database().await, is_open));
        }
        let history = self.history(Role::Read).await?;
        let snapshot = self.source_of(ledger, back, history.as_ref()).await?;
        let runs = ledger.runs().await?;
        let alone = self.alone(&snapshot, tables).await?;
        is_no_half_run(&snapshot, &runs, alone.is_some())?;
        let (later, mut touched) = self.since(&snapshot, &runs, history.as_ref()).await?;
        let mut version = snapshot.version_before;
        if let Some(alone) = &alone {
            touched = Touched { tables: alone.clone(), ..Touched::default() };
            version = history.as_ref().and_then(|history| history.latest(&self.settings.set));
        }
        if clone_of(&snapshot.purpose).is_some() {
            touched = self.all_of_both(&snapshot).await?;
        }
        let shown = touched.tables.iter().filter(|table| **table != self.settings.history_table);
        let mut preview = RestorePreview {
            snapshot: snapshot.name.clone(),
            created_at: time::rfc3339(snapshot.created_at),
            of_a_moment: back.is_a_moment(),
            version,
            tables: shown.cloned().collect(),
            unknown: touched.unknown,
            alone: alone.is_some(),
            runs: if alone.is_some() { Vec::new() } else { later.clone() },
            open_run: runs.iter().find(|run| run.outcome.is_none()).map(|run| run.id.clone()),
            nothing_to_do: false,
            undecided: None,
            changes: Vec::new(),
            objects: Vec::new(),
            writes: Vec::new(),
            told_apart: false,
            takes: None,
        };
        let number = later.len();
        let later: Vec<RunRecord> =
            runs.into_iter().filter(|run| later.contains(&run.id)).collect();
        let all_known = later.len() == number;
        let all = back.is_a_moment() && alone.is_none();
        let same = alone.is_some() || self.has_its_history(&snapshot, history.as_ref()).await?;
        let mut wanted = Wanted { snapshot, touched, later, all_known, alone, all };
        Box::pin(self.look_at(&mut preview, &mut wanted, ledger)).await?;
        preview.nothing_to_do &= same;
        if preview.nothing_to_do {
            preview.runs.clear();
        }
        Ok(preview)
    }

    /// The history of the snapshot is the one that is there.
    async fn has_its_history(
        &self,
        snapshot: &SnapshotRecord,
        now: Option<&History>,
    ) -> Result<bool> {
        let then = self.history_then(&snapshot.name).await?;
        let of = |history: &History| (history.applied.clone(), history.marker.clone());
        Ok(then.as_ref().map(of) == now.map(of))
    }

    /// Nothing would come back. Tables are compared where the history leaves it open, and alone.
    async fn has_nothing_to_go_back(
        &self,
        ledger: &mut Ledger,
        back: Back<'_>,
        tables: &[String],
        snapshot: &SnapshotRecord,
        history: Option<&History>,
    ) -> Result<bool> {
        if clone_of(&snapshot.purpose).is_some()
            || (tables.is_empty()
                && snapshot.table().is_none()
                && !self.has_its_history(snapshot, history).await?)
        {
            return Ok(false);
        }
        let preview = Box::pin(self.preview_on(ledger, back, tables)).await?;
        Ok(preview.nothing_to_do)
    }

    /// Goes back.
    pub(crate) async fn restore(&self, back: Back<'_>, tables: &[String]) -> Result<Report> {
        Box::pin(self.for_the(back).restore_to(back, tables)).await
    }

    async fn restore_to(&self, back: Back<'_>, tables: &[String]) -> Result<Report> {
        let Settled { lock, mut ledger, history, .. } = self.settled().await?;
        let mut snapshot = self.source_of(&mut ledger, back, history.as_ref()).await?;
        if snapshot.inventory.objects.is_empty() && !back.is_a_moment() {
            // A failed state is not read back when it is made, for the locks are held then. Whoever goes
            // back to it, or brings that to its end, has to know what is in it.
            let name = &snapshot.name;
            snapshot.inventory = inventory_of_snapshot(self.engine(), name, Counts::With).await?;
            ledger.complete_snapshot(&snapshot).await?;
        }
        let alone = self.alone(&snapshot, tables).await?;
        // What can't be looked at is for the restore to say, which tests the snapshot first.
        let now = history.as_ref();
        let nothing = self.has_nothing_to_go_back(&mut ledger, back, tables, &snapshot, now).await;
        if nothing.unwrap_or(false) {
            ledger.close().await;
            let version = history.and_then(|history| history.latest(&self.settings.set));
            return Ok(self.as_it_is(version));
        }
        let runs = ledger.runs().await?;
        is_no_half_run(&snapshot, &runs, alone.is_some())?;
        let (_, mut touched) = self.since(&snapshot, &runs, history.as_ref()).await?;
        let from_clone = clone_of(&snapshot.purpose).is_some();
        if from_clone {
            touched = self.all_of_both(&snapshot).await?;
            let until = self.settings.keep.until(FROM_CLONE, time::now_ms());
            ledger.retain(&snapshot.name, Some(until), false).await?;
            snapshot.delete_after = Some(until);
        }
        let set = &self.settings.set;
        let nothing = tolerant(self.set, history.as_ref(), Goal::Steps(0), set)?;
        let mut job = Job::up(&nothing, self.set, self.engine(), &self.settings)?;
        job.purpose = match (&alone, back) {
            (Some(_), _) => RESTORE_TABLES,
            (None, _) if from_clone => RESTORE_CLONE,
            (None, Back::At(_)) => RESTORE_AT,
            (None, Back::To(_)) => "restore",
        };
        job.checks.clear();
        job.to = if alone.is_some() { job.from } else { snapshot.version_before };
        let mut record = record_of(&job, &self.settings, history.as_ref());
        if back.is_a_moment() {
            snapshot.name = moment_of_run(&snapshot.name, &record.id);
            snapshot.run = Some(record.id.clone());
        }
        record.snapshot = Some(snapshot.name.clone());
        record.touched = match alone {
            Some(tables) => Touched { tables, ..Touched::default() },
            None if back.is_a_moment() => Touched { unknown: true, ..touched },
            None => touched,
        };
        // Hours may have passed: what others wrote since can't be told from the runs' own.
        record.foreign_seen = true;
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = history;
        run.go_back(&snapshot).await
    }
}

impl Operations<'_> {
    /// The runs that going back to this snapshot takes back, and what they touched together. What a
    /// run touched that the history names and the ledger does not know can't be told.
    async fn since(
        &self,
        snapshot: &SnapshotRecord,
        runs: &[RunRecord],
        history: Option<&History>,
    ) -> Result<(Vec<String>, Touched)> {
        let (mut later, mut touched) = since(snapshot, runs);
        let mut unknown: Vec<&Applied> = history
            .into_iter()
            .flat_map(|history| &history.applied)
            .filter(|row| !row.run.is_empty() && !runs.iter().any(|run| run.id == row.run))
            .collect();
        if !unknown.is_empty() {
            let then = self.history_then(&snapshot.name).await?.unwrap_or_default();
            unknown.retain(|row| !then.applied.iter().any(|known| known.run == row.run));
        }
        // Made anew since, or emptied by hand: no run has done that, and nothing of it is to stay so.
        if history.is_none() && self.history_then(&snapshot.name).await?.is_some() {
            touched.unknown = true;
        }
        for row in unknown {
            touched.unknown = true;
            if !later.contains(&row.run) {
                later.insert(0, row.run.clone());
            }
        }
        Ok((later, touched))
    }

    /// What a clone has and what is here: all of it is as it is in the clone afterwards.
    async fn all_of_both(&self, snapshot: &SnapshotRecord) -> Result<Touched> {
        let mut look = self.engine.connect(Role::Work).await?;
        let now = self.engine.inventory(&mut *look, Counts::Without, &Inventory::NOTHING).await;
        look.close().await;
        let now = now?;
        let both = snapshot.inventory.objects.iter().chain(&now.objects);
        let named =
            |kind: ObjectKind| !kind.is_put_back_afterwards() || kind == ObjectKind::Sequence;
        let tables = both.filter(|object| named(object.kind)).map(|object| object.name.clone());
        Ok(Touched { tables: tables.collect(), definitions: true, ..Touched::default() })
    }

    /// The tables that come back alone, by their names in the snapshot: those that were asked for, or
    /// the one of which the snapshot is. None when everything comes back.
    async fn alone(
        &self,
        snapshot: &SnapshotRecord,
        tables: &[String],
    ) -> Result<Option<BTreeSet<String>>> {
        if tables.is_empty() {
            return Ok(snapshot.table().map(|table| [table.to_owned()].into()));
        }
        let mut inventory = snapshot.inventory.clone();
        if inventory.objects.is_empty() {
            inventory =
                inventory_of_snapshot(self.engine(), &snapshot.name, Counts::Without).await?;
        }
        let is_table =
            |object: &&Object| matches!(object.kind, ObjectKind::Table | ObjectKind::VirtualTable);
        let names = inventory.objects.iter().filter(is_table).map(|table| table.name.as_str());
        let known: Vec<&str> = names.filter(|name| *name != self.settings.history_table).collect();
        let mut found = BTreeSet::new();
        for table in tables {
            if table.eq_ignore_ascii_case(&self.settings.history_table) {
                return Err(say::history_comes_with_all(table));
            }
            let name = known.iter().find(|name| name.eq_ignore_ascii_case(table));
            let name = name.ok_or_else(|| say::not_in_snapshot(table, snapshot, &known))?;
            found.insert((*name).to_owned());
        }
        Ok(Some(found))
    }
}

impl Run<'_> {
    /// A moment is written down as a snapshot would be: what is done after the restore is by that.
    async fn know(&mut self, snapshot: &SnapshotRecord) -> Result<()> {
        if self.record.is_of_a_moment() { self.ledger.add_snapshot(snapshot).await } else { Ok(()) }
    }

    async fn go_back(mut self, snapshot: &SnapshotRecord) -> Result<Report> {
        self.begin(None).await?;
        self.report_snapshot(snapshot);
        // The marker goes with the restore: while it is there, the restore was not committed.
        let began = match self.know(snapshot).await {
            Ok(()) => self.tell_before().await,
            failed => failed,
        };
        let began = match began {
            Ok(()) => self.mark_committed().await,
            failed => failed,
        };
        let restored = match began {
            Ok(()) => Box::pin(self.restore(&[])).await,
            failed => failed,
        };
        let restored = match restored {
            Ok(()) => Ok(()),
            Err(error) => {
                if let Some(taken) = self.taken_over().await {
                    // What the ledger says of it is the other's to write.
                    self.ledger.close().await;
                    return Err(say::run_taken_over(taken, &error).reported(self.report));
                }
                Err(self.not_gone_back(error).await)
            }
        };
        // What can't be tidied up now is left to the next start.
        let is_open =
            restored.is_err() && (self.stage != Stage::Untouched || self.tidy_up().await.is_err());
        self.report.outcome = restored.as_ref().map_or_else(Error::outcome, |()| Outcome::Restored);
        self.report.error = restored.as_ref().err().map(Into::into);
        if !is_open {
            self.record.outcome = Some(self.report.outcome);
            self.record.finished_at = Some(time::now_ms());
        }
        if let Err(error) = self.write_report().await {
            // What was done is done; the next command that opens the ledger writes it down.
            self.tell(&Event::Note(format!("warning: {error}")));
        } else if !is_open && self.record.is_of_a_moment() {
            // Once it is over: a recovery asks for it. What stays of it is pruned.
            let _ = self.ledger.forget_snapshot(&snapshot.name).await;
        }
        self.tell_end(self.report.outcome).await;
        self.ledger.close().await;
        restored.map(|()| self.report)
    }

    /// What is true when the restore did not come to its end.
    async fn not_gone_back(&mut self, error: Error) -> Error {
        // It is committed: what comes after it is done by the next start.
        if self.stage == Stage::Restored {
            return say::not_yet_finished(error, self.stage);
        }
        let began = self.stage != Stage::Untouched;
        match self.unmark().await {
            Ok(true) => say::restore_by_hand_failed(error, &self.record),
            Ok(false) if !began => say::restore_by_hand_failed(error, &self.record),
            // The connection was lost while it was committed, and that was done.
            Ok(false) => say::not_yet_finished(error, Stage::Restored),
            Err(_) if self.stage == Stage::Unknown => say::commit_unknown(error),
            Err(why) => say::restore_by_hand_open(error, &why, &self.record),
        }
    }

    /// The restore changed nothing: the marker goes, and the database is as it was. Gives whether it was
    /// there: it goes with a restore that was committed.
    async fn unmark(&mut self) -> Result<bool> {
        self.close_work().await;
        let mut work = self.engine.connect(Role::Work).await?;
        let table = self.settings.history_table.clone();
        let gone = async {
            work.begin().await?;
            let history = History::read(&mut *work, &table).await?;
            if history.is_none_or(|history| history.marker.is_none()) {
                return Ok(false);
            }
            let mut writer = HistoryWriter { connection: &mut *work, table: &table };
            writer.take_back(&self.record.id).await?;
            work.commit().await.map(|()| true)
        };
        let gone = gone.await;
        work.close().await;
        if gone? {
            self.stage = Stage::Untouched;
            return Ok(true);
        }
        Ok(false)
    }
}

/// The snapshot that is meant: by its name, by the run that made it, or the newest one of this
/// database.
pub(super) async fn find(
    engine: &dyn Engine,
    ledger: &mut Ledger,
    wanted: Option<&str>,
    history: Option<&History>,
) -> Result<SnapshotRecord> {
    let snapshots = ledger.snapshots().await?;
    let way_back = |snapshot: &&SnapshotRecord| snapshot.is_way_back();
    let there = engine.snapshots().await?;
    let is_there =
        |snapshot: &&SnapshotRecord| there.iter().any(|facts| facts.name == snapshot.name);
    let Some(wanted) = wanted else {
        let newest = snapshots.iter().find(way_back);
        let others = of_another(newest, ledger, history).await?;
        if let Some(snapshot) = others {
            return Err(say::snapshot_of_another(&snapshot));
        }
        let newest = newest.ok_or_else(say::no_runs)?;
        if is_there(&newest) {
            return Ok(newest.clone());
        }
        // Another one would take back more than was asked for.
        let next = snapshots.iter().filter(way_back).find(is_there);
        return Err(say::newest_snapshot_gone(newest, next));
    };
    let by_name = snapshots.iter().find(|snapshot| snapshot.name == wanted);
    let of_run = || snapshots.iter().filter(way_back).find(|s| s.run.as_deref() == Some(wanted));
    if let Some(found) = by_name.or_else(of_run) {
        return if is_there(&found) {
            Ok(found.clone())
        } else {
            Err(say::snapshot_gone(&found.name))
        };
    }
    let runs = ledger.runs().await?;
    if let Some(run) = runs.iter().find(|run| run.id == wanted) {
        return Err(say::run_without_snapshot(run));
    }
    let known = snapshots.iter().map(|snapshot| snapshot.name.as_str());
    Err(say::no_snapshot_named(wanted, known.chain(runs.iter().map(|run| run.id.as_str()))))
}

/// A failed state of migrations has half of them, and a history that knows nothing of that; of single
/// tables whoever names them may have what they held. What stood there before a restore, or after a guard,
/// was whole.
fn is_no_half_run(snapshot: &SnapshotRecord, runs: &[RunRecord], tables: bool) -> Result<()> {
    let made_it = |run: &&RunRecord| snapshot.run.as_deref() == Some(run.id.as_str());
    match runs.iter().find(made_it) {
        Some(run)
            if snapshot.purpose == FAILED
                && !tables
                && !run.goes_back()
                && !run.is_of_a_guard() =>
        {
            Err(say::half_of_a_run(&snapshot.name, &run.id))
        }
        _ => Ok(()),
    }
}

/// The snapshot, where the run that made it was of another database than the one that is there now.
async fn of_another(
    snapshot: Option<&SnapshotRecord>,
    ledger: &mut Ledger,
    history: Option<&History>,
) -> Result<Option<String>> {
    let Some((snapshot, history)) = snapshot.zip(history) else { return Ok(None) };
    let runs = ledger.runs().await?;
    let run = runs.iter().find(|run| snapshot.run.as_deref() == Some(run.id.as_str()));
    let id = run.map_or("", |run| run.database_id.as_str());
    let other = !id.is_empty() && !history.database_id.is_empty() && id != history.database_id;
    Ok(other.then(|| snapshot.name.clone()))
}

/// The runs that began after a snapshot was made, or made it, and what they touched together.
fn since(snapshot: &SnapshotRecord, runs: &[RunRecord]) -> (Vec<String>, Touched) {
    let mut touched = Touched::default();
    let mut later = Vec::new();
    for run in runs {
        let own = snapshot.run.as_deref() == Some(run.id.as_str());
        let wrote = matches!(
            run.outcome,
            Some(Outcome::Applied | Outcome::Restored | Outcome::NeedsPerson)
        );
        if own || (wrote && run.started_at >= snapshot.created_at) {
            touched.extend(&run.touched);
            later.push(run.id.clone());
        }
    }
    (later, touched)
}
