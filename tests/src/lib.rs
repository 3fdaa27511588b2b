//! What the tests share: a database of its own per test, a directory of migrations, and the
//! database's dump, which is the judge of every way back.

#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    reason = "a test that can not set itself up has failed, which is all a panic says here"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mo_migrate::Migrator;

/// The journal of a database: everything is tested in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// A rollback journal, SQLite's default.
    Rollback,
    /// A write-ahead log.
    Wal,
}

/// Both journals.
pub const JOURNALS: [Journal; 2] = [Journal::Rollback, Journal::Wal];

/// A database and a directory of migrations, in a folder that goes with it.
#[derive(Debug)]
pub struct Fixture {
    folder: tempfile::TempDir,
    reader: Option<Child>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(reader) = &mut self.reader {
            let _ = reader.kill();
            let _ = reader.wait();
        }
    }
}

impl Fixture {
    /// An empty database in this journal.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap(), reader: None };
        std::fs::create_dir(fixture.migrations()).unwrap();
        fixture.sql("PRAGMA user_version = 7");
        if journal == Journal::Wal {
            fixture.sql("PRAGMA journal_mode = WAL");
        }
        fixture
    }

    /// Starts another process that reads the database again and again until the test is over.
    #[must_use]
    pub fn read_meanwhile(mut self) -> Self {
        let path = self.path();
        let read = format!(
            "while true; do sqlite3 -readonly -cmd '.timeout 2000' {} 'SELECT count(*) FROM sqlite_master'; done",
            path.display()
        );
        let reader = Command::new("sh")
            .args(["-c", &read])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.reader = Some(reader.unwrap());
        self
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
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
        format!("sqlite:{}", self.path().display())
    }

    /// Writes a migration, or any other file of the directory.
    pub fn file(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.migrations().join(name), text).unwrap();
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

    /// Runs SQL by the `sqlite3` program, as another process would; gives what it prints.
    pub fn sql(&self, sql: &str) -> String {
        sqlite3(&self.path(), sql)
    }

    /// Everything in the database, as SQL.
    #[must_use]
    pub fn dump(&self) -> String {
        self.sql(".dump")
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
            "{what}: only now {:#?}, only before {:#?}, first difference {order:#?}",
            lines(&now, before),
            lines(before, &now)
        );
    }

    /// Files whose names hold this, anywhere in the folder.
    #[must_use]
    pub fn files_with(&self, part: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                }
                if name.contains(part) {
                    found.push(name);
                }
            }
        }
        found.sort();
        found
    }
}

/// Runs SQL on a file by the `sqlite3` program.
///
/// # Panics
/// It failed.
#[must_use]
pub fn sqlite3(path: &Path, sql: &str) -> String {
    let out = Command::new("sqlite3")
        .arg("-batch")
        .arg(path)
        .args([".timeout 5000", sql])
        .output()
        .unwrap();
    assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}
