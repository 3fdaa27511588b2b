//! Foreign keys: from outside, to itself, in a circle, made before or by the migration that fails.

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const PARENT: &str = "CREATE TABLE p (id INT PRIMARY KEY, a INT); INSERT INTO p VALUES (1, 1), (2, 2), (3, 3);
    CREATE TABLE plain (id INT PRIMARY KEY, a INT); INSERT INTO plain VALUES (1, 1);
    CREATE TABLE c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES p (id)); INSERT INTO c VALUES (1, 1)";

const FROM_OUTSIDE: &str = "CREATE TABLE k (id INT PRIMARY KEY, pid INT, CONSTRAINT out_fk FOREIGN KEY (pid) REFERENCES DB.p (id));
    INSERT INTO k VALUES (1, 2)";

/// What RESTORE DATABASE answers OK to, and leaves mixed.
#[tokio::test]
async fn a_key_of_another_database_leaves_no_mixed_state() {
    let Some(shop) = Shop::of(PARENT).await else { return };
    shop.other(FROM_OUTSIDE);
    let theirs = server::dump(&shop.named("DB_other"));
    shop.comes_back_from(&[
        "UPDATE p SET a = 9; UPDATE plain SET a = 9; UPDATE c SET pid = 3",
        "ALTER TABLE p ADD COLUMN x INT DEFAULT 5; ALTER TABLE c ADD COLUMN x INT",
        "INSERT INTO p VALUES (4, 4); INSERT INTO c VALUES (2, 4)",
        "DELETE FROM c; DELETE FROM plain; DELETE FROM p WHERE id = 3",
        "SET foreign_key_checks = 0; DROP TABLE p; DROP TABLE plain; DROP TABLE c",
    ])
    .await;
    assert_eq!(server::dump(&shop.named("DB_other")), theirs);
    // The key from outside holds in both directions, and so does the one inside.
    shop.refuses("INSERT INTO DB_other.k VALUES (2, 99)", "foreign key constraint fails");
    shop.refuses("DELETE FROM p WHERE id = 2", "foreign key constraint fails");
    shop.refuses("DELETE FROM p WHERE id = 1", "foreign key constraint fails");
    shop.refuses("INSERT INTO c VALUES (9, 99)", "foreign key constraint fails");
}

/// What RESTORE TABLE answers OK to, and does nothing.
#[tokio::test]
async fn a_table_that_others_point_to_is_really_restored() {
    let Some(shop) = Shop::of(PARENT).await else { return };
    shop.comes_back_from(&[
        "UPDATE p SET a = 9",
        "INSERT INTO p VALUES (7, 7)",
        "DELETE FROM p WHERE id > 1",
    ])
    .await;
    assert_eq!(shop.run("SELECT id, a FROM p ORDER BY id"), "1|1\n2|2\n3|3\n");
}

#[tokio::test]
async fn a_key_from_another_database_made_by_the_migration_is_no_trap() {
    let Some(shop) = Shop::of(PARENT).await else { return };
    shop.other("CREATE TABLE mine (id INT PRIMARY KEY)");
    let before = shop.dump();
    let makes = "UPDATE p SET a = 9; CREATE TABLE DB_other.k (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES DB.p (id));
        INSERT INTO DB_other.k VALUES (1, 2);";
    // What another database gets, no restore of this one takes back.
    let error = shop.fails(&format!("{makes} {BAD}"), Outcome::Refused).await;
    assert_eq!(error.code(), Code::NoWayBack, "{error:?}");
    shop.assert_dump(&before, "refused");
    assert!(!server::dump(&shop.named("DB_other")).contains("`k`"));

    // Somebody who says that it may: this database comes back all the same.
    let allowed =
        format!("-- mo-migrate: allow NO_WAY_BACK because the other one is ours\n{makes} {BAD}");
    shop.file("2_x.sql", &shop.named(&allowed));
    let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
    assert!(matches!(error.outcome(), Outcome::Restored | Outcome::NeedsPerson), "{error:?}");
    let own = |dump: &str| dump.split("-- keys of others").next().unwrap().to_owned();
    assert_eq!(own(&shop.dump()), own(&before));
    shop.refuses("INSERT INTO c VALUES (9, 99)", "foreign key constraint fails");
}

#[tokio::test]
async fn a_key_into_another_database_made_by_the_migration_goes_again() {
    let Some(shop) = Shop::of(PARENT).await else { return };
    shop.other("CREATE TABLE q (id INT PRIMARY KEY); INSERT INTO q VALUES (1)");
    let before = shop.dump();
    for sql in [
        "CREATE TABLE n (id INT PRIMARY KEY, qid INT, FOREIGN KEY (qid) REFERENCES DB_other.q (id)); INSERT INTO n VALUES (1, 1)",
        "ALTER TABLE plain ADD CONSTRAINT into_q FOREIGN KEY (a) REFERENCES DB_other.q (id)",
    ] {
        let head = "-- mo-migrate: allow NO_WAY_BACK because the other one is ours";
        shop.file("2_x.sql", &shop.named(&format!("{head}\n{sql}; {BAD}")));
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert!(
            matches!(error.outcome(), Outcome::Restored | Outcome::NeedsPerson),
            "{sql}: {error:?}"
        );
        shop.assert_dump(&before, sql);
    }
    // Nothing of it keeps the other database's rows.
    shop.other("DELETE FROM q; DROP TABLE q");
}

#[tokio::test]
async fn a_key_into_another_database_that_existed_before_comes_back() {
    let Some(shop) = Shop::of("CREATE TABLE first_one (a INT)").await else { return };
    shop.other("CREATE TABLE q (id INT PRIMARY KEY); INSERT INTO q VALUES (1), (2)");
    shop.run("CREATE TABLE n (id INT PRIMARY KEY, qid INT, CONSTRAINT nq FOREIGN KEY (qid) REFERENCES DB_other.q (id)); INSERT INTO n VALUES (1, 1)");
    shop.comes_back_from(&[
        "UPDATE n SET qid = 2",
        "ALTER TABLE n DROP FOREIGN KEY nq",
        "DROP TABLE n",
        "ALTER TABLE n ADD COLUMN x INT",
    ])
    .await;
    shop.refuses("INSERT INTO n VALUES (9, 99)", "foreign key constraint fails");
    shop.refuses("DELETE FROM DB_other.q WHERE id = 1", "foreign key constraint fails");
}

#[tokio::test]
async fn a_key_to_its_own_table_comes_back() {
    let Some(shop) = Shop::of(
        "CREATE TABLE tree (id INT PRIMARY KEY, up INT, name VARCHAR(20), FOREIGN KEY (up) REFERENCES tree (id));
         INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'leaf')",
    )
    .await
    else {
        return;
    };
    shop.comes_back_from(&[
        "INSERT INTO tree VALUES (3, 2, 'twig'); UPDATE tree SET name = 'x'",
        "ALTER TABLE tree ADD COLUMN x INT",
        "SET foreign_key_checks = 0; DROP TABLE tree",
        "DELETE FROM tree WHERE id = 2",
    ])
    .await;
    shop.refuses("INSERT INTO tree VALUES (9, 99, 'orphan')", "foreign key constraint fails");
    shop.refuses("DELETE FROM tree WHERE id = 1", "foreign key constraint fails");
}

const CIRCLE: &str = "CREATE TABLE a (id INT PRIMARY KEY, b_id INT); CREATE TABLE b (id INT PRIMARY KEY, a_id INT, CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id));
    INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1)";

/// RESTORE DATABASE refuses it.
#[tokio::test]
async fn keys_in_a_circle_come_back() {
    let Some(shop) = Shop::of(CIRCLE).await else { return };
    shop.run("ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b (id); UPDATE a SET b_id = 1");
    shop.comes_back_from(&[
        "INSERT INTO a VALUES (2, 1)",
        "INSERT INTO a VALUES (2, 1); INSERT INTO b VALUES (2, 2)",
        "ALTER TABLE a DROP FOREIGN KEY a_b",
        "ALTER TABLE b ADD COLUMN x INT",
        "SET foreign_key_checks = 0; DROP TABLE a; DROP TABLE b",
    ])
    .await;
    shop.refuses("INSERT INTO a VALUES (9, 99)", "foreign key constraint fails");
    shop.refuses("INSERT INTO b VALUES (9, 99)", "foreign key constraint fails");
}

#[tokio::test]
async fn keys_in_a_circle_made_by_the_migration_go_again() {
    let Some(shop) = Shop::of(CIRCLE).await else { return };
    shop.comes_back_from(&[
        "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b (id); UPDATE a SET b_id = 1",
        "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b (id); INSERT INTO b VALUES (2, 1)",
    ])
    .await;
    shop.run("INSERT INTO a VALUES (9, 99)");
    shop.refuses("INSERT INTO b VALUES (9, 98)", "foreign key constraint fails");
}
