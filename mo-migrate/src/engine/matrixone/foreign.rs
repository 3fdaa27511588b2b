//! What others wrote, found in the gaps between the run's own statements.
//!
//! A comparison of now with the snapshot can't tell ours from theirs, and fails after most changes of
//! a definition. The two ends of a gap have one definition, and nothing of the run's is between them.

use super::link::Link;
use super::{MatrixOne, hint, quote};
use crate::engine::{ForeignRows, Touched, Window};
use crate::error::Result;
use crate::value::Row;

/// One moment of a table, as a comparison names it.
fn at(table: &str, moment: Option<i64>) -> String {
    moment.map_or_else(|| table.to_owned(), |moment| format!("{table} {{MO_TS = {moment}}}"))
}

impl MatrixOne {
    /// The rows that were changed in the gaps around these windows; none when a gap can't be compared
    /// any more.
    pub(super) async fn rows_in_gaps(
        &self,
        link: &mut Link,
        snapshot: Option<&str>,
        table: &str,
        windows: &[Window],
        most: usize,
    ) -> Result<Option<ForeignRows>> {
        if snapshot.is_none() && windows.is_empty() {
            return Ok(None);
        }
        let name = format!("{}.{}", quote(&self.name), quote(table));
        let mut from = snapshot.map(|snapshot| format!("{name}{}", hint(snapshot)));
        let mut gaps = Vec::new();
        for window in windows {
            if let Some(from) = from {
                gaps.push((at(&name, Some(window.began)), from));
            }
            from = window.ended.map(|ended| at(&name, Some(ended)));
        }
        gaps.extend(from.map(|from| (name, from)));
        let mut found = ForeignRows::default();
        for (until, from) in gaps {
            let rows = match difference(link, &until, &from).await? {
                Some(rows) => rows,
                // It was dropped before it was made.
                None if snapshot.is_none() => continue,
                None => return Ok(None),
            };
            found.count += rows;
            let room = most.saturating_sub(found.rows.len());
            if rows > 0 && room > 0 {
                found.rows.extend(self.listed(&until, &from, room).await);
            }
        }
        Ok(Some(found))
    }

    /// Some of the rows in which two sides differ. A column of TEXT comes under a number that is no
    /// type of MySQL's, which the driver can't read: such rows are counted and not listed, and the
    /// connection that has seen them is not used again.
    async fn listed(&self, one: &str, other: &str, most: usize) -> Vec<Row> {
        let Ok(mut link) = self.open(&self.name).await else { return Vec::new() };
        let sql = format!("DATA BRANCH DIFF {one} AGAINST {other} OUTPUT LIMIT {most}");
        let rows = link.ask(&sql).await.unwrap_or_default();
        link.hang_up().await;
        rows
    }

    /// Whether rows of these tables were changed since then, in milliseconds since 1970.
    pub(super) async fn rows_written_since(&self, touched: &Touched, since: i64) -> Result<bool> {
        if touched.unknown || touched.tables.is_empty() {
            return Ok(true);
        }
        let mut link = self.open(&self.name).await?;
        let mut written = false;
        for table in &touched.tables {
            let name = format!("{}.{}", quote(&self.name), quote(table));
            let then = at(&name, Some(since.saturating_mul(1_000_000)));
            // What can't be compared any more may have been written to.
            written |= difference(&mut link, &name, &then).await?.is_none_or(|rows| rows > 0);
        }
        link.hang_up().await;
        Ok(written)
    }
}

/// In how many rows two sides differ; none when the server can't say, as of a table that was not
/// there on one side.
pub(super) async fn difference(link: &mut Link, one: &str, other: &str) -> Result<Option<u64>> {
    let sql = format!("DATA BRANCH DIFF {one} AGAINST {other} OUTPUT COUNT");
    match link.ask(&sql).await {
        Ok(rows) => rows.first().map(|row| row.at(0)).transpose(),
        Err(error) if error.database_code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}
