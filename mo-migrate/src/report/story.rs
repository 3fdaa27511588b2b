//! A run as it is told to somebody who was not there: one value, made of what the ledger has of it.
//! Text and HTML are made from it, and JSON is it.

mod next;
mod phases;
pub(super) mod text;

use serde::Serialize;

pub use next::NextStep;
pub use phases::{PhaseReport, PhaseState};

use super::text::{at, version};
use super::{ErrorReport, Outcome, Report};
use crate::ledger::{PhaseLine, RunRecord, SnapshotRecord, StatementRecord};
use crate::migration::Version;
use crate::time;

/// A run, told from its beginning to its end.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// How it ended; none while it is open and has not said.
    pub outcome: Option<Outcome>,
    /// The run's id.
    pub run: String,
    /// What it was for: `up`, `down`, `guard`, `restore`, `restore_tables`.
    pub purpose: String,
    /// The next start has something to do for it.
    pub open: bool,
    /// In words: of an open run what is true and what the next start does; of one that died that it did.
    pub detail: Option<String>,
    /// The name of the set.
    pub set: String,
    /// The engine's name.
    pub engine: String,
    /// The database, without credentials.
    pub database: String,
    /// The highest version before.
    pub from: Option<Version>,
    /// The highest version at its end; none where nothing is applied or the end was not seen.
    pub to: Option<Version>,
    /// Its ring: 1 is undone by ROLLBACK, 2 by a restore.
    pub ring: u8,
    /// Who ran it, and where.
    pub by: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// How long it took; of a run that died, with the time until it was taken up again.
    pub duration_ms: Option<u64>,
    /// Its phases, in their order.
    pub phases: Vec<PhaseReport>,
    /// The statements that the ledger has one by one: those of ring 2.
    pub statements: Vec<StatementReport>,
    /// Why it did not end well.
    pub error: Option<ErrorReport>,
    /// The commands to go on with.
    pub next: Vec<NextStep>,
    /// The report that it wrote at its end; none while it is open, or where it died before.
    pub report: Option<Report>,
}

/// A statement of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementReport {
    /// The migration; 0 for a repeatable one and for what a guard stands around.
    pub version: Version,
    /// Its number in the migration, from 1.
    pub number: u64,
    /// Its line in the file; 0 where it is in none.
    pub line: u64,
    /// What it wrote to.
    pub tables: Vec<String>,
    /// Its tables can't be told: it may have written to others.
    pub unknown: bool,
    /// How long it took; none where it never ended.
    pub duration_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What the ledger has of a run.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) record: &'a RunRecord,
    pub(crate) phases: Vec<PhaseLine>,
    pub(crate) statements: Vec<StatementRecord>,
    /// The snapshots that the ledger still knows.
    pub(crate) snapshots: &'a [SnapshotRecord],
    /// The engine's name and the database, without credentials.
    pub(crate) place: [&'a str; 2],
    /// What is true of it while it is open.
    pub(crate) open: Option<String>,
}

impl RunReport {
    /// The run as these facts tell it.
    pub(crate) fn of(facts: Facts<'_>) -> Self {
        let record = facts.record;
        let stored = record.report.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let report: Option<Report> = stored;
        let error = report.as_ref().and_then(|report| report.error.clone());
        let error = error.or_else(|| serde_json::from_str(record.error.as_deref()?).ok());
        let phases = phases::told(record, &facts.phases, report.as_ref());
        let died = phases.iter().find(|phase| phase.state == PhaseState::Died);
        let died = died.map(|phase| {
            format!("it died in phase `{}`, and a later start went on with it", phase.phase)
        });
        let next = next::steps(record, report.as_ref(), facts.snapshots);
        let took = record.finished_at.map(|ended| ended.saturating_sub(record.started_at));
        Self {
            outcome: record.outcome.or_else(|| Some(report.as_ref()?.outcome)),
            run: record.id.clone(),
            purpose: record.purpose.clone(),
            open: record.outcome.is_none(),
            detail: facts.open.or(died),
            set: record.set.clone(),
            engine: facts.place[0].to_owned(),
            database: facts.place[1].to_owned(),
            from: report.as_ref().map_or(record.version_before, |report| report.from),
            to: report.as_ref().and_then(|report| report.to),
            ring: record.ring,
            by: format!("{}@{}", record.user, record.host),
            started_at: time::rfc3339(record.started_at),
            finished_at: record.finished_at.map(time::rfc3339),
            duration_ms: took.and_then(|took| u64::try_from(took).ok()),
            phases,
            statements: facts.statements.into_iter().map(Into::into).collect(),
            error,
            next,
            report,
        }
    }

    /// The outcome in a word or two.
    #[must_use]
    pub fn outcome_words(&self) -> String {
        self.outcome.map_or_else(|| "open".to_owned(), |outcome| outcome.to_string())
    }

    /// What the outcome means for the database, in a sentence without its end.
    pub(crate) fn summary(&self) -> String {
        match (&self.report, self.outcome) {
            (Some(report), Some(outcome)) if report.outcome == outcome => report.outcome_detail(),
            (_, Some(Outcome::RolledBack)) => {
                format!("{}, nothing had been committed", at(self.from))
            }
            (_, Some(Outcome::Refused | Outcome::Locked)) => "nothing was touched".to_owned(),
            (_, Some(_)) => "its report can't be read".to_owned(),
            (_, None) => format!("it began at version {}", version(self.from)),
        }
    }

    /// It goes back to a snapshot by hand.
    pub(crate) fn goes_back(&self) -> bool {
        self.purpose.starts_with("restore")
    }

    /// The statements to be shown: what a guard stands around is shown as itself.
    pub(crate) fn own_statements(&self) -> &[StatementReport] {
        let guarded = self.report.as_ref().is_some_and(|report| report.guarded.is_some());
        if guarded { &[] } else { &self.statements }
    }

    /// What was changed was put back.
    pub(crate) fn is_put_back(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.restore.is_some())
    }

    /// What the two sides of a definition are of.
    pub(crate) fn sides(&self) -> [&'static str; 2] {
        match (self.goes_back(), self.is_put_back()) {
            (true, true) => ["the snapshot, and now", "before this restore"],
            (true, false) => ["the snapshot", "now"],
            (false, true) => ["before, and again now", "what the run had made of it"],
            (false, false) => ["before", "after"],
        }
    }
}

impl StatementReport {
    /// Which one it is, in words.
    pub(crate) fn title(&self) -> String {
        let of = if self.version == 0 { "R".to_owned() } else { self.version.to_string() };
        match (self.version, self.line) {
            (0, 0) => "what is guarded".to_owned(),
            (_, 0) => format!("{} of {of}", self.number),
            (_, line) => format!("{} of {of}, line {line}", self.number),
        }
    }
}

impl From<StatementRecord> for StatementReport {
    fn from(record: StatementRecord) -> Self {
        Self {
            version: record.version,
            number: record.number,
            line: record.line,
            unknown: record.touched.unknown,
            tables: record.touched.tables.into_iter().collect(),
            duration_ms: record.duration_ms,
            error: record.error,
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
