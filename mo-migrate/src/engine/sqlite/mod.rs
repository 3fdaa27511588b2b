//! SQLite: the embedded engine.
//!
//! A run is one `BEGIN IMMEDIATE`; the snapshot is a file made by the online backup API under that
//! write lock, and attached read-only inside the transaction, so that checks can read the past.

mod beside;
mod blockers;
mod carry;
mod catalog;
mod clone;
mod connection;
mod files;
mod lock;
mod moments;
mod open;
mod pragmas;
mod raw;
mod restore;
mod snapshot;

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};

use self::connection::{Owner, SqliteLink};
use self::files::{Files, canonical, with_suffix};
pub(crate) use self::open::pooled;
use self::open::{in_memory, open_and_look, quiet};
use self::raw::Handle;
use super::{
    Capabilities, CarryOver, Clone, Conduct, Connection, Counts, Engine, ForeignRows, Inventory,
    LastHolder, LedgerAccess, LockAttempt, Moments, RestoreTransaction, Role, SharedEngine,
    SnapshotFacts, Space, Touched, Window, inventory_of_snapshot,
};
use crate::error::{Code, Error, Result, say};
use crate::lock::Holder;
use crate::observer::Progress;
use crate::printable::quoted;
use crate::settings::RestoreMethod;
use crate::snapshot::SnapshotOf;
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
    /// When it was last written to before anything of this was opened, in milliseconds since 1970.
    last_write: i64,
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
            last_write: last_write(&canonical(&path)),
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
            last_write: last_write(&canonical(&path)),
        }
    }
}

/// When a database was last written to by anybody: opening it may change that.
fn last_write(path: &Path) -> i64 {
    let all = [path.to_owned(), with_suffix(path, "-wal"), with_suffix(path, "-journal")];
    all.iter().filter_map(|path| files::modified_ms(path)).max().unwrap_or(0)
}

/// No file of this name is there.
fn is_absent(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// A transaction that is begun where nothing can be written reads, and fails at its first write.
///
/// # Errors
/// The database can only be read.
async fn needs_writing(connection: &mut SqliteConnection) -> Result<()> {
    let mut locked = connection.lock_handle().await.map_err(say::driver)?;
    if Handle::new(locked.as_raw_handle()).is_read_only() {
        return Err(say::read_only_database());
    }
    Ok(())
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
        Capabilities {
            transactional_ddl: true,
            durable: !self.memory,
            foreign_keys_outside: true,
            cheap_clones: false,
            whole_clones: true,
        }
    }

    fn database(&self) -> &str {
        &self.shown
    }

    fn ledger_key(&self) -> &'static str {
        ""
    }

    fn ledger_place(&self) -> String {
        format!("the folder `{}`", self.files.home().display())
    }

    fn copy_line(&self, snapshot: &str) -> Option<String> {
        let file = self.files.snapshot(snapshot).ok().filter(|file| file.is_file())?;
        let mut line = String::new();
        // A log of the database that is gone would be read into the copy.
        for left in self.files.companions() {
            let left = quoted(&left.to_string_lossy());
            let _ = write!(line, "mv {left} {left}.old && ");
        }
        Some(format!("{line}cp {} {}", quoted(&file.to_string_lossy()), quoted(&self.shown)))
    }

    async fn exists(&self) -> Result<bool> {
        match self.need_file() {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Code::NoDatabase => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_free(&self) -> Result<()> {
        self.files.is_free()
    }

    async fn no_database(&self) -> Error {
        say::no_database(&self.shown, &self.files.name(), &self.files.neighbours())
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

    async fn try_lock(&self, holder: &Holder) -> Result<LockAttempt> {
        if self.memory {
            return Ok(LockAttempt::Held(Arc::new(lock::NoLock), None));
        }
        if !self.files.home().is_dir() {
            // Nothing is left beside an address that was mistyped.
            self.need_file()?;
        }
        self.files.prepare()?;
        lock::attempt(&self.files, holder)
    }

    async fn last_holder(&self) -> Result<Option<LastHolder>> {
        Ok(if self.memory { None } else { lock::last_holder(&self.files) })
    }

    async fn written_since(&self, _: &Touched, since: i64) -> Result<bool> {
        // For a write to another table, too, or for tidying up; and never "no" wrongly.
        Ok(self.last_write > since)
    }

    async fn ledger(&self, access: LedgerAccess) -> Result<Option<Box<dyn Connection>>> {
        let path = self.files.ledger();
        let mut options = quiet(SqliteConnectOptions::new())
            .filename(&path)
            .busy_timeout(Duration::from_secs(5))
            .synchronous(SqliteSynchronous::Extra);
        if access == LedgerAccess::Create {
            self.files.prepare()?;
            if !path.exists() {
                self.files.create_like_database(&path)?;
            }
            options = options.journal_mode(SqliteJournalMode::Delete);
        } else {
            // One that may not be looked for, or read, is not one that is not there.
            match std::fs::File::open(&path) {
                Ok(_) => options = options.read_only(true),
                Err(error) if is_absent(error.kind()) => return Ok(None),
                Err(error) => return Err(say::io("read", &path, &error)),
            }
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

    async fn cannot_come_back(&self) -> Result<Vec<(String, &'static str)>> {
        Ok(Vec::new())
    }

    async fn in_the_way_of(&self, method: RestoreMethod) -> Result<Vec<String>> {
        Ok(match method {
            RestoreMethod::Tables => Vec::new(),
            RestoreMethod::Database => {
                vec!["SQLite has no command that restores a database".to_owned()]
            }
        })
    }

    async fn open_transactions(&self, wait: Duration) -> Result<Vec<String>> {
        self.blockers(wait).await
    }

    async fn clones(&self) -> Result<Vec<(String, String)>> {
        self.list_clones().await
    }

    async fn space(&self) -> Result<Space> {
        if self.memory {
            return Ok(Space { database: 0, rooms: Vec::new() });
        }
        self.files.space()
    }

    async fn secure(
        &self,
        work: &mut dyn Connection,
        snapshot: Option<&str>,
        conduct: Conduct,
        progress: Progress,
    ) -> Result<Option<SnapshotFacts>> {
        let mut facts = None;
        let Some(source) = work.raw().downcast_mut::<SqliteConnection>() else {
            return Err(say::foreign_connection());
        };
        if let (true, Some(name)) = (self.memory, snapshot) {
            facts = Some(self.copy_memory(source, name, &progress).await?);
        }
        needs_writing(source).await?;
        work.patience(conduct.wait);
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

    fn before(&self, _: &str, table: &str) -> String {
        format!("{BEFORE}.{}", quote(table))
    }

    fn has_snapshots_of(&self, of: &SnapshotOf) -> Result<()> {
        match of {
            SnapshotOf::Account | SnapshotOf::Table(_) => Err(say::file_is_whole(of)),
            SnapshotOf::Usual | SnapshotOf::Database => Ok(()),
        }
    }

    async fn create_snapshot(
        &self,
        name: &str,
        of: &SnapshotOf,
        _: Conduct,
        progress: Progress,
    ) -> Result<SnapshotFacts> {
        self.has_snapshots_of(of)?;
        self.need_file()?;
        let mut source = self.work().await?;
        if self.memory {
            let facts = self.copy_memory(source.owner(), name, &progress).await;
            Box::new(source).close().await;
            return facts;
        }
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
        let opened = self.open_file(&path, false).await;
        Ok(Box::new(opened.map_err(|error| say::snapshot_bad_by_hand(name, error))?))
    }

    async fn clone_snapshot(
        &self,
        name: &str,
        run: &str,
        _: Option<&[String]>,
        _: &Inventory,
    ) -> Result<Clone> {
        self.make_clone(name, run).await
    }

    async fn drop_clone(&self, run: &str) -> Result<()> {
        self.remove_clone(run).await
    }

    fn own_name(&self) -> String {
        self.file_name()
    }

    fn name_with(&self, ending: &str) -> String {
        beside::with_ending(&self.file_name(), ending)
    }

    fn address(&self) -> String {
        format!("sqlite:{}", self.shown)
    }

    fn beside(&self, name: &str) -> Result<SharedEngine> {
        Ok(Arc::new(self.file_beside(name)?))
    }

    async fn clone_into(
        &self,
        snapshot: &str,
        database: &str,
        mark: &str,
        _: &Inventory,
    ) -> Result<Vec<String>> {
        // A copy of the file has all of it.
        self.copy_beside(snapshot, database, mark).await.map(|()| Vec::new())
    }

    async fn give_rights(&self, _: &str, _: &Inventory) -> Result<Vec<String>> {
        // A file has its mode alone.
        Ok(Vec::new())
    }

    async fn is_marked(&self, database: &str, mark: &str) -> Result<bool> {
        self.has_mark(database, mark).await
    }

    async fn mark(&self) -> Result<Option<String>> {
        self.whose().await
    }

    async fn drop_marked(&self, database: &str, mark: &str, _: Conduct) -> Result<bool> {
        self.remove_beside(database, mark).await
    }

    async fn snapshot_of_clone(
        &self,
        database: &str,
        name: &str,
        _: Conduct,
    ) -> Result<(SnapshotFacts, Inventory)> {
        self.take_over(database, name).await
    }

    async fn forget_what_was(&self) -> Result<()> {
        self.write_anew().await
    }

    async fn inventory(
        &self,
        connection: &mut dyn Connection,
        counts: Counts<'_>,
        _: &Inventory,
    ) -> Result<Inventory> {
        catalog::inventory(connection, "main", counts).await
    }

    async fn inventory_made(&self, _: &mut dyn Connection, snapshot: &str) -> Result<Inventory> {
        inventory_of_snapshot(self, snapshot, Counts::With).await
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

    async fn foreign_rows(
        &self,
        _: &mut dyn Connection,
        _: Option<&str>,
        _: &str,
        _: &[Window],
        _: usize,
    ) -> Result<Option<ForeignRows>> {
        // A commit of another's is seen by `foreign_commits`, and not what it was of.
        Ok(None)
    }

    async fn damage(&self, connection: &mut dyn Connection) -> Result<Vec<String>> {
        let rows = connection.fetch("PRAGMA quick_check(20)", &[], None).await?;
        let words: Vec<String> = rows.iter().map(|row| row.at(0)).collect::<Result<_>>()?;
        // Rows that break a rule are as they were; only what can't be read is damage.
        let rule =
            |word: &String| word.starts_with("CHECK constraint") || word.starts_with("NULL value");
        Ok(words.into_iter().filter(|word| word != "ok" && !rule(word)).collect())
    }

    async fn put_back_afterwards(&self, _: &Inventory, _: &Touched, _: Option<&str>) -> Result<()> {
        // Its restore holds everything.
        Ok(())
    }

    async fn moments(&self) -> Result<Box<dyn Moments>> {
        self.need_file()?;
        Ok(Box::new(moments::SqliteMoments::open(self).await?))
    }

    async fn restore(
        &self,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn RestoreTransaction>> {
        let reasons = self.in_the_way_of(conduct.method).await?;
        if !reasons.is_empty() {
            return Err(say::method_refused(&reasons));
        }
        self.need_file()?;
        let path = self.files.snapshot(snapshot)?;
        if !path.is_file() {
            return Err(say::no_snapshot(snapshot, &snapshot::list(&self.files)?));
        }
        Ok(Box::new(restore::SqliteRestore::open(self.clone(), snapshot, conduct.wait).await?))
    }

    async fn carry_over(
        &self,
        green: &str,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn CarryOver>> {
        let green = self.file_beside(green)?;
        let open = carry::SqliteCarryOver::open(self, green, snapshot, conduct.wait);
        Ok(Box::new(open.await?))
    }
}
