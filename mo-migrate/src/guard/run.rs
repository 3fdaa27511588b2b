//! A run: what all phases share.

use std::time::Instant;

use super::job::Job;
use super::restore::plural;
use crate::engine::{Connection, Engine, Inventory, Role};
use crate::error::{Error, Result, say};
use crate::history::History;
use crate::ledger::{Ledger, RunRecord};
use crate::lock::{Held, Holder};
use crate::observer::{Event, Phase, Progress};
use crate::report::{DefinitionReport, Report, TableReport, TakenBack};
use crate::settings::Settings;
use crate::time;

/// How far a run has come, which says what undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing was changed.
    Untouched,
    /// All changes are in one open transaction.
    InTransaction,
    /// Something was committed.
    Committed,
    /// It was judged and is final.
    Kept,
    /// It was put back, and that is committed.
    Restored,
    /// Whether the last commit was done is not known.
    Unknown,
}

/// A run in progress.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    pub(crate) record: RunRecord,
    pub(crate) report: Report,
    pub(crate) stage: Stage,
    pub(crate) history: Option<History>,
    /// The snapshot's inventory with its counts.
    pub(crate) then: Inventory,
    pub(crate) work: Option<Box<dyn Connection>>,
    /// The connection's own number of foreign commits, when the snapshot was made.
    pub(crate) commits_then: i64,
    /// The snapshot can be read from the connection that did the work.
    pub(crate) before_attached: bool,
    /// What foreign keys were before the run switched them off.
    pub(crate) foreign_keys: Option<bool>,
    /// Held to the end; the file lock is free when this is dropped.
    pub(crate) lock: Held,
    /// The run is another one's that died: its last sign of life stays as it was.
    pub(crate) recovering: bool,
    /// Something is left to do, which the next start finds in the ledger.
    pub(super) unfinished: bool,
    /// Rows of others that the restore takes back.
    pub(super) taken_back: Vec<TakenBack>,
    /// Statements of the present migration that were done.
    pub(crate) sent: u64,
    /// How far the migrations are, from the present one's beginning.
    pub(super) within: Option<Progress>,
    phase_began: Instant,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        engine: &'a dyn Engine,
        settings: Settings,
        ledger: Ledger,
        lock: Held,
        record: RunRecord,
    ) -> Self {
        let mut report = Report::new(&settings.set, engine.name(), engine.database());
        report.run = Some(record.id.clone());
        report.from = record.version_before;
        report.to = record.version_before;
        Self {
            engine,
            settings,
            ledger,
            record,
            report,
            stage: Stage::Untouched,
            history: None,
            then: Inventory::default(),
            work: None,
            commits_then: 0,
            before_attached: false,
            foreign_keys: None,
            lock,
            sent: 0,
            recovering: false,
            unfinished: false,
            taken_back: Vec::new(),
            within: None,
            phase_began: Instant::now(),
        }
    }

    /// A phase begins: it is in the ledger before anything else happens.
    pub(crate) async fn enter(&mut self, phase: Phase, detail: &str) -> Result<()> {
        self.phase_began = Instant::now();
        if !self.recovering {
            self.record.heartbeat_at = time::now_ms();
        }
        self.ledger.phase(&mut self.record, phase, detail).await?;
        self.entered(detail);
        Ok(())
    }

    /// A phase has begun, and is in the ledger.
    pub(super) fn entered(&self, detail: &str) {
        let phase = self.record.phase;
        tracing::info!(run = %self.record.id, %phase, detail, "phase");
        self.tell(&Event::PhaseStarted { phase, detail: detail.to_owned() });
    }

    /// The phase ended well.
    pub(crate) fn leave(&mut self, detail: impl Into<String>) {
        let took = self.phase_began.elapsed();
        let phase = self.record.phase;
        *self.report.timings_ms.entry(phase.to_string()).or_default() += time::ms(took);
        self.tell(&Event::PhaseFinished { phase, detail: detail.into(), took });
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.settings.observer.event(event);
    }

    /// Tells the observer how far the present phase is.
    pub(crate) fn progress(&self) -> Progress {
        Progress::of(self.record.phase, &self.settings.observer)
    }

    /// The connection that does the work.
    pub(crate) fn work(&mut self) -> Result<&mut dyn Connection> {
        match self.work.as_mut() {
            Some(work) => Ok(&mut **work),
            None => Err(say::connection_lost()),
        }
    }

    /// A connection that does the run's work, and keeps the lock until it is really closed.
    pub(super) async fn open_work(&self) -> Result<Box<dyn Connection>> {
        let mut work = self.engine.connect(Role::Work).await?;
        work.hold(self.lock.guard.clone()).await?;
        Ok(work)
    }

    /// Closes the connection that did the work: an open transaction of it would be in its own way.
    pub(crate) async fn close_work(&mut self) {
        self.before_attached = false;
        if let Some(mut work) = self.work.take() {
            let _ = work.rollback().await;
            if let Some(were) = self.foreign_keys {
                let _ = work.foreign_keys(were).await;
            }
            work.close().await;
        }
    }

    /// An interruption is an error like another one: the run is undone.
    pub(crate) fn go_on(&self) -> Result<()> {
        if self.settings.stop.asked() { Err(say::interrupted()) } else { Ok(()) }
    }

    /// Others have committed since the snapshot, as far as this connection can tell.
    pub(crate) async fn look_for_foreign_commits(&mut self) -> Result<bool> {
        if !self.record.foreign_seen {
            let then = self.commits_then;
            let now = self.work()?.foreign_commits().await?;
            self.record.foreign_seen = now != then;
        }
        Ok(self.record.foreign_seen)
    }

    /// The table is the framework's or the engine's, and no user's.
    pub(super) fn is_own(&self, table: &str) -> bool {
        table == self.settings.history_table || table.starts_with("sqlite_")
    }

    /// The touched tables, as they were and as they are in `now`.
    pub(crate) fn report_tables(&mut self, now: &Inventory) {
        let mut names: Vec<String> = self.record.touched.tables.iter().cloned().collect();
        let both = self.then.tables().chain(now.tables());
        names.extend(both.filter(|_| self.record.touched.unknown).map(|table| table.name.clone()));
        names.retain(|name| !self.is_own(name));
        names.sort();
        names.dedup();
        let columns = |inventory: &Inventory, name: &str| {
            let table = inventory.table(name);
            table.map_or_else(Vec::new, |table| {
                table.shown_columns().map(|column| column.name.clone()).collect()
            })
        };
        let tables = names.into_iter().map(|name| TableReport {
            rows_before: self.then.table(&name).and_then(|table| table.rows),
            rows_after: now.table(&name).and_then(|table| table.rows),
            columns_before: columns(&self.then, &name),
            columns_after: columns(now, &name),
            rows_failed: None,
            name,
        });
        self.report.tables = tables
            .filter(|table| table.rows_before.is_some() || table.rows_after.is_some())
            .collect();
    }

    /// The same once the run was put back: what it had left, where it was counted, is still said.
    pub(super) fn report_tables_put_back(&mut self, now: &Inventory) {
        let had = std::mem::take(&mut self.report.tables);
        self.report_tables(now);
        for table in &mut self.report.tables {
            let left = had.iter().find(|left| left.name == table.name);
            table.rows_failed = left.and_then(|left| left.rows_after);
        }
    }

    /// The definitions in which the snapshot and the present differ; nothing without a snapshot.
    pub(super) fn report_definitions(&mut self, then: &Inventory, now: &Inventory) {
        if self.record.snapshot.is_none() {
            return;
        }
        let differing = then.definitions_that_differ(now).into_iter();
        self.report.definitions = differing
            .filter(|(object, _)| !self.is_own(&object.name) && !self.is_own(&object.table))
            .map(|(object, [before, after])| DefinitionReport {
                kind: object.kind.words(),
                name: object.name.clone(),
                before: before.map(ToOwned::to_owned),
                after: after.map(ToOwned::to_owned),
            })
            .collect();
    }

    /// What the touched tables hold, in words.
    pub(crate) fn state(&self, inventory: &Inventory) -> String {
        let history = &self.settings.history_table;
        let tables = || inventory.tables().filter(|table| table.name != *history);
        let counted = tables().filter_map(|table| {
            let rows = usize::try_from(table.rows?).unwrap_or(usize::MAX);
            let columns = plural(table.shown_columns().count(), "column");
            Some(format!("{} {}, {columns}", table.name, plural(rows, "row")))
        });
        let words: Vec<String> = counted.take(6).collect();
        match (words.is_empty(), tables().count()) {
            (false, _) => words.join("; "),
            (true, 0) => "no tables".to_owned(),
            (true, all) => format!("{}, as they were", plural(all, "table")),
        }
    }
}

/// The record of a run that begins now.
pub(crate) fn record_of(
    job: &Job<'_>,
    settings: &Settings,
    history: Option<&History>,
) -> RunRecord {
    let now = time::now_ms();
    let Holder { host, pid, user, .. } = Holder::here();
    let tail = uuid::Uuid::now_v7().simple().to_string();
    let version = job.to.or(job.from).unwrap_or(0);
    RunRecord {
        id: format!("run_v{version}_{}_{}", time::compact(now), &tail[24..]),
        set: settings.set.clone(),
        purpose: job.purpose.to_owned(),
        database_id: history.map(|history| history.database_id.clone()).unwrap_or_default(),
        had_history: history.is_some(),
        ring: job.ring,
        phase: Phase::Check,
        outcome: None,
        version_before: job.from,
        version_target: job.to,
        fingerprint: job.fingerprint.clone(),
        versions: job
            .steps
            .iter()
            .map(|step| step.migration.version)
            .filter(|version| *version > 0)
            .collect(),
        applying: None,
        died: false,
        snapshot: None,
        failed_state: None,
        touched: crate::engine::Touched::default(),
        foreign_seen: false,
        started_at: now,
        heartbeat_at: now,
        finished_at: None,
        host,
        pid,
        user,
        error: None,
        report: None,
    }
}

/// What is kept of an error in the ledger, for those who waited for the run.
pub(crate) fn stored(error: &Error) -> String {
    serde_json::json!({
        "code": error.code().as_str(),
        "message": error.to_string(),
        "database": error.database(),
        "hint": error.hint(),
    })
    .to_string()
}
