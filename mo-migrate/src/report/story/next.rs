//! The commands to go on with after a run, each with what it does.

use serde::Serialize;

use crate::ledger::{RunRecord, SnapshotRecord};
use crate::printable::quoted;
use crate::report::{Outcome, Report};

/// A command to go on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// As it is typed.
    pub command: String,
    /// What it does.
    pub why: String,
}

/// What can be done now, by how the run ended and what is still kept of it.
pub(super) fn steps(
    run: &RunRecord,
    report: Option<&Report>,
    snapshots: &[SnapshotRecord],
) -> Vec<NextStep> {
    let known = |name: &&str| snapshots.iter().any(|snapshot| snapshot.name == **name);
    let snapshot = run.snapshot.as_deref().filter(known);
    let failed = run.failed_state.as_deref().filter(known);
    let id = quoted(&run.id);
    let mut found = Vec::new();
    let mut say = |command: String, why: &str| {
        found.push(NextStep { command: format!("migrate {command}"), why: why.to_owned() });
    };
    match run.outcome {
        None if run.snapshot.is_none() && needs_person(report) => {
            say("status".to_owned(), "shows where the database stands");
            say("recover --retry".to_owned(), "closes it once it is mended by hand");
        }
        None => {
            say("status".to_owned(), "shows where the database stands");
            say("recover".to_owned(), "finishes what is open, or puts it back");
        }
        Some(Outcome::Applied) => {
            if let Some(snapshot) = snapshot {
                let name = quoted(snapshot);
                say(format!("diff {id}"), "shows all that has changed since its snapshot");
                say(format!("restore {name}"), "goes back to before it; shows what, and asks");
                say(format!("snapshot pin {name}"), "keeps its snapshot until it is let go");
            }
        }
        Some(Outcome::Restored) => {
            let proof = report.and_then(|report| report.restore.as_ref());
            if snapshot.is_some() && proof.is_some_and(|restore| restore.proof == "counts") {
                say(format!("verify {id}"), "compares the contents of what was only counted");
            }
            if let Some(failed) = failed {
                say(format!("diff {id}"), "shows the rows that went back, from the failed state");
                let name = quoted(failed);
                say(format!("snapshot pin {name}"), "keeps the failed state until it is let go");
            }
        }
        Some(Outcome::NeedsPerson) => {
            say("status".to_owned(), "shows where the database stands");
            say("snapshot list".to_owned(), "shows what there is to go back to");
        }
        Some(_) => {}
    }
    found
}

fn needs_person(report: Option<&Report>) -> bool {
    report.is_some_and(|report| report.outcome == Outcome::NeedsPerson)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::story::samples::{record, snapshot};

    fn commands(run: &RunRecord, snapshots: &[&str]) -> Vec<String> {
        let snapshots: Vec<SnapshotRecord> = snapshots.iter().map(|name| snapshot(name)).collect();
        steps(run, None, &snapshots).into_iter().map(|step| step.command).collect()
    }

    #[test]
    fn a_way_back_is_named_as_long_as_its_snapshot_is_there() {
        let mut run = record();
        run.outcome = Some(Outcome::Applied);
        run.snapshot = Some("pre".to_owned());
        assert_eq!(
            commands(&run, &["pre"]),
            ["migrate diff run_1", "migrate restore pre", "migrate snapshot pin pre"]
        );
        assert!(commands(&run, &[]).is_empty());
    }

    #[test]
    fn each_other_outcome_has_its_commands() {
        let mut run = record();
        run.failed_state = Some("failed".to_owned());
        for (outcome, first) in [
            (None, Some("migrate status")),
            (Some(Outcome::NeedsPerson), Some("migrate status")),
            (Some(Outcome::Restored), Some("migrate diff run_1")),
            (Some(Outcome::RolledBack), None),
        ] {
            run.outcome = outcome;
            let commands = commands(&run, &["failed"]);
            assert_eq!(commands.first().map(String::as_str), first, "{outcome:?}");
        }
    }
}
