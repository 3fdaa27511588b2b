//! The guard around something else than migrations: an import, another tool, a function.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::{Operations, Settled};
use crate::Migrator;
use crate::engine::{Counts, Inventory, Role, Target};
use crate::error::{BoxError, Result, say};
use crate::guard::around::{Around, Operation};
use crate::guard::job::Job;
use crate::guard::{Run, record_of};
use crate::report::Report;
use crate::settings::SnapshotPolicy;
use crate::snapshot::is_purpose;
use crate::validate::{Check, check_file};

/// A data snapshot before something that is no migration, checks after it, and the way back when either
/// fails.
///
/// What is guarded writes through connections of its own. Whatever changes in the [named
/// tables](Self::tables) while it runs counts as its doing; without names, whatever changes at all.
///
/// ```
/// # use mo_migrate::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # std::fs::write(dir.path().join("1_init.sql"), "CREATE TABLE prices (id INTEGER PRIMARY KEY, cents INT);").unwrap();
/// # let migrator = Migrator::from_dir(dir.path());
/// # let address = format!("sqlite:{}", dir.path().join("shop.db").display());
/// # migrator.run(address.as_str()).await?;
/// let import = migrator
///     .guard("import")
///     .tables(["prices"])
///     .checks("prices.check.sql", "-- check: no price is negative\nSELECT * FROM prices WHERE cents < 0;");
/// let failed = import.around(address.as_str(), async || Err("the file is cut short")).await;
/// assert_eq!(failed.unwrap_err().outcome(), Outcome::Restored);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is guarded before `around` or `command`"]
pub struct Guard {
    migrator: Migrator,
    purpose: String,
    tables: BTreeSet<String>,
    checks: Option<(String, String)>,
    limit: Option<Duration>,
}

impl Guard {
    pub(crate) fn new(migrator: Migrator, purpose: String) -> Self {
        Self { migrator, purpose, tables: BTreeSet::new(), checks: None, limit: None }
    }

    /// All that is written to: a way back leaves other tables as they are. Without it, everything
    /// that has changed is put back.
    pub fn tables(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tables.extend(names.into_iter().map(Into::into));
        self
    }

    /// What has to hold afterwards, in the form of a check file; `name` is what messages call it.
    pub fn checks(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.checks = Some((name.into(), text.into()));
        self
    }

    /// How long it may take. Default: no limit.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Guards a function. It has to be done with the database when it returns.
    ///
    /// # Errors
    /// The function's own error or panic, a check that failed, or what stopped it before; as
    /// [`Migrator::run`].
    ///
    /// # Cancel safety
    /// As [`Migrator::run`]: dropping the future is a crash like another one.
    pub async fn around<F, E>(
        &self,
        target: impl Into<Target>,
        work: impl FnOnce() -> F + Send,
    ) -> Result<Report>
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Into<BoxError>,
    {
        // Called when it is its turn: what it does before its first await is guarded as well.
        let work = Box::pin(async move { work().await.map_err(Into::into) });
        self.guard(target.into(), Operation::Function(Mutex::new(Some(work)))).await
    }

    /// Guards a command: a program and its arguments, which is done when it exits with 0. What it
    /// started in the background is ended then.
    ///
    /// # Errors
    /// There is no such program, or as [`around`](Self::around).
    pub async fn command(
        &self,
        target: impl Into<Target>,
        words: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Report> {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let program = words.first().ok_or_else(say::nothing_to_guard)?;
        if !is_program(program) {
            return Err(say::no_program(&program.to_string_lossy()));
        }
        self.guard(target.into(), Operation::Command(words)).await
    }

    async fn guard(&self, target: Target, operation: Operation<'_>) -> Result<Report> {
        let around = Around {
            purpose: self.purpose.clone(),
            operation,
            tables: self.tables.clone(),
            limit: self.limit,
        };
        let guarded = self.migrator.with_operations_even_without_files(target, async |all| {
            Box::pin(all.guarded(around, self.checks.as_ref())).await
        });
        Box::pin(guarded).await
    }
}

impl Operations<'_> {
    async fn guarded(
        &self,
        mut around: Around<'_>,
        checks: Option<&(String, String)>,
    ) -> Result<Report> {
        if !is_purpose(&around.purpose) {
            return Err(say::no_purpose(&around.purpose));
        }
        if self.settings.snapshot == SnapshotPolicy::DangerousNever {
            return Err(say::guard_needs_a_snapshot());
        }
        if !self.engine.capabilities().durable {
            return Err(say::guard_in_memory());
        }
        let checks = self.checks_of(checks)?;
        let Settled { lock, mut ledger, history, .. } = self.settled().await?;
        if let Err(error) = self.is_in_use(&mut ledger).await {
            ledger.close().await;
            return Err(error);
        }
        around.tables = self.tables_of(&around.tables).await?;
        let version = history.as_ref().and_then(|history| history.latest(&self.settings.set));
        let job = Job::around(around, checks, version);
        let record = record_of(&job, &self.settings, history.as_ref());
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = history;
        Box::pin(run.execute(&job)).await
    }

    /// The checks that were given, and those of every run.
    fn checks_of(&self, given: Option<&(String, String)>) -> Result<Vec<Check>> {
        let dialect = self.engine.dialect();
        let mut checks = Vec::new();
        if let Some((name, text)) = given {
            checks = check_file::parse(name, text.as_bytes(), dialect)?;
            if checks.is_empty() {
                return Err(say::no_check_in(name));
            }
        }
        checks.extend(self.set.always_checks(dialect)?);
        Ok(checks)
    }

    /// The tables by the names that the database has for them.
    async fn tables_of(&self, named: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        if named.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut look = self.engine.connect(Role::Work).await?;
        let found = self.engine.inventory(&mut *look, Counts::Without, &Inventory::NOTHING).await;
        look.close().await;
        let found = found?;
        let known: Vec<&str> = found
            .tables()
            .map(|table| table.name.as_str())
            .filter(|name| *name != self.settings.history_table)
            .collect();
        let whole = |name: &String| {
            let whole = known.iter().find(|known| known.eq_ignore_ascii_case(name));
            whole.map(|whole| (*whole).to_owned()).ok_or_else(|| say::no_table(name, &known))
        };
        named.iter().map(whole).collect()
    }
}

/// Whether there is such a program, by its path or on `PATH`.
fn is_program(name: &OsStr) -> bool {
    if Path::new(name).components().count() > 1 {
        return is_executable(Path::new(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| is_executable(&directory.join(name)))
}

fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    let may_run = |file: &std::fs::Metadata| {
        std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o111 != 0
    };
    #[cfg(not(unix))]
    let may_run = |_: &std::fs::Metadata| true;
    path.metadata().is_ok_and(|file| file.is_file() && may_run(&file))
}
