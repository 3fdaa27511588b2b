//! What earlier statements have said about columns, so that a change of one is held against what it was.

use std::collections::BTreeMap;

use crate::sql::{Change, Column, Key, What};

/// The columns that are known, by table and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns(BTreeMap<(String, String), Column>);

/// What a new definition makes of a column.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// The type is another one, or was not known.
    pub(super) other_type: bool,
    /// It takes no NULL, and that is new or was not known.
    pub(super) requires: bool,
    /// What the new definition has left out, in words.
    pub(super) loses: Vec<&'static str>,
}

impl Columns {
    /// Takes a statement in; after one that could not be read nothing is sure any more.
    pub(super) fn learn(&mut self, changes: Option<&[Change]>) {
        match changes {
            None => self.0.clear(),
            Some(changes) => changes.iter().for_each(|change| self.learn_one(change)),
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn learn_one(&mut self, change: &Change) {
        let table = change.table.key.as_str();
        match &change.what {
            What::Makes { unless_there, .. } if *unless_there && self.has_table(table) => {}
            What::Makes { columns, .. } => {
                self.drop_table(table);
                for column in columns {
                    self.put(table, column);
                }
            }
            What::Drops => self.drop_table(table),
            What::Renames { to } => {
                let of_table = |((owner, _), _): &(&(String, String), &Column)| owner == table;
                let moved: Vec<Column> =
                    self.0.iter().filter(of_table).map(|(_, c)| c.clone()).collect();
                self.drop_table(table);
                self.drop_table(&to.key);
                for column in &moved {
                    self.put(&to.key, column);
                }
            }
            What::AddsColumn { column, .. } => self.put(table, column),
            What::DropsColumn { column } => {
                self.take(table, &column.key);
            }
            What::RenamesColumn { column, to } => {
                if let Some(known) = self.take(table, &column.key) {
                    self.put(table, &Column { name: to.clone(), ..known });
                }
            }
            What::ChangesColumn { column, to } => {
                self.take(table, &column.key);
                self.put(table, to);
            }
            What::RequiresColumn { column } => {
                if let Some(known) = self.take(table, &column.key) {
                    self.put(table, &Column { not_null: true, ..known });
                }
            }
            _ => {}
        }
    }

    fn has_table(&self, table: &str) -> bool {
        self.0.keys().any(|(owner, _)| owner == table)
    }

    fn drop_table(&mut self, table: &str) {
        self.0.retain(|(owner, _), _| owner != table);
    }

    fn put(&mut self, table: &str, column: &Column) {
        self.0.insert((table.to_owned(), column.name.key.clone()), column.clone());
    }

    fn take(&mut self, table: &str, column: &str) -> Option<Column> {
        self.0.remove(&(table.to_owned(), column.to_owned()))
    }

    /// What a new definition of a column makes of it.
    pub(super) fn difference(&self, table: &str, column: &str, new: &Column) -> Difference {
        let Some(old) = self.0.get(&(table.to_owned(), column.to_owned())) else {
            return Difference { other_type: true, requires: new.not_null, loses: Vec::new() };
        };
        let is_key = old.keys.iter().any(|key| matches!(key, Key::Primary { .. }));
        let takes_null = old.not_null && !is_key && !new.not_null;
        let empty = old.filled && !new.filled;
        let loses = [(takes_null, "takes NULL from now on"), (empty, "has no default any more")];
        Difference {
            other_type: !holds(&old.of_type, &new.of_type),
            requires: new.not_null && !old.not_null && !is_key,
            loses: loses.into_iter().filter(|(lost, _)| *lost).map(|(_, words)| words).collect(),
        }
    }
}

/// Whether the new type is the old one, or a VARCHAR or CHAR that is no shorter.
fn holds(old: &str, new: &str) -> bool {
    let plain = |of_type: &str| {
        let words: String = of_type.to_ascii_uppercase().split_whitespace().collect();
        if words == "INTEGER" { "INT".to_owned() } else { words }
    };
    let (old, new) = (plain(old), plain(new));
    let length = |of_type: &str, name: &str| -> Option<u64> {
        of_type.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.parse().ok()
    };
    let grows = ["VARCHAR", "CHAR"].iter().any(|name| {
        length(&old, name).zip(length(&new, name)).is_some_and(|(old, new)| new >= old)
    });
    old == new || grows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, changes};

    /// What the last statement makes of the column, after the others.
    fn difference(statements: &[&str]) -> Difference {
        let mut columns = Columns::default();
        let (last, before) = statements.split_last().unwrap();
        for statement in before {
            columns.learn(changes(statement, Dialect::MatrixOne).as_deref());
        }
        let last = changes(last, Dialect::MatrixOne).unwrap();
        let change = last.last().unwrap();
        let What::ChangesColumn { column, to } = &change.what else { panic!("{change:?}") };
        columns.difference(&change.table.key, &column.key, to)
    }

    const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL DEFAULT 'x', \
        b INTEGER, CONSTRAINT k UNIQUE (a))";

    #[test]
    fn a_change_is_held_against_what_the_column_was() {
        for (last, other_type, requires, loses) in [
            ("ALTER TABLE t MODIFY a VARCHAR(40) NOT NULL DEFAULT 'y'", false, false, vec![]),
            ("ALTER TABLE T CHANGE A c varchar( 20 ) NOT NULL DEFAULT 'y'", false, false, vec![]),
            ("ALTER TABLE t MODIFY a VARCHAR(10) NOT NULL DEFAULT 'y'", true, false, vec![]),
            ("ALTER TABLE t MODIFY b INT NOT NULL", false, true, vec![]),
            ("ALTER TABLE t MODIFY id INT NOT NULL", false, false, vec![]),
            ("ALTER TABLE t MODIFY b BIGINT", true, false, vec![]),
            (
                "ALTER TABLE t MODIFY a VARCHAR(20)",
                false,
                false,
                vec!["takes NULL from now on", "has no default any more"],
            ),
            ("ALTER TABLE u MODIFY a VARCHAR(20) NOT NULL", true, true, vec![]),
        ] {
            assert_eq!(
                difference(&[TABLE, last]),
                Difference { other_type, requires, loses },
                "{last}"
            );
        }
    }

    #[test]
    fn what_statements_did_since_counts() {
        let last = "ALTER TABLE u MODIFY c INT";
        for (between, known) in [
            (vec!["ALTER TABLE t RENAME COLUMN b TO c", "RENAME TABLE t TO u"], true),
            (vec!["RENAME TABLE t TO u", "ALTER TABLE u ADD COLUMN c INT"], true),
            (vec!["CREATE TABLE u LIKE t"], false),
            (vec!["CREATE TABLE u (c INT)", "CALL p()"], false),
            (vec!["CREATE TABLE u (c INT)", "CREATE TABLE IF NOT EXISTS u (c TEXT)"], true),
            (vec!["CREATE TABLE u (c INT)", "DROP TABLE u"], false),
        ] {
            let statements: Vec<&str> = [TABLE].into_iter().chain(between).chain([last]).collect();
            assert_eq!(difference(&statements).other_type, !known, "{statements:?}");
        }
    }
}
