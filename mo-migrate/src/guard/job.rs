//! What a run has to do, read and judged before anything is touched.

use super::around::Around;
use super::restore::plural;
use crate::engine::Engine;
use crate::error::{Code, Error, Result, say};
use crate::ledger::GUARD;
use crate::migration::{
    Kind, Migration, MigrationSet, RustMigration, SetSource, SqlFile, SqlStatement,
    TransactionMode, Version, Work,
};
use crate::plan::Plan;
use crate::settings::{Settings, SnapshotPolicy};
use crate::sql;
use crate::validate::{Body as CheckBody, Check, When};

/// Which way a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// What one step runs.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Sql(SqlFile),
    Rust(&'static RustMigration),
}

/// One migration of a run.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) migration: &'a Migration,
    pub(crate) direction: Direction,
    pub(crate) body: Body,
    pub(crate) transactional: bool,
}

impl Step<'_> {
    /// Where it stands, for messages.
    pub(crate) fn place(&self) -> &str {
        match &self.body {
            Body::Sql(file) => &file.path,
            Body::Rust(function) => function.location,
        }
    }
}

/// A check with the migration that it judges; none for `always.check.sql`.
pub(crate) type Judge = (Option<Version>, Check);

/// All of a run.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) purpose: &'static str,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) checks: Vec<Judge>,
    pub(crate) from: Option<Version>,
    pub(crate) to: Option<Version>,
    pub(crate) fingerprint: String,
    /// The words that begin it once more, behind the name of the program.
    pub(crate) again: String,
    pub(crate) ring: u8,
    pub(crate) snapshot: bool,
    /// A table that others refer to is rebuilt: foreign keys are off while the run lasts.
    pub(crate) rebuilds: bool,
    /// What is run in the place of migrations.
    pub(crate) around: Option<Around<'a>>,
}

impl<'a> Job<'a> {
    /// The job of a plan.
    ///
    /// # Errors
    /// A file can't be parsed, or holds what the guard must not run.
    pub(crate) fn up(
        plan: &Plan<'a>,
        set: &MigrationSet,
        engine: &dyn Engine,
        settings: &Settings,
    ) -> Result<Self> {
        let mut steps = Vec::new();
        for migration in &plan.pending {
            steps.push(Step::up(migration, engine)?);
        }
        let mut job = Self::of("up", steps, set, engine, settings)?;
        (job.from, job.to) = (plan.from, plan.to());
        job.fingerprint = plan.fingerprint();
        Ok(job)
    }

    /// The job of taking migrations back, the newest first.
    ///
    /// # Errors
    /// One has no down file, or it can't be parsed.
    pub(crate) fn down(
        migrations: &[&'a Migration],
        again: String,
        set: &MigrationSet,
        engine: &dyn Engine,
        settings: &Settings,
    ) -> Result<Self> {
        let mut steps = Vec::new();
        for migration in migrations {
            let source = migration.down.as_ref().ok_or_else(|| say::no_down(migration))?;
            steps.push(Step::of(migration, Direction::Down, source, engine)?);
        }
        let mut job = Self::of("down", steps, set, engine, settings)?;
        job.from = migrations.first().map(|migration| migration.version);
        job.again = again;
        Ok(job)
    }

    /// The job of a guard around something else: always of ring 2, for another connection does the work.
    pub(crate) fn around(around: Around<'a>, checks: Vec<Check>, from: Option<Version>) -> Self {
        Self {
            purpose: GUARD,
            steps: Vec::new(),
            checks: checks.into_iter().map(|check| (None, check)).collect(),
            from,
            to: from,
            fingerprint: String::new(),
            again: format!("{GUARD} -- …"),
            ring: 2,
            snapshot: true,
            rebuilds: false,
            around: Some(around),
        }
    }

    fn of(
        purpose: &'static str,
        steps: Vec<Step<'a>>,
        set: &MigrationSet,
        engine: &dyn Engine,
        settings: &Settings,
    ) -> Result<Self> {
        let dialect = engine.dialect();
        let mut checks: Vec<Judge> = Vec::new();
        for step in steps.iter().filter(|step| step.direction == Direction::Up) {
            let version =
                (step.migration.kind != Kind::Repeatable).then_some(step.migration.version);
            checks
                .extend(step.migration.checks(dialect)?.into_iter().map(|check| (version, check)));
        }
        if purpose == "up" {
            checks.extend(set.always_checks(dialect)?.into_iter().map(|check| (None, check)));
        }
        let first = steps.first().map(|step| step.migration.version);
        checks.retain(|judge| judge.1.when != When::Snapshot || judges_snapshot(judge, first));
        let one_transaction =
            engine.capabilities().transactional_ddl && steps.iter().all(|step| step.transactional);
        let ring = if one_transaction { 1 } else { 2 };
        let judged_late = checks.iter().any(|(_, check)| check.when == When::After);
        let snapshot = match settings.snapshot {
            SnapshotPolicy::Always => true,
            SnapshotPolicy::WhenNeeded => ring == 2 || judged_late,
            SnapshotPolicy::DangerousNever => false,
        };
        if !snapshot && let Some((_, check)) = checks.iter().find(|(_, check)| needs_before(check))
        {
            return Err(say::check_needs_snapshot(&check.name));
        }
        let rebuilds = engine.capabilities().foreign_keys_outside
            && steps.iter().any(|step| step.rebuilds(dialect));
        Ok(Self {
            purpose,
            steps,
            checks,
            from: None,
            to: None,
            fingerprint: String::new(),
            again: purpose.to_owned(),
            ring,
            snapshot,
            rebuilds,
            around: None,
        })
    }
}

impl Job<'_> {
    /// What is run, in words.
    pub(super) fn words(&self) -> String {
        match &self.around {
            Some(around) => around.words().unwrap_or_else(|| "a function".to_owned()),
            None => plural(self.steps.len(), "migration"),
        }
    }

    /// Why it failed, with the command that begins it once more.
    pub(super) fn failed(&self, failure: Error) -> Error {
        let failure = if self.around.is_some() { say::of_a_guard(failure) } else { failure };
        failure.again_by(&self.again)
    }

    /// No statement touches what could not come back.
    ///
    /// # Errors
    /// One does; the error has its place.
    pub(crate) fn spares(
        &self,
        lost: &[(String, &'static str)],
        engine: &dyn Engine,
    ) -> Result<()> {
        let dialect = engine.dialect();
        if let Some(around) = &self.around {
            let touched = around.touched();
            let found =
                lost.iter().find(|(name, _)| touched.unknown || touched.tables.contains(name));
            return found.map_or(Ok(()), |(name, why)| Err(say::guard_has_no_way_back(name, why)));
        }
        for step in &self.steps {
            let Body::Sql(file) = &step.body else { continue };
            for statement in &file.statements {
                let text = file.sql(statement);
                let touched = sql::writes_to(text, dialect, engine.ledger_key());
                let Some((name, why)) = lost.iter().find(|(name, _)| touched.tables.contains(name))
                else {
                    continue;
                };
                let words = format!("`{name}` could not be put back: {why}");
                let place = sql::SourceProblem::new(text, 0..text.len(), words.clone())
                    .with_help("mend or drop it by hand first")
                    .in_file(&file.path, &file.text, statement.span.start);
                return Err(Error::new(Code::NoWayBack, words).placed(place));
            }
        }
        Ok(())
    }

    /// The checks of this moment.
    pub(crate) fn checks_at(&self, when: When) -> Vec<Judge> {
        self.checks.iter().filter(|(_, check)| check.when == when).cloned().collect()
    }
}

/// Whether a check compares with the snapshot.
pub(crate) fn needs_before(check: &Check) -> bool {
    use crate::validate::Ready;
    match &check.body {
        CheckBody::Sql(text) => text.contains("{{"),
        CheckBody::Ready(ready) => {
            matches!(ready, Ready::RowsUnchanged { .. } | Ready::ColumnsUnchanged { .. })
        }
        CheckBody::Command(_) | CheckBody::Rust(_) => false,
    }
}

/// The snapshot is what the first migration of the run found; what a later one expects to find is
/// not in it yet.
pub(crate) fn judges_snapshot((version, _): &Judge, first: Option<Version>) -> bool {
    version.is_some() && *version == first
}

/// The tables of before that a check compares with.
pub(crate) fn compared_with(check: &Check, dialect: sql::Dialect) -> Vec<String> {
    use crate::validate::Ready;
    match &check.body {
        CheckBody::Sql(text) => {
            let found = sql::before_references(text, dialect).unwrap_or_default();
            found.into_iter().map(|reference| reference.table).collect()
        }
        CheckBody::Ready(
            Ready::RowsUnchanged { table } | Ready::ColumnsUnchanged { table, .. },
        ) => {
            vec![table.to_string()]
        }
        CheckBody::Ready(_) | CheckBody::Command(_) | CheckBody::Rust(_) => Vec::new(),
    }
}

impl<'a> Step<'a> {
    fn up(migration: &'a Migration, engine: &dyn Engine) -> Result<Self> {
        match &migration.work {
            Work::Sql(source) => Self::of(migration, Direction::Up, source, engine),
            Work::Rust(function) => Ok(Self {
                migration,
                direction: Direction::Up,
                body: Body::Rust(function),
                transactional: is_transactional(function.transaction, engine),
            }),
        }
    }

    fn of(
        migration: &'a Migration,
        direction: Direction,
        source: &SetSource,
        engine: &dyn Engine,
    ) -> Result<Self> {
        let dialect = engine.dialect();
        let file = source.parse(dialect)?;
        // A way up that does nothing may be meant; a way down would say that something was taken back.
        if direction == Direction::Down && file.statements.is_empty() {
            return Err(say::empty_down(&file.path));
        }
        if let Some(place) = file.transaction_control(dialect) {
            return Err(Error::new(Code::TransactionControl, place.message.clone()).placed(place));
        }
        let transactional = is_transactional(file.directives.transaction, engine);
        let refused =
            |text: &str, statement: &SqlStatement, why: &str, code: Code, help: &str| {
                let place = sql::SourceProblem::new(text, 0..text.len(), why)
                    .with_help(help)
                    .in_file(&file.path, &file.text, statement.span.start);
                Error::new(code, why).placed(place)
            };
        for statement in &file.statements {
            let text = file.sql(statement);
            if let Some(why) = sql::breaks_the_lock(text, dialect) {
                let help = "take it out: without its lock, another run could begin";
                return Err(refused(text, statement, why, Code::TransactionControl, help));
            }
            if let Some(why) = unfit_name(text, engine) {
                let help = "give it another name";
                return Err(refused(text, statement, &why, Code::NoWayBack, help));
            }
            if transactional && let Some(why) = sql::needs_no_transaction(text, dialect) {
                let help = "write `-- mo-migrate: no-transaction` at the head of the file";
                return Err(refused(text, statement, why, Code::TransactionControl, help));
            }
            let allowed = file.directives.allows.iter().any(|allow| allow.code == "NO_WAY_BACK");
            if !allowed && let Some(why) = without_way_back(text, engine) {
                let place = sql::SourceProblem::new(text, 0..text.len(), why)
                    .with_help("take it out, or write `-- mo-migrate: allow NO_WAY_BACK because …` at the head")
                    .in_file(&file.path, &file.text, statement.span.start);
                return Err(Error::new(
                    Code::NoWayBack,
                    "a statement has effects that no restore takes back",
                )
                .placed(place));
            }
        }
        let texts: Vec<&str> =
            file.statements.iter().map(|statement| file.sql(statement)).collect();
        if transactional && let Some((at, why)) = sql::mixes_in_transaction(&texts, dialect) {
            let help = "leave `-- mo-migrate: transaction` out, or put it into a file of its own";
            let statement = &file.statements[at];
            return Err(refused(texts[at], statement, why, Code::TransactionControl, help));
        }
        Ok(Self { migration, direction, body: Body::Sql(file), transactional })
    }

    fn rebuilds(&self, dialect: sql::Dialect) -> bool {
        match &self.body {
            Body::Rust(function) => function.rebuilds,
            Body::Sql(file) => {
                file.directives.foreign_keys_off
                    || file
                        .statements
                        .iter()
                        .any(|statement| sql::drops_table(file.sql(statement), dialect).is_some())
            }
        }
    }
}

/// What a statement does that no restore of the database takes back.
pub(crate) fn without_way_back(text: &str, engine: &dyn Engine) -> Option<String> {
    let dialect = engine.dialect();
    let elsewhere = || sql::writes_elsewhere(text, dialect, engine.ledger_key());
    sql::reaches_outside(text, dialect).map(ToOwned::to_owned).or_else(elsewhere)
}

/// What the statement writes to that could not be put back because of its name.
fn unfit_name(text: &str, engine: &dyn Engine) -> Option<String> {
    let touched = sql::writes_to(text, engine.dialect(), engine.ledger_key());
    let mut names = touched.tables.iter();
    names.find_map(|name| {
        engine.unfit_name(name).map(|why| format!("`{name}` could not be put back: {why}"))
    })
}

/// What a migration gets that says nothing is the engine's to know.
fn is_transactional(mode: TransactionMode, engine: &dyn Engine) -> bool {
    match mode {
        TransactionMode::Transaction => true,
        TransactionMode::NoTransaction => false,
        TransactionMode::Default => engine.capabilities().transactional_ddl,
    }
}
