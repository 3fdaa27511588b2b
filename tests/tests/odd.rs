//! What people do to files, histories and names: files that change once they are half applied or
//! applied, rows of the history that go, and tables with names that break what is not quoted.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::priced::{PRICES, V1, shop};
use mo_migrate_tests::{Fixture, engines};

const V2: &str = "UPDATE products SET price = price + 1;\nINSERT INTO products (price) VALUES (7);";

/// Kills a run when its second version was half applied.
fn dies(shop: &Fixture) {
    let (address, directory) = (shop.address(), shop.migrations());
    let words = [&address, directory.to_str().unwrap(), "applied:2"];
    let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
    assert!(!out.status.success(), "it did not die");
}

#[tokio::test]
async fn a_file_that_changes_once_it_is_half_applied_is_applied_as_it_is_now() {
    let head = "-- mo-migrate: no-transaction\n";
    let short = "UPDATE products SET price = price + 1;";
    for place in engines() {
        for (name, now, expected) in [
            ("2_x.sql", format!("{head}{V2}\nUPDATE products SET price = 0;"), "0\n0\n0\n"),
            ("2_x.sql", format!("{head}{short}"), "1501\n31\n"),
            ("2_renamed.sql", format!("{head}{V2}"), "1501\n31\n7\n"),
            ("2_x.sql", format!("{head}{V2}").replace('\n', "\r\n"), "1501\n31\n7\n"),
            ("2_x.sql", format!("\u{feff}{head}{V2}"), "1501\n31\n7\n"),
        ] {
            let shop = shop(place).await;
            shop.file("2_x.sql", &format!("{head}{V2}"));
            dies(&shop);
            shop.remove("2_x.sql").file(name, &now);
            let report = shop.migrator().attended(true).run(shop.address()).await.unwrap();
            assert_eq!(report.outcome, Outcome::Applied, "{place:?}, {now:?}");
            assert_eq!(shop.sql(PRICES), expected, "{place:?}, {now:?}");
        }
    }
}

#[tokio::test]
async fn an_applied_file_may_get_another_line_end_or_a_mark_and_no_other_text() {
    for place in engines() {
        let shop = shop(place).await;
        for same in [V1.replace('\n', "\r\n"), format!("\u{feff}{V1}")] {
            shop.file("1_products.sql", &same);
            let report = shop.migrator().run(shop.address()).await.unwrap();
            assert_eq!(report.outcome, Outcome::UpToDate, "{place:?}, {same:?}");
        }
        for other in [V1.replace("1500", "1600"), V1.lines().next().unwrap().to_owned()] {
            shop.file("1_products.sql", &other);
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert_eq!(error.code(), Code::Changed, "{place:?}, {other:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_row_of_the_history_that_was_removed_by_hand_loses_no_data() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql("DELETE FROM mo_migrate_history WHERE version = 1");
        let before = shop.sql(PRICES);
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert!(error.is_undone(), "{place:?}: {error:?}");
        assert_eq!(shop.sql(PRICES), before, "{place:?}");
        // Said by the command that is for it.
        shop.migrator().baseline(shop.address(), 1).await.unwrap();
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::UpToDate, "{place:?}");
    }
}

#[tokio::test]
async fn tables_with_hostile_names_are_guarded_and_restored() {
    let long = "x".repeat(64);
    for place in engines() {
        // The server itself can't show the definition of a table with a double quote in its name.
        let with_quotes = place.by("a \"b\"", "a `b`");
        let names =
            ["it's", with_quotes, "a.b", "täble ☃", "Upper", "select", "a--b", "a;b", &long];
        let shop = Fixture::new(place);
        let quote = place.by('"', '`');
        let table_of = |name: &str| {
            let twice = format!("{quote}{quote}");
            format!("{quote}{}{quote}", name.replace(quote, &twice))
        };
        let create = names.map(|name| {
            let table = table_of(name);
            format!("CREATE TABLE {table} (id $KEY, {table} INT); INSERT INTO {table} ({table}) VALUES (1);")
        });
        shop.file("1_names.sql", &create.join("\n"));
        shop.migrator().run(shop.address()).await.unwrap_or_else(|e| panic!("{place:?}: {e:?}"));
        let before = shop.dump();
        let change = names.map(|name| {
            let table = table_of(name);
            format!("INSERT INTO {table} ({table}) VALUES (2); UPDATE {table} SET {table} = 9;")
        });
        let bad = format!(
            "-- mo-migrate: no-transaction\n{}\nDROP TABLE {};\nSELECT * FROM nowhere;",
            change.join("\n"),
            table_of("Upper")
        );
        shop.file("2_bad.sql", &bad);
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{place:?}: {error:?}");
        shop.assert_dump(&before, "hostile names");
    }
}
