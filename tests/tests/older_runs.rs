//! An older run is restored after newer ones: all of them are taken back, what they did not touch stays,
//! and a death in the midst of it is finished.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines};

const FILES: [(&str, &str); 4] = [
    (
        "1_products.sql",
        "CREATE TABLE products (id $KEY, name VARCHAR(50));\nINSERT INTO products (name) VALUES ('Laptop'), ('Mouse');",
    ),
    ("2_orders.sql", "CREATE TABLE orders (x INT);\nINSERT INTO orders VALUES (1);"),
    (
        "3_names.sql",
        "-- mo-migrate: no-transaction\nUPDATE products SET name = CONCAT(name, '!');\nINSERT INTO orders VALUES (2);",
    ),
    ("4_more.sql", "ALTER TABLE orders ADD COLUMN y INT;\nUPDATE orders SET y = x;"),
];

/// All that a shop has at version 4.
const ALL: [&str; 2] =
    ["SELECT name FROM products ORDER BY id", "SELECT x, y FROM orders ORDER BY x"];

fn is_at_four(shop: &Fixture, what: &str) {
    assert_eq!(shop.sql(ALL[0]), "Laptop!\nMouse!\n", "{what}");
    assert_eq!(shop.sql(ALL[1]), "1|1\n2|2\n", "{what}");
    assert_eq!(shop.sql(VERSIONS), "1\n2\n3\n4\n", "{what}");
}

fn is_at_one(shop: &Fixture, what: &str) {
    assert_eq!(shop.sql(ALL[0]), "Laptop\nMouse\n", "{what}");
    assert!(shop.try_sql(ALL[1]).is_err(), "{what}: `orders` is still there");
    assert_eq!(shop.sql(VERSIONS), "1\n", "{what}");
    assert_eq!(shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'"), "0\n");
}

const VERSIONS: &str = "SELECT version FROM mo_migrate_history WHERE kind = 'sql' ORDER BY version";

/// A shop after four runs, with a table of somebody else's; and the runs, the oldest first.
async fn shop(place: Place) -> (Fixture, Vec<String>) {
    let shop = Fixture::new(place);
    let mut runs = Vec::new();
    for (name, text) in FILES {
        shop.file(name, text);
        runs.extend(shop.migrator().run(shop.address()).await.unwrap().run);
    }
    shop.sql("CREATE TABLE theirs (x INT); INSERT INTO theirs VALUES (42)");
    is_at_four(&shop, "at the beginning");
    (shop, runs)
}

#[tokio::test]
async fn an_older_run_takes_the_newer_ones_back_with_it_and_up_goes_on_from_there() {
    for place in engines() {
        let (shop, runs) = shop(place).await;
        let preview =
            shop.migrator().restore_preview(shop.address(), Some(&runs[1])).await.unwrap();
        assert_eq!(preview.runs, [&*runs[3], &*runs[2], &*runs[1]], "{place:?}");
        assert_eq!((preview.version, preview.unknown), (Some(1), false), "{place:?}");
        let report = shop.migrator().restore(shop.address(), Some(&runs[1])).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        is_at_one(&shop, "restored");
        assert_eq!(shop.sql("SELECT x FROM theirs"), "42\n");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!((report.outcome, report.migrations.len()), (Outcome::Applied, 3));
        is_at_four(&shop, "and up again");

        // What the restore itself took back comes back by its failed state's neighbour: the run before.
        shop.migrator().restore(shop.address(), Some(&runs[1])).await.unwrap();
        is_at_one(&shop, "restored once more");
        assert!(shop.migrator().recover(shop.address()).await.unwrap().is_none());
        assert_eq!(shop.sql("SELECT x FROM theirs"), "42\n");
    }
}

fn dies(shop: &Fixture, moment: &str, run: &str) {
    let (address, directory) = (shop.address(), shop.migrations());
    let words = [&address, directory.to_str().unwrap(), moment, "restore", run];
    let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
    assert!(!out.status.success(), "it did not die at {moment}");
}

const MOMENTS: [&str; 5] =
    ["finish:verify", "start:failed_state", "start:restore", "finish:restore", "start:afterwards"];

#[tokio::test]
async fn an_older_run_that_was_being_restored_at_a_death_is_finished_by_recover() {
    for place in engines() {
        for moment in MOMENTS {
            let (shop, runs) = shop(place).await;
            dies(&shop, moment, &runs[1]);
            let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
            assert_eq!(report.outcome, Outcome::Restored, "{place:?}, {moment}");
            is_at_one(&shop, moment);
            assert_eq!(shop.sql("SELECT x FROM theirs"), "42\n");
        }
    }
}

#[tokio::test]
async fn up_finishes_the_restore_of_an_older_run_and_applies_the_newer_ones_again() {
    for place in engines() {
        for moment in MOMENTS {
            let (shop, runs) = shop(place).await;
            dies(&shop, moment, &runs[1]);
            let report = shop.migrator().attended(true).run(shop.address()).await.unwrap();
            assert_eq!(
                (report.outcome, report.migrations.len()),
                (Outcome::Applied, 3),
                "{moment}"
            );
            is_at_four(&shop, moment);
            assert_eq!(shop.sql("SELECT x FROM theirs"), "42\n");
        }
    }
}
