//! What a statement changes, with names as they were written: what the lint looks at.
//!
//! 1. A form that is not known has none, and so has a text that a server might read in another way.
//! 2. No text makes it fail.

mod alter;
mod column;
mod rows;

use std::ops::Range;

use super::certain::is_certain;
use super::code::Code;
use super::object::{fold, is_reserved};
use super::read_only::{hides_a_write, top};
use super::references::references;
use super::{Dialect, TokenKind};

/// The name of a table, a view or a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// As it was written, with its quotes and its database.
    pub(crate) shown: String,
    /// By which it is compared: without its quotes and its database, in lower case.
    pub(crate) key: String,
}

/// One change of one table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: Name,
    pub(crate) what: What,
    /// The part of an ALTER TABLE that it is; the whole statement otherwise.
    pub(crate) text: String,
    /// The byte of the statement where that begins.
    pub(crate) at: usize,
}

/// What is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A table is made with these columns, as far as its text has them; `from` are the tables whose
    /// rows it takes.
    Makes { unless_there: bool, columns: Vec<Column>, from: Vec<String> },
    /// A view is made or replaced.
    MakesView { star: bool },
    /// An index is made, of a unique key if it is one.
    MakesIndex { unless_there: bool, unique: Option<Key> },
    /// A table goes.
    Drops,
    /// It gets another name.
    Renames { to: Name },
    /// It gets a column.
    AddsColumn { unless_there: bool, column: Column },
    /// A column goes.
    DropsColumn { column: Name },
    /// A column gets another name.
    RenamesColumn { column: Name, to: Name },
    /// A column gets another type or other properties.
    ChangesColumn { column: Name, to: Column },
    /// A column no longer takes NULL.
    RequiresColumn { column: Name },
    /// It gets a key or a condition.
    AddsKey(Key),
    /// It gets rows: `named` with their columns, `replaces` in the place of others.
    Inserts { named: bool, replaces: bool, from: Vec<String> },
    /// Rows change, `all` of them or some.
    Updates { all: bool, columns: Vec<String> },
    /// Rows go, `all` of them or some.
    Deletes { all: bool },
}

/// A column as ADD, MODIFY and CHANGE define it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: Name,
    /// Its type, as it was written.
    pub(crate) of_type: String,
    /// All of it, its name first.
    pub(crate) definition: String,
    pub(crate) not_null: bool,
    /// A row that does not name it gets a value all the same.
    pub(crate) filled: bool,
    /// The keys that stand with it.
    pub(crate) keys: Vec<Key>,
}

/// A key or a condition that rows have to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// No two rows are alike in these; of the rows that `only` names, where it does.
    Unique { columns: Vec<String>, only: Option<String> },
    /// It is the primary key.
    Primary { columns: Vec<String> },
    /// They stand in another table too.
    Foreign { columns: Vec<String>, parent: Name, referred: Vec<String> },
    /// This holds.
    Check { condition: String },
}

/// What the statement changes; none where it can't be read.
pub(crate) fn changes(statement: &str, dialect: Dialect) -> Option<Vec<Change>> {
    let mut code = Code::read(statement, dialect, usize::MAX);
    while code.tokens.last().is_some_and(|token| token.kind == TokenKind::Terminator) {
        code.tokens.pop();
    }
    let triggers = code.upper(0) == "CREATE"
        && dialect == Dialect::Sqlite
        && (1..5).any(|at| code.upper(at) == "TRIGGER");
    if triggers || code.tokens.is_empty() {
        return Some(Vec::new());
    }
    if !is_certain(statement, dialect) {
        return None;
    }
    match code.upper(0).as_str() {
        "CREATE" => create(&code),
        "DROP" => drop(&code),
        "ALTER" if code.upper(1) == "TABLE" => alter::read(&code),
        "ALTER" if code.upper(1) == "VIEW" => view(&code, 2),
        "ALTER" => matches!(code.upper(1).as_str(), "SEQUENCE" | "DATABASE").then(Vec::new),
        "RENAME" if code.upper(1) == "TABLE" => alter::rename(&code),
        "TRUNCATE" => {
            let at = if code.upper(1) == "TABLE" { 2 } else { 1 };
            let (table, behind) = name_at(&code, at)?;
            (behind == code.tokens.len())
                .then(|| vec![code.change(table, What::Deletes { all: true })])
        }
        "EXPLAIN" => (!(1..code.tokens.len()).any(|at| code.upper(at) == "ANALYZE")).then(Vec::new),
        "ANALYZE" | "REINDEX" | "VACUUM" | "PRAGMA" | "ATTACH" | "DETACH"
            if dialect == Dialect::Sqlite =>
        {
            Some(Vec::new())
        }
        "SET" | "GRANT" | "REVOKE" | "SHOW" | "DESC" | "DESCRIBE" | "ANALYZE"
            if dialect.is_mysql_family() =>
        {
            Some(Vec::new())
        }
        "LOAD" if dialect.is_mysql_family() => rows::load(&code),
        _ => rows::read(&code),
    }
}

impl Code<'_> {
    /// A change that is the whole statement.
    fn change(&self, table: Name, what: What) -> Change {
        self.part(table, what, 0..self.tokens.len())
    }

    /// A change that these tokens make.
    fn part(&self, table: Name, what: What, tokens: Range<usize>) -> Change {
        let at = self.tokens.get(tokens.start).map_or(0, |token| token.start);
        Change { table, what, text: self.slice(tokens.start, tokens.end), at }
    }

    /// The text from one token up to, and without, another.
    fn slice(&self, from: usize, until: usize) -> String {
        if until <= from {
            return String::new();
        }
        let span = self.span(from, until - 1);
        self.text.get(span).unwrap_or_default().to_owned()
    }
}

fn create(code: &Code<'_>) -> Option<Vec<Change>> {
    let mut at = if code.has(1, "OR REPLACE") { 3 } else { 1 };
    if matches!(code.upper(at).as_str(), "ALGORITHM" | "DEFINER" | "SQL") {
        at = (at..at + 16).find(|at| code.upper(*at) == "VIEW")?;
    }
    if matches!(code.upper(at).as_str(), "TEMP" | "TEMPORARY" | "VIRTUAL") {
        at += 1;
    }
    let next = code.upper(at + 1);
    match code.upper(at).as_str() {
        "TABLE" => table(code, at + 1),
        "VIEW" => view(code, at + 1),
        "INDEX" => index(code, at + 1, false),
        "UNIQUE" if next == "INDEX" => index(code, at + 2, true),
        "FULLTEXT" | "SPATIAL" if next == "INDEX" => index(code, at + 2, false),
        "SEQUENCE" | "FUNCTION" => Some(Vec::new()),
        _ => None,
    }
}

fn table(code: &Code<'_>, at: usize) -> Option<Vec<Change>> {
    let (unless_there, at) = unless_there(code, at);
    let (table, behind) = name_at(code, at)?;
    let from = match code.upper(behind).as_str() {
        "CLONE" => vec![name_at(code, behind + 1)?.0.key],
        "FROM" => return None,
        _ => tables_read(code, behind)?,
    };
    let columns = if from.is_empty() { columns(code, behind) } else { Vec::new() };
    Some(vec![code.change(table, What::Makes { unless_there, columns, from })])
}

/// The columns of the list that opens here; none where there is no such list.
fn columns(code: &Code<'_>, open: usize) -> Vec<Column> {
    const KEYS: [&str; 9] =
        ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "INDEX", "KEY", "FULLTEXT", "LIKE"];
    let mut columns = Vec::new();
    let mut from = open + 1;
    while code.upper(open) == "(" && from < code.tokens.len() {
        let until = column::end_of_item(code, from);
        if !KEYS.contains(&code.upper(from).as_str()) {
            columns.extend(column::read(code, from, until));
        }
        if code.upper(until) != "," {
            break;
        }
        from = until + 1;
    }
    columns
}

fn view(code: &Code<'_>, at: usize) -> Option<Vec<Change>> {
    let (_, at) = unless_there(code, at);
    let (view, behind) = name_at(code, at)?;
    let star = top(code).any(|at| at > behind && is_star(code, at));
    Some(vec![code.change(view, What::MakesView { star })])
}

/// Whether this is the `*` of a list of columns.
fn is_star(code: &Code<'_>, at: usize) -> bool {
    let listed = matches!(code.upper(at - 1).as_str(), "SELECT" | "DISTINCT" | "ALL" | "," | ".");
    code.upper(at) == "*" && listed
}

fn index(code: &Code<'_>, at: usize, unique: bool) -> Option<Vec<Change>> {
    let (unless_there, at) = unless_there(code, at);
    let on = (at..at + 8).find(|at| code.upper(*at) == "ON")?;
    let (table, open) = name_at(code, on + 1)?;
    let (columns, close) = column::list(code, open)?;
    let only = (code.upper(close + 1) == "WHERE").then(|| code.slice(close + 2, code.tokens.len()));
    let unique = unique.then_some(Key::Unique { columns, only });
    Some(vec![code.change(table, What::MakesIndex { unless_there, unique })])
}

fn drop(code: &Code<'_>) -> Option<Vec<Change>> {
    let at = match code.upper(1).as_str() {
        "TABLE" => 2,
        "TEMPORARY" if code.upper(2) == "TABLE" => 3,
        "INDEX" | "VIEW" | "TRIGGER" | "SEQUENCE" | "FUNCTION" => return Some(Vec::new()),
        _ => return None,
    };
    let mut at = if code.has(at, "IF EXISTS") { at + 2 } else { at };
    let mut changes = Vec::new();
    loop {
        let (table, behind) = name_at(code, at)?;
        changes.push(code.change(table, What::Drops));
        if code.upper(behind) != "," {
            return Some(changes);
        }
        at = behind + 1;
    }
}

/// The tables that a SELECT behind this place reads.
fn tables_read(code: &Code<'_>, from: usize) -> Option<Vec<String>> {
    let selects =
        (from..code.tokens.len()).any(|at| matches!(code.upper(at).as_str(), "SELECT" | "TABLE"));
    if !selects {
        return Some(Vec::new());
    }
    if hides_a_write(code) {
        return None;
    }
    let found = references(code)?;
    Some(found.tables.into_iter().filter(|table| table.at >= from).map(|t| t.object.name).collect())
}

/// Whether `IF NOT EXISTS` stands here, and the place behind it.
fn unless_there(code: &Code<'_>, at: usize) -> (bool, usize) {
    let said = code.has(at, "IF NOT EXISTS");
    (said, if said { at + 3 } else { at })
}

/// The table, view or column named at this place, and the place behind it.
fn name_at(code: &Code<'_>, at: usize) -> Option<(Name, usize)> {
    let mut last = at;
    let mut name = code.name(at)?;
    if is_reserved(&code.upper(at)) {
        return None;
    }
    if code.upper(at + 1) == "." {
        last = at + 2;
        name = code.name(last)?;
    }
    Some((Name { shown: code.slice(at, last + 1), key: fold(&name) }, last + 1))
}

#[cfg(test)]
mod tests;
