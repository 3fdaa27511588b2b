//! The history changed by hand: rows, markers and ids that no run has written. Each command says what
//! is true, guesses nothing, and the commands that it names work when they are typed.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use mo_migrate::plan::Finding;
use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::priced::{PRICES, shop};
use mo_migrate_tests::typed::{Said, migrate, typed};
use mo_migrate_tests::{Fixture, Place, engines};

const V2: &str = "-- mo-migrate: no-transaction\nUPDATE products SET price = price + 1;\nINSERT INTO products (price) VALUES (7);";

/// A shop whose second version was half applied when its process was killed.
async fn half(place: Place) -> Fixture {
    let shop = shop(place).await;
    shop.file("2_more.sql", V2);
    let (address, directory) = (shop.address(), shop.migrations());
    let words = [&address, directory.to_str().unwrap(), "applied:2"];
    let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
    assert!(!out.status.success(), "it did not die");
    shop
}

/// Types the one command of the hint that does something, with `--yes` where it asks.
#[track_caller]
fn as_told(shop: &Fixture, said: &Said, command: &str) -> Said {
    let commands = said.suggested();
    let words = commands.iter().find(|words| words.contains(&format!(" {command}")));
    typed(shop, words.unwrap_or_else(|| panic!("no `{command}` in {}", said.words)))
}

#[tokio::test]
async fn a_row_that_was_not_judged_by_any_run_is_named_and_accepted_by_a_person() {
    for place in engines() {
        for state in ["judging", "", "whatever"] {
            let shop = shop(place).await;
            shop.sql(&format!(
                "UPDATE mo_migrate_history SET state = '{state}' WHERE version = 1 AND kind = 'sql'"
            ));
            let before = shop.dump();
            let status = shop.migrator().status(shop.address()).await.unwrap();
            assert_eq!(status.open_run, None, "{place:?}");
            assert_ne!(status.state, "open_run", "{place:?}, {state:?}: no run is open");
            let found = [Finding::Unjudged { version: 1, name: "products".to_owned() }];
            assert_eq!(status.findings, found, "{place:?}, {state:?}");
            let _ = migrate(&shop, "validate").ends(1);
            let _ = migrate(&shop, "plan").ends(5);
            let said = migrate(&shop, "up").ends(5);
            assert!(said.words.contains("MM0310"), "{}", said.words);
            shop.assert_dump(&before, "refused");
            let _ = as_told(&shop, &said, "verify").ends(0);
            let asked = as_told(&shop, &said, "repair").ends(5);
            let _ = as_told(&shop, &asked, "repair --yes").ends(0);
            let _ = migrate(&shop, "up").ends(0);
            let _ = migrate(&shop, "status --exit-code").ends(0);
        }
    }
}

#[tokio::test]
async fn a_checksum_that_was_changed_by_hand_is_named_and_accepted_by_a_person() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql("UPDATE mo_migrate_history SET checksum = 'nonsense' WHERE version = 1 AND kind = 'sql'");
        let _ = migrate(&shop, "status").ends(0);
        let _ = migrate(&shop, "validate").ends(1);
        let said = migrate(&shop, "up").ends(5);
        assert!(said.words.contains("MM0301"), "{}", said.words);
        let asked = as_told(&shop, &said, "repair").ends(5);
        let _ = as_told(&shop, &asked, "repair --yes").ends(0);
        let _ = migrate(&shop, "validate").ends(0);
        let _ = migrate(&shop, "up").ends(0);
    }
}

/// Writes a marker as a run would, with this in it.
fn mark(shop: &Fixture, run: &str, detail: &str) {
    shop.sql(&format!(
        "INSERT INTO mo_migrate_history VALUES ('marker', 'main', 0, '', 'open', '', '{run}', 0, 0, 'me', '{detail}')"
    ));
}

fn words_of(run: &str, snapshot: &str) -> String {
    format!(r#"{{"run":"{run}","set":"main","snapshot":"{snapshot}","ring":2,"since":0}}"#)
}

#[tokio::test]
async fn a_marker_of_no_run_is_no_reason_to_guess() {
    for place in engines() {
        let shop = shop(place).await;
        mark(&shop, "run_9", &words_of("run_9", "s"));
        let before = shop.dump();
        let status = shop.migrator().status(shop.address()).await.unwrap();
        assert_eq!(status.state, "open_run", "{place:?}");
        assert!(status.detail.unwrap().contains("the ledger does not know it"), "{place:?}");
        for command in ["up", "recover", "restore --yes"] {
            let said = migrate(&shop, command).ends(3);
            assert!(said.words.contains("MM0703"), "{command}: {}", said.words);
            let place_of_it = place.by("shop.db.mo-migrate", "the database `mo_migrate`");
            assert!(said.line("hint:").contains(place_of_it), "{command}: {}", said.words);
            let _ = migrate(&shop, &format!("{command} --retry"));
            shop.assert_dump(&before, command);
        }
        shop.sql("DELETE FROM mo_migrate_history WHERE kind = 'marker'");
        let _ = migrate(&shop, "status --exit-code").ends(0);
    }
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_shown_by_the_statement_of_the_hint() {
    for place in engines() {
        let shop = shop(place).await;
        mark(&shop, "run_9", "no words of a run");
        let before = shop.dump();
        for command in ["status", "plan", "validate", "up", "history", "restore --yes", "recover"] {
            let said = migrate(&shop, command).ends(5);
            assert!(said.words.contains("MM0702"), "{command}: {}", said.words);
            let shown = said.line("hint:").split('`').nth(1).unwrap().to_owned();
            assert!(shop.sql(&shown).contains("no words of a run"), "{command}: {shown}");
        }
        shop.assert_dump(&before, "refused");
        shop.sql("DELETE FROM mo_migrate_history WHERE kind = 'marker'");
        let _ = migrate(&shop, "status --exit-code").ends(0);
    }
}

#[tokio::test]
async fn a_marker_that_was_removed_in_the_midst_of_a_run_is_missed() {
    for place in engines() {
        let shop = half(place).await;
        shop.sql("DELETE FROM mo_migrate_history WHERE kind = 'marker'");
        let before = shop.dump();
        let status = shop.migrator().status(shop.address()).await.unwrap();
        assert_eq!(status.state, "open_run", "{place:?}");
        assert!(status.detail.unwrap().contains("is not as that run left it"), "{place:?}");
        for command in ["up", "recover", "restore --yes"] {
            let said = migrate(&shop, command).ends(5);
            assert!(said.words.contains("MM0702"), "{command}: {}", said.words);
            assert!(said.words.contains("does not say so any more"), "{command}: {}", said.words);
            shop.assert_dump(&before, command);
        }
        let said = migrate(&shop, "up");
        let _ = as_told(&shop, &said, "recover --retry").ends(0);
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
        let _ = migrate(&shop, "up").ends(0);
        assert_eq!(shop.sql(PRICES), "1501\n31\n7\n", "{place:?}");
    }
}

#[tokio::test]
async fn a_marker_of_a_run_that_is_over_is_no_open_run() {
    for place in engines() {
        let shop = half(place).await;
        let status = shop.migrator().status(shop.address()).await.unwrap();
        let marker = status.open_run.unwrap();
        shop.migrator().recover(shop.address()).await.unwrap();
        mark(&shop, &marker.run, &words_of(&marker.run, &marker.snapshot.unwrap()));
        shop.sql("UPDATE products SET price = 5");
        let before = shop.dump();
        let status = shop.migrator().status(shop.address()).await.unwrap();
        let detail = status.detail.unwrap();
        assert!(detail.contains("ended: restored"), "{place:?}: {detail}");
        let said = migrate(&shop, "up").ends(3);
        assert!(said.words.contains("ended: restored"), "{}", said.words);
        shop.assert_dump(&before, "left to a person");
        let _ = as_told(&shop, &said, "recover --retry").ends(0);
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
        let _ = migrate(&shop, "up").ends(0);
    }
}

#[tokio::test]
async fn a_database_with_another_id_is_not_taken_for_the_one_of_the_ledger() {
    for place in engines() {
        let shop = shop(place).await;
        let other = "UPDATE mo_migrate_history SET detail = 'another' WHERE kind = 'head'";
        shop.sql(other);
        let before = shop.dump();
        let _ = migrate(&shop, "status --exit-code").ends(0);
        let _ = migrate(&shop, "up").ends(0);
        let said = migrate(&shop, "restore --yes").ends(5);
        assert!(said.words.contains("MM0702"), "{}", said.words);
        shop.assert_dump(&before, "refused");
        let _ = as_told(&shop, &said, "restore").ends(0);
        assert!(shop.try_sql(PRICES).is_err(), "{place:?}");

        let shop = half(place).await;
        shop.sql(other);
        let before = shop.dump();
        for command in ["up", "up --retry", "recover --retry", "restore --yes"] {
            let said = migrate(&shop, command).ends(5);
            assert!(said.words.contains("is of another database"), "{command}: {}", said.words);
            shop.assert_dump(&before, command);
        }
    }
}

#[tokio::test]
async fn a_row_that_was_removed_between_others_is_out_of_order() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_more.sql", V2);
        shop.migrator().run(shop.address()).await.unwrap();
        shop.sql("DELETE FROM mo_migrate_history WHERE version = 1");
        let before = shop.dump();
        let said = migrate(&shop, "up").ends(5);
        assert!(said.words.contains("MM0303"), "{}", said.words);
        let _ = migrate(&shop, "validate").ends(1);
        let _ = migrate(&shop, "plan").ends(5);
        shop.assert_dump(&before, "refused");
        let report = shop.migrator().restore(shop.address(), None).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{place:?}");
        assert_eq!(shop.sql(PRICES), "1500\n30\n", "{place:?}");
    }
}

#[tokio::test]
async fn a_finding_of_one_set_is_none_of_another() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql(
            "UPDATE mo_migrate_history SET state = 'judging' WHERE version = 1 AND kind = 'sql'",
        );
        let other = shop.migrator().set_name("other");
        shop.file("1_products.sql", "CREATE TABLE another (x INT);");
        assert_eq!(other.run(shop.address()).await.unwrap().outcome, Outcome::Applied);
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::Changed, "{place:?}: {error:?}");
    }
}
