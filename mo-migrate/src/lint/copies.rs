//! Several ALTER TABLEs of one table, for each of which MatrixOne copies it.
//!
//! Only what can stand in one statement is counted: ADD COLUMNs can always go up to the first one, DROP
//! COLUMNs can't where rows were changed in between, and the server refuses both in one statement while
//! a snapshot covers the table, which the run's own does.

use std::collections::{BTreeMap, BTreeSet};

use super::file::Found;
use super::rule::Rule;
use super::say;
use crate::sql::{Change, Name, What};

/// The copying ALTERs of a file so far.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// By the table, and whether they drop columns.
    tables: BTreeMap<(String, bool), Copied>,
    /// The tables that the file has made.
    made: BTreeSet<String>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Copied {
    table: Name,
    lines: Vec<usize>,
    parts: Vec<String>,
    /// Where the second one begins.
    second: usize,
    /// Rows were changed since the first one.
    rows_since: bool,
}

impl Copies {
    /// Takes the next statement in; none for one that could not be read.
    pub(super) fn statement(&mut self, changes: Option<&[Change]>, line: usize, at: usize) {
        let Some(changes) = changes else { return self.rows_changed() };
        let (adds, drops): (Vec<&Change>, Vec<&Change>) = changes
            .iter()
            .filter(|change| is_copy(change))
            .partition(|change| matches!(change.what, What::AddsColumn { .. }));
        for change in changes {
            match &change.what {
                What::Makes { .. } => {
                    self.made.insert(change.table.key.clone());
                    self.rows_changed();
                }
                What::Inserts { .. }
                | What::Updates { .. }
                | What::Deletes { .. }
                | What::Drops
                | What::Renames { .. } => self.rows_changed(),
                _ => {}
            }
        }
        if !adds.is_empty() && !drops.is_empty() {
            let texts = |parts: &[&Change]| parts.iter().map(|part| text(part)).collect::<Vec<_>>();
            let words = say::add_and_drop(&adds[0].table, &texts(&adds), &texts(&drops));
            self.found.push(Found { rule: Rule::AddAndDrop, at, words });
            return;
        }
        for (parts, drop) in [(adds, false), (drops, true)] {
            if parts.len() == changes.len() && !parts.is_empty() {
                self.alter(&parts, drop, line, at);
            }
        }
    }

    fn rows_changed(&mut self) {
        self.tables.values_mut().for_each(|copied| copied.rows_since = true);
    }

    fn alter(&mut self, parts: &[&Change], drops: bool, line: usize, at: usize) {
        let table = &parts[0].table;
        if self.made.contains(&table.key) {
            return;
        }
        let copied = self.tables.entry((table.key.clone(), drops)).or_insert_with(|| Copied {
            table: table.clone(),
            lines: Vec::new(),
            parts: Vec::new(),
            second: 0,
            rows_since: false,
        });
        if copied.rows_since && drops {
            return;
        }
        if copied.lines.len() == 1 {
            copied.second = at;
        }
        copied.lines.push(line);
        copied.parts.extend(parts.iter().map(|part| text(part)));
    }

    /// What was found, once for each table.
    pub(super) fn found(self) -> impl Iterator<Item = Found> {
        let repeated = self.tables.into_values().filter(|copied| copied.lines.len() > 1);
        let repeated = repeated.map(|copied| Found {
            rule: Rule::RepeatedCopy,
            at: copied.second,
            words: say::repeated_copy(&copied.table, &copied.lines, &copied.parts),
        });
        self.found.into_iter().chain(repeated)
    }
}

/// Whether MatrixOne is sure to copy the table for it: of a MODIFY that is not in its text.
fn is_copy(change: &Change) -> bool {
    matches!(change.what, What::AddsColumn { .. } | What::DropsColumn { .. })
}

/// The part as it can stand beside others: `ADD (a INT, b INT)` can't.
fn text(part: &Change) -> String {
    match &part.what {
        What::AddsColumn { column, .. } => format!("ADD COLUMN {}", column.definition),
        _ => part.text.clone(),
    }
}
