//! Several moments of a database, read side by side: for the proof of a restore that was made long
//! ago, and for the rows that differ.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;

use super::{Inventory, Object, RowComparison};
use crate::error::Result;
use crate::observer::Progress;
use crate::value::Row;

/// Of a table with more rows that differ the number alone is given.
pub(crate) const MOST_LISTED: u64 = 100_000;

/// A moment of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// As it is.
    Now,
    /// As it was in this snapshot.
    Snapshot(String),
    /// As it was at this time on the server's clock, in nanoseconds since 1970.
    At(i64),
}

/// What was done to a row between two moments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowChange {
    /// It is new.
    Added(Row),
    /// It is gone.
    Removed(Row),
    /// It has other values: what they were, and what they are.
    Changed(Row, Row),
}

/// The rows in which a table differs between two moments, by the columns that it has at both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowDifferences {
    /// All of them.
    Listed(Vec<RowChange>),
    /// As many; none where that can't be told.
    Counted(Option<u64>),
}

/// Reads moments of a database. It writes nothing, and takes no lock.
#[async_trait]
pub(crate) trait Moments: Send + std::fmt::Debug {
    /// Whether any time of the past can be read, as far as it goes back.
    fn has_a_past(&self) -> bool;
    /// Whether this moment can be read still.
    ///
    /// # Errors
    /// The connection is lost.
    async fn can_read(&mut self, moment: &Moment) -> Result<bool>;
    /// The first of the moments between these two at which this table is the one that it is at the
    /// second: when it was made, or when it went. None where that can't be found out.
    ///
    /// # Errors
    /// The connection is lost.
    async fn made_between(&mut self, table: &str, first: i64, last: i64) -> Result<Option<i64>>;
    /// What the database consisted of, with row counts.
    ///
    /// # Errors
    /// The moment can't be read.
    async fn inventory(&mut self, moment: &Moment) -> Result<Inventory>;
    /// Compares all contents of a table, that has the same definition at both.
    ///
    /// # Errors
    /// A side can't be read.
    async fn compare(
        &mut self,
        table: &Object,
        [older, newer]: [&Moment; 2],
        progress: &Progress,
    ) -> Result<RowComparison>;
    /// Whether the rows of a table differ, that has the same definition at both; and how many were seen
    /// to be the same before that was known.
    ///
    /// # Errors
    /// A side can't be read.
    async fn differs(
        &mut self,
        table: &Object,
        both: [&Moment; 2],
        progress: &Progress,
    ) -> Result<RowComparison> {
        self.compare(table, both, progress).await
    }
    /// The rows in which a table differs; none when it is not there at one of them.
    ///
    /// # Errors
    /// A side can't be read.
    async fn rows(
        &mut self,
        table: &str,
        older: &Moment,
        newer: &Moment,
    ) -> Result<Option<RowDifferences>>;
    /// Closes it in order.
    async fn close(self: Box<Self>);
}

/// Pairs the rows of two sides: those with the same values in the first `key` columns are one row, and
/// without a key those that are the same. What is the same on both sides is left out.
pub(crate) fn paired(key: usize, older: Vec<Row>, newer: Vec<Row>) -> Vec<RowChange> {
    let of = |row: &Row| {
        let values = row.values();
        format!("{:?}", if key == 0 { values } else { values.get(..key).unwrap_or(values) })
    };
    // In the order in which the newer side has them, and then what is gone.
    let mut gone: BTreeMap<String, Vec<(usize, Row)>> = BTreeMap::new();
    for (at, row) in older.into_iter().enumerate() {
        gone.entry(of(&row)).or_default().push((at, row));
    }
    let mut changes = Vec::new();
    for row in newer {
        match gone.entry(of(&row)) {
            Entry::Occupied(mut entry) => {
                let was = entry.get_mut().pop();
                if entry.get().is_empty() {
                    entry.remove();
                }
                match was {
                    Some((_, was)) if was.values() != row.values() => {
                        changes.push(RowChange::Changed(was, row));
                    }
                    Some(_) => {}
                    None => changes.push(RowChange::Added(row)),
                }
            }
            Entry::Vacant(_) => changes.push(RowChange::Added(row)),
        }
    }
    let mut gone: Vec<(usize, Row)> = gone.into_values().flatten().collect();
    gone.sort_by_key(|(at, _)| *at);
    changes.extend(gone.into_iter().map(|(_, row)| RowChange::Removed(row)));
    changes
}

/// The names that both sides have, those of the key first; and how many of them are the key, which is
/// none unless both sides have the same one.
pub(crate) fn common_columns(
    older: &[(String, bool)],
    newer: &[(String, bool)],
) -> (Vec<String>, usize) {
    let keys = |side: &[(String, bool)]| -> Vec<String> {
        side.iter().filter(|(_, key)| *key).map(|(name, _)| name.clone()).collect()
    };
    let key = if keys(older) == keys(newer) { keys(newer) } else { Vec::new() };
    let both = newer.iter().map(|(name, _)| name);
    let rest = both.filter(|name| older.iter().any(|(other, _)| other == *name));
    let rest = rest.filter(|name| !key.contains(name)).cloned();
    let number = key.len();
    (key.iter().cloned().chain(rest).collect(), number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::params;

    fn row(id: i64, name: &str) -> Row {
        Row::new(Arc::from(["id".to_owned(), "name".to_owned()]), params![id, name])
    }

    #[test]
    fn rows_are_one_by_their_key() {
        let older = vec![row(1, "a"), row(2, "b"), row(3, "c")];
        let newer = vec![row(4, "d"), row(3, "c"), row(2, "B")];
        assert_eq!(
            paired(1, older, newer),
            [
                RowChange::Added(row(4, "d")),
                RowChange::Changed(row(2, "b"), row(2, "B")),
                RowChange::Removed(row(1, "a")),
            ]
        );
    }

    #[test]
    fn without_a_key_a_row_is_what_it_holds_as_often_as_it_is_there() {
        let older = vec![row(1, "a"), row(1, "a"), row(2, "b")];
        let newer = vec![row(2, "b"), row(2, "b"), row(1, "a")];
        assert_eq!(
            paired(0, older, newer),
            [RowChange::Added(row(2, "b")), RowChange::Removed(row(1, "a"))]
        );
    }

    #[test]
    fn a_text_is_not_the_number_that_it_looks_like() {
        let text = Row::new(Arc::from(["id".to_owned()]), params!["1"]);
        let number = Row::new(Arc::from(["id".to_owned()]), params![1]);
        assert_eq!(paired(1, vec![text], vec![number]).len(), 2);
    }

    #[test]
    fn the_key_stands_first_where_both_sides_have_it() {
        let side = |columns: &[(&str, bool)]| -> Vec<(String, bool)> {
            columns.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect()
        };
        let then = side(&[("a", false), ("id", true), ("gone", false)]);
        let now = side(&[("a", false), ("id", true), ("new", false)]);
        assert_eq!(common_columns(&then, &now), (vec!["id".to_owned(), "a".to_owned()], 1));
        let other = side(&[("a", true), ("id", false)]);
        assert_eq!(common_columns(&then, &other).1, 0);
    }
}
