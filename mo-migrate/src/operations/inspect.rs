//! Questions that write nothing: status, history, validate, plan; and `verify`, which runs the
//! checks on the database as it is.

use serde::Serialize;

use super::{Operations, Upgrade};
use crate::engine::{Fence, Role};
use crate::error::{Code, Error, Result, say};
use crate::guard;
use crate::guard::job::needs_before;
use crate::history::{Applied, History, Marker};
use crate::ledger::{Ledger, RunRecord};
use crate::migration::{Migration, Version};
use crate::plan::{Finding, Goal, findings, plan, tolerant};
use crate::report::{CheckReport, CheckVerdict, Outcome};
use crate::time;
use crate::upgrade::UpgradeState;
use crate::validate::{self, Check, Verdict, When};

/// A migration that was not applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingMigration {
    /// Its version; 0 for a repeatable one.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// `sql`, `rust` or `repeatable`.
    pub kind: String,
    /// Where it stands.
    pub place: String,
}

impl From<&Migration> for PendingMigration {
    fn from(migration: &Migration) -> Self {
        Self {
            version: migration.version,
            name: migration.name.to_string(),
            kind: migration.kind.as_str().to_owned(),
            place: migration.place().to_owned(),
        }
    }
}

/// Where a database stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// `up_to_date`, `pending`, `open_run`, `no_database`, or `no_migrations` where there is no set that
    /// the database could be held against.
    pub state: String,
    /// The set's name.
    pub set: String,
    /// The engine's name.
    pub engine: String,
    /// The database, without credentials.
    pub database: String,
    /// The highest version that it has.
    pub version: Option<Version>,
    /// The highest version of the set.
    pub latest: Option<Version>,
    /// What it has.
    pub applied: Vec<Applied>,
    /// What would run.
    pub pending: Vec<PendingMigration>,
    /// Differences between the set and the history.
    pub findings: Vec<Finding>,
    /// The run that is open in the database.
    pub open_run: Option<Marker>,
    /// In words, what is true of the open run and what the next start does; or else why there is no set, or
    /// that the database has others.
    pub detail: Option<String>,
    /// The newest upgrade, unless it is over and green was never used.
    pub upgrade: Option<Upgrade>,
}

/// The set held against the history.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// Every difference.
    pub findings: Vec<Finding>,
    /// Files that can't be read, each in one line with its place.
    pub problems: Vec<String>,
}

/// The checks on the database as it is.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// What each said.
    pub checks: Vec<CheckReport>,
    /// Checks that were left out, since they compare with before.
    pub left_out: Vec<String>,
}

impl Verification {
    /// All checks hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.verdict == CheckVerdict::Pass)
    }
}

impl Operations<'_> {
    /// Where the database stands; writes nothing. `missing` says why there is no set, if there is none.
    pub(crate) async fn status(&self, missing: Option<&Error>) -> Result<Status> {
        let exists = self.engine.exists().await?;
        let history = if exists { self.history(Role::Read).await? } else { None };
        let (open, detail) = self.open_run(history.as_ref()).await?;
        let set = &self.settings.set;
        // Against no set, all that is applied would be said to be missing.
        let findings = match missing {
            Some(_) => Vec::new(),
            None => findings(self.set, history.as_ref(), set),
        };
        let pending = tolerant(self.set, history.as_ref(), Goal::Latest, set)?.pending;
        let marker = history.as_ref().and_then(|history| history.marker.clone());
        let waits = open.as_ref().is_some_and(|run| !is_final(run, history.as_ref()));
        let state = match (exists, marker.is_some() || waits, pending.is_empty()) {
            (false, ..) => "no_database",
            (_, true, _) => "open_run",
            _ if missing.is_some() => "no_migrations",
            (_, _, false) => "pending",
            _ => "up_to_date",
        };
        let new_set = self.mistyped(history.as_ref()).await;
        Ok(Status {
            state: state.to_owned(),
            set: self.settings.set.clone(),
            engine: self.engine.name().to_owned(),
            database: self.engine.database().to_owned(),
            version: history.as_ref().and_then(|history| history.latest(&self.settings.set)),
            latest: self.set.latest(),
            pending: pending.into_iter().map(Into::into).collect(),
            applied: history
                .map(|history| history.of_set(&self.settings.set).cloned().collect())
                .unwrap_or_default(),
            findings,
            detail: detail.or_else(|| missing.map(say::in_a_line)).or(new_set),
            // What can't be read of it stops no answer about the migrations.
            upgrade: self.upgrade().await.ok().flatten().filter(is_told),
            open_run: marker,
        })
    }

    /// The run that the ledger says is open, if a ledger can be read, and what is true of an open run.
    pub(super) async fn open_run(
        &self,
        history: Option<&History>,
    ) -> Result<(Option<RunRecord>, Option<String>)> {
        let read = Ledger::read(self.engine()).await;
        let mut ledger = match read {
            Ok(Some(ledger)) => ledger,
            Ok(None) => {
                let marker = history.and_then(|history| history.marker.as_ref());
                let gone =
                    marker.map(|marker| say::ledger_gone(marker, &self.engine.ledger_place()));
                return Ok((None, gone.as_ref().map(say::in_a_line)));
            }
            // Without a marker nothing is open that could matter to a reader.
            Err(_) if history.is_none_or(History::is_settled) => return Ok((None, None)),
            Err(error) => return Err(error),
        };
        let found = async {
            let open = ledger.open_run().await?;
            let detail =
                guard::explained(self.engine(), &mut ledger, open.as_ref(), history).await?;
            Ok((open, detail))
        };
        let found = found.await;
        ledger.close().await;
        found
    }

    /// What would run, by the policies.
    pub(crate) async fn plan(&self, goal: Goal) -> Result<Vec<PendingMigration>> {
        let exists = self.engine.exists().await?;
        let history = if exists { self.history(Role::Read).await? } else { None };
        let plan = plan(self.set, history.as_ref(), goal, &self.settings)?;
        Ok(plan.pending.into_iter().map(Into::into).collect())
    }

    /// What the database has.
    pub(crate) async fn applied(&self) -> Result<Vec<Applied>> {
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        let history = self.history(Role::Read).await?.unwrap_or_default();
        Ok(history.of_set(&self.settings.set).cloned().collect())
    }

    /// The runs that the ledger knows, the newest first.
    pub(crate) async fn runs(&self) -> Result<Vec<RunRecord>> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(Vec::new()) };
        let runs = ledger.runs().await;
        ledger.close().await;
        runs
    }

    /// The set held against the history, and every file read.
    pub(crate) async fn validate(&self) -> Result<Validation> {
        let exists = self.engine.exists().await?;
        let history = if exists { self.history(Role::Read).await? } else { None };
        let dialect = self.engine.dialect();
        let mut problems = Vec::new();
        for migration in self.set.migrations.iter().chain(&self.set.repeatables) {
            let file = match &migration.work {
                crate::migration::Work::Sql(source) => source.parse(dialect).map(Some),
                crate::migration::Work::Rust(_) => Ok(None),
            };
            let down =
                migration.down.as_ref().map_or(Ok(None), |source| source.parse(dialect).map(Some));
            for parsed in [file, down] {
                match parsed {
                    Ok(Some(file)) => {
                        problems.extend(file.transaction_control(dialect).map(|p| p.to_string()));
                    }
                    Ok(None) => {}
                    Err(error) => problems.push(place_line(&error)),
                }
            }
            problems.extend(migration.checks(dialect).err().map(|error| place_line(&error)));
        }
        problems.extend(self.set.always_checks(dialect).err().map(|error| place_line(&error)));
        Ok(Validation {
            findings: findings(self.set, history.as_ref(), &self.settings.set),
            problems,
        })
    }

    /// Runs the checks of all applied migrations on the database as it is. The checks can't write.
    pub(crate) async fn verify(&self) -> Result<Verification> {
        let history = self.history(Role::Start).await?.unwrap_or_default();
        let dialect = self.engine.dialect();
        let mut checks: Vec<(Option<Version>, Check)> = Vec::new();
        for migration in &self.set.migrations {
            if history
                .of_set(&self.settings.set)
                .any(|applied| applied.version == migration.version)
            {
                let version = Some(migration.version);
                checks.extend(migration.checks(dialect)?.into_iter().map(|check| (version, check)));
            }
        }
        checks.extend(self.set.always_checks(dialect)?.into_iter().map(|check| (None, check)));
        let (left_out, checks): (Vec<_>, Vec<_>) = checks
            .into_iter()
            .partition(|(_, check)| needs_before(check) || check.when == When::Snapshot);
        let mut found = Verification {
            checks: Vec::new(),
            left_out: left_out.into_iter().map(|(_, check)| check.name.to_string()).collect(),
        };
        let mut ledger = Ledger::open(self.engine()).await?;
        let mut connection = self.engine.connect(Role::Work).await?;
        connection.writable(false).await?;
        let history = self.settings.history_table.clone();
        connection.fence(Fence::Transaction(&history));
        let none = crate::engine::Inventory::default();
        for (version, check) in checks {
            let context = validate::Context {
                engine: self.engine(),
                run: format!("verify_{}", time::compact(time::now_ms())),
                limit: check.timeout.unwrap_or(self.settings.check_timeout),
                evidence: self.settings.evidence,
                snapshot: "",
                then: &none,
                stop: self.settings.stop.clone(),
            };
            let answer = validate::carry_out(&check, &mut *connection, &context, &mut ledger).await;
            if answer.as_ref().is_err_and(|error| error.code() == Code::Interrupted) {
                connection.close().await;
                return Err(say::interrupted());
            }
            found.checks.push(check_line(version, &check, answer, self.settings.evidence));
        }
        connection.fence(Fence::Open);
        connection.writable(true).await?;
        connection.close().await;
        ledger.close().await;
        Ok(found)
    }
}

fn is_told(upgrade: &Upgrade) -> bool {
    upgrade.state != UpgradeState::Aborted
}

/// The run died after it had become final: only the ledger does not say so yet.
pub(super) fn is_final(run: &RunRecord, history: Option<&History>) -> bool {
    guard::decide(Some(run), history) == guard::Recovery::Finish(Outcome::Applied)
}

fn place_line(error: &crate::Error) -> String {
    error.place().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A check's answer as a line of a report.
pub(crate) fn check_line(
    version: Option<Version>,
    check: &Check,
    answer: Result<Verdict>,
    evidence: usize,
) -> CheckReport {
    let (verdict, detail, rows) = match answer {
        Ok(Verdict::Pass) => (CheckVerdict::Pass, String::new(), Vec::new()),
        Ok(Verdict::Fail { detail, rows }) => {
            (CheckVerdict::Fail, detail, CheckReport::evidence(&rows, evidence))
        }
        Err(error) => (CheckVerdict::Error, error.to_string(), Vec::new()),
    };
    CheckReport { name: check.name.to_string(), version, when: check.when, verdict, detail, rows }
}
