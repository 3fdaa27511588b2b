//! Rows from blue to green: a connection to green, with blue and its snapshot attached read-only; and
//! one that holds blue's write lock.
//!
//! Invariants:
//! 1. blue and the snapshot are attached so that nothing can be written to them;
//! 2. nothing fires in green: no trigger, no cascade, no CHECK, as in a restore;
//! 3. rows keep their row numbers.

use std::time::Duration;

use async_trait::async_trait;

use super::connection::SqliteLink;
use super::restore::{compared, elsewhere, stored_columns};
use super::{BEFORE, Sqlite, files, quote, snapshot};
use crate::engine::{CarryOver, Connection as _, Engine as _, Object, RowComparison, RowKey, Side};
use crate::error::{Result, say};
use crate::observer::Progress;

/// The name under which blue is attached.
const BLUE: &str = "mo_blue";

/// The three, opened.
#[derive(Debug)]
pub(super) struct SqliteCarryOver {
    blue: Sqlite,
    green: Sqlite,
    /// Taken out only while a comparison runs on another thread.
    link: Option<SqliteLink>,
    /// Holds blue's write lock.
    keeper: Option<SqliteLink>,
    wait: Duration,
}

impl SqliteCarryOver {
    pub(super) async fn open(
        blue: &Sqlite,
        green: Sqlite,
        from: &str,
        wait: Duration,
    ) -> Result<Self> {
        blue.need_file()?;
        green.need_file()?;
        let path = blue.files.snapshot(from)?;
        if !path.is_file() {
            return Err(say::no_snapshot(from, &snapshot::list(&blue.files)?));
        }
        let mut link = green.work().await?;
        link.foreign_keys(false).await?;
        link.execute("PRAGMA ignore_check_constraints = ON", &[]).await?;
        let ready = link.with_handle(super::raw::Handle::restore_mode).await?;
        ready.map_err(|error| say::sqlite(&error.message, error.code, None))?;
        for (schema, uri) in [
            (BLUE, files::uri(blue.files.database(), "mode=ro")?),
            (BEFORE, files::uri(&path, "mode=ro&immutable=1")?),
        ] {
            link.execute(&format!("ATTACH ? AS {schema}"), &[uri.into()]).await?;
        }
        Ok(Self { blue: blue.clone(), green, link: Some(link), keeper: None, wait })
    }

    fn link(&mut self) -> Result<&mut SqliteLink> {
        self.link.as_mut().ok_or_else(say::connection_lost)
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        self.link()?.execute(sql, &[]).await.map(drop)
    }

    async fn has_counters(&mut self, schema: &str) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {schema}.sqlite_master WHERE name = 'sqlite_sequence'");
        Ok(!self.link()?.fetch(&sql, &[], Some(1)).await?.is_empty())
    }

    /// Generated keys go on above the highest that either of them gave out.
    async fn carry_counter(&mut self, table: &str) -> Result<()> {
        if !(self.has_counters("main").await? && self.has_counters(BLUE).await?) {
            return Ok(());
        }
        let update = format!(
            "UPDATE main.sqlite_sequence SET seq = max(seq, coalesce((SELECT b.seq \
             FROM {BLUE}.sqlite_sequence AS b WHERE b.name = sqlite_sequence.name), seq)) WHERE name = ?"
        );
        let insert = format!(
            "INSERT INTO main.sqlite_sequence (name, seq) SELECT b.name, b.seq \
             FROM {BLUE}.sqlite_sequence AS b WHERE b.name = ?"
        );
        let link = self.link()?;
        if link.execute(&update, &[table.into()]).await? == 0 {
            link.execute(&insert, &[table.into()]).await?;
        }
        Ok(())
    }
}

const fn schema(side: Side) -> &'static str {
    match side {
        Side::Then => BEFORE,
        Side::Blue => BLUE,
        Side::Green => "main",
    }
}

/// All rows of a table in the order of the table itself, which is that of its key.
fn rows(table: &Object, side: Side) -> String {
    let (name, columns) = (quote(&table.name), stored_columns(table));
    format!("SELECT {columns} FROM {}.{name} NOT INDEXED", schema(side))
}

#[async_trait]
impl CarryOver for SqliteCarryOver {
    async fn keep_out(&mut self, _: &[Object]) -> Result<()> {
        // SQLite's one lock is on all of them.
        let mut keeper = self.blue.work().await?;
        keeper.patience(self.wait);
        keeper.begin().await?;
        self.keeper = Some(keeper);
        Ok(())
    }

    async fn compare(&mut self, table: &Object, one: Side, other: Side) -> Result<RowComparison> {
        let sides = [rows(table, one), rows(table, other)];
        let link = self.link.take().ok_or_else(say::connection_lost)?;
        let (link, found) = compared(link, sides, &Progress::silent()).await?;
        self.link = Some(link);
        found
    }

    async fn contents(&mut self, table: &Object, side: Side) -> Result<String> {
        let sql = rows(table, side);
        let link = self.link.take().ok_or_else(say::connection_lost)?;
        let (link, found) = elsewhere(link, move |handle| handle.sum(&sql)).await?;
        self.link = Some(link);
        found.map(|(rows, sum)| format!("{rows}:{sum:032x}"))
    }

    async fn begin(&mut self) -> Result<()> {
        let wait = self.wait;
        let link = self.link()?;
        link.patience(wait);
        link.begin().await
    }

    async fn empty(&mut self, table: &Object) -> Result<String> {
        // The transaction has the one lock since it began.
        let contents = self.contents(table, Side::Green).await?;
        self.run(&format!("DELETE FROM main.{}", quote(&table.name))).await?;
        Ok(contents)
    }

    async fn bring(&mut self, table: &Object) -> Result<()> {
        let name = quote(&table.name);
        let plain = table.columns.iter().all(|column| !column.generated);
        let sql = if table.key == RowKey::Columns && plain {
            format!("INSERT INTO main.{name} SELECT * FROM {BLUE}.{name}")
        } else {
            let columns = stored_columns(table);
            format!("INSERT INTO main.{name} ({columns}) SELECT {columns} FROM {BLUE}.{name}")
        };
        self.run(&sql).await?;
        self.carry_counter(&table.name).await
    }

    async fn orphans(&mut self) -> Result<usize> {
        let green = self.green.clone();
        Ok(green.foreign_key_violations(self.link()?, None).await?.len())
    }

    async fn commit(&mut self) -> Result<()> {
        self.link()?.commit().await
    }

    async fn take_back(&mut self) -> Result<()> {
        self.link()?.rollback().await
    }

    async fn close(mut self: Box<Self>) {
        for link in [self.link.take(), self.keeper.take()].into_iter().flatten() {
            let mut link = Box::new(link);
            // If it can't be rolled back the connection is lost, and with it the transaction.
            let _ = link.rollback().await;
            link.close().await;
        }
    }
}
