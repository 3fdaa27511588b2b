//! Statements whose effect no restore of this database takes back.

use super::calls::{calls, calls_server};
use super::code::Code;
use super::object::object_at;
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
    let known = match first.as_str() {
        "USE" => Some("it goes to another database"),
        "SET" => server_setting(code),
        "CREATE" | "DROP" | "ALTER" | "RENAME" => server_object(code),
        "GRANT" | "REVOKE" => rights(code),
        "RESTORE" => Some("it puts back more than this database, by the server's own way"),
        "BACKUP" | "DUMP" | "MODUMP" => Some("it writes a file"),
        "REMOVE" => Some("it removes files of a stage"),
        "UPGRADE" => Some("it changes accounts of the server"),
        "KILL" => Some("it ends a session of the server"),
        "PAUSE" | "RESUME" | "RESTART" | "CANCEL" => {
            Some("it changes what the server exchanges with others")
        }
        "LOAD" if !matches!(second.as_str(), "DATA" | "TABLE" | "XML") => {
            Some("it loads code into the server")
        }
        "EXECUTE" if second == "TASK" => Some("it runs a task of the server"),
        "DATA" if (1..4).any(|at| code.upper(at) == "DATABASE") => {
            Some("it makes, changes or drops a whole database")
        }
        _ => None,
    };
    if known.is_some() {
        return known;
    }
    let makes = matches!(first.as_str(), "CREATE" | "DATA");
    if makes && (0..code.tokens.len()).any(|at| code.has(at, "TO ACCOUNT")) {
        return Some("it writes into another account");
    }
    let exports = (0..code.tokens.len()).any(|at| {
        let into = code.has(at, "INTO OUTFILE") || code.has(at, "INTO DUMPFILE");
        let diff = first == "DATA" && code.has(at, "OUTPUT FILE");
        (into || diff)
            .then(|| code.tokens.get(at + 2))
            .flatten()
            .is_some_and(|file| file.kind == TokenKind::String)
    });
    if exports || calls(code, "SAVE_FILE") {
        return Some("it writes a file");
    }
    calls_server(code).then_some("it changes how the server runs")
}

/// SET of something that is not the session's.
fn server_setting(code: &Code<'_>) -> Option<&'static str> {
    match code.upper(1).as_str() {
        "GLOBAL" | "PERSIST" | "PERSIST_ONLY" | "LOGSERVICE" => {
            return Some("it changes a setting of the whole server");
        }
        "PASSWORD" => return Some("it changes a user of the server"),
        "DEFAULT" if code.upper(2) == "ROLE" => return Some("it changes a user of the server"),
        _ => {}
    }
    let listed = (1..code.tokens.len()).any(|at| {
        code.has(at, "@ @ GLOBAL")
            || code.has(at, "@ @ PERSIST")
            || code.has(at, ", GLOBAL")
            || code.has(at, ", PERSIST")
    });
    listed.then_some("it changes a setting of the whole server")
}

/// CREATE, DROP and ALTER of what is no part of one database. Functions and procedures are: the
/// ledger has their texts.
fn server_object(code: &Code<'_>) -> Option<&'static str> {
    let at = if code.has(1, "OR REPLACE") { 3 } else { 1 };
    match code.upper(at).as_str() {
        "DATABASE" | "SCHEMA" => Some("it makes, changes or drops a whole database"),
        "USER" | "ROLE" | "ACCOUNT" => Some("it changes users of the server"),
        "STAGE" | "PUBLICATION" | "SUBSCRIPTION" | "CDC" | "SERVER" | "ICEBERG" | "MONGODB"
        | "CONNECTOR" | "SOURCE" => Some("it changes what the server exchanges with others"),
        "SNAPSHOT" | "PITR" => Some("it changes what the server keeps of the past"),
        "TASK" => Some("it changes what the server runs by itself"),
        "PROCEDURE" => Some("it changes a procedure, whose arguments the server can't show again"),
        "EXTENSION" => Some("it loads code into the server"),
        "EXTERNAL" if code.upper(at + 1) == "TABLE" => {
            Some("it makes a table whose rows no snapshot holds")
        }
        "CLUSTER" if code.upper(at + 1) == "TABLE" => {
            Some("it makes a table for all accounts of the server")
        }
        "TABLE" if subscribes(code, at + 1) => {
            Some("it changes what the server exchanges with others")
        }
        _ => None,
    }
}

/// `TABLE t FROM … PUBLICATION`.
fn subscribes(code: &Code<'_>, at: usize) -> bool {
    let at = if code.has(at, "IF NOT EXISTS") { at + 3 } else { at };
    object_at(code, at).is_some_and(|(_, behind)| code.upper(behind) == "FROM")
}

/// Rights on one table are the table's, and MatrixOne's clone of it brings them back; all other
/// rights are bound to the account or to a database, and a role to a user.
fn rights(code: &Code<'_>) -> Option<&'static str> {
    const ROLES: &str = "it changes users of the server";
    const WIDE: &str = "it changes rights on more than one table";
    if code.dialect != Dialect::MatrixOne {
        return Some(ROLES);
    }
    let Some(on) = (1..code.tokens.len()).find(|at| code.upper(*at) == "ON") else {
        return Some(ROLES);
    };
    let table = code.upper(on + 1) == "TABLE" && object_at(code, on + 2).is_some();
    (!table).then_some(WIDE)
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
            (Dialect::MySql, "GRANT SELECT ON shop.t TO u"),
            (Dialect::MatrixOne, "SET a = 1, GLOBAL b = 2"),
            (Dialect::MatrixOne, "SET DEFAULT ROLE r TO u"),
            (Dialect::MatrixOne, "GRANT ALL ON DATABASE shop TO r"),
            (Dialect::MatrixOne, "GRANT SELECT ON TABLE *.* TO r"),
            (Dialect::MatrixOne, "GRANT SELECT ON TABLE shop.* TO r"),
            (Dialect::MatrixOne, "REVOKE SELECT ON TABLE * FROM r"),
            (Dialect::MatrixOne, "GRANT CREATE DATABASE ON ACCOUNT * TO r"),
            (Dialect::MatrixOne, "grant r to u"),
            (Dialect::MatrixOne, "REVOKE r FROM u"),
            (Dialect::MatrixOne, "create role r"),
            (Dialect::MatrixOne, "ALTER ACCOUNT a SUSPEND"),
            (Dialect::MatrixOne, "CREATE STAGE s URL = 'x'"),
            (Dialect::MatrixOne, "DROP PUBLICATION p"),
            (Dialect::MatrixOne, "CREATE CDC c 'x' 'y' 'z'"),
            (Dialect::MatrixOne, "ALTER PITR p RANGE 1 'd'"),
            (Dialect::MatrixOne, "DROP SNAPSHOT s"),
            (Dialect::MatrixOne, "RESTORE DATABASE d {SNAPSHOT = 's'}"),
            (Dialect::MatrixOne, "BACKUP '1' FILESYSTEM '/x' PARALLELISM '1'"),
            (Dialect::MatrixOne, "KILL 5"),
            (Dialect::MatrixOne, "CREATE EXTERNAL TABLE e (a INT) INFILE 'x'"),
            (Dialect::MatrixOne, "CREATE TABLE t CLONE u {SNAPSHOT = 's'} TO ACCOUNT a"),
            (Dialect::MatrixOne, "CREATE TABLE IF NOT EXISTS t FROM 'x' a PUBLICATION p"),
            (Dialect::MatrixOne, "DATA BRANCH DELETE DATABASE d"),
            (Dialect::MatrixOne, "DATA BRANCH DIFF a AGAINST b OUTPUT FILE 'x'"),
            (Dialect::MatrixOne, "SELECT mo_ctl('dn', 'flush', 'a.b')"),
            (Dialect::MatrixOne, "LOAD some_extension"),
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
            (Dialect::MatrixOne, "SET ROLE r"),
            (Dialect::MatrixOne, "GRANT SELECT, INSERT ON TABLE shop.t TO r"),
            (Dialect::MatrixOne, "REVOKE SELECT ON TABLE `t` FROM r"),
            (Dialect::MatrixOne, "CREATE OR REPLACE FUNCTION f () RETURNS INT LANGUAGE sql AS '1'"),
            (Dialect::MatrixOne, "LOAD DATA INFILE 'x' INTO TABLE t"),
            (Dialect::MatrixOne, "CREATE TABLE t CLONE u {SNAPSHOT = 's'}"),
            (Dialect::MatrixOne, "CREATE TABLE account (snapshot INT)"),
            (Dialect::MatrixOne, "CREATE TABLE t (global INT)"),
            (Dialect::MatrixOne, "INSERT INTO outfile VALUES (1)"),
            (Dialect::Postgres, "COPY t TO STDOUT"),
            (Dialect::Postgres, ""),
        ] {
            assert_eq!(reaches_outside(statement, dialect), None, "{statement}");
        }
    }
}
