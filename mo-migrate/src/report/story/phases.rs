//! The phases of a run on a line of time, from when each began.

use serde::Serialize;

use crate::ledger::{AFTER_A_DEATH, PhaseLine, RunRecord};
use crate::observer::Phase;
use crate::report::Report;
use crate::time;

/// A phase of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseReport {
    /// Its name.
    pub phase: String,
    /// What it began with: a name, a number.
    pub detail: String,
    /// When it began, RFC 3339 in UTC.
    pub at: String,
    /// How long after the beginning of the run.
    pub after_ms: u64,
    /// How long it took; none where its end was not seen.
    pub duration_ms: Option<u64>,
    /// What became of it.
    pub state: PhaseState,
    /// It was begun by a later start, after the run had died.
    pub later: bool,
}

/// What became of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// It came to its end.
    Done,
    /// What stopped the run happened in it.
    Failed,
    /// The run died in it.
    Died,
    /// The run is in it, or died there.
    Open,
}

/// The phases with how long each took.
pub(super) fn told(
    record: &RunRecord,
    lines: &[PhaseLine],
    report: Option<&Report>,
) -> Vec<PhaseReport> {
    let mut found: Vec<(i64, PhaseReport)> = Vec::new();
    let mut later = false;
    for line in lines {
        later |= line.phase == Phase::Recover;
        let detail = if line.is_marker() { "" } else { &line.detail };
        match found.last_mut() {
            Some((_, last)) if last.phase == line.phase.as_str() => {
                detail.clone_into(&mut last.detail);
            }
            _ => found.push((line.at, begun(record, line, detail, later))),
        }
    }
    // What came after each: when it began, and whether it was another start that found a death.
    let after: Vec<Option<(i64, Option<bool>)>> = found
        .iter()
        .skip(1)
        .map(|(at, next)| {
            let taken_up = next.phase == Phase::Recover.as_str();
            Some((*at, taken_up.then_some(next.detail == AFTER_A_DEATH)))
        })
        .chain([record.finished_at.map(|at| (at, None))])
        .collect();
    let count = found.len();
    for (number, ((at, phase), after)) in found.iter_mut().zip(after).enumerate() {
        let taken_up = after.and_then(|(_, taken_up)| taken_up);
        phase.state = match (taken_up, report) {
            (Some(true), _) => PhaseState::Died,
            (Some(false), _) => PhaseState::Failed,
            (None, None) if record.outcome.is_none() && number + 1 == count => PhaseState::Open,
            (None, Some(report)) if !phase.later && failed_in(report, &phase.phase) => {
                PhaseState::Failed
            }
            _ => PhaseState::Done,
        };
        let end = after.filter(|(_, taken_up)| taken_up.is_none()).map(|(at, _)| at);
        phase.duration_ms = end.and_then(|end| u64::try_from(end.saturating_sub(*at)).ok());
    }
    found.into_iter().map(|(_, phase)| phase).collect()
}

fn begun(record: &RunRecord, line: &PhaseLine, detail: &str, later: bool) -> PhaseReport {
    PhaseReport {
        phase: line.phase.as_str().to_owned(),
        detail: detail.to_owned(),
        at: time::rfc3339(line.at),
        after_ms: u64::try_from(line.at.saturating_sub(record.started_at)).unwrap_or(0),
        duration_ms: None,
        state: PhaseState::Done,
        later,
    }
}

/// A phase that was left has its time in the report.
fn failed_in(report: &Report, phase: &str) -> bool {
    report.error.is_some() && !report.timings_ms.contains_key(phase)
}

impl PhaseLine {
    /// It only says that the marker is about to be committed.
    fn is_marker(&self) -> bool {
        self.detail == "marker" && self.phase == Phase::Verify
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::story::samples::record;
    use crate::report::{ErrorReport, Outcome};

    fn lines(of: &[(i64, Phase, &str)]) -> Vec<PhaseLine> {
        of.iter()
            .map(|(at, phase, detail)| PhaseLine {
                at: *at,
                phase: *phase,
                detail: (*detail).to_owned(),
            })
            .collect()
    }

    fn report(left: &[Phase], failed: bool) -> Report {
        let mut report = Report::new("main", "sqlite", "app.db");
        report.outcome = Outcome::Restored;
        report.timings_ms = left.iter().map(|phase| (phase.to_string(), 1)).collect();
        report.error = failed.then(ErrorReport::default);
        report
    }

    fn short(told: &[PhaseReport]) -> Vec<(&str, Option<u64>, PhaseState, bool)> {
        let line = |phase: &PhaseReport| (phase.duration_ms, phase.state, phase.later);
        told.iter().map(|p| (p.phase.as_str(), line(p).0, line(p).1, line(p).2)).collect()
    }

    #[test]
    fn a_phase_lasts_until_the_next_and_the_one_that_was_not_left_failed() {
        let mut run = record();
        (run.started_at, run.finished_at) = (1000, Some(1060));
        let lines = lines(&[
            (1000, Phase::Preflight, ""),
            (1005, Phase::Apply, "2 migrations"),
            (1030, Phase::Verify, "s"),
        ]);
        let told = told(&run, &lines, Some(&report(&[Phase::Preflight, Phase::Verify], true)));
        assert_eq!(
            short(&told),
            [
                ("preflight", Some(5), PhaseState::Done, false),
                ("apply", Some(25), PhaseState::Failed, false),
                ("verify", Some(30), PhaseState::Done, false),
            ]
        );
        assert_eq!((told[1].detail.as_str(), told[1].after_ms), ("2 migrations", 5));
    }

    #[test]
    fn what_a_later_start_did_is_told_from_the_run_that_died() {
        let mut run = record();
        (run.started_at, run.finished_at) = (1000, Some(90_020));
        let lines = lines(&[
            (1000, Phase::Preflight, ""),
            (1004, Phase::Apply, ""),
            (90_000, Phase::Recover, AFTER_A_DEATH),
            (90_001, Phase::Verify, "s"),
            (90_010, Phase::Restore, "s"),
        ]);
        let told = told(&run, &lines, Some(&report(&[Phase::Verify, Phase::Restore], false)));
        assert_eq!(
            short(&told),
            [
                ("preflight", Some(4), PhaseState::Done, false),
                ("apply", None, PhaseState::Died, false),
                ("recover", Some(1), PhaseState::Done, true),
                ("verify", Some(9), PhaseState::Done, true),
                ("restore", Some(10), PhaseState::Done, true),
            ]
        );
    }

    #[test]
    fn the_last_phase_of_an_open_run_is_open() {
        let mut run = record();
        (run.started_at, run.finished_at, run.outcome) = (1000, None, None);
        let lines = lines(&[(1000, Phase::Preflight, ""), (1004, Phase::Verify, "marker")]);
        let told = told(&run, &lines, None);
        assert_eq!(told[1].detail, "", "that the marker is about to be committed is told nobody");
        assert_eq!(
            short(&told),
            [
                ("preflight", Some(4), PhaseState::Done, false),
                ("verify", None, PhaseState::Open, false)
            ]
        );
    }
}
