//! The front door: a set of migrations, and what can be done with it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::engine::{Role, SharedEngine, Target};
use crate::error::{Code, Result, say};
use crate::history::Applied;
use crate::hooks::HookAt;
use crate::ledger::{Ledger, RunRecord};
use crate::lint::{self, Lint, Scope};
use crate::migration::{MigrationSet, StaticSet, Version};
use crate::observer::Observer;
use crate::operations;
use crate::operations::{
    Back, Baseline, CloneLine, CloneSwap, Difference, Guard, NewClone, Operations,
    PendingMigration, Preview, Repair, RestorePreview, RunProof, Scheduled, SnapshotLine, Status,
    Validation, Verification,
};
use crate::plan::Goal;
use crate::preflight::{Depth, OwnItem, Preflight, Window};
use crate::report::{RehearsalReport, Report, RunReport};
use crate::settings::{
    ForeignWrites, Keep, Policy, Rehearse, RestoreMethod, Settings, SnapshotPolicy, SnapshotScope,
    Stop, Unit, Verify,
};
use crate::snapshot::SnapshotOf;

/// The longest name of a set, as ledgers and histories keep it.
const LONGEST_SET: usize = 64;

/// A set of migrations with its settings.
///
/// ```
/// # use mo_migrate::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # std::fs::write(dir.path().join("1_init.sql"), "CREATE TABLE t (id INTEGER PRIMARY KEY);").unwrap();
/// # let migrations = dir.path();
/// # let address = format!("sqlite:{}", dir.path().join("app.db").display());
/// let migrator = Migrator::from_dir(migrations);
/// let report = migrator.run(address.as_str()).await?;
/// assert_eq!(report.outcome, Outcome::Applied);
/// assert_eq!(migrator.run(address.as_str()).await?.outcome, Outcome::UpToDate);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Migrator {
    source: Source,
    settings: Option<Arc<Settings>>,
    /// The compiled-in set, put together once: a start costs no more than it has to.
    embedded: OnceLock<Arc<MigrationSet>>,
}

#[derive(Clone, Debug)]
enum Source {
    Embedded(&'static StaticSet),
    Directories(Arc<[PathBuf]>),
}

macro_rules! setters {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = |$settings:ident, $value:ident| $set:expr;)*) => {$(
        $(#[doc = $doc])+
        #[must_use]
        pub fn $name(self, $value: $type) -> Self {
            self.with(|$settings| $set)
        }
    )*};
}

impl Migrator {
    /// What the macro [`migrations!`](crate::migrations) compiled in.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(set: &'static StaticSet) -> Self {
        Self { source: Source::Embedded(set), settings: None, embedded: OnceLock::new() }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn static_set(&self) -> Option<&'static StaticSet> {
        match self.source {
            Source::Embedded(set) => Some(set),
            Source::Directories(_) => None,
        }
    }

    /// The SQL files of a directory, read when they are needed.
    #[must_use]
    pub fn from_dir(directory: impl Into<PathBuf>) -> Self {
        Self::from_dirs([directory.into()])
    }

    /// The SQL files of several directories, as one list.
    #[must_use]
    pub fn from_dirs(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        let source = Source::Directories(directories.into_iter().collect());
        Self { source, settings: None, embedded: OnceLock::new() }
    }

    /// The migrations, in their order.
    ///
    /// # Errors
    /// A file or directory can't be read, or two migrations have one version.
    pub fn set(&self) -> Result<MigrationSet> {
        self.shared_set().map(Arc::unwrap_or_clone)
    }

    fn shared_set(&self) -> Result<Arc<MigrationSet>> {
        match &self.source {
            Source::Directories(directories) => MigrationSet::from_dirs(directories).map(Arc::new),
            Source::Embedded(set) => {
                if let Some(known) = self.embedded.get() {
                    return Ok(Arc::clone(known));
                }
                let built = Arc::new(MigrationSet::embedded(set)?);
                Ok(Arc::clone(self.embedded.get_or_init(|| built)))
            }
        }
    }

    /// The settings, as they are now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.as_deref().cloned().unwrap_or_default()
    }

    /// The same set with settings changed.
    #[must_use]
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings();
        change(&mut settings);
        self.settings = Some(Arc::new(settings));
        self
    }

    setters! {
        /// The set's name, where a database has several sets. Default: `main`.
        set_name: impl Into<String> = |settings, name| settings.set = name.into();
        /// The name of the history table. Default: `mo_migrate_history`.
        history_table: impl Into<String> = |settings, name| settings.history_table = name.into();
        /// How long the lock is waited for. Default: 60 s.
        lock_timeout: Duration = |settings, limit| settings.lock_timeout = limit;
        /// How long one statement may run. Default: no limit.
        statement_timeout: Option<Duration> = |settings, limit| settings.statement_timeout = limit;
        /// How long one check may run. Default: 60 s.
        check_timeout: Duration = |settings, limit| settings.check_timeout = limit;
        /// What a restore does about others' writes. Default: they are kept.
        foreign_writes: ForeignWrites = |settings, policy| settings.foreign_writes = policy;
        /// How long snapshots of finished runs are kept: one time for all, or [`Keep`]. Default: 7 days, and
        /// 24 hours before an import.
        keep: impl Into<Keep> = |settings, keep| settings.keep = keep.into();
        /// Whether all pending migrations are one run, or each is its own. Default: one.
        unit: Unit = |settings, unit| settings.unit = unit;
        /// When a snapshot is taken. Default: always.
        snapshot: SnapshotPolicy = |settings, policy| settings.snapshot = policy;
        /// How a snapshot is verified when it is made. Default: read back.
        verify_snapshot: Verify = |settings, how| settings.verify = how;
        /// Whether the migrations are tried on a clone of the snapshot first. Default: no.
        rehearse: Rehearse = |settings, when| settings.rehearse = when;
        /// What to do about a migration that is older than one that was applied. Default: refuse.
        out_of_order: Policy = |settings, policy| settings.out_of_order = policy;
        /// What to do about an applied migration that is not in the set. Default: refuse.
        missing: Policy = |settings, policy| settings.missing = policy;
        /// What to do about an applied migration whose text changed. Default: refuse.
        changed: Policy = |settings, policy| settings.changed = policy;
        /// What to do when the database is newer than the set. Default: refuse.
        newer: Policy = |settings, policy| settings.newer = policy;
        /// How many rows of evidence a check leaves in the report. Default: 10.
        evidence: usize = |settings, rows| settings.evidence = rows;
        /// What a snapshot is of, on `MatrixOne`. Default: the account.
        snapshot_scope: SnapshotScope = |settings, scope| settings.snapshot_scope = scope;
        /// Up to how many rows of a table a restore is proved by contents. Default: 10 million.
        proof_limit: u64 = |settings, rows| settings.proof_limit = rows;
        /// How a restore goes about it, on `MatrixOne`. Default: by tables.
        restore_method: RestoreMethod = |settings, method| settings.restore_method = method;
        /// Ends sessions that hold a table which has to come back. Default: no.
        terminate_blockers: bool = |settings, end| settings.terminate_blockers = end;
        /// How old a dead run may be for its recovery to take later rows back. Default: 15 min.
        recover_within: Duration = |settings, time| settings.recover_within = time;
        /// How long `run` does not try again what failed; it doubles. Default: 10 min.
        retry_after: Duration = |settings, time| settings.retry_after = time;
        /// Tries again what failed or died before. Default: no.
        retry: bool = |settings, retry| settings.retry = retry;
        /// A person asked, so that what failed a short while ago is tried again. Default: no.
        attended: bool = |settings, attended| settings.unattended = !attended;
        /// When a run may begin; one that has nothing to do always may. Default: always.
        maintenance_window: Window = |settings, window| settings.window = window;
        /// Is asked before a run begins; several may be. Default: none.
        preflight_item: OwnItem = |settings, item| settings.preflight.push(item);
        /// Is told at a moment of each run; several may be. Default: none.
        hook: HookAt = |settings, hook| settings.hooks.push(hook);
        /// Hears what happens.
        observer: impl Observer + 'static = |settings, observer| settings.observer = Arc::new(observer);
        /// Ends a run from outside; it is undone.
        stop: Stop = |settings, stop| settings.stop = stop;
    }

    pub(crate) async fn with_operations<T>(
        &self,
        target: Target,
        work: impl AsyncFnOnce(Operations<'_>) -> Result<T>,
    ) -> Result<T> {
        let set = self.shared_set()?;
        self.operate(&set, target, work).await
    }

    /// For what needs no migrations: a directory that is not there has none.
    pub(crate) async fn with_operations_even_without_files<T>(
        &self,
        target: Target,
        work: impl AsyncFnOnce(Operations<'_>) -> Result<T>,
    ) -> Result<T> {
        let set = match self.shared_set() {
            Err(error) if error.code() == Code::NoDirectory => Arc::default(),
            set => set?,
        };
        self.operate(&set, target, work).await
    }

    async fn operate<T>(
        &self,
        set: &MigrationSet,
        target: Target,
        work: impl AsyncFnOnce(Operations<'_>) -> Result<T>,
    ) -> Result<T> {
        let settings = self.settings();
        if settings.set.chars().count() > LONGEST_SET {
            return Err(say::set_name(&settings.set, LONGEST_SET));
        }
        let engine = target.open()?;
        let disks = engine.clone();
        match work(Operations { engine, set, settings }).await {
            Err(error) if error.disk().is_some() => {
                Err(say::about_disk(error, disks.space().await.ok().as_ref()))
            }
            done => done,
        }
    }

    /// A guard around something else than migrations: an import, another tool. `purpose` is a word that
    /// its snapshot is named by.
    pub fn guard(&self, purpose: impl Into<String>) -> Guard {
        Guard::new(self.clone(), purpose.into())
    }

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

    /// Where the database stands; writes nothing.
    ///
    /// # Errors
    /// The database can't be read, or not truthfully without writing.
    pub async fn status(&self, target: impl Into<Target>) -> Result<Status> {
        self.with_operations(target.into(), async |all| all.status().await).await
    }

    /// The versions that the database has; writes nothing.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn history(&self, target: impl Into<Target>) -> Result<Vec<Applied>> {
        self.with_operations(target.into(), async |all| all.applied().await).await
    }

    /// The runs that the ledger knows, the newest first; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn runs(&self, target: impl Into<Target>) -> Result<Vec<RunRecord>> {
        self.with_operations(target.into(), async |all| all.runs().await).await
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
        Box::pin(self.with_operations(target, async |all| Box::pin(all.verify_run(run)).await))
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
        Box::pin(self.with_operations(target, async |all| Box::pin(all.diff(run, limit)).await))
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
        self.with_operations(target, async |all| {
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
        self.with_operations(target, async |all| all.restore_preview(Back::At(at), tables).await)
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
        Box::pin(
            self.with_operations(target, async |all| {
                Box::pin(all.restore(Back::At(at), tables)).await
            }),
        )
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
        Box::pin(self.with_operations(target, async |all| {
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
        Box::pin(self.with_operations(target, async |all| Box::pin(all.recover()).await)).await
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

    /// Makes a snapshot.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn snapshot_create(
        &self,
        target: impl Into<Target>,
        purpose: &str,
    ) -> Result<SnapshotLine> {
        self.snapshot_create_of(target, purpose, &SnapshotOf::Usual).await
    }

    /// Makes a snapshot of the account, the database or one table.
    ///
    /// # Errors
    /// The engine has no such snapshots, there is no such table, or it can't be made.
    pub async fn snapshot_create_of(
        &self,
        target: impl Into<Target>,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<SnapshotLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_create(purpose, of)).await
        }))
        .await
    }

    /// All snapshots, those of others too.
    ///
    /// # Errors
    /// They can't be listed.
    pub async fn snapshot_list(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_list().await
        })
        .await
    }

    /// One snapshot.
    ///
    /// # Errors
    /// There is none of this name; the nearest one is named.
    pub async fn snapshot_show(
        &self,
        target: impl Into<Target>,
        name: &str,
    ) -> Result<SnapshotLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_show(name).await
        })
        .await
    }

    /// Clones a snapshot, tests the clone and drops it; gives what it holds, in words.
    ///
    /// # Errors
    /// It does not verify.
    pub async fn snapshot_verify(&self, target: impl Into<Target>, name: &str) -> Result<String> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_verify(name)).await
        }))
        .await
    }

    /// Pins a snapshot, or lets it go.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn snapshot_pin(
        &self,
        target: impl Into<Target>,
        name: &str,
        pinned: bool,
    ) -> Result<SnapshotLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_pin(name, pinned).await
        })
        .await
    }

    /// Deletes a snapshot, unless a run still needs it.
    ///
    /// # Errors
    /// It is pinned, needed, or another's.
    pub async fn snapshot_delete(&self, target: impl Into<Target>, name: &str) -> Result<()> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_delete(name).await
        })
        .await
    }

    /// Whether there is what a snapshot would be of: the database, and snapshots of that level. Makes none.
    ///
    /// # Errors
    /// There is not, or it can't be found out.
    pub async fn snapshot_could_be(
        &self,
        target: impl Into<Target>,
        of: &SnapshotOf,
    ) -> Result<()> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_could_be(of).await
        })
        .await
    }

    /// A snapshot of a schedule: makes one, and deletes those for the same that are over their time.
    ///
    /// # Errors
    /// It can't be made, or one can't be deleted; the hooks of `snapshot_failed` are told.
    pub async fn snapshot_scheduled(
        &self,
        target: impl Into<Target>,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<Scheduled> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_scheduled(purpose, of)).await
        }))
        .await
    }

    /// What [`prune`](Self::prune) would delete.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_preview(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.prune_preview_of(target, None).await
    }

    /// Deletes the snapshots that are over their time and not needed. Where there is one to go back to,
    /// one is left, however old it is.
    ///
    /// # Errors
    /// One can't be deleted.
    pub async fn prune(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.prune_of(target, None).await
    }

    /// What [`prune_of`](Self::prune_of) would delete.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_preview_of(
        &self,
        target: impl Into<Target>,
        purpose: Option<&str>,
    ) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.prune_preview(purpose).await
        })
        .await
    }

    /// The same as [`prune`](Self::prune), of those alone that are for this.
    ///
    /// # Errors
    /// One can't be deleted.
    pub async fn prune_of(
        &self,
        target: impl Into<Target>,
        purpose: Option<&str>,
    ) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| all.prune(purpose).await)
            .await
    }

    /// Makes a database of its own from this one, the environment `{database}_{name}`.
    ///
    /// # Errors
    /// There is one of this name, the snapshot can't be cloned, or the mask failed; then nothing of it
    /// is left.
    pub async fn clone_create(
        &self,
        target: impl Into<Target>,
        name: &str,
        wanted: &NewClone,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_create(name, wanted)).await
        }))
        .await
    }

    /// The clones of this database; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn clone_list(&self, target: impl Into<Target>) -> Result<Vec<CloneLine>> {
        self.with_operations_even_without_files(target.into(), async |all| all.clone_list().await)
            .await
    }

    /// One clone; writes nothing.
    ///
    /// # Errors
    /// There is none of this name; the nearest one is named.
    pub async fn clone_show(&self, target: impl Into<Target>, name: &str) -> Result<CloneLine> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| all.clone_show(name).await)
            .await
    }

    /// Makes a clone anew, from a run, a snapshot or `now`, with the same mask and for as long. The old
    /// one stays until the new one is whole.
    ///
    /// # Errors
    /// There is no such clone or snapshot, or the mask failed; then the old one is as it was.
    pub async fn clone_refresh(
        &self,
        target: impl Into<Target>,
        name: &str,
        from: Option<&str>,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_refresh(name, from)).await
        }))
        .await
    }

    /// Removes a clone with all that is in it.
    ///
    /// # Errors
    /// There is none of this name, or the database of its name is not the one that was made.
    pub async fn clone_delete(&self, target: impl Into<Target>, name: &str) -> Result<()> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_delete(name)).await
        }))
        .await
    }

    /// What [`prune_clones`](Self::prune_clones) would remove or finish; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_clones_preview(&self, target: impl Into<Target>) -> Result<Vec<CloneLine>> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| {
            all.clones_prune_preview().await
        })
        .await
    }

    /// Removes the clones that are over their time, and what a death left of one. Gives the names of
    /// the former.
    ///
    /// # Errors
    /// One can't be removed.
    pub async fn prune_clones(&self, target: impl Into<Target>) -> Result<Vec<String>> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.prune_clones()).await
        }))
        .await
    }

    /// Makes a database of this name from a run's snapshot, or the one named, for a restore to be tried
    /// in; the database itself stays as it is.
    ///
    /// # Errors
    /// There is a database of this name, or no such snapshot.
    pub async fn restore_into(
        &self,
        target: impl Into<Target>,
        wanted: Option<&str>,
        database: &str,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations(target, async |all| {
            Box::pin(all.restore_into(database, wanted)).await
        }))
        .await
    }

    /// Takes a database that [`restore_into`](Self::restore_into) made, as it is by now, over into a
    /// snapshot, and says what changes when this database is [restored](Self::restore) from that. The
    /// snapshot may be deleted at once; a restore from it keeps it.
    ///
    /// # Errors
    /// There is no such database, it was made for something else, or a run is open in it.
    pub async fn restore_from_clone_preview(
        &self,
        target: impl Into<Target>,
        database: &str,
    ) -> Result<CloneSwap> {
        let target = target.into();
        Box::pin(
            self.with_operations(target, async |all| Box::pin(all.swap_prepare(database)).await),
        )
        .await
    }

    /// Makes the database, empty.
    ///
    /// # Errors
    /// It is there already, or can't be made.
    pub async fn create_database(&self, target: impl Into<Target>) -> Result<()> {
        target.into().open()?.create_database().await
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
        // Without the ledger nobody would know whose they are.
        if let Some(mut ledger) = Ledger::read(&*engine).await? {
            let clones = ledger.clones().await;
            ledger.close().await;
            if let [first, ..] = clones?.as_slice() {
                return Err(say::clones_first(engine.database(), first));
            }
        }
        engine.drop_database().await
    }
}
