//! The rehearsal on a clone: what fails there is not tried on the original, and what could reach the
//! original from there is not rehearsed.

use mo_migrate::error::Code;
use mo_migrate::plan::Goal;
use mo_migrate::settings::{Rehearse, Stop};
use mo_migrate::{Event, Outcome, Phase};

use crate::shop::Shop;

const PRODUCTS: &str = "CREATE TABLE products (id INT PRIMARY KEY, stock INT);
INSERT INTO products VALUES (1, 10), (2, 20)";

impl Shop {
    /// Nothing was changed, and nothing of the rehearsal is left.
    fn is_as_before(&self, before: &str) {
        self.assert_dump(before, "after a rehearsal");
        assert_eq!(self.files_with("_verify"), [""; 0]);
    }
}

#[tokio::test]
async fn what_fails_in_the_rehearsal_is_refused_with_its_place_and_nothing_was_touched() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    let before = shop.dump();
    let snapshots = shop.files_with("pre_upgrade");
    shop.file("2_x.sql", "UPDATE products SET stock = 0;\nINSERT INTO products VALUES (1, 1);");
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::Always);
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
    assert!(format!("{error:?}").contains("2_x.sql:2"), "{error:?}");
    shop.is_as_before(&before);
    is_told_as_failed(&shop).await;
    assert_eq!(shop.files_with("pre_upgrade"), snapshots, "its snapshot is of no use");
}

/// The report of the last run does not say that its rehearsal went well.
async fn is_told_as_failed(shop: &Shop) {
    let report = shop.migrator().report(shop.address(), None).await.unwrap();
    let rehearsal = report.report.as_ref().unwrap().rehearsal.as_ref().unwrap();
    assert!(!rehearsal.done && rehearsal.why.is_some(), "{rehearsal:?}");
    for text in [report.to_text(false), report.to_html()] {
        assert!(text.contains("ailed on a clone"), "{text}");
        assert!(!text.contains("went well"), "{text}");
    }
}

#[tokio::test]
async fn a_check_that_fails_in_the_rehearsal_is_refused() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    let before = shop.dump();
    shop.file("2_x.sql", "UPDATE products SET stock = stock - 15;");
    shop.file("2_x.check.sql", "-- check: in stock\nSELECT * FROM products WHERE stock < 0;");
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::Always);
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
    assert!(format!("{error:?}").contains("in stock"), "{error:?}");
    shop.is_as_before(&before);
    is_told_as_failed(&shop).await;
}

#[tokio::test]
async fn what_is_rehearsed_well_is_applied_once() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    shop.file("2_x.sql", "UPDATE products SET stock = stock + 1;\nCREATE TABLE orders (id INT);");
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::WhenQuick);
    let report = migrator.run(shop.address()).await.unwrap();
    let rehearsal = report.rehearsal.unwrap();
    assert!(rehearsal.done, "{rehearsal:?}");
    assert_eq!((rehearsal.migrations.len(), rehearsal.migrations[0].statements), (1, 2));
    assert_eq!(shop.run("SELECT sum(stock) FROM products"), "32\n");
    assert_eq!(shop.files_with("_verify"), [""; 0]);
}

/// From a clone's session, `DB.products` is the original's (hazards A8).
#[tokio::test]
async fn a_statement_that_names_the_database_is_not_rehearsed_and_runs_once() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    shop.file("2_x.sql", &shop.named("UPDATE DB.products SET stock = stock + 1;"));
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::Always);
    let report = migrator.run(shop.address()).await.unwrap();
    let rehearsal = report.rehearsal.unwrap();
    assert!(!rehearsal.done, "{rehearsal:?}");
    assert!(rehearsal.why.unwrap().contains("line 1"), "it says which statement");
    assert_eq!(shop.run("SELECT sum(stock) FROM products"), "32\n", "once");
}

#[tokio::test]
async fn a_statement_that_uses_what_a_clone_does_not_have_is_not_rehearsed_and_runs() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    shop.run("CREATE SEQUENCE numbers");
    shop.file("2_x.sql", "CREATE TABLE n (x BIGINT);\nINSERT INTO n SELECT nextval('numbers');");
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::WhenQuick);
    let report = migrator.run(shop.address()).await.unwrap();
    let why = report.rehearsal.unwrap().why.unwrap();
    assert!(why.contains("line 2") && why.contains("`numbers`"), "{why}");
    assert_eq!(shop.run("SELECT count(*) FROM n"), "1\n");
}

#[tokio::test]
async fn a_rehearsal_that_is_interrupted_ends_as_interrupted() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    let before = shop.dump();
    shop.file("2_x.sql", "SELECT sleep(60) AS s;");
    let asked = Stop::default();
    let asking = asked.clone();
    let migrator = shop.migrator().attended(true).rehearse(Rehearse::Always).stop(asked).observer(
        move |event: &Event| {
            if matches!(event, Event::PhaseStarted { phase: Phase::Rehearse, .. }) {
                asking.ask();
            }
        },
    );
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!((error.code(), error.exit_code().0), (Code::Interrupted, 130), "{error:?}");
    shop.is_as_before(&before);
}

#[tokio::test]
async fn a_rehearsal_alone_changes_nothing_and_leaves_nothing() {
    let Some(shop) = Shop::of(PRODUCTS).await else { return };
    let before = shop.dump();
    let snapshots = shop.files_with("");
    shop.file(
        "2_x.sql",
        "ALTER TABLE products ADD COLUMN name VARCHAR(20);\nDELETE FROM products;",
    );
    let rehearsed = shop.migrator().rehearse_pending(shop.address(), Goal::Latest).await.unwrap();
    assert_eq!(rehearsed.unwrap().migrations[0].statements, 2);
    shop.is_as_before(&before);
    assert_eq!(shop.files_with(""), snapshots);
}
