//! Statements whose effect no restore of this database takes back.

use super::code::Code;
use super::{Dialect, TokenKind};

/// What the statement reaches outside of this database; none when nothing is known.
///
/// It reads the statement alone: what a routine does that the statement calls is not seen.
#[must_use]
pub fn reaches_outside(statement: &str, dialect: Dialect) -> Option<&'static str> {
    let code = Code::read(statement, dialect, usize::MAX);
    match dialect {
        Dialect::Sqlite => sqlite(&code),
        Dialect::MatrixOne | Dialect::MySql => mysql(&code),
        Dialect::Postgres => postgres(&code),
    }
}

fn sqlite(code: &Code<'_>) -> Option<&'static str> {
    match code.upper(0).as_str() {
        "ATTACH" | "DETACH" => return Some("it attaches or detaches another database"),
        "PRAGMA" if sets_format(code) => return Some("it changes the form of the database's file"),
        "VACUUM" if has_word(code, "INTO") => return Some("it writes a file"),
        _ => {}
    }
    if calls(code, "LOAD_EXTENSION") {
        return Some("it loads code into the process");
    }
    (calls(code, "WRITEFILE") || calls(code, "EDIT")).then_some("it writes a file")
}

/// A PRAGMA with a value that a transaction can't take back.
fn sets_format(code: &Code<'_>) -> bool {
    let at = if code.upper(2) == "." { 3 } else { 1 };
    let given = matches!(code.upper(at + 1).as_str(), "=" | "(");
    let name = code.upper(at);
    given
        && matches!(
            name.as_str(),
            "JOURNAL_MODE" | "AUTO_VACUUM" | "PAGE_SIZE" | "ENCODING" | "LOCKING_MODE"
        )
}

fn mysql(code: &Code<'_>) -> Option<&'static str> {
    let (first, second) = (code.upper(0), code.upper(1));
    match first.as_str() {
        "USE" => return Some("it goes to another database"),
        "SET" if matches!(second.as_str(), "GLOBAL" | "PERSIST" | "PERSIST_ONLY") => {
            return Some("it changes a setting of the whole server");
        }
        "SET" if second == "PASSWORD" => return Some("it changes a user of the server"),
        "SET"
            if (1..code.tokens.len())
                .any(|at| code.has(at, "@ @ GLOBAL") || code.has(at, "@ @ PERSIST")) =>
        {
            return Some("it changes a setting of the whole server");
        }
        "CREATE" | "DROP" | "ALTER" | "RENAME" => {
            let object = if code.has(1, "OR REPLACE") { code.upper(3) } else { second };
            match object.as_str() {
                "DATABASE" | "SCHEMA" => {
                    return Some("it makes, changes or drops a whole database");
                }
                "USER" | "ROLE" | "ACCOUNT" => return Some("it changes users of the server"),
                "STAGE" | "PUBLICATION" | "SUBSCRIPTION" | "CDC" | "SERVER" => {
                    return Some("it changes what the server exchanges with others");
                }
                _ => {}
            }
        }
        _ => {}
    }
    let exports = (0..code.tokens.len()).any(|at| {
        (code.has(at, "INTO OUTFILE") || code.has(at, "INTO DUMPFILE"))
            && code.tokens.get(at + 2).is_some_and(|file| file.kind == TokenKind::String)
    });
    (exports || calls(code, "SAVE_FILE")).then_some("it writes a file")
}

fn postgres(code: &Code<'_>) -> Option<&'static str> {
    let second = code.upper(1);
    match code.upper(0).as_str() {
        "ALTER" if second == "SYSTEM" => return Some("it changes a setting of the whole server"),
        "CREATE" | "DROP" | "ALTER" => match second.as_str() {
            "DATABASE" | "TABLESPACE" => {
                return Some("it makes, changes or drops a whole database");
            }
            "ROLE" | "USER" | "GROUP" => return Some("it changes users of the server"),
            _ => {}
        },
        "COPY" if has_word(code, "PROGRAM") => return Some("it runs a program"),
        "COPY" if copies_to_file(code) => return Some("it writes a file"),
        _ => {}
    }
    calls(code, "DBLINK").then_some("it goes to another database")
}

/// `COPY … TO 'file'`, and not `TO STDOUT`.
fn copies_to_file(code: &Code<'_>) -> bool {
    (0..code.tokens.len().saturating_sub(1))
        .any(|at| code.upper(at) == "TO" && code.tokens[at + 1].kind == TokenKind::String)
}

fn has_word(code: &Code<'_>, word: &str) -> bool {
    code.tokens.iter().any(|token| token.is_word(code.text, word))
}

fn calls(code: &Code<'_>, function: &str) -> bool {
    code.tokens.windows(2).any(|pair| {
        let name = pair[0].text(code.text).trim_matches(['"', '`', '[', ']']);
        pair[0].is_name(code.text)
            && name.eq_ignore_ascii_case(function)
            && pair[1].is_sign(code.text, "(")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_restore_takes_back_is_known() {
        for (dialect, statement) in [
            (Dialect::Sqlite, "ATTACH DATABASE 'x.db' AS x"),
            (Dialect::Sqlite, "detach x"),
            (Dialect::Sqlite, "VACUUM INTO 'copy.db'"),
            (Dialect::Sqlite, "SELECT load_extension /* */ ('x')"),
            (
                Dialect::Sqlite,
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT \"writefile\"('x', 1); END",
            ),
            (Dialect::MatrixOne, "SELECT * FROM t INTO OUTFILE '/tmp/x'"),
            (Dialect::MatrixOne, "/*!50003 SET */ GLOBAL x = 1"),
            (Dialect::MatrixOne, "SET @@global.x = 1"),
            (Dialect::MatrixOne, "DROP DATABASE other"),
            (Dialect::MatrixOne, "CREATE USER u IDENTIFIED BY 'x'"),
            (Dialect::MySql, "USE other"),
            (Dialect::Postgres, "COPY t TO '/tmp/x'"),
            (Dialect::Postgres, "COPY t FROM PROGRAM 'ls'"),
            (Dialect::Postgres, "ALTER SYSTEM SET x = 1"),
        ] {
            assert!(reaches_outside(statement, dialect).is_some(), "{statement}");
        }
    }

    #[test]
    fn a_word_in_a_string_or_a_column_is_nothing() {
        for (dialect, statement) in [
            (Dialect::Sqlite, "INSERT INTO t VALUES ('ATTACH', 'load_extension(')"),
            (Dialect::Sqlite, "SELECT load_extension FROM t -- writefile("),
            (Dialect::Sqlite, "VACUUM"),
            (Dialect::MatrixOne, "SET @x = 1"),
            (Dialect::MatrixOne, "CREATE TABLE t (global INT)"),
            (Dialect::MatrixOne, "INSERT INTO outfile VALUES (1)"),
            (Dialect::Postgres, "COPY t TO STDOUT"),
            (Dialect::Postgres, ""),
        ] {
            assert_eq!(reaches_outside(statement, dialect), None, "{statement}");
        }
    }
}
