//! What would be done, in full: every statement, what guards the run and why, and the checks. It
//! reads files and history, and writes nothing.

use serde::Serialize;

use super::{Operations, PendingMigration};
use crate::engine::Role;
use crate::error::{Result, say};
use crate::guard::job::{Body, Job, Step};
use crate::guard::{Run, record_of};
use crate::ledger::Ledger;
use crate::lint::{self, Finding as LintFinding};
use crate::migration::{Migration, Version};
use crate::plan::{Finding, Goal, plan};
use crate::report::RehearsalReport;
use crate::validate::When;

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The highest version that the database has.
    pub from: Option<Version>,
    /// The highest version that it would have.
    pub to: Option<Version>,
    /// What would run, in its order.
    pub migrations: Vec<PreviewStep>,
    /// What would judge it.
    pub checks: Vec<PreviewCheck>,
    /// What would undo it; none when nothing would run.
    pub guard: Option<PreviewGuard>,
    /// Differences between the set and the history that the policies allow.
    pub tolerated: Vec<Finding>,
    /// In words, that the database has other sets and nothing of this one.
    pub new_set: Option<String>,
    /// What can go wrong with the migrations, by their texts.
    pub lint: Vec<LintFinding>,
    /// The rehearsal, where one was asked for.
    pub rehearsal: Option<RehearsalReport>,
}

/// One migration of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewStep {
    /// Which, and where it stands.
    #[serde(flatten)]
    pub migration: PendingMigration,
    /// It runs inside of a transaction.
    pub transaction: bool,
    /// Its statements; none of a Rust migration, whose statements only its run can tell.
    pub statements: Vec<PreviewStatement>,
}

/// One statement of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewStatement {
    /// Its first line in the file.
    pub line: usize,
    /// Its text.
    pub sql: String,
}

/// One check of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewCheck {
    /// Its name.
    pub name: String,
    /// The migration that it judges; none for `always.check.sql`.
    pub version: Option<Version>,
    /// When it runs.
    pub when: When,
}

/// What undoes a run that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewGuard {
    /// 1: one transaction holds everything; 2: the snapshot undoes what was committed.
    pub ring: u8,
    /// A snapshot is taken first.
    pub snapshot: bool,
    /// Why a transaction is not enough; empty in ring 1.
    pub why: Vec<String>,
}

impl Operations<'_> {
    /// What `up` would do.
    pub(crate) async fn preview(&self, goal: Goal) -> Result<Preview> {
        let exists = self.engine.exists().await?;
        let history = if exists { self.history(Role::Read).await? } else { None };
        let plan = plan(self.set, history.as_ref(), goal, &self.settings)?;
        let job = Job::up(&plan, self.set, self.engine(), &self.settings)?;
        let one_transaction = self.engine.capabilities().transactional_ddl;
        Ok(Preview {
            from: plan.from,
            to: plan.to(),
            migrations: job.steps.iter().map(step).collect(),
            checks: if job.steps.is_empty() { Vec::new() } else { checks(&job) },
            guard: (!job.steps.is_empty()).then(|| guard_of(&job, one_transaction)),
            lint: self.lint_of(&job),
            tolerated: plan.tolerated,
            new_set: self.mistyped(history.as_ref()).await,
            rehearsal: None,
        })
    }

    fn lint_of(&self, job: &Job<'_>) -> Vec<LintFinding> {
        let migrations: Vec<&Migration> = job.steps.iter().map(|step| step.migration).collect();
        lint::look_at(
            self.set,
            &migrations,
            &[self.engine.dialect()],
            Some(self.engine.ledger_key()),
        )
    }

    /// Tries what is pending on a clone of a snapshot that is taken for it; none when nothing is.
    pub(crate) async fn rehearsal(&self, goal: Goal) -> Result<Option<RehearsalReport>> {
        if !self.engine.exists().await? {
            return Ok(None);
        }
        let lock = self.lock().await?;
        let history = self.history(Role::Start).await?;
        if history.as_ref().is_some_and(crate::history::History::is_open) {
            return Err(say::open_run_first());
        }
        let plan = plan(self.set, history.as_ref(), goal, &self.settings)?;
        if plan.pending.is_empty() {
            return Ok(None);
        }
        let mut job = Job::up(&plan, self.set, self.engine(), &self.settings)?;
        job.purpose = "rehearse";
        let record = record_of(&job, &self.settings, history.as_ref());
        let ledger = Ledger::open(self.engine()).await?;
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = history;
        Box::pin(run.rehearse_alone(&job)).await.map(Some)
    }
}

fn step(step: &Step<'_>) -> PreviewStep {
    let statements = match &step.body {
        Body::Rust(_) => Vec::new(),
        Body::Sql(file) => file
            .statements
            .iter()
            .map(|statement| PreviewStatement {
                line: statement.line,
                sql: file.sql(statement).trim().to_owned(),
            })
            .collect(),
    };
    PreviewStep { migration: step.migration.into(), transaction: step.transactional, statements }
}

fn checks(job: &Job<'_>) -> Vec<PreviewCheck> {
    let checks = job.checks.iter();
    checks
        .map(|(version, check)| PreviewCheck {
            name: check.name.to_string(),
            version: *version,
            when: check.when,
        })
        .collect()
}

/// What guards a job, and why a transaction is not enough where it is not.
pub(super) fn guard_of(job: &Job<'_>, one_transaction: bool) -> PreviewGuard {
    let outside = job.steps.iter().filter(|step| !step.transactional);
    let mut why: Vec<String> = outside
        .map(|step| format!("migration {} runs outside of a transaction", step.migration.title()))
        .collect();
    if !one_transaction {
        why.push("this engine commits changes of definitions by itself".to_owned());
    }
    PreviewGuard { ring: job.ring, snapshot: job.snapshot, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Target;
    use crate::migration::MigrationSet;
    use crate::settings::Settings;

    async fn preview(files: &[(&str, &str)], settings: Settings) -> Preview {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let set = MigrationSet::from_dirs(&[dir.path().to_owned()]).unwrap();
        let address = format!("sqlite:{}", dir.path().join("app.db").display());
        let engine = Target::from(address).open().unwrap();
        Operations { engine, set: &set, settings }.preview(Goal::Latest).await.unwrap()
    }

    #[tokio::test]
    async fn every_statement_has_its_line_and_a_transaction_guards_them() {
        let sql = "CREATE TABLE t (\n  id INTEGER);\n\nINSERT INTO t VALUES (1);\n";
        let check = "-- check: has a row\nSELECT 1 WHERE NOT EXISTS (SELECT 1 FROM t);\n";
        let found =
            preview(&[("1_init.sql", sql), ("1_init.check.sql", check)], Settings::default()).await;
        let lines: Vec<usize> =
            found.migrations[0].statements.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [1, 4]);
        assert_eq!(found.migrations[0].statements[1].sql, "INSERT INTO t VALUES (1)");
        assert_eq!(found.guard, Some(PreviewGuard { ring: 1, snapshot: true, why: Vec::new() }));
        assert_eq!(
            (found.checks[0].name.as_str(), found.checks[0].version),
            ("has a row", Some(1))
        );
        assert_eq!((found.from, found.to), (None, Some(1)));
    }

    #[tokio::test]
    async fn a_migration_without_a_transaction_is_named_as_the_reason_for_ring_2() {
        let found =
            preview(&[("1_a.sql", "-- mo-migrate: no-transaction\nVACUUM;")], Settings::default())
                .await;
        let guard = found.guard.unwrap();
        assert_eq!((guard.ring, guard.snapshot), (2, true));
        assert_eq!(guard.why, ["migration 1 `a` runs outside of a transaction"]);
    }
}
