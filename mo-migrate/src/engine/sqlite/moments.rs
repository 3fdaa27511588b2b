//! Moments of a SQLite database: as it is, and its snapshots, attached read-only to one connection.

use async_trait::async_trait;

use super::connection::SqliteLink;
use super::restore::{compared, stored_columns};
use super::{Source, Sqlite, catalog, files, quote, snapshot};
use crate::engine::{
    Connection as _, Counts, Inventory, MOST_LISTED, Moment, Moments, Object, RowComparison,
    RowDifferences, common_columns, paired,
};
use crate::error::{Result, say};
use crate::observer::Progress;
use crate::value::Row;

/// A connection with snapshots beside the database.
#[derive(Debug)]
pub(super) struct SqliteMoments {
    engine: Sqlite,
    /// Taken out only while a comparison runs on another thread.
    link: Option<SqliteLink>,
    /// The snapshots that are attached, in the order of their names in SQL.
    attached: Vec<String>,
}

impl SqliteMoments {
    pub(super) async fn open(engine: &Sqlite) -> Result<Self> {
        let link = match engine.source {
            Source::Address => engine.read().await?,
            Source::Pool(_) => engine.work().await?,
        };
        Ok(Self { engine: engine.clone(), link: Some(link), attached: Vec::new() })
    }

    fn link(&mut self) -> Result<&mut SqliteLink> {
        self.link.as_mut().ok_or_else(say::connection_lost)
    }

    /// How SQL names the database of this moment.
    async fn schema(&mut self, moment: &Moment) -> Result<String> {
        let name = match moment {
            Moment::Now => return Ok("main".to_owned()),
            Moment::At(_) => return Err(say::internal(&"a time of a database without a past")),
            Moment::Snapshot(name) => name,
        };
        let known = self.attached.iter().position(|known| known == name);
        let number = known.unwrap_or(self.attached.len());
        let schema = format!("mo_moment_{number}");
        if known.is_none() {
            let path = self.engine.files.snapshot(name)?;
            if !path.is_file() {
                return Err(say::no_snapshot(name, &snapshot::list(&self.engine.files)?));
            }
            let uri = files::uri(&path, "mode=ro&immutable=1")?;
            let attach = format!("ATTACH ? AS {schema}");
            let attached = self.link()?.execute(&attach, &[uri.into()]).await;
            attached.map_err(|error| say::snapshot_bad_by_hand(name, error))?;
            self.attached.push(name.clone());
        }
        Ok(schema)
    }

    /// The columns that are stored, each with whether it belongs to the key: that of the table, or the
    /// row number. None when there is no such table.
    async fn columns(&mut self, schema: &str, table: &str) -> Result<Vec<(String, bool)>> {
        let sql = format!("PRAGMA {schema}.table_xinfo({})", quote(table));
        let mut columns: Vec<(String, i64)> = Vec::new();
        for row in self.link()?.fetch(&sql, &[], None).await? {
            if row.get::<i64>("hidden")? == 0 {
                columns.push((row.get("name")?, row.get("pk")?));
            }
        }
        let number = |name: &str| columns.iter().all(|(c, _)| !c.eq_ignore_ascii_case(name));
        let keyed = columns.iter().any(|(_, key)| *key > 0);
        if !columns.is_empty() && !keyed && number("rowid") {
            columns.insert(0, ("rowid".to_owned(), 1));
        }
        Ok(columns.into_iter().map(|(name, key)| (name, key > 0)).collect())
    }
}

/// The rows of `one` that are not in `other` with the same key and the same values.
fn unmatched(side: u8, [one, other]: [&str; 2], columns: &[String], key: usize) -> String {
    let listed: Vec<String> = columns.iter().map(|c| format!("x.{}", quote(c))).collect();
    let same = columns.iter().enumerate().map(|(at, column)| {
        let column = quote(column);
        // The key by its index, whatever its collation; then each value with its type.
        let by_key = if at < key { format!("y.{column} IS x.{column} AND ") } else { String::new() };
        format!(
            "{by_key}y.{column} IS x.{column} COLLATE BINARY AND typeof(y.{column}) = typeof(x.{column})"
        )
    });
    let same: Vec<String> = same.collect();
    format!(
        "SELECT {side} AS mo_side, {} FROM {one} AS x WHERE NOT EXISTS (SELECT 1 FROM {other} AS y WHERE {})",
        listed.join(", "),
        same.join(" AND ")
    )
}

/// The rows of each side, by the number that stands first in them.
fn by_side(rows: Vec<Row>) -> Result<(Vec<Row>, Vec<Row>)> {
    let (mut older, mut newer) = (Vec::new(), Vec::new());
    for row in rows {
        let side: i64 = row.at(0)?;
        let columns = row.columns().get(1..).unwrap_or_default().into();
        let row = Row::new(columns, row.into_values().into_iter().skip(1).collect());
        if side == 0 { older.push(row) } else { newer.push(row) }
    }
    Ok((older, newer))
}

#[async_trait]
impl Moments for SqliteMoments {
    fn has_a_past(&self) -> bool {
        false
    }

    async fn can_read(&mut self, moment: &Moment) -> Result<bool> {
        match moment {
            Moment::Now => Ok(true),
            Moment::At(_) => Ok(false),
            Moment::Snapshot(name) => Ok(self.engine.files.snapshot(name)?.is_file()),
        }
    }

    async fn made_between(&mut self, _: &str, _: i64, _: i64) -> Result<Option<i64>> {
        Ok(None)
    }

    async fn inventory(&mut self, moment: &Moment) -> Result<Inventory> {
        let schema = self.schema(moment).await?;
        catalog::inventory(self.link()?, &schema, Counts::With).await
    }

    async fn compare(
        &mut self,
        table: &Object,
        [older, newer]: [&Moment; 2],
        progress: &Progress,
    ) -> Result<RowComparison> {
        let (older, newer) = (self.schema(older).await?, self.schema(newer).await?);
        let (name, columns) = (quote(&table.name), stored_columns(table));
        let side = |schema: &str| format!("SELECT {columns} FROM {schema}.{name} NOT INDEXED");
        let link = self.link.take().ok_or_else(say::connection_lost)?;
        let (link, found) = compared(link, [side(&newer), side(&older)], progress).await?;
        self.link = Some(link);
        found
    }

    async fn rows(
        &mut self,
        table: &str,
        older: &Moment,
        newer: &Moment,
    ) -> Result<Option<RowDifferences>> {
        let (older, newer) = (self.schema(older).await?, self.schema(newer).await?);
        let then = self.columns(&older, table).await?;
        let now = self.columns(&newer, table).await?;
        if then.is_empty() || now.is_empty() {
            return Ok(None);
        }
        let (columns, key) = common_columns(&then, &now);
        let whole = |schema: &str| format!("{schema}.{}", quote(table));
        let (older, newer) = (whole(&older), whole(&newer));
        let sql = if key > 0 {
            let gone = unmatched(0, [&older, &newer], &columns, key);
            format!("{gone} UNION ALL {}", unmatched(1, [&newer, &older], &columns, key))
        } else {
            let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
            let all = |side: u8, of: &str| {
                let listed = listed.iter().map(|column| format!(", {column}"));
                format!("SELECT {side} AS mo_side{} FROM {of}", listed.collect::<String>())
            };
            format!("{} UNION ALL {}", all(0, &older), all(1, &newer))
        };
        let most = usize::try_from(2 * MOST_LISTED).unwrap_or(usize::MAX);
        let found = self.link()?.fetch(&sql, &[], Some(most + 1)).await?;
        if found.len() > most {
            return Ok(Some(RowDifferences::Counted(None)));
        }
        let (older, newer) = by_side(found)?;
        Ok(Some(RowDifferences::Listed(paired(key, older, newer))))
    }

    async fn close(mut self: Box<Self>) {
        let Some(mut link) = self.link.take() else { return };
        for number in 0..self.attached.len() {
            // A connection of a pool goes back as it was.
            let _ = link.execute(&format!("DETACH mo_moment_{number}"), &[]).await;
        }
        Box::new(link).close().await;
    }
}
