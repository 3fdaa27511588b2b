use super::*;

#[test]
fn a_statement_without_a_database_can_be_rehearsed() {
    for statement in [
        "CREATE TABLE a (x INT REFERENCES p (i))",
        "CREATE TABLE a LIKE b",
        "CREATE TABLE a CLONE b",
        "DROP TABLE IF EXISTS a, `b.c`",
        "ALTER TABLE a ADD COLUMN x INT, RENAME COLUMN y TO z",
        "CREATE VIEW v AS SELECT a.x, b.* FROM a JOIN b ON a.i = b.i",
        "CREATE INDEX i ON a (x)",
        "INSERT INTO a SELECT y.x FROM b AS y WHERE y.x LIKE y.z",
        "INSERT INTO a (x) VALUES (1) ON DUPLICATE KEY UPDATE a.x = VALUES(x)",
        "UPDATE a SET a.x = 1.5 WHERE a.y = 'other.b'",
        "UPDATE `a` JOIN b AS `c` ON a.i = `c`.i SET a.x = c.x",
        "DELETE y FROM a y WHERE y.i = 1",
        "WITH w (i) AS (SELECT 1) DELETE FROM a WHERE i IN (SELECT w.i FROM w)",
        "SELECT d.x FROM (SELECT t.x FROM t) d",
        "SELECT EXTRACT(YEAR FROM a.x) FROM a",
        "SELECT * FROM a{SNAPSHOT = 's'} b WHERE b.x = 1",
        "SET @x = 1, @@session.sql_mode = ''",
        "SELECT nextval('s')",
        "SHOW TABLES",
        "DESC a",
        "ANALYZE TABLE a (x)",
        "/*!50003 DROP TABLE a */;",
        "-- other.b\nDROP TABLE a",
        "",
    ] {
        assert_eq!(names_no_database(statement, Dialect::MatrixOne), Ok(()), "{statement}");
    }
}

#[test]
fn what_names_a_database_or_reaches_further_cannot() {
    for statement in [
        "CREATE TABLE shop.a (x INT)",
        "CREATE TABLE a (x INT REFERENCES shop.p (i))",
        "CREATE TABLE a LIKE shop.b",
        "CREATE TABLE a CLONE `shop`.b",
        "CREATE TABLE a AS SELECT * FROM shop.b",
        "DROP TABLE a, shop.b",
        "DROP TABLE IF EXISTS \"shop\".b",
        "ALTER TABLE a RENAME TO shop.b",
        "CREATE VIEW v AS SELECT 1 FROM shop . a",
        "CREATE INDEX i ON shop.a (x)",
        "INSERT INTO shop.a VALUES (1)",
        "INSERT INTO a SELECT * FROM shop.b AS shop",
        "INSERT INTO a SELECT * FROM b, shop.c shop",
        "INSERT INTO a SELECT * FROM b JOIN (c, shop.d shop) ON 1",
        "INSERT INTO a TABLE shop.b",
        "UPDATE a SET x = (SELECT 1 FROM shop.b)",
        "UPDATE a SET x = (SELECT 1 FROM b USE INDEX FOR ORDER BY (i), shop.c shop)",
        "UPDATE a SET shop.a.x = 1",
        "UPDATE a JOIN shop.b shop ON 1 SET x = 1",
        "DELETE FROM shop.a",
        "DELETE shop.a FROM a JOIN b ON 1",
        "DELETE a FROM a USING shop.b shop",
        "SELECT shop.a.x FROM a",
        "SELECT shop.f(1)",
        "SELECT shop.x FROM a",
        "SELECT * FROM {OJ shop.a LEFT JOIN b ON 1}",
        "SELECT nextval('shop.s')",
        "SELECT nextval(@x)",
        "DESC shop.a",
        "EXPLAIN shop.a",
        "SHOW TABLES FROM shop",
        "SHOW CREATE DATABASE shop",
        "SHOW CREATE TABLE shop.a",
        "USE shop",
        "CALL p()",
        "PREPARE s FROM 'DELETE FROM shop.a'",
        "EXECUTE s",
        "GRANT SELECT ON TABLE a TO r",
        "SET GLOBAL x = 1",
        "SET @@global.x = 1",
        "LOAD DATA INFILE 'x' INTO TABLE a",
        "CREATE EXTERNAL TABLE e (x INT) INFILE 'x'",
        "CREATE USER u IDENTIFIED BY 'x'",
        "CREATE FUNCTION f () RETURNS INT LANGUAGE sql AS '1'",
        "SELECT release_all_locks()",
        "SELECT mo_ctl('dn', 'flush', 'a.b')",
        "SELECT 1 INTO OUTFILE 'x'",
        "DATA BRANCH MERGE a INTO b",
        "DELETE FROM a; DELETE FROM shop.a",
        "/*! DELETE FROM a # */ , shop.a",
        "SELCT 1",
    ] {
        assert!(names_no_database(statement, Dialect::MatrixOne).is_err(), "{statement}");
    }
    assert!(names_no_database("SELECT 1", Dialect::Sqlite).is_err());
}
