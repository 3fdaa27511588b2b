//! Runs, their phases, their statements and their child processes.

use std::cmp::Ordering;
use std::iter;

use serde::{Deserialize, Serialize};

use super::{Ledger, Statement};
use crate::engine::Touched;
use crate::error::Result;
use crate::history::History;
use crate::migration::Version;
use crate::observer::Phase;
use crate::report::Outcome;
use crate::snapshot::moment_of;
use crate::time;
use crate::value::{Row, Value};

/// The purpose of a run whose work is no migration.
pub(crate) const GUARD: &str = "guard";

/// The purpose of a run that brings single tables back.
pub(crate) const RESTORE_TABLES: &str = "restore_tables";

/// The purpose of a run that brings back what a clone holds.
pub(crate) const RESTORE_CLONE: &str = "restore_clone";

/// The purpose of a run that goes back to a moment that is in no snapshot.
pub(crate) const RESTORE_AT: &str = "restore_at";

/// What stands beside a run that is taken up after it died; of one that came back from its failure to
/// say so it is `after an error`.
pub(crate) const AFTER_A_DEATH: &str = "after a death";

/// What a run is begun with, and keeps.
const FIXED: &str = "id, set_name, purpose, had_history, version_before, version_target, fingerprint, versions, \
    started_at, host, pid, os_user";

/// What may change, in the order of [`changing`].
const CHANGING: &str = "database_id, ring, phase, outcome, apply_version, apply_checksum, died, snapshot, \
    failed_state, touched, foreign_seen, heartbeat_at, finished_at, error, report";

/// What the ledger knows of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// Its set.
    pub set: String,
    /// What it was for: `up`, `down`, `guard`, `restore`.
    pub purpose: String,
    /// The id of the database; empty while it has none.
    pub database_id: String,
    /// The database had a history when the run began.
    pub had_history: bool,
    /// Its ring: 1 or 2.
    pub ring: u8,
    /// The phase that it is or was in.
    pub phase: Phase,
    /// How it ended; none while it is open.
    pub outcome: Option<Outcome>,
    /// The highest version before.
    pub version_before: Option<Version>,
    /// The version that it was to reach.
    pub version_target: Option<Version>,
    /// What was pending, as one checksum.
    pub fingerprint: String,
    /// The versions that it was to apply or to take back, in its order; repeatable ones left out.
    pub versions: Vec<Version>,
    /// The migration that it is or was applying.
    pub applying: Option<(Version, String)>,
    /// It ended without saying how.
    pub died: bool,
    /// Its snapshot.
    pub snapshot: Option<String>,
    /// The snapshot of what went wrong.
    pub failed_state: Option<String>,
    /// What its statements wrote to.
    pub touched: Touched,
    /// Somebody else was seen to commit while it ran.
    pub foreign_seen: bool,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// When it was last heard of.
    pub heartbeat_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The user.
    pub user: String,
    /// Its error, as in the report.
    pub error: Option<String>,
    /// Its report, as JSON.
    pub report: Option<String>,
}

impl RunRecord {
    /// It goes back to a snapshot by hand, and has no statements of its own.
    pub(crate) fn goes_back(&self) -> bool {
        self.purpose.starts_with("restore")
    }

    /// What it goes back to is no snapshot, and may be gone at any time.
    pub(crate) fn is_of_a_moment(&self) -> bool {
        self.goes_back() && self.snapshot.as_deref().is_some_and(|name| moment_of(name).is_some())
    }

    /// It stood around something else than migrations.
    pub(crate) fn is_of_a_guard(&self) -> bool {
        self.purpose == GUARD
    }

    /// The history has what this run was to make of it.
    pub(crate) fn is_kept_in(&self, history: Option<&History>) -> bool {
        let kept = |version: &Version| {
            history.is_some_and(|history| {
                history.of_set(&self.set).any(|applied| applied.version == *version && applied.kept)
            })
        };
        match self.purpose.as_str() {
            "up" => self.versions.iter().all(kept),
            "down" => !self.versions.iter().any(kept),
            _ => true,
        }
    }

    /// It brings back what a clone holds, whose history is that of another database.
    pub(crate) fn is_from_a_clone(&self) -> bool {
        self.purpose == RESTORE_CLONE
    }

    /// It brings single tables back, and leaves all else as it is: the history too.
    pub(crate) fn is_of_tables(&self) -> bool {
        self.purpose == RESTORE_TABLES
    }
}

/// A statement of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementLine {
    /// The migration.
    pub version: Version,
    /// Its number in the migration, from 1.
    pub number: u64,
    /// Its line in the file.
    pub line: u64,
    /// What it writes to.
    pub touched: Touched,
    /// The server's clock just before it, where the past can be read by it.
    pub began: Option<i64>,
    /// What it does that no restore takes back.
    pub outside: Option<Outside>,
}

/// A statement that did what no restore takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outside {
    /// Its file and line.
    pub place: String,
    /// What it did, as a sentence without its end.
    pub what: String,
}

/// When a statement of a run was running, and what it wrote to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementWindow {
    /// What it wrote to.
    pub touched: Touched,
    /// The server's clock just before it.
    pub began: i64,
    /// The server's clock just after it; none when it never ended.
    pub ended: Option<i64>,
}

/// A phase that a run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhaseLine {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Which.
    pub phase: Phase,
    /// With what.
    pub detail: String,
}

/// A statement of a run as it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementRecord {
    /// The migration.
    pub version: Version,
    /// Its number in the migration, from 1.
    pub number: u64,
    /// Its line in the file.
    pub line: u64,
    /// What it wrote to.
    pub touched: Touched,
    /// How long it took; none when it never ended.
    pub duration_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A process that a run started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    /// Its process id, which is that of its group too.
    pub pid: u32,
    /// When it started, in the system's own words: a process id alone is used again.
    pub started: String,
}

#[derive(Serialize, Deserialize)]
struct StoredTouched {
    tables: Vec<String>,
    unknown: bool,
    definitions: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outside: Option<Outside>,
}

fn store(touched: &Touched) -> String {
    store_with(touched, None)
}

fn store_with(touched: &Touched, outside: Option<Outside>) -> String {
    let stored = StoredTouched {
        tables: touched.tables.iter().cloned().collect(),
        unknown: touched.unknown,
        definitions: touched.definitions,
        outside,
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

fn load(text: &str) -> Touched {
    match serde_json::from_str::<StoredTouched>(text) {
        Ok(stored) => Touched {
            tables: stored.tables.into_iter().collect(),
            unknown: stored.unknown,
            definitions: stored.definitions,
            ..Touched::default()
        },
        // What can't be read is not known.
        Err(_) => Touched { unknown: true, ..Touched::default() },
    }
}

fn record(row: &Row) -> Result<RunRecord> {
    let version: Option<Version> = row.get("apply_version")?;
    let checksum: Option<String> = row.get("apply_checksum")?;
    Ok(RunRecord {
        id: row.get("id")?,
        set: row.get("set_name")?,
        purpose: row.get("purpose")?,
        database_id: row.get("database_id")?,
        had_history: row.get("had_history")?,
        ring: row.get("ring")?,
        phase: Phase::parse(&row.get::<String>("phase")?).unwrap_or(Phase::Apply),
        outcome: row.get::<Option<String>>("outcome")?.as_deref().and_then(Outcome::parse),
        version_before: row.get("version_before")?,
        version_target: row.get("version_target")?,
        fingerprint: row.get("fingerprint")?,
        versions: serde_json::from_str(&row.get::<String>("versions")?).unwrap_or_default(),
        applying: version.zip(checksum),
        died: row.get("died")?,
        snapshot: row.get("snapshot")?,
        failed_state: row.get("failed_state")?,
        touched: load(&row.get::<String>("touched")?),
        foreign_seen: row.get("foreign_seen")?,
        started_at: row.get("started_at")?,
        heartbeat_at: row.get("heartbeat_at")?,
        finished_at: row.get("finished_at")?,
        host: row.get("host")?,
        pid: row.get("pid")?,
        user: row.get("os_user")?,
        error: row.get("error")?,
        report: row.get("report")?,
    })
}

/// All of a run that may have changed.
fn as_it_is(run: &RunRecord) -> Statement {
    let sql = "UPDATE runs SET database_id = ?, ring = ?, phase = ?, outcome = ?, apply_version = ?, \
               apply_checksum = ?, died = ?, snapshot = ?, failed_state = ?, touched = ?, foreign_seen = ?, \
               heartbeat_at = ?, finished_at = ?, error = ?, report = ? WHERE id = ?";
    let mut params = changing(run);
    params.push((&run.id).into());
    (sql.into(), params)
}

fn changing(run: &RunRecord) -> Vec<Value> {
    vec![
        (&run.database_id).into(),
        run.ring.into(),
        run.phase.as_str().into(),
        run.outcome.map(Outcome::as_str).into(),
        run.applying.as_ref().map(|(version, _)| *version).into(),
        run.applying.as_ref().map(|(_, checksum)| checksum.clone()).into(),
        run.died.into(),
        run.snapshot.clone().into(),
        run.failed_state.clone().into(),
        store(&run.touched).into(),
        run.foreign_seen.into(),
        run.heartbeat_at.into(),
        run.finished_at.into(),
        run.error.clone().into(),
        run.report.clone().into(),
    ]
}

fn phase_line(run: &str, phase: Phase, detail: &str) -> Statement {
    let sql = "INSERT INTO phases (run, at, phase, detail) VALUES (?, ?, ?, ?)";
    (sql.into(), vec![run.into(), time::now_ms().into(), phase.as_str().into(), detail.into()])
}

impl Ledger {
    /// Writes a run that begins, with its first phase: later than all that the ledger knows, whatever
    /// the clock says.
    pub(crate) async fn begin_run(
        &mut self,
        run: &mut RunRecord,
        first: Option<(Phase, &str)>,
    ) -> Result<()> {
        if let Some((phase, _)) = first {
            run.phase = phase;
        }
        run.started_at = self.after_all(run.started_at).await?;
        let marks = ["?"; 28].join(", ");
        let sql = format!("INSERT INTO runs ({FIXED}, {CHANGING}, guarded) VALUES ({marks})");
        let mut params: Vec<Value> = vec![
            (&run.id).into(),
            (&run.set).into(),
            (&run.purpose).into(),
            run.had_history.into(),
            run.version_before.into(),
            run.version_target.into(),
            (&run.fingerprint).into(),
            serde_json::to_string(&run.versions).unwrap_or_default().into(),
            run.started_at.into(),
            (&run.host).into(),
            run.pid.into(),
            (&run.user).into(),
        ];
        params.extend(changing(run));
        params.push((&self.guarded).into());
        let line = first.map(|(phase, detail)| phase_line(&run.id, phase, detail));
        let statements: Vec<Statement> = iter::once((sql.into(), params)).chain(line).collect();
        self.write_together(&statements).await
    }

    /// Writes all of a run that may have changed.
    pub(crate) async fn update_run(&mut self, run: &RunRecord) -> Result<()> {
        let (sql, params) = as_it_is(run);
        self.write(&sql, &params).await
    }

    /// Writes that a phase begins.
    pub(crate) async fn phase(
        &mut self,
        run: &mut RunRecord,
        phase: Phase,
        detail: &str,
    ) -> Result<()> {
        run.phase = phase;
        self.write_together(&[phase_line(&run.id, phase, detail), as_it_is(run)]).await
    }

    /// Writes that another start takes a run up, which stays in the phase that it is found in.
    pub(crate) async fn taken_up(&mut self, run: &RunRecord) -> Result<()> {
        let why = if run.error.is_none() { AFTER_A_DEATH } else { "after an error" };
        let (sql, params) = phase_line(&run.id, Phase::Recover, why);
        self.write(&sql, &params).await
    }

    /// Whether a run has been in this phase.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn was_in(&mut self, run: &str, phase: Phase) -> Result<bool> {
        let sql = "SELECT count(*) FROM phases WHERE run = ? AND phase = ?";
        let rows = self.fetch(sql, &[run.into(), phase.as_str().into()]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.at::<i64>(0))? > 0)
    }

    /// The run that is open, if there is one.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn open_run(&mut self) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {FIXED}, {CHANGING} FROM runs WHERE guarded = ? AND outcome IS NULL \
             ORDER BY started_at DESC LIMIT 1"
        );
        let guarded = self.guarded.clone();
        self.fetch(&sql, &[guarded.into()]).await?.first().map(record).transpose()
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn runs(&mut self) -> Result<Vec<RunRecord>> {
        self.runs_with(CHANGING).await
    }

    /// The same without their reports, which are most of what a ledger grows by.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn runs_in_brief(&mut self) -> Result<Vec<RunRecord>> {
        self.runs_with(&CHANGING.replace(", report", ", NULL AS report")).await
    }

    async fn runs_with(&mut self, changing: &str) -> Result<Vec<RunRecord>> {
        let sql = format!(
            "SELECT {FIXED}, {changing} FROM runs WHERE guarded = ? ORDER BY started_at DESC, id DESC"
        );
        let guarded = self.guarded.clone();
        self.fetch(&sql, &[guarded.into()]).await?.iter().map(record).collect()
    }

    /// Writes a statement, and with it what its run has touched, before it is sent.
    pub(crate) async fn statement_begins(
        &mut self,
        run: &RunRecord,
        line: &StatementLine,
    ) -> Result<()> {
        let sql = "INSERT INTO statements (run, version, number, line, tables_touched, started_at, server_began) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let params = vec![
            (&run.id).into(),
            line.version.into(),
            Value::Integer(i64::try_from(line.number).unwrap_or(i64::MAX)),
            Value::Integer(i64::try_from(line.line).unwrap_or(i64::MAX)),
            store_with(&line.touched, line.outside.clone()).into(),
            time::now_ms().into(),
            line.began.into(),
        ];
        self.write_together(&[(sql.into(), params), as_it_is(run)]).await
    }

    /// Writes how a statement ended.
    pub(crate) async fn statement_ends(
        &mut self,
        run: &str,
        line: &StatementLine,
        took: u64,
        ended: Option<i64>,
        error: Option<String>,
    ) -> Result<()> {
        let sql = "UPDATE statements SET duration_ms = ?, server_ended = ?, error = ? WHERE run = ? AND version = ? AND number = ?";
        let params = [
            Value::Integer(i64::try_from(took).unwrap_or(i64::MAX)),
            ended.into(),
            error.into(),
            run.into(),
            line.version.into(),
            Value::Integer(i64::try_from(line.number).unwrap_or(i64::MAX)),
        ];
        self.write(sql, &params).await
    }

    /// The phases that a run began, in their order.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn phases(&mut self, run: &str) -> Result<Vec<PhaseLine>> {
        let sql = "SELECT at, phase, detail FROM phases WHERE run = ? ORDER BY at";
        let rows = self.fetch(sql, &[run.into()]).await?;
        let lines = rows.iter().map(|row| {
            let phase = Phase::parse(&row.at::<String>(1)?).unwrap_or(Phase::Apply);
            Ok(PhaseLine { at: row.at(0)?, phase, detail: row.at(2)? })
        });
        let mut lines = lines.collect::<Result<Vec<_>>>()?;
        // Several may have begun within a millisecond; what took a run up stays where it was read.
        let rank = |line: &PhaseLine| (line.phase != Phase::Recover).then_some(line.phase);
        lines.sort_by(|one, other| {
            let ranks = rank(one).zip(rank(other));
            one.at
                .cmp(&other.at)
                .then(ranks.map_or(Ordering::Equal, |(one, other)| one.cmp(&other)))
        });
        Ok(lines)
    }

    /// The statements of a run, in their order.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn statements(&mut self, run: &str) -> Result<Vec<StatementRecord>> {
        let sql = "SELECT version, number, line, tables_touched, duration_ms, error FROM statements \
                   WHERE run = ? ORDER BY started_at, version, number";
        let rows = self.fetch(sql, &[run.into()]).await?;
        let statements = rows.iter().map(|row| {
            Ok(StatementRecord {
                version: row.at(0)?,
                number: row.at(1)?,
                line: row.at(2)?,
                touched: load(&row.at::<String>(3)?),
                duration_ms: row.at(4)?,
                error: row.at(5)?,
            })
        });
        statements.collect()
    }

    /// What statements of a run did that no restore takes back, in their order. One that failed did
    /// nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn outside(&mut self, run: &str) -> Result<Vec<Outside>> {
        let sql = "SELECT tables_touched FROM statements WHERE run = ? AND error IS NULL \
                   ORDER BY started_at, version, number";
        let rows = self.fetch(sql, &[run.into()]).await?;
        let mut found = Vec::new();
        for row in rows {
            let stored = serde_json::from_str::<StoredTouched>(&row.at::<String>(0)?);
            found.extend(stored.ok().and_then(|stored| stored.outside));
        }
        Ok(found)
    }

    /// When the statements of a run were running, in their order.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn windows(&mut self, run: &str) -> Result<Vec<StatementWindow>> {
        let sql = "SELECT tables_touched, server_began, server_ended FROM statements \
                   WHERE run = ? AND server_began IS NOT NULL ORDER BY server_began";
        let rows = self.fetch(sql, &[run.into()]).await?;
        rows.iter()
            .map(|row| {
                let touched = load(&row.at::<String>(0)?);
                Ok(StatementWindow { touched, began: row.at(1)?, ended: row.at(2)? })
            })
            .collect()
    }

    /// The last statement that a run began: its migration and its number.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn last_statement(&mut self, run: &str) -> Result<Option<(Version, u64)>> {
        let sql = "SELECT version, number FROM statements WHERE run = ? ORDER BY started_at DESC, number DESC LIMIT 1";
        let rows = self.fetch(sql, &[run.into()]).await?;
        rows.first().map(|row| Ok((row.at(0)?, row.at(1)?))).transpose()
    }

    /// Writes a child process as soon as it runs.
    pub(crate) async fn child(&mut self, run: &str, child: &Child, command: &str) -> Result<()> {
        let sql = "INSERT INTO children (run, pid, started, command) VALUES (?, ?, ?, ?)";
        let params = [run.into(), child.pid.into(), (&child.started).into(), command.into()];
        self.write(sql, &params).await
    }

    /// The child processes of a run.
    pub(crate) async fn children(&mut self, run: &str) -> Result<Vec<Child>> {
        let rows =
            self.fetch("SELECT pid, started FROM children WHERE run = ?", &[run.into()]).await?;
        rows.iter().map(|row| Ok(Child { pid: row.at(0)?, started: row.at(1)? })).collect()
    }
}

#[cfg(test)]
impl RunRecord {
    /// A run of migrations that has just begun to apply.
    pub(crate) fn sample() -> Self {
        Self {
            id: "run_1".to_owned(),
            set: "main".to_owned(),
            purpose: "up".to_owned(),
            database_id: String::new(),
            had_history: false,
            ring: 2,
            phase: Phase::Apply,
            outcome: None,
            version_before: None,
            version_target: Some(1),
            fingerprint: String::new(),
            versions: Vec::new(),
            applying: None,
            died: false,
            snapshot: Some("s".to_owned()),
            failed_state: None,
            touched: Touched::default(),
            foreign_seen: false,
            started_at: 0,
            heartbeat_at: 0,
            finished_at: None,
            host: String::new(),
            pid: 1,
            user: String::new(),
            error: None,
            report: None,
        }
    }
}
