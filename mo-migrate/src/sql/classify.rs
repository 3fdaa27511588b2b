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

/// Why the statement cannot do its work inside of a transaction; none when it can.
#[must_use]
pub fn needs_no_transaction(statement: &str, dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => sqlite_outside(statement),
        Dialect::MatrixOne => matrixone_outside(&Code::read(statement, dialect, BEGINNING)),
        Dialect::Postgres => postgres_outside(&Code::read(statement, dialect, BEGINNING)),
        Dialect::MySql => None,
    }
}

fn sqlite_outside(statement: &str) -> Option<&'static str> {
    let code = Code::read(statement, Dialect::Sqlite, BEGINNING);
    match code.upper(0).as_str() {
        "VACUUM" => return Some("SQLite refuses VACUUM inside a transaction"),
        "DETACH" => return Some("SQLite cannot detach a database that the transaction has used"),
        _ => {}
    }
    let (name, value) = pragma(statement, Dialect::Sqlite)?;
    match (name.as_str(), value) {
        ("foreign_keys", Some(_)) => {
            Some("PRAGMA foreign_keys does nothing inside a transaction, and says nothing")
        }
        ("journal_mode", Some(_)) => {
            Some("SQLite does not change the journal mode inside a transaction")
        }
        ("synchronous" | "temp_store", Some(_)) => {
            Some("SQLite refuses to change this setting inside a transaction")
        }
        ("wal_checkpoint", _) => Some("SQLite cannot checkpoint inside a transaction"),
        _ => None,
    }
}

fn matrixone_outside(code: &Code<'_>) -> Option<&'static str> {
    const REFUSED: &str = "MatrixOne refuses this statement inside a transaction";
    const OBJECTS: [&str; 15] = [
        "SEQUENCE",
        "USER",
        "ROLE",
        "ACCOUNT",
        "SNAPSHOT",
        "PITR",
        "FUNCTION",
        "PROCEDURE",
        "PUBLICATION",
        "SUBSCRIPTION",
        "STAGE",
        "CDC",
        "CONNECTOR",
        "SOURCE",
        "SNAPSHOTS",
    ];
    let first = code.upper(0);
    match first.as_str() {
        "CREATE" | "DROP" | "ALTER" => {
            let or_replace = if code.has(1, "OR REPLACE") { 3 } else { 1 };
            OBJECTS.contains(&code.upper(or_replace).as_str()).then_some(REFUSED)
        }
        "RENAME" | "GRANT" | "REVOKE" | "RESTORE" | "KILL" => Some(REFUSED),
        "SET" => Some("a SET commits the open transaction on MatrixOne"),
        _ => None,
    }
}

fn postgres_outside(code: &Code<'_>) -> Option<&'static str> {
    const REFUSED: &str = "PostgreSQL refuses this statement inside a transaction";
    let second = code.upper(1);
    let refused = match code.upper(0).as_str() {
        "VACUUM" => true,
        "CREATE" | "DROP" if matches!(second.as_str(), "DATABASE" | "TABLESPACE") => true,
        "ALTER" => second == "SYSTEM",
        "CREATE" | "DROP" | "REINDEX" => (1..5).any(|at| code.upper(at) == "CONCURRENTLY"),
        _ => false,
    };
    refused.then_some(REFUSED)
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
    fn what_a_transaction_cannot_hold_is_known() {
        for (dialect, statement, refused) in [
            (Sqlite, "VACUUM", true),
            (Sqlite, "DETACH x", true),
            (Sqlite, "PRAGMA journal_mode = WAL", true),
            (Sqlite, "PRAGMA foreign_keys = OFF", true),
            (Sqlite, "PRAGMA foreign_keys", false),
            (Sqlite, "CREATE TABLE vacuum_log (a)", false),
            (MatrixOne, "CREATE SEQUENCE s", true),
            (MatrixOne, "RENAME TABLE a TO b", true),
            (MatrixOne, "SET @a = 1", true),
            (MatrixOne, "ALTER TABLE a RENAME TO b", false),
            (Postgres, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", true),
            (Postgres, "CREATE INDEX i ON t (a)", false),
            (MySql, "VACUUM", false),
        ] {
            assert_eq!(needs_no_transaction(statement, dialect).is_some(), refused, "{statement}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_question_fail(text in "([;('\"`,.=@/*!-]|\\PC| |DROP|TABLE|SET|WITH|PRAGMA|EXPLAIN|INTO){0,12}") {
            for dialect in [Sqlite, MatrixOne, MySql, Postgres] {
                if let Some(span) = transaction_control(&text, dialect) {
                    proptest::prop_assert!(text.get(span).is_some());
                }
                let _ = (drops_tables(&text, dialect), pragma(&text, dialect), super::super::is_read_only(&text, dialect));
                let _ = (needs_no_transaction(&text, dialect), super::super::reaches_outside(&text, dialect));
            }
        }
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
