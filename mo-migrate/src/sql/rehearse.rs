//! Whether a statement does the same on a copy of the database, and nothing anywhere else.

use super::calls::{breaks_the_lock, calls_server, sequences};
use super::code::Code;
use super::form::{Form, Kind};
use super::object::fold;
use super::outside::reaches_outside;
use super::references::{References, references};
use super::{Dialect, TokenKind};

const UNREAD: &str = "it was not read with certainty";
const NAMES: &str = "it names a database";

/// Whether the statement can be rehearsed: a session whose default database is a clone runs it
/// without reaching the original.
///
/// A string in which a function reads a name, as `metadata_scan('a.t', 'x')` does, is not looked
/// into, except for sequences: such functions only read.
///
/// # Errors
/// Why it can't be said: it names a database, or reaches further than one, or was not read with
/// certainty. The reason goes behind "could not be rehearsed:".
pub fn names_no_database(statement: &str, dialect: Dialect) -> Result<(), &'static str> {
    if dialect != Dialect::MatrixOne {
        return Err("only statements of MatrixOne are read for it");
    }
    let code = Code::read(statement, dialect, usize::MAX);
    match code.upper(0).as_str() {
        "CALL" => return Err("it calls a procedure, whose statements are not read"),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" => return Err("it prepares a text or runs one"),
        "LOAD" => return Err("it reads a file"),
        "GRANT" | "REVOKE" => return Err("it changes rights"),
        _ => {}
    }
    if let Some(why) = reaches_outside(statement, dialect) {
        return Err(why);
    }
    if let Some(why) = breaks_the_lock(statement, dialect) {
        return Err(why);
    }
    if calls_server(&code)
        || sequences(&code).is_none_or(|all| all.iter().any(|name| name.contains('.')))
    {
        return Err(UNREAD);
    }
    let form = Form::read(&code).ok_or(UNREAD)?;
    match form.kind {
        Kind::Routine => return Err("it makes or drops a routine, whose statements are not read"),
        Kind::External => return Err("it makes a table whose rows are elsewhere"),
        _ if form.writes.iter().any(|object| object.database.is_some()) => return Err(NAMES),
        _ => {}
    }
    if code.upper(0) == "SHOW" && shows_a_database(&code) {
        return Err(NAMES);
    }
    let mut found = references(&code).ok_or(UNREAD)?;
    if found.tables.iter().any(|table| table.object.database.is_some()) {
        return Err(NAMES);
    }
    found.aliases.extend(form.writes.into_iter().map(|object| object.name));
    dots(&code, &found)
}

/// SHOW names a database without a dot: `SHOW TABLES FROM shop`.
fn shows_a_database(code: &Code<'_>) -> bool {
    (1..code.tokens.len())
        .any(|at| matches!(code.upper(at).as_str(), "FROM" | "IN" | "DATABASE" | "SCHEMA" | "."))
}

/// Every dot stands between a table of this statement and a column.
fn dots(code: &Code<'_>, found: &References) -> Result<(), &'static str> {
    // Where a table may stand outside of the lists that were read.
    const BEFORE_A_TABLE: [&str; 10] = [
        "INTO",
        "VIEW",
        "REFERENCES",
        "CLONE",
        "EXISTS",
        "TO",
        "TRUNCATE",
        "DESC",
        "DESCRIBE",
        "EXPLAIN",
    ];
    for at in (1..code.tokens.len()).filter(|at| code.upper(*at) == ".") {
        let before = if at > 1 { code.upper(at - 2) } else { String::new() };
        // `@@session.x` is a setting.
        if before == "@" {
            continue;
        }
        let Some(name) = code.name(at - 1) else { return Err(UNREAD) };
        let parts = before == "." || code.upper(at + 2) == ".";
        let function = code.upper(at + 2) == "(";
        let like = before == "LIKE" && code.upper(0) == "CREATE";
        let of_table = like || BEFORE_A_TABLE.contains(&before.as_str());
        if parts || function || of_table || !found.knows(&fold(&name)) {
            return Err(NAMES);
        }
        if code.tokens.get(at + 1).is_none_or(|next| next.kind == TokenKind::Number) {
            return Err(UNREAD);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
