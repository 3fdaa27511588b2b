//! kill -9 of the server itself, in the middle of a run and of a restore: the next `up` ends in a right
//! state. It starts a `mo-service` of its own, with its own data, where there is one on PATH.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mo_migrate::settings::RestoreMethod;
use mo_migrate::{Event, Migrator, Outcome};
use mo_migrate_tests::{Fixture, OwnServer, Place, server};

const V1: &str = "CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), price INT);
CREATE TABLE other (n BIGINT);
INSERT INTO products (name, price) SELECT concat('p', result), result FROM generate_series(1, 5000) g;";

/// Its last statement takes a while, and can be seen in the server meanwhile.
const V2: &str = "ALTER TABLE products ADD COLUMN z INT DEFAULT 5;
UPDATE products SET z = price, price = price + 1;
INSERT INTO other SELECT count(*) FROM generate_series(1, 20000000) g;";

/// When the server is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// A phase begins.
    Phase(&'static str),
    /// The last statement runs in the server.
    Statement,
}

/// Kills the server at this moment of a run. Gives how that ended.
async fn killed(
    shop: &Fixture,
    kills: impl Fn() + Clone + Send + Sync + 'static,
    moment: Moment,
    migrator: Migrator,
) -> Outcome {
    let (over, watches, kill) =
        (Arc::new(AtomicBool::new(false)), matches!(moment, Moment::Statement), kills.clone());
    let watch = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let sql = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO other %'";
            while watches && !over.load(Ordering::SeqCst) {
                if server::try_sql("", sql).is_ok_and(|found| found != "0\n") {
                    return kill();
                }
            }
        }
    });
    let migrator = migrator.observer(move |event: &Event| match (event, moment) {
        (Event::PhaseStarted { phase, .. }, Moment::Phase(name)) if phase.as_str() == name => {
            kills();
        }
        _ => {}
    });
    let done = migrator.run(shop.address()).await;
    over.store(true, Ordering::SeqCst);
    watch.join().unwrap();
    done.expect_err("the server was not killed").outcome()
}

#[tokio::test]
async fn the_next_up_ends_in_a_right_state() {
    let home = tempfile::tempdir().unwrap();
    let Some(server) = OwnServer::start(home.path()) else { return };
    let good = (V2.to_owned(), false);
    let bad = (format!("{V2} SELECT * FROM nowhere;"), true);
    for (moment, method, (v2, fails)) in [
        (Moment::Statement, RestoreMethod::Tables, &good),
        (Moment::Phase("keep"), RestoreMethod::Tables, &good),
        (Moment::Statement, RestoreMethod::Tables, &bad),
        (Moment::Phase("restore"), RestoreMethod::Tables, &bad),
        (Moment::Phase("restore_database"), RestoreMethod::Database, &bad),
    ] {
        let what = format!("{moment:?}, {method:?}, fails: {fails}");
        let shop = Fixture::new(Place::MatrixOne);
        shop.file("1_init.sql", V1);
        shop.migrator().run(shop.address()).await.unwrap();
        let before = shop.dump();
        shop.file("2_x.sql", v2);
        let migrator = shop.migrator().attended(true).restore_method(method);
        let ended = killed(&shop, server.killer(), moment, migrator.clone()).await;
        assert_ne!(ended, Outcome::Restored, "{what}");
        server.again();
        let next = migrator.run(shop.address()).await;
        if *fails {
            let error = next.expect_err(&what);
            assert_eq!(error.outcome(), Outcome::Restored, "{what}: {error:?}");
            shop.assert_dump(&before, &what);
        } else {
            let report = next.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert!(matches!(report.outcome, Outcome::Applied | Outcome::UpToDate), "{what}");
            let sums = "SELECT count(*), sum(price), sum(z) FROM products; SELECT * FROM other";
            assert_eq!(shop.sql(sums), "5000|12507500|12502500\n20000000\n", "{what}");
        }
        assert_eq!(shop.files_with("_verify"), [""; 0], "{what}");
        let state = shop.migrator().status(shop.address()).await.unwrap().state;
        assert_eq!(state, if *fails { "pending" } else { "up_to_date" }, "{what}");
    }
}
