//! The front door: a set of migrations, and what can be done with it. Here is how one is made and set up;
//! what it does is in the files below.

mod clones;
mod questions;
mod runs;
mod snapshots;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::engine::Target;
use crate::error::{Code, Error, Result, say};
use crate::hooks::HookAt;
use crate::migration::{MigrationSet, StaticSet};
use crate::observer::Observer;
use crate::operations::{Guard, Operations};
use crate::preflight::{OwnItem, Window};
use crate::settings::{
    ForeignWrites, Keep, Policy, Rehearse, RestoreMethod, Settings, SnapshotPolicy, SnapshotScope,
    Stop, Unit, Verify,
};

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
        /// How long one check or hook may run. Default: 60 s.
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
        self.operate(&self.set_if_any()?.0, target, work).await
    }

    /// The set; where its directory is not there, an empty one and what to say of that.
    fn set_if_any(&self) -> Result<(Arc<MigrationSet>, Option<Error>)> {
        match self.shared_set() {
            Err(missing) if missing.code() == Code::NoDirectory => {
                Ok((Arc::default(), Some(missing)))
            }
            set => Ok((set?, None)),
        }
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
}
