//! Views, sequences, rights, routines: what RESTORE DATABASE loses or stumbles over.

use mo_migrate::Outcome;
use mo_migrate::error::Code;

use crate::shop::Shop;

const VIEWED: &str = "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1);
    CREATE TABLE u (id INT PRIMARY KEY); CREATE VIEW v AS SELECT id, a FROM t; CREATE VIEW w AS SELECT id FROM v WHERE a > 0";

/// RESTORE DATABASE fails as a whole over one.
#[tokio::test]
async fn a_view_that_dangled_before_is_in_nobodys_way() {
    let Some(shop) = Shop::of(VIEWED).await else { return };
    shop.run("CREATE VIEW dangling AS SELECT * FROM u; DROP TABLE u");
    shop.comes_back_from(&[
        "UPDATE t SET a = 9",
        "ALTER TABLE t ADD COLUMN b INT",
        "CREATE TABLE u (id INT PRIMARY KEY)",
    ])
    .await;
    let before = shop.dump();
    shop.file("2_x.sql", "DROP VIEW dangling;");
    let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
    assert_eq!(error.code(), Code::NoWayBack, "nothing could make it again: {error:?}");
    shop.assert_dump(&before, "refused");
}

#[tokio::test]
async fn views_come_back_with_what_they_read() {
    let Some(shop) = Shop::of(VIEWED).await else { return };
    shop.comes_back_from(&[
        "DROP TABLE t",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "DROP VIEW v; DROP TABLE t",
        "DROP VIEW w; DROP VIEW v",
        "CREATE OR REPLACE VIEW v AS SELECT id, a + 1 AS a FROM t",
        "ALTER VIEW v AS SELECT id, id AS a FROM t",
        "CREATE VIEW x AS SELECT * FROM w; UPDATE t SET a = 0",
        "DROP VIEW v; CREATE TABLE v (id INT PRIMARY KEY, a INT); INSERT INTO v VALUES (5, 5)",
    ])
    .await;
    assert_eq!(shop.run("SELECT * FROM w"), "1\n");
}

/// A clone has the comment of CREATE, and so had a table that was put back.
#[tokio::test]
async fn a_comment_that_a_table_got_later_comes_back_with_it() {
    let Some(shop) = Shop::of(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT) COMMENT = 'first'; ALTER TABLE t COMMENT = 'it''s \\\\ later';
         CREATE TABLE u (id INT PRIMARY KEY); ALTER TABLE u COMMENT = 'late'; INSERT INTO t VALUES (1, 1)",
    )
    .await
    else {
        return;
    };
    assert!(shop.dump().contains("later"), "{}", shop.dump());
    shop.comes_back_from(&[
        "UPDATE t SET a = 9",
        "ALTER TABLE t ADD COLUMN b INT; ALTER TABLE u ADD COLUMN b INT",
        "ALTER TABLE t COMMENT = ''; ALTER TABLE u COMMENT = 'other'",
        "DROP TABLE t",
    ])
    .await;
}

/// RESTORE DATABASE drops it and says OK.
#[tokio::test]
async fn a_sequence_stays_and_gives_no_number_twice() {
    let Some(shop) = Shop::of(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT); CREATE SEQUENCE s INCREMENT BY 2 START WITH 5",
    )
    .await
    else {
        return;
    };
    for sql in [
        "INSERT INTO t VALUES (nextval('s'), 1); UPDATE t SET a = 2",
        "DROP SEQUENCE s; UPDATE t SET a = 3",
        "DROP SEQUENCE s; CREATE SEQUENCE s INCREMENT BY 10 START WITH 1000; INSERT INTO t VALUES (1, 3)",
        "ALTER SEQUENCE s INCREMENT BY 7; INSERT INTO t VALUES (1, 3)",
        "CREATE SEQUENCE s2; INSERT INTO t VALUES (1, 3)",
    ] {
        let given: i64 = shop.run("SELECT nextval('s')").trim().parse().unwrap();
        shop.comes_back_from(&[sql]).await;
        let next: i64 = shop.run("SELECT nextval('s')").trim().parse().unwrap();
        assert!(next > given, "{sql}: {next} after {given}");
    }
}

#[tokio::test]
async fn a_sequence_that_was_never_asked_begins_where_it_did() {
    let Some(shop) =
        Shop::of("CREATE TABLE t (id INT PRIMARY KEY); CREATE SEQUENCE s START WITH 5").await
    else {
        return;
    };
    shop.comes_back_from(&["DROP SEQUENCE s; INSERT INTO t VALUES (1)"]).await;
    assert_eq!(shop.run("SELECT nextval('s')"), "5\n");
}

/// After RESTORE DATABASE the role is refused.
#[tokio::test]
async fn a_role_keeps_its_rights_on_tables() {
    let Some(mut shop) = Shop::of("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1); CREATE TABLE u (id INT)").await
    else {
        return;
    };
    shop.user();
    shop.run("GRANT SELECT, INSERT ON TABLE DB.t TO DB_role; GRANT UPDATE ON TABLE DB.t TO DB_role WITH GRANT OPTION");
    assert_eq!(shop.as_user("SELECT id, a FROM t").unwrap(), "1|1\n");
    shop.comes_back_from(&[
        "UPDATE t SET a = 9",
        "ALTER TABLE t ADD COLUMN x INT",
        "DROP TABLE t",
        "DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, other INT)",
        "TRUNCATE TABLE t",
        "ALTER TABLE t RENAME TO tt",
        &shop.named("REVOKE SELECT ON TABLE DB.t FROM DB_role"),
        &shop.named("GRANT DELETE ON TABLE DB.t TO DB_role; UPDATE t SET a = 2"),
        &shop.named("GRANT SELECT ON TABLE DB.u TO DB_role"),
    ])
    .await;
    assert_eq!(shop.as_user("SELECT id, a FROM t").unwrap(), "1|1\n");
    shop.as_user("INSERT INTO t VALUES (2, 2)").unwrap();
    assert!(shop.as_user("DELETE FROM t WHERE id = 2").is_err());
    assert!(shop.as_user("SELECT * FROM u").is_err());
}

#[tokio::test]
async fn a_role_keeps_its_rights_on_the_database_and_on_views() {
    let Some(mut shop) = Shop::of(VIEWED).await else { return };
    shop.user();
    shop.run("GRANT SELECT ON TABLE DB.* TO DB_role; GRANT SHOW TABLES ON DATABASE DB TO DB_role; GRANT SELECT ON VIEW DB.v TO DB_role");
    shop.comes_back_from(&[
        "UPDATE t SET a = 9",
        "CREATE OR REPLACE VIEW v AS SELECT id, a + 1 AS a FROM t",
        "DROP VIEW v",
        "DROP TABLE t",
    ])
    .await;
    assert_eq!(shop.as_user("SELECT * FROM t").unwrap(), "1|1\n");
    assert_eq!(shop.as_user("SELECT * FROM v").unwrap(), "1|1\n");
}

#[tokio::test]
async fn functions_come_back() {
    let Some(shop) = Shop::of("CREATE TABLE t (id INT PRIMARY KEY)").await else { return };
    shop.run("CREATE FUNCTION addx (a INT, b INT) RETURNS INT LANGUAGE SQL AS '$1 + $2'");
    shop.comes_back_from(&[
        "DROP FUNCTION addx (INT, INT); INSERT INTO t VALUES (1)",
        "CREATE FUNCTION mul (a INT, b INT) RETURNS INT LANGUAGE SQL AS '$1 * $2'; INSERT INTO t VALUES (1)",
        "DROP FUNCTION addx (INT, INT); CREATE FUNCTION addx (a INT, b INT) RETURNS INT LANGUAGE SQL AS '$1 - $2'",
    ])
    .await;
    assert_eq!(shop.run("SELECT addx(1, 2)"), "3\n");
}

#[tokio::test]
async fn procedures_come_back_or_are_refused() {
    let Some(shop) = Shop::of("CREATE TABLE t (id INT PRIMARY KEY)").await else { return };
    shop.run("CREATE PROCEDURE fill () 'begin INSERT INTO t VALUES (7); end'");
    let before = shop.dump();
    for sql in [
        "DROP PROCEDURE fill; INSERT INTO t VALUES (1); SELECT * FROM nowhere;",
        "CREATE PROCEDURE more () 'begin INSERT INTO t VALUES (8); end'; SELECT * FROM nowhere;",
        "CALL fill(); SELECT * FROM nowhere;",
    ] {
        shop.file("2_x.sql", sql);
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert!(
            matches!(error.outcome(), Outcome::Restored | Outcome::Refused),
            "{sql}: {error:?}"
        );
        shop.assert_dump(&before, sql);
    }
}
