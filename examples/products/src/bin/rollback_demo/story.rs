//! The run as it is told: each phase with what is in the database then.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use mo_migrate::report::{CheckReport, CheckVerdict};
use mo_migrate::{Event, Observer, Phase};

/// Tells a run, line by line, and remembers what was in the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    /// What was in the database, each time that it was said.
    pub(crate) fn states(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One line of the story. Nobody listening is no reason to stop.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

impl Observer for Story {
    fn event(&self, event: &Event) {
        if let Event::State(state) = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(state.clone());
        }
        match event {
            Event::PhaseStarted { phase, detail } => begin(*phase, detail),
            Event::PhaseFinished {
                phase: Phase::Snapshot | Phase::Verify | Phase::FailedState,
                detail,
                ..
            }
            | Event::State(detail) => line(&format!("     {detail}")),
            Event::PhaseFinished { phase: Phase::Restore, detail, .. } => {
                line(&format!(
                    "     {detail} with the snapshot and found the same, before the commit"
                ));
            }
            Event::MigrationFinished { version, name, statements, .. } => {
                line(&format!("     migration {version} `{name}`: {statements} statements"));
            }
            Event::Checked(check) => checked(check),
            Event::Finished(outcome) => line(&format!("     the run ended: {outcome}")),
            _ => {}
        }
    }
}

fn begin(phase: Phase, detail: &str) {
    match phase {
        Phase::Snapshot => line(&format!("2  snapshot `{detail}`")),
        Phase::Apply => line("3  upgrade to version 2"),
        Phase::ValidateAfter => line("4  validate"),
        Phase::Verify => line("5  verify the snapshot on a clone of it"),
        Phase::FailedState => line("6  restore: first the failed state is kept"),
        Phase::Restore => line("   then the tables that the run touched are put back"),
        _ => {}
    }
}

fn checked(check: &CheckReport) {
    let verdict = match check.verdict {
        CheckVerdict::Pass => "pass",
        CheckVerdict::Fail => "FAIL",
        CheckVerdict::Error => "error",
        CheckVerdict::Inconclusive => "unclear",
    };
    let detail =
        if check.verdict == CheckVerdict::Pass { "" } else { &format!(": {}", check.detail) };
    line(&format!("     {verdict:<5} {}{detail}", check.name));
    for row in &check.rows {
        let cells: Vec<String> =
            row.iter().map(|(column, value)| format!("{column} {value}")).collect();
        line(&format!("             {}", cells.join(", ")));
    }
}
