//! Questions about one statement, answered by its tokens.

use std::ops::Range;

use super::code::Code;
use super::{Dialect, TokenKind, unquote};

/// How many tokens the questions about a statement's beginning read.
const BEGINNING: usize = 64;

/// The words by which the statement begins, ends or changes a transaction, or takes table locks.
///
/// The BEGIN of a body does not count, for a definition begins with CREATE.
#[must_use]
pub fn transaction_control(statement: &str, dialect: Dialect) -> Option<Range<usize>> {
    let code = Code::read(statement, dialect, BEGINNING);
    let mysql = dialect.is_mysql_family();
    let second = code.upper(1);
    let last = match code.upper(0).as_str() {
        "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "END" | "ABORT" => {
            usize::from(matches!(
                second.as_str(),
                "TRANSACTION"
                    | "WORK"
                    | "TO"
                    | "SAVEPOINT"
                    | "IMMEDIATE"
                    | "EXCLUSIVE"
                    | "DEFERRED"
            ))
        }
        "START" | "PREPARE" if second == "TRANSACTION" => 1,
        "LOCK" if mysql && matches!(second.as_str(), "TABLES" | "TABLE" | "INSTANCE") => 1,
        "XA" | "UNLOCK" if mysql => 1,
        "SET" => set_of_transactions(&code)?,
        _ => return None,
    };
    Some(code.span(0, last))
}

/// Where `SET` names `autocommit` or the transaction's properties.
fn set_of_transactions(code: &Code<'_>) -> Option<usize> {
    let scope = usize::from(matches!(code.upper(1).as_str(), "SESSION" | "LOCAL" | "GLOBAL"));
    if code.upper(1 + scope) == "TRANSACTION" {
        return Some(1 + scope);
    }
    (1..code.tokens.len()).find(|&at| {
        let assigned = code.upper(at + 1) == "=" || code.has(at + 1, ": =");
        code.name(at).is_some_and(|name| name.eq_ignore_ascii_case("autocommit"))
            && (assigned || code.upper(at + 1) == "TO")
    })
}

/// The new name of a table, where the statement is `ALTER TABLE … RENAME TO name`.
#[must_use]
pub fn renames_table_to(statement: &str, dialect: Dialect) -> Option<String> {
    let code = Code::read(statement, dialect, BEGINNING);
    if !code.has(0, "ALTER TABLE") {
        return None;
    }
    let at = (2..code.tokens.len()).find(|&at| code.has(at, "RENAME TO"))?;
    code.name(at + 2)
}

/// The first table that the statement drops.
#[must_use]
pub fn drops_table(statement: &str, dialect: Dialect) -> Option<String> {
    drops_tables(statement, dialect).into_iter().next()
}

/// The tables that the statement drops: the names alone, without their schema.
#[must_use]
pub fn drops_tables(statement: &str, dialect: Dialect) -> Vec<String> {
    if Code::read(statement, dialect, 1).upper(0) != "DROP" {
        return Vec::new();
    }
    let code = Code::read(statement, dialect, usize::MAX);
    let mut at = match (code.upper(0).as_str(), code.upper(1).as_str()) {
        ("DROP", "TABLE") => 2,
        ("DROP", "TEMPORARY") if code.upper(2) == "TABLE" => 3,
        _ => return Vec::new(),
    };
    if code.has(at, "IF EXISTS") {
        at += 2;
    }
    let mut tables = Vec::new();
    while let Some(mut name) = code.name(at) {
        while code.upper(at + 1) == "." {
            let Some(part) = code.name(at + 2) else { break };
            name = part;
            at += 2;
        }
        tables.push(name);
        if code.upper(at + 1) != "," {
            break;
        }
        at += 2;
    }
    tables
}

/// The name of a PRAGMA in lower case, without a schema, and its value.
#[must_use]
pub fn pragma(statement: &str, dialect: Dialect) -> Option<(String, Option<String>)> {
    let code = Code::read(statement, dialect, BEGINNING);
    if dialect != Dialect::Sqlite || code.upper(0) != "PRAGMA" {
        return None;
    }
    let at = if code.upper(2) == "." { 3 } else { 1 };
    let name = code.name(at)?.to_lowercase();
    let first = match code.upper(at + 1).as_str() {
        "=" | "(" => at + 2,
        _ => return Some((name, None)),
    };
    let value = code.tokens[first.min(code.tokens.len())..]
        .iter()
        .take_while(|token| !token.is_sign(code.text, ")") && token.kind != TokenKind::Terminator)
        .map(|token| unquote(*token, code.text, dialect))
        .collect::<String>();
    Some((name, Some(value)))
}

#[cfg(test)]
mod tests {
    use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

    use super::*;

    fn control(statement: &str, dialect: Dialect) -> Option<&str> {
        transaction_control(statement, dialect).map(|span| &statement[span])
    }

    #[test]
    fn transaction_control_is_found_with_its_place() {
        for (dialect, statement, expected) in [
            (Sqlite, "BEGIN", "BEGIN"),
            (Sqlite, "/* a */ begin immediate transaction", "begin immediate"),
            (Sqlite, "END TRANSACTION", "END TRANSACTION"),
            (Sqlite, "COMMIT", "COMMIT"),
            (Sqlite, "ROLLBACK TO x", "ROLLBACK TO"),
            (Sqlite, "SAVEPOINT x", "SAVEPOINT"),
            (Sqlite, "RELEASE SAVEPOINT x", "RELEASE SAVEPOINT"),
            (MatrixOne, "START /* */ TRANSACTION", "START /* */ TRANSACTION"),
            (MatrixOne, "SET autocommit = 0", "SET autocommit"),
            (MatrixOne, "SET a = 1, @@session.autocommit = 0", "SET a = 1, @@session.autocommit"),
            (MatrixOne, "SET `autocommit` := 1", "SET `autocommit`"),
            (MatrixOne, "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION"),
            (MatrixOne, "/*!50003 COMMIT */", "COMMIT"),
            (MySql, "LOCK TABLES t WRITE", "LOCK TABLES"),
            (MySql, "unlock tables", "unlock tables"),
        ] {
            assert_eq!(control(statement, dialect), Some(expected), "{statement}");
        }
    }

    #[test]
    fn other_statements_do_not_control_transactions() {
        for (dialect, statement) in [
            (Sqlite, "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END"),
            (Sqlite, "INSERT INTO t VALUES ('COMMIT')"),
            (Sqlite, "SELECT 1 -- COMMIT"),
            (Sqlite, "SET autocommit"),
            (MySql, "START REPLICA"),
            (MySql, "SET @autocommits = 0"),
            (Postgres, "LOCK TABLE t"),
            (Postgres, "PREPARE x AS SELECT 1"),
            (Sqlite, "/*! COMMIT */"),
            (Sqlite, ""),
        ] {
            assert_eq!(control(statement, dialect), None, "{statement}");
        }
    }

    #[test]
    fn dropped_tables_are_named() {
        for (dialect, statement, expected) in [
            (Sqlite, "DROP TABLE IF EXISTS main.\"my t\"", vec!["my t"]),
            (MySql, "drop temporary table a, `b`.`c`", vec!["a", "c"]),
            (Sqlite, "DROP INDEX a", vec![]),
            (Sqlite, "SELECT 'DROP TABLE a'", vec![]),
            (Sqlite, "DROP TABLE", vec![]),
        ] {
            assert_eq!(drops_tables(statement, dialect), expected, "{statement}");
            assert_eq!(drops_table(statement, dialect).as_deref(), expected.first().copied());
        }
    }

    #[test]
    fn pragmas_are_read() {
        let read = |statement| pragma(statement, Sqlite);
        let some =
            |name: &str, value: Option<&str>| Some((name.to_owned(), value.map(str::to_owned)));
        assert_eq!(read("PRAGMA foreign_keys = OFF"), some("foreign_keys", Some("OFF")));
        assert_eq!(read("pragma main.Foreign_Keys('off')"), some("foreign_keys", Some("off")));
        assert_eq!(read("PRAGMA cache_size = -2000"), some("cache_size", Some("-2000")));
        assert_eq!(read("PRAGMA user_version"), some("user_version", None));
        assert_eq!(read("SELECT 'PRAGMA x'"), None);
        assert_eq!(pragma("PRAGMA x", MatrixOne), None);
    }

    #[test]
    fn the_new_name_of_a_table_is_known() {
        for (sql, name) in [
            ("ALTER TABLE a RENAME TO b", Some("b")),
            ("alter table main.\"a x\" rename to [b y]", Some("b y")),
            ("ALTER TABLE a RENAME COLUMN x TO y", None),
            ("ALTER TABLE a RENAME x TO y", None),
            ("CREATE TABLE a (rename TEXT)", None),
        ] {
            assert_eq!(renames_table_to(sql, Dialect::Sqlite).as_deref(), name, "{sql}");
        }
    }
}
