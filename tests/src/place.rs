//! Where a test runs: SQLite in a journal, or MatrixOne.

use mo_migrate::Outcome;

use crate::server;

/// The journal of a SQLite database: everything is tested in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// A rollback journal, SQLite's default.
    Rollback,
    /// A write-ahead log.
    Wal,
}

/// Both journals.
pub const JOURNALS: [Journal; 2] = [Journal::Rollback, Journal::Wal];

/// Where a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Sqlite(Journal),
    /// The server of `MATRIXONE_URL`.
    MatrixOne,
}

impl From<Journal> for Place {
    fn from(journal: Journal) -> Self {
        Self::Sqlite(journal)
    }
}

/// Every place that there is: SQLite in both journals, and MatrixOne where a server is named.
#[must_use]
pub fn places() -> Vec<Place> {
    let sqlite = JOURNALS.map(Place::Sqlite);
    sqlite.into_iter().chain(server::url().map(|_| Place::MatrixOne)).collect()
}

/// One place of every engine that there is.
#[must_use]
pub fn engines() -> Vec<Place> {
    places().into_iter().filter(|place| *place != Place::Sqlite(Journal::Rollback)).collect()
}

impl Place {
    /// Whether it is SQLite.
    #[must_use]
    pub const fn is_sqlite(self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// What is said in the words of the engine.
    #[must_use]
    pub const fn by<T: Copy>(self, sqlite: T, matrixone: T) -> T {
        if self.is_sqlite() { sqlite } else { matrixone }
    }

    /// How a migration that has no heading ends when it fails before its commit: MatrixOne runs
    /// statement by statement.
    #[must_use]
    pub const fn undone(self) -> Outcome {
        self.by(Outcome::RolledBack, Outcome::Restored)
    }

    /// The headings that make a difference.
    #[must_use]
    pub const fn headings(self) -> &'static [&'static str] {
        self.by(&["", "-- mo-migrate: no-transaction\n"], &[""])
    }

    /// A query that does not end within the time of any test, and gives no row.
    #[must_use]
    pub const fn endless(self) -> &'static str {
        self.by(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0;",
            "SELECT s FROM (SELECT sleep(3600) AS s) t WHERE s < 0;",
        )
    }

    /// A query of some seconds.
    #[must_use]
    pub const fn slow(self) -> &'static str {
        self.by(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) AS c FROM n;",
            "SELECT sleep(2) AS c;",
        )
    }

    /// Puts the engine's words for what the tests write as `$KEY`, a generated whole number as key,
    /// and `$KEYS_OFF`, which lets foreign keys go unchecked.
    #[must_use]
    pub fn words(self, sql: &str) -> String {
        let off = self.by("PRAGMA foreign_keys = OFF", "SET foreign_key_checks = 0");
        let key = self.by("INTEGER PRIMARY KEY AUTOINCREMENT", "INT PRIMARY KEY AUTO_INCREMENT");
        sql.replace("$KEYS_OFF", off).replace("$KEY", key)
    }
}
