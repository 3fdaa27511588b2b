//! A server whose disk is full: what each command that writes ends with, and that all of it goes on
//! when there is room again. It starts a `mo-service` of its own, where there is one on PATH.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::{Error, NewClone, Outcome};
use mo_migrate_tests::{Fixture, OwnServer, Place, Small, server};

/// What a server needs, and a shop with it.
const ROOM: u64 = 900 << 20;

const V1: &str = "CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), price INT);
INSERT INTO products (name, price) SELECT concat('p', result), result FROM generate_series(1, 200000) g;";

const V2: &str = "ALTER TABLE products ADD COLUMN z INT DEFAULT 5;
UPDATE products SET z = price, price = price + 1;";

/// It says what the matter is, and what to do first.
fn tells_of_the_disk(error: &Error) {
    let words = format!("{error:?}");
    assert!(words.contains("no space left on device"), "{words}");
    assert!(error.hint().is_some_and(|hint| hint.starts_with("free some room")), "{words}");
}

#[tokio::test]
async fn what_a_full_disk_of_the_server_stops_goes_on_when_there_is_room() {
    let Some(small) = Small::of(ROOM) else { return };
    let Some(_server) = OwnServer::start(small.path()) else { return };
    let shop = Fixture::new(Place::MatrixOne);
    let migrator = shop.migrator().attended(true);
    let address = || shop.address();
    shop.file("1_init.sql", V1);
    migrator.run(address()).await.unwrap();
    shop.file("2_z.sql", V2);
    let before = "SELECT count(*), sum(price) FROM products";
    assert_eq!(shop.sql(before), "200000|20000100000\n");

    small.leave(0);
    let qa = NewClone::default();
    let error = migrator.clone_create(address(), "qa", &qa).await.expect_err("there is no room");
    tells_of_the_disk(&error);
    assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
    let error = migrator.run(address()).await.expect_err("there is no room");
    tells_of_the_disk(&error);
    assert_ne!(error.outcome(), Outcome::Restored, "{error:?}");
    assert_eq!(shop.sql(before), "200000|20000100000\n", "the first statement needed room");

    small.make_room();
    let report = migrator.run(address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    let sums = "SELECT count(*), sum(price), sum(z) FROM products";
    assert_eq!(shop.sql(sums), "200000|20000300000|20000100000\n");
    assert_eq!(shop.files_with("_verify"), [""; 0]);
    migrator.clone_create(address(), "qa", &qa).await.unwrap();

    // A restore needs next to no room on this engine: it is done, or nothing of it is.
    small.leave(0);
    if let Err(error) = migrator.restore(address(), None).await {
        tells_of_the_disk(&error);
        assert_eq!(shop.sql(sums), "200000|20000300000|20000100000\n");
        small.make_room();
        migrator.restore(address(), None).await.unwrap();
    }
    assert_eq!(shop.sql(before), "200000|20000100000\n", "restored");
    let gone = format!("SELECT z FROM {}.products", shop.database());
    assert!(server::try_sql("", &gone).is_err());
    small.make_room();
    migrator.clone_delete(address(), "qa").await.unwrap();
    assert_eq!(server::try_sql("", "SHOW DATABASES LIKE '%_qa'").unwrap(), "");
}
