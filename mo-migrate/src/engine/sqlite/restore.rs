//! Putting a SQLite database back: one transaction, on a connection of its own.
//!
//! Invariants:
//! 1. `BEGIN IMMEDIATE` comes first: from then on nobody else writes, and the failed state is
//!    copied through a second connection before the first change, so that no committed row is in
//!    neither;
//! 2. nothing fires: no trigger, no cascade, no CHECK, or a restore would write what nobody asked;
//! 3. rows keep their row numbers, since other tables and full text indexes may hold them;
//! 4. the proof compares inside this transaction, and only then is it committed.
//!
//! The backup API could write the whole file back, but it commits by itself: nothing could be
//! compared before that, and the failed state would have been taken under another lock.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::connection::SqliteLink;
use super::raw::{Handle, RawError};
use super::{BEFORE, Sqlite, catalog, quote};
use crate::engine::{
    Connection, Counts, Engine as _, Inventory, Object, ObjectKind, RestoreTransaction,
    RowComparison, RowKey, SnapshotFacts, Step,
};
use crate::error::{Result, say};
use crate::observer::{Counted, Progress};
use crate::value::Value;

const SEQUENCE: &str = "sqlite_sequence";

/// A restore in progress.
#[derive(Debug)]
pub(super) struct SqliteRestore {
    engine: Sqlite,
    snapshot: String,
    /// Taken out only while a comparison runs on another thread.
    link: Option<SqliteLink>,
    /// The next generated keys as they are now, by table, read before anything is dropped.
    sequence_now: HashMap<String, i64>,
    /// Foreign keys were on, on a connection that goes back to a pool.
    foreign_keys: bool,
    /// How long others' locks are waited for.
    wait: Duration,
}

impl SqliteRestore {
    pub(super) async fn open(engine: Sqlite, snapshot: &str, wait: Duration) -> Result<Self> {
        let mut link = engine.work().await?;
        let foreign_keys = link.foreign_keys(false).await?;
        link.execute("PRAGMA ignore_check_constraints = ON", &[]).await?;
        let ready = link.with_handle(Handle::restore_mode).await?;
        ready.map_err(|error| say::sqlite(&error.message, error.code, None))?;
        Ok(Self {
            engine,
            snapshot: snapshot.to_owned(),
            link: Some(link),
            sequence_now: HashMap::new(),
            foreign_keys,
            wait,
        })
    }

    fn link(&mut self) -> Result<&mut SqliteLink> {
        self.link.as_mut().ok_or_else(say::connection_lost)
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        self.link()?.execute(sql, &[]).await.map(drop)
    }

    async fn drop_object(&mut self, object: &Object) -> Result<()> {
        let name = quote(&object.name);
        match object.kind {
            // SQLite has none of those behind the first.
            ObjectKind::ShadowTable
            | ObjectKind::Sequence
            | ObjectKind::ExternalTable
            | ObjectKind::Routine
            | ObjectKind::Grant
            | ObjectKind::KeyFromOutside
            | ObjectKind::Published => Ok(()),
            ObjectKind::SystemTable if object.name == SEQUENCE => self.drop_sequence().await,
            ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::SystemTable => {
                self.run(&format!("DROP TABLE main.{name}")).await
            }
            ObjectKind::Index => self.run(&format!("DROP INDEX main.{name}")).await,
            ObjectKind::View => self.run(&format!("DROP VIEW main.{name}")).await,
            ObjectKind::Trigger => self.run(&format!("DROP TRIGGER main.{name}")).await,
        }
    }

    /// `sqlite_sequence` can't be dropped under its name. It stays for ever once a table had
    /// AUTOINCREMENT, and a dump would show that the failed migration had been there.
    async fn drop_sequence(&mut self) -> Result<()> {
        self.run("PRAGMA writable_schema = ON").await?;
        self.run(
            "UPDATE main.sqlite_master SET name = 'mo_migrate_sequence', tbl_name = 'mo_migrate_sequence', \
             sql = 'CREATE TABLE mo_migrate_sequence(name,seq)' WHERE name = 'sqlite_sequence'",
        )
        .await?;
        self.run("PRAGMA writable_schema = RESET").await?;
        self.run("DROP TABLE main.mo_migrate_sequence").await
    }

    async fn create_object(&mut self, object: &Object) -> Result<()> {
        match (&object.kind, &object.sql) {
            // Made by the virtual tables and the keys that they belong to.
            (ObjectKind::ShadowTable, _) | (_, None) => Ok(()),
            (ObjectKind::SystemTable, _) if object.name == SEQUENCE => Ok(()),
            (ObjectKind::SystemTable, _) => self.run("ANALYZE main.sqlite_schema").await,
            (_, Some(sql)) => self.run(sql).await,
        }
    }

    async fn replace_rows(&mut self, table: &Object) -> Result<()> {
        let name = quote(&table.name);
        self.run(&format!("DELETE FROM main.{name}")).await?;
        let sql = if table.key == RowKey::Columns
            && table.columns.iter().all(|column| !column.generated)
        {
            // This very form lets SQLite copy whole records, indexes included.
            format!("INSERT INTO main.{name} SELECT * FROM {BEFORE}.{name}")
        } else {
            let columns = stored_columns(table);
            format!("INSERT INTO main.{name} ({columns}) SELECT {columns} FROM {BEFORE}.{name}")
        };
        self.run(&sql).await
    }

    async fn sequence(&mut self, schema: &str) -> Result<HashMap<String, i64>> {
        let exists = format!("SELECT 1 FROM {schema}.sqlite_master WHERE name = '{SEQUENCE}'");
        let link = self.link()?;
        let mut values = HashMap::new();
        if link.fetch(&exists, &[], Some(1)).await?.is_empty() {
            return Ok(values);
        }
        for row in
            link.fetch(&format!("SELECT name, seq FROM {schema}.{SEQUENCE}"), &[], None).await?
        {
            if let (Value::Text(name), Value::Integer(next)) =
                (row.at::<Value>(0)?, row.at::<Value>(1)?)
            {
                values.insert(name, next);
            }
        }
        Ok(values)
    }

    async fn put_back_counters(&mut self, keep_highest: bool) -> Result<()> {
        let then = self.sequence(BEFORE).await?;
        let exists = format!("SELECT 1 FROM main.sqlite_master WHERE name = '{SEQUENCE}'");
        if self.link()?.fetch(&exists, &[], Some(1)).await?.is_empty() {
            return Ok(());
        }
        if !keep_highest {
            self.run(&format!("DELETE FROM main.{SEQUENCE}")).await?;
            if !then.is_empty() {
                let sql = format!(
                    "INSERT INTO main.{SEQUENCE} (rowid, name, seq) SELECT rowid, name, seq FROM {BEFORE}.{SEQUENCE}"
                );
                self.run(&sql).await?;
            }
            return Ok(());
        }
        for table in then.keys() {
            let highest = then.get(table).copied().max(self.sequence_now.get(table).copied());
            let Some(highest) = highest.filter(|_| then.contains_key(table)) else { continue };
            let link = self.link()?;
            let params = [Value::Integer(highest), Value::Text(table.clone())];
            let update = format!("UPDATE main.{SEQUENCE} SET seq = ? WHERE name = ?");
            let is_there = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?";
            if link.execute(&update, &params).await? == 0
                && !link.fetch(is_there, &[Value::Text(table.clone())], Some(1)).await?.is_empty()
            {
                let insert = format!("INSERT INTO main.{SEQUENCE} (seq, name) VALUES (?, ?)");
                link.execute(&insert, &params).await?;
            }
        }
        Ok(())
    }

    /// A dump lists objects in the order of the catalogue, and so does every tool that compares.
    async fn order_catalogue(&mut self, then: &[Object]) -> Result<()> {
        for pragma in ["user_version", "application_id"] {
            let link = self.link()?;
            let rows = link.fetch(&format!("PRAGMA {BEFORE}.{pragma}"), &[], Some(1)).await?;
            let value: i64 = rows.first().map_or(Ok(0), |row| row.at(0))?;
            self.run(&format!("PRAGMA main.{pragma} = {value}")).await?;
        }
        let now = catalog::inventory(self.link()?, "main", Counts::Without).await?;
        let same = |object: &Object| {
            now.find(object.kind, &object.name).is_none_or(|found| found.order == object.order)
        };
        if then.iter().all(same) {
            return Ok(());
        }
        self.run("PRAGMA writable_schema = ON").await?;
        let room = now.objects.iter().chain(then).map(|object| object.order).max().unwrap_or(0);
        self.run(&format!("UPDATE main.sqlite_master SET rowid = rowid + {room}")).await?;
        for object in then {
            let params = [Value::Integer(object.order), Value::Text(object.name.clone())];
            let kind = match object.kind {
                ObjectKind::Index => "index",
                ObjectKind::View => "view",
                ObjectKind::Trigger => "trigger",
                _ => "table",
            };
            let sql = format!(
                "UPDATE main.sqlite_master SET rowid = ? WHERE name = ? AND type = '{kind}'"
            );
            self.link()?.execute(&sql, &params).await?;
        }
        self.run("PRAGMA writable_schema = RESET").await
    }
}

/// The columns that can be written, the row number first where rows have one beside them.
pub(super) fn stored_columns(table: &Object) -> String {
    let number = match &table.key {
        RowKey::RowId(alias) => Some(alias.clone()),
        RowKey::Columns => None,
    };
    let columns =
        table.columns.iter().filter(|column| !column.generated).map(|column| quote(&column.name));
    number.into_iter().chain(columns).collect::<Vec<_>>().join(", ")
}

/// Steps through both answers together, on another thread.
pub(super) async fn compared(
    link: SqliteLink,
    [ours, theirs]: [String; 2],
    progress: &Progress,
) -> Result<(SqliteLink, Result<RowComparison>)> {
    let progress = progress.clone();
    elsewhere(link, move |handle| {
        handle.compare(&ours, &theirs, |rows| progress.tell(Counted::Rows, rows, None))
    })
    .await
}

/// Does what takes long on another thread.
pub(super) async fn elsewhere<T: Send + 'static>(
    mut link: SqliteLink,
    work: impl FnOnce(Handle) -> Result<T, RawError> + Send + 'static,
) -> Result<(SqliteLink, Result<T>)> {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let found = runtime.block_on(link.with_handle(work));
        (link, found)
    });
    let (link, found) = done.await.map_err(|error| say::internal(&error))?;
    let found = found?.map_err(|error| say::sqlite(&error.message, error.code, None));
    Ok((link, found))
}

#[async_trait]
impl RestoreTransaction for SqliteRestore {
    async fn look(&mut self, _: &Inventory) -> Result<(Inventory, Inventory)> {
        let (engine, snapshot, wait) = (self.engine.clone(), self.snapshot.clone(), self.wait);
        let link = self.link()?;
        link.patience(wait);
        link.begin().await?;
        engine.attach_before(link, &snapshot).await?;
        self.inventories().await
    }

    async fn differs(&mut self, table: &Object, progress: &Progress) -> Result<bool> {
        self.compare(table, progress).await.map(|found| found.differs)
    }

    async fn lock(&mut self, _: &[Step]) -> Result<()> {
        // The one write lock is held since the first look.
        Ok(())
    }

    async fn keep_failed_state(&mut self, name: &str, progress: Progress) -> Result<SnapshotFacts> {
        let engine = self.engine.clone();
        if engine.memory {
            // Nobody else can write to it, so the transaction may be left for the copy.
            self.run("ROLLBACK").await?;
            let Some(source) = self.link()?.raw().downcast_mut::<SqliteConnection>() else {
                return Err(say::foreign_connection());
            };
            let facts = engine.copy_memory(source, name, &progress).await?;
            self.run("BEGIN IMMEDIATE").await?;
            return Ok(facts);
        }
        let source = engine.open(engine.options.clone().create_if_missing(false)).await?;
        let source = SqliteLink::plain(source);
        let (source, facts) = engine.copy_into_snapshot(source, name, progress).await?;
        Box::new(source).close().await;
        Ok(facts)
    }

    async fn inventories(&mut self) -> Result<(Inventory, Inventory)> {
        self.sequence_now = self.sequence("main").await?;
        let link = self.link()?;
        let then = catalog::inventory(link, BEFORE, Counts::Without).await?;
        let now = catalog::inventory(link, "main", Counts::Without).await?;
        Ok((then, now))
    }

    async fn compare(&mut self, table: &Object, progress: &Progress) -> Result<RowComparison> {
        let (name, columns) = (quote(&table.name), stored_columns(table));
        // Both sides come in the order of the table itself, which is that of its key.
        let side = |schema: &str| format!("SELECT {columns} FROM {schema}.{name} NOT INDEXED");
        let sides = [side("main"), side(BEFORE)];
        let link = self.link.take().ok_or_else(say::connection_lost)?;
        let (link, found) = compared(link, sides, progress).await?;
        self.link = Some(link);
        found
    }

    async fn compare_counts(&mut self, table: &Object) -> Result<RowComparison> {
        let name = quote(&table.name);
        let sql = format!(
            "SELECT (SELECT count(*) FROM main.{name}), (SELECT count(*) FROM {BEFORE}.{name})"
        );
        let rows = self.link()?.fetch(&sql, &[], Some(1)).await?;
        let Some(row) = rows.first() else { return Err(say::connection_lost()) };
        let (now, then): (u64, u64) = (row.at(0)?, row.at(1)?);
        Ok(RowComparison { same: then, differs: now != then })
    }

    async fn apply(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Drop(object) => self.drop_object(object).await,
            Step::Create(object) => self.create_object(object).await,
            Step::Rows(table) => self.replace_rows(table).await,
            Step::Counters { keep_highest } => self.put_back_counters(*keep_highest).await,
            Step::Catalogue(then) => self.order_catalogue(then).await,
            Step::Whole => Err(say::internal(&"a restore of tables has no such step")),
        }
    }

    fn connection(&mut self) -> Result<&mut dyn Connection> {
        Ok(self.link()?)
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let mut link = self.link.take().ok_or_else(say::connection_lost)?;
        let committed = link.commit().await;
        if committed.is_err() {
            let _ = link.rollback().await;
        }
        let _ = link.foreign_keys(self.foreign_keys).await;
        Box::new(link).close().await;
        committed
    }

    async fn abandon(mut self: Box<Self>) {
        if let Some(mut link) = self.link.take() {
            // If it can't be rolled back the connection is lost, and with it the transaction.
            let _ = link.rollback().await;
            let _ = link.foreign_keys(self.foreign_keys).await;
            Box::new(link).close().await;
        }
    }
}
