//! Blue-green: a copy beside the database is migrated, and becomes the one to use.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mo_migrate::error::Code;
use mo_migrate::{Migrator, Outcome, UpgradeState};
use mo_migrate_tests::{Fixture, Lasting, Place, engines, places, program, server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100) NOT NULL, price INT);
CREATE TABLE visits (id $KEY, page VARCHAR(100), num INT);
CREATE TABLE notes (word VARCHAR(100));
INSERT INTO products (name, price) VALUES ('Laptop', 1500), ('Mouse', 30);
INSERT INTO visits (page, num) VALUES ('home', 1), ('shop', 2);
INSERT INTO notes VALUES ('a'), ('a');";

const V2: &str = "ALTER TABLE products ADD COLUMN category VARCHAR(20);
UPDATE products SET category = 'Electronics';";

/// A shop at version 1, with version 2 pending.
async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    migrator(&shop).run(shop.address()).await.unwrap();
    shop.file("2_category.sql", V2);
    shop
}

fn migrator(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

fn green(shop: &Fixture) -> String {
    shop.beside("_green")
}

fn in_green(shop: &Fixture, sql: &str) -> String {
    shop.sql_of(&green(shop), &shop.place().words(sql))
}

/// The command in the shop's folder.
fn migrate(shop: &Fixture, words: &[&str]) -> Output {
    command(shop, words).output().unwrap()
}

fn command(shop: &Fixture, words: &[&str]) -> Command {
    let mut command = Command::new(program("migrate_from_dir"));
    command.current_dir(shop.folder()).env("DATABASE_URL", shop.address());
    command.args(words).stdin(Stdio::null());
    command
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// Somebody has removed green.
fn remove_green(shop: &Fixture) {
    match shop.place() {
        Place::Sqlite(_) => std::fs::remove_file(shop.folder().join(green(shop))).unwrap(),
        Place::MatrixOne => drop(server::sql("", &format!("DROP DATABASE {}", green(shop)))),
    }
}

/// Whether an application that starts now uses green.
async fn uses_green(shop: &Fixture) -> bool {
    let active = migrator(shop).active(&shop.address()).await.unwrap();
    let applied = migrator(shop).history(&active).await.unwrap();
    let is_green = active.expose() != shop.address();
    assert_eq!(applied.len(), if is_green { 2 } else { 1 }, "{is_green}");
    is_green
}

#[tokio::test]
async fn green_is_migrated_and_blue_is_as_it_was_until_green_is_active() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        let started = migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        assert_eq!(started.report.outcome, Outcome::Applied, "{place:?}");
        assert_eq!(started.upgrade.state, UpgradeState::Ready);
        assert_eq!(
            (started.upgrade.version_before, started.upgrade.version_after),
            (Some(1), Some(2))
        );
        shop.assert_dump(&before, "while green is ready");
        assert!(!uses_green(&shop).await);
        assert_eq!(
            in_green(&shop, "SELECT count(*) FROM products WHERE category = 'Electronics'"),
            "2\n"
        );
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        assert_eq!((status.blue_changes, status.green_changes), (vec![], vec![]), "{place:?}");
        assert_eq!(
            (status.blue_version, status.green_version, status.unknown),
            (Some(1), Some(2), None)
        );
        let snapshots = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        assert!(snapshots.iter().any(|line| line.name == started.upgrade.snapshot && line.pinned));
        let done = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(done.state, UpgradeState::Completed);
        assert!(done.keep_until.is_some() && done.carried.is_empty());
        shop.assert_dump(&before, "when green is active");
        assert!(uses_green(&shop).await);
        let again = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(again.state, UpgradeState::Completed);
        let told = migrator(&shop).status(shop.address()).await.unwrap().upgrade.unwrap();
        assert_eq!(told.state, UpgradeState::Completed);
    }
}

#[tokio::test]
async fn what_came_to_blue_is_carried_over_where_the_migrations_did_not_touch_it() {
    for place in places() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("INSERT INTO visits (page, num) VALUES ('cart', 3); UPDATE visits SET num = 9 WHERE page = 'home'; DELETE FROM visits WHERE page = 'shop'; DELETE FROM notes");
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        let seen: Vec<_> =
            status.blue_changes.iter().map(|c| (c.name.as_str(), c.rows, c.carried)).collect();
        assert_eq!(
            seen,
            [("notes", Some(2), true), ("visits", Some(3), true)],
            "{place:?}: {status:?}"
        );
        let before = shop.dump();
        let done = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(done.carried, ["notes", "visits"], "{place:?}");
        shop.assert_dump(&before, "after its rows were carried over");
        let visits = "SELECT * FROM visits ORDER BY id";
        assert_eq!(in_green(&shop, visits), shop.sql(visits), "{place:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM notes"), "0\n");
        assert_eq!(
            in_green(&shop, "SELECT count(*) FROM products WHERE category IS NOT NULL"),
            "2\n"
        );
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        assert_eq!(status.green_changes, [], "{place:?}: what we carried over is nobody's write");
        // A key that blue gave out is not given out again.
        let id = in_green(
            &shop,
            "INSERT INTO visits (page) VALUES ('next'); SELECT max(id) FROM visits",
        );
        assert!(id.trim().parse::<u64>().unwrap() > 3, "{place:?}: {id}");
    }
}

/// The server panicked: it was given what it works out of the columns of such a key by itself.
#[tokio::test]
async fn rows_with_a_key_of_several_columns_are_carried_over() {
    for place in places() {
        let shop = shop(place).await;
        let cluster = if place == Place::MatrixOne { " CLUSTER BY (a, b)" } else { "" };
        shop.sql(&format!(
            "CREATE TABLE pairs (a INT, b INT, c INT, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 2, 3); \
             CREATE TABLE near (a INT, b INT){cluster}; INSERT INTO near VALUES (1, 2)"
        ));
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("INSERT INTO pairs VALUES (1, 3, 4); INSERT INTO near VALUES (2, 2); UPDATE near SET b = 3 WHERE a = 1");
        let done = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(done.carried, ["near", "pairs"], "{place:?}");
        for sql in ["SELECT * FROM pairs ORDER BY b", "SELECT * FROM near ORDER BY a"] {
            assert_eq!(in_green(&shop, sql), shop.sql(sql), "{place:?}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_carried_over_is_refused_with_its_rows_or_stays_behind_by_name() {
    for place in places() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("UPDATE products SET price = 1; INSERT INTO visits (page, num) VALUES ('cart', 3); CREATE TABLE late (id INT)");
        let before = (shop.dump(), in_green(&shop, "SELECT * FROM visits"));
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::BlueChanged, Outcome::Refused),
            "{error:?}"
        );
        let words = error.render(false);
        assert!(words.contains("`products`: 2 rows") && words.contains("`late`"), "{words}");
        assert!(!words.contains("`visits`"), "{words}");
        shop.assert_dump(&before.0, "after a refusal");
        assert_eq!(in_green(&shop, "SELECT * FROM visits"), before.1);
        assert!(!uses_green(&shop).await);
        // One of them alone is not enough.
        let error = migrator(&shop)
            .upgrade_complete(shop.address(), &["late".to_owned()])
            .await
            .unwrap_err();
        assert!(error.message().ends_with("that: products"), "{error:?}");
        let out = migrate(&shop, &["upgrade", "complete"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        let out = migrate(&shop, &["upgrade", "complete", "--discard-changes"]);
        assert_eq!(out.status.code(), Some(5), "nobody could be asked: {}", said(&out));
        assert!(!uses_green(&shop).await);
        let out = migrate(&shop, &["upgrade", "complete", "--discard-changes", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(uses_green(&shop).await);
        assert_eq!(in_green(&shop, "SELECT count(*) FROM visits"), "3\n");
        assert_eq!(in_green(&shop, "SELECT min(price) FROM products"), "30\n");
        shop.assert_dump(&before.0, "blue keeps what stayed behind");
    }
}

#[tokio::test]
async fn blue_that_was_migrated_by_itself_is_refused() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        migrator(&shop).run(shop.address()).await.unwrap();
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::BlueChanged, "{error:?}");
        assert!(error.render(false).contains("`products`"), "{error:?}");
    }
}

#[tokio::test]
async fn a_hook_that_fails_switches_nothing_and_complete_goes_on_when_it_is_mended() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        shop.sql("INSERT INTO visits (page, num) VALUES ('cart', 3)");
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", "exit 7"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert!(
            said(&out).contains("MM0333") && said(&out).contains("exited with 7"),
            "{}",
            said(&out)
        );
        assert!(!uses_green(&shop).await);
        let out = migrate(
            &shop,
            &["--check-timeout", "1s", "upgrade", "complete", "--yes", "--switch", "sleep 600"],
        );
        assert!(said(&out).contains("longer than 1s"), "{}", said(&out));
        assert!(!uses_green(&shop).await);
        // What was carried over by then is carried over again.
        shop.sql("INSERT INTO visits (page, num) VALUES ('late', 4)");
        let hook = "echo $MO_MIGRATE_MOMENT $MO_MIGRATE_ACTIVE > told; cat > told.json";
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", hook]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(uses_green(&shop).await);
        assert_eq!(in_green(&shop, "SELECT count(*) FROM visits"), "4\n");
        let told = std::fs::read_to_string(shop.folder().join("told")).unwrap();
        assert!(told.starts_with("switch ") && told.trim().ends_with(&green(&shop)), "{told}");
        assert!(!told.contains(":111@"), "{told}");
        let notice = std::fs::read_to_string(shop.folder().join("told.json")).unwrap();
        let notice: Value = serde_json::from_str(&notice).unwrap();
        assert_eq!((&notice["moment"], &notice["outcome"]), (&"switch".into(), &Value::Null));
        let out = migrate(&shop, &["upgrade", "back", "--yes", "--switch", hook]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        let told = std::fs::read_to_string(shop.folder().join("told")).unwrap();
        assert!(told.trim().ends_with(place.by("shop.db", shop.database())), "{told}");
    }
}

/// The way that was named, `abort`, is refused once a hook may have been told.
#[tokio::test]
async fn a_switch_that_was_begun_names_the_commands_that_make_green_anew() {
    for place in places() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", "exit 7"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        shop.sql("UPDATE products SET price = price + 1");
        for words in [["upgrade", "complete"], ["upgrade", "status"]] {
            let out = migrate(&shop, &words);
            let named =
                ["back", "abort", "start"].map(|wish| said(&out).find(&format!("upgrade {wish}`")));
            assert!(named.is_sorted() && named[0].is_some(), "{place:?}: {}", said(&out));
        }
        for wish in ["back", "abort", "start"] {
            let out = migrate(&shop, &["upgrade", wish, "--yes"]);
            assert!(out.status.success(), "{place:?}, {wish}: {}", said(&out));
        }
        assert!(migrate(&shop, &["upgrade", "complete", "--yes"]).status.success());
    }
}

/// It was in green for good: a table of blue that is as in the snapshot counted as one without changes.
#[tokio::test]
async fn what_was_carried_over_by_a_switch_that_failed_and_is_gone_from_blue_is_not_in_green() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        shop.sql("INSERT INTO visits (page, num) VALUES ('cart', 3)");
        shop.sql("INSERT INTO notes VALUES ('b')");
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", "false"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert_eq!(in_green(&shop, "SELECT count(*) FROM visits"), "3\n");
        shop.sql("DELETE FROM visits WHERE page = 'cart'");
        let out = migrate(&shop, &["upgrade", "status"]);
        assert!(said(&out).contains("visits"), "{place:?}: {}", said(&out));
        let out = migrate(&shop, &["upgrade", "complete", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        assert_eq!(in_green(&shop, "SELECT page FROM visits ORDER BY 1"), "home\nshop\n");
        assert_eq!(in_green(&shop, "SELECT word FROM notes ORDER BY 1"), "a\na\nb\n");
    }
}

/// It would lead the application to green after it was said that nothing was switched.
#[tokio::test]
async fn a_hook_that_was_to_switch_and_is_ended_is_ended_with_all_that_it_started() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let lasting = Lasting::new(&shop);
        let hook = format!("{}; wait", lasting.line());
        let complete = ["upgrade", "complete", "--yes", "--switch", &hook];
        let out = migrate(&shop, &[&["--check-timeout", "1s"], &complete[..]].concat());
        assert!(said(&out).contains("longer than 1s"), "{place:?}: {}", said(&out));
        lasting.is_gone();
        let mut command = command(&shop, &complete);
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        lasting.is_there();
        kill_process(Pid::from_child(&run), Signal::INT).unwrap();
        let out = run.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(130), "{place:?}: {}", said(&out));
        lasting.is_gone();
        assert!(!uses_green(&shop).await);
    }
}

#[tokio::test]
async fn a_switch_that_nobody_was_told_of_says_so() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let out = migrate(&shop, &["upgrade", "complete", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        let words = said(&out);
        let note = words.lines().find(|line| line.contains("no hook")).unwrap_or(&words);
        assert!(note.contains(&green(&shop)) && note.contains("`Migrator::active()`"), "{note}");
        assert!(!note.contains(":111@"), "{note}");
        let out = migrate(&shop, &["upgrade", "back", "--yes", "--switch", "true"]);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        assert!(!said(&out).contains("no hook"), "{place:?}: {}", said(&out));
    }
}

#[tokio::test]
async fn a_hook_that_was_forgotten_is_told_by_the_same_command_once_more() {
    for place in engines() {
        let shop = shop(place).await;
        let told = shop.migrations().join("told");
        let hook = format!("echo \"$MO_MIGRATE_ACTIVE\" >> '{}'", told.display());
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        for command in ["complete", "back"] {
            let out = migrate(&shop, &["upgrade", command, "--yes"]);
            assert!(
                said(&out).contains("by the same command once more with `--switch"),
                "{place:?}"
            );
            let out = migrate(&shop, &["upgrade", command, "--yes", "--switch", &hook]);
            assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        }
        let out = migrate(&shop, &["upgrade", "back", "--yes", "--switch", "false"]);
        assert_eq!(out.status.code(), Some(5), "{place:?}: {}", said(&out));
        assert!(said(&out).contains("is the active database already"), "{}", said(&out));
        let told = std::fs::read_to_string(&told).unwrap();
        let ends: Vec<bool> = told.lines().map(|line| line.ends_with(&green(&shop))).collect();
        assert_eq!(ends, [true, false], "{place:?}: {told}");
    }
}

/// It would be no way back any more.
#[tokio::test]
async fn blue_is_not_migrated_while_green_is_the_one_to_use() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        assert!(migrate(&shop, &["upgrade", "complete", "--yes"]).status.success());
        let before = shop.dump();
        let error = migrator(&shop).run(shop.address()).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Upgrade, Outcome::Refused), "{error:?}");
        assert!(error.to_string().contains(&green(&shop)), "{place:?}: {error:?}");
        // Nor is anything brought into it that its application would not find.
        let out = migrate(&shop, &["guard", "--", "touch", "imported"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert!(said(&out).contains("is not the active database"), "{}", said(&out));
        assert!(!shop.folder().join("imported").exists());
        shop.assert_dump(&before, "blue, while green is active");
        let out = migrate(&shop, &["preflight"]);
        assert!(said(&out).contains("is not the active database"), "{}", said(&out));
        // Both are databases like others once the upgrade is finished.
        assert!(migrate(&shop, &["upgrade", "finish", "--yes"]).status.success());
        assert_eq!(migrator(&shop).run(shop.address()).await.unwrap().outcome, Outcome::Applied);
    }
}

/// Its ledger alone says which database is the active one.
#[tokio::test]
async fn blue_is_not_dropped_while_its_ledger_leads_to_green() {
    for place in engines() {
        let shop = shop(place).await;
        let drop_it = async || migrator(&shop).dangerous_drop_database(shop.address()).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        assert_eq!(drop_it().await.unwrap_err().code(), Code::Taken, "{place:?}");
        migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(drop_it().await.unwrap_err().code(), Code::Taken, "{place:?}");
        assert!(uses_green(&shop).await);
        migrator(&shop).upgrade_back(shop.address()).await.unwrap();
        migrator(&shop).upgrade_abort(shop.address()).await.unwrap();
        drop_it().await.unwrap();
    }
}

/// It may have led the application to green before it failed.
#[tokio::test]
async fn green_is_not_removed_after_a_hook_that_failed_to_switch() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let hook = "echo $MO_MIGRATE_ACTIVE > used; exit 7";
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", hook]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        let out = migrate(&shop, &["upgrade", "abort", "--yes"]);
        assert_eq!(out.status.code(), Some(5), "{place:?}: {}", said(&out));
        assert_eq!(in_green(&shop, "SELECT count(*) FROM products"), "2\n");
        let hook = "echo $MO_MIGRATE_ACTIVE > used";
        let out = migrate(&shop, &["upgrade", "back", "--yes", "--switch", hook]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        let out = migrate(&shop, &["upgrade", "abort", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    }
}

/// Another one stands under green's name.
fn take_greens_place(shop: &Fixture) {
    remove_green(shop);
    if shop.place() == Place::MatrixOne {
        server::sql("", &format!("CREATE DATABASE {}", green(shop)));
    }
    let _ = in_green(shop, "CREATE TABLE theirs (x INT)");
}

#[tokio::test]
async fn a_database_that_has_taken_greens_place_is_left_alone_and_ends_the_upgrade() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        take_greens_place(&shop);
        let done = migrator(&shop).upgrade_abort(shop.address()).await.unwrap();
        assert_eq!(done.state, UpgradeState::Aborted, "{place:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM theirs"), "0\n", "{place:?}");
        let pinned = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        assert!(pinned.iter().all(|line| !line.pinned), "{place:?}: {pinned:?}");
        let error = migrator(&shop).upgrade_start(shop.address(), None).await.unwrap_err();
        assert!(error.render(false).contains("--green NAME"), "{place:?}: {error:?}");
        let other = shop.beside("_other");
        migrator(&shop).upgrade_start(shop.address(), Some(&other)).await.unwrap();
    }
}

/// Blue's ledger leads to it.
#[tokio::test]
async fn green_is_not_dropped_by_its_own_address() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        let address = shop.address_of(&green(&shop));
        let drop_it = async || migrator(&shop).dangerous_drop_database(&address).await;
        assert_eq!(drop_it().await.unwrap_err().code(), Code::Taken, "{place:?}");
        migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        let error = drop_it().await.unwrap_err();
        assert!(error.render(false).contains("upgrade abort"), "{place:?}: {error:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM products"), "2\n", "{place:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_a_person_has_pinned_stays_so_when_its_upgrade_is_over() {
    for place in engines() {
        for ends in ["abort", "finish"] {
            let shop = shop(place).await;
            let all = migrator(&shop);
            let name = all.upgrade_start(shop.address(), None).await.unwrap().upgrade.snapshot;
            let held = all.snapshot_pin(shop.address(), &name, false).await.unwrap_err();
            assert!(held.render(false).contains("upgrade status"), "{place:?}: {held:?}");
            all.snapshot_pin(shop.address(), &name, true).await.unwrap();
            if ends == "abort" {
                all.upgrade_abort(shop.address()).await.unwrap();
            } else {
                all.upgrade_complete(shop.address(), &[]).await.unwrap();
                all.upgrade_finish(shop.address()).await.unwrap();
            }
            let lines = all.snapshot_list(shop.address()).await.unwrap();
            let line = lines.iter().find(|line| line.name == name).unwrap();
            assert!(line.pinned, "{place:?}, {ends}");
            let line = all.snapshot_pin(shop.address(), &name, false).await.unwrap();
            assert!(!line.pinned, "{place:?}, {ends}");
        }
    }
}

#[tokio::test]
async fn a_database_that_has_taken_greens_place_does_not_become_active() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        take_greens_place(&shop);
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::Upgrade, "{place:?}: {error:?}");
        assert!(!uses_green(&shop).await);
    }
}

/// The write is sent while the hook runs, and arrives in blue when all is done.
#[tokio::test]
async fn nobody_writes_to_blue_while_green_becomes_active() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let write = shop.shell("INSERT INTO notes VALUES ('late')");
        let hook =
            format!("({write} && echo > arrived) > /dev/null 2>&1 & sleep 2; test ! -e arrived");
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", &hook]);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        for _ in 0..100 {
            if shop.folder().join("arrived").exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(shop.sql("SELECT count(*) FROM notes WHERE word = 'late'"), "1\n", "{place:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM notes WHERE word = 'late'"), "0\n");
    }
}

#[tokio::test]
async fn a_migration_that_fails_in_green_leaves_blue_alone_and_start_makes_green_anew() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_category.check.sql", "-- check(after): never\nSELECT * FROM products;");
        let before = shop.dump();
        let out = migrate(&shop, &["upgrade", "start"]);
        assert_eq!(out.status.code(), Some(2), "{}", said(&out));
        assert!(
            said(&out).contains("was not touched") && said(&out).contains("upgrade start"),
            "{}",
            said(&out)
        );
        shop.assert_dump(&before, "after green failed");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM products"), "2\n");
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        assert_eq!(status.upgrade.state, UpgradeState::Failed);
        // Typed, that would migrate blue.
        let words = status.upgrade.error.unwrap_or_default();
        assert!(!words.contains("migrate up`"), "{place:?}: {words}");
        assert!(words.ends_with("then `migrate upgrade start`"), "{place:?}: {words}");
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::Upgrade, "{error:?}");
        shop.remove("2_category.check.sql");
        let out = migrate(&shop, &["upgrade", "start"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        let snapshots = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        let upgrades = snapshots.iter().filter(|line| line.purpose.as_deref() == Some("upgrade"));
        assert_eq!(upgrades.count(), 1, "that of the first start is gone");
        let error = migrator(&shop).upgrade_start(shop.address(), None).await.unwrap_err();
        assert_eq!(error.code(), Code::Upgrade, "one is open: {error:?}");
    }
}

#[tokio::test]
async fn back_makes_blue_active_and_names_what_was_written_to_green() {
    for place in places() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        assert!(migrate(&shop, &["upgrade", "complete", "--yes"]).status.success());
        let _ = in_green(&shop, "INSERT INTO products (name, price) VALUES ('Watch', 250)");
        let error = migrator(&shop).upgrade_abort(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::Upgrade, "green is active: {error:?}");
        let out = migrate(&shop, &["upgrade", "back"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert!(uses_green(&shop).await);
        let out = migrate(&shop, &["upgrade", "back", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(said(&out).contains("products") && said(&out).contains("1 row"), "{}", said(&out));
        assert!(!said(&out).contains("visits"), "{}", said(&out));
        assert!(!uses_green(&shop).await);
        assert_eq!(in_green(&shop, "SELECT count(*) FROM products"), "3\n", "it stays");
        let out = migrate(&shop, &["upgrade", "abort", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert_eq!(shop.files_with("green"), [] as [&str; 0], "{place:?}");
        let snapshots = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        assert!(snapshots.iter().all(|line| !line.pinned && !line.gone), "{snapshots:?}");
        assert!(migrate(&shop, &["upgrade", "start"]).status.success(), "another one can be begun");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_finished_leads_to_green_and_has_no_way_back() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let early = migrator(&shop).upgrade_finish(shop.address()).await.unwrap_err();
        assert_eq!(early.code(), Code::Upgrade);
        assert!(migrate(&shop, &["--keep", "0s", "upgrade", "complete", "--yes"]).status.success());
        let out = migrate(&shop, &["snapshot", "prune", "--yes"]);
        assert!(said(&out).contains("upgrade finish"), "{}", said(&out));
        let out = migrate(&shop, &["upgrade", "finish", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(uses_green(&shop).await);
        for wish in ["back", "abort", "start"] {
            let out = migrate(&shop, &["upgrade", wish, "--yes"]);
            assert_eq!(out.status.code(), Some(5), "{wish}: {}", said(&out));
        }
        let pinned = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        assert!(pinned.iter().all(|line| !line.pinned), "{pinned:?}");
        // The next one is green's own, and the old address leads to it.
        let active = migrator(&shop).active(&shop.address()).await.unwrap();
        shop.file("3_more.sql", "CREATE TABLE more (id INT);");
        migrator(&shop).upgrade_start(&active, None).await.unwrap();
        migrator(&shop).upgrade_complete(&active, &[]).await.unwrap();
        let last = migrator(&shop).active(&shop.address()).await.unwrap();
        assert_eq!(migrator(&shop).history(&last).await.unwrap().len(), 3, "{place:?}");
    }
}

#[tokio::test]
async fn rows_that_come_to_blue_after_the_switch_are_named_before_blue_is_given_up() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        shop.sql("INSERT INTO visits (page, num) VALUES ('cart', 3)");
        assert!(migrate(&shop, &["upgrade", "complete", "--yes"]).status.success());
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        assert_eq!(
            (status.blue_changes, status.unknown),
            (vec![], None),
            "{place:?}: all is carried"
        );

        shop.sql("INSERT INTO visits (page, num) VALUES ('late', 1); DELETE FROM notes");
        let status = migrator(&shop).upgrade_status(shop.address()).await.unwrap();
        let seen: Vec<_> = status.blue_changes.iter().map(|c| (c.name.as_str(), c.rows)).collect();
        assert_eq!(seen, [("notes", Some(2)), ("visits", None)], "{place:?}");
        for words in [["upgrade", "status"], ["upgrade", "finish"]] {
            let out = migrate(&shop, &words);
            let said = said(&out);
            assert!(
                said.contains("in blue, and not in green") && said.contains("visits"),
                "{said}"
            );
        }
        assert!(uses_green(&shop).await, "nothing was answered, and nothing was done");
        assert!(migrate(&shop, &["upgrade", "back", "--yes"]).status.success());
    }
}

#[tokio::test]
async fn blue_and_green_can_be_dropped_like_others_once_their_upgrade_is_finished() {
    for place in engines() {
        let shop = shop(place).await;
        let of_green = shop.address_of(&green(&shop));
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        migrator(&shop).upgrade_finish(shop.address()).await.unwrap();
        migrator(&shop).dangerous_drop_database(shop.address()).await.unwrap();
        assert_eq!(in_green(&shop, "SELECT count(*) FROM products"), "2\n", "{place:?}");
        migrator(&shop).dangerous_drop_database(&of_green).await.unwrap();
        // A new one of that name leads to itself.
        migrator(&shop).run(shop.address()).await.unwrap();
        let active = migrator(&shop).active(&shop.address()).await.unwrap();
        assert_eq!(migrator(&shop).status(&active).await.unwrap().state, "up_to_date", "{place:?}");
        assert!(migrator(&shop).upgrade(shop.address()).await.unwrap().is_none(), "{place:?}");
    }
}

#[tokio::test]
async fn a_database_of_greens_name_is_never_replaced() {
    for place in engines() {
        let shop = shop(place).await;
        if !place.is_sqlite() {
            shop.sql(&format!("CREATE DATABASE {}", green(&shop)));
        }
        let _ = in_green(&shop, "CREATE TABLE precious (id INT)");
        let error = migrator(&shop).upgrade_start(shop.address(), None).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Upgrade, Outcome::Refused), "{error:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM precious"), "0\n");
        assert_eq!(migrator(&shop).upgrade(shop.address()).await.unwrap().map(|it| it.state), None);
        let other = shop.beside("_other");
        let out = migrate(&shop, &["upgrade", "start", "--green", &other]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(migrate(&shop, &["upgrade", "complete", "--yes"]).status.success());
        assert!(uses_green(&shop).await);
    }
}

#[tokio::test]
async fn without_an_upgrade_every_command_says_what_to_do() {
    for place in engines() {
        let shop = shop(place).await;
        for wish in ["status", "complete", "back", "abort", "finish"] {
            let out = migrate(&shop, &["upgrade", wish, "--yes"]);
            assert_eq!(out.status.code(), Some(5), "{wish}: {}", said(&out));
            assert!(said(&out).contains("upgrade start"), "{wish}: {}", said(&out));
        }
        migrator(&shop).run(shop.address()).await.unwrap();
        let error = migrator(&shop).upgrade_start(shop.address(), None).await.unwrap_err();
        assert_eq!(error.code(), Code::Upgrade, "nothing is pending: {error:?}");
        let active = migrator(&shop).active(&shop.address()).await.unwrap();
        assert_eq!(active.expose(), shop.address());
    }
}

#[tokio::test]
async fn green_is_beside_the_database_and_not_beside_a_link_to_it() {
    for place in engines().into_iter().filter(|place| place.is_sqlite()) {
        let shop = shop(place).await;
        let links = shop.folder().join("a link's 100%");
        std::fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(shop.path(), links.join("link.db")).unwrap();
        let link = format!("sqlite:{}/a link's 100%25/link.db", shop.folder().display());
        migrator(&shop).upgrade_start(&link, None).await.unwrap();
        migrator(&shop).upgrade_complete(&link, &[]).await.unwrap();
        assert!(uses_green(&shop).await);
        let active = migrator(&shop).active(&link).await.unwrap();
        assert_eq!(migrator(&shop).history(&active).await.unwrap().len(), 2);
        migrator(&shop).upgrade_back(&link).await.unwrap();
        migrator(&shop).upgrade_abort(&link).await.unwrap();
        assert_eq!(shop.files_with("green"), [] as [&str; 0]);
    }
}

const KEYS: &str = "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(20));
CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(20));
CREATE TABLE orders (id INT PRIMARY KEY, customer INT, product INT,
  FOREIGN KEY (customer) REFERENCES customers (id), FOREIGN KEY (product) REFERENCES products (id));
CREATE INDEX by_customer ON orders (customer);
CREATE VIEW names AS SELECT name FROM customers;
INSERT INTO customers VALUES (1, 'Ada');
INSERT INTO products VALUES (1, 'Laptop');
INSERT INTO orders VALUES (1, 1, 1);";

#[tokio::test]
async fn tables_with_keys_are_carried_over_together_or_not_without_their_parents() {
    for place in places() {
        let shop = Fixture::new(place);
        shop.file("1_keys.sql", KEYS);
        migrator(&shop).run(shop.address()).await.unwrap();
        shop.file("2_price.sql", "ALTER TABLE products ADD COLUMN price INT;");
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("INSERT INTO products VALUES (2, 'Mouse'); INSERT INTO orders VALUES (2, 1, 2)");
        let discard = ["products".to_owned()];
        let error = migrator(&shop).upgrade_complete(shop.address(), &discard).await.unwrap_err();
        assert_eq!(error.code(), Code::BlueChanged, "{place:?}: {error:?}");
        assert!(error.message().contains("no parent"), "{place:?}: {error:?}");
        assert_eq!(in_green(&shop, "SELECT count(*) FROM orders"), "1\n", "{place:?}");
        assert!(!uses_green(&shop).await);
        shop.sql("DELETE FROM orders WHERE id = 2; DELETE FROM products WHERE id = 2; INSERT INTO customers VALUES (2, 'Bob'); INSERT INTO orders VALUES (3, 2, 1)");
        let done = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        assert_eq!(done.carried, ["customers", "orders"], "{place:?}");
        assert_eq!(in_green(&shop, "SELECT id, customer FROM orders ORDER BY id"), "1|1\n3|2\n");
        assert_eq!(in_green(&shop, "SELECT name FROM names ORDER BY name"), "Ada\nBob\n");
        let orphan = "INSERT INTO orders VALUES (4, 9, 1)";
        if !place.is_sqlite() {
            let refused = server::try_sql(&green(&shop), orphan);
            assert!(refused.is_err(), "{place:?}: green has the keys");
        }
    }
}

#[tokio::test]
async fn what_an_upgrade_answers_can_be_read_by_a_program() {
    for place in engines() {
        let shop = shop(place).await;
        let read = |words: &[&str]| -> Value {
            let out = migrate(&shop, &[&["--format", "json", "--yes", "upgrade"], words].concat());
            serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)))
        };
        let started = read(&["start"]);
        assert_eq!(started["report"]["outcome"], "applied", "{started}");
        assert_eq!(started["upgrade"]["state"], "ready", "{started}");
        shop.sql("INSERT INTO visits (page, num) VALUES ('cart', 3)");
        let status = read(&["status"]);
        assert_eq!(status["blue_changes"][0]["name"], "visits", "{status}");
        assert_eq!(status["blue_changes"][0]["carried"], true, "{status}");
        assert_eq!(read(&["abort"])["state"], "aborted");
        assert_eq!(read(&["complete"])["error"]["code"], "MM0331");
    }
}

/// What the hook sees of blue, which nobody can write to by then, is what green has.
#[tokio::test]
async fn rows_that_others_write_all_the_while_are_in_green_up_to_the_switch() {
    for place in places() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let is_over = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        // Who waits for longer than it wants to has not written.
                        let _ = shop.try_sql("INSERT INTO visits (page, num) VALUES ('busy', 1)");
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(500));
            let hook = format!("{} > seen", shop.shell("SELECT count(*) FROM visits"));
            let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", &hook]);
            std::thread::sleep(Duration::from_millis(500));
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
            std::fs::read_to_string(shop.folder().join("seen")).unwrap()
        });
        assert_eq!(in_green(&shop, "SELECT count(*) FROM visits"), seen, "{place:?}");
        let later = "SELECT count(*) FROM visits";
        assert!(
            shop.sql(later).trim().parse::<u64>().unwrap() > seen.trim().parse().unwrap(),
            "{place:?}"
        );
    }
}

#[tokio::test]
async fn a_sequence_that_has_given_out_numbers_is_not_carried_over_silently() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = Fixture::new(place);
        shop.file("1_numbers.sql", &format!("{V1} CREATE SEQUENCE numbers;"));
        migrator(&shop).run(shop.address()).await.unwrap();
        shop.file("2_category.sql", V2);
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("SELECT nextval('numbers')");
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::BlueChanged, "{error:?}");
        assert!(error.render(false).contains("`numbers`"), "{error:?}");
    }
}

#[tokio::test]
async fn who_may_make_no_database_is_told_so_and_nothing_is_left() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = shop(place).await;
        let user = format!("{}_u", shop.database());
        shop.sql(&format!(
            "CREATE ROLE {user}r; GRANT ALL ON TABLE *.* TO {user}r; GRANT CONNECT ON ACCOUNT * TO {user}r; CREATE USER {user} IDENTIFIED BY '111' DEFAULT ROLE {user}r"
        ));
        let address = shop.address();
        let (_, host) = address.rsplit_once('@').unwrap();
        let address = format!("matrixone://{user}:111@{host}");
        let error = migrator(&shop).upgrade_start(&address, None).await.unwrap_err();
        shop.sql(&format!("DROP USER {user}; DROP ROLE {user}r"));
        assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
        assert!(!error.render(false).contains(":111"), "{error:?}");
        assert!(!shop.is_beside(&green(&shop)));
        let upgrade = migrator(&shop).upgrade(shop.address()).await.unwrap();
        assert!(upgrade.is_none_or(|it| it.state == UpgradeState::Aborted), "{error:?}");
    }
}

#[tokio::test]
async fn a_writer_that_does_not_end_stops_the_switch_within_the_limit() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let complete = ["--lock-timeout", "1s", "upgrade", "complete", "--yes"];
        let words = if place.is_sqlite() {
            let held = Command::new("sqlite3").arg(shop.path()).stdin(Stdio::piped()).spawn();
            let mut held = held.unwrap();
            let begin = b".timeout 60000\nBEGIN IMMEDIATE;\n";
            held.stdin.as_mut().unwrap().write_all(begin).unwrap();
            while shop.try_sql("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK").is_ok() {}
            let out = migrate(&shop, &complete);
            drop(held.stdin.take());
            held.wait().unwrap();
            out
        } else {
            let mut held = server::connect(shop.database(), None).await.unwrap();
            for sql in ["BEGIN", "INSERT INTO visits (page, num) VALUES ('held', 1)"] {
                server::ask(&mut held, sql).await.unwrap();
            }
            let out = migrate(&shop, &complete);
            server::ask(&mut held, "ROLLBACK").await.unwrap();
            out
        };
        assert_eq!(words.status.code(), Some(4), "{place:?}: {}", said(&words));
        assert!(said(&words).contains("--lock-timeout"), "{place:?}: {}", said(&words));
        assert!(!uses_green(&shop).await);
        let out = migrate(&shop, &complete);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
    }
}

#[tokio::test]
async fn a_maintenance_window_is_for_the_switch_and_not_for_green() {
    for place in engines() {
        let shop = shop(place).await;
        // An hour that begins in twelve.
        let now =
            shop.sql(place.by("SELECT strftime('%H', 'now')", "SELECT hour(utc_timestamp())"));
        let opens = (now.trim().parse::<u32>().unwrap() + 12) % 24;
        let window = format!("{opens:02}:00-{opens:02}:59 UTC");
        let closed = ["--maintenance-window", &window, "--yes", "upgrade"];
        let out = migrate(&shop, &[&closed[..], &["start"]].concat());
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        let out = migrate(&shop, &[&closed[..], &["complete"]].concat());
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert!(
            said(&out).contains("upgrade complete --maintenance-window always"),
            "{}",
            said(&out)
        );
        assert!(!uses_green(&shop).await);
        let out = migrate(&shop, &["upgrade", "complete", "--yes"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        let out = migrate(&shop, &[&closed[..], &["back"]].concat());
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    }
}

const ORDERS: &str = "CREATE TABLE orders (id $KEY, price INT);
CREATE TABLE visits (id INT);
CREATE TABLE summary (price INT);
CREATE VIEW prices AS SELECT price FROM orders;
INSERT INTO orders (price) VALUES (5);
INSERT INTO summary VALUES (0);";

/// What it made of the rows would know nothing of the new ones.
#[tokio::test]
async fn a_table_that_a_migration_has_used_is_not_carried_over_silently() {
    for place in engines() {
        for migration in [
            "CREATE TABLE totals AS SELECT sum(price) AS price FROM orders",
            "INSERT INTO summary SELECT sum(price) FROM prices",
            "UPDATE summary SET price = (SELECT sum(price) FROM orders)",
            "DELETE FROM orders WHERE price > 100",
        ] {
            let shop = Fixture::new(place);
            shop.file("1_orders.sql", ORDERS);
            migrator(&shop).run(shop.address()).await.unwrap();
            shop.file("2_totals.sql", &format!("{migration};"));
            migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
            shop.sql("INSERT INTO orders (price) VALUES (7); INSERT INTO visits VALUES (1)");
            let refused = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
            assert_eq!(refused.code(), Code::BlueChanged, "{place:?}, {migration}: {refused:?}");
            let words = refused.render(false);
            assert!(
                words.contains("`orders`: 1 row: a migration has used it"),
                "{place:?}, {migration}: {words}"
            );
            assert!(!words.contains("visits"), "{place:?}, {migration}: {words}");
            let stays = ["orders".to_owned()];
            let done = migrator(&shop).upgrade_complete(shop.address(), &stays).await.unwrap();
            assert_eq!(done.carried, ["visits"], "{place:?}, {migration}");
            assert_eq!(in_green(&shop, "SELECT count(*) FROM orders"), "1\n", "{place:?}");
        }
    }
}

#[tokio::test]
async fn who_migrates_blue_while_green_is_ready_is_warned_and_the_status_has_its_version() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let out = migrate(&shop, &["up"]);
        assert_eq!(out.status.code(), Some(0), "{place:?}: {}", said(&out));
        let green = green(&shop);
        assert!(
            said(&out).contains("warning:") && said(&out).contains(&format!("`{green}`")),
            "{place:?}: {}",
            said(&out)
        );
        let out = migrate(&shop, &["upgrade", "status"]);
        let blue = said(&out).lines().find(|line| line.contains("blue  ")).unwrap().to_owned();
        assert!(blue.contains("version 2"), "{place:?}: {}", said(&out));
    }
}

/// It was told to type `upgrade abort`, which is refused where a hook may have been told of green.
#[tokio::test]
async fn who_migrates_blue_in_the_midst_of_a_switch_is_told_to_go_back_first() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let out = migrate(&shop, &["upgrade", "complete", "--yes", "--switch", "false"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        let out = migrate(&shop, &["up"]);
        let warned = said(&out);
        let warned = warned.lines().find(|line| line.contains("warning:")).unwrap();
        assert!(warned.contains("upgrade back`"), "{place:?}: {warned}");
    }
}

#[tokio::test]
async fn a_table_whose_definition_changed_is_refused_with_its_rows_too() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        shop.sql("ALTER TABLE visits ADD COLUMN who INT; INSERT INTO visits (page, num) VALUES ('cart', 3); CREATE TABLE late (id INT); INSERT INTO late VALUES (1), (2), (3); DROP TABLE notes");
        let error = migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap_err();
        let words = error.render(false);
        for told in ["`visits`: 1 row: its def", "`late`: 3 rows: the", "`notes`: 2 rows: the"] {
            assert!(words.contains(told), "{place:?}: {told}: {words}");
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_is_over_shows_no_way_back() {
    for place in engines() {
        let shop = shop(place).await;
        assert!(migrate(&shop, &["upgrade", "start"]).status.success());
        let out = migrate(&shop, &["upgrade", "complete", "--yes"]);
        assert!(said(&out).contains("way back"), "{place:?}: {}", said(&out));
        let out = migrate(&shop, &["upgrade", "finish", "--yes"]);
        assert!(out.status.success(), "{place:?}: {}", said(&out));
        for words in [&["upgrade", "status"][..], &["status"]] {
            let out = migrate(&shop, words);
            assert!(said(&out).contains("active for good"), "{place:?}: {}", said(&out));
            assert!(!said(&out).contains("way back"), "{place:?}: {}", said(&out));
        }
    }
}

/// It was said to be ready, and the way back from it was given up.
#[tokio::test]
async fn green_that_is_gone_is_missed_and_blue_stays_the_way_back() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        migrator(&shop).upgrade_complete(shop.address(), &[]).await.unwrap();
        remove_green(&shop);
        let status = migrate(&shop, &["upgrade", "status"]);
        assert!(said(&status).contains("green is gone"), "{}", said(&status));
        let out = migrate(&shop, &["--yes", "upgrade", "finish"]);
        assert_eq!(out.status.code(), Some(5), "{}", said(&out));
        assert!(said(&out).contains("upgrade back`"), "{}", said(&out));
        let out = migrate(&shop, &["--yes", "upgrade", "back"]);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(!uses_green(&shop).await);
    }
}

#[tokio::test]
async fn green_that_went_before_the_switch_has_nothing_of_what_came_to_blue() {
    for place in engines() {
        let shop = shop(place).await;
        migrator(&shop).upgrade_start(shop.address(), None).await.unwrap();
        remove_green(&shop);
        let status = said(&migrate(&shop, &["upgrade", "status"]));
        assert!(status.contains("green is gone") && !status.contains("green has all"), "{status}");
        let complete = migrate(&shop, &["--yes", "upgrade", "complete"]);
        assert_eq!(complete.status.code(), Some(5), "{}", said(&complete));
    }
}
