//! Ways in which the guard could lie or lose, each tried out on both engines.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use mo_migrate::settings::ForeignWrites;
use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, Place, engines, places};

const BAD: &str = "SELECT * FROM nowhere;";

/// A database with one applied migration that holds this.
async fn with(place: Place, sql: &str) -> Fixture {
    let shop = Fixture::new(place).read_meanwhile();
    shop.file("1_init.sql", sql);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

async fn fails(shop: &Fixture, outcome: Outcome) -> mo_migrate::Error {
    let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), outcome, "{error:?}");
    error
}

/// While the checks run somebody else does this, and then they fail.
fn meanwhile(shop: &Fixture, sql: &str) {
    let writes = shop.shell(sql);
    let check =
        format!("-- check: somebody else writes, and this fails\n-- command: {writes}; exit 1");
    shop.file("2_x.check.sql", &check);
}

#[tokio::test]
async fn a_check_can_not_write() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE t (id INT PRIMARY KEY);").await;
        let before = shop.dump();
        shop.file("2_x.sql", "CREATE TABLE x (y INT);")
            .file("2_x.check.sql", "-- check: writes\nDELETE FROM t;");
        let error = fails(&shop, Outcome::Refused).await;
        assert_eq!(error.code(), Code::BadFile, "{error:?}");
        shop.assert_dump(&before, "dump");
    }
}

const HISTORY_OF_SQLITE: [&str; 5] = [
    "DROP TABLE mo_migrate_history;",
    "DELETE FROM \"MO_MIGRATE_HISTORY\";",
    "ALTER TABLE mo_migrate_history RENAME TO h;",
    "UPDATE main.mo_migrate_history SET state = 'kept';",
    "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM mo_migrate_history; END; INSERT INTO t VALUES (1);",
];

const HISTORY_OF_MATRIXONE: [&str; 5] = [
    "DROP TABLE mo_migrate_history;",
    "DELETE FROM `MO_MIGRATE_HISTORY`;",
    "RENAME TABLE t TO u, mo_migrate_history TO h;",
    "UPDATE DB.mo_migrate_history SET state = 'kept';",
    "TRUNCATE TABLE Mo_Migrate_History;",
];

#[tokio::test]
async fn a_migration_can_not_touch_the_history() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE t (id INT PRIMARY KEY);").await;
        let before = shop.dump();
        for head in place.headings() {
            for sql in place.by(HISTORY_OF_SQLITE, HISTORY_OF_MATRIXONE) {
                let sql = sql.replace("DB.", &format!("{}.", shop.database()));
                shop.file("2_x.sql", &format!("{head}INSERT INTO t VALUES (7); {sql}"));
                let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
                assert!(
                    error.is_undone() || error.outcome() == Outcome::Refused,
                    "{sql}: {error:?}"
                );
                assert!(error.to_string().contains("history"), "{sql}: {error:?}");
                shop.assert_dump(&before, &sql);
            }
        }
    }
}

#[tokio::test]
async fn rows_that_others_wrote_to_touched_tables_are_in_the_failed_state() {
    for place in places() {
        let shop = with(
            place,
            "CREATE TABLE products (id $KEY, n INT); INSERT INTO products (n) VALUES (1);",
        )
        .await;
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nUPDATE products SET n = 2;");
        meanwhile(&shop, "INSERT INTO products (n) VALUES (77)");
        let error = fails(&shop, Outcome::Restored).await;
        let restore = error.report().unwrap().restore.clone().unwrap();
        assert_eq!(restore.discarded_writes, ["products"]);
        let failed = restore.failed_state.unwrap();
        assert_eq!(shop.sql_in(&failed, "SELECT n FROM {products} ORDER BY id"), "2\n77\n");
        assert_eq!(shop.sql("SELECT n FROM products"), "1\n");
        // The number that was given to the other one's row is not given again.
        let given = shop.sql_in(&failed, "SELECT max(id) FROM {products}");
        shop.sql("INSERT INTO products (n) VALUES (3)");
        let next = shop.sql("SELECT max(id) FROM products");
        let number = |text: &str| text.trim().parse::<i64>().unwrap();
        assert!(number(&next) > number(&given), "{given} was given out, and then {next}");
    }
}

#[tokio::test]
async fn refuse_leaves_others_writes_to_a_person_and_discard_takes_them_back() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE products (n INT); CREATE TABLE orders (n INT); INSERT INTO products VALUES (1);").await;
        let before = shop.dump();
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nUPDATE products SET n = 2;");
        meanwhile(&shop, "INSERT INTO orders VALUES (1)");
        let refusing = shop.migrator().foreign_writes(ForeignWrites::Refuse);
        let error = refusing.run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::ForeignWrites, Outcome::NeedsPerson),
            "{error:?}"
        );
        assert_eq!(shop.sql("SELECT n FROM products"), "2\n");
        // A service that is started again and again does not fill its disk.
        for _ in 0..2 {
            let again = refusing.recover(shop.address()).await.unwrap_err();
            assert_eq!(again.code(), Code::ForeignWrites, "{again:?}");
        }
        let kept = refusing.snapshot_list(shop.address()).await.unwrap();
        let failed = |line: &&mo_migrate::SnapshotLine| line.purpose.as_deref() == Some("failed");
        assert_eq!(kept.iter().filter(failed).count(), 1, "{place:?}");
        let discarding = shop.migrator().foreign_writes(ForeignWrites::Discard);
        let report = discarding.recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        shop.assert_dump(&before, "dump");
    }
}

#[tokio::test]
async fn rows_of_others_that_would_lose_their_parent_are_a_persons_who_is_told_where_they_are() {
    for place in places() {
        let shop = with(
            place,
            "CREATE TABLE products (id INT PRIMARY KEY); CREATE TABLE notes (n INT);
             CREATE TABLE orders (n INT, product INT, FOREIGN KEY (product) REFERENCES products (id));
             INSERT INTO products VALUES (1);",
        )
        .await;
        let before = shop.dump();
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nINSERT INTO products VALUES (2);");
        meanwhile(&shop, "INSERT INTO orders VALUES (1, 2); INSERT INTO notes VALUES (1)");
        let error = fails(&shop, Outcome::NeedsPerson).await;
        assert_eq!(error.code(), Code::ForeignWrites, "{error:?}");
        assert!(error.causes().contains(&"there are some in `orders`".to_owned()), "{error:?}");
        // Nothing went: neither theirs nor what they refer to.
        assert_eq!(shop.sql("SELECT n, product FROM orders; SELECT n FROM notes"), "1|2\n1\n");
        assert_eq!(shop.sql("SELECT id FROM products ORDER BY id"), "1\n2\n");
        let discarding = shop.migrator().foreign_writes(ForeignWrites::Discard);
        discarding.recover(shop.address()).await.unwrap().unwrap();
        shop.assert_dump(&before, "dump");
    }
}

#[tokio::test]
async fn a_database_that_has_the_verify_name_is_never_dropped() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE t (x INT); INSERT INTO t VALUES (1);").await;
        let theirs =
            shop.make_verify("CREATE TABLE precious (x INT); INSERT INTO precious VALUES (42)");
        let before = shop.dump();
        shop.file("2_x.sql", &format!("-- mo-migrate: no-transaction\nDELETE FROM t; {BAD}"));
        fails(&shop, Outcome::Restored).await;
        shop.assert_dump(&before, "dump");
        assert_eq!(shop.sql_of(&theirs, "SELECT x FROM precious"), "42\n");
        assert_eq!(shop.files_with("_verify"), [theirs]);
    }
}

#[tokio::test]
async fn one_migration_without_a_transaction_makes_the_whole_run_restorable() {
    for place in places() {
        let shop = with(place, "CREATE TABLE t (x INT); INSERT INTO t VALUES (1);").await;
        let before = shop.dump();
        shop.file("2_a.sql", "INSERT INTO t VALUES (2);")
            .file("3_b.sql", "-- mo-migrate: no-transaction\nINSERT INTO t VALUES (3);")
            .file("4_c.sql", &format!("INSERT INTO t VALUES (4); {BAD}"));
        fails(&shop, Outcome::Restored).await;
        shop.assert_dump(&before, "dump");
    }
}

#[tokio::test]
async fn foreign_keys_that_were_broken_before_are_not_the_migrations_fault() {
    for place in engines() {
        let shop = with(
            place,
            "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id));",
        )
        .await;
        shop.sql("$KEYS_OFF; INSERT INTO c VALUES (99)");
        shop.file("2_x.sql", "CREATE TABLE x (y INT);");
        assert_eq!(shop.migrator().run(shop.address()).await.unwrap().outcome, Outcome::Applied);
    }
}

#[tokio::test]
async fn a_table_that_others_made_meanwhile_is_not_dropped() {
    for place in places() {
        let shop =
            with(place, "CREATE TABLE products (n INT); INSERT INTO products VALUES (1);").await;
        shop.file(
            "2_x.sql",
            "-- mo-migrate: no-transaction\nUPDATE products SET n = 2; CREATE TABLE ours (x INT);",
        );
        meanwhile(&shop, "CREATE TABLE theirs (x INT); INSERT INTO theirs VALUES (1)");
        let error = fails(&shop, Outcome::Restored).await;
        assert_eq!(error.report().unwrap().restore.as_ref().unwrap().kept_writes, ["theirs"]);
        assert_eq!(shop.sql("SELECT x FROM theirs"), "1\n");
        assert_eq!(shop.sql("SELECT n FROM products"), "1\n");
        assert!(!shop.dump().contains("ours"));
    }
}

#[tokio::test]
async fn a_column_that_is_not_there_is_no_text() {
    for place in engines() {
        let shop =
            with(place, "CREATE TABLE p (id INT PRIMARY KEY, n INT); INSERT INTO p VALUES (1, 1);")
                .await;
        shop.file("2_x.sql", "CREATE TABLE x (y INT);");
        for check in [
            "not_null(p.nope)",
            "accepted(p.nope, 'nope')",
            "unique(p, n, nope)",
            "columns_unchanged(p, nope)",
        ] {
            shop.file("2_x.check.sql", &format!("-- check: {check}"));
            let error = fails(&shop, shop.undone()).await;
            assert_eq!(error.code(), Code::CheckErred, "{check}: {error:?}");
        }
    }
}

#[tokio::test]
async fn what_others_changed_in_a_table_of_theirs_stays_though_the_run_made_tables() {
    for place in places() {
        let shop = with(
            place,
            "CREATE TABLE orders (x INT); INSERT INTO orders VALUES (1); CREATE TABLE p (n INT);",
        )
        .await;
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nCREATE TABLE q (z INT); CREATE INDEX qi ON q (z); CREATE VIEW v AS SELECT * FROM q;");
        meanwhile(
            &shop,
            "ALTER TABLE orders ADD COLUMN y VARCHAR(10); INSERT INTO orders VALUES (2, 'honest')",
        );
        let error = fails(&shop, Outcome::Restored).await;
        let orders = shop.sql("SELECT * FROM orders ORDER BY x");
        assert_eq!(orders, "1|\n2|honest\n", "{error:?}");
        assert!(!shop.dump().contains("qi"));
    }
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_is_ended() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE p (n INT); INSERT INTO p VALUES (1);").await;
        let before = shop.dump();
        let writes = shop.shell("INSERT INTO p VALUES (666)");
        shop.file("2_x.sql", "UPDATE p SET n = 2;").file(
            "2_x.check.sql",
            &format!("-- check: c\n-- command: (sleep 2; {writes}) >/dev/null 2>&1 & exit 1"),
        );
        fails(&shop, Outcome::Restored).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        shop.assert_dump(&before, "three seconds later");
    }
}

#[tokio::test]
async fn a_temporary_table_of_the_historys_name_is_not_taken_for_it() {
    for place in engines() {
        let shop = with(place, "CREATE TABLE p (n INT);").await;
        let before = shop.dump();
        shop.file("2_x.sql", "CREATE TEMPORARY TABLE mo_migrate_history (version BIGINT, kind TEXT, state TEXT); INSERT INTO p VALUES (1);");
        match shop.migrator().run(shop.address()).await {
            Ok(report) => {
                assert_eq!(report.outcome, Outcome::Applied);
                let kept =
                    "SELECT count(*) FROM mo_migrate_history WHERE kind = 'sql' AND state = 'kept'";
                assert_eq!(shop.sql(kept), "2\n");
                let again = shop.migrator().run(shop.address()).await.unwrap();
                assert_eq!(again.outcome, Outcome::UpToDate);
            }
            // An engine whose guard can't name its history besides may refuse it.
            Err(error) => {
                assert!(!place.is_sqlite() && error.to_string().contains("history"), "{error:?}");
                shop.assert_dump(&before, "refused");
            }
        }
    }
}

/// Others may have found it by then: what they write before it was removed would be lost.
#[tokio::test]
async fn a_database_that_a_first_start_made_stays_when_that_start_fails() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.remove_database();
        shop.file("1_bad.sql", BAD);
        fails(&shop, shop.undone()).await;
        assert!(shop.exists(), "{place:?}");
        shop.sql("CREATE TABLE theirs (x INT)");
        shop.file("1_good.sql", "CREATE TABLE t (x INT);")
            .remove("1_bad.sql")
            .file("2_bad.sql", BAD);
        let one_by_one = shop.migrator().attended(true).unit(mo_migrate::settings::Unit::Migration);
        one_by_one.run(shop.address()).await.unwrap_err();
        assert_eq!(shop.sql("SELECT count(*) FROM t"), "0\n");
        assert_eq!(
            shop.sql(
                "SELECT count(*) FROM mo_migrate_history WHERE state = 'kept' AND kind = 'sql'"
            ),
            "1\n"
        );
    }
}
