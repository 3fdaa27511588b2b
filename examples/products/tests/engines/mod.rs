//! The engines that the example is tested on: SQLite, and MatrixOne where `MATRIXONE_URL` names a
//! server. Each test has a database of its own, which is kept when it fails.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::io::Write as _;
use std::ops::{Deref, DerefMut};
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use mo_migrate::prelude::*;
use mo_migrate::testing::{self, TestDatabase};
use products::{MIGRATOR, catalogue};
use sqlx::{AssertSqlSafe, Row as _};

/// An engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    /// The server at this address, whatever its database.
    MatrixOne(String),
}

/// All that there are.
pub(crate) fn all() -> Vec<Engine> {
    let server = std::env::var("MATRIXONE_URL").ok().filter(|url| !url.is_empty());
    if server.is_none() {
        static SAID: Once = Once::new();
        // Not by a macro, whose words the test harness would keep to itself.
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "MatrixOne is skipped: MATRIXONE_URL is not set");
        });
    }
    [Engine::Sqlite].into_iter().chain(server.map(Engine::MatrixOne)).collect()
}

impl Engine {
    /// How a run ends that fails before its commit: MatrixOne runs statement by statement.
    pub(crate) fn undone(&self) -> Outcome {
        if *self == Self::Sqlite { Outcome::RolledBack } else { Outcome::Restored }
    }

    /// A new database at this version of the example's, as [`testing::at`] gives one.
    pub(crate) async fn at(&self, version: i64) -> Result<Database> {
        let Self::MatrixOne(url) = self else {
            return Ok(Database { kit: testing::at(&MIGRATOR, version).await?, server: None });
        };
        let server = Server::new(url);
        let kit = testing::at_on(&MIGRATOR, version, &server.address()).await?;
        Ok(Database { kit, server: Some(server) })
    }
}

/// A database of one test.
#[derive(Debug)]
pub(crate) struct Database {
    kit: TestDatabase,
    server: Option<Server>,
}

impl Deref for Database {
    type Target = TestDatabase;
    fn deref(&self) -> &TestDatabase {
        &self.kit
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut TestDatabase {
        &mut self.kit
    }
}

/// A name on the server that no other test has, with what is made under it.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    pub(crate) name: String,
}

impl Server {
    pub(crate) fn new(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // No name is the beginning of another one.
        let name = format!("products_test_{count}_{}_{since:x}", process::id());
        Self { url: url.to_owned(), name }
    }

    /// The address of the database of this name.
    pub(crate) fn address(&self) -> String {
        self.address_of(&self.name)
    }

    fn address_of(&self, database: &str) -> String {
        let (place, options) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let host = place.find("://").map_or(0, |at| at + 3);
        let host = place[host..].find('/').map_or(place, |end| &place[..host + end]);
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{host}/{database}{mark}{options}")
    }

    /// The first column of a statement's rows, asked without mo-migrate.
    pub(crate) async fn ask(&self, sql: impl Into<String>) -> Vec<String> {
        let pool = catalogue::open(&self.address_of("mo_catalog")).await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(&pool).await;
        pool.close().await;
        rows.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// The databases whose names begin with this one's.
    pub(crate) async fn databases(&self) -> Vec<String> {
        let Self { name, .. } = self;
        self.ask(format!("SELECT datname FROM mo_database WHERE datname LIKE '{name}%'")).await
    }

    /// The snapshots that were made for these databases and are there.
    pub(crate) async fn snapshots(&self) -> Vec<String> {
        let Self { name, .. } = self;
        self.ask(format!(
            "SELECT s.sname FROM mo_snapshots s JOIN mo_migrate.snapshots l ON l.name = s.sname \
             WHERE l.guarded LIKE '{name}%'"
        ))
        .await
    }

    async fn remove(&self) {
        for snapshot in self.snapshots().await {
            self.ask(format!("DROP SNAPSHOT `{snapshot}`")).await;
        }
        for database in self.databases().await {
            self.ask(format!("DROP DATABASE `{database}`")).await;
        }
        let guarded = format!("guarded LIKE '{}%'", self.name);
        for table in ["phases", "statements", "children"] {
            let runs = format!("SELECT id FROM mo_migrate.runs WHERE {guarded}");
            self.ask(format!("DELETE FROM mo_migrate.{table} WHERE run IN ({runs})")).await;
        }
        for table in ["runs", "snapshots", "fence", "holders"] {
            self.ask(format!("DELETE FROM mo_migrate.{table} WHERE {guarded}")).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the test's database is kept: {}", self.name);
            return;
        }
        // A thread of its own, for the test may be inside a runtime.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(self.remove());
            });
        });
    }
}
