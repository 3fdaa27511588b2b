//! The guard: what fails is undone, to the byte of the dump, on both engines and in both journals,
//! while somebody else reads.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::settings::{RestoreMethod, SnapshotPolicy};
use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, Place, engines, places};

const PRODUCTS: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100) NOT NULL, price INT, stock INT);
CREATE INDEX by_name ON products (name);
INSERT INTO products (name, price, stock) VALUES ('Gaming Laptop', 1500, 20), ('Wireless Mouse', 30, 150),
  ('Mechanical Keyboard', 120, 80), ('4K Monitor', 400, 45), ('USB-C Hub', 50, 200);";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place).read_meanwhile();
    shop.file("1_products.sql", PRODUCTS);
    let report = shop.migrator().run(shop.address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    shop
}

#[tokio::test]
async fn what_is_pending_is_applied_once() {
    for place in places() {
        let shop = shop(place).await;
        let again = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!((again.outcome, again.to), (Outcome::UpToDate, Some(1)));
        assert_eq!(shop.sql("SELECT count(*) FROM products"), "5\n");
        assert_eq!(shop.files_with("_verify"), [""; 0]);
    }
}

#[tokio::test]
async fn a_method_that_an_engine_does_not_have_is_refused_before_anything_is_touched() {
    for place in places().into_iter().filter(|place| place.is_sqlite()) {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_more.sql", "DELETE FROM products;");
        let migrator = shop.migrator().restore_method(RestoreMethod::Database);
        let error = migrator.run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
        assert!(error.to_string().contains("SQLite has no command"), "{error:?}");
        shop.assert_dump(&before, "refused");
    }
}

#[tokio::test]
async fn a_failure_in_a_transaction_is_rolled_back() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_more.sql", "ALTER TABLE products ADD COLUMN category TEXT; DELETE FROM products; INSERT INTO nowhere VALUES (1);");
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Statement, shop.undone()), "{error:?}");
        assert!(error.message().contains("statement 3 of 3"), "{error:?}");
        assert_eq!(error.place().unwrap().line(), 1);
        shop.assert_dump(&before, "dump");
    }
}

const HALF: &str = "-- mo-migrate: no-transaction
ALTER TABLE products ADD COLUMN category TEXT;
CREATE TABLE reviews (id $KEY, text TEXT);
INSERT INTO reviews (text) VALUES ('good');
UPDATE products SET category = 'Electronics', price = price * 2;
DELETE FROM products WHERE id = 3;
CREATE VIEW cheap AS SELECT * FROM products WHERE price < 100;
INSERT INTO products (name) VALUES ('new');
";

/// What SQLite has besides.
const HALF_OF_SQLITE: &str = "CREATE TRIGGER t AFTER INSERT ON products BEGIN INSERT INTO reviews (text) VALUES (new.name); END;
INSERT INTO products (name) VALUES ('another');
PRAGMA user_version = 9;
";

#[tokio::test]
async fn a_failure_without_a_transaction_is_restored_and_proved() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        let more = place.by(HALF_OF_SQLITE, "");
        shop.file("2_half.sql", &format!("{HALF} {more} INSERT INTO nowhere VALUES (1);"));
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::Statement, Outcome::Restored),
            "{error:?}"
        );
        shop.assert_dump(&before, "dump");
        if place.is_sqlite() {
            assert_eq!(shop.sql("PRAGMA user_version"), "7\n");
        }
        let restore = error.report().unwrap().restore.as_ref().unwrap();
        assert_eq!(restore.proof, "contents");
        assert!(restore.discarded_writes.is_empty());
        assert_eq!(shop.files_with("_verify"), [""; 0]);
        assert_eq!(shop.files_with("failed_v2").len(), 1);
        shop.assert_sound();
    }
}

#[tokio::test]
async fn the_first_run_of_all_leaves_nothing_behind_when_it_fails() {
    for place in places() {
        let shop = Fixture::new(place);
        let before = shop.dump();
        shop.file(
            "1_half.sql",
            &format!("-- mo-migrate: no-transaction\n{PRODUCTS}\nSELECT * FROM nowhere;"),
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        shop.assert_dump(&before, "dump");
        shop.assert_sound();
    }
}

#[tokio::test]
async fn a_check_that_fails_before_the_commit_rolls_back_and_shows_its_rows() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_lose.sql", "DELETE FROM products WHERE id = 3;").file(
            "2_lose.check.sql",
            "-- check: no product is lost\nSELECT b.id, b.name FROM {{before.products}} b LEFT JOIN products p ON p.id = b.id WHERE p.id IS NULL;",
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, shop.undone()),
            "{error:?}"
        );
        let check = &error.report().unwrap().checks[0];
        assert_eq!(check.rows[0]["name"], "Mechanical Keyboard");
        shop.assert_dump(&before, "dump");
    }
}

#[tokio::test]
async fn a_check_that_fails_after_the_commit_is_restored() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_lose.sql", "DELETE FROM products WHERE id = 3; ALTER TABLE products ADD COLUMN x INT;").file(
            "2_lose.check.sql",
            "-- check(after): five products\nSELECT 1 WHERE (SELECT count(*) FROM products) <> 5;\n\
             -- check(snapshot): five products then\nSELECT 1 WHERE (SELECT count(*) FROM products) <> 5;",
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, Outcome::Restored),
            "{error:?}"
        );
        shop.assert_dump(&before, "dump");
        assert!(shop.migrator().run(shop.address()).await.is_err());
    }
}

#[tokio::test]
async fn writes_of_others_to_other_tables_stay() {
    for place in places() {
        let shop = shop(place).await;
        shop.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, product INT)");
        let writes = shop.shell("INSERT INTO orders VALUES (1, 3)");
        shop.file("2_half.sql", &format!("{HALF} SELECT * FROM products;")).file(
            "2_half.check.sql",
            &format!(
                "-- check: somebody else writes, and this fails\n-- command: {writes}; exit 1"
            ),
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        assert_eq!(error.report().unwrap().restore.as_ref().unwrap().kept_writes, ["orders"]);
        assert_eq!(shop.sql("SELECT * FROM orders"), "1|3\n");
        assert_eq!(shop.sql("SELECT count(*), sum(price) FROM products"), "5|2100\n");
        assert!(!shop.dump().contains("reviews"));
    }
}

#[tokio::test]
async fn rows_of_others_in_a_table_that_the_run_made_are_said_to_go_with_it() {
    for place in places() {
        // Also where there was no table before.
        for had_tables in [true, false] {
            let shop = Fixture::new(place);
            shop.file("1_kept.sql", "CREATE TABLE kept (id INT);");
            if had_tables {
                shop.migrator().run(shop.address()).await.unwrap();
            }
            let writes = shop.shell("INSERT INTO new VALUES (7)");
            let check = format!(
                "-- check(after): others write, and this fails\n-- command: {writes}; exit 1"
            );
            shop.file("2_new.sql", "CREATE TABLE new (id INT);").file("2_new.check.sql", &check);
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
            let restore = error.report().unwrap().restore.clone().unwrap();
            let discarded = &restore.discarded_writes;
            assert!(discarded.contains(&"new".to_owned()), "{place:?} {had_tables}: {restore:?}");
            if place == Place::MatrixOne {
                assert_eq!(restore.discarded_rows[0].count, 1, "{had_tables}: {restore:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_only_when_needed_still_undoes() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_bad.sql", "DELETE FROM products; SELECT * FROM nowhere;");
        let migrator = shop.migrator().snapshot(SnapshotPolicy::WhenNeeded);
        let error = migrator.run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), shop.undone(), "{error:?}");
        shop.assert_dump(&before, "dump");
    }
}

/// SQLite is told so by the guard, MatrixOne by the migration.
const REBUILDS: &str = "SET foreign_key_checks = 0;";

#[tokio::test]
async fn a_rebuild_of_a_parent_loses_no_child() {
    for place in places() {
        let shop = shop(place).await;
        shop.sql("CREATE TABLE reviews (id INT PRIMARY KEY, product INT, FOREIGN KEY (product) REFERENCES products (id) ON DELETE CASCADE); INSERT INTO reviews VALUES (1, 1), (2, 3)");
        shop.file(
            "2_rebuild.sql",
            &format!(
                "{REBUILDS} CREATE TABLE products_new (id $KEY, name VARCHAR(100) NOT NULL, category TEXT, price INT, stock INT);
                 INSERT INTO products_new SELECT id, name, 'Electronics', price, stock FROM products;
                 DROP TABLE products;
                 ALTER TABLE products_new RENAME TO products;",
                REBUILDS = place.by("", REBUILDS)
            ),
        );
        shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(shop.sql("SELECT count(*) FROM reviews"), "2\n");
        // MatrixOne forgets the key of a child whose parent was dropped under it.
        let enforced =
            shop.place().by("PRAGMA foreign_keys = ON; INSERT INTO reviews VALUES (3, 99)", "");
        assert!(enforced.is_empty() || shop.try_sql(enforced).is_err(), "the key is not enforced");
    }
}

#[tokio::test]
async fn a_rebuild_that_loses_a_parent_row_is_noticed_before_the_commit() {
    for place in places() {
        let shop = shop(place).await;
        shop.sql("CREATE TABLE reviews (id INT PRIMARY KEY, product INT, FOREIGN KEY (product) REFERENCES products (id) ON DELETE CASCADE); INSERT INTO reviews VALUES (1, 1), (2, 3)");
        let before = shop.dump();
        shop.file(
            "2_rebuild.sql",
            &format!(
                "{REBUILDS} CREATE TABLE products_new (id $KEY, name VARCHAR(100) NOT NULL);
                 INSERT INTO products_new SELECT id, name FROM products WHERE id <> 3;
                 DROP TABLE products;
                 ALTER TABLE products_new RENAME TO products;",
                REBUILDS = place.by("", REBUILDS)
            ),
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::ForeignKeys, shop.undone()),
            "{error:?}"
        );
        shop.assert_dump(&before, "dump");
    }
}
