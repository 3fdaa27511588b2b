use proptest::prelude::*;

use super::*;
use crate::sql::Dialect::{MatrixOne, Sqlite};

fn found(text: &str, dialect: Dialect) -> Vec<Found> {
    let file = SqlFile::parse("migrations/2_a.sql", text.as_bytes(), dialect).unwrap();
    let columns = Columns::default();
    look(&file, Around { dialect, database: Some("shop"), columns: &columns, repeatable: false })
}

/// The codes of what is found, each with its line.
fn codes(text: &str, dialect: Dialect) -> Vec<String> {
    let line = |at| 1 + text[..at].matches('\n').count();
    found(text, dialect)
        .iter()
        .map(|found| format!("{}:{}", found.rule.code(), line(found.at)))
        .collect()
}

#[test]
fn each_rule_finds_what_it_is_for() {
    for (dialect, text, expected) in [
        (Sqlite, "DROP TABLE a;\nDROP TABLE IF EXISTS b;", "DROP_TABLE:1 DROP_TABLE:2"),
        (Sqlite, "ALTER TABLE t DROP COLUMN a;", "DROP_COLUMN:1"),
        (Sqlite, "DELETE FROM t;", "DELETE_ALL:1"),
        (MatrixOne, "TRUNCATE TABLE t;", "DELETE_ALL:1"),
        (Sqlite, "UPDATE t SET a = 1;", "UPDATE_ALL:1"),
        (Sqlite, "ATTACH 'x' AS x;", "NO_WAY_BACK:1"),
        (MatrixOne, "INSERT INTO other.t (a) VALUES (1);", "NO_WAY_BACK:1"),
        (MatrixOne, "SET GLOBAL a = 1;", "NO_WAY_BACK:1"),
        (Sqlite, "SELECT 1;\nBEGIN;", "TRANSACTION:2"),
        (Sqlite, "VACUUM;", "TRANSACTION:1"),
        (
            MatrixOne,
            "-- mo-migrate: transaction\nALTER TABLE t ADD COLUMN a INT;\nUPDATE t SET a = 1;",
            "TRANSACTION:3",
        ),
        (Sqlite, "ALTER TABLE t RENAME TO u;", "RENAME_TABLE:1"),
        (MatrixOne, "RENAME TABLE a TO b;", "RENAME_TABLE:1"),
        (Sqlite, "ALTER TABLE t RENAME COLUMN a TO b;", "RENAME_COLUMN:1"),
        (MatrixOne, "ALTER TABLE t CHANGE a b INT;", "RENAME_COLUMN:1 CHANGE_TYPE:1"),
        (
            MatrixOne,
            "ALTER TABLE t\n  MODIFY a INT,\n  MODIFY b INT NOT NULL;",
            "CHANGE_TYPE:2 CHANGE_TYPE:3 SET_NOT_NULL:3",
        ),
        (Sqlite, "ALTER TABLE t ADD COLUMN a TEXT NOT NULL;", "ADD_REQUIRED:1"),
        (MatrixOne, "ALTER TABLE t ALTER COLUMN a SET NOT NULL;", "SET_NOT_NULL:1"),
        (Sqlite, "CREATE UNIQUE INDEX i ON t (a);", "ADD_UNIQUE:1"),
        (MatrixOne, "ALTER TABLE t ADD PRIMARY KEY (a);", "ADD_UNIQUE:1"),
        (MatrixOne, "ALTER TABLE t ADD COLUMN a INT DEFAULT 0 UNIQUE;", "ADD_UNIQUE:1"),
        (MatrixOne, "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id);", "ADD_FOREIGN_KEY:1"),
        (MatrixOne, "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);", "ADD_CHECK:1"),
        (
            MatrixOne,
            "ALTER TABLE t ADD COLUMN a INT;\nALTER TABLE t ADD COLUMN b INT;",
            "REPEATED_COPY:2",
        ),
        (
            MatrixOne,
            "ALTER TABLE t DROP COLUMN a;\nALTER TABLE t DROP COLUMN b;",
            "DROP_COLUMN:1 REPEATED_COPY:2 DROP_COLUMN:2",
        ),
        (
            MatrixOne,
            "ALTER TABLE t ADD COLUMN a INT, DROP COLUMN b;",
            "ADD_AND_DROP:1 DROP_COLUMN:1",
        ),
        (MatrixOne, "ALTER TABLE t ADD COLUMN a INT REFERENCES p (id);", "NO_SUCH_KEY:1"),
        (Sqlite, "INSERT INTO t VALUES (1);", "INSERT_BY_POSITION:1"),
        (Sqlite, "INSERT OR REPLACE INTO t (a) VALUES (1);", "REPLACE_ROWS:1"),
        (Sqlite, "CREATE VIEW v AS SELECT * FROM t;", "VIEW_STAR:1"),
        (Sqlite, "CREATE TABLE IF NOT EXISTS t (a INT);", "IF_NOT_EXISTS:1"),
        (Sqlite, "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a);", "ADD_UNIQUE:1 IF_NOT_EXISTS:1"),
        (MatrixOne, "CALL p();", "NOT_READ:1"),
    ] {
        assert_eq!(codes(text, dialect).join(" "), expected, "{text}");
    }
}

#[test]
fn what_is_right_is_left_alone() {
    for (dialect, text) in [
        (
            Sqlite,
            "CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1);\nUPDATE t SET a = 2;\nDELETE FROM t;\n\
                  CREATE UNIQUE INDEX i ON t (a);\nALTER TABLE t DROP COLUMN a;\nDROP TABLE t;",
        ),
        (Sqlite, "ALTER TABLE t ADD COLUMN a TEXT;\nUPDATE t SET a = 'x';"),
        (Sqlite, "ALTER TABLE t ADD COLUMN a TEXT NOT NULL DEFAULT 'x';"),
        (Sqlite, "ALTER TABLE t ADD COLUMN a INT REFERENCES p (id);"),
        (
            Sqlite,
            "INSERT INTO t (a) VALUES (1);\nUPDATE t SET a = 2 WHERE b;\nDELETE FROM t WHERE a;",
        ),
        (Sqlite, "-- mo-migrate: no-transaction\nVACUUM;\nPRAGMA optimize;"),
        (
            Sqlite,
            "CREATE INDEX i ON t (a);\nDROP INDEX j;\nCREATE VIEW v AS SELECT a FROM t;\nDROP VIEW w;",
        ),
        (MatrixOne, "ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT;"),
        (
            MatrixOne,
            "ALTER TABLE t ADD COLUMN b INT;\nUPDATE t SET b = a;\nALTER TABLE t MODIFY b BIGINT;",
        ),
        (MatrixOne, "INSERT INTO shop.t (a) VALUES (1);"),
        (MatrixOne, "ALTER TABLE t ADD COLUMN a INT UNIQUE;"),
    ] {
        assert_eq!(codes(text, dialect), [""; 0], "{text}");
    }
}

#[test]
fn a_table_that_is_rebuilt_is_neither_dropped_nor_renamed() {
    let create = "CREATE TABLE t_new (a INT);\nINSERT INTO t_new (a) SELECT a FROM t;\nDROP TABLE t;\n\
        ALTER TABLE t_new RENAME TO t;\nUPDATE t SET a = 1;";
    let rename = "ALTER TABLE t RENAME TO t_old;\nCREATE TABLE t (a INT);\n\
        INSERT INTO t SELECT a FROM t_old;\nDROP TABLE t_old;";
    let view = "ALTER TABLE t RENAME TO u;\nCREATE VIEW t AS SELECT a FROM u;";
    for text in [create, rename, view] {
        assert_eq!(codes(text, Sqlite), [""; 0], "{text}");
    }
    let empty = "DROP TABLE t;\nCREATE TABLE t (a INT);";
    assert_eq!(codes(empty, Sqlite), ["DROP_TABLE:1"]);
    let elsewhere = "CREATE TABLE archive AS SELECT a FROM t;\nDROP TABLE t;";
    assert_eq!(codes(elsewhere, Sqlite), ["DROP_TABLE:2"], "nothing is called `t` any more");
    let copied_after =
        "DROP TABLE t;\nALTER TABLE u RENAME TO t;\nCREATE TABLE x AS SELECT a FROM t;";
    assert_eq!(codes(copied_after, Sqlite), ["DROP_TABLE:1", "RENAME_TABLE:2"]);
}

#[test]
fn copies_that_cannot_be_one_are_not_counted() {
    let fills =
        "ALTER TABLE t ADD COLUMN b INT;\nUPDATE t SET b = a;\nALTER TABLE t DROP COLUMN a;";
    assert_eq!(codes(fills, MatrixOne), ["DROP_COLUMN:3"]);
    let between =
        "ALTER TABLE t DROP COLUMN a;\nUPDATE t SET b = c WHERE d;\nALTER TABLE t DROP COLUMN c;";
    assert_eq!(codes(between, MatrixOne), ["DROP_COLUMN:1", "DROP_COLUMN:3"]);
    let again = "ALTER TABLE t DROP COLUMN a;\nALTER TABLE t ADD COLUMN a INT;";
    assert_eq!(codes(again, MatrixOne), ["DROP_COLUMN:1"]);
    let three = "ALTER TABLE t ADD COLUMN b INT;\nUPDATE t SET b = a;\nALTER TABLE t ADD COLUMN c INT;\n\
        ALTER TABLE u ADD COLUMN c INT;";
    assert_eq!(codes(three, MatrixOne), ["REPEATED_COPY:3"]);
    assert_eq!(codes(three, Sqlite), [""; 0], "SQLite adds a column without a copy");
    let new =
        "CREATE TABLE t (x INT);\nALTER TABLE t ADD COLUMN b INT;\nALTER TABLE t ADD COLUMN c INT;";
    assert_eq!(codes(new, MatrixOne), [""; 0]);
}

#[test]
fn a_repeatable_file_has_to_bear_what_is_there() {
    let text = "CREATE TABLE IF NOT EXISTS t (a INT);";
    let file = SqlFile::parse("migrations/R__a.sql", text.as_bytes(), Sqlite).unwrap();
    let columns = &Columns::default();
    assert_eq!(
        look(&file, Around { dialect: Sqlite, database: None, columns, repeatable: true }),
        []
    );
}

/// What is said to do instead, with the names of the file.
fn instead(text: &str, dialect: Dialect) -> String {
    found(text, dialect).remove(0).words.instead.unwrap_or_default()
}

#[test]
fn the_safe_way_has_the_users_own_names() {
    for (dialect, text, expected) in [
        (Sqlite, "UPDATE \"my t\"\n  SET a = 1;", "UPDATE \"my t\" SET a = 1 WHERE …;"),
        (Sqlite, "DELETE FROM t;", "DELETE FROM t WHERE …;"),
        (
            Sqlite,
            "ALTER TABLE t RENAME COLUMN a TO b;",
            "ALTER TABLE t ADD COLUMN b …;\nUPDATE t SET b = a;\n",
        ),
        (
            Sqlite,
            "ALTER TABLE t ADD COLUMN a TEXT NOT NULL;",
            "ALTER TABLE t ADD COLUMN a TEXT NOT NULL DEFAULT …;",
        ),
        (
            Sqlite,
            "CREATE UNIQUE INDEX i ON t (a, b DESC) WHERE c = 1;",
            "SELECT a, b, count(*) FROM t WHERE a IS NOT NULL AND b IS NOT NULL AND (c = 1) GROUP BY a, b HAVING count(*) > 1;",
        ),
        (MatrixOne, "CREATE UNIQUE INDEX i ON t (a(10));", "SELECT left(a, 10), count(*) FROM t"),
        (
            MatrixOne,
            "ALTER TABLE t ADD PRIMARY KEY (a);",
            "GROUP BY a HAVING count(*) > 1 OR a IS NULL;",
        ),
        (
            MatrixOne,
            "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (c, d);",
            "SELECT child.* FROM t AS child LEFT JOIN p AS parent ON parent.c = child.a AND parent.d = child.b \
             WHERE child.a IS NOT NULL AND child.b IS NOT NULL AND parent.c IS NULL;",
        ),
        (
            MatrixOne,
            "ALTER TABLE t ADD CHECK (a > 0 OR b);",
            "SELECT * FROM t WHERE NOT (a > 0 OR b);",
        ),
        (MatrixOne, "ALTER TABLE t MODIFY a BIGINT;", "ALTER TABLE t ADD COLUMN a_new BIGINT;"),
        (MatrixOne, "ALTER TABLE t ALTER a SET NOT NULL;", "SELECT * FROM t WHERE a IS NULL;"),
        (
            MatrixOne,
            "ALTER TABLE t ADD a INT;\nALTER TABLE t ADD (b INT, c INT);\nALTER TABLE t ADD d INT;",
            "ALTER TABLE t\n  ADD COLUMN a INT,\n  ADD COLUMN b INT,\n  ADD COLUMN c INT,\n  ADD COLUMN d INT;",
        ),
    ] {
        let said = instead(text, dialect);
        let last =
            found(text, dialect).pop().and_then(|found| found.words.instead).unwrap_or_default();
        assert!(said.contains(expected) || last.contains(expected), "{text}: {said}\n{last}");
    }
}

#[test]
fn what_will_happen_is_one_line_whatever_the_names_are() {
    for text in ["DROP TABLE \"a\nb\";", "ALTER TABLE t ADD CONSTRAINT c CHECK (a\n > 0);"] {
        let found = found(text, Sqlite);
        assert!(found.len() == 1 && !found[0].words.message.contains('\n'), "{found:?}");
    }
}

/// What statements are made of.
const PARTS: [&str; 52] = [
    "ALTER TABLE",
    "CREATE",
    "TABLE",
    "UNIQUE",
    "INDEX",
    "VIEW",
    "ON",
    "DROP",
    "COLUMN",
    "RENAME",
    "TO",
    "ADD",
    "MODIFY",
    "CHANGE",
    "t",
    "`a b`",
    "\"c\"",
    "[d]",
    "u.t",
    ",",
    "(",
    ")",
    "(a)",
    "a INT",
    "NOT NULL",
    "DEFAULT",
    "NULL",
    "REFERENCES",
    "FOREIGN KEY",
    "PRIMARY KEY",
    "CHECK",
    "INSERT INTO",
    "REPLACE",
    "OR",
    "SELECT",
    "*",
    "FROM",
    "WITH x AS",
    "UPDATE",
    "SET",
    "=",
    "DELETE",
    "WHERE",
    "LIMIT 1",
    "USING",
    "IF NOT EXISTS",
    "LOAD DATA",
    "INTO TABLE",
    "PARTITION",
    "AS",
    ";",
    "/*! x */",
];

proptest! {
    #[test]
    fn no_text_makes_it_fail(parts in proptest::collection::vec(proptest::sample::select(&PARTS[..]), 0..30)) {
        let text = parts.join(" ");
        for dialect in [Sqlite, MatrixOne] {
            let Ok(file) = SqlFile::parse("1_a.sql", text.as_bytes(), dialect) else { continue };
            let columns = Columns::default();
            let around = Around { dialect, database: Some("shop"), columns: &columns, repeatable: false };
            for found in look(&file, around) {
                prop_assert!(text.is_char_boundary(found.at), "{:?}", found);
                prop_assert!(!found.words.message.contains('\n'), "{:?}", found);
            }
        }
    }
}
