//! A run that did what no restore takes back, and then failed: the database is undone, the rest is
//! not, and that is what is said.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines, server};

/// A shop, and a migration that reaches outside on its third line; what undoes that.
async fn shop(place: Place) -> (Fixture, String) {
    let shop = Fixture::new(place);
    shop.file(
        "1_init.sql",
        "CREATE TABLE products (id $KEY, name TEXT); INSERT INTO products (name) VALUES ('a');",
    );
    shop.migrator().run(shop.address()).await.unwrap();
    let copy = shop.folder().join("copy.db");
    let role = format!("{}_role", shop.database());
    let reaches = match place {
        Place::Sqlite(_) => format!("VACUUM INTO '{}'", copy.display()),
        Place::MatrixOne => format!("CREATE ROLE {role}"),
    };
    let head =
        "-- mo-migrate: no-transaction\n-- mo-migrate: allow NO_WAY_BACK because it is a test";
    shop.file(
        "2_x.sql",
        &format!("{head}\n{reaches};\nDELETE FROM products;\nSELECT * FROM nowhere;"),
    );
    (shop, role)
}

fn is_outside(shop: &Fixture, role: &str) -> bool {
    match shop.place() {
        Place::Sqlite(_) => shop.folder().join("copy.db").exists(),
        Place::MatrixOne => server::try_sql("", &format!("DROP ROLE {role}")).is_ok(),
    }
}

fn names_what_stays(error: &mo_migrate::Error) {
    assert_eq!((error.outcome(), error.exit_code().0), (Outcome::NeedsPerson, 3), "{error:?}");
    let said = error.database().unwrap();
    assert!(said.contains("2_x.sql:3: it "), "{said}");
    assert!(error.hint().unwrap().ends_with("`migrate up`"), "{error:?}");
}

#[tokio::test]
async fn the_database_is_restored_and_a_person_is_told_what_is_not() {
    for place in engines() {
        let (shop, role) = shop(place).await;
        let before = shop.dump();
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        names_what_stays(&error);
        assert!(error.database().unwrap().starts_with("restored"), "{error:?}");
        shop.assert_dump(&before, "restored");
        assert!(is_outside(&shop, &role));
        // Nothing is open: a starting application waits, and a mended set is applied.
        assert_eq!(shop.migrator().status(shop.address()).await.unwrap().state, "pending");
        shop.migrator().run(shop.address()).await.unwrap_err();
        shop.file("2_x.sql", "DELETE FROM products;");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
    }
}

#[tokio::test]
async fn a_statement_that_failed_itself_left_nothing() {
    for place in engines() {
        let (shop, role) = shop(place).await;
        match place {
            Place::Sqlite(_) => std::fs::write(shop.folder().join("copy.db"), "taken").unwrap(),
            Place::MatrixOne => drop(server::sql("", &format!("CREATE ROLE {role}"))),
        }
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        assert!(is_outside(&shop, &role));
    }
}

#[tokio::test]
async fn after_a_crash_it_is_told_once_and_then_goes_on() {
    for place in engines() {
        let (shop, role) = shop(place).await;
        let before = shop.dump();
        let out = Command::new(env!("CARGO_BIN_EXE_die_at"))
            .args([&shop.address(), shop.migrations().to_str().unwrap(), "start:verify"])
            .output()
            .unwrap();
        assert!(!out.status.success() && out.stdout.is_empty(), "{out:?}");
        let error = shop.migrator().recover(shop.address()).await.unwrap_err();
        names_what_stays(&error);
        shop.assert_dump(&before, "recovered");
        assert!(is_outside(&shop, &role));
        assert!(shop.migrator().recover(shop.address()).await.unwrap().is_none());
        shop.file("2_x.sql", "DELETE FROM products;");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
    }
}
