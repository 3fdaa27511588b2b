//! The findings of one file, by one dialect.
//!
//! 1. It depends on the file's text alone; no database is asked.
//! 2. A table that the file itself has made has no rows and no readers: nothing is found about it. Nor
//!    is anything found about the column that the file has added.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::columns::Columns;
use super::copies::Copies;
use super::refused::refused;
use super::rule::Rule;
use super::say::{self, Words};
use crate::migration::SqlFile;
use crate::sql::{self, Change, Column, Dialect, Key, Name, What};

/// What is known about a file from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) dialect: Dialect,
    /// The database that it is for, where somebody said which.
    pub(super) database: Option<&'a str>,
    /// What earlier migrations have said about columns.
    pub(super) columns: &'a Columns,
    /// It runs again when its text changed, and so has to bear what is there.
    pub(super) repeatable: bool,
}

/// Something that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rule: Rule,
    /// Its byte in the file.
    pub(super) at: usize,
    pub(super) words: Words,
}

impl Found {
    /// Whether another dialect has found the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = |a: &Self| (a.rule, a.at);
        same(self) == same(other) && self.words.message == other.words.message
    }

    /// Takes in what another dialect has to say of the same.
    pub(super) fn add(&mut self, other: &Self, engine: &str) {
        if let (Some(own), Some(others)) = (&mut self.words.instead, &other.words.instead)
            && own != others
        {
            let _ = write!(own, "\nor, on {engine}:\n{others}");
        }
    }
}

/// What is found in a file, in the order of its text.
pub(super) fn look(file: &SqlFile, around: Around<'_>) -> Vec<Found> {
    let read: Vec<Option<Vec<Change>>> = file
        .statements
        .iter()
        .map(|statement| sql::changes(file.sql(statement), around.dialect))
        .collect();
    let mut reader = Reader::new(around, read.iter().flatten().flatten());
    for (statement, changes) in file.statements.iter().zip(&read) {
        let text = file.sql(statement);
        reader.at = statement.span.start;
        reader.line = statement.line;
        let outside = reader.outside(text);
        match changes {
            Some(changes) => changes.iter().for_each(|change| reader.change(change)),
            None if outside => {}
            None => reader.find(Rule::NotRead, 0, say::not_read()),
        }
        if around.dialect == Dialect::MatrixOne {
            reader.copies.statement(changes.as_deref(), statement.line, statement.span.start);
        }
        reader.columns.learn(changes.as_deref());
    }
    if file.statements.is_empty() {
        reader.find(Rule::Empty, 0, say::empty());
    }
    let mut found = reader.found;
    found.extend(reader.copies.found());
    if let Some(refused) = refused(file, around.dialect) {
        found.retain(|found| found.rule != Rule::NotRead || found.at != refused.at);
        found.push(refused);
    }
    found.sort_by_key(|found| (found.at, found.rule));
    found
}

/// Goes through the changes of a file, and knows what it has done so far.
struct Reader<'a> {
    around: Around<'a>,
    /// Where the present statement begins.
    at: usize,
    line: usize,
    /// The tables that the file has made.
    made: BTreeSet<String>,
    /// The columns that it has added to others.
    added: BTreeSet<(String, String)>,
    /// The tables whose rows it has put into another one.
    copied: BTreeSet<String>,
    /// What tables were called when the file began, by what they are called now.
    formerly: BTreeMap<String, String>,
    /// Every name that it gives to a table or a view, at whatever place.
    names: BTreeSet<String>,
    copies: Copies,
    columns: Columns,
    found: Vec<Found>,
}

impl<'a> Reader<'a> {
    fn new<'c>(around: Around<'a>, all: impl Iterator<Item = &'c Change>) -> Self {
        let names = all.filter_map(|change| match &change.what {
            What::Makes { .. } | What::MakesView { .. } => Some(change.table.key.clone()),
            What::Renames { to } => Some(to.key.clone()),
            _ => None,
        });
        Self {
            around,
            at: 0,
            line: 0,
            made: BTreeSet::new(),
            added: BTreeSet::new(),
            copied: BTreeSet::new(),
            formerly: BTreeMap::new(),
            names: names.collect(),
            copies: Copies::default(),
            columns: around.columns.clone(),
            found: Vec::new(),
        }
    }

    fn find(&mut self, rule: Rule, at: usize, words: Words) {
        self.found.push(Found { rule, at: self.at + at, words });
    }

    /// Whether the statement reaches out of the database.
    fn outside(&mut self, text: &str) -> bool {
        let dialect = self.around.dialect;
        let elsewhere = || sql::writes_elsewhere(text, dialect, self.around.database?);
        let why = sql::reaches_outside(text, dialect).map(ToOwned::to_owned).or_else(elsewhere);
        if let Some(why) = &why {
            self.find(Rule::NoWayBack, 0, say::no_way_back(why));
        }
        why.is_some()
    }

    fn change(&mut self, change: &Change) {
        let here = self.made.contains(&change.table.key);
        match &change.what {
            What::Makes { unless_there, columns, from } => {
                self.copied.extend(from.iter().cloned());
                self.made.insert(change.table.key.clone());
                self.if_not_exists(*unless_there, change, "a table");
                for column in columns {
                    self.no_such_key(change, column);
                }
            }
            What::MakesIndex { unless_there, .. } if *unless_there && !here => {
                self.if_not_exists(true, change, "an index");
                self.of_rows(change);
            }
            What::MakesView { star: true } => {
                self.find(Rule::ViewStar, change.at, say::view_star(&change.table));
            }
            What::Inserts { from, .. } => {
                self.copied.extend(from.iter().cloned());
                if !here {
                    self.of_rows(change);
                }
            }
            What::Drops => self.drops(change),
            What::Renames { to } => self.renames(change, to),
            _ if here => {}
            What::AddsColumn { unless_there, column } => {
                self.if_not_exists(*unless_there, change, "a column");
                self.adds(change, column);
            }
            What::DropsColumn { .. }
            | What::RenamesColumn { .. }
            | What::ChangesColumn { .. }
            | What::RequiresColumn { .. } => self.of_column(change),
            _ => self.of_rows(change),
        }
    }

    fn if_not_exists(&mut self, said: bool, change: &Change, what: &str) {
        if said && !self.around.repeatable {
            self.find(Rule::IfNotExists, change.at, say::if_not_exists(what));
        }
    }

    /// A table whose rows went to another one that takes its name is not lost: it was rebuilt.
    fn drops(&mut self, change: &Change) {
        let key = &change.table.key;
        let formerly = self.formerly.get(key).unwrap_or(key);
        let rebuilt = self.copied.contains(key) && self.names.contains(formerly);
        if !self.made.remove(key) && !rebuilt {
            self.find(Rule::DropTable, change.at, say::drop_table(&change.table));
        }
    }

    fn renames(&mut self, change: &Change, to: &Name) {
        let key = &change.table.key;
        if self.made.remove(key) {
            self.made.insert(to.key.clone());
            return;
        }
        let formerly = self.formerly.get(key).unwrap_or(key).clone();
        if !self.names.contains(&formerly) {
            self.find(Rule::RenameTable, change.at, say::rename_table(&change.table, to));
        }
        self.formerly.insert(to.key.clone(), formerly);
        if self.copied.contains(key) {
            self.copied.insert(to.key.clone());
        }
    }

    fn adds(&mut self, change: &Change, column: &Column) {
        let table = &change.table;
        self.added.insert((table.key.clone(), column.name.key.clone()));
        if column.not_null && !column.filled {
            self.required(change, column);
        }
        self.no_such_key(change, column);
        // A column that is NULL in every row breaks no key.
        for key in column.keys.iter().filter(|_| column.filled) {
            if matches!(key, Key::Unique { .. } | Key::Primary { .. }) {
                self.key(change, key);
            }
        }
    }

    fn no_such_key(&mut self, change: &Change, column: &Column) {
        for key in &column.keys {
            if let Key::Foreign { columns, parent, referred } = key
                && self.around.dialect == Dialect::MatrixOne
            {
                let words = say::no_such_key(&change.table, columns, parent, referred);
                self.find(Rule::NoSuchKey, change.at, words);
            }
        }
    }

    fn required(&mut self, change: &Change, column: &Column) {
        let words = say::add_required(&change.table, &column.name, &column.of_type);
        self.find(Rule::AddRequired, change.at, words);
    }

    fn of_column(&mut self, change: &Change) {
        let table = &change.table;
        let own = |column: &Name| (table.key.clone(), column.key.clone());
        match &change.what {
            What::DropsColumn { column } if !self.added.remove(&own(column)) => {
                self.find(Rule::DropColumn, change.at, say::drop_column(table, column));
            }
            What::RenamesColumn { column, to } => {
                if self.added.remove(&own(column)) {
                    self.added.insert(own(to));
                } else {
                    self.find(Rule::RenameColumn, change.at, say::rename_column(table, column, to));
                }
            }
            What::RequiresColumn { column } if !self.added.contains(&own(column)) => {
                self.find(Rule::SetNotNull, change.at, say::set_not_null(table, column));
            }
            // SQLite has no such statement.
            What::ChangesColumn { column, to } if self.around.dialect != Dialect::Sqlite => {
                if self.added.contains(&own(column)) || self.added.contains(&own(&to.name)) {
                    if to.not_null && !to.filled {
                        self.required(change, to);
                    }
                    return;
                }
                let now = self.columns.difference(&table.key, &column.key, to);
                if now.other_type {
                    let words = say::change_type(table, column, &to.of_type);
                    self.find(Rule::ChangeType, change.at, words);
                } else if !now.loses.is_empty() {
                    self.find(Rule::ChangeType, change.at, say::loses(table, column, &now.loses));
                }
                if now.requires {
                    self.find(Rule::SetNotNull, change.at, say::set_not_null(table, column));
                }
                for key in &to.keys {
                    self.key(change, key);
                }
            }
            _ => {}
        }
    }

    fn of_rows(&mut self, change: &Change) {
        let (table, dialect) = (&change.table, self.around.dialect);
        match &change.what {
            What::MakesIndex { unique: Some(key), .. } | What::AddsKey(key) => {
                self.key(change, key);
            }
            What::Inserts { named, replaces, .. } => {
                if !named {
                    self.find(Rule::InsertByPosition, change.at, say::insert_by_position(table));
                }
                if *replaces {
                    self.find(Rule::ReplaceRows, change.at, say::replace_rows(table, dialect));
                }
            }
            What::Updates { all: true, columns } => {
                let fills =
                    |column: &String| self.added.contains(&(table.key.clone(), column.clone()));
                if columns.is_empty() || !columns.iter().all(fills) {
                    self.find(Rule::UpdateAll, change.at, say::update_all(table, &change.text));
                }
            }
            What::Deletes { all: true } => {
                self.find(Rule::DeleteAll, change.at, say::delete_all(table));
            }
            _ => {}
        }
    }

    fn key(&mut self, change: &Change, key: &Key) {
        let rule = match key {
            Key::Unique { .. } | Key::Primary { .. } => Rule::AddUnique,
            Key::Foreign { .. } => Rule::AddForeignKey,
            Key::Check { .. } => Rule::AddCheck,
        };
        self.find(rule, change.at, say::key(&change.table, key, self.around.dialect));
    }
}

#[cfg(test)]
mod tests;
