//! The form of a statement, from a list of those that are known.
//!
//! 1. A form is read only where the server is sure to read the same; all else has none.
//! 2. Every object that a known form writes to by its text is in its list.

mod rows;

use super::TokenKind;
use super::certain::is_certain;
use super::code::Code;
use super::object::{ObjectName, object_at, objects_at};
use super::read_only::is_write;

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It asks: SELECT, SHOW, EXPLAIN, and ANALYZE TABLE, which counts.
    Query,
    /// It changes rows: INSERT, REPLACE, UPDATE, DELETE.
    Rows,
    /// It takes rows from a file.
    Load,
    /// It changes tables, indexes or views; TRUNCATE is one of these.
    Definition,
    /// It makes a table whose rows are elsewhere.
    External,
    /// RENAME TABLE, which is not ALTER TABLE … RENAME.
    Rename,
    /// It makes, changes or drops a sequence.
    Sequence,
    /// It makes or drops a function or a procedure.
    Routine,
    /// GRANT and REVOKE.
    Rights,
    /// SET.
    Setting,
}

/// A statement that was read with certainty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) kind: Kind,
    /// What it writes to, by its text.
    pub(super) writes: Vec<ObjectName>,
}

impl Form {
    /// Reads a statement of MySQL's family; none for a form that is not known.
    pub(super) fn read(code: &Code<'_>) -> Option<Self> {
        if !code.dialect.is_mysql_family() || !is_certain(code.text, code.dialect) {
            return None;
        }
        if code.tokens.iter().all(|token| token.kind == TokenKind::Terminator) {
            return Some(Self::of(Kind::Query, Vec::new()));
        }
        match code.upper(0).as_str() {
            "CREATE" => create(code),
            "ALTER" => alter(code),
            "DROP" => drop(code),
            "RENAME" if code.upper(1) == "TABLE" => rename(code),
            "TRUNCATE" => {
                let at = if code.upper(1) == "TABLE" { 2 } else { 1 };
                Some(Self::of(Kind::Definition, objects_at(code, at)?.0))
            }
            "LOAD" if code.upper(1) == "DATA" => {
                let into = (2..code.tokens.len()).find(|at| code.has(*at, "INTO TABLE"))?;
                Some(Self::of(Kind::Load, vec![object_at(code, into + 2)?.0]))
            }
            "SET" => Some(Self::of(Kind::Setting, Vec::new())),
            "GRANT" | "REVOKE" => Some(Self::of(Kind::Rights, rights(code))),
            "SHOW" | "DESC" | "DESCRIBE" => Some(Self::of(Kind::Query, Vec::new())),
            "ANALYZE" if code.upper(1) == "TABLE" => Some(Self::of(Kind::Query, Vec::new())),
            "EXPLAIN" => explain(code),
            _ => rows::read(code),
        }
    }

    fn of(kind: Kind, writes: Vec<ObjectName>) -> Self {
        Self { kind, writes }
    }
}

/// EXPLAIN ANALYZE runs what it explains.
fn explain(code: &Code<'_>) -> Option<Form> {
    let words = || (0..code.tokens.len()).map(|at| code.upper(at));
    let runs = words().any(|word| matches!(word.as_str(), "ANALYZE" | "EXECUTE"));
    let writes = (1..code.tokens.len()).any(|at| is_write(code, at));
    let loads = words().any(|word| word == "LOAD");
    (!runs || !(writes || loads)).then(|| Form::of(Kind::Query, Vec::new()))
}

fn create(code: &Code<'_>) -> Option<Form> {
    let mut at = if code.has(1, "OR REPLACE") { 3 } else { 1 };
    if matches!(code.upper(at).as_str(), "ALGORITHM" | "DEFINER" | "SQL") {
        at = (at..at + 16).find(|at| code.upper(*at) == "VIEW")?;
    }
    let next = code.upper(at + 1);
    match code.upper(at).as_str() {
        "TABLE" => table(code, at + 1, Kind::Definition),
        "TEMPORARY" if next == "TABLE" => table(code, at + 2, Kind::Definition),
        "EXTERNAL" if next == "TABLE" => table(code, at + 2, Kind::External),
        "INDEX" => index(code, at + 1),
        "UNIQUE" | "FULLTEXT" | "SPATIAL" if next == "INDEX" => index(code, at + 2),
        "VIEW" => one(code, at + 1, Kind::Definition),
        "SEQUENCE" => one(code, at + 1, Kind::Sequence),
        "FUNCTION" | "PROCEDURE" => one(code, at + 1, Kind::Routine),
        _ => None,
    }
}

/// A new table, and the tables that it refers to.
fn table(code: &Code<'_>, at: usize, kind: Kind) -> Option<Form> {
    let (object, behind) = object_at(code, behind_if(code, at))?;
    // A subscription to another account's table.
    if code.upper(behind) == "FROM" {
        return None;
    }
    let mut writes = vec![object];
    writes.extend(referred(code, behind)?);
    Some(Form::of(kind, writes))
}

/// The tables behind REFERENCES: their definitions change with it.
fn referred(code: &Code<'_>, from: usize) -> Option<Vec<ObjectName>> {
    (from..code.tokens.len())
        .filter(|at| code.upper(*at) == "REFERENCES" && code.upper(at - 1) != ".")
        .map(|at| object_at(code, at + 1).map(|found| found.0))
        .collect()
}

fn index(code: &Code<'_>, at: usize) -> Option<Form> {
    let name = behind_if(code, at);
    code.name(name)?;
    let on = (name + 1..name + 4).find(|at| code.upper(*at) == "ON")?;
    Some(Form::of(Kind::Definition, vec![object_at(code, on + 1)?.0]))
}

fn one(code: &Code<'_>, at: usize, kind: Kind) -> Option<Form> {
    Some(Form::of(kind, vec![object_at(code, behind_if(code, at))?.0]))
}

fn alter(code: &Code<'_>) -> Option<Form> {
    match code.upper(1).as_str() {
        "VIEW" => one(code, 2, Kind::Definition),
        "SEQUENCE" => one(code, 2, Kind::Sequence),
        "TABLE" => {
            let (object, behind) = object_at(code, behind_if(code, 2))?;
            let mut writes = vec![object];
            writes.extend(referred(code, behind)?);
            writes.extend(new_names(code, behind, &writes[0])?);
            Some(Form::of(Kind::Definition, writes))
        }
        _ => None,
    }
}

/// What `RENAME [TO] name` of an ALTER TABLE makes of it.
fn new_names(code: &Code<'_>, from: usize, old: &ObjectName) -> Option<Vec<ObjectName>> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    for at in from..code.tokens.len() {
        match code.upper(at).as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "EXCHANGE" => return None,
            "RENAME" if depth == 0 && (at == from || code.upper(at - 1) == ",") => {
                let next = match code.upper(at + 1).as_str() {
                    "COLUMN" | "INDEX" | "KEY" => continue,
                    "TO" | "AS" | "=" => at + 2,
                    _ => at + 1,
                };
                names.extend(renamed(object_at(code, next)?.0, old));
            }
            _ => {}
        }
    }
    Some(names)
}

/// The table under its new name. MatrixOne leaves it in its own database, whatever database the new
/// name has; where that is another one, both names count.
fn renamed(new: ObjectName, old: &ObjectName) -> Vec<ObjectName> {
    let stays = ObjectName { database: old.database.clone(), name: new.name.clone() };
    if new.database.is_none() || new == stays { vec![stays] } else { vec![stays, new] }
}

fn rename(code: &Code<'_>) -> Option<Form> {
    let (mut at, mut writes) = (2, Vec::new());
    loop {
        let (old, to) = object_at(code, at)?;
        if code.upper(to) != "TO" {
            return None;
        }
        let (new, behind) = object_at(code, to + 1)?;
        writes.extend(renamed(new, &old));
        writes.push(old);
        if code.upper(behind) != "," {
            return Some(Form::of(Kind::Rename, writes));
        }
        at = behind + 1;
    }
}

fn drop(code: &Code<'_>) -> Option<Form> {
    let all = |at, kind| Some(Form::of(kind, objects_at(code, behind_if(code, at))?.0));
    match code.upper(1).as_str() {
        "TABLE" | "VIEW" => all(2, Kind::Definition),
        "TEMPORARY" if code.upper(2) == "TABLE" => all(3, Kind::Definition),
        "INDEX" => index(code, 2),
        "SEQUENCE" => all(2, Kind::Sequence),
        "FUNCTION" | "PROCEDURE" => one(code, 2, Kind::Routine),
        _ => None,
    }
}

/// The table that rights are on: they change none of its rows, but its database counts.
fn rights(code: &Code<'_>) -> Vec<ObjectName> {
    let on = (1..code.tokens.len()).find(|at| code.has(*at, "ON TABLE"));
    on.and_then(|on| object_at(code, on + 2)).map(|found| found.0).into_iter().collect()
}

fn behind_if(code: &Code<'_>, at: usize) -> usize {
    if code.has(at, "IF NOT EXISTS") {
        at + 3
    } else if code.has(at, "IF EXISTS") {
        at + 2
    } else {
        at
    }
}
