//! What is asked of a database and of a set; nothing here writes to the database.

use super::Migrator;
use crate::engine::Target;
use crate::error::Result;
use crate::history::Applied;
use crate::ledger::RunRecord;
use crate::lint::{self, Lint, Scope};
use crate::migration::Version;
use crate::operations::{
    Difference, PendingMigration, Preview, RunProof, Status, Validation, Verification,
};
use crate::plan::Goal;
use crate::preflight::{Depth, Preflight};
use crate::report::RunReport;

impl Migrator {
    /// What would run; writes nothing.
    ///
    /// # Errors
    /// A difference that the policies refuse, or the database can't be read.
    pub async fn plan(
        &self,
        target: impl Into<Target>,
        goal: Goal,
    ) -> Result<Vec<PendingMigration>> {
        self.with_operations(target.into(), async |all| all.plan(goal).await).await
    }

    /// What would be done, statement by statement, and what guards it; writes nothing.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), or a file can't be parsed or holds what the guard must not run.
    pub async fn preview(&self, target: impl Into<Target>, goal: Goal) -> Result<Preview> {
        self.with_operations(target.into(), async |all| all.preview(goal).await).await
    }

    /// Everything that has to be so before [`run`](Self::run), item by item. It makes a snapshot, tests it
    /// on a clone and removes both, unless that is left out, and changes nothing else.
    ///
    /// ```
    /// # use mo_migrate::{plan::Goal, preflight::Depth, prelude::*};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # std::fs::write(dir.path().join("1_init.sql"), "CREATE TABLE t (id INTEGER PRIMARY KEY);").unwrap();
    /// # let migrations = dir.path();
    /// # let address = format!("sqlite:{}", dir.path().join("app.db").display());
    /// let migrator = Migrator::from_dir(migrations).maintenance_window("always".parse().unwrap());
    /// let list = migrator.preflight(address.as_str(), Goal::Latest, Depth::Deep).await?;
    /// assert!(list.ready, "{:?}", list.missing().next());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The set or the address can't be read, or it was interrupted; whatever else is wrong is an item.
    pub async fn preflight(
        &self,
        target: impl Into<Target>,
        goal: Goal,
        depth: Depth,
    ) -> Result<Preflight> {
        let target = target.into();
        Box::pin(
            self.with_operations(target, async |all| Box::pin(all.preflight(goal, depth)).await),
        )
        .await
    }

    /// What [`down`](Self::down) would take back, the newest first; writes nothing.
    ///
    /// # Errors
    /// Nothing is applied, or there is no down file.
    pub async fn down_preview(
        &self,
        target: impl Into<Target>,
        to: Option<Version>,
    ) -> Result<Vec<PendingMigration>> {
        self.with_operations(target.into(), async |all| all.down_preview(to).await).await
    }

    /// Where the database stands; writes nothing. A directory of migrations that is not there is a state
    /// of its own, since the database can be asked about without one.
    ///
    /// # Errors
    /// The database can't be read, or not truthfully without writing.
    pub async fn status(&self, target: impl Into<Target>) -> Result<Status> {
        let (set, missing) = self.set_if_any()?;
        self.operate(&set, target.into(), async |all| all.status(missing.as_ref()).await).await
    }

    /// The versions that the database has; writes nothing.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn history(&self, target: impl Into<Target>) -> Result<Vec<Applied>> {
        self.with_operations_even_without_files(target.into(), async |all| all.applied().await)
            .await
    }

    /// The runs that the ledger knows, the newest first; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn runs(&self, target: impl Into<Target>) -> Result<Vec<RunRecord>> {
        self.with_operations_even_without_files(target.into(), async |all| all.runs().await).await
    }

    /// The set held against the history, and every file read; writes nothing.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn validate(&self, target: impl Into<Target>) -> Result<Validation> {
        self.with_operations(target.into(), async |all| all.validate().await).await
    }

    /// What can go wrong with the migrations, by their texts; asks no database.
    ///
    /// ```
    /// # use mo_migrate::{Migrator, Result, lint::Scope};
    /// # fn main() -> Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # std::fs::write(dir.path().join("1_end.sql"), "DROP TABLE orders;").unwrap();
    /// # let migrations = dir.path();
    /// let lint = Migrator::from_dir(migrations).lint(&Scope::default())?;
    /// assert_eq!(lint.count(), 1);
    /// assert_eq!(lint.findings[0].code, "DROP_TABLE");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A file or directory can't be read, or the scope names a file that is none of the set.
    pub fn lint(&self, scope: &Scope) -> Result<Lint> {
        lint::lint(&*self.shared_set()?, scope)
    }

    /// Runs the checks on the database as it is.
    ///
    /// # Errors
    /// The database or a check file can't be read.
    pub async fn verify(&self, target: impl Into<Target>) -> Result<Verification> {
        let target = target.into();
        Box::pin(self.with_operations(target, async |all| Box::pin(all.verify()).await)).await
    }

    /// Compares all that a restored run brought back with its snapshot, where its large tables were
    /// compared by their counts alone; if they are equal, that is written into the run's report.
    ///
    /// # Errors
    /// There is no such run, it was not restored, or its snapshot is gone.
    pub async fn verify_run(&self, target: impl Into<Target>, run: &str) -> Result<RunProof> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.verify_run(run)).await
        }))
        .await
    }

    /// The rows of others that a restored run took back, or what a run that was applied has changed
    /// since its snapshot. Of each table `limit` rows are given at most, and all counted; writes
    /// nothing.
    ///
    /// # Errors
    /// There is no such run, or it has left nothing to compare.
    pub async fn diff(
        &self,
        target: impl Into<Target>,
        run: &str,
        limit: Option<usize>,
    ) -> Result<Difference> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.diff(run, limit)).await
        }))
        .await
    }

    /// A run told from its beginning to its end, as the ledger has it: the last one, or the one named;
    /// writes nothing.
    ///
    /// # Errors
    /// There is no such run, or none at all.
    pub async fn report(&self, target: impl Into<Target>, run: Option<&str>) -> Result<RunReport> {
        self.with_operations_even_without_files(target.into(), async |all| all.report(run).await)
            .await
    }
}
