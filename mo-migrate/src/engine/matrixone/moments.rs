//! Moments of a MatrixOne database: as it is, its snapshots, and any time of the last hour.
//!
//! One statement reads one moment of the past: of two that are named in it the server takes the first
//! for both, and says OK. So the sides are read one after the other, and `DATA BRANCH DIFF`, which
//! does read two, says which rows are to be read.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::foreign::difference;
use super::link::Link;
use super::restore::sum;
use super::text::with_params;
use super::{MatrixOne, catalog, hint, literal, quote};
use crate::engine::{
    Counts, Inventory, MOST_LISTED, Moment, Moments, Object, RowComparison, RowDifferences,
    common_columns, paired,
};
use crate::error::{Result, say};
use crate::observer::Progress;
use crate::time;
use crate::value::{Row, Value};

/// How many rows are asked for by their keys in one statement.
const KEYS_AT_ONCE: usize = 500;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// A connection that reads the past.
#[derive(Debug)]
pub(super) struct MatrixOneMoments {
    engine: MatrixOne,
    link: Link,
    /// The databases that snapshots are of, by their names.
    sources: HashMap<String, String>,
}

/// What stands behind a table's name to read it as it was then.
fn at(moment: &Moment) -> String {
    match moment {
        Moment::Now => String::new(),
        Moment::Snapshot(name) => hint(name),
        Moment::At(time) => format!(" {{MO_TS = {time}}}"),
    }
}

/// A time as the server writes it, in UTC.
fn timestamp(time: i64) -> String {
    let seconds = time::rfc3339(time.div_euclid(SECOND) * 1000).replace('T', " ");
    format!("{}.{:09}", seconds.trim_end_matches('Z'), time.rem_euclid(SECOND))
}

/// Whether the server has all of this time still.
pub(super) async fn can_read(link: &mut Link, time: i64) -> Result<bool> {
    // MO_TS reads any time, also one of which the collector has begun to remove rows; TIMESTAMP is
    // refused for those.
    let sql = format!(
        "SELECT count(*) FROM mo_catalog.mo_database {{TIMESTAMP = '{}'}} WHERE 1 = 0",
        timestamp(time)
    );
    match link.ask(&sql).await {
        Ok(_) => Ok(true),
        Err(error) if error.database_code().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The columns of the primary key, from the definition: the catalogue has a hidden one in their place
/// where there are several.
fn primary_key(definition: &str) -> Vec<String> {
    let mut lines = definition.lines().map(str::trim_start);
    let key = lines.find_map(|line| line.strip_prefix("PRIMARY KEY (")).unwrap_or_default();
    let names = key.trim_end_matches(',').trim_end_matches(')');
    names.split("`,`").map(|name| name.trim_matches('`').replace("``", "`")).collect()
}

impl MatrixOneMoments {
    pub(super) async fn open(engine: &MatrixOne) -> Result<Self> {
        let link = engine.open_known("").await?;
        Ok(Self { engine: engine.clone(), link, sources: HashMap::new() })
    }

    fn name(&self, table: &str, moment: &Moment) -> String {
        format!("{}.{}{}", quote(self.database(moment)), quote(table), at(moment))
    }

    /// The database that this moment is of: this one, or a clone of it, once that was asked for.
    fn database(&self, moment: &Moment) -> &str {
        let Moment::Snapshot(name) = moment else { return &self.engine.name };
        self.sources.get(name).map_or(&self.engine.name, |source| source)
    }

    /// Finds out what the snapshot is of, where this moment is one.
    async fn learn(&mut self, moment: &Moment) -> Result<()> {
        if let Moment::Snapshot(name) = moment
            && !self.sources.contains_key(name)
        {
            let source = self.engine.clone().source_of(&mut self.link, name).await?;
            self.sources.insert(name.clone(), source);
        }
        Ok(())
    }

    /// A table as it is read at two moments.
    async fn names(&mut self, table: &str, moments: [&Moment; 2]) -> Result<[String; 2]> {
        for moment in moments {
            self.learn(moment).await?;
        }
        Ok(moments.map(|moment| self.name(table, moment)))
    }

    /// The columns of a table, each with whether it belongs to the key; none when it is not there.
    async fn columns(&mut self, table: &str, moment: &Moment) -> Result<Vec<(String, bool)>> {
        let shown = format!("SHOW CREATE TABLE {}", self.name(table, moment));
        let definition: String = match self.link.ask(&shown).await {
            Ok(rows) => rows.first().map_or_else(|| Ok(String::new()), |row| row.at(1))?,
            Err(error) if say::is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let key = primary_key(&definition);
        let sql = format!(
            "SELECT column_name FROM information_schema.columns{} \
             WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
            at(moment),
            literal(self.database(moment)),
            literal(table)
        );
        let mut columns = Vec::new();
        for row in self.link.ask(&sql).await? {
            let name: String = row.at(0)?;
            if !name.starts_with("__mo_") {
                let is_key = key.contains(&name);
                columns.push((name, is_key));
            }
        }
        Ok(columns)
    }

    async fn count(&mut self, table: &str, moment: &Moment) -> Result<u64> {
        let name = self.name(table, moment);
        catalog::count(&mut self.link, &name).await
    }

    /// The keys of the rows in which two moments differ; none when the server can't tell. A side that
    /// has no ancestor in common with the other has a row twice.
    async fn keys(&self, key: &[String], one: &str, other: &str) -> Result<Option<Vec<Row>>> {
        let columns: Vec<String> = key.iter().map(|column| quote(column)).collect();
        let sql =
            format!("DATA BRANCH DIFF {one} AGAINST {other} COLUMNS ({})", columns.join(", "));
        // A connection of its own, which an answer that can't be read does not spoil for others.
        let mut link = self.engine.open(&self.engine.name).await?;
        let found = link.ask(&sql).await;
        link.hang_up().await;
        let Ok(rows) = found else { return Ok(None) };
        let mut keys: Vec<Row> = Vec::with_capacity(rows.len());
        let mut known = HashSet::new();
        for row in rows {
            let names = row.columns().get(2..).unwrap_or_default().into();
            let row = Row::new(names, row.into_values().into_iter().skip(2).collect());
            if known.insert(format!("{:?}", row.values())) {
                keys.push(row);
            }
        }
        Ok(Some(keys))
    }

    /// The rows with these keys.
    async fn with_keys(
        &mut self,
        source: &str,
        columns: &[String],
        key: &[String],
        keys: &[Row],
    ) -> Result<Vec<Row>> {
        let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let names: Vec<String> = key.iter().map(|column| quote(column)).collect();
        let (names, mark) = match names.as_slice() {
            [one] => (one.clone(), "?".to_owned()),
            all => {
                (format!("({})", all.join(", ")), format!("({})", vec!["?"; all.len()].join(", ")))
            }
        };
        let mut rows = Vec::new();
        for some in keys.chunks(KEYS_AT_ONCE) {
            let sql = format!(
                "SELECT {} FROM {source} WHERE {names} IN ({})",
                listed.join(", "),
                vec![mark.as_str(); some.len()].join(", ")
            );
            let params: Vec<Value> = some.iter().flat_map(|row| row.values().to_vec()).collect();
            rows.extend(self.link.ask(&with_params(&sql, &params)?).await?);
        }
        Ok(rows)
    }

    /// The rows that differ, found by their keys; none where the server can't tell them.
    async fn by_keys(
        &mut self,
        columns: &[String],
        key: &[String],
        older: &str,
        newer: &str,
    ) -> Result<Option<RowDifferences>> {
        let Some(keys) = self.keys(key, newer, older).await? else { return Ok(None) };
        let then = self.with_keys(older, columns, key, &keys).await?;
        let now = self.with_keys(newer, columns, key, &keys).await?;
        let of = |row: &Row| format!("{:?}", row.values().get(..key.len()).unwrap_or_default());
        let found: HashSet<String> = then.iter().chain(&now).map(of).collect();
        // A key that the server does not find again in its own words would be left out.
        let lost = keys.iter().any(|row| !found.contains(&of(row)));
        Ok((!lost).then(|| RowDifferences::Listed(paired(key.len(), then, now))))
    }

    async fn identity(&mut self, table: &str, time: i64) -> Result<Option<i64>> {
        let sql = format!(
            "SELECT rel_id FROM mo_catalog.mo_tables{} \
             WHERE account_id = current_account_id() AND reldatabase = {} AND relname = {}",
            at(&Moment::At(time)),
            literal(&self.engine.name),
            literal(table)
        );
        self.link.ask(&sql).await?.first().map(|row| row.at(0)).transpose()
    }
}

#[async_trait]
impl Moments for MatrixOneMoments {
    fn has_a_past(&self) -> bool {
        true
    }

    async fn can_read(&mut self, moment: &Moment) -> Result<bool> {
        match moment {
            Moment::Now => Ok(true),
            Moment::Snapshot(name) => {
                Ok(!self.engine.list_snapshots(&mut self.link, Some(name)).await?.is_empty())
            }
            Moment::At(time) => can_read(&mut self.link, *time).await,
        }
    }

    async fn made_between(&mut self, table: &str, first: i64, last: i64) -> Result<Option<i64>> {
        let wanted = self.identity(table, last).await?;
        if first >= last || self.identity(table, first).await? == wanted {
            return Ok(None);
        }
        let (mut before, mut after) = (first, last);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.identity(table, middle).await? == wanted {
                after = middle;
            } else {
                before = middle;
            }
        }
        Ok(Some(after))
    }

    async fn inventory(&mut self, moment: &Moment) -> Result<Inventory> {
        self.learn(moment).await?;
        let database = self.database(moment).to_owned();
        let (at, nothing) = (at(moment), &Inventory::NOTHING);
        let found =
            catalog::inventory_at(&mut self.link, &database, &at, Counts::With, nothing).await?;
        Ok(self.engine.as_of_this(&database, found))
    }

    async fn compare(
        &mut self,
        table: &Object,
        [older, newer]: [&Moment; 2],
        _: &Progress,
    ) -> Result<RowComparison> {
        let [then, now] = self.names(&table.name, [older, newer]).await?;
        let then = sum(&mut self.link, table, &[then]).await?;
        let now = sum(&mut self.link, table, &[now]).await?;
        Ok(RowComparison { same: then.0, differs: now != then })
    }

    async fn differs(
        &mut self,
        table: &Object,
        [older, newer]: [&Moment; 2],
        _: &Progress,
    ) -> Result<RowComparison> {
        let [then, now] = self.names(&table.name, [older, newer]).await?;
        // Quick where little has changed; what can't be compared differs.
        let number = difference(&mut self.link, &now, &then).await?;
        Ok(RowComparison { same: 0, differs: number != Some(0) })
    }

    async fn rows(
        &mut self,
        table: &str,
        older: &Moment,
        newer: &Moment,
    ) -> Result<Option<RowDifferences>> {
        let [other, one] = self.names(table, [older, newer]).await?;
        let then = self.columns(table, older).await?;
        let now = self.columns(table, newer).await?;
        if then.is_empty() || now.is_empty() {
            return Ok(None);
        }
        let (columns, key) = common_columns(&then, &now);
        let key = columns.get(..key).unwrap_or_default().to_vec();
        let number = difference(&mut self.link, &one, &other).await?;
        match number {
            Some(0) => return Ok(Some(RowDifferences::Listed(Vec::new()))),
            Some(number) if number > 2 * MOST_LISTED => {
                return Ok(Some(RowDifferences::Counted(Some(number))));
            }
            Some(_) if !key.is_empty() => {
                let found = self.by_keys(&columns, &key, &other, &one).await?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            _ => {}
        }
        // Definitions that the server can't compare, or no key: all rows, where that are not too many.
        let rows = self.count(table, older).await?.max(self.count(table, newer).await?);
        if rows > MOST_LISTED {
            return Ok(Some(RowDifferences::Counted(number)));
        }
        let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let listed = listed.join(", ");
        let then = self.link.ask(&format!("SELECT {listed} FROM {other}")).await?;
        let now = self.link.ask(&format!("SELECT {listed} FROM {one}")).await?;
        Ok(Some(RowDifferences::Listed(paired(key.len(), then, now))))
    }

    async fn close(self: Box<Self>) {
        self.link.hang_up().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_server_reads_it() {
        assert_eq!(timestamp(1_795_366_325_195_211_007), "2026-11-22 16:52:05.195211007");
    }

    #[test]
    fn the_key_is_in_the_definition() {
        let of = |key: &str| format!("CREATE TABLE `t` (\n  `a` int,\n{key}\n)");
        assert_eq!(primary_key(&of("  PRIMARY KEY (`a`),\n  KEY `k` (`b`)")), ["a"]);
        assert_eq!(primary_key(&of("  PRIMARY KEY (`a`,`b c`)")), ["a", "b c"]);
        assert_eq!(primary_key(&of("  KEY `k` (`b`)")), [""]);
    }
}
