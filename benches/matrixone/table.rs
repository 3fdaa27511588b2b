//! One large table, and the migrations that are tried on it.

use std::path::Path;

use mo_migrate::prelude::*;
use mo_migrate::{Outcome, Report};
use sqlx::mysql::MySqlPool;

use super::server::{PREFIX, Server, send};

/// A table `big` of so many rows, in a database of its own.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) server: Server,
    pub(crate) rows: u64,
    /// The one that has it.
    pub(crate) database: String,
    pub(crate) pool: MySqlPool,
    files: tempfile::TempDir,
}

impl Table {
    /// Makes and fills it, and has it written to the disk.
    pub(crate) async fn filled(server: &Server, rows: u64) -> Self {
        let database = format!("{PREFIX}{rows}");
        let pool = server.make(&database).await;
        send(
            &pool,
            "CREATE TABLE big (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL, \
             price DECIMAL(10, 2) NOT NULL, stock INT NOT NULL, note VARCHAR(80))",
        )
        .await;
        send(
            &pool,
            &format!(
                "INSERT INTO big (id, name, price, stock, note) \
                 SELECT result, concat('product ', result), result % 1000 + 0.5, result % 97, \
                 concat('a note about ', result) FROM generate_series(1, {rows}) g"
            ),
        )
        .await;
        send(&pool, &format!("SELECT mo_ctl('dn', 'flush', '{database}.big')")).await;
        Self { server: server.clone(), rows, database, pool, files: tempfile::tempdir().unwrap() }
    }

    /// The database's address.
    pub(crate) fn address(&self) -> String {
        self.server.address(&self.database)
    }

    /// The set of the migrations in this directory.
    pub(crate) fn migrator(&self) -> Migrator {
        Migrator::from_dir(self.files.path()).attended(true)
    }

    /// Writes a migration.
    pub(crate) fn file(&self, name: &str, sql: &str) {
        std::fs::write(self.files.path().join(name), sql).unwrap();
    }

    /// Runs a migration that fails after these statements, and is restored.
    pub(crate) async fn fails(&self, sql: &str, proof_limit: u64) -> Report {
        fails(self.files.path(), &self.address(), sql, proof_limit).await
    }
}

/// Runs a migration that fails after these statements, and is restored.
pub(crate) async fn fails(files: &Path, address: &str, sql: &str, proof_limit: u64) -> Report {
    let path = files.join("9999_bad.sql");
    std::fs::write(&path, format!("{sql};\nSELECT * FROM nowhere;")).unwrap();
    let migrator = Migrator::from_dir(files).attended(true).proof_limit(proof_limit);
    let error = migrator.run(address).await.unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    error.report().unwrap().clone()
}
