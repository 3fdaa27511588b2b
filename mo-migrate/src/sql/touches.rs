//! The tables that a statement writes to, by its text.

use std::collections::BTreeSet;

use super::Dialect;
use super::calls::{calls_server, sequences};
use super::code::Code;
use super::form::{Form, Kind};
use super::object::{ObjectName, fold, object_at};
use crate::engine::Touched;

/// What the statement writes to in `default_database`, as far as its text shows it.
///
/// 1. Only a form of the list in `form.rs` is read. CALL, EXECUTE, PREPARE, RESTORE, more than one
///    statement, and every text that the server might read in another way set `unknown`.
/// 2. Names are in lower case, as a server with `lower_case_table_names = 1` keeps them. Views,
///    sequences and routines are named as tables are, and a grant names what it is on.
/// 3. A table of another database is left out and sets nothing: [`writes_elsewhere`] speaks of it.
/// 4. More may be named than is written to: all tables of an UPDATE, a parent whose foreign key is
///    new, a temporary table under the name of a real one.
///
/// What the text does not show is the caller's: the children of ON DELETE CASCADE and SET NULL, a
/// sequence behind a column's DEFAULT, triggers where a server has them.
#[must_use]
pub fn writes_to(statement: &str, dialect: Dialect, default_database: &str) -> Touched {
    let code = Code::read(statement, dialect, usize::MAX);
    let read = Form::read(&code).and_then(|form| Some((form, sequences(&code)?)));
    let Some((form, sequences)) = read.filter(|_| !calls_server(&code)) else {
        return Touched { unknown: true, ..Touched::default() };
    };
    let definitions =
        matches!(form.kind, Kind::Definition | Kind::External | Kind::Rename | Kind::Sequence);
    let mut tables: BTreeSet<String> = sequences.iter().map(|name| fold(name)).collect();
    let own = form.writes.into_iter().filter(|object| object.is_in(default_database));
    tables.extend(own.map(|object| object.name));
    Touched { tables, definitions, ..Touched::default() }
}

/// What the statement writes to in another database than `default_database`; none when its text
/// shows nothing of the kind.
///
/// A name behind RENAME counts, although MatrixOne leaves the table where it is: whoever writes it
/// means another database. Rights and routines of another database count as well.
#[must_use]
pub fn writes_elsewhere(
    statement: &str,
    dialect: Dialect,
    default_database: &str,
) -> Option<String> {
    let code = Code::read(statement, dialect, usize::MAX);
    let form = Form::read(&code)?;
    // A key to a table of another database changes nothing there.
    let only_named = keys_to(&code);
    let elsewhere = |object: &ObjectName| !object.is_in(default_database);
    let object = form.writes.into_iter().find(|o| elsewhere(o) && !only_named.contains(o))?;
    let database = dialect.quote(object.database.as_deref()?);
    Some(format!("it changes {database}.{} of another database", dialect.quote(&object.name)))
}

/// The tables that stand behind REFERENCES.
fn keys_to(code: &Code<'_>) -> Vec<ObjectName> {
    (0..code.tokens.len())
        .filter(|at| code.upper(*at) == "REFERENCES")
        .filter_map(|at| Some(object_at(code, at + 1)?.0))
        .collect()
}

#[cfg(test)]
mod tests;
