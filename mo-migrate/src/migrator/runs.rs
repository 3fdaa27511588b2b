//! What changes a database: runs, ways back, and what is written into the history by hand.

use std::time::SystemTime;

use super::Migrator;
use crate::engine::{Engine, Role, SharedEngine, Target};
use crate::error::{Result, say};
use crate::migration::Version;
use crate::operations::{self, Back, Baseline, Repair, RestorePreview, made_from};
use crate::plan::Goal;
use crate::report::{RehearsalReport, Report};

impl Migrator {
    /// Runs what is pending, under the guard. With nothing to do it costs one statement.
    ///
    /// # Errors
    /// What stopped it; [`Error::outcome`](crate::Error::outcome) says whether it was refused,
    /// rolled back or restored, and [`Error::report`](crate::Error::report) what was done.
    ///
    /// # Cancel safety
    /// Dropping the future is a crash like another one: the lock is held until the statement in
    /// flight has ended, and the next start recovers.
    pub async fn run(&self, target: impl Into<Target>) -> Result<Report> {
        self.to(target, Goal::Latest).await
    }

    /// Runs what is pending up to a goal.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn to(&self, target: impl Into<Target>, goal: Goal) -> Result<Report> {
        let target = target.into();
        let set = self.shared_set()?;
        if let Some(report) = operations::nothing_to_do(&target, &set, &self.settings(), goal).await
        {
            return Ok(report);
        }
        Box::pin(self.with_operations(target, async |all| Box::pin(all.up(goal)).await)).await
    }

    /// Tries what is pending on a clone of a snapshot, both of which are removed again. None when
    /// nothing is pending.
    ///
    /// # Errors
    /// A migration or a check failed on the clone.
    pub async fn rehearse_pending(
        &self,
        target: impl Into<Target>,
        goal: Goal,
    ) -> Result<Option<RehearsalReport>> {
        Box::pin(
            self.with_operations(target.into(), async |all| Box::pin(all.rehearsal(goal)).await),
        )
        .await
    }

    /// Takes back versions above `to` by their down files; without it, the newest one alone.
    ///
    /// # Errors
    /// There is no down file, or as [`run`](Self::run).
    pub async fn down(&self, target: impl Into<Target>, to: Option<Version>) -> Result<Report> {
        let target = target.into();
        Box::pin(self.with_operations(target, async |all| Box::pin(all.down(to)).await)).await
    }

    /// What [`restore`](Self::restore) would do.
    ///
    /// # Errors
    /// There is no such run or snapshot.
    pub async fn restore_preview(
        &self,
        target: impl Into<Target>,
        wanted: Option<&str>,
    ) -> Result<RestorePreview> {
        self.restore_tables_preview(target, wanted, &[]).await
    }

    /// What [`restore_tables`](Self::restore_tables) would do.
    ///
    /// # Errors
    /// There is no such run or snapshot, or it does not have such a table.
    pub async fn restore_tables_preview(
        &self,
        target: impl Into<Target>,
        wanted: Option<&str>,
        tables: &[String],
    ) -> Result<RestorePreview> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| {
            all.restore_preview(Back::To(wanted), tables).await
        })
        .await
    }

    /// What [`restore_at`](Self::restore_at) would do.
    ///
    /// # Errors
    /// The moment can't be read, is still to come, or is in the midst of a run.
    pub async fn restore_at_preview(
        &self,
        target: impl Into<Target>,
        at: SystemTime,
        tables: &[String],
    ) -> Result<RestorePreview> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| {
            all.restore_preview(Back::At(at), tables).await
        })
        .await
    }

    /// Makes the database what it was at a moment that is in no snapshot, whoever wrote to it since; or
    /// brings single tables back from there, and leaves all else as it is. Only a server that reads its
    /// past can, and not for long.
    ///
    /// # Errors
    /// As [`restore_at_preview`](Self::restore_at_preview), or as [`restore`](Self::restore).
    pub async fn restore_at(
        &self,
        target: impl Into<Target>,
        at: SystemTime,
        tables: &[String],
    ) -> Result<Report> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.restore(Back::At(at), tables)).await
        }))
        .await
    }

    /// Goes back to the snapshot of a run, or to the one named; later runs are taken back with it.
    ///
    /// # Errors
    /// There is no such snapshot, it does not verify, or the proof failed; then nothing changed.
    pub async fn restore(&self, target: impl Into<Target>, wanted: Option<&str>) -> Result<Report> {
        self.restore_tables(target, wanted, &[]).await
    }

    /// Brings single tables back from a snapshot, and leaves all else as it is: no run is taken back,
    /// and the history stays. Without tables, and from a snapshot that is not of one table, the same as
    /// [`restore`](Self::restore).
    ///
    /// # Errors
    /// The snapshot does not have such a table; its rows would lose their parents; or as
    /// [`restore`](Self::restore). Then nothing changed.
    pub async fn restore_tables(
        &self,
        target: impl Into<Target>,
        wanted: Option<&str>,
        tables: &[String],
    ) -> Result<Report> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.restore(Back::To(wanted), tables)).await
        }))
        .await
    }

    /// Finishes or puts back what a dead run left; none when no run was open.
    ///
    /// # Errors
    /// A person has to decide.
    pub async fn recover(&self, target: impl Into<Target>) -> Result<Option<Report>> {
        let target = target.into();
        Box::pin(
            self.with_operations_even_without_files(target, async |all| {
                Box::pin(all.recover()).await
            }),
        )
        .await
    }

    /// What [`baseline`](Self::baseline) would mark.
    ///
    /// # Errors
    /// The set has no such version.
    pub async fn baseline_preview(
        &self,
        target: impl Into<Target>,
        version: Version,
    ) -> Result<Baseline> {
        self.with_operations(target.into(), async |all| all.baseline_preview(version).await).await
    }

    /// Marks all versions up to this one as applied, without running them.
    ///
    /// # Errors
    /// The set has no such version, or a run is open.
    pub async fn baseline(&self, target: impl Into<Target>, version: Version) -> Result<Baseline> {
        self.with_operations(target.into(), async |all| all.baseline(version).await).await
    }

    /// What [`repair`](Self::repair) would accept.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn repair_preview(&self, target: impl Into<Target>) -> Result<Repair> {
        self.with_operations(target.into(), async |all| all.repair_preview().await).await
    }

    /// Accepts the texts of applied migrations as they are now.
    ///
    /// # Errors
    /// Nothing is applied, or a run is open.
    pub async fn repair(&self, target: impl Into<Target>) -> Result<Repair> {
        self.with_operations(target.into(), async |all| all.repair().await).await
    }

    /// Makes the database, empty.
    ///
    /// # Errors
    /// It is there already, or can't be made.
    pub async fn create_database(&self, target: impl Into<Target>) -> Result<()> {
        let engine = target.into().open()?;
        if engine.exists().await? {
            return Err(say::database_is_made_already(engine.database()));
        }
        engine.create_database().await
    }

    /// Removes the database with all that is kept beside it: history, ledger and every snapshot.
    /// Nothing brings it back.
    ///
    /// # Errors
    /// There is none, it has clones, or it can't be removed.
    pub async fn dangerous_drop_database(&self, target: impl Into<Target>) -> Result<()> {
        let engine: SharedEngine = target.into().open()?;
        if !engine.exists().await? {
            return Err(engine.no_database().await);
        }
        // Whoever migrates it now is waited for.
        let _lock = crate::lock::acquire(&*engine, &self.settings()).await?;
        engine.connect(Role::Start).await?.close().await;
        Self::stands_alone(&*engine).await?;
        engine.drop_database().await
    }

    /// Whether [`dangerous_drop_database`](Self::dangerous_drop_database) would be refused; removes nothing.
    ///
    /// # Errors
    /// There is none, or others hang on it.
    pub async fn drop_database_preview(&self, target: impl Into<Target>) -> Result<()> {
        let engine: SharedEngine = target.into().open()?;
        if !engine.exists().await? {
            return Err(engine.no_database().await);
        }
        Self::stands_alone(&*engine).await
    }

    /// No other database hangs on it.
    async fn stands_alone(engine: &dyn Engine) -> Result<()> {
        if engine.mark().await?.is_some_and(|mark| crate::upgrade::is_mark(&mark)) {
            return Err(say::is_green(engine.database()));
        }
        // Without the ledger nobody would know whose they are.
        let made = made_from(engine).await?;
        if let Some(upgrade) = made.upgrade {
            return Err(say::upgrade_first(engine.database(), &upgrade.green));
        }
        if let Some(clone) = made.clone {
            return Err(say::clones_first(engine.database(), &clone));
        }
        Ok(())
    }
}
