use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

use super::*;

/// The tables, with `!` for changed definitions; `?` where they can't be told.
fn touched(statement: &str, dialect: Dialect) -> String {
    let found = writes_to(statement, dialect, "Shop");
    if found.unknown {
        assert!(found.tables.is_empty() && !found.rewritten);
        return "?".to_owned();
    }
    let tables: Vec<String> = found.tables.into_iter().collect();
    format!("{}{}", tables.join(" "), if found.definitions { "!" } else { "" })
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    for (statement, expected) in cases {
        for dialect in [MatrixOne, MySql] {
            assert_eq!(touched(statement, dialect), *expected, "{statement} in {dialect:?}");
        }
    }
}

#[test]
fn definitions_touch_what_they_name() {
    all(&[
        ("CREATE TABLE a (x INT)", "a!"),
        ("create temporary table if not exists `A b` (x int)", "a b!"),
        ("CREATE EXTERNAL TABLE e (x INT) INFILE 'x'", "e!"),
        ("CREATE TABLE a LIKE b", "a!"),
        ("CREATE TABLE a CLONE b {SNAPSHOT = 's'} COPY GRANTS", "a!"),
        ("CREATE TABLE a AS SELECT * FROM b", "a!"),
        ("CREATE TABLE a (z INT) SELECT * FROM b", "a!"),
        (
            "CREATE TABLE a (x INT REFERENCES p(i), FOREIGN KEY (y) REFERENCES Shop.`Q` (i))",
            "a p q!",
        ),
        ("CREATE TABLE a (x INT DEFAULT nextval('s'))", "a s!"),
        ("CREATE TABLE a (`references` INT, x INT COMMENT 'REFERENCES p')", "a!"),
        ("DROP TABLE IF EXISTS a, shop.b, SHOP.`c.d` /* e */;", "a b c.d!"),
        ("DROP TEMPORARY TABLE a", "a!"),
        ("DROP TABLE `a`, /* b, */ c -- d", "a c!"),
        ("/*!50003 DROP TABLE a */", "a!"),
        ("/*! DROP */ TABLE a", "a!"),
        ("ALTER TABLE a ADD COLUMN b INT", "a!"),
        ("ALTER TABLE a RENAME TO b", "a b!"),
        ("ALTER TABLE a RENAME b", "a b!"),
        ("alter table shop.a rename as `B.c`", "a b.c!"),
        ("ALTER TABLE a ADD x INT, RENAME TO b", "a b!"),
        ("ALTER TABLE a RENAME COLUMN x TO y", "a!"),
        ("ALTER TABLE a RENAME INDEX x TO y", "a!"),
        ("ALTER TABLE a RENAME TO other.b", "a b!"),
        (
            "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES p (i) ON DELETE CASCADE",
            "a p!",
        ),
        ("ALTER TABLE a COMMENT = 'RENAME TO b'", "a!"),
        ("ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b", "?"),
        ("RENAME TABLE a TO b, c TO d", "a b c d!"),
        ("RENAME TABLE a TO other.b", "a b!"),
        ("RENAME TABLE a", "?"),
        ("TRUNCATE a", "a!"),
        ("TRUNCATE TABLE `table`", "table!"),
        ("CREATE INDEX i ON a (x)", "a!"),
        ("CREATE UNIQUE INDEX i USING btree ON shop.a (x)", "a!"),
        ("create fulltext index i on a (x)", "a!"),
        ("DROP INDEX IF EXISTS i ON a", "a!"),
        ("CREATE VIEW v AS SELECT * FROM a", "v!"),
        ("CREATE OR REPLACE VIEW v AS SELECT * FROM a", "v!"),
        ("CREATE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW v AS SELECT 1", "v!"),
        ("ALTER VIEW IF EXISTS v AS SELECT 1", "v!"),
        ("DROP VIEW v, w", "v w!"),
        ("CREATE SEQUENCE IF NOT EXISTS s START WITH 5", "s!"),
        ("ALTER SEQUENCE s INCREMENT BY 2", "s!"),
        ("DROP SEQUENCE s, t", "s t!"),
    ]);
}

#[test]
fn rows_touch_the_tables_that_are_written() {
    all(&[
        ("INSERT INTO a VALUES (1)", "a"),
        ("insert a values (1)", "a"),
        ("INSERT IGNORE INTO `a` SELECT * FROM b", "a"),
        ("INSERT OVERWRITE a VALUES (1)", "a"),
        ("INSERT INTO overwrite VALUES (1)", "overwrite"),
        ("INSERT INTO a (x) WITH w AS (SELECT 1) SELECT * FROM w", "a"),
        ("INSERT INTO a VALUES (';', '/*', \"--\")", "a"),
        ("INSERT INTO a VALUES (nextval('S'))", "a s"),
        ("INSERT INTO a SET x = 1 ON DUPLICATE KEY UPDATE x = 2", "a"),
        ("REPLACE LOW_PRIORITY INTO a VALUES (1)", "a"),
        ("REPLACE a SET x = replace('a', 'b', 'c')", "a"),
        ("WITH w AS (SELECT 1) INSERT INTO a SELECT * FROM w", "a"),
        ("UPDATE a SET x = 1", "a"),
        ("UPDATE a AS y SET y.x = 1", "a"),
        ("UPDATE a JOIN b ON a.i = b.i SET a.x = 1", "a b"),
        ("UPDATE a, b SET a.x = 1", "a b"),
        ("UPDATE (a JOIN b USING (i)) SET x = 1", "a b"),
        ("UPDATE a JOIN (SELECT * FROM c) d ON a.i = d.i SET x = 1", "a"),
        (
            "UPDATE a JOIN (SELECT CAST(x AS CHAR CHARACTER SET utf8) FROM c) d ON 1, b SET x = 1",
            "a b",
        ),
        ("UPDATE a SET x = (SELECT 1 FROM b)", "a"),
        ("UPDATE a SET x = b.x FROM b", "a"),
        ("WITH b AS (SELECT 1) UPDATE a JOIN b ON a.i = b.i SET x = 1", "a"),
        ("DELETE FROM a WHERE i IN (SELECT i FROM b)", "a"),
        ("DELETE FROM a y WHERE y.i = 1", "a"),
        ("DELETE a FROM a JOIN b ON a.i = b.i", "a"),
        ("DELETE a, b FROM a JOIN b ON a.i = b.i", "a b"),
        ("DELETE y FROM a AS y JOIN b ON y.i = b.i", "a"),
        ("DELETE a.*, z.* FROM a JOIN b z ON a.i = z.i", "a b"),
        ("DELETE shop.a.* FROM a JOIN b ON a.i = b.i", "a"),
        ("DELETE FROM a, z USING a JOIN b z ON a.i = z.i", "a b"),
        ("DELETE FROM a USING (a JOIN b)", "?"),
        ("WITH w AS (SELECT 1) DELETE FROM a", "a"),
        ("LOAD DATA LOCAL INFILE 'x' IGNORE INTO TABLE a FIELDS TERMINATED BY ','", "a"),
        ("LOAD DATA INFILE {'filepath'='x'} INTO TABLE shop.a", "a"),
    ]);
}

#[test]
fn what_reads_or_sets_touches_nothing() {
    all(&[
        ("", ""),
        ("-- nothing", ""),
        ("SELECT * FROM a", ""),
        ("(SELECT 1) UNION (SELECT 2)", ""),
        ("SELECT * FROM a FOR UPDATE", ""),
        ("SELECT * FROM a {SNAPSHOT = 's'}", ""),
        ("SELECT nextval('s'), SETVAL(\"t\", 1)", "s t"),
        ("SELECT nextval(concat('s', '1'))", "?"),
        ("SELECT * INTO OUTFILE 'x' FROM a", ""),
        ("SHOW TABLES", ""),
        ("DESC a", ""),
        ("EXPLAIN DELETE FROM a", ""),
        ("EXPLAIN ANALYZE DELETE FROM a", "?"),
        ("ANALYZE TABLE a, b (x)", ""),
        ("SET @x = 1", ""),
        ("SET @x = (SELECT nextval('s'))", "s"),
        ("GRANT SELECT ON TABLE shop.a TO r", "a"),
        ("REVOKE r FROM u", ""),
        ("CREATE FUNCTION f () RETURNS INT LANGUAGE sql AS '1'", "f"),
        ("CREATE OR REPLACE PROCEDURE p () 'begin delete from a; end'", "p"),
        ("DROP FUNCTION IF EXISTS f ()", "f"),
    ]);
}

#[test]
fn what_is_not_read_with_certainty_is_unknown() {
    for statement in [
        "CALL p()",
        "EXECUTE s",
        "PREPARE s FROM 'DROP TABLE a'",
        "DO 1",
        "PERFORM f()",
        "DATA BRANCH MERGE a INTO b",
        "DATA BRANCH PICK a INTO b KEYS (1)",
        "RESTORE TABLE d.t {SNAPSHOT = 's'}",
        "USE other",
        "BEGIN",
        "DROP DATABASE shop",
        "MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN DELETE",
        "SELECT mo_ctl('dn', 'flush', 'a.b')",
        "INSERT INTO a VALUES (1); DELETE FROM b",
        "/*! DROP TABLE a; DROP TABLE b */",
        "/*! UPDATE a SET x = ' ; ' */",
        "DROP TABLE a, a.b.c",
        "DROP TABLE",
        "DROP TABLE a, ",
        "INSERT INTO select VALUES (1)",
        "INSERT INTO 'a' VALUES (1)",
        "INSERT INTO a VALUES ('",
        "UPDATE {OJ a LEFT JOIN b ON 1} SET x = 1",
        "CREATE TABLE a FROM 'x' b PUBLICATION c",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1",
        "SELCT 1",
        "DELETE FROM a, b",
        "é",
    ] {
        assert_eq!(touched(statement, MatrixOne), "?", "{statement}");
    }
    for dialect in [Sqlite, Postgres] {
        assert_eq!(touched("DROP TABLE a", dialect), "?");
    }
}

#[test]
fn another_database_is_elsewhere_and_not_touched() {
    for (statement, tables, elsewhere) in [
        ("DROP TABLE a, Other.B", "a!", Some("`other`.`b`")),
        ("INSERT INTO `other`.a SELECT * FROM b", "", Some("`other`.`a`")),
        ("INSERT INTO a SELECT * FROM other.b", "a", None),
        ("UPDATE other.a JOIN b ON 1 SET x = 1", "b", Some("`other`.`a`")),
        ("UPDATE a SET x = (SELECT 1 FROM other.b)", "a", None),
        ("DELETE y FROM other.a y JOIN b ON 1", "", Some("`other`.`a`")),
        ("DELETE FROM other.a", "", Some("`other`.`a`")),
        ("CREATE TABLE a LIKE other.b", "a!", None),
        ("ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES other.p (i)", "a!", None),
        ("RENAME TABLE a TO other.b", "a b!", Some("`other`.`b`")),
        ("ALTER TABLE other.a RENAME TO b", "!", Some("`other`.`a`")),
        ("CREATE INDEX i ON other.a (x)", "!", Some("`other`.`a`")),
        ("CREATE VIEW v AS SELECT * FROM other.a", "v!", None),
        ("CREATE SEQUENCE other.s", "!", Some("`other`.`s`")),
        ("CREATE FUNCTION other.f () RETURNS INT LANGUAGE sql AS '1'", "", Some("`other`.`f`")),
        ("DROP PROCEDURE shop.p", "p", None),
        ("GRANT SELECT ON TABLE other.a TO r", "", Some("`other`.`a`")),
        ("GRANT SELECT ON TABLE SHOP.a TO r", "a", None),
        ("TRUNCATE `other.a`", "other.a!", None),
        ("/*! TRUNCATE */ other . a", "!", Some("`other`.`a`")),
        ("SELECT 'DROP TABLE other.a'", "", None),
    ] {
        assert_eq!(touched(statement, MatrixOne), tables, "{statement}");
        let found = writes_elsewhere(statement, MatrixOne, "shop");
        let expected = elsewhere.map(|name| format!("it changes {name} of another database"));
        assert_eq!(found, expected, "{statement}");
    }
    assert_eq!(writes_elsewhere("DROP TABLE other.a", Sqlite, "shop"), None);
}
