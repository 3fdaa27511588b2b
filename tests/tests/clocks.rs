//! Clocks that differ, are set back, or are in another zone: what came first and how long ago it was is
//! not told by them alone, and where it can't be told a person decides.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;
use std::time::{Duration, SystemTime};

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::priced::{PRICES, shop};
use mo_migrate_tests::typed::in_shop;
use mo_migrate_tests::{Fixture, engines, program, server};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

const DAY_MS: i64 = 86_400_000;

/// All that the ledger has written down so far was written by a machine whose clock is a day ahead.
fn written_tomorrow(shop: &Fixture) {
    shop.in_ledger(&format!(
        "UPDATE runs SET started_at = started_at + {DAY_MS}, finished_at = finished_at + {DAY_MS}, \
         heartbeat_at = heartbeat_at + {DAY_MS} WHERE $THIS; \
         UPDATE snapshots SET created_at = created_at + {DAY_MS} WHERE $THIS"
    ));
}

#[tokio::test]
async fn what_came_first_is_not_told_by_the_clock() {
    for place in engines() {
        let shop = shop(place).await;
        let first = shop.migrator().runs(shop.address()).await.unwrap()[0].id.clone();
        written_tomorrow(&shop);
        shop.file("2_orders.sql", "CREATE TABLE orders (x INT); UPDATE products SET price = 0;");
        let second = shop.migrator().run(shop.address()).await.unwrap().run.unwrap();
        let runs = shop.migrator().runs(shop.address()).await.unwrap();
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids, [&second, &first], "{place:?}");

        let newest = shop.migrator().restore_preview(shop.address(), None).await.unwrap();
        assert_eq!(newest.runs, [second.as_str()], "{place:?}");
        let all = shop.migrator().restore_preview(shop.address(), Some(&first)).await.unwrap();
        assert_eq!(all.runs, [second.as_str(), &first], "{place:?}");
        let report = shop.migrator().restore(shop.address(), Some(&first)).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        for table in ["orders", "products", "mo_migrate_history"] {
            let there = shop.try_sql(&format!("SELECT * FROM {table}"));
            assert!(there.is_err(), "{place:?}: `{table}` is still there: {there:?}");
        }
    }
}

/// What is made by hand has its place among the runs as well.
#[tokio::test]
async fn a_snapshot_by_hand_is_later_than_the_runs_before_it_whatever_the_clock_says() {
    for place in engines() {
        let shop = shop(place).await;
        written_tomorrow(&shop);
        let made = shop.migrator().snapshot_create(shop.address(), "manual").await.unwrap();
        let preview = shop.migrator().restore_preview(shop.address(), Some(&made.name)).await;
        assert_eq!(preview.unwrap().runs, [""; 0], "{place:?}");
        shop.file("2_more.sql", "UPDATE products SET price = 0;");
        let run = shop.migrator().run(shop.address()).await.unwrap().run.unwrap();
        let preview = shop.migrator().restore_preview(shop.address(), Some(&made.name)).await;
        assert_eq!(preview.unwrap().runs, [run], "{place:?}");
        shop.migrator().restore(shop.address(), Some(&made.name)).await.unwrap();
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
    }
}

#[tokio::test]
async fn a_failure_that_is_still_to_come_stops_no_application_for_a_day() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_bad.sql", "SELECT * FROM nowhere;");
        assert!(shop.migrator().run(shop.address()).await.unwrap_err().is_undone());
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::RetryLater, "{place:?}: {error:?}");
        written_tomorrow(&shop);
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::Statement, "{place:?}: {error:?}");
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::RetryLater, "{place:?}: {error:?}");
    }
}

/// The dead run's last sign of life is an hour from now.
fn died_in_an_hour(shop: &Fixture) {
    let hour = 3_600_000;
    let later = format!("heartbeat_at = heartbeat_at + {hour}");
    shop.in_ledger(&format!("UPDATE runs SET {later} WHERE $THIS"));
    if shop.place().is_sqlite() {
        let lock = std::fs::File::open(shop.folder().join("shop.db.mo-migrate/lock")).unwrap();
        lock.set_modified(SystemTime::now() + Duration::from_millis(hour)).unwrap();
    } else {
        shop.in_ledger(&format!("UPDATE holders SET beat = beat + {hour} WHERE $THIS"));
    }
}

#[tokio::test]
async fn a_sign_of_life_that_is_still_to_come_leaves_later_rows_to_a_person() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_more.sql", "-- mo-migrate: no-transaction\nUPDATE products SET price = 0;");
        let (address, directory) = (shop.address(), shop.migrations());
        let words = [&address, directory.to_str().unwrap(), "applied:2"];
        let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
        assert!(!out.status.success(), "it did not die");
        died_in_an_hour(&shop);
        shop.sql("INSERT INTO products (price) VALUES (77)");
        for _ in 0..2 {
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            let what = (error.code(), error.outcome());
            assert_eq!(what, (Code::RecoverLate, Outcome::NeedsPerson), "{place:?}: {error:?}");
            assert!(error.to_string().contains("can't be told"), "{place:?}: {error:?}");
            assert_eq!(shop.sql(PRICES), "0\n0\n77\n", "{place:?}");
        }
        let report = shop.migrator().retry(true).recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{place:?}");
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
        let failed = report.restore.unwrap().failed_state.unwrap();
        let kept = shop.sql_in(&failed, "SELECT count(*) FROM {products} WHERE price = 77");
        assert_eq!(kept, "1\n", "{place:?}");
    }
}

/// The machine that was taken over had another clock: how long it was silent is told by the server's.
#[tokio::test]
async fn the_clock_of_a_dead_machine_says_nothing_on_a_server() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = shop(place).await;
        shop.file("2_more.sql", "UPDATE products SET price = 0;");
        let (address, directory) = (shop.address(), shop.migrations());
        let words = [&address, directory.to_str().unwrap(), "applied:2"];
        let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
        assert!(!out.status.success(), "it did not die");
        shop.in_ledger(&format!(
            "UPDATE runs SET heartbeat_at = heartbeat_at + {DAY_MS} WHERE $THIS"
        ));
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(shop.sql(PRICES), "0\n0\n");
    }
}

#[tokio::test]
async fn times_are_told_in_utc_wherever_the_command_is_typed() {
    for place in engines() {
        let shop = shop(place).await;
        let said = |zone: &str, words: &str| {
            let mut command = in_shop(&shop, program("migrate_from_dir"));
            let out = command.args(words.split(' ')).env("TZ", zone).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let said = String::from_utf8(out.stdout).unwrap();
            // Other tests make snapshots of the account meanwhile.
            said.lines().filter(|line| !line.contains("by others")).collect::<Vec<_>>().join("\n")
        };
        for words in ["status", "history", "snapshot list", "history --format json"] {
            let here = said("UTC", words);
            for zone in ["Asia/Kolkata", "America/St_Johns", "Nowhere/At_All"] {
                assert_eq!(said(zone, words), here, "{place:?}: {words} in {zone}");
            }
        }
    }
}

/// Sessions of the pool are in one zone, and the migration sets another: the rows of others are found
/// in the gaps all the same, and shown.
#[tokio::test]
async fn the_rows_of_others_are_told_apart_in_every_time_zone() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        for (zone, other) in [("+08:00", "-05:00"), ("-11:30", "+13:00")] {
            let shop = shop(place).await;
            let before = shop.sql(PRICES);
            let address = server::address(shop.database()).replacen("matrixone", "mysql", 1);
            let options: MySqlConnectOptions = address.parse().unwrap();
            let options = options
                .pipes_as_concat(false)
                .no_engine_substitution(false)
                .timezone(None)
                .set_names(false);
            let pool =
                MySqlPoolOptions::new().max_connections(3).after_connect(move |session, _| {
                    Box::pin(async move {
                        let set = format!("SET time_zone = '{zone}'");
                        sqlx::Executor::execute(session, sqlx::raw_sql(sqlx::AssertSqlSafe(set)))
                            .await?;
                        Ok(())
                    })
                });
            let pool = pool.connect_with(options).await.unwrap();
            let writes = shop.shell("INSERT INTO products (price) VALUES (77)");
            shop.file(
                "2_bad.sql",
                &format!(
                    "SET time_zone = '{other}'; UPDATE products SET price = 0 WHERE price = 30;"
                ),
            )
            .file(
                "2_bad.check.sql",
                &format!("-- check: others write, and it fails\n-- command: {writes}; exit 1"),
            );
            let error = shop.migrator().run(&pool).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Restored, "{zone}: {error:?}");
            let restore = error.report().unwrap().restore.clone().unwrap();
            assert_eq!(restore.discarded_rows.len(), 1, "{zone}: {restore:?}");
            assert_eq!(restore.discarded_rows[0].count, 1, "{zone}: {restore:?}");
            assert_eq!(shop.sql(PRICES), before, "{zone}");
            let run = error.report().unwrap().run.clone().unwrap();
            let diff = shop.migrator().diff(&pool, &run, None).await.unwrap();
            assert!(format!("{diff:?}").contains("77"), "{zone}: {diff:?}");
            pool.close().await;
        }
    }
}
