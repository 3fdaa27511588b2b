//! Sessions: who holds the lock, who is in the way, and what happens when they are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mo_migrate::{Event, Outcome};
use mo_migrate_tests::server;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{BAD, Shop};

const SHOP: &str =
    "CREATE TABLE products (id INT PRIMARY KEY, a INT); INSERT INTO products VALUES (1, 1), (2, 2);
    CREATE TABLE orders (id INT PRIMARY KEY, a INT); INSERT INTO orders VALUES (1, 1)";

/// What runs must end within, besides the limit that they were given: much, for a busy machine.
const LEEWAY: Duration = Duration::from_secs(30);

async fn number(connection: &mut sqlx::MySqlConnection) -> String {
    server::ask(connection, "SELECT CONNECTION_ID()").await.unwrap()[0][0].clone().unwrap()
}

#[tokio::test]
async fn an_open_transaction_on_a_table_is_named_and_never_waited_for_beyond_the_limit() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    let mut blocker = server::connect(shop.database(), None).await.unwrap();
    let id = number(&mut blocker).await;
    for statement in ["BEGIN", "INSERT INTO products VALUES (50, 50)"] {
        server::ask(&mut blocker, statement).await.unwrap();
    }
    for migration in [
        "ALTER TABLE products ADD COLUMN x INT;",
        "UPDATE products SET a = 9; SELECT * FROM nowhere;",
        "DROP TABLE products;",
    ] {
        shop.file("2_x.sql", migration);
        let limit = Duration::from_secs(3);
        let begun = Instant::now();
        let migrator = shop.migrator().attended(true).lock_timeout(limit);
        let error = migrator.run(shop.address()).await.unwrap_err();
        let took = begun.elapsed();
        assert!(took < limit + LEEWAY, "{migration}: waited {took:?}");
        assert!(matches!(error.exit_code().0, 2..=5), "{error:?}");
        assert!(error.to_string().contains(&format!("session {id}")), "{migration}: {error:?}");
        if error.outcome() == Outcome::NeedsPerson {
            // The command of the hint, once the session is out of the way.
            server::ask(&mut blocker, "ROLLBACK").await.unwrap();
            shop.migrator().recover(shop.address()).await.unwrap();
            for statement in ["BEGIN", "INSERT INTO products VALUES (50, 50)"] {
                server::ask(&mut blocker, statement).await.unwrap();
            }
        }
        shop.assert_dump(&before, migration);
    }
}

/// A moment that one side reaches and the other waits for.
#[derive(Clone, Default)]
struct Moment(Arc<AtomicBool>);

impl Moment {
    fn reached(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_reached(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn wait(&self) {
        let begun = Instant::now();
        while !self.is_reached() {
            assert!(begun.elapsed() < Duration::from_mins(2), "the other side did not get there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs the second migration, in which a session takes hold of `products` while the checks run.
async fn blocked_restore(shop: &Shop, terminate: bool) -> mo_migrate::Result<mo_migrate::Report> {
    shop.file("2_x.sql", "UPDATE products SET a = 9;")
        .file("2_x.check.sql", "-- check(after): fails\nSELECT 1;");
    let database = shop.database().to_owned();
    let (checked, held, over) = (Moment::default(), Moment::default(), Moment::default());
    let holder = {
        let (checked, held, over) = (checked.clone(), held.clone(), over.clone());
        std::thread::spawn(move || {
            checked.wait();
            // It may be ended, which is the end of it.
            let _ = server::with(&database, None, async |connection| {
                server::ask(connection, "BEGIN").await?;
                server::ask(connection, "INSERT INTO products VALUES (60, 60)").await?;
                held.reached();
                while !over.is_reached() {
                    server::ask(connection, "SELECT 1").await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(())
            });
        })
    };
    let check = checked.clone();
    let migrator = shop
        .migrator()
        .attended(true)
        .lock_timeout(Duration::from_secs(3))
        .terminate_blockers(terminate)
        .observer(move |event: &Event| {
            if matches!(event, Event::Checked(_)) {
                check.reached();
                held.wait();
            }
        });
    let done = migrator.run(shop.address()).await;
    checked.reached();
    over.reached();
    holder.join().unwrap();
    done
}

#[tokio::test]
async fn a_session_in_the_way_of_a_restore_is_named_and_the_next_command_works() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    let error = blocked_restore(&shop, false).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NeedsPerson, "{error:?}");
    assert!(error.to_string().contains("session "), "{error:?}");
    let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::Restored);
    shop.assert_dump(&before, "recovered");
}

#[tokio::test]
async fn a_session_in_the_way_is_ended_only_when_that_was_said() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    let error = blocked_restore(&shop, true).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    shop.assert_dump(&before, "terminated");
}

/// A writer that the restore waits for gets keys until it commits.
#[tokio::test]
async fn keys_that_were_given_while_a_restore_waited_for_its_locks_are_not_given_again() {
    let keys = "CREATE TABLE products (id BIGINT PRIMARY KEY AUTO_INCREMENT, a INT); INSERT INTO products (a) VALUES (1)";
    let Some(shop) = Shop::of(keys).await else { return };
    shop.file("2_x.sql", "UPDATE products SET a = 9;")
        .file("2_x.check.sql", "-- check(after): fails\nSELECT 1;");
    let database = shop.database().to_owned();
    let (checked, held) = (Moment::default(), Moment::default());
    let writer = {
        let (checked, held) = (checked.clone(), held.clone());
        std::thread::spawn(move || {
            checked.wait();
            let waits = format!(
                "SELECT count(*) FROM information_schema.processlist WHERE command <> '' AND \
                 info LIKE 'ALTER TABLE `{database}`.`products` COMMENT%'"
            );
            server::with(&database, None, async |connection| {
                server::ask(connection, "BEGIN").await?;
                server::ask(connection, "INSERT INTO products (a) VALUES (2)").await?;
                held.reached();
                while server::sql("", &waits) == "0\n" {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                for sql in [
                    "INSERT INTO products VALUES (5000000, 3)",
                    "INSERT INTO products (a) VALUES (4)",
                    "COMMIT",
                ] {
                    server::ask(connection, sql).await?;
                }
                Ok(())
            })
        })
    };
    let check = checked.clone();
    let migrator = shop.migrator().attended(true).observer(move |event: &Event| {
        if matches!(event, Event::Checked(_)) {
            check.reached();
            held.wait();
        }
    });
    let error = migrator.run(shop.address()).await.unwrap_err();
    writer.join().unwrap().unwrap();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    assert_eq!(shop.run("SELECT id, a FROM products"), "1|1\n");
    shop.run("INSERT INTO products (a) VALUES (5)");
    let next: u64 = shop.run("SELECT max(id) FROM products").trim().parse().unwrap();
    assert!(next > 5_000_001, "{next} was given to another before");
}

/// A foreign transaction that holds one touched table and wants the other.
#[tokio::test]
async fn a_deadlock_with_a_foreign_transaction_ends_and_loses_nothing() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let before = shop.dump();
    shop.file("2_x.sql", "UPDATE products SET a = 9; UPDATE orders SET a = 9;")
        .file("2_x.check.sql", "-- check(after): fails\nSELECT 1;");
    let database = shop.database().to_owned();
    let (checked, held, restoring) = (Moment::default(), Moment::default(), Moment::default());
    let foreign = {
        let (checked, held, restoring) = (checked.clone(), held.clone(), restoring.clone());
        std::thread::spawn(move || {
            checked.wait();
            // Either end of it is right: it may be the one that the server ends.
            let _ = server::with(&database, None, async |connection| {
                server::ask(connection, "BEGIN").await?;
                server::ask(connection, "UPDATE products SET a = 70 WHERE id = 1").await?;
                held.reached();
                restoring.wait();
                tokio::time::sleep(Duration::from_millis(200)).await;
                server::ask(connection, "UPDATE orders SET a = 70 WHERE id = 1").await?;
                server::ask(connection, "COMMIT").await
            });
        })
    };
    let (check, restore) = (checked.clone(), restoring.clone());
    let migrator = shop.migrator().attended(true).lock_timeout(Duration::from_secs(20)).observer(
        move |event: &Event| match event {
            Event::Checked(_) => {
                check.reached();
                held.wait();
            }
            Event::PhaseStarted { phase, .. } if phase.as_str() == "failed_state" => {
                restore.reached();
            }
            _ => {}
        },
    );
    let error = migrator.run(shop.address()).await.unwrap_err();
    checked.reached();
    restoring.reached();
    foreign.join().unwrap();
    if error.outcome() == Outcome::NeedsPerson {
        let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{error:?}");
    } else {
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    }
    // What the foreign transaction wrote came after the restore as a whole, or went back as one.
    let all = shop.run("SELECT a FROM products WHERE id = 1; SELECT a FROM orders WHERE id = 1");
    if all == "70\n70\n" {
        shop.run("UPDATE products SET a = 1 WHERE id = 1; UPDATE orders SET a = 1 WHERE id = 1");
    }
    shop.assert_dump(&before, &all);
}

/// What a client that is gone has sent goes on in the server, and holds its session's lock.
#[tokio::test]
async fn the_statement_of_a_dropped_future_is_ended_in_the_server() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let endless = "CREATE TABLE n AS SELECT count(*) AS c FROM generate_series(1, 900000000000) g";
    shop.file("2_x.sql", &format!("UPDATE products SET a = 9; {endless};"));
    let running = || {
        let sql = "SELECT conn_id FROM information_schema.processlist WHERE info LIKE 'CREATE TABLE n %900000000000%'";
        server::sql("", sql)
    };
    let migrator = shop.migrator().attended(true).lock_timeout(Duration::from_secs(30));
    tokio::select! {
        done = migrator.run(shop.address()) => panic!("it ended: {done:?}"),
        () = async {
            while running().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        } => {}
    }
    shop.file("2_x.sql", "INSERT INTO products VALUES (3, 3);");
    let report = migrator.run(shop.address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert_eq!(running(), "");
    assert_eq!(shop.run("SELECT id, a FROM products ORDER BY id"), "1|1\n2|2\n3|3\n");
}

/// A machine that is gone without a word leaves its session with the lock.
#[tokio::test]
async fn a_silent_holder_of_the_lock_is_ended_and_taken_over() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let mut silent = server::connect("", None).await.unwrap();
    let lock = shop.named("SELECT GET_LOCK('mo_migrate:DB', 10)");
    assert_eq!(server::ask(&mut silent, &lock).await.unwrap()[0][0].as_deref(), Some("1"));
    let id = number(&mut silent).await;
    let words = |age: u32| {
        shop.named(&format!(
            "UPDATE holders SET session = {id}, beat = timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6)) DIV 1000 - {age} WHERE guarded = 'DB'"
        ))
    };
    shop.file("2_x.sql", "INSERT INTO products VALUES (3, 3);");
    // Heard of a moment ago: it is waited for, and left alone.
    server::sql("mo_migrate", &words(0));
    let migrator = shop.migrator().attended(true).lock_timeout(Duration::from_secs(2));
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Locked, "{error:?}");
    server::ask(&mut silent, "SELECT 1").await.unwrap();
    // Not heard of for ten minutes.
    server::sql("mo_migrate", &words(600_000));
    let report = shop.migrator().attended(true).run(shop.address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert!(server::ask(&mut silent, "SELECT 1").await.is_err(), "its session lives on");
}

/// Rows that an application wrote after a restore that had succeeded are not an hour of differences.
#[tokio::test]
async fn a_recovery_takes_nothing_back_that_was_written_after_a_finished_restore() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    for moment in ["finish:restore", "start:afterwards", "finish:afterwards"] {
        shop.file("2_x.sql", &format!("UPDATE products SET a = 9; {BAD}"));
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_die_at"))
            .args([&shop.address(), shop.migrations().to_str().unwrap(), moment])
            .output()
            .unwrap();
        assert!(!out.status.success(), "{moment} was not reached");
        shop.run("INSERT INTO products VALUES (80, 80)");
        let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{moment}");
        let rows = shop.run("SELECT id, a FROM products ORDER BY id");
        assert_eq!(rows, "1|1\n2|2\n80|80\n", "{moment}");
        shop.run("DELETE FROM products WHERE id = 80");
    }
}

#[tokio::test]
async fn one_database_has_one_lock_and_one_ledger_however_it_is_called() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let other_words = shop.address().replacen("matrixone:", "mysql:", 1);
    let (head, name) = other_words.rsplit_once('/').unwrap();
    let other_words = format!("{head}/{}", name.to_uppercase());
    shop.file("2_x.sql", "CREATE TABLE x (y INT);");
    let report = shop.migrator().run(&mo_migrate::Address::new(&other_words)).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 2);
    let again = shop.migrator().run(shop.address()).await.unwrap();
    assert_eq!(again.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn a_pool_of_one_connection_is_enough_and_comes_back_as_it_was() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let address = shop.address().replacen("matrixone:", "mysql:", 1);
    let options: MySqlConnectOptions = address.parse().unwrap();
    let pool = MySqlPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let before = shop.dump();
    let migrator = shop.migrator().attended(true);
    shop.file("2_x.sql", &format!("UPDATE products SET a = 9; {BAD}"));
    let error = migrator.run(&pool).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    shop.assert_dump(&before, "restored");
    shop.file("2_x.sql", "UPDATE products SET a = 8;");
    assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::Applied);
    assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::UpToDate);
    let (checks, database): (String, String) =
        sqlx::query_as("SELECT @@foreign_key_checks, DATABASE()").fetch_one(&pool).await.unwrap();
    assert_eq!((checks.as_str(), database.as_str()), ("1", shop.database()));
}

#[tokio::test]
async fn a_login_that_is_refused_says_what_to_check_and_shows_no_password() {
    let Some(shop) = Shop::of("CREATE TABLE t (id INT PRIMARY KEY)").await else { return };
    let address = shop.address().replace(":111@", ":hunter2@");
    let error = shop.migrator().status(&address).await.unwrap_err();
    let said = format!("{error:?}");
    assert!(said.contains("Access denied") && said.contains("check the user"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
