//! The last moment of a database that RESTORE DATABASE replaced, and what others had committed by then.
//!
//! The server says the number of a database at any moment of the past, so that the moment of the
//! replacement is found by halving, to the nanosecond. The tables that are gone can be read as they
//! were just before.

use std::collections::BTreeMap;

use super::link::Link;
use super::{CLOCK, MatrixOne, catalog, foreign, hint, literal, quote};
use crate::engine::{Between, Connection as _, Counts, Inventory};
use crate::error::{Result, say};

/// What is read at this moment, on the server's clock.
pub(super) fn at(moment: i64) -> String {
    format!(" {{MO_TS = {moment}}}")
}

impl MatrixOne {
    /// The last moment of the database that this failed state is of, if it was replaced since.
    pub(super) async fn last_moment(&self, link: &mut Link, failed: &str) -> Result<Option<i64>> {
        let then = catalog::number_at(link, &self.name, &hint(failed)).await?;
        if then == catalog::number_of(link, &self.name).await? {
            return Ok(None);
        }
        let sql = format!(
            "SELECT CAST(ts AS CHAR), CAST({CLOCK} AS CHAR) FROM mo_catalog.mo_snapshots WHERE sname = {}",
            literal(failed)
        );
        let rows = link.ask(&sql).await?;
        let Some(row) = rows.first() else { return Err(say::no_snapshot(failed, &[])) };
        let (mut old, mut new): (i64, i64) = (row.at(0)?, row.at(1)?);
        // The number was another one when it was asked for, so that the clock is behind at the most.
        new = new.saturating_add(1_000_000_000);
        while new - old > 1 {
            let middle = old + (new - old) / 2;
            if catalog::number_at(link, &self.name, &at(middle)).await? == then {
                old = middle;
            } else {
                new = middle;
            }
        }
        Ok(Some(old))
    }

    /// Above which every generated key lies that was not given out by this moment.
    pub(super) async fn keys_at(
        &self,
        link: &mut Link,
        moment: i64,
    ) -> Result<BTreeMap<String, u64>> {
        let at = at(moment);
        let sql = format!(
            "SELECT t.relname, c.`offset` FROM mo_catalog.mo_increment_columns{at} c \
             JOIN mo_catalog.mo_tables{at} t ON t.rel_id = c.table_id \
             WHERE t.account_id = current_account_id() AND t.reldatabase = {} AND t.relkind = 'r'",
            literal(&self.name)
        );
        let rows = link.ask(&sql).await?;
        rows.iter().map(|row| Ok((row.at(0)?, row.at::<u64>(1)?.saturating_add(1)))).collect()
    }

    /// Keeps the database as it was at this moment, where it differs from the failed state. A database
    /// that has the failed state's name keeps it already.
    pub(super) async fn late_rows(
        &self,
        link: &mut Link,
        failed: &str,
        moment: i64,
    ) -> Result<Option<Between>> {
        if self.database_exists(link, failed).await? {
            return Ok(None);
        }
        let at = at(moment);
        let last =
            catalog::inventory_at(link, &self.name, &at, Counts::Without, &Inventory::NOTHING)
                .await?;
        let mut tables = Vec::new();
        for table in last.tables() {
            let name = format!("{}.{}", quote(&self.name), quote(&table.name));
            let (late, kept) = (format!("{name}{at}"), format!("{name}{}", hint(failed)));
            // What can't be compared is kept too.
            if foreign::difference(link, &late, &kept).await?.is_none_or(|rows| rows > 0) {
                tables.push(table.name.clone());
            }
        }
        if tables.is_empty() {
            return Ok(None);
        }
        link.begin().await?;
        link.send(&format!("CREATE DATABASE {} CLONE {}{at}", quote(failed), quote(&self.name)))
            .await?;
        link.commit().await?;
        Ok(Some(Between { tables, kept: failed.to_owned() }))
    }
}
