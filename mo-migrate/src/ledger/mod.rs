//! The ledger: the record outside the guarded database, which survives a restore.
//!
//! Invariants:
//! 1. a phase is written here before it begins, so that a crash is found in the phase it was in;
//! 2. what a ring 2 statement touches is written here before it is sent;
//! 3. every write is durable when the call returns;
//! 4. the schema has a number; a newer one is refused;
//! 5. runs and snapshots are in their order by their times, whatever the clocks say.

mod clone;
mod run;
mod snapshot;
mod upgrade;

use crate::engine::{Connection, Engine, LedgerAccess, Statement};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::value::{Row, Value};

pub(crate) use clone::{CloneRecord, CloneState, Mask};
pub use run::RunRecord;
pub(crate) use run::{
    AFTER_A_DEATH, Child, GUARD, Outside, PhaseLine, RESTORE_AT, RESTORE_CLONE, RESTORE_TABLES,
    StatementLine, StatementRecord, StatementWindow,
};
pub(crate) use snapshot::SnapshotRecord;
pub(crate) use upgrade::active_green;

/// The schema that this program writes.
const SCHEMA: i64 = 1;

const TABLES: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS meta (name VARCHAR(64) PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS runs (id VARCHAR(64) PRIMARY KEY, guarded VARCHAR(64) NOT NULL, set_name VARCHAR(64) NOT NULL, \
     purpose VARCHAR(32) NOT NULL, database_id VARCHAR(64) NOT NULL, had_history INTEGER NOT NULL, \
     ring INTEGER NOT NULL, phase VARCHAR(32) NOT NULL, outcome VARCHAR(32), \
     version_before BIGINT, version_target BIGINT, fingerprint VARCHAR(100) NOT NULL, versions TEXT NOT NULL, \
     apply_version BIGINT, apply_checksum VARCHAR(100), died INTEGER NOT NULL, \
     snapshot VARCHAR(100), failed_state VARCHAR(100), touched TEXT NOT NULL, foreign_seen INTEGER NOT NULL, \
     started_at BIGINT NOT NULL, heartbeat_at BIGINT NOT NULL, finished_at BIGINT, \
     host VARCHAR(255) NOT NULL, pid BIGINT NOT NULL, os_user VARCHAR(255) NOT NULL, \
     error TEXT, report TEXT)",
    "CREATE TABLE IF NOT EXISTS phases (run VARCHAR(64) NOT NULL, at BIGINT NOT NULL, phase VARCHAR(32) NOT NULL, \
     detail TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS statements (run VARCHAR(64) NOT NULL, version BIGINT NOT NULL, \
     number BIGINT NOT NULL, line BIGINT NOT NULL, tables_touched TEXT NOT NULL, started_at BIGINT NOT NULL, \
     duration_ms BIGINT, server_began BIGINT, server_ended BIGINT, error TEXT, PRIMARY KEY (run, version, number))",
    "CREATE TABLE IF NOT EXISTS snapshots (name VARCHAR(100) PRIMARY KEY, guarded VARCHAR(64) NOT NULL, run VARCHAR(64), \
     purpose VARCHAR(1000) NOT NULL, level VARCHAR(16) NOT NULL, created_by VARCHAR(255) NOT NULL, \
     created_at BIGINT NOT NULL, version_before BIGINT, version_target BIGINT, delete_after BIGINT, \
     pinned INTEGER NOT NULL, bytes BIGINT, inventory TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS children (run VARCHAR(64) NOT NULL, pid BIGINT NOT NULL, \
     started VARCHAR(64) NOT NULL, command TEXT NOT NULL)",
];

/// The ledger of one guarded database.
#[derive(Debug)]
pub(crate) struct Ledger {
    connection: Box<dyn Connection>,
    /// Whose rows are read and written, where several databases share a ledger.
    guarded: String,
    /// The latest time in it, once it was asked for: who writes holds the lock.
    latest: Option<i64>,
}

impl Ledger {
    /// Opens it for writing; makes it when it is missing.
    ///
    /// # Errors
    /// It can't be opened, or a newer mo-migrate wrote it.
    pub(crate) async fn open(engine: &dyn Engine) -> Result<Self> {
        let connection = engine.ledger(LedgerAccess::Create).await?.ok_or_else(say::no_ledger)?;
        let mut ledger = Self::on(connection, engine);
        match ledger.schema().await {
            Ok(Some(schema)) => ledger.check_schema(schema)?,
            _ => ledger.create().await?,
        }
        Ok(ledger)
    }

    /// Opens it for reading; none when there is none.
    ///
    /// # Errors
    /// It can't be read, or a newer mo-migrate wrote it.
    pub(crate) async fn read(engine: &dyn Engine) -> Result<Option<Self>> {
        let Some(connection) = engine.ledger(LedgerAccess::ReadOnly).await? else {
            return Ok(None);
        };
        let mut ledger = Self::on(connection, engine);
        match ledger.schema().await {
            Ok(Some(schema)) => ledger.check_schema(schema)?,
            Ok(None) => return Ok(None),
            // Made by a starter that has not yet written its tables.
            Err(error) if say::is_missing_table(&error, "meta") => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(ledger))
    }

    /// Closes it in order.
    pub(crate) async fn close(self) {
        self.connection.close().await;
    }

    #[expect(clippy::unused_self, reason = "reads as a check of this ledger")]
    fn check_schema(&self, schema: i64) -> Result<()> {
        if schema > SCHEMA { Err(say::schema_newer("ledger", schema, SCHEMA)) } else { Ok(()) }
    }

    async fn schema(&mut self) -> Result<Option<i64>> {
        let rows = self.fetch("SELECT value FROM meta WHERE name = 'schema'", &[]).await?;
        rows.first().map(|row| row.at(0)).transpose()
    }

    async fn create(&mut self) -> Result<()> {
        for table in TABLES {
            self.write(table, &[]).await?;
        }
        if self.schema().await?.is_none() {
            let params = [Value::from("schema"), Value::Text(SCHEMA.to_string())];
            let written = self.write("INSERT INTO meta (name, value) VALUES (?, ?)", &params).await;
            // The start of another database's run may have written it at the same time.
            if written.is_err() && self.schema().await?.is_none() {
                written?;
            }
        }
        Ok(())
    }

    fn on(connection: Box<dyn Connection>, engine: &dyn Engine) -> Self {
        Self { connection, guarded: engine.ledger_key().to_owned(), latest: None }
    }

    /// The time of a run or a snapshot that is written down now: this one, or later than all that are
    /// known. Clocks of machines differ and are set back; what came first is told by these times alone.
    async fn after_all(&mut self, clock: i64) -> Result<i64> {
        let latest = match self.latest {
            Some(latest) => latest,
            None => self.latest().await?,
        };
        let at = clock.max(latest.saturating_add(1));
        self.latest = Some(at);
        Ok(at)
    }

    /// The latest time of a run or a snapshot, 0 if there is none.
    async fn latest(&mut self) -> Result<i64> {
        let sql = "SELECT coalesce(max(at), 0) FROM (SELECT max(started_at) AS at FROM runs WHERE guarded = ? \
                   UNION ALL SELECT max(created_at) FROM snapshots WHERE guarded = ?) AS known";
        let guarded = Value::from(&self.guarded);
        let rows = self.fetch(sql, &[guarded.clone(), guarded]).await?;
        rows.first().map_or(Ok(0), |row| row.at(0))
    }

    /// Writes one row, or several by one statement.
    async fn write(&mut self, sql: &str, params: &[Value]) -> Result<()> {
        fault::before(Transition::Ledger)?;
        self.connection.execute(sql, params).await.map_err(say::ledger_write)?;
        fault::after(Transition::Ledger)
    }

    /// Writes all of it or nothing, and pays for one commit.
    async fn write_together(&mut self, statements: &[Statement]) -> Result<()> {
        fault::before(Transition::Ledger)?;
        self.connection.execute_together(statements).await.map_err(say::ledger_write)?;
        fault::after(Transition::Ledger)
    }

    async fn fetch(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        self.connection.fetch(sql, params, None).await
    }
}
