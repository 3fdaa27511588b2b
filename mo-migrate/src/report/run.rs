//! The report's parts. Their names are the keys of the JSON: they are stable, and what is absent is
//! `null`. The ledger keeps the JSON, and `report` reads it back: a key that an older mo-migrate did not
//! write yet is no error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::migration::Version;
use crate::snapshot::moment_of;
use crate::validate::When;
use crate::value::Value;

/// What a run did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The run's id; none when nothing was begun.
    pub run: Option<String>,
    /// The name of the set.
    #[serde(default)]
    pub set: String,
    /// The engine's name.
    #[serde(default)]
    pub engine: String,
    /// The database, without any credentials.
    #[serde(default)]
    pub database: String,
    /// The highest version before.
    pub from: Option<Version>,
    /// The highest version now.
    pub to: Option<Version>,
    /// The migrations of this run, in their order.
    #[serde(default)]
    pub migrations: Vec<MigrationReport>,
    /// What was guarded in the place of migrations.
    pub guarded: Option<GuardedReport>,
    /// The checks, in the order in which they ran.
    #[serde(default)]
    pub checks: Vec<CheckReport>,
    /// The tables that were touched.
    #[serde(default)]
    pub tables: Vec<TableReport>,
    /// The definitions that are not those of the snapshot: at the commit, or when the run was put back.
    #[serde(default)]
    pub definitions: Vec<DefinitionReport>,
    /// The run's snapshot.
    pub snapshot: Option<SnapshotReport>,
    /// The rehearsal on a clone, where there was one.
    pub rehearsal: Option<RehearsalReport>,
    /// The restore, where there was one.
    pub restore: Option<RestoreReport>,
    /// What was told at its moments.
    #[serde(default)]
    pub hooks: Vec<HookReport>,
    /// How long each phase took.
    #[serde(default)]
    pub timings_ms: BTreeMap<String, u64>,
    /// Why it did not end well.
    pub error: Option<ErrorReport>,
}

impl Report {
    /// The snapshot that stays when it is over: a moment of the past is none.
    pub(crate) fn kept_snapshot(&self) -> Option<&SnapshotReport> {
        self.snapshot.as_ref().filter(|snapshot| moment_of(&snapshot.name).is_none())
    }

    /// A report of nothing yet.
    pub(crate) fn new(set: &str, engine: &str, database: &str) -> Self {
        Self {
            outcome: Outcome::UpToDate,
            run: None,
            set: set.to_owned(),
            engine: engine.to_owned(),
            database: database.to_owned(),
            from: None,
            to: None,
            migrations: Vec::new(),
            guarded: None,
            checks: Vec::new(),
            tables: Vec::new(),
            definitions: Vec::new(),
            snapshot: None,
            rehearsal: None,
            restore: None,
            hooks: Vec::new(),
            timings_ms: BTreeMap::new(),
            error: None,
        }
    }

    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationState {
    /// Not begun.
    Pending,
    /// Applied and kept.
    Applied,
    /// It failed.
    Failed,
    /// It was applied, and undone with the run.
    Undone,
    /// It was taken back by its down file.
    Reverted,
}

/// One migration of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationReport {
    /// Its version; 0 for a repeatable one.
    pub version: Version,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `sql`, `rust` or `repeatable`.
    #[serde(default)]
    pub kind: String,
    /// What became of it.
    pub state: MigrationState,
    /// How many statements it sent.
    #[serde(default)]
    pub statements: u64,
    /// How long it took.
    #[serde(default)]
    pub duration_ms: u64,
}

/// A hook that was told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HookReport {
    /// When: `before`, `after`, `failed`, `restored` or `needs_person`.
    pub moment: String,
    /// What: a command, or a host.
    pub hook: String,
    /// What went wrong; none where nothing did.
    pub problem: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a guard stood around.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardedReport {
    /// What it was for, in a word.
    pub purpose: String,
    /// The command; none where it was a function.
    pub command: Option<String>,
    /// All that it was said to write to; other tables were not looked at. Empty where nothing was said.
    pub tables: Vec<String>,
    /// What the command exited with; none where a signal ended it.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// The last lines that the command wrote.
    pub output: Vec<String>,
}

/// A rehearsal on a clone of the snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RehearsalReport {
    /// It was made and went well; else `why` says why not.
    pub done: bool,
    /// What failed in it, or why it could not be made: then it has no migrations.
    pub why: Option<String>,
    /// The migrations, with how long each took on the clone.
    pub migrations: Vec<MigrationReport>,
    /// The checks that ran on the clone.
    pub checks: Vec<CheckReport>,
    /// How long all of it took.
    pub duration_ms: u64,
}

impl RehearsalReport {
    /// It was made, and something failed in it. An older mo-migrate wrote `done` then as well.
    pub(crate) fn has_failed(&self) -> bool {
        let failed = self.migrations.iter().any(|line| line.state == MigrationState::Failed);
        let is_wrong =
            |check: &CheckReport| matches!(check.verdict, CheckVerdict::Fail | CheckVerdict::Error);
        failed || self.checks.iter().any(is_wrong) || (!self.done && !self.migrations.is_empty())
    }
}

/// What a check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// All is well.
    Pass,
    /// Something is wrong.
    Fail,
    /// It could not be carried out: an error, a panic or the time limit.
    Error,
    /// It compares with before, and others have written since.
    Inconclusive,
}

/// One check of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckReport {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The migration that it judges; none for `always.check.sql`.
    pub version: Option<Version>,
    /// When it ran.
    pub when: When,
    /// What it said.
    pub verdict: CheckVerdict,
    /// In words.
    #[serde(default)]
    pub detail: String,
    /// The rows that show it, each by the names of its columns.
    #[serde(default)]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
}

impl CheckReport {
    /// The rows in one line each, as an error shows them.
    pub(crate) fn evidence(
        rows: &[crate::value::Row],
        most: usize,
    ) -> Vec<serde_json::Map<String, serde_json::Value>> {
        rows.iter().take(most).map(by_column).collect()
    }
}

/// A row by the names of its columns.
pub(crate) fn by_column(row: &crate::value::Row) -> serde_json::Map<String, serde_json::Value> {
    let cells = row.columns().iter().zip(row.values());
    cells.map(|(column, value)| (column.clone(), json(value))).collect()
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Blob(_) => serde_json::Value::String(value.to_string()),
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

/// A table that was touched: what it was, and what it is at the end of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableReport {
    /// Its name.
    pub name: String,
    /// Rows before; none when it was not there.
    pub rows_before: Option<u64>,
    /// Rows after; none when it is not there.
    pub rows_after: Option<u64>,
    /// Rows that a run which was put back had left, where it had come so far that they were counted.
    pub rows_failed: Option<u64>,
    /// Its columns before.
    pub columns_before: Vec<String>,
    /// Its columns after.
    pub columns_after: Vec<String>,
}

/// A definition that is not that of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DefinitionReport {
    /// What it is: `table`, `view`, `index` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// As the snapshot has it; none when it was not there.
    pub before: Option<String>,
    /// What it had become; none when it was not there any more.
    pub after: Option<String>,
}

/// The run's snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotReport {
    /// Its name.
    pub name: String,
    /// What it is of: `database`, `table` or `account`.
    pub scope: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it may be deleted; none while it is pinned.
    pub delete_after: Option<String>,
}

/// A restore.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RestoreReport {
    /// `tables` or `database`.
    pub method: String,
    /// The tables that were brought back.
    pub tables: Vec<String>,
    /// What was compared, before the commit where the method is `tables`: `contents`, `counts` or `definitions`.
    pub proof: String,
    /// Rows compared.
    pub rows_compared: u64,
    /// Tables in which others wrote, left as they are.
    pub kept_writes: Vec<String>,
    /// Tables in which rows were taken back that may be others'; they are in the failed state.
    pub discarded_writes: Vec<String>,
    /// What of theirs was taken back, where it can be told from the run's own: it is in the failed
    /// state.
    pub discarded_rows: Vec<TakenBack>,
    /// The snapshot of what went wrong.
    pub failed_state: Option<String>,
    /// The moments on the server's clock between which it was committed, in nanoseconds since 1970,
    /// where the past can be read by them.
    pub committed_between: Option<[i64; 2]>,
    /// The database with what others wrote between the failed state and the restore, where the method
    /// is `database` and there was any.
    pub late_rows: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// Why a run did not end well.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorReport {
    /// The stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What is true of the database now.
    pub database: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl From<&crate::Error> for ErrorReport {
    fn from(error: &crate::Error) -> Self {
        Self {
            code: error.code().to_string(),
            message: error.to_string(),
            database: error.database().map(ToOwned::to_owned),
            hint: error.hint().map(ToOwned::to_owned),
        }
    }
}

/// Rows of others that a restore took back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TakenBack {
    /// The table.
    pub table: String,
    /// How many.
    pub count: u64,
    /// Some of them, each with what was done to it: as many as a check shows of its evidence.
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_lacks_later_keys_is_read() {
        let old = r#"{"outcome":"restored","migrations":[{"version":2,"state":"undone"}],
            "checks":[{"version":2,"when":"after","verdict":"fail"}],"tables":[{"name":"t"}],
            "restore":{"method":"tables"},"snapshot":{"name":"s"},"guarded":{},"error":{"code":"MM0204"}}"#;
        let read: Report = serde_json::from_str(old).unwrap();
        assert_eq!((read.outcome, read.tables[0].rows_failed), (Outcome::Restored, None));
        assert!(read.definitions.is_empty() && read.timings_ms.is_empty());
        let again: Report = serde_json::from_value(read.to_json()).unwrap();
        assert_eq!(again.to_json(), read.to_json());
    }
}
