//! SQLite: the embedded engine.
//!
//! A run is one `BEGIN IMMEDIATE`; the snapshot is a file made by the online backup API under that
//! write lock, and attached read-only inside the transaction, so that checks can read the past.

mod catalog;
mod connection;
mod files;
mod raw;
mod restore;
mod snapshot;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use self::connection::{Owner, SqliteLink};
use self::files::{Files, with_suffix};
use super::{
    Capabilities, Clone, Connection, Counts, Engine, Inventory, LedgerAccess, LockAttempt,
    LockGuard, RestoreTransaction, Role, SnapshotFacts, Space,
};
use crate::error::{Code, Error, Result, say};
use crate::lock::Holder;
use crate::observer::Progress;
use crate::sql::Dialect;
use crate::value::Row;

/// The name under which the snapshot is attached.
const BEFORE: &str = "mo_before";

/// How long SQLite itself waits for a lock before it says that it is busy; the guard's own limit is
/// longer, and it asks again until then.
const BUSY: Duration = Duration::from_millis(250);

/// A folder that is removed when nobody needs it any more.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        // Best effort: it is in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where connections come from.
#[derive(Clone)]
enum Source {
    Address,
    Pool(SqlitePool),
}

/// A SQLite database.
#[derive(Clone)]
pub(crate) struct Sqlite {
    source: Source,
    options: SqliteConnectOptions,
    files: Files,
    shown: String,
    memory: bool,
    /// The folder of a database in memory goes with the engine.
    _home: Option<Arc<Home>>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("database", &self.shown).finish_non_exhaustive()
    }
}

/// A name for SQL: quoted, so that no name is ever read as anything else.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Sqlite {
    /// The database in this file.
    ///
    /// # Errors
    /// The address is of a database in memory, which only a pool can hold open.
    pub(crate) fn at(options: SqliteConnectOptions) -> Result<Self> {
        let options = quiet(options);
        if in_memory(&options) {
            return Err(Error::new(
                Code::Address,
                "a database in memory has no address of its own",
            )
            .hinted("give `run` the pool that holds it, or a file such as `sqlite:app.db`"));
        }
        let path = options.get_filename().to_owned();
        if !raw::is_c_text(&path.to_string_lossy()) || path.as_os_str().is_empty() {
            return Err(Error::new(Code::Address, "the address names no file")
                .hinted("write it as `sqlite:app.db`"));
        }
        Ok(Self {
            source: Source::Address,
            files: Files::beside(&path),
            shown: path.display().to_string(),
            options: options.busy_timeout(BUSY),
            memory: false,
            _home: None,
        })
    }

    /// The database of this pool; the pool's own hooks run on every connection of the guard's.
    pub(crate) fn of_pool(pool: &SqlitePool) -> Self {
        let options = quiet((*pool.connect_options()).clone());
        let memory = in_memory(&options);
        let path = options.get_filename().to_owned();
        let files = if memory {
            let folder = format!("mo-migrate-{}", uuid::Uuid::now_v7().simple());
            Files::inside(&std::env::temp_dir().join(folder))
        } else {
            Files::beside(&path)
        };
        let home = memory.then(|| Arc::new(Home(files.home().to_owned())));
        Self {
            source: Source::Pool(pool.clone()),
            _home: home,
            files,
            shown: if memory { "in memory".to_owned() } else { path.display().to_string() },
            options: options.busy_timeout(BUSY),
            memory,
        }
    }

    /// The application's own options (a key, its functions), for a file that is a copy.
    fn options_for(&self, path: &Path) -> SqliteConnectOptions {
        let options =
            if self.memory { quiet(SqliteConnectOptions::new()) } else { self.options.clone() };
        options.filename(path)
    }

    /// A connection with the application's hooks, to its database or to a copy of it.
    async fn open(&self, options: SqliteConnectOptions) -> Result<Owner> {
        let until = Instant::now() + connection::PATIENCE;
        let connected = loop {
            match self.open_once(options.clone()).await {
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    tokio::time::sleep(connection::AGAIN).await;
                }
                other => break other,
            }
        };
        connected.map_err(|error| say::connect(&self.shown, error))
    }

    async fn open_once(&self, options: SqliteConnectOptions) -> sqlx::Result<Owner> {
        match &self.source {
            Source::Address => options.connect().await.map(Owner::Ours),
            Source::Pool(pool) => {
                let private = pool.options().clone().min_connections(0).max_connections(1);
                let private = private.connect_lazy_with(options);
                private.acquire().await.map(|connection| Owner::Ours(connection.detach()))
            }
        }
    }

    async fn work(&self) -> Result<SqliteLink> {
        match &self.source {
            Source::Pool(pool) if self.memory => {
                let connection =
                    pool.acquire().await.map_err(|error| say::connect(&self.shown, error))?;
                SqliteLink::watched(Owner::Pool(connection)).await
            }
            _ => {
                let options = self.options.clone().create_if_missing(false);
                SqliteLink::watched(self.open(options).await?).await
            }
        }
    }

    /// A connection that can't write, and that shows the truth or says that it can't.
    async fn read(&self) -> Result<SqliteLink> {
        if let Source::Pool(pool) = &self.source {
            let connection =
                pool.acquire().await.map_err(|error| say::connect(&self.shown, error))?;
            return Ok(SqliteLink::plain(Owner::Pool(connection)));
        }
        // A read-only connection takes no option that would write to the file.
        let plain = quiet(SqliteConnectOptions::new())
            .filename(self.files.database())
            .busy_timeout(BUSY)
            .read_only(true);
        let error = match patiently(&plain).await {
            Ok(connection) => return Ok(SqliteLink::plain(Owner::Ours(connection))),
            // Who writes just now may have half of it in the file.
            Err(error) if is_busy(&error) => return Err(say::connect(&self.shown, error)),
            Err(error) => error,
        };
        // A WAL database in a folder that can't be written: without a log, its file is all of it.
        let no_log = [
            with_suffix(self.files.database(), "-wal"),
            with_suffix(self.files.database(), "-journal"),
        ]
        .iter()
        .all(|log| fs::metadata(log).map_or(true, |meta| meta.len() == 0));
        if no_log && let Ok(connection) = open_and_look(&plain.clone().immutable(true)).await {
            return Ok(SqliteLink::plain(Owner::Ours(connection)));
        }
        Err(if no_log {
            say::connect(&self.shown, error)
        } else {
            say::cannot_tell(&self.shown, error)
        })
    }

    fn need_file(&self) -> Result<()> {
        if self.memory || self.files.database().is_file() {
            return Ok(());
        }
        Err(say::no_database(&self.shown))
    }

    /// A copy of a snapshot, opened with the application's hooks.
    async fn open_file(&self, path: &Path, writable: bool) -> Result<SqliteLink> {
        let options = self
            .options_for(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Delete)
            .read_only(!writable)
            .immutable(!writable);
        SqliteLink::watched(self.open(options).await?).await
    }

    fn clone_paths(&self, run: &str) -> [PathBuf; 2] {
        let verify = self.files.verify();
        let tail = run.rsplit('_').next().unwrap_or(run);
        let other = with_suffix(&verify, &format!("_{tail}"));
        [verify, other]
    }

    async fn clone_mark(&self, path: &Path) -> Option<String> {
        let mut link = Box::new(self.open_file(path, false).await.ok()?);
        let sql = format!("SELECT run FROM {}", catalog::CLONE_MARK);
        let rows = link.fetch(&sql, &[], Some(1)).await.ok();
        link.close().await;
        rows?.first()?.at(0).ok()
    }
}

/// A connection of the pool for one question, with the engine's and the database's names.
pub(crate) async fn pooled(
    pool: &SqlitePool,
) -> Option<(&'static str, String, Box<dyn Connection>)> {
    // An idle one without a question whether it still lives: if not, the long way finds out.
    let connection = match pool.try_acquire() {
        Some(connection) => connection,
        None => pool.acquire().await.ok()?,
    };
    let shown = pool.connect_options().get_filename().display().to_string();
    Some(("sqlite", shown, Box::new(SqliteLink::direct(Owner::Pool(connection)))))
}

async fn open_and_look(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut connection = options.connect().await?;
    sqlx::query("SELECT count(*) FROM sqlite_master").fetch_one(&mut connection).await?;
    Ok(connection)
}

/// The same, asked again while another one holds the whole database.
async fn patiently(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let until = Instant::now() + connection::PATIENCE;
    loop {
        match open_and_look(options).await {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                tokio::time::sleep(connection::AGAIN).await;
            }
            other => return other,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

fn in_memory(options: &SqliteConnectOptions) -> bool {
    let name = options.get_filename().to_string_lossy().into_owned();
    name == ":memory:"
        || name.starts_with("file:sqlx-in-memory-")
        || options
            .to_url_lossy()
            .query_pairs()
            .any(|(key, value)| key == "mode" && value == "memory")
}

/// sqlx would log whole statements, with the data in them.
fn quiet(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.disable_statement_logging()
}

/// A lock on the file `lock`; the file stays when it is let go, or two could hold "it".
#[derive(Debug)]
struct FileLock(File);

impl LockGuard for FileLock {
    fn beat(&self) {
        // The file's time is the heartbeat: it needs no statement while a long one runs.
        let _ = self.0.set_modified(SystemTime::now());
    }
}

/// A database in memory has nobody else to lock out.
#[derive(Debug)]
struct NoLock;

impl LockGuard for NoLock {
    fn beat(&self) {}
}

#[async_trait]
impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { transactional_ddl: true, durable: !self.memory, foreign_keys_outside: true }
    }

    fn database(&self) -> &str {
        &self.shown
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.need_file().is_ok())
    }

    async fn create_database(&self) -> Result<()> {
        let path = self.files.database();
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        made.map(drop).map_err(|error| say::io("make", path, &error))
    }

    async fn drop_database(&self) -> Result<()> {
        let home = self.files.home();
        match fs::remove_dir_all(home) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(say::io("remove", home, &error));
            }
            _ => {}
        }
        Files::remove_database(self.files.database())
    }

    async fn remove_empty_database(&self) -> Result<()> {
        Files::remove_database(self.files.database())
    }

    async fn connect(&self, role: Role) -> Result<Box<dyn Connection>> {
        self.need_file()?;
        Ok(match (role, &self.source) {
            (Role::Work, _) => Box::new(self.work().await?),
            (Role::Start, Source::Address) => {
                let options = self.options.clone().create_if_missing(false);
                Box::new(SqliteLink::plain(self.open(options).await?))
            }
            (Role::Read, _) | (Role::Start, Source::Pool(_)) => Box::new(self.read().await?),
        })
    }

    async fn try_lock(&self, holder_now: &Holder) -> Result<LockAttempt> {
        if self.memory {
            return Ok(LockAttempt::Held(Arc::new(NoLock), None));
        }
        self.files.prepare()?;
        let path = self.files.lock();
        if !path.exists() {
            // Another starter may make it first; then it is there, which is all that is wanted.
            let _ = self.files.create_like_database(&path);
        }
        let failed = |error: &std::io::Error| say::io("lock", &path, error);
        let mut file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|e| failed(&e))?;
        let taken = match file.try_lock() {
            Ok(()) => false,
            Err(std::fs::TryLockError::WouldBlock) => true,
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(&error)),
        };
        let mut words = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut words));
        let holder: Option<Holder> = read.ok().and_then(|_| serde_json::from_str(&words).ok());
        if taken {
            return Ok(LockAttempt::Taken(holder));
        }
        let beat = files::modified_ms(&path).unwrap_or(0);
        let words = serde_json::to_vec(holder_now).unwrap_or_default();
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&words));
        written.map_err(|error| failed(&error))?;
        Ok(LockAttempt::Held(Arc::new(FileLock(file)), holder.map(|holder| (holder, beat))))
    }

    async fn last_write(&self) -> Result<i64> {
        let database = self.files.database();
        let all =
            [database.to_owned(), with_suffix(database, "-wal"), with_suffix(database, "-journal")];
        Ok(all.iter().filter_map(|path| files::modified_ms(path)).max().unwrap_or(0))
    }

    async fn ledger(&self, access: LedgerAccess) -> Result<Option<Box<dyn Connection>>> {
        let path = self.files.ledger();
        let mut options = quiet(SqliteConnectOptions::new())
            .filename(&path)
            .busy_timeout(Duration::from_secs(5))
            .synchronous(SqliteSynchronous::Full);
        if access == LedgerAccess::Create {
            self.files.prepare()?;
            if !path.exists() {
                self.files.create_like_database(&path)?;
            }
            options = options.journal_mode(SqliteJournalMode::Delete);
        } else if path.is_file() {
            options = options.read_only(true);
        } else {
            return Ok(None);
        }
        let opened = match open_and_look(&options).await {
            // A killed writer left a journal: only a connection that may write can roll it back.
            Err(_) if access == LedgerAccess::ReadOnly => {
                open_and_look(&options.read_only(false)).await
            }
            other => other,
        };
        let link = opened.map_err(|error| match access {
            LedgerAccess::Create => say::connect("the ledger", error),
            LedgerAccess::ReadOnly => say::cannot_tell("the ledger", error),
        })?;
        Ok(Some(Box::new(SqliteLink::plain(Owner::Ours(link)))))
    }

    async fn space(&self) -> Result<Space> {
        if self.memory {
            return Ok(Space { database: 0, free: None });
        }
        self.files.space()
    }

    async fn secure(
        &self,
        work: &mut dyn Connection,
        snapshot: Option<&str>,
        wait: Duration,
        progress: Progress,
    ) -> Result<Option<SnapshotFacts>> {
        let mut facts = None;
        if let (true, Some(name)) = (self.memory, snapshot) {
            let Some(source) = work.raw().downcast_mut::<SqliteConnection>() else {
                return Err(say::foreign_connection());
            };
            facts = Some(self.copy_memory(source, name, &progress).await?);
        }
        work.patience(wait);
        work.begin().await?;
        let Some(name) = snapshot else { return Ok(None) };
        if !self.memory {
            let source =
                SqliteLink::plain(self.open(self.options.clone().create_if_missing(false)).await?);
            let (source, made) = self.copy_into_snapshot(source, name, progress).await?;
            Box::new(source).close().await;
            facts = Some(made);
        }
        Ok(facts)
    }

    async fn attach_before(&self, work: &mut dyn Connection, snapshot: &str) -> Result<()> {
        let path = self.files.snapshot(snapshot)?;
        if !path.is_file() {
            return Err(say::no_snapshot(snapshot, &snapshot::list(&self.files)?));
        }
        // Read-only, or a migration could empty it; immutable, for nobody changes it any more.
        let uri = files::uri(&path, "mode=ro&immutable=1")?;
        work.execute(&format!("ATTACH ? AS {BEFORE}"), &[uri.into()]).await.map(drop)
    }

    fn before(&self, table: &str) -> String {
        format!("{BEFORE}.{}", quote(table))
    }

    async fn create_snapshot(&self, name: &str, progress: Progress) -> Result<SnapshotFacts> {
        self.need_file()?;
        let mut source = self.work().await?;
        if self.memory {
            let facts = self.copy_memory(source.owner(), name, &progress).await;
            Box::new(source).close().await;
            return facts;
        }
        source.execute("BEGIN", &[]).await?;
        source.fetch("SELECT count(*) FROM sqlite_master", &[], Some(1)).await?;
        let (source, facts) = self.copy_into_snapshot(source, name, progress).await?;
        Box::new(source).close().await;
        Ok(facts)
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotFacts>> {
        snapshot::list(&self.files)
    }

    async fn delete_snapshot(&self, name: &str) -> Result<()> {
        let path = self.files.snapshot(name)?;
        Files::remove_database(&with_suffix(&path, ".partial"))?;
        Files::remove_database(&path)
    }

    async fn open_snapshot(&self, name: &str) -> Result<Box<dyn Connection>> {
        let path = self.files.snapshot(name)?;
        if !path.is_file() {
            return Err(say::no_snapshot(name, &snapshot::list(&self.files)?));
        }
        Ok(Box::new(self.open_file(&path, false).await?))
    }

    async fn clone_snapshot(&self, name: &str, run: &str) -> Result<Clone> {
        let from = self.files.snapshot(name)?;
        if !from.is_file() {
            return Err(say::no_snapshot(name, &snapshot::list(&self.files)?));
        }
        self.drop_clone(run).await?;
        let partial = self.files.home().join(format!("clone-{run}.partial"));
        Files::remove_database(&partial)?;
        self.files.create_like_database(&partial)?;
        fs::copy(&from, &partial).map_err(|error| say::io("write", &partial, &error))?;
        let mut link = Box::new(self.open_file(&partial, true).await?);
        let mark = catalog::CLONE_MARK;
        link.execute(&format!("CREATE TABLE {mark} AS SELECT ? AS run"), &[run.into()]).await?;
        link.close().await;
        // A link fails where the name is taken: a database of somebody else's is never replaced.
        for path in self.clone_paths(run) {
            match fs::hard_link(&partial, &path) {
                Ok(()) => {
                    Files::remove_database(&partial)?;
                    let connection = Box::new(self.open_file(&path, true).await?);
                    return Ok(Clone { name: path.display().to_string(), connection });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(say::io("make", &path, &error)),
            }
        }
        Files::remove_database(&partial)?;
        Err(say::clone_name_taken(&self.files.verify()))
    }

    async fn drop_clone(&self, run: &str) -> Result<()> {
        self.files.remove_partials()?;
        for path in self.clone_paths(run) {
            if path.is_file() && self.clone_mark(&path).await.as_deref() == Some(run) {
                Files::remove_database(&path)?;
            }
        }
        Ok(())
    }

    async fn inventory(
        &self,
        connection: &mut dyn Connection,
        counts: Counts,
    ) -> Result<Inventory> {
        catalog::inventory(connection, "main", counts).await
    }

    async fn foreign_key_violations(
        &self,
        connection: &mut dyn Connection,
        table: Option<&str>,
    ) -> Result<Vec<Row>> {
        let sql = match table {
            Some(table) => format!("PRAGMA main.foreign_key_check({})", quote(table)),
            None => "PRAGMA main.foreign_key_check".to_owned(),
        };
        connection.fetch(&sql, &[], None).await
    }

    async fn damage(&self, connection: &mut dyn Connection) -> Result<Vec<String>> {
        let rows = connection.fetch("PRAGMA quick_check(20)", &[], None).await?;
        let words: Vec<String> = rows.iter().map(|row| row.at(0)).collect::<Result<_>>()?;
        // Rows that break a rule are as they were; only what can't be read is damage.
        let rule =
            |word: &String| word.starts_with("CHECK constraint") || word.starts_with("NULL value");
        Ok(words.into_iter().filter(|word| word != "ok" && !rule(word)).collect())
    }

    async fn restore(&self, snapshot: &str) -> Result<Box<dyn RestoreTransaction>> {
        self.need_file()?;
        let path = self.files.snapshot(snapshot)?;
        if !path.is_file() {
            return Err(say::no_snapshot(snapshot, &snapshot::list(&self.files)?));
        }
        Ok(Box::new(restore::SqliteRestore::open(self.clone(), snapshot).await?))
    }
}
