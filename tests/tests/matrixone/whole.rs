//! The restore by RESTORE DATABASE: it gives the same as the other method, is refused where the
//! server would go wrong, and says what it could not show.

use std::time::{Duration, Instant};

use mo_migrate::settings::{ForeignWrites, RestoreMethod};
use mo_migrate::{Migrator, Outcome, error::Code};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const SHOP: &str = "CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), UNIQUE KEY (name));
    INSERT INTO products (name) VALUES ('a'), ('b');
    CREATE TABLE orders (id INT PRIMARY KEY, product INT, CONSTRAINT op FOREIGN KEY (product) REFERENCES products (id));
    INSERT INTO orders VALUES (1, 1), (2, NULL);
    CREATE TABLE tree (id INT PRIMARY KEY, parent INT, CONSTRAINT tt FOREIGN KEY (parent) REFERENCES tree (id));
    INSERT INTO tree VALUES (1, NULL), (2, 1);
    CREATE VIEW v AS SELECT id, name FROM products;
    CREATE SEQUENCE s START WITH 5";

fn whole(shop: &Shop) -> Migrator {
    shop.migrator().attended(true).restore_method(RestoreMethod::Database)
}

async fn fails(shop: &Shop, migration: &str, outcome: Outcome) -> mo_migrate::Error {
    shop.file("2_x.sql", &shop.named(migration));
    let error = whole(shop).run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), outcome, "{migration}: {error:?}");
    error
}

#[tokio::test]
async fn a_failed_run_comes_back_with_grants_sequences_and_keys() {
    let Some(mut shop) = Shop::of(SHOP).await else { return };
    shop.user();
    server::sql(
        "",
        &shop.named("GRANT SELECT ON TABLE DB.products TO DB_role; GRANT SELECT ON VIEW DB.v TO DB_role; GRANT SHOW TABLES ON DATABASE DB TO DB_role"),
    );
    shop.run("CREATE FUNCTION plus (a INT, b INT) RETURNS INT LANGUAGE SQL AS '$1 + $2'");
    assert_eq!(shop.run("SELECT nextval('s')"), "5\n");
    let before = shop.dump();
    for migration in [
        "UPDATE products SET name = 'z' WHERE id = 1",
        "ALTER TABLE products ADD COLUMN x INT; DELETE FROM orders; DROP VIEW v",
        "DROP TABLE orders; CREATE TABLE new (id INT PRIMARY KEY); DROP SEQUENCE s",
    ] {
        let error = fails(&shop, &format!("{migration}; {BAD}"), Outcome::Restored).await;
        let report = error.report().unwrap().restore.clone().unwrap();
        assert_eq!((report.method.as_str(), report.proof.as_str()), ("database", "contents"));
        assert_eq!(report.late_rows, None);
        shop.assert_dump(&before, migration);
        assert_eq!(shop.files_with("_verify"), [""; 0], "{migration}");
    }
    assert_eq!(shop.as_user("SELECT count(*) FROM products").unwrap(), "2\n");
    assert_eq!(shop.as_user("SELECT count(*) FROM v").unwrap(), "2\n");
    assert!(shop.tries("INSERT INTO orders VALUES (9, 99)").is_err());
    // 5 was given out.
    assert_eq!(shop.run("SELECT nextval('s')"), "6\n");
    assert_eq!(shop.migrator().status(shop.address()).await.unwrap().state, "pending");
}

#[tokio::test]
async fn generated_keys_are_not_given_twice() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let many =
        "INSERT INTO products (name) SELECT concat('n', result) FROM generate_series(1, 12000) g";
    fails(&shop, &format!("{many}; {BAD}"), Outcome::Restored).await;
    shop.run("INSERT INTO products (name) VALUES ('late')");
    let late: u64 = shop.run("SELECT id FROM products WHERE name = 'late'").trim().parse().unwrap();
    assert!(late > 12_002, "{late} was given out before");
}

#[tokio::test]
async fn each_trap_is_refused_by_its_own_sentence_before_anything_is_touched() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    let other = shop.named("DB_other");
    for (make, undo, word) in [
        (
            "CREATE DATABASE DB_other; CREATE TABLE DB_other.c (id INT PRIMARY KEY, p INT, CONSTRAINT out_key FOREIGN KEY (p) REFERENCES DB.products (id))",
            "DROP DATABASE DB_other",
            "out_key",
        ),
        (
            "CREATE TABLE a (id INT PRIMARY KEY, b INT); CREATE TABLE b (id INT PRIMARY KEY, a INT, CONSTRAINT k1 FOREIGN KEY (a) REFERENCES a (id)); ALTER TABLE a ADD CONSTRAINT k2 FOREIGN KEY (b) REFERENCES b (id)",
            "SET foreign_key_checks = 0; DROP TABLE a; DROP TABLE b",
            "circle",
        ),
        (
            "CREATE TABLE gone (id INT); CREATE VIEW dangling AS SELECT * FROM gone; DROP TABLE gone",
            "DROP VIEW dangling",
            "`dangling`",
        ),
        (
            "CREATE PUBLICATION DB_pub DATABASE DB ACCOUNT ALL",
            "DROP PUBLICATION DB_pub",
            "publication",
        ),
        ("CREATE PITR DB_pitr FOR DATABASE DB RANGE 1 'h'", "DROP PITR DB_pitr", "PITR"),
        ("CREATE TABLE tiny (id TINYINT PRIMARY KEY AUTO_INCREMENT)", "DROP TABLE tiny", "`tiny`"),
    ] {
        shop.run(make);
        let error =
            fails(&shop, "UPDATE products SET name = 'z' WHERE id = 1;", Outcome::Refused).await;
        assert_eq!(error.code(), Code::NoWayBack, "{make}");
        assert!(error.to_string().contains(word), "{make}: {error}");
        assert!(error.hint().unwrap().contains("--restore-method tables"), "{error:?}");
        shop.run(undo);
        shop.assert_dump(&before, make);
    }
    assert!(!server::exists(&other));
}

/// A trap that the migration itself has set.
#[tokio::test]
async fn a_trap_that_came_with_the_migration_needs_a_person_and_the_other_method_works() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    let migration = "CREATE TABLE a (id INT PRIMARY KEY, b INT); CREATE TABLE b (id INT PRIMARY KEY, a INT, CONSTRAINT k1 FOREIGN KEY (a) REFERENCES a (id)); ALTER TABLE a ADD CONSTRAINT k2 FOREIGN KEY (b) REFERENCES b (id); UPDATE products SET name = 'z' WHERE id = 1";
    let error = fails(&shop, &format!("{migration}; {BAD}"), Outcome::NeedsPerson).await;
    assert!(error.to_string().contains("circle"), "{error:?}");
    let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::Restored);
    shop.assert_dump(&before, "recovered by tables");
}

#[tokio::test]
async fn what_others_wrote_elsewhere_is_not_taken_back_unless_that_is_said() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    shop.file(
        "2_x.check.sql",
        &format!(
            "-- check(after): fails\n-- command: {}; false",
            shop.shell("INSERT INTO orders VALUES (7, 1)")
        ),
    );
    let error =
        fails(&shop, "UPDATE tree SET parent = NULL WHERE id = 2;", Outcome::NeedsPerson).await;
    assert!(error.to_string().contains("`orders`"), "{error:?}");
    assert_eq!(shop.run("SELECT id FROM orders WHERE id = 7"), "7\n");
    let report = whole(&shop)
        .foreign_writes(ForeignWrites::Discard)
        .recover(shop.address())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.outcome, Outcome::Restored);
    shop.assert_dump(&before, "discarded");
    let failed = report.restore.unwrap().failed_state.unwrap();
    assert_eq!(shop.sql_in(&failed, "SELECT id FROM {orders} WHERE id = 7"), "7\n");
}

#[tokio::test]
async fn a_session_in_the_way_is_named_and_not_waited_for_beyond_the_limit() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    shop.file("2_x.sql", &format!("UPDATE tree SET parent = NULL WHERE id = 2; {BAD}"));
    let mut blocker = server::connect(shop.database(), None).await.unwrap();
    let id =
        server::ask(&mut blocker, "SELECT CONNECTION_ID()").await.unwrap()[0][0].clone().unwrap();
    for statement in ["BEGIN", "UPDATE orders SET product = NULL WHERE id = 1"] {
        server::ask(&mut blocker, statement).await.unwrap();
    }
    let (limit, begun) = (Duration::from_secs(3), Instant::now());
    let error = whole(&shop).lock_timeout(limit).run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NeedsPerson, "{error:?}");
    assert!(begun.elapsed() < limit + Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(error.to_string().contains(&format!("session {id}")), "{error:?}");
    // Ended only when that was said.
    let report = whole(&shop)
        .lock_timeout(Duration::from_secs(20))
        .terminate_blockers(true)
        .recover(shop.address())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.outcome, Outcome::Restored);
    assert!(server::ask(&mut blocker, "SELECT 1").await.is_err(), "its session lives on");
    shop.assert_dump(&before, "terminated");
}

/// What the next start finds after each moment, in the ledger alone where the marker is gone already.
#[tokio::test]
async fn a_crash_anywhere_in_it_is_finished_by_the_next_start() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    shop.file("2_x.sql", &format!("ALTER TABLE products ADD COLUMN x INT; DROP SEQUENCE s; {BAD}"));
    for moment in [
        "finish:failed_state",
        "start:restore_database",
        "finish:restore_database",
        "start:afterwards",
        "finish:afterwards",
    ] {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_die_at"))
            .args([&shop.address(), shop.migrations().to_str().unwrap(), moment, "up", "database"])
            .output()
            .unwrap();
        assert!(
            !out.status.success() && out.stdout.is_empty(),
            "{moment} was not reached: {out:?}"
        );
        let report = whole(&shop).recover(shop.address()).await;
        let report = report.unwrap_or_else(|error| panic!("{moment}: {error:?}")).unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{moment}");
        shop.assert_dump(&before, moment);
    }
}

/// Rows that are acknowledged between the failed state and the replacement are in neither of the two.
#[tokio::test]
async fn rows_of_the_moment_between_are_kept_beside() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    shop.file("2_x.sql", &format!("UPDATE tree SET parent = NULL WHERE id = 2; {BAD}"));
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_die_at"))
        .args([
            &shop.address(),
            shop.migrations().to_str().unwrap(),
            "start:restore_database",
            "up",
            "database",
        ])
        .output()
        .unwrap();
    assert!(!out.status.success() && out.stdout.is_empty(), "{out:?}");
    // As if its RESTORE had been sent after another's INSERT, and its process had died after that.
    shop.run("INSERT INTO tree VALUES (50, 1)");
    let ledger = shop
        .named("SELECT snapshot, failed_state FROM runs WHERE guarded = 'DB' AND outcome IS NULL");
    let names = server::sql("mo_migrate", &ledger);
    let (snapshot, failed) = names.trim().split_once('|').unwrap();
    shop.run(&format!("RESTORE DATABASE DB {{SNAPSHOT = '{snapshot}'}}"));
    let report = whole(&shop).recover(shop.address()).await.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::Restored);
    assert_eq!(report.restore.unwrap().late_rows.as_deref(), Some(failed));
    assert_eq!(server::sql(failed, "SELECT id FROM tree ORDER BY id"), "1\n2\n50\n");
    assert_eq!(shop.run("SELECT id FROM tree ORDER BY id"), "1\n2\n");
    server::sql("", &format!("DROP DATABASE {failed}"));
}
