use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

use super::*;

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
        (MatrixOne, "alter sequence s INCREMENT BY 2", true),
        (MatrixOne, "RENAME TABLE a TO b", true),
        (MatrixOne, "SET @a = 1", true),
        (MatrixOne, "SET TRANSACTION READ ONLY", true),
        (MatrixOne, "SET ROLE r", true),
        (MatrixOne, "LOCK TABLES t WRITE", true),
        (MatrixOne, "UNLOCK TABLES", true),
        (MatrixOne, "BEGIN", true),
        (MatrixOne, "start transaction", true),
        (MatrixOne, "GRANT SELECT ON TABLE t TO r", true),
        (MatrixOne, "CREATE OR REPLACE FUNCTION f () RETURNS INT LANGUAGE sql AS '1'", true),
        (MatrixOne, "DROP PROCEDURE p", true),
        (MatrixOne, "/*! CREATE USER */ u IDENTIFIED BY 'x'", true),
        (MatrixOne, "DROP SNAPSHOT s", true),
        (MatrixOne, "SHOW SNAPSHOTS", true),
        (MatrixOne, "CREATE PUBLICATION p DATABASE d", true),
        (MatrixOne, "DROP STAGE s", true),
        (MatrixOne, "PAUSE CDC TASK t", true),
        (MatrixOne, "KILL 5", true),
        (MatrixOne, "RESTORE DATABASE d {SNAPSHOT = 's'}", true),
        (MatrixOne, "DATA BRANCH PICK a INTO b KEYS (1)", true),
        (MatrixOne, "DO 1", true),
        (MatrixOne, "DATA BRANCH CREATE TABLE b FROM a", false),
        (MatrixOne, "ALTER TABLE a RENAME TO b", false),
        (MatrixOne, "ALTER VIEW v AS SELECT 1", false),
        (MatrixOne, "CREATE EXTERNAL TABLE e (a INT) INFILE 'x'", false),
        (MatrixOne, "CREATE TABLE t CLONE u", false),
        (MatrixOne, "TRUNCATE t", false),
        (MatrixOne, "ANALYZE TABLE t", false),
        (MatrixOne, "SHOW TABLES", false),
        (MatrixOne, "SELECT nextval('s')", false),
        (MatrixOne, "CREATE TABLE role (a INT)", false),
        (MatrixOne, "CREATE DATABASE d", false),
        (MatrixOne, "", false),
        (Postgres, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", true),
        (Postgres, "CREATE INDEX i ON t (a)", false),
        (MySql, "VACUUM", false),
    ] {
        assert_eq!(needs_no_transaction(statement, dialect).is_some(), refused, "{statement}");
    }
}

#[test]
fn definitions_and_rows_are_not_mixed() {
    const ALTER: &str = "ALTER TABLE a ADD COLUMN b INT";
    const UPDATE: &str = "UPDATE a SET b = 1";
    for (statements, first) in [
        (vec![], None),
        (vec![ALTER], None),
        (vec![ALTER, "SELECT 1", ";"], None),
        (
            vec![UPDATE, "INSERT INTO c VALUES (1)", "DELETE FROM d", "REPLACE INTO e VALUES (1)"],
            None,
        ),
        (vec!["SHOW TABLES", "ANALYZE TABLE a"], None),
        (vec![ALTER, UPDATE], Some(1)),
        (vec![UPDATE, ALTER], Some(1)),
        (vec![ALTER, "SELECT 1", "DROP TABLE c"], Some(2)),
        (vec!["SELECT 1", UPDATE, "TRUNCATE a"], Some(2)),
        (vec!["CREATE TABLE b (c INT)", "LOAD DATA INFILE 'x' INTO TABLE b"], Some(1)),
        (vec![ALTER, "SELECT nextval('s')"], Some(1)),
        (vec!["CALL p()"], Some(0)),
        (vec![UPDATE, "SET @a = 1"], Some(1)),
        (vec!["RENAME TABLE a TO b"], Some(0)),
        (vec!["/*! UPDATE a SET b = 1 */", "CREATE INDEX i ON a (b)"], Some(1)),
        (vec!["SELECT 1; DROP TABLE a"], Some(0)),
    ] {
        let found = mixes_in_transaction(&statements, MatrixOne).map(|found| found.0);
        assert_eq!(found, first, "{statements:?}");
        assert_eq!(mixes_in_transaction(&statements, Sqlite), None);
    }
}

#[test]
fn a_transaction_of_its_own_is_for_known_forms() {
    for (statement, fits) in [
        ("ALTER TABLE a ADD COLUMN b INT", true),
        ("ALTER TABLE a RENAME TO b", true),
        ("CREATE TABLE a AS SELECT * FROM b", true),
        ("create temporary table a (b int)", true),
        ("CREATE TABLE a CLONE b {SNAPSHOT = 's'} COPY GRANTS", true),
        ("DROP TABLE a, b", true),
        ("CREATE UNIQUE INDEX i ON a (b)", true),
        ("DROP INDEX i ON a", true),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", true),
        ("DROP VIEW v", true),
        ("TRUNCATE TABLE a", true),
        ("INSERT INTO a VALUES (nextval('s'))", true),
        ("REPLACE a VALUES (1)", true),
        ("WITH c AS (SELECT 1) UPDATE a SET b = 1", true),
        ("DELETE FROM a", true),
        ("/*!50003 DROP TABLE a */", true),
        ("INSERT INTO a VALUES (release_all_locks())", false),
        ("SET @a = 1", false),
        ("LOAD DATA INFILE 'x' INTO TABLE a", false),
        ("RENAME TABLE a TO b", false),
        ("CREATE SEQUENCE s", false),
        ("GRANT SELECT ON TABLE a TO r", false),
        ("CREATE FUNCTION f () RETURNS INT LANGUAGE sql AS '1'", false),
        ("CREATE EXTERNAL TABLE e (a INT) INFILE 'x'", false),
        ("CREATE TABLE a CLONE b TO ACCOUNT c", false),
        ("USE d", false),
        ("SHOW TABLES", false),
        ("SELECT * FROM a FOR UPDATE", false),
        ("CALL p()", false),
        ("CREATE DATABASE d", false),
        ("DROP TABLE a; DROP TABLE b", false),
        ("", false),
    ] {
        assert_eq!(fits_in_transaction_of_its_own(statement, MatrixOne), fits, "{statement}");
        assert!(!fits_in_transaction_of_its_own(statement, MySql), "{statement}");
    }
}
