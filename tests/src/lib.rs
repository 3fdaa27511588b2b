//! What the tests share: a database of its own per test on either engine, a directory of
//! migrations, and the database's dump, which is the judge of every way back.

#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can not set itself up has failed, which is all a panic says here"
)]

pub mod browser;
mod failing;
pub mod fuzzing;
mod lasting;
mod own_server;
mod place;
pub mod priced;
mod reader;
pub mod server;
mod small;
pub mod terminal;
pub mod tools;
pub mod typed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mo_migrate::{Migrator, Outcome};

pub use failing::Failing;
pub use lasting::Lasting;
pub use own_server::OwnServer;
pub use place::{JOURNALS, Journal, Place, engines, places};
use reader::Reader;
pub use small::Small;

/// A database and a directory of migrations, in a folder that goes with it.
#[derive(Debug)]
pub struct Fixture {
    place: Place,
    folder: tempfile::TempDir,
    /// Its name on the server; of no meaning for a file.
    database: String,
    reader: Option<Reader>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.reader.take());
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            let database = self.place.by("shop.db", self.database.as_str());
            let line = format!("kept: {database}, {}\n", self.folder.path().display());
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        } else if self.place == Place::MatrixOne {
            server::forget(&self.database);
        }
    }
}

impl Fixture {
    /// An empty database in this place.
    #[must_use]
    pub fn new(place: impl Into<Place>) -> Self {
        Self::within(place, &fastest())
    }

    /// The same with its files in this folder.
    #[must_use]
    pub fn within(place: impl Into<Place>, folder: &Path) -> Self {
        let fixture = Self {
            place: place.into(),
            folder: tempfile::tempdir_in(folder).unwrap(),
            database: own_name(),
            reader: None,
        };
        std::fs::create_dir(fixture.migrations()).unwrap();
        match fixture.place {
            Place::Sqlite(journal) => {
                fixture.sql("PRAGMA user_version = 7");
                if journal == Journal::Wal {
                    fixture.sql("PRAGMA journal_mode = WAL");
                }
            }
            Place::MatrixOne => {
                server::sql("", &format!("CREATE DATABASE {}", fixture.database));
            }
        }
        fixture
    }

    /// Starts somebody who reads the database again and again until the test is over.
    #[must_use]
    pub fn read_meanwhile(mut self) -> Self {
        self.reader = Some(match self.place {
            Place::Sqlite(_) => Reader::of_file(&self.path()),
            Place::MatrixOne => Reader::of_database(&self.database),
        });
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// How a migration that has no heading ends when it fails before its commit.
    #[must_use]
    pub const fn undone(&self) -> Outcome {
        self.place.undone()
    }

    /// The database's file, where it is one.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// The database's name on the server, where it is there.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The folder of all of it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of a snapshot.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> PathBuf {
        self.folder.path().join("shop.db.mo-migrate/snapshots").join(format!("{name}.db"))
    }

    /// Where the migrations are.
    #[must_use]
    pub fn migrations(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    /// The database's address.
    #[must_use]
    pub fn address(&self) -> String {
        match self.place {
            Place::Sqlite(_) => format!("sqlite:{}", self.path().display()),
            Place::MatrixOne => server::address(&self.database),
        }
    }

    /// Writes a migration, or any other file of the directory, in the words of the engine.
    pub fn file(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.migrations().join(name), self.place.words(text)).unwrap();
        self
    }

    /// Removes a file of the directory.
    pub fn remove(&self, name: &str) -> &Self {
        std::fs::remove_file(self.migrations().join(name)).unwrap();
        self
    }

    /// The set in the directory.
    #[must_use]
    pub fn migrator(&self) -> Migrator {
        Migrator::from_dir(self.migrations())
    }

    /// Runs SQL as another client would, in the words of the engine; gives its rows.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The same, where a refusal is an answer too.
    ///
    /// # Errors
    /// What the engine said.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        let sql = self.place.words(sql);
        match self.place {
            Place::Sqlite(_) => try_sqlite3(&self.path(), &sql),
            Place::MatrixOne => {
                server::try_sql(&self.database, &sql).map_err(|error| error.to_string())
            }
        }
    }

    /// The same in a snapshot, for a table that is written as `{products}`.
    #[track_caller]
    pub fn sql_in(&self, snapshot: &str, sql: &str) -> String {
        match self.place {
            Place::Sqlite(_) => {
                let sql = sql.replace(['{', '}'], "");
                sqlite3(&self.snapshot(snapshot), &sql)
            }
            Place::MatrixOne => {
                let hint = format!(" {{SNAPSHOT = '{snapshot}'}}");
                let sql = sql.replace('{', "").replace('}', &hint);
                server::sql(&self.database, &sql)
            }
        }
    }

    /// A command for the shell by which another process runs this statement, which has no double
    /// quotes in it.
    #[must_use]
    pub fn shell(&self, sql: &str) -> String {
        match self.place {
            Place::Sqlite(_) => {
                format!("sqlite3 -cmd '.timeout 5000' {} \"{sql}\"", self.path().display())
            }
            Place::MatrixOne => {
                format!("{} {} \"{sql}\"", program("sql").display(), self.database)
            }
        }
    }

    /// Everything in the database, as text.
    #[must_use]
    pub fn dump(&self) -> String {
        match self.place {
            Place::Sqlite(_) => self.sql(".dump"),
            Place::MatrixOne => server::dump(&self.database),
        }
    }

    /// Holds the database against an earlier dump of it, to the byte.
    ///
    /// # Panics
    /// They differ; shows the lines.
    #[track_caller]
    pub fn assert_dump(&self, before: &str, what: &str) {
        let now = self.dump();
        let lines = |a: &str, b: &str| -> Vec<String> {
            let b: Vec<_> = b.lines().collect();
            a.lines().filter(|line| !b.contains(line)).map(ToOwned::to_owned).collect()
        };
        let order = now.lines().zip(before.lines()).find(|(a, b)| a != b);
        assert!(
            now == before,
            "{what} in {:?}: only now {:#?}, only before {:#?}, first difference {order:#?}",
            self.place,
            lines(&now, before),
            lines(before, &now)
        );
    }

    /// Has the engine look for damage, where it can.
    ///
    /// # Panics
    /// There is some.
    #[track_caller]
    pub fn assert_sound(&self) {
        if self.place.is_sqlite() {
            assert_eq!(self.sql("PRAGMA integrity_check"), "ok\n");
        }
    }

    /// Takes the ledger's rows of this database out of sight.
    pub fn hide_ledger(&self) {
        match self.place {
            Place::Sqlite(_) => std::fs::rename(self.ledger(), self.ledger_aside()).unwrap(),
            Place::MatrixOne => server::rename_in_ledger(&self.database, &self.aside()),
        }
    }

    /// Undoes [`hide_ledger`](Self::hide_ledger).
    pub fn show_ledger(&self) {
        match self.place {
            Place::Sqlite(_) => std::fs::rename(self.ledger_aside(), self.ledger()).unwrap(),
            Place::MatrixOne => server::rename_in_ledger(&self.aside(), &self.database),
        }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("shop.db.mo-migrate/ledger.db")
    }

    fn ledger_aside(&self) -> PathBuf {
        self.folder.path().join("ledger.aside")
    }

    fn aside(&self) -> String {
        format!("{}_aside", self.database)
    }

    /// Runs SQL in the ledger; `$THIS` is true of the rows that are of this database.
    #[track_caller]
    pub fn in_ledger(&self, sql: &str) -> String {
        match self.place {
            Place::Sqlite(_) => sqlite3(&self.ledger(), &sql.replace("$THIS", "guarded = ''")),
            Place::MatrixOne => {
                let this = format!("guarded = '{}'", self.database);
                server::sql("mo_migrate", &sql.replace("$THIS", &this))
            }
        }
    }

    /// Puts another database in its place, with this in it.
    pub fn replace(&self, sql: &str) {
        match self.place {
            Place::Sqlite(_) => {
                std::fs::rename(self.path(), self.folder.path().join("old.db")).unwrap();
            }
            Place::MatrixOne => {
                let name = &self.database;
                server::sql("", &format!("DROP DATABASE {name}; CREATE DATABASE {name}"));
            }
        }
        self.sql(sql);
    }

    /// Removes the database, as if nobody had made it.
    pub fn remove_database(&self) {
        match self.place {
            Place::Sqlite(_) => std::fs::remove_file(self.path()).unwrap(),
            Place::MatrixOne => {
                server::sql("", &format!("DROP DATABASE {}", self.database));
            }
        }
    }

    /// Whether the database is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self.place {
            Place::Sqlite(_) => self.path().exists(),
            Place::MatrixOne => server::exists(&self.database),
        }
    }

    /// Makes a database of somebody else's with the name that a clone for verification would have;
    /// gives that name.
    #[must_use]
    pub fn make_verify(&self, sql: &str) -> String {
        let name = format!("{}_verify", self.place.by("shop.db", self.database.as_str()));
        if !self.place.is_sqlite() {
            server::sql("", &format!("CREATE DATABASE {name}"));
        }
        let _ = self.sql_of(&name, sql);
        name
    }

    /// What a database beside this one is called that has its name with this ending.
    #[must_use]
    pub fn beside(&self, ending: &str) -> String {
        match self.place {
            Place::Sqlite(_) => format!("shop{ending}.db"),
            Place::MatrixOne => format!("{}{ending}", self.database),
        }
    }

    /// The address of a database beside this one.
    #[must_use]
    pub fn address_of(&self, name: &str) -> String {
        match self.place {
            Place::Sqlite(_) => format!("sqlite:{}", self.folder.path().join(name).display()),
            Place::MatrixOne => server::address(name),
        }
    }

    /// Whether a database of this name is beside this one.
    #[must_use]
    pub fn is_beside(&self, name: &str) -> bool {
        match self.place {
            Place::Sqlite(_) => self.folder.path().join(name).exists(),
            Place::MatrixOne => server::exists(name),
        }
    }

    /// Runs SQL in another database beside this one.
    #[must_use]
    #[track_caller]
    pub fn sql_of(&self, name: &str, sql: &str) -> String {
        match self.place {
            Place::Sqlite(_) => sqlite3(&self.folder.path().join(name), sql),
            Place::MatrixOne => server::sql(name, sql),
        }
    }

    /// Makes a run that died one that died long ago: more than a second for who asks, and so long
    /// for the guard that its last statement is over. A file whose bytes are `old` too was not
    /// written to in the meantime.
    pub fn time_passes(&self, old: bool) {
        match self.place {
            Place::Sqlite(_) => {
                let sql = "UPDATE runs SET heartbeat_at = heartbeat_at - 3600000";
                let _ = sqlite3(&self.ledger(), sql);
                let bytes: &[&str] = if old { &["shop.db", "shop.db-wal"] } else { &[] };
                for file in bytes.iter().chain(&["shop.db.mo-migrate/lock"]) {
                    let touched = Command::new("touch")
                        .args(["-c", "-d", "1 hour ago"])
                        .arg(self.folder.path().join(file))
                        .status();
                    assert!(touched.unwrap().success());
                }
            }
            // What it wrote can't be made older, so that it has to become so. Its last sign of life
            // may be two seconds older than its last write, and ten are given to its last statement.
            Place::MatrixOne => {
                std::thread::sleep(Duration::from_secs(5));
                server::age(&self.database, Duration::from_secs(6));
            }
        }
    }

    /// What there is beside the database that has this in its name: files of the folder, or
    /// databases and snapshots of the server.
    #[must_use]
    pub fn files_with(&self, part: &str) -> Vec<String> {
        let mut found = match self.place {
            Place::Sqlite(_) => files_in(self.folder.path()),
            Place::MatrixOne => server::beside(&self.database),
        };
        found.retain(|name| name.contains(part));
        found.sort();
        found
    }
}

/// Where files cost least: what a process wrote before it was killed is there in memory too.
fn fastest() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// A name that no other test has.
fn own_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("mmt_{:x}_{:x}_{number}", since.as_millis(), std::process::id())
}

/// A program of this package, beside the tests.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.parent().and_then(Path::parent).unwrap().join(name)
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Runs SQL on a file by the `sqlite3` program.
///
/// # Panics
/// It failed.
#[must_use]
#[track_caller]
pub fn sqlite3(path: &Path, sql: &str) -> String {
    try_sqlite3(path, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn try_sqlite3(path: &Path, sql: &str) -> Result<String, String> {
    let out = Command::new("sqlite3")
        .arg("-batch")
        .arg(path)
        .args([".timeout 5000", sql])
        .output()
        .unwrap();
    if out.status.success() {
        Ok(String::from_utf8(out.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&out.stderr).into_owned())
    }
}
