//! Many starters at once, pools, and futures that are dropped.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, JOURNALS, Journal, engines, places};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

const INIT: &str =
    "CREATE TABLE products (id $KEY, name TEXT); INSERT INTO products (name) VALUES ('a');";

#[test]
fn of_sixteen_processes_one_applies_and_all_are_content() {
    for place in places() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT)
            .file("2_more.sql", "INSERT INTO products (name) VALUES ('b');");
        let start = || {
            Command::new(env!("CARGO_BIN_EXE_die_at"))
                .args([&shop.address(), shop.migrations().to_str().unwrap(), "never"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..16).map(|_| start()).collect();
        let mut said = Vec::new();
        for child in children {
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success(), "{:?}", String::from_utf8_lossy(&out.stdout));
            said.push(String::from_utf8(out.stdout).unwrap().trim().to_owned());
        }
        assert_eq!(said.iter().filter(|word| *word == "applied").count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|word| *word == "up_to_date").count(), 15, "{said:?}");
        assert_eq!(shop.sql("SELECT count(*) FROM products"), "2\n");
    }
}

#[tokio::test]
async fn those_who_waited_for_a_run_that_failed_get_its_error() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_slow.sql", "CREATE TABLE x (y INT);")
            .file("1_slow.check.sql", "-- check: slow and wrong\n-- command: sleep 1; exit 1");
        let migrator = shop.migrator().attended(true);
        let (first, second) = tokio::join!(migrator.run(shop.address()), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            migrator.run(shop.address()).await
        });
        assert_eq!(first.unwrap_err().outcome(), Outcome::Restored);
        let error = second.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::RetryLater, Outcome::Refused),
            "{error:?}"
        );
        assert!(error.to_string().contains("slow and wrong"), "{error:?}");
    }
}

#[tokio::test]
async fn a_set_that_failed_is_not_tried_again_by_itself_but_by_a_person() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_bad.sql", "SELECT * FROM nowhere;");
        assert_eq!(shop.migrator().run(shop.address()).await.unwrap_err().outcome(), shop.undone());
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::RetryLater, "{error:?}");
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::Statement, "{error:?}");
        shop.file("1_bad.sql", INIT);
        assert_eq!(shop.migrator().run(shop.address()).await.unwrap().outcome, Outcome::Applied);
    }
}

#[tokio::test]
async fn the_holder_of_the_lock_is_named_and_waited_for_within_the_limit() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_slow.sql", "CREATE TABLE x (y INT);")
            .file("1_slow.check.sql", "-- check: slow\n-- command: sleep 2");
        let migrator = shop.migrator();
        let (first, second) = tokio::join!(migrator.run(shop.address()), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            migrator.clone().lock_timeout(Duration::from_millis(100)).run(shop.address()).await
        });
        assert_eq!(first.unwrap().outcome, Outcome::Applied);
        let error = second.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Locked, Outcome::Locked), "{error:?}");
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error:?}");
        assert_eq!(error.exit_code().0, 4);
    }
}

async fn pool(shop: &Fixture) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(shop.path());
    SqlitePoolOptions::new()
        .max_connections(1)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .lock_handle()
                    .await?
                    .create_collation("backwards", |a: &str, b: &str| b.cmp(a))?;
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_pool_of_one_connection_is_enough_and_its_hooks_are_kept() {
    for journal in JOURNALS {
        let shop = Fixture::new(journal);
        shop.file("1_init.sql", "CREATE TABLE t (name TEXT COLLATE backwards PRIMARY KEY); INSERT INTO t VALUES ('a'), ('b');");
        let pool = pool(&shop).await;
        let migrator = shop.migrator().attended(true);
        assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::Applied);
        assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::UpToDate);
        let names: Vec<String> =
            sqlx::query_scalar("SELECT name FROM t ORDER BY name").fetch_all(&pool).await.unwrap();
        assert_eq!(names, ["b", "a"]);
        shop.file(
            "2_bad.sql",
            "-- mo-migrate: no-transaction\nDELETE FROM t; SELECT * FROM nowhere;",
        );
        let error = migrator.run(&pool).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        let names: Vec<String> =
            sqlx::query_scalar("SELECT name FROM t ORDER BY name").fetch_all(&pool).await.unwrap();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(migrator.status(&pool).await.unwrap().state, "pending");
    }
}

#[tokio::test]
async fn a_database_in_memory_is_guarded_too() {
    let shop = Fixture::new(Journal::Rollback);
    let pool =
        SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    shop.file("1_init.sql", INIT);
    let migrator = shop.migrator().attended(true);
    assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::Applied);
    assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::UpToDate);
    for (head, outcome) in
        [("", Outcome::RolledBack), ("-- mo-migrate: no-transaction\n", Outcome::Restored)]
    {
        shop.file(
            "2_bad.sql",
            &format!("{head}DELETE FROM products; DROP TABLE products; SELECT * FROM nowhere;"),
        );
        let error = migrator.run(&pool).await.unwrap_err();
        assert_eq!(error.outcome(), outcome, "{error:?}");
        let names: Vec<String> =
            sqlx::query_scalar("SELECT name FROM products").fetch_all(&pool).await.unwrap();
        assert_eq!(names, ["a"]);
    }
    // The connection is the application's again: it writes, and its triggers fire.
    for sql in [
        "CREATE TABLE log (x)",
        "CREATE TRIGGER t AFTER INSERT ON products BEGIN INSERT INTO log VALUES (1); END",
        "INSERT INTO products (name) VALUES ('z')",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let (fired, keys): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM log), foreign_keys FROM pragma_foreign_keys")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((fired, keys), (1, 1));
}

#[tokio::test]
async fn a_dropped_future_is_a_crash_like_another() {
    for place in places() {
        for head in place.headings() {
            let shop = Fixture::new(place);
            shop.file("1_init.sql", INIT);
            shop.migrator().run(shop.address()).await.unwrap();
            let slow = format!("CREATE TABLE n AS {}", place.slow());
            shop.file("2_slow.sql", &format!("{head}DELETE FROM products; {slow}"));
            let migrator = shop.migrator().attended(true);
            let dropped =
                tokio::time::timeout(Duration::from_millis(100), migrator.run(shop.address()))
                    .await;
            assert!(dropped.is_err());
            let report = migrator.run(shop.address()).await.unwrap();
            assert_eq!(report.outcome, Outcome::Applied);
            assert_eq!(shop.sql("SELECT count(*) FROM products"), "0\n");
            assert_eq!(
                shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'sql'"),
                "2\n"
            );
        }
    }
}

#[tokio::test]
async fn the_lock_is_held_until_the_statement_of_a_dropped_future_has_ended() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        shop.migrator().run(shop.address()).await.unwrap();
        let slow = format!("CREATE TABLE n AS {}", place.endless());
        shop.file("2_slow.sql", &format!("-- mo-migrate: no-transaction\n{slow}"));
        let migrator = shop.migrator().attended(true);
        let dropped =
            tokio::time::timeout(Duration::from_millis(300), migrator.run(shop.address())).await;
        assert!(dropped.is_err());
        // The endless statement was ended, the lock let go, and the next start recovers.
        shop.file("2_slow.sql", "SELECT 1;");
        let report = migrator.run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert!(shop.try_sql("SELECT * FROM n").is_err(), "the statement was not undone");
    }
}

#[tokio::test]
async fn a_run_can_be_spawned() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let (migrator, address) = (shop.migrator(), shop.address());
        let report =
            tokio::spawn(async move { migrator.run(address).await }).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
    }
}

#[tokio::test]
async fn every_way_back_can_be_spawned_too() {
    fn spawnable(future: impl Future + Send) {
        drop(future);
    }
    let shop = Fixture::new(Journal::Wal);
    let (migrator, address) = (shop.migrator(), shop.address());
    spawnable(migrator.down(&address, None));
    spawnable(migrator.restore(&address, None));
    spawnable(migrator.recover(&address));
    spawnable(migrator.verify(&address));
    spawnable(migrator.status(&address));
}
