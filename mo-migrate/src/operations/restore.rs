//! `restore`: goes back to the snapshot of a run, taking back every later run with it.

use serde::Serialize;

use super::Operations;
use crate::engine::{Role, Touched};
use crate::error::{Result, say};
use crate::guard::job::Job;
use crate::guard::{self, Run, record_of};
use crate::ledger::{Ledger, RunRecord, SnapshotRecord};
use crate::migration::Version;
use crate::plan::{Goal, plan};
use crate::report::{Outcome, Report};
use crate::settings::Policy;
use crate::time;

/// What a restore would do.
#[derive(Clone, Debug, Serialize)]
pub struct RestorePreview {
    /// The snapshot.
    pub snapshot: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// The version that the database has afterwards.
    pub version: Option<Version>,
    /// The runs that are taken back, the newest first.
    pub runs: Vec<String>,
    /// The tables that they touched; others stay as they are.
    pub tables: Vec<String>,
    /// Not every table that they touched is known.
    pub unknown: bool,
}

impl Operations<'_> {
    /// What `restore` would do.
    pub(crate) async fn restore_preview(&self, wanted: Option<&str>) -> Result<RestorePreview> {
        let mut ledger = Ledger::read(self.engine()).await?.ok_or_else(say::no_runs)?;
        let found = find(&mut ledger, wanted).await;
        let runs = ledger.runs().await;
        ledger.close().await;
        let snapshot = found?;
        let (later, touched) = since(&snapshot, &runs?);
        Ok(RestorePreview {
            snapshot: snapshot.name,
            created_at: time::rfc3339(snapshot.created_at),
            version: snapshot.version_before,
            runs: later,
            tables: touched
                .tables
                .into_iter()
                .filter(|table| *table != self.settings.history_table)
                .collect(),
            unknown: touched.unknown,
        })
    }

    /// Goes back.
    pub(crate) async fn restore(&self, wanted: Option<&str>) -> Result<Report> {
        let lock = self.lock().await?;
        Box::pin(guard::recover(self.engine(), self.set, &self.settings, &lock)).await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let snapshot = find(&mut ledger, wanted).await?;
        let (_, touched) = since(&snapshot, &ledger.runs().await?);
        let history = self.history(Role::Start).await?;
        let mut lenient = self.settings.clone();
        (lenient.changed, lenient.missing) = (Policy::Allow, Policy::Allow);
        (lenient.out_of_order, lenient.newer) = (Policy::Allow, Policy::Allow);
        let nothing = plan(self.set, history.as_ref(), Goal::Steps(0), &lenient)?;
        let mut job = Job::up(&nothing, self.set, self.engine(), &lenient)?;
        job.purpose = "restore";
        job.checks.clear();
        job.to = snapshot.version_before;
        let mut record = record_of(&job, &self.settings, history.as_ref());
        record.snapshot = Some(snapshot.name.clone());
        record.touched = touched;
        // Hours may have passed: what others wrote since can't be told from the runs' own.
        record.foreign_seen = true;
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock.clone(), record);
        run.history = history;
        run.go_back(&snapshot).await
    }
}

impl Run<'_> {
    async fn go_back(mut self, snapshot: &SnapshotRecord) -> Result<Report> {
        self.ledger.begin_run(&self.record).await?;
        self.report_snapshot(snapshot);
        // The marker goes with the restore: while it is there, the restore was not committed.
        self.mark_committed().await?;
        let restored = Box::pin(self.restore(&[])).await;
        self.report.outcome =
            if restored.is_ok() { Outcome::Restored } else { Outcome::NeedsPerson };
        self.record.outcome = Some(self.report.outcome);
        self.record.finished_at = Some(time::now_ms());
        self.record.report = Some(self.report.to_json().to_string());
        self.ledger.update_run(&self.record).await?;
        self.ledger.close().await;
        restored
            .map(|()| self.report)
            .map_err(|error| say::restore_by_hand_failed(error, &self.record))
    }
}

/// The snapshot that is meant: by its name, by the run that made it, or the newest one of a run.
async fn find(ledger: &mut Ledger, wanted: Option<&str>) -> Result<SnapshotRecord> {
    let snapshots = ledger.snapshots().await?;
    let way_back = |snapshot: &&SnapshotRecord| snapshot.purpose != "failed";
    let found = match wanted {
        None => snapshots.iter().find(way_back),
        Some(wanted) => snapshots.iter().find(|snapshot| snapshot.name == wanted).or_else(|| {
            snapshots.iter().filter(way_back).find(|s| s.run.as_deref() == Some(wanted))
        }),
    };
    match found {
        Some(snapshot) => Ok(snapshot.clone()),
        None => Err(match wanted {
            Some(wanted) => {
                say::no_snapshot_named(wanted, snapshots.iter().map(|s| s.name.as_str()))
            }
            None => say::no_runs(),
        }),
    }
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
