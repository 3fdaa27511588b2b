use super::*;
use crate::sql::Dialect::{MatrixOne, Sqlite};

/// The changes in a short form: the table, what is done to it, and with what.
fn read(statement: &str, dialect: Dialect) -> Option<String> {
    let changes = changes(statement, dialect)?;
    let shown =
        changes.iter().map(|change| format!("{} {}", change.table.shown, what(&change.what)));
    Some(shown.collect::<Vec<_>>().join("; "))
}

fn what(what: &What) -> String {
    match what {
        What::Makes { unless_there, columns, from } => {
            let columns: Vec<String> = columns.iter().map(shown).collect();
            format!("makes{} {from:?} {}", mark(*unless_there), columns.join(", "))
        }
        What::MakesView { star } => format!("view{}", mark(*star)),
        What::MakesIndex { unless_there, unique } => {
            format!("index{} {}", mark(*unless_there), unique.as_ref().map(key).unwrap_or_default())
        }
        What::Drops => "drops".to_owned(),
        What::Renames { to } => format!("renames {}", to.shown),
        What::AddsColumn { unless_there, column } => {
            format!("adds{} {}", mark(*unless_there), shown(column))
        }
        What::DropsColumn { column } => format!("drops column {}", column.shown),
        What::RenamesColumn { column, to } => format!("renames {} {}", column.shown, to.shown),
        What::ChangesColumn { column, to } => format!("changes {} {}", column.shown, shown(to)),
        What::RequiresColumn { column } => format!("requires {}", column.shown),
        What::AddsKey(new) => format!("key {}", key(new)),
        What::Inserts { named, replaces, from } => {
            format!("inserts named={named} replaces={replaces} {from:?}")
        }
        What::Updates { all, columns } => format!("updates{} {columns:?}", mark(*all)),
        What::Deletes { all } => format!("deletes{}", mark(*all)),
    }
}

fn mark(yes: bool) -> &'static str {
    if yes { "!" } else { "" }
}

fn shown(column: &Column) -> String {
    let mut text = format!("{}:{}", column.name.shown, column.of_type);
    text.push_str(if column.not_null { " not-null" } else { "" });
    text.push_str(if column.filled { " filled" } else { "" });
    for one in &column.keys {
        text.push(' ');
        text.push_str(&key(one));
    }
    text
}

fn key(key: &Key) -> String {
    match key {
        Key::Unique { columns, only } => {
            format!("unique{columns:?}{}", only.as_deref().unwrap_or(""))
        }
        Key::Primary { columns } => format!("primary{columns:?}"),
        Key::Foreign { columns, parent, referred } => {
            format!("foreign{columns:?}{}{referred:?}", parent.shown)
        }
        Key::Check { condition } => format!("check({condition})"),
    }
}

#[test]
fn definitions_are_read() {
    for (statement, expected) in [
        ("CREATE TABLE IF NOT EXISTS t (a INT)", "t makes! [] a:INT"),
        ("CREATE TABLE t AS SELECT * FROM main.U", "t makes [\"u\"] "),
        ("CREATE VIRTUAL TABLE t USING fts5(a)", "t makes [] "),
        (
            "CREATE TABLE t (a INT PRIMARY KEY, b TEXT REFERENCES p (id), UNIQUE (a, b), CHECK (a > 0)) STRICT",
            "t makes [] a:INT primary[\"a\"], b:TEXT foreign[\"b\"]p[\"id\"]",
        ),
        ("CREATE VIEW v AS SELECT a, count(*) FROM t", "v view"),
        ("CREATE VIEW v AS SELECT t.* FROM t", "v view!"),
        ("CREATE VIEW v AS WITH q AS (SELECT * FROM t) SELECT a FROM q", "v view"),
        ("CREATE VIEW v AS SELECT a FROM t WHERE EXISTS (SELECT * FROM u) AND a * 2 > 1", "v view"),
        (
            "CREATE UNIQUE INDEX i ON t (a DESC, lower(b)) WHERE c > 0",
            "t index unique[\"a\", \"lower(b)\"]c > 0",
        ),
        ("CREATE INDEX IF NOT EXISTS s.i ON t (a)", "t index! "),
        ("DROP TABLE IF EXISTS a, \"b c\"", "a drops; \"b c\" drops"),
        ("ALTER TABLE t RENAME TO u", "t renames u"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "t renames a b"),
        ("ALTER TABLE t RENAME a TO b", "t renames a b"),
        (
            "ALTER TABLE t ADD c DECIMAL(10, 2) NOT NULL DEFAULT (1 + 2)",
            "t adds c:DECIMAL(10, 2) not-null filled",
        ),
        (
            "ALTER TABLE t ADD COLUMN c TEXT DEFAULT NULL CHECK (c IS NOT NULL)",
            "t adds c:TEXT check(c IS NOT NULL)",
        ),
        ("ALTER TABLE t ADD COLUMN c INT REFERENCES p(id)", "t adds c:INT foreign[\"c\"]p[\"id\"]"),
        ("ALTER TABLE t DROP c", "t drops column c"),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM u; END", ""),
        ("PRAGMA user_version = 3", ""),
        ("", ""),
    ] {
        assert_eq!(read(statement, Sqlite).as_deref(), Some(expected), "{statement}");
    }
}

#[test]
fn definitions_of_matrixone_are_read() {
    for (statement, expected) in [
        ("CREATE TABLE t CLONE s.u {SNAPSHOT = 'x'}", "t makes [\"u\"] "),
        ("CREATE OR REPLACE VIEW v AS SELECT DISTINCT * FROM t", "v view!"),
        (
            "ALTER TABLE `t` ADD COLUMN a INT AUTO_INCREMENT NOT NULL, DROP COLUMN `b`",
            "`t` adds a:INT not-null filled; `t` drops column `b`",
        ),
        ("ALTER TABLE t ADD (a INT, b INT)", "t adds a:INT; t adds b:INT"),
        (
            "ALTER TABLE t MODIFY COLUMN a VARCHAR(20) CHARACTER SET utf8 NOT NULL COMMENT 'x, y' AFTER b",
            "t changes a a:VARCHAR(20) CHARACTER SET utf8 not-null",
        ),
        ("ALTER TABLE t CHANGE a b BIGINT", "t renames a b; t changes a b:BIGINT"),
        ("ALTER TABLE t CHANGE A a BIGINT", "t changes A a:BIGINT"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "t requires a"),
        ("ALTER TABLE t ALTER a SET DEFAULT 5", ""),
        (
            "ALTER TABLE t ADD CONSTRAINT x UNIQUE KEY y (a, b(10))",
            "t key unique[\"a\", \"b(10)\"]",
        ),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", "t key primary[\"a\"]"),
        (
            "ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE",
            "t key foreign[\"a\"]p[\"id\"]",
        ),
        ("ALTER TABLE t ADD CONSTRAINT CHECK (a > 0)", "t key check(a > 0)"),
        ("ALTER TABLE t ADD INDEX i (a), COMMENT 'x'", ""),
        ("RENAME TABLE a TO b, c TO d", "a renames b; c renames d"),
        ("TRUNCATE TABLE t", "t deletes!"),
        ("/*!50003 DROP TABLE t */", "t drops"),
        ("SET @a = 1", ""),
    ] {
        assert_eq!(read(statement, MatrixOne).as_deref(), Some(expected), "{statement}");
    }
}

#[test]
fn changes_of_rows_are_read() {
    for (statement, expected) in [
        ("INSERT INTO t VALUES (1)", "t inserts named=false replaces=false []"),
        (
            "INSERT INTO t (a) SELECT a FROM u JOIN v",
            "t inserts named=true replaces=false [\"u\", \"v\"]",
        ),
        ("INSERT INTO t SELECT * FROM u", "t inserts named=false replaces=false [\"u\"]"),
        ("INSERT OR REPLACE INTO t (a) VALUES (1)", "t inserts named=true replaces=true []"),
        ("INSERT OR IGNORE INTO t DEFAULT VALUES", "t inserts named=true replaces=false []"),
        ("REPLACE t SET a = 1", "t inserts named=true replaces=true []"),
        (
            "WITH x AS (SELECT 1) INSERT INTO t (a) SELECT 1 FROM x",
            "t inserts named=true replaces=false [\"x\"]",
        ),
        (
            "UPDATE t SET a = 1, t.B = (SELECT c FROM u WHERE u.i = t.i)",
            "t updates! [\"a\", \"b\"]",
        ),
        ("UPDATE t SET a = 1 WHERE b", "t updates [\"a\"]"),
        ("UPDATE OR IGNORE t SET a = 1 LIMIT 3", "t updates [\"a\"]"),
        ("UPDATE t JOIN u ON t.i = u.i SET a = 1", "t updates [\"a\"]"),
        ("DELETE FROM t", "t deletes!"),
        ("DELETE FROM t RETURNING a, b", "t deletes!"),
        ("DELETE FROM t WHERE a IN (SELECT 1)", "t deletes"),
        ("DELETE FROM t USING t JOIN u ON 1", "t deletes"),
        ("SELECT replace(a, 'DELETE FROM t', '') FROM t", ""),
    ] {
        assert_eq!(read(statement, Sqlite).as_deref(), Some(expected), "{statement}");
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    for (statement, dialect) in [
        ("CALL p()", MatrixOne),
        ("EXECUTE s", MatrixOne),
        ("ALTER TABLE t DROP PARTITION p", MatrixOne),
        ("CREATE PROCEDURE p () BEGIN END", MatrixOne),
        ("DROP DATABASE d", MatrixOne),
        ("DROP TABLE a; DROP TABLE b", Sqlite),
        ("DROP TABLE 'a", Sqlite),
        ("EXPLAIN ANALYZE DELETE FROM t", MatrixOne),
        ("UPDATE", Sqlite),
        ("WITH x AS (DELETE FROM t RETURNING a) SELECT 1 FROM x", Sqlite),
        ("nonsense", Sqlite),
    ] {
        assert_eq!(read(statement, dialect), None, "{statement}");
    }
}

#[test]
fn a_part_has_its_place() {
    let statement = "ALTER TABLE t\n  ADD COLUMN a INT,\n  DROP COLUMN b";
    let parts: Vec<_> = changes(statement, MatrixOne).unwrap();
    assert_eq!(parts[1].text, "DROP COLUMN b");
    assert_eq!(&statement[parts[1].at..], "DROP COLUMN b");
}
