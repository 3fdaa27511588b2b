//! Every statement and every check fails once, and each time all is as it was.
//!
//! 1. Each failure is tried with the real guard, on a database that has the version before.
//! 2. The database is compared as a whole: definitions, rows, row numbers and the history.
//! 3. A failure counts only when it is the one that was asked for; a migration that fails by itself
//!    is an error.

use std::collections::BTreeMap;

use super::TestDatabase;
use super::dump::difference;
use super::inject::{self, Which};
use super::tried::{Case, Tried};
use crate::Migrator;
use crate::error::{Code, Error, Result};
use crate::migration::{INJECTED, MigrationSet, RustMigration, Version, Work};
use crate::operations::Operations;
use crate::plan::Goal;
use crate::report::Report;
use crate::settings::Settings;
use crate::sql::Dialect;
use crate::validate::When;

/// How many statements of one function are made to fail before a smaller seed is asked for.
const MOST_STATEMENTS: u64 = 1000;

/// Lets every statement and every check of a set fail once.
///
/// Statements fail before each one and after the last; checks fail one by one, before and after the
/// commit; where a migration has no check for one of these moments, one is put there. Statements
/// sent through [`Session::dangerous_raw`](crate::Session::dangerous_raw) are not counted, and
/// commands among the checks run each time.
///
/// ```
/// # use mo_migrate::prelude::*;
/// # use mo_migrate::testing::Restores;
/// # #[migration(version = 1)]
/// # async fn create_products(db: &mut Session<'_>) -> Result<()> {
/// #     db.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// #     Ok(())
/// # }
/// # static MIGRATOR: Migrator = migrations!(create_products);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let tried = Restores::of(&MIGRATOR)
///     .seed(1, "INSERT INTO products (name) VALUES ('mouse'), ('keyboard')")
///     .run()
///     .await?;
/// println!("{tried}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Restores {
    migrator: Migrator,
    seeds: BTreeMap<Version, Vec<String>>,
}

impl Restores {
    /// Of this set.
    #[must_use]
    pub fn of(migrator: &Migrator) -> Self {
        Self { migrator: migrator.clone(), seeds: BTreeMap::new() }
    }

    /// Rows to lose: statements that run once the database has this version; 0 is the empty one.
    #[must_use]
    pub fn seed(mut self, version: Version, sql: impl Into<String>) -> Self {
        self.seeds.entry(version).or_default().push(sql.into());
        self
    }

    /// Tries them all.
    ///
    /// # Errors
    /// The first failure after which the database was not as before, or that was not noticed; the
    /// database is kept, and the error says where. Also a migration or a seed that fails by itself.
    pub async fn run(self) -> Result<Tried> {
        let set = self.migrator.set()?;
        if set.migrations.is_empty() && set.repeatables.is_empty() {
            return Err(Error::new(
                Code::Usage,
                "the set has no migrations, so that nothing can fail",
            ));
        }
        let database = TestDatabase::new(&self.migrator, 0).await?;
        let mut settings = self.migrator.settings();
        settings.unattended = false;
        let mut trial = Trial {
            dialect: database.engine().dialect(),
            database,
            set,
            settings,
            tried: Tried::default(),
        };
        if let Some(unknown) =
            self.seeds.keys().find(|version| **version != 0 && trial.set.find(**version).is_none())
        {
            return Err(Error::new(
                Code::UnknownVersion,
                format!("the seed is for version {unknown}, and there is none"),
            ));
        }
        trial.sow(&self.seeds, 0).await?;
        for at in 0..trial.set.migrations.len() {
            let version = trial.set.migrations[at].version;
            trial.migration(Which::Versioned(at), Goal::Version(version)).await?;
            Box::pin(trial.run(&trial.set, Goal::Version(version))).await?;
            trial.sow(&self.seeds, version).await?;
        }
        for at in 0..trial.set.repeatables.len() {
            trial.migration(Which::Repeatable(at), Goal::Latest).await?;
        }
        Ok(trial.tried)
    }
}

struct Trial {
    database: TestDatabase,
    set: MigrationSet,
    settings: Settings,
    dialect: Dialect,
    tried: Tried,
}

impl Trial {
    async fn sow(
        &mut self,
        seeds: &BTreeMap<Version, Vec<String>>,
        version: Version,
    ) -> Result<()> {
        for sql in seeds.get(&version).into_iter().flatten() {
            self.database.seed(sql).await?;
        }
        Ok(())
    }

    async fn run(&self, set: &MigrationSet, goal: Goal) -> Result<Report> {
        let engine = self.database.engine().clone();
        Box::pin(Operations { engine, set, settings: self.settings.clone() }.up(goal)).await
    }

    /// All failures of one migration.
    async fn migration(&mut self, which: Which, goal: Goal) -> Result<()> {
        let Some(migration) = which.of(&self.set) else { return Ok(()) };
        let title = migration.title();
        match &migration.work {
            Work::Sql(source) => {
                let file = source.parse(self.dialect)?;
                for done in 0..=file.statements.len() {
                    let changed = inject::statement(&self.set, which, &file, done);
                    let failure = place(done, file.statements.len());
                    self.case(&title, failure, &changed, goal).await?;
                }
            }
            Work::Rust(function) => self.function(&title, which, function, goal).await?,
        }
        for (check, changed) in inject::checks(&self.set, which, self.dialect)? {
            let when = if check.when == When::After { "after" } else { "before" };
            let failure = format!("check `{}` {when} the commit", check.name);
            self.case(&title, failure, &changed, goal).await?;
        }
        Ok(())
    }

    /// How many statements a function sends is known when it has sent them all.
    async fn function(
        &mut self,
        title: &str,
        which: Which,
        function: &'static RustMigration,
        goal: Goal,
    ) -> Result<()> {
        let changed = inject::function(&self.set, which, function);
        for number in 1..=MOST_STATEMENTS {
            let before = self.database.dump().await?;
            let (ended, all_sent) =
                inject::calling(function, number, self.run(&changed, goal)).await;
            let failure = if all_sent {
                "after the last statement".to_owned()
            } else {
                format!("before statement {number}")
            };
            self.judge(title, failure, &before, ended).await?;
            if all_sent {
                return Ok(());
            }
        }
        Err(Error::new(
            Code::Usage,
            format!("migration {title} sends more than {MOST_STATEMENTS} statements"),
        )
        .hinted("seed fewer rows, or let one statement change many of them"))
    }

    async fn case(
        &mut self,
        title: &str,
        failure: String,
        changed: &MigrationSet,
        goal: Goal,
    ) -> Result<()> {
        let before = self.database.dump().await?;
        let ended = self.run(changed, goal).await;
        self.judge(title, failure, &before, ended).await
    }

    async fn judge(
        &mut self,
        title: &str,
        failure: String,
        before: &str,
        ended: Result<Report>,
    ) -> Result<()> {
        let place = format!("migration {title}, {failure}");
        let error = match ended {
            Ok(report) => {
                let message = format!(
                    "{place}: the failure was not noticed, and the run ended {}",
                    report.outcome
                );
                return Err(self.kept(Error::new(Code::Internal, message)));
            }
            Err(error) => error,
        };
        if !error.to_string().contains(INJECTED) {
            return Err(self.kept(error));
        }
        let after = self.database.dump().await?;
        if let Some(difference) = difference(before, &after) {
            let message = format!(
                "{place}: the run ended {}, and the database is not as it was",
                error.outcome()
            );
            return Err(self.kept(Error::new(Code::Proof, message).because(difference)));
        }
        if !error.is_undone() {
            let message = format!("{place}: the run ended {}", error.outcome());
            return Err(self.kept(Error::new(Code::Proof, message).because(error.to_string())));
        }
        self.tried.cases.push(Case {
            migration: title.to_owned(),
            failure,
            outcome: error.outcome(),
        });
        Ok(())
    }

    /// The error with where the database is, which stays.
    fn kept(&mut self, error: Error) -> Error {
        let place = self.database.keep();
        error.keeping(format!("the test's database, {place}"))
    }
}

fn place(done: usize, statements: usize) -> String {
    if done == statements {
        "after the last statement".to_owned()
    } else {
        format!("before statement {}", done + 1)
    }
}
