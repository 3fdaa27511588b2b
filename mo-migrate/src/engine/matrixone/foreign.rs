//! What others wrote, found in the gaps between the run's own statements.
//!
//! A comparison of now with the snapshot can't tell ours from theirs, and fails after most changes of
//! a definition. The two ends of a gap have one definition, and nothing of the run's is between them.

use super::link::Link;
use super::{MatrixOne, hint, quote};
use crate::engine::{Touched, Window};
use crate::error::Result;

/// One moment of a table, as a comparison names it.
fn at(table: &str, moment: Option<i64>) -> String {
    moment.map_or_else(|| table.to_owned(), |moment| format!("{table} {{MO_TS = {moment}}}"))
}

impl MatrixOne {
    /// How many rows were changed in the gaps around these windows; none when a gap can't be
    /// compared any more.
    pub(super) async fn rows_in_gaps(
        &self,
        link: &mut Link,
        snapshot: &str,
        table: &str,
        windows: &[Window],
    ) -> Result<Option<u64>> {
        let name = format!("{}.{}", quote(&self.name), quote(table));
        let mut from = format!("{name}{}", hint(snapshot));
        let mut found = 0;
        for window in windows {
            let Some(rows) = difference(link, &at(&name, Some(window.began)), &from).await? else {
                return Ok(None);
            };
            found += rows;
            let Some(ended) = window.ended else { return Ok(Some(found)) };
            from = at(&name, Some(ended));
        }
        let last = difference(link, &name, &from).await?;
        Ok(last.map(|rows| found + rows))
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
async fn difference(link: &mut Link, one: &str, other: &str) -> Result<Option<u64>> {
    let sql = format!("DATA BRANCH DIFF {one} AGAINST {other} OUTPUT COUNT");
    match link.ask(&sql).await {
        Ok(rows) => rows.first().map(|row| row.at(0)).transpose(),
        Err(error) if error.database_code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}
