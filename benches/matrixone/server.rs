//! The server: its address, statements by the text protocol, and what is removed from it.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};

/// How the names of all databases begin that are made here.
pub(crate) const PREFIX: &str = "mo_migrate_bench_";

/// The server of `MATRIXONE_URL`.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Without a database.
    url: String,
}

impl Server {
    /// The server that the variable names.
    pub(crate) fn named() -> Option<Self> {
        let url = std::env::var("MATRIXONE_URL").ok().filter(|url| !url.is_empty())?;
        let (scheme, place) = url.split_once("://").unwrap();
        let host = place.split(['/', '?']).next().unwrap();
        Some(Self { url: format!("{scheme}://{host}") })
    }

    /// Its data directory, where it is known.
    #[expect(clippy::unused_self, reason = "reads as the server's")]
    pub(crate) fn data(&self) -> Option<PathBuf> {
        std::env::var_os("MATRIXONE_DATA").map(PathBuf::from)
    }

    /// The address of a database.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }

    /// A pool as an application has it.
    pub(crate) async fn pool(&self, database: &str) -> MySqlPool {
        let address = self.address(database);
        let (_, place) = address.split_once("://").unwrap();
        let options = MySqlConnectOptions::from_str(&format!("mysql://{place}")).unwrap();
        MySqlPool::connect_with(options.disable_statement_logging()).await.unwrap()
    }

    /// Makes a database and gives a pool of it.
    pub(crate) async fn make(&self, database: &str) -> MySqlPool {
        let pool = self.pool("").await;
        send(&pool, &format!("CREATE DATABASE {database}")).await;
        pool.close().await;
        self.pool(database).await
    }

    /// Removes every database of ours, its snapshots, and its rows in the ledger.
    pub(crate) async fn clean(&self) {
        let pool = self.pool("").await;
        let ours = |column: &str| format!("left({column}, {}) = '{PREFIX}'", PREFIX.len());
        let databases =
            format!("SELECT datname FROM mo_catalog.mo_database WHERE {}", ours("datname"));
        for name in names(&pool, &databases).await {
            send(&pool, &format!("DROP DATABASE `{name}`")).await;
        }
        let made = format!("SELECT sname FROM mo_catalog.mo_snapshots WHERE {}", ours("sname"));
        let mut snapshots = names(&pool, &made).await;
        let ledger = "SELECT datname FROM mo_catalog.mo_database WHERE datname = 'mo_migrate'";
        let ledger = !names(&pool, ledger).await.is_empty();
        if ledger {
            let known = format!("SELECT name FROM mo_migrate.snapshots WHERE {}", ours("guarded"));
            snapshots.extend(names(&pool, &known).await);
        }
        for name in snapshots {
            send(&pool, &format!("DROP SNAPSHOT IF EXISTS `{name}`")).await;
        }
        if ledger {
            let runs = format!("SELECT id FROM mo_migrate.runs WHERE {}", ours("guarded"));
            for table in ["phases", "statements", "children"] {
                send(&pool, &format!("DELETE FROM mo_migrate.{table} WHERE run IN ({runs})")).await;
            }
            for table in ["runs", "snapshots", "fence", "holders", "sessions"] {
                let which = ours("guarded");
                send(&pool, &format!("DELETE FROM mo_migrate.{table} WHERE {which}")).await;
            }
        }
        pool.close().await;
    }
}

/// Sends one statement.
pub(crate) async fn send(pool: &MySqlPool, sql: &str) {
    let sent = try_send(pool, sql).await;
    assert!(sent.is_ok(), "{sql}: {sent:?}");
}

/// The same, where it may fail.
pub(crate) async fn try_send(pool: &MySqlPool, sql: &str) -> sqlx::Result<()> {
    pool.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(|_| ())
}

/// The rows of one statement.
pub(crate) async fn ask(pool: &MySqlPool, sql: &str) -> Vec<MySqlRow> {
    let rows = pool.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
    assert!(rows.is_ok(), "{sql}: {rows:?}");
    rows.unwrap_or_default()
}

async fn names(pool: &MySqlPool, sql: &str) -> Vec<String> {
    ask(pool, sql).await.iter().map(|row| row.get(0)).collect()
}
