//! A ledger or a database that is older than the other: copied before a run and put back after it. What
//! can be told from both is done, and what can't be is left to a person.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use mo_migrate::{Migrator, Outcome, error::Code};
use mo_migrate_tests::priced::{PRICES, V1, shop};
use mo_migrate_tests::typed::{migrate, typed};
use mo_migrate_tests::{Fixture, Journal, Place, engines, server};

const V2: &str = "-- mo-migrate: no-transaction\nCREATE TABLE orders (x INT);\nINSERT INTO orders VALUES (1);\nUPDATE products SET price = 0;";

/// Takes out of the ledger what a copy of before this run does not have.
fn forget_in_ledger(shop: &Fixture, run: &str) {
    shop.in_ledger(&format!(
        "DELETE FROM runs WHERE id = '{run}'; DELETE FROM snapshots WHERE run = '{run}'; \
         DELETE FROM phases WHERE run = '{run}'; DELETE FROM statements WHERE run = '{run}'"
    ));
}

#[tokio::test]
async fn what_a_ledger_does_not_know_is_not_left_out_of_a_restore() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_audit.sql", "CREATE TABLE audit (x INT);");
        let known = shop.migrator().run(shop.address()).await.unwrap().run.unwrap();
        shop.file("3_orders.sql", V2);
        let unknown = shop.migrator().run(shop.address()).await.unwrap().run.unwrap();
        forget_in_ledger(&shop, &unknown);
        let before = shop.dump();
        let _ = migrate(&shop, "status --exit-code").ends(0);
        let _ = migrate(&shop, "validate").ends(0);
        let _ = migrate(&shop, "up").ends(0);

        let preview = shop.migrator().restore_preview(shop.address(), None).await.unwrap();
        assert_eq!(preview.runs, [unknown.as_str(), &known], "{place:?}");
        assert!(preview.unknown, "{place:?}: {preview:?}");
        // Whether the prices are the run's or somebody else's can't be told.
        let said = migrate(&shop, "restore --yes").ends(5);
        assert!(said.words.contains("MM0508"), "{place:?}: {}", said.words);
        shop.assert_dump(&before, "left to a person");
        let told = said.suggested();
        let _ = typed(&shop, &told[0]).ends(0);
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
        for table in ["orders", "audit"] {
            let there = shop.try_sql(&format!("SELECT * FROM {table}"));
            assert!(there.is_err(), "{place:?}: `{table}` is still there: {there:?}");
        }
        let _ = migrate(&shop, "status --exit-code").ends(1);
    }
}

#[tokio::test]
async fn without_its_ledger_a_database_is_migrated_and_nothing_is_restored() {
    for place in engines() {
        let shop = shop(place).await;
        shop.hide_ledger();
        let _ = migrate(&shop, "status --exit-code").ends(0);
        let error = shop.migrator().restore(shop.address(), None).await.unwrap_err();
        assert_eq!(error.code(), Code::NoSnapshot, "{place:?}: {error:?}");
        shop.file("2_orders.sql", V2);
        assert_eq!(shop.migrator().run(shop.address()).await.unwrap().outcome, Outcome::Applied);
        // The new ledger knows the second run, and its snapshot has the first.
        shop.migrator().restore(shop.address(), None).await.unwrap();
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
        assert!(shop.try_sql("SELECT * FROM orders").is_err(), "{place:?}");
    }
}

/// An older copy of the file, with a newer ledger beside it.
fn copy(shop: &Fixture) -> PathBuf {
    let copy = shop.folder().join("copy.db");
    std::fs::copy(shop.path(), &copy).unwrap();
    copy
}

fn put_back(shop: &Fixture, copy: &Path) {
    std::fs::copy(copy, shop.path()).unwrap();
}

#[tokio::test]
async fn an_older_copy_of_the_file_is_migrated_again_and_can_be_restored() {
    let shop = shop(Place::Sqlite(Journal::Rollback)).await;
    let (before, older) = (shop.dump(), copy(&shop));
    shop.file("2_orders.sql", V2);
    shop.migrator().run(shop.address()).await.unwrap();
    put_back(&shop, &older);
    let _ = migrate(&shop, "status --exit-code").ends(1);
    let _ = migrate(&shop, "validate").ends(0);
    let _ = migrate(&shop, "up").ends(0);
    assert_eq!(shop.sql(PRICES), "0\n0\n");
    let _ = migrate(&shop, "restore --yes").ends(0);
    shop.assert_dump(&before, "restored");
}

/// Runs `up` and kills it at this moment.
fn dies(shop: &Fixture, moment: &str) {
    let (address, directory) = (shop.address(), shop.migrations());
    let words = [&address, directory.to_str().unwrap(), moment];
    let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
    assert!(!out.status.success(), "it did not die at {moment}");
}

#[tokio::test]
async fn an_older_copy_under_an_open_run_is_left_to_a_person() {
    for moment in ["applied:2", "finish:validate", "start:keep"] {
        let shop = shop(Place::Sqlite(Journal::Rollback)).await;
        let (before, older) = (shop.dump(), copy(&shop));
        shop.file("2_orders.sql", V2);
        dies(&shop, moment);
        put_back(&shop, &older);
        let status = shop.migrator().status(shop.address()).await.unwrap();
        assert_eq!(status.state, "open_run", "{moment}");
        let said = migrate(&shop, "up").ends(5);
        assert!(said.words.contains("an older copy"), "{moment}: {}", said.words);
        shop.assert_dump(&before, moment);
        let told = said.suggested();
        let _ = typed(&shop, &told[0]).ends(0);
        shop.assert_dump(&before, moment);
        let _ = migrate(&shop, "up").ends(0);
        assert_eq!(shop.sql(PRICES), "0\n0\n", "{moment}");
    }
}

/// A newer copy, taken while a run was open that was put back since.
#[tokio::test]
async fn a_copy_of_the_midst_of_a_run_is_not_taken_for_the_database_after_it() {
    let shop = shop(Place::Sqlite(Journal::Rollback)).await;
    let before = shop.dump();
    shop.file("2_orders.sql", V2);
    dies(&shop, "applied:2");
    let half = copy(&shop);
    shop.migrator().recover(shop.address()).await.unwrap();
    shop.assert_dump(&before, "put back");
    put_back(&shop, &half);
    let said = migrate(&shop, "up").ends(3);
    assert!(said.words.contains("MM0703"), "{}", said.words);
    let told = said.suggested();
    let _ = typed(&shop, &told[0]).ends(0);
    shop.assert_dump(&before, "put back again");
}

/// An account of a server, with a ledger that no other test has.
struct Account(String);

impl Account {
    fn new() -> Option<Self> {
        server::url()?;
        let name = format!("acc{:x}", std::process::id());
        server::sql("", &format!("CREATE ACCOUNT {name} ADMIN_NAME 'admin' IDENTIFIED BY '111'"));
        Some(Self(name))
    }

    fn sql(&self, database: &str, sql: &str) -> String {
        let user = format!("{}:admin", self.0);
        server::try_sql_as(database, Some((&user, "111")), sql).unwrap()
    }

    fn address(&self, database: &str) -> String {
        let address = server::address(database);
        let (_, host) = address.split_once('@').unwrap();
        format!("matrixone://{}%3Aadmin:111@{host}", self.0)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = server::try_sql("", &format!("DROP ACCOUNT {}", self.0));
    }
}

#[tokio::test]
async fn a_ledger_that_was_dropped_on_a_server_is_made_anew_and_missed_by_an_open_run() {
    let Some(account) = Account::new() else { return };
    let files = Fixture::new(Place::Sqlite(Journal::Rollback));
    let migrator = || Migrator::from_dir(files.migrations()).attended(true);
    let (address, words) = (account.address("shop"), "SELECT price FROM products ORDER BY id");
    let v1 = V1.replace("$KEY", "INT PRIMARY KEY AUTO_INCREMENT");
    files.file("2_orders.sql", V2);
    std::fs::write(files.migrations().join("1_products.sql"), v1).unwrap();
    migrator().to(&address, mo_migrate::plan::Goal::Version(1)).await.unwrap();

    account.sql("", "DROP DATABASE mo_migrate");
    assert_eq!(migrator().status(&address).await.unwrap().state, "pending");
    let error = migrator().restore(&address, None).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSnapshot, "{error:?}");
    assert_eq!(migrator().run(&address).await.unwrap().outcome, Outcome::Applied);
    migrator().restore(&address, None).await.unwrap();
    assert_eq!(account.sql("shop", words), "1500\n30\n");

    let out = Command::new(env!("CARGO_BIN_EXE_die_at"))
        .args([&address, files.migrations().to_str().unwrap(), "applied:2"])
        .output();
    assert!(!out.unwrap().status.success(), "it did not die");
    account.sql("", "DROP DATABASE mo_migrate");
    let status = migrator().status(&address).await.unwrap();
    assert_eq!(status.state, "open_run");
    assert!(status.detail.unwrap().contains("the ledger does not know it"));
    for _ in 0..2 {
        let error = migrator().run(&address).await.unwrap_err();
        assert_eq!(error.code(), Code::LedgerGone, "{error:?}");
        assert!(error.hint().unwrap().contains("the database `mo_migrate`"), "{error:?}");
        assert_eq!(account.sql("shop", words), "0\n0\n");
    }
}
