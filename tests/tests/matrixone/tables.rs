//! Tables: how they end, and what hangs on them.

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const TWO: &str = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20)); INSERT INTO t VALUES (1, 'one'), (2, NULL), (3, '');
    CREATE TABLE u (id INT); INSERT INTO u VALUES (1), (1), (NULL)";

#[tokio::test]
async fn a_table_that_is_dropped_renamed_truncated_or_made_comes_back_as_it_was() {
    let Some(shop) = Shop::of(TWO).await else { return };
    shop.comes_back_from(&[
        "DROP TABLE t",
        "DROP TABLE t, u",
        "ALTER TABLE t RENAME TO tt",
        "RENAME TABLE t TO tt, u TO t",
        "TRUNCATE TABLE t",
        "DELETE FROM t",
        "CREATE TABLE n (id INT); INSERT INTO n VALUES (1)",
        "CREATE TABLE n AS SELECT * FROM t",
        "CREATE TABLE n LIKE t",
        "CREATE TABLE n CLONE t",
        "DROP TABLE u; CREATE TABLE u (id INT); INSERT INTO u VALUES (1), (1), (NULL)",
        "DROP TABLE t; CREATE VIEW t AS SELECT * FROM u",
        "ALTER TABLE t COMMENT = 'other'",
        "ALTER TABLE t MODIFY COLUMN a VARCHAR(40)",
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER TABLE t DROP PRIMARY KEY",
        "UPDATE t SET a = '' WHERE a IS NULL",
        "UPDATE u SET id = 1 WHERE id IS NULL",
        "INSERT INTO u VALUES (1)",
    ])
    .await;
}

#[tokio::test]
async fn indexes_come_back_and_work() {
    let Some(shop) = Shop::of(
        "CREATE TABLE d (id INT PRIMARY KEY, code VARCHAR(20), n INT, body TEXT, UNIQUE KEY by_code (code), KEY by_n (n), FULLTEXT KEY by_body (body));
         INSERT INTO d VALUES (1, 'a', 1, 'alpha beta'), (2, 'b', 1, 'gamma delta')",
    )
    .await
    else {
        return;
    };
    shop.comes_back_from(&[
        "INSERT INTO d VALUES (3, 'c', 3, 'epsilon')",
        "UPDATE d SET body = 'omega', code = 'z' WHERE id = 1",
        "ALTER TABLE d DROP INDEX by_code",
        "ALTER TABLE d DROP INDEX by_body",
        "DROP INDEX by_n ON d",
        "CREATE UNIQUE INDEX by_both ON d (code, n)",
        "ALTER TABLE d ADD COLUMN x INT",
        "DROP TABLE d",
    ])
    .await;
    shop.refuses("INSERT INTO d VALUES (9, 'a', 9, 'x')", "Duplicate entry");
    let found = "SELECT id FROM d WHERE MATCH(body) AGAINST('alpha')";
    assert_eq!(shop.run(found), "1\n");
    assert_eq!(shop.run("SELECT count(*) FROM d WHERE n = 1"), "2\n");
    shop.run("INSERT INTO d VALUES (9, 'i', 9, 'alpha again')");
    assert_eq!(shop.run("SELECT count(*) FROM d WHERE MATCH(body) AGAINST('alpha')"), "2\n");
}

/// In the transaction that makes it a partitioned table reads as empty.
#[tokio::test]
async fn partitions_come_back_with_their_rows() {
    let Some(shop) = Shop::of(
        "CREATE TABLE h (id INT PRIMARY KEY, a INT) PARTITION BY HASH(id) PARTITIONS 4;
         INSERT INTO h VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);
         CREATE TABLE r (id INT PRIMARY KEY, a INT) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN (MAXVALUE));
         INSERT INTO r VALUES (1, 1), (100, 2)",
    )
    .await
    else {
        return;
    };
    shop.comes_back_from(&[
        "UPDATE h SET a = 9",
        "DELETE FROM h WHERE id > 2; INSERT INTO r VALUES (50, 5)",
        "TRUNCATE TABLE h",
        "DROP TABLE h; DROP TABLE r",
        "ALTER TABLE h ADD COLUMN x INT",
        "CREATE TABLE n (id INT PRIMARY KEY) PARTITION BY HASH(id) PARTITIONS 2; INSERT INTO n VALUES (1)",
    ])
    .await;
    assert_eq!(shop.run("SELECT count(*), sum(a) FROM h"), "5|15\n");
}

#[tokio::test]
async fn generated_keys_come_back_and_are_never_given_twice() {
    let Some(shop) = Shop::of(
        "CREATE TABLE g (id INT PRIMARY KEY AUTO_INCREMENT, a INT); INSERT INTO g (a) VALUES (1), (2), (3);
         CREATE TABLE none_yet (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, a INT NOT NULL UNIQUE);
         CREATE TABLE tiny (id TINYINT PRIMARY KEY AUTO_INCREMENT, a INT); INSERT INTO tiny (a) VALUES (1), (2);
         CREATE TABLE small (id SMALLINT PRIMARY KEY AUTO_INCREMENT, a INT); INSERT INTO small (a) VALUES (1);
         CREATE TABLE pair (shop INT DEFAULT 1, id INT AUTO_INCREMENT, a INT, PRIMARY KEY (shop, id)); INSERT INTO pair (a) VALUES (1);
         CREATE TABLE no_key (id INT AUTO_INCREMENT, a INT, KEY (id)); INSERT INTO no_key (a) VALUES (1)",
    )
    .await
    else {
        return;
    };
    let before = shop.dump();
    for (table, migration) in [
        ("g", "INSERT INTO g (a) VALUES (4), (5)"),
        ("g", "INSERT INTO g (id, a) VALUES (30000, 4)"),
        ("g", "DELETE FROM g WHERE id = 3"),
        ("g", "ALTER TABLE g ADD COLUMN x INT; INSERT INTO g (a) VALUES (4)"),
        ("none_yet", "INSERT INTO none_yet (a) VALUES (1), (2)"),
        ("tiny", "INSERT INTO tiny (a) VALUES (3)"),
        ("tiny", "UPDATE tiny SET a = 7"),
        ("small", "INSERT INTO small (a) VALUES (3)"),
        // The server has hidden columns for these.
        ("pair", "INSERT INTO pair (a) VALUES (3)"),
        ("no_key", "INSERT INTO no_key (a) VALUES (3)"),
    ] {
        // The highest that the failed migration gave out is in the failed state.
        let error = shop.fails(&format!("{migration}; {BAD}"), Outcome::Restored).await;
        shop.assert_dump(&before, migration);
        let failed =
            error.report().unwrap().restore.as_ref().unwrap().failed_state.clone().unwrap();
        let given = shop.sql_in(&failed, &format!("SELECT coalesce(max(id), 0) FROM {{{table}}}"));
        shop.run(&format!("INSERT INTO {table} (a) VALUES (100)"));
        let next = shop.run(&format!("SELECT max(id) FROM {table}"));
        shop.run(&format!("DELETE FROM {table} WHERE a = 100"));
        let number = |text: &str| text.trim().parse::<i64>().unwrap();
        assert!(number(&next) > number(&given), "{migration}: {next} was given out before");
    }
}

/// Their hidden key is generated as well: the row that moves its counter was left in the table.
#[tokio::test]
async fn rows_without_a_key_come_back_and_no_row_more() {
    let Some(shop) = Shop::of(
        "CREATE TABLE bare (a INT, b VARCHAR(9)); INSERT INTO bare VALUES (1, 'x'), (2, 'y')",
    )
    .await
    else {
        return;
    };
    let before = shop.dump();
    for migration in [
        "INSERT INTO bare VALUES (3, 'z')",
        "DELETE FROM bare; INSERT INTO bare VALUES (1, 'x')",
        "DELETE FROM bare WHERE a = 2",
        "ALTER TABLE bare ADD COLUMN c INT; INSERT INTO bare (a) VALUES (4)",
    ] {
        let _ = shop.fails(&format!("{migration}; {BAD}"), Outcome::Restored).await;
        shop.assert_dump(&before, migration);
    }
}

#[tokio::test]
async fn a_database_that_the_migration_drops_comes_back() {
    let Some(mut shop) =
        Shop::of(&format!("{TWO}; CREATE VIEW v AS SELECT * FROM t; CREATE SEQUENCE s")).await
    else {
        return;
    };
    shop.user();
    shop.run("GRANT SELECT ON TABLE DB.t TO DB_role; GRANT SELECT ON TABLE DB.* TO DB_role");
    let before = shop.dump();
    let drops = "UPDATE t SET a = 'x'; DROP DATABASE DB;";
    let error = shop.fails(&format!("{drops} {BAD}"), Outcome::Refused).await;
    assert_eq!(error.code(), Code::NoWayBack, "{error:?}");
    shop.assert_dump(&before, "refused");

    let head = "-- mo-migrate: allow NO_WAY_BACK because a fire drill";
    for drops in [drops, "DROP DATABASE DB; CREATE DATABASE DB; USE DB; CREATE TABLE t (x INT);"] {
        shop.file("2_x.sql", &shop.named(&format!("{head}\n{drops} {BAD}")));
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert!(matches!(error.outcome(), Outcome::Restored | Outcome::NeedsPerson), "{error:?}");
        shop.assert_dump(&before, drops);
        assert_eq!(shop.as_user("SELECT count(*) FROM t").unwrap(), "3\n");
    }
}

#[tokio::test]
async fn an_empty_database_is_empty_again() {
    if server::url().is_none() {
        return;
    }
    let shop = mo_migrate_tests::Fixture::new(mo_migrate_tests::Place::MatrixOne);
    let before = shop.dump();
    for migration in [
        "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);",
        "CREATE SEQUENCE s; CREATE TABLE a (id INT); CREATE VIEW v AS SELECT * FROM a;",
        "CREATE TABLE h (id INT PRIMARY KEY) PARTITION BY HASH(id) PARTITIONS 2; INSERT INTO h VALUES (1);",
    ] {
        shop.file("1_x.sql", &format!("{migration} {BAD}"));
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        shop.assert_dump(&before, migration);
    }
}

#[tokio::test]
async fn a_database_of_four_hundred_tables_is_as_before() {
    let tables: Vec<String> = (0..400)
        .map(|n| format!("CREATE TABLE t{n} (id INT PRIMARY KEY, a INT, KEY by_a (a)); INSERT INTO t{n} VALUES (1, {n}), (2, {n})"))
        .collect();
    let Some(shop) = Shop::of(&tables.join(";")).await else { return };
    shop.comes_back_from(&[
        "UPDATE t7 SET a = 9",
        "DROP TABLE t1; ALTER TABLE t2 ADD COLUMN x INT; TRUNCATE TABLE t3; ALTER TABLE t4 RENAME TO u4; CREATE TABLE n (id INT)",
    ])
    .await;
}
