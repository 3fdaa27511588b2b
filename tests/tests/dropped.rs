//! The future of a run that is dropped wherever it waits is a crash like another one, in a process that
//! goes on.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::poll_fn;
use std::task::Poll;

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, Place, engines};

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100), price INT);
INSERT INTO products (name, price) VALUES ('Laptop', 1500), ('Mouse', 30);";

const V2: &str = "UPDATE products SET price = price + 1;
CREATE TABLE orders (id $KEY, product INT);
INSERT INTO orders (product) VALUES (1);";

const ROWS: &str = "SELECT name, price FROM products ORDER BY id";

async fn shop(place: Place, second: &str) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop.file("2_more.sql", second);
    shop
}

/// Asks the run so many times how far it is, and drops it; true when it had ended before.
async fn ends_within(shop: &Fixture, polls: u32) -> bool {
    let migrator = shop.migrator().attended(true);
    let mut run = Box::pin(migrator.run(shop.address()));
    let mut left = polls;
    poll_fn(|context| {
        if run.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        left -= 1;
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// Drops a run at its first wait, its second one and so on, by steps; the next run is asked to end
/// right.
async fn everywhere(head: &str, bad: bool) {
    for place in engines() {
        let second = format!("{head}{V2}{}", if bad { " SELECT * FROM nowhere;" } else { "" });
        let step = place.by(3, 61);
        for round in 0.. {
            let polls = 1 + round * step;
            let what = format!("{place:?}, {head:?}, dropped at its wait {polls}");
            let shop = shop(place, &second).await;
            let ended = ends_within(&shop, polls).await;
            let next = shop.migrator().attended(true).run(shop.address()).await;
            let marker = "SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'";
            if bad {
                let error = next.expect_err(&what);
                let known = matches!(error.code(), Code::Statement) && error.is_undone();
                assert!(known, "{what}: {error:?}");
                assert_eq!(shop.sql(ROWS), "Laptop|1500\nMouse|30\n", "{what}");
            } else {
                let report = next.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert!(matches!(report.outcome, Outcome::Applied | Outcome::UpToDate), "{what}");
                assert_eq!(shop.sql(ROWS), "Laptop|1501\nMouse|31\n", "{what}");
                assert_eq!(shop.sql("SELECT count(*) FROM orders"), "1\n", "{what}");
            }
            assert_eq!(shop.sql(marker), "0\n", "{what}");
            assert_eq!(shop.files_with("_verify"), [""; 0], "{what}");
            if ended {
                break;
            }
            assert!(round < 2000, "{place:?}: it never ends");
        }
    }
}

#[tokio::test]
async fn a_good_run_that_is_dropped_anywhere_is_finished_by_the_next() {
    everywhere("", false).await;
    everywhere("-- mo-migrate: no-transaction\n", false).await;
}

#[tokio::test]
async fn a_bad_run_that_is_dropped_anywhere_is_put_back_by_the_next() {
    everywhere("-- mo-migrate: no-transaction\n", true).await;
}

#[tokio::test]
async fn of_two_runs_in_one_process_one_applies_and_both_are_content() {
    for place in engines() {
        let shop = shop(place, V2).await;
        let migrator = shop.migrator().attended(true);
        let (one, other) = tokio::join!(migrator.run(shop.address()), migrator.run(shop.address()));
        let mut outcomes = [one.unwrap().outcome.as_str(), other.unwrap().outcome.as_str()];
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["applied", "up_to_date"], "{place:?}");
        assert_eq!(shop.sql(ROWS), "Laptop|1501\nMouse|31\n", "{place:?}");
    }
}
