//! The checklist before a run: what it finds, that `up` says the same, and that nothing is left of it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Output, Stdio};

use mo_migrate::error::Code;
use mo_migrate::plan::Goal;
use mo_migrate::preflight::{Depth, ItemKind, ItemState, Preflight};
use mo_migrate::settings::{OwnItem, Window};
use mo_migrate::{Migrator, Outcome};
use mo_migrate_tests::typed::{Said, in_shop, migrate};
use mo_migrate_tests::{Fixture, Place, Small, engines, program, server, sqlite3};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::Connection as _;

const V1: &str =
    "CREATE TABLE products (id $KEY, name VARCHAR(100)); INSERT INTO products (name) VALUES ('a');";

const V2: &str = "UPDATE products SET name = 'b';";

/// A shop at version 1, with another one pending.
async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop.file("2_more.sql", V2);
    shop
}

async fn list(shop: &Fixture, migrator: &Migrator) -> Preflight {
    migrator.preflight(shop.address(), Goal::Latest, Depth::Deep).await.unwrap()
}

fn state(list: &Preflight, kind: ItemKind) -> ItemState {
    let item = list.items.iter().find(|item| item.item == kind);
    item.unwrap_or_else(|| panic!("{kind:?} is not in {list:#?}")).state
}

fn detail(list: &Preflight, kind: ItemKind) -> String {
    let items = list.items.iter().filter(|item| item.item == kind);
    items.map(|item| item.detail.clone()).collect()
}

/// Types the command with words that may have blanks.
fn said(shop: &Fixture, words: &[&str]) -> Output {
    in_shop(shop, program("migrate_from_dir")).args(words).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A window that is closed now, and for hours to come.
fn closed() -> Window {
    let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    let text = format!("{:02}:00-{:02}:30 UTC", (hour + 12) % 24, (hour + 12) % 24);
    text.parse().unwrap()
}

/// What there is of our snapshots, and of clones.
async fn kept(shop: &Fixture) -> (Vec<String>, Vec<String>) {
    let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
    let ours = lines.into_iter().filter(|line| line.purpose.is_some());
    (ours.map(|line| line.name).collect(), shop.files_with("_verify"))
}

#[tokio::test]
async fn a_checklist_on_which_nothing_is_missing_ends_with_0_and_leaves_nothing_behind() {
    for place in engines() {
        let shop = shop(place).await;
        let (before, kept_before) = (shop.dump(), kept(&shop).await);
        let ran = said(&shop, &["preflight", "--format", "json"]);
        let document = json(&ran);
        assert_eq!(ran.status.code(), Some(0), "{document:#}");
        assert_eq!(document["ready"], true);
        let items = document["items"].as_array().unwrap();
        for item in ["database", "files", "lock", "blockers", "snapshot", "verified", "rollback"] {
            let found = items.iter().find(|found| found["item"] == item).unwrap();
            assert_eq!(found["state"], "ok", "{place:?}: {found}");
        }
        let rollback = &document["rollback"];
        // SQLite says what a statement touches when it is run.
        let tables: &[&str] = place.by(&[], &["products"]);
        assert_eq!(rollback["tables"], serde_json::json!(tables), "{rollback}");
        assert_eq!(rollback["unknown"], place.is_sqlite(), "{rollback}");
        assert_eq!(rollback["ring"], place.by(1, 2), "{rollback}");
        assert!(rollback["commands"][0].as_str().unwrap().ends_with(" restore"), "{rollback}");
        let text = migrate(&shop, "preflight").ends(0).words;
        for words in ["✓ snapshot", "- maintenance window", "1 → 2", "rollback plan", "ready"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        shop.assert_dump(&before, "asked");
        assert_eq!(kept(&shop).await, kept_before, "{place:?}");
        assert_eq!(shop.files_with("preflight"), Vec::<String>::new(), "{place:?}");
        let _ = migrate(&shop, "up").ends(0);
        let _ = migrate(&shop, "preflight").ends(0);
    }
}

#[tokio::test]
async fn a_quick_checklist_makes_no_snapshot_and_says_so() {
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        let quick = migrator.preflight(shop.address(), Goal::Latest, Depth::Quick).await.unwrap();
        assert!(quick.ready, "{quick:#?}");
        for kind in [ItemKind::Snapshot, ItemKind::Verified] {
            assert_eq!(state(&quick, kind), ItemState::NotAsked, "{place:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_no_obstacle_and_is_not_made() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_products.sql", V1);
        shop.remove_database();
        let found = list(&shop, &shop.migrator()).await;
        assert!(found.ready, "{found:#?}");
        assert!(detail(&found, ItemKind::Database).contains("not there yet"), "{found:#?}");
        assert!(!shop.exists() && shop.files_with("mo-migrate").is_empty(), "{place:?}");
        // Nor is it for a run that may not begin.
        let error = shop.migrator().maintenance_window(closed()).run(shop.address()).await;
        assert_eq!(error.unwrap_err().code(), Code::WindowClosed);
        assert!(!shop.exists(), "{place:?}");
        let _ = migrate(&shop, "up").ends(0);
        assert!(migrate(&shop, "preflight").ends(0).words.contains("nothing is pending"));
    }
}

/// An item that is missing is the error that `up` ends with.
#[tokio::test]
async fn the_checklist_and_up_say_the_same() {
    for place in engines() {
        for (file, text, kind, code) in [
            ("1_products.sql", "SELECT 1;", ItemKind::Files, Code::Changed),
            ("3_bad.sql", "SELECT 'not closed", ItemKind::Statements, Code::BadFile),
            ("3_bad.sql", "COMMIT;", ItemKind::Statements, Code::TransactionControl),
            (
                "3_bad.sql",
                place.by("ATTACH 'x' AS y;", "DROP DATABASE elsewhere;"),
                ItemKind::Statements,
                Code::NoWayBack,
            ),
        ] {
            let shop = shop(place).await;
            shop.file(file, text);
            let found = list(&shop, &shop.migrator()).await;
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert_eq!(error.code(), code, "{place:?}: {error:?}");
            let item = found.missing().next().unwrap();
            assert_eq!((item.item, item.detail.clone()), (kind, error.to_string()), "{place:?}");
            assert_eq!(item.remedy.as_deref(), error.hint());
            assert!(!found.ready);
            // What can be asked all the same is asked.
            assert_eq!(state(&found, ItemKind::Snapshot), ItemState::Ok, "{place:?}");
        }
        if place.is_sqlite() {
            let shop = shop(place).await;
            let migrator =
                shop.migrator().restore_method(mo_migrate::settings::RestoreMethod::Database);
            let found = list(&shop, &migrator).await;
            let error = migrator.run(shop.address()).await.unwrap_err();
            assert_eq!(detail(&found, ItemKind::Method), error.to_string());
        } else {
            let shop = shop(place).await;
            shop.sql(
                "CREATE TABLE gone (a INT); CREATE VIEW odd AS SELECT a FROM gone; DROP TABLE gone",
            );
            let found = list(&shop, &shop.migrator()).await;
            assert_eq!(state(&found, ItemKind::ComesBack), ItemState::Ok, "it is not touched");
            assert!(detail(&found, ItemKind::ComesBack).contains("`odd`"), "{found:#?}");
            shop.file("2_more.sql", "DROP VIEW odd;");
            let found = list(&shop, &shop.migrator()).await;
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert_eq!(detail(&found, ItemKind::ComesBack), error.to_string());
        }
    }
}

#[tokio::test]
async fn a_closed_window_stops_a_run_with_the_time_at_which_it_opens_and_nothing_is_touched() {
    for place in engines() {
        let shop = shop(place).await;
        let (before, window) = (shop.dump(), closed().to_string());
        let runs = shop.migrator().runs(shop.address()).await.unwrap().len();
        let toml = format!("maintenance_window = \"{window}\"\n");
        std::fs::write(shop.folder().join("mo-migrate.toml"), toml).unwrap();
        let up = migrate(&shop, "up").ends(5);
        for words in ["MM0312", &window, "it opens next at", "in 1", "nothing was touched"] {
            assert!(up.words.contains(words), "{words}: {}", up.words);
        }
        let preflight = migrate(&shop, "preflight").ends(5);
        assert!(preflight.words.contains("missing: maintenance window"), "{}", preflight.words);
        assert!(preflight.words.contains("--maintenance-window always`"), "{}", preflight.words);
        shop.assert_dump(&before, "refused");
        let now = shop.migrator().runs(shop.address()).await.unwrap().len();
        assert_eq!(now, runs, "{place:?}: no run was begun");
        // Others are open at some time, and this is one of them.
        let open = said(&shop, &["up", "--maintenance-window", "00:00-12:00; 12:00-24:00"]);
        assert_eq!(open.status.code(), Some(0), "{open:?}");
        // With nothing to do nothing is asked.
        let _ = migrate(&shop, "up").ends(0);
        shop.file("3_more.sql", "UPDATE products SET name = 'c';");
        let _ = migrate(&shop, "up").ends(5);
        let hint = up.suggested();
        let _ = Said::of(&in_shop(&shop, "sh").args(["-c", &hint[0]]).output().unwrap()).ends(0);
    }
}

#[tokio::test]
async fn a_starting_application_is_refused_outside_of_the_window_and_not_taken_for_one_that_failed()
{
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator().maintenance_window(closed());
        for _ in 0..2 {
            let error = migrator.run(shop.address()).await.unwrap_err();
            assert_eq!(error.code(), Code::WindowClosed, "{place:?}: {error:?}");
            assert!(error.is_refused());
        }
        let open = shop.migrator().maintenance_window("00:00-24:00".parse().unwrap());
        assert_eq!(open.run(shop.address()).await.unwrap().outcome, Outcome::Applied);
        assert_eq!(migrator.run(shop.address()).await.unwrap().outcome, Outcome::UpToDate);
    }
}

#[tokio::test]
async fn what_a_dead_run_left_is_put_back_though_the_window_is_closed() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.sql("SELECT name FROM products");
        shop.file(
            "2_more.sql",
            "-- mo-migrate: no-transaction\nUPDATE products SET name = 'b'; DELETE FROM products;",
        );
        let (address, directory) = (shop.address(), shop.migrations());
        let words = [&address, directory.to_str().unwrap(), "applied:2"];
        let out = Command::new(program("die_at")).args(words).output().unwrap();
        assert!(!out.status.success(), "it did not die");
        let found = list(&shop, &shop.migrator()).await;
        assert_eq!(state(&found, ItemKind::OpenRun), ItemState::Missing, "{found:#?}");
        assert_eq!(state(&found, ItemKind::Snapshot), ItemState::NotAsked, "{found:#?}");
        let error = shop.migrator().maintenance_window(closed()).run(shop.address()).await;
        assert_eq!(error.unwrap_err().code(), Code::WindowClosed, "{place:?}");
        assert_eq!(shop.sql("SELECT name FROM products"), before, "{place:?}");
        let found = list(&shop, &shop.migrator()).await;
        assert_eq!(state(&found, ItemKind::OpenRun), ItemState::Ok, "{found:#?}");
    }
}

#[tokio::test]
async fn an_own_item_is_asked_before_a_run_and_shown_with_its_last_line() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let refused =
            "ticket is approved=echo asked >> asked; echo looking; echo ticket 42 waits; exit 3";
        let up = said(&shop, &["up", "--preflight", refused]);
        let words = Said::of(&up).ends(5).words;
        for part in
            ["MM0313", "`ticket is approved` is missing", "exited with 3", "ticket 42 waits"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
        shop.assert_dump(&before, "refused");
        let both = ["preflight", "--preflight", refused, "--preflight", "cake=echo it is baked"];
        let words = Said::of(&said(&shop, &both)).ends(5).words;
        assert!(words.contains("✗ ticket is approved") && words.contains("it is baked"), "{words}");
        assert!(words.contains("missing: ticket is approved"), "{words}");
        std::fs::remove_file(shop.folder().join("asked")).unwrap();
        let toml = "preflight = [\"ticket is approved=echo asked >> asked; echo by Ann\"]\n";
        std::fs::write(shop.folder().join("mo-migrate.toml"), toml).unwrap();
        let up = migrate(&shop, "up").ends(0);
        assert!(up.words.contains("ticket is approved: by Ann"), "{}", up.words);
        let _ = migrate(&shop, "up").ends(0);
        let asked = std::fs::read_to_string(shop.folder().join("asked")).unwrap();
        assert_eq!(asked, "asked\n", "{place:?}: with nothing to do it is not asked");
    }
}

#[tokio::test]
async fn an_own_item_that_hangs_is_ended_with_all_that_it_started() {
    for place in engines() {
        let shop = shop(place).await;
        let item = OwnItem::new(
            "slow",
            format!("cd {}; sleep 600 & echo $! > pid; sleep 600", shop.folder().display()),
        );
        let migrator =
            shop.migrator().preflight_item(item).check_timeout(std::time::Duration::from_secs(1));
        let error = migrator.run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::OwnItem, "{error:?}");
        assert!(error.to_string().contains("ran longer than 1s"), "{error:?}");
        let pid = std::fs::read_to_string(shop.folder().join("pid")).unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        while stat().is_ok_and(|stat| !stat.contains(") Z")) {
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn an_interruption_ends_the_checklist_and_a_run_that_waits_for_it_and_leaves_nothing() {
    for place in engines() {
        let shop = shop(place).await;
        let (before, kept_before) = (shop.dump(), kept(&shop).await);
        let item = ["--preflight", "slow=touch asked; sleep 600"];
        let hook = ["--hook", "announce=touch asked; sleep 600"];
        for (command, slow) in [("preflight", item), ("up", item), ("preflight", hook)] {
            let asked = shop.folder().join("asked");
            let mut process = in_shop(&shop, program("migrate_from_dir"));
            let process = process.arg(command).args(slow);
            let mut child = process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            while !asked.exists() {
                assert!(child.try_wait().unwrap().is_none(), "{command} ended before it asked");
                std::thread::yield_now();
            }
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            let said = Said::of(&child.wait_with_output().unwrap()).ends(130);
            assert!(said.words.contains("nothing was touched"), "{command}: {}", said.words);
            std::fs::remove_file(asked).unwrap();
            shop.assert_dump(&before, command);
            assert_eq!(kept(&shop).await, kept_before, "{place:?}, {command}");
        }
    }
}

#[tokio::test]
async fn an_item_without_a_command_is_refused_without_its_words() {
    let shop = Fixture::new(engines()[0]);
    for words in ["s3cret", "=s3cret", "s3cret="] {
        let out = Said::of(&said(&shop, &["up", "--preflight", words])).ends(64);
        assert!(!out.words.contains("s3cret") && out.words.contains("ticket"), "{}", out.words);
    }
}

#[tokio::test]
async fn those_who_want_to_know_are_told_when_nothing_is_missing() {
    for place in engines() {
        let shop = shop(place).await;
        let announce = "announce=cat >> told.json";
        let told = || std::fs::read_to_string(shop.folder().join("told.json")).unwrap_or_default();
        let not_yet = ["preflight", "--hook", announce, "--preflight", "ticket=false"];
        let words = Said::of(&said(&shop, &not_yet)).ends(5).words;
        assert!(words.contains("nobody is told while something is missing"), "{words}");
        assert_eq!(told(), "", "{place:?}");
        let _ = Said::of(&said(&shop, &["preflight", "--hook", announce])).ends(0);
        let notice: Value = serde_json::from_str(&told()).unwrap();
        assert_eq!((&notice["moment"], &notice["run"]), (&"announce".into(), &Value::Null));
        let failing = Said::of(&said(&shop, &["preflight", "--hook", "announce=exit 4"])).ends(5);
        assert!(failing.words.contains("missing: notifications"), "{}", failing.words);
        // A run tells others.
        std::fs::remove_file(shop.folder().join("told.json")).unwrap();
        let _ = Said::of(&said(&shop, &["up", "--hook", announce])).ends(0);
        assert_eq!(told(), "", "{place:?}");
    }
}

#[tokio::test]
async fn an_open_transaction_of_others_is_named_with_whose_it_is() {
    for place in engines() {
        let shop = shop(place).await;
        let words = ["preflight", "--quick", "--format", "json"];
        let found = if place.is_sqlite() {
            let mut other = sqlx::SqliteConnection::connect(&shop.address()).await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE products SET name = 'mine'")
                .execute(&mut other)
                .await
                .unwrap();
            // Another process, as it is in life: its own locks a process does not see.
            let found = said(&shop, &words);
            other.close().await.unwrap();
            found
        } else {
            let mut other = server::connect(shop.database(), None).await.unwrap();
            server::ask(&mut other, "BEGIN").await.unwrap();
            server::ask(&mut other, "UPDATE products SET name = 'mine'").await.unwrap();
            let found = said(&shop, &words);
            other.close().await.unwrap();
            found
        };
        let document = json(&found);
        assert_eq!(found.status.code(), Some(5), "{document:#}");
        let items = document["items"].as_array().unwrap();
        let missing: Vec<_> = items.iter().filter(|item| item["state"] == "missing").collect();
        assert_eq!(missing.len(), 1, "{missing:#?}");
        assert_eq!(missing[0]["item"], "blockers");
        let process = format!("process {} (", std::process::id());
        let whose = place.by(process.as_str(), "session ");
        let detail = missing[0]["detail"].as_str().unwrap();
        assert!(detail.contains(whose) && detail.contains("transaction"), "{detail}");
        let _ = migrate(&shop, "preflight --quick").ends(0);
    }
}

#[tokio::test]
async fn a_run_that_goes_on_is_named_and_not_waited_for() {
    for place in engines() {
        let shop = shop(place).await;
        let other = shop.migrator().guard("other");
        let asked = async || {
            let found = migrate(&shop, "preflight").ends(5);
            for words in [
                "missing: lock, open run",
                "is being migrated by process",
                "none is made without the lock",
            ] {
                assert!(found.words.contains(words), "{words}: {}", found.words);
            }
            Ok::<(), std::io::Error>(())
        };
        other.around(shop.address(), asked).await.unwrap();
        let _ = migrate(&shop, "preflight").ends(0);
    }
}

#[tokio::test]
async fn a_snapshot_that_no_right_or_room_is_there_for_is_missing() {
    for place in engines() {
        let shop = shop(place).await;
        if place.is_sqlite() {
            let Some(small) = Small::of(16 << 20) else { continue };
            let path = small.path().join("shop.db");
            let _ = sqlite3(&path, "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(6000000))");
            let address = format!("sqlite:{}", path.display());
            let migrator = shop.migrator().attended(true);
            let found = migrator.preflight(&*address, Goal::Latest, Depth::Deep).await.unwrap();
            let error = migrator.run(&*address).await.unwrap_err();
            assert_eq!(error.code(), Code::NoSpace, "{error:?}");
            assert_eq!(detail(&found, ItemKind::Space), error.to_string());
            assert_eq!(state(&found, ItemKind::Snapshot), ItemState::NotAsked, "{found:#?}");
        } else {
            let name = shop.database();
            server::sql("", &format!(
                "CREATE ROLE {name}_role; CREATE USER {name}_user IDENTIFIED BY 'secret' DEFAULT ROLE {name}_role;
                 GRANT CONNECT ON ACCOUNT * TO {name}_role; GRANT CREATE DATABASE ON ACCOUNT * TO {name}_role;
                 GRANT ALL ON DATABASE * TO {name}_role; GRANT ALL ON TABLE *.* TO {name}_role"
            ));
            let address = server::address(name);
            let (scheme, place) = address.split_once("://").unwrap();
            let place = place.split_once('@').map_or(place, |(_, place)| place);
            let user = format!("{scheme}://{name}_user:secret@{place}");
            let found = shop.migrator().preflight(&*user, Goal::Latest, Depth::Deep).await.unwrap();
            server::sql("", &format!("DROP USER {name}_user; DROP ROLE {name}_role"));
            assert!(!found.ready, "{found:#?}");
            assert_eq!(state(&found, ItemKind::Snapshot), ItemState::Missing, "{found:#?}");
            assert!(!format!("{found:?}").contains("secret"));
        }
        let found = list(&shop, &shop.migrator()).await;
        assert!(found.ready, "{found:#?}");
        assert_eq!(shop.files_with("preflight"), Vec::<String>::new(), "{place:?}");
    }
}

#[tokio::test]
async fn every_item_is_on_the_list_whatever_is_missing() {
    for place in engines() {
        let shop = shop(place).await;
        let all = ItemKind::ALL.iter().filter(|kind| **kind != ItemKind::Own);
        let all: Vec<ItemKind> = all.copied().collect();
        let kinds =
            |found: &Preflight| found.items.iter().map(|item| item.item).collect::<Vec<_>>();
        let fine = list(&shop, &shop.migrator()).await;
        assert_eq!(kinds(&fine), all, "{place:?}");
        let nowhere =
            place.by("sqlite:/nowhere/shop.db", "matrixone://root:s3cret@127.0.0.1:1/shop");
        let found = shop.migrator().preflight(nowhere, Goal::Latest, Depth::Deep).await.unwrap();
        assert_eq!(kinds(&found), all, "{place:?}");
        assert!(!format!("{found:?}").contains("s3cret"), "{found:#?}");
        if !place.is_sqlite() {
            assert_eq!(state(&found, ItemKind::Database), ItemState::Missing, "{found:#?}");
            assert_eq!(state(&found, ItemKind::Snapshot), ItemState::NotAsked, "{found:#?}");
        }
        shop.file("1_products.sql", "SELECT 1;");
        let found = list(&shop, &shop.migrator()).await;
        assert_eq!(kinds(&found), all, "{place:?}");
        assert_eq!(state(&found, ItemKind::Rollback), ItemState::NotAsked, "{found:#?}");
    }
}

#[tokio::test]
async fn a_run_without_a_snapshot_has_no_rollback_plan() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_more.sql", &format!("-- mo-migrate: no-transaction\n{V2}"));
        let found = migrate(&shop, "preflight --dangerous-no-snapshot").ends(5);
        assert!(found.words.contains("missing: rollback plan"), "{}", found.words);
        assert!(found.words.contains("stays half applied"), "{}", found.words);
        assert!(found.words.contains("- snapshot "), "{}", found.words);
    }
}
