//! `history`: the versions that the database has, and the runs that the ledger knows.

use clap::Args;
use serde_json::{Value, json};

use crate::RunRecord;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::history::Applied;
use crate::report::Outcome;
use crate::report::text::table::{Cell, GREEN, RED, Table, YELLOW, section};
use crate::time;

/// Shows the versions and the runs.
#[derive(Debug, Args)]
pub(crate) struct History {}

impl History {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let applied = context.migrator().history(&target).await?;
        let runs = context.migrator().runs(&target).await?;
        let json =
            json!({ "applied": applied, "runs": runs.iter().map(run_json).collect::<Vec<_>>() });
        Ok(Answer::new(text(&applied, &runs), &json))
    }
}

fn text(applied: &[Applied], runs: &[RunRecord]) -> String {
    let mut versions = Table::default();
    for line in applied {
        let version =
            if line.kind == "repeatable" { "R".to_owned() } else { line.version.to_string() };
        versions.row([
            version.into(),
            line.name.as_str().into(),
            line.kind.as_str().into(),
            time::rfc3339(line.applied_at).into(),
            format!("{} ms", line.duration_ms).into(),
            line.applied_by.as_str().into(),
            line.run.as_str().into(),
        ]);
    }
    let mut table = Table::default();
    for run in runs {
        let (word, style) = outcome(run);
        let way = match (run.version_before, run.version_target) {
            (Some(before), Some(target)) if before == target => before.to_string(),
            (before, Some(target)) => format!("{} → {target}", before.unwrap_or(0)),
            (before, None) => format!("{} → 0", before.unwrap_or(0)),
        };
        let took = took(run).map_or_else(String::new, |ms| format!("{ms} ms"));
        table.row([
            run.id.as_str().into(),
            run.purpose.as_str().into(),
            Cell::styled(&word, style),
            way.into(),
            time::rfc3339(run.started_at).into(),
            took.into(),
            format!("{}@{}", run.user, run.host).into(),
            error_of(run)
                .and_then(|error| error["message"].as_str().map(ToOwned::to_owned))
                .unwrap_or_default()
                .into(),
        ]);
    }
    let mut text = String::new();
    for (title, table) in [("versions", versions), ("runs", table)] {
        text.push_str(&section(true, title, &table.to_text(true)));
    }
    if text.is_empty() { "nothing is applied, and no run was made".to_owned() } else { text }
}

fn outcome(run: &RunRecord) -> (String, &'static str) {
    match run.outcome {
        Some(outcome @ (Outcome::Applied | Outcome::UpToDate)) => (outcome.to_string(), GREEN),
        Some(outcome @ (Outcome::RolledBack | Outcome::Restored)) => (outcome.to_string(), YELLOW),
        Some(outcome) => (outcome.to_string(), RED),
        None => (format!("open in {}", run.phase), RED),
    }
}

fn took(run: &RunRecord) -> Option<i64> {
    run.finished_at.map(|finished| finished.saturating_sub(run.started_at).max(0))
}

fn error_of(run: &RunRecord) -> Option<Value> {
    serde_json::from_str(run.error.as_deref()?).ok()
}

fn run_json(run: &RunRecord) -> Value {
    json!({
        "run": run.id,
        "set": run.set,
        "purpose": run.purpose,
        "outcome": run.outcome,
        "phase": run.phase.as_str(),
        "ring": run.ring,
        "from": run.version_before,
        "to": run.version_target,
        "died": run.died,
        "snapshot": run.snapshot,
        "failed_state": run.failed_state,
        "started_at": time::rfc3339(run.started_at),
        "finished_at": run.finished_at.map(time::rfc3339),
        "duration_ms": took(run),
        "by": format!("{}@{}", run.user, run.host),
        "error": error_of(run),
    })
}
