//! kill -9 in each row of the recovery table, on both engines: what is true afterwards, and what the
//! next start does.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mo_migrate::settings::SnapshotPolicy;
use mo_migrate::{Event, Outcome, error::Code};
use mo_migrate_tests::typed::migrate;
use mo_migrate_tests::{Fixture, Place, engines, places};

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100) NOT NULL, price INT);
INSERT INTO products (name, price) VALUES ('Gaming Laptop', 1500), ('Wireless Mouse', 30);";

const V2_CHECKS: &str = "-- check: prices are positive
SELECT * FROM products WHERE price <= 0;
-- check(after): two products
SELECT 1 WHERE (SELECT count(*) FROM products) < 2;
-- check(snapshot): two products then
SELECT 1 WHERE (SELECT count(*) FROM products) <> 2;";

const V2: &str = "ALTER TABLE products ADD COLUMN category TEXT;
UPDATE products SET category = 'Electronics';
INSERT INTO products (name, price, category) VALUES ('Smart Watch', 250, 'Wearables');";

fn no_transaction(sql: &str) -> String {
    format!("-- mo-migrate: no-transaction\n{sql}")
}

async fn v1(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

/// Runs `up` and kills it at this moment; true when it really died there.
fn killed_at(shop: &Fixture, moment: &str) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let out = Command::new(env!("CARGO_BIN_EXE_die_at"))
        .args([&shop.address(), shop.migrations().to_str().unwrap(), moment])
        .output()
        .unwrap();
    out.status.signal() == Some(9)
}

/// The next start, as a person would type it.
async fn next_up(shop: &Fixture) -> mo_migrate::Result<mo_migrate::Report> {
    shop.migrator().attended(true).run(shop.address()).await
}

async fn state(shop: &Fixture) -> String {
    shop.migrator().status(shop.address()).await.unwrap().state
}

fn v2_is_whole(shop: &Fixture) {
    assert_eq!(shop.sql("SELECT count(*), count(category) FROM products"), "3|3\n");
    assert_eq!(
        shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'sql' AND state = 'kept'"),
        "2\n"
    );
    assert_eq!(shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'"), "0\n");
    assert_eq!(shop.files_with("_verify"), [""; 0]);
    assert_eq!(shop.files_with(".partial"), [""; 0]);
}

const GOOD_MOMENTS: [&str; 18] = [
    "start:preflight",
    "finish:preflight",
    "start:snapshot",
    "finish:snapshot",
    "start:apply",
    "applying:2",
    "applied:2",
    "finish:apply",
    "start:validate",
    "checked:prices are positive",
    "finish:validate",
    "start:commit",
    "finish:commit",
    "start:validate_after",
    "checked:two products",
    "finish:validate_after",
    "start:keep",
    "finish:keep",
];

#[tokio::test]
async fn a_good_run_that_dies_anywhere_is_finished_by_the_next_start() {
    for place in places() {
        for head in place.headings() {
            // Where each statement is committed by itself, nothing is left to be.
            let in_one = place.by(head.is_empty(), false);
            let reached = |moment: &&str| in_one || !moment.ends_with(":commit");
            for moment in GOOD_MOMENTS.into_iter().filter(reached) {
                let shop = v1(place).await;
                let what = format!("{moment}, {head:?}, {place:?}");
                shop.file("2_more.sql", &format!("{head}{V2}")).file("2_more.check.sql", V2_CHECKS);
                assert!(killed_at(&shop, moment), "{what} was not reached");
                // After the transaction of `keep` the run is final, whatever the ledger says.
                let expected = if moment == "finish:keep" { "up_to_date" } else { "open_run" };
                assert_eq!(state(&shop).await, expected, "{what}");
                let report = next_up(&shop).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
                assert!(
                    matches!(report.outcome, Outcome::Applied | Outcome::UpToDate),
                    "{what}: {report:?}"
                );
                v2_is_whole(&shop);
                assert_eq!(state(&shop).await, "up_to_date", "{what}");
            }
        }
    }
}

const WAYS_BACK: [&str; 8] = [
    "start:verify",
    "finish:verify",
    "start:failed_state",
    "finish:failed_state",
    "start:restore",
    "finish:restore",
    "start:afterwards",
    "finish:afterwards",
];

#[tokio::test]
async fn a_restore_that_dies_anywhere_is_finished_by_recover_alone() {
    for place in places() {
        for moment in WAYS_BACK {
            let shop = v1(place).await;
            let before = shop.dump();
            shop.file("2_bad.sql", &no_transaction(&format!("{V2} SELECT * FROM nowhere;")));
            assert!(killed_at(&shop, moment), "{moment} was not reached");
            assert_eq!(state(&shop).await, "open_run", "{moment}");
            let report = shop
                .migrator()
                .recover(shop.address())
                .await
                .unwrap_or_else(|e| panic!("{moment}: {e:?}"));
            assert_eq!(report.unwrap().outcome, Outcome::Restored, "{moment}");
            shop.assert_dump(&before, moment);
            assert_eq!(state(&shop).await, "pending", "{moment}");
            assert_eq!(shop.files_with("_verify"), [""; 0], "{moment}");
            assert!(shop.migrator().recover(shop.address()).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn a_bad_run_that_dies_is_put_back_and_fails_again_when_it_is_tried_again() {
    for place in places() {
        let shop = v1(place).await;
        let before = shop.dump();
        shop.file("2_bad.sql", &no_transaction(&format!("{V2} SELECT * FROM nowhere;")));
        assert!(killed_at(&shop, "start:verify"));
        assert_ne!(shop.dump(), before);
        let error = next_up(&shop).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::Statement, Outcome::Restored),
            "{error:?}"
        );
        shop.assert_dump(&before, "dump");
    }
}

#[tokio::test]
async fn the_third_start_after_two_deaths_in_apply_needs_a_person_and_leaves_v1() {
    for place in engines() {
        let shop = v1(place).await;
        let before = shop.dump();
        shop.file("2_more.sql", &no_transaction(V2));
        for _ in 0..2 {
            assert!(killed_at(&shop, "applied:2"));
        }
        let error = next_up(&shop).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::Deaths, Outcome::NeedsPerson),
            "{error:?}"
        );
        shop.assert_dump(&before, "dump");
        let report = shop.migrator().retry(true).run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        v2_is_whole(&shop);
    }
}

#[tokio::test]
async fn one_death_each_in_two_migrations_needs_no_person() {
    for place in engines() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2)).file("3_x.sql", "CREATE TABLE x (y INT);");
        for moment in ["applied:2", "applied:3"] {
            assert!(killed_at(&shop, moment), "{moment} was not reached");
        }
        let report = next_up(&shop).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Applied, Some(3)));
    }
}

/// The person has said "try again", and it did not kill its process.
#[tokio::test]
async fn deaths_before_a_run_that_came_through_count_no_more() {
    for place in engines() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2)).file("3_x.sql", "SELECT * FROM nowhere;");
        for _ in 0..2 {
            assert!(killed_at(&shop, "applied:2"));
        }
        assert_eq!(next_up(&shop).await.unwrap_err().code(), Code::Deaths);
        let error = shop.migrator().retry(true).run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::Statement);
        shop.file("3_x.sql", "CREATE TABLE x (y INT);");
        let report = next_up(&shop).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Applied, Some(3)));
    }
}

#[tokio::test]
async fn a_ledger_that_is_gone_or_of_another_database_is_not_guessed_at() {
    for place in engines() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"));
        let half = shop.dump();
        shop.hide_ledger();
        let error = next_up(&shop).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::LedgerGone, Outcome::NeedsPerson),
            "{error:?}"
        );
        shop.assert_dump(&half, "dump");

        shop.show_ledger();
        shop.replace("CREATE TABLE another (x INT)");
        let error = next_up(&shop).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::OtherDatabase, Outcome::Refused),
            "{error:?}"
        );
        assert!(shop.dump().contains("another"));
    }
}

#[tokio::test]
async fn an_application_goes_on_by_itself_after_a_death_wherever_it_was() {
    for place in engines() {
        for moment in [
            "start:preflight",
            "start:snapshot",
            "finish:snapshot",
            "applied:2",
            "finish:validate",
            "start:keep",
        ] {
            for head in place.headings() {
                let shop = v1(place).await;
                shop.file("2_more.sql", &format!("{head}{V2}"));
                assert!(killed_at(&shop, moment), "{moment}");
                let report = shop.migrator().run(shop.address()).await;
                let report = report.unwrap_or_else(|error| panic!("{moment}, {head:?}: {error:?}"));
                assert!(matches!(report.outcome, Outcome::Applied | Outcome::UpToDate), "{moment}");
                v2_is_whole(&shop);
            }
        }
    }
}

/// The next start, of somebody to whom a second is long.
async fn late_up(shop: &Fixture) -> mo_migrate::Result<mo_migrate::Report> {
    let migrator = shop.migrator().attended(true).recover_within(Duration::from_secs(1));
    migrator.run(shop.address()).await
}

/// Nobody could go back to it: its marker would be of a run that is over.
#[tokio::test]
async fn no_snapshot_is_made_of_what_a_dead_run_left_open() {
    for place in engines() {
        let shop = v1(place).await;
        let before = shop.sql(ROWS);
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"));
        let create = async || shop.migrator().snapshot_create(shop.address(), "manual").await;
        let error = create().await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::OpenRun, Outcome::Refused), "{error:?}");
        shop.migrator().recover(shop.address()).await.unwrap();
        let made = create().await.unwrap();
        next_up(&shop).await.unwrap();
        shop.migrator().restore(shop.address(), Some(&made.name)).await.unwrap();
        assert_eq!(shop.sql(ROWS), before);
        assert_eq!(state(&shop).await, "pending");
    }
}

#[tokio::test]
async fn an_old_death_without_later_writes_is_put_back() {
    for place in places() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"));
        shop.time_passes(true);
        assert_eq!(late_up(&shop).await.unwrap().outcome, Outcome::Applied);
        v2_is_whole(&shop);
    }
}

#[tokio::test]
async fn who_starts_after_a_death_is_told_which_rows_of_others_went_back() {
    // SQLite can't tell them from the run's own.
    for place in engines().into_iter().filter(|place| *place == Place::MatrixOne) {
        let shop = v1(place).await;
        shop.file("2_category.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"), "{place:?}");
        shop.sql("INSERT INTO products (name, price) VALUES ('Theirs', 7)");
        let notes = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&notes);
        let migrator = shop.migrator().attended(true).observer(move |event: &Event| {
            if let Event::Note(note) = event {
                told.lock().unwrap().push_str(note);
            }
        });
        migrator.run(shop.address()).await.unwrap();
        let notes = notes.lock().unwrap().clone();
        assert!(
            notes.contains("what others wrote to products went back too"),
            "{place:?}: {notes}"
        );
        let run = notes.split("`migrate diff ").nth(1).unwrap().split('`').next().unwrap();
        let shown = migrate(&shop, &format!("diff {run}")).ends(1);
        assert!(shown.words.contains("Theirs"), "{place:?}: {}", shown.words);
    }
}

#[tokio::test]
async fn rows_written_long_after_a_death_are_left_to_a_person() {
    for place in engines() {
        let shop = v1(place).await;
        let before = shop.dump();
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"));
        shop.time_passes(false);
        shop.sql("INSERT INTO products (name, price) VALUES ('honest', 1)");
        let error = late_up(&shop).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::RecoverLate, Outcome::NeedsPerson),
            "{error:?}"
        );
        assert_eq!(shop.sql("SELECT count(*) FROM products WHERE name = 'honest'"), "1\n");
        // The person says so, with the command of the hint.
        let report = shop.migrator().retry(true).recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        let failed = report.restore.unwrap().failed_state.unwrap();
        let kept = shop.sql_in(&failed, "SELECT count(*) FROM {products} WHERE name = 'honest'");
        assert_eq!(kept, "1\n");
        shop.assert_dump(&before, "put back");
    }
}

/// What a restore by hand puts back.
const ROWS: &str =
    "SELECT * FROM products ORDER BY id; SELECT version FROM mo_migrate_history ORDER BY version";

#[tokio::test]
async fn a_restore_by_hand_that_dies_keeps_its_snapshot_and_is_finished() {
    for place in engines() {
        for moment in [
            "start:verify",
            "finish:verify",
            "start:failed_state",
            "start:restore",
            "finish:restore",
        ] {
            let shop = v1(place).await;
            let before = shop.sql(ROWS);
            shop.file("2_more.sql", V2);
            shop.migrator().run(shop.address()).await.unwrap();
            let out = Command::new(env!("CARGO_BIN_EXE_die_at"))
                .args([&shop.address(), shop.migrations().to_str().unwrap(), moment, "restore"])
                .output()
                .unwrap();
            assert!(!out.status.success(), "{moment} was not reached");
            let report = shop
                .migrator()
                .recover(shop.address())
                .await
                .unwrap_or_else(|e| panic!("{moment}: {e:?}"));
            assert_eq!(report.unwrap().outcome, Outcome::Restored, "{moment}");
            let now = shop.sql(ROWS);
            assert_eq!(now, before, "{moment}");
            // The numbers that were given out in the meantime are not given again.
            shop.sql("INSERT INTO products (name) VALUES ('late')");
            let late = shop.sql("SELECT count(*) FROM products WHERE id > 3");
            assert_eq!(late, "1\n", "{moment}");
            let snapshots = shop.migrator().snapshot_list(shop.address()).await.unwrap();
            assert!(
                snapshots
                    .iter()
                    .any(|line| line.purpose.as_deref() == Some("pre_upgrade") && !line.gone),
                "{moment}"
            );
        }
    }
}

/// It has no history, and so nothing by which the database could be known.
#[tokio::test]
async fn a_restore_to_before_the_first_run_that_dies_after_its_commit_is_finished() {
    for place in engines() {
        for moment in ["finish:restore", "start:afterwards", "finish:afterwards"] {
            let shop = v1(place).await;
            let out = Command::new(env!("CARGO_BIN_EXE_die_at"))
                .args([&shop.address(), shop.migrations().to_str().unwrap(), moment, "restore"])
                .output()
                .unwrap();
            assert!(!out.status.success(), "{moment} was not reached");
            let report = next_up(&shop).await.unwrap_or_else(|e| panic!("{moment}: {e:?}"));
            assert_eq!((report.outcome, report.to), (Outcome::Applied, Some(1)), "{moment}");
        }
    }
}

/// The history stays where it was, whichever side of the commit the death was on.
#[tokio::test]
async fn a_restore_of_one_table_that_dies_is_finished_as_one_of_that_table() {
    let all = "SELECT * FROM products ORDER BY id";
    let versions = "SELECT version FROM mo_migrate_history WHERE kind = 'sql' ORDER BY version";
    for place in engines() {
        for moment in ["finish:verify", "start:restore", "finish:restore"] {
            let shop = v1(place).await;
            let before = shop.sql(all);
            shop.file("2_more.sql", V2);
            shop.migrator().run(shop.address()).await.unwrap();
            assert_ne!(shop.sql(all), before);
            let (address, directory) = (shop.address(), shop.migrations());
            let words = [&address, directory.to_str().unwrap(), moment, "restore", "products"];
            let out = Command::new(env!("CARGO_BIN_EXE_die_at")).args(words).output().unwrap();
            assert!(!out.status.success(), "{moment} was not reached");
            let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
            assert_eq!(report.outcome, Outcome::Restored, "{place:?} {moment}");
            assert_eq!(shop.sql(all), before, "{place:?} {moment}");
            assert_eq!(shop.sql(versions), "1\n2\n", "{place:?} {moment}");
            let next = shop.migrator().run(shop.address()).await.unwrap();
            assert_eq!(next.outcome, Outcome::UpToDate, "{place:?} {moment}");
        }
    }
}

#[tokio::test]
async fn a_second_late_recovery_is_as_late_as_the_first() {
    for place in engines() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "applied:2"));
        shop.time_passes(false);
        shop.sql("INSERT INTO products (name, price) VALUES ('honest', 1)");
        for _ in 0..3 {
            assert_eq!(late_up(&shop).await.unwrap_err().code(), Code::RecoverLate);
        }
        assert_eq!(shop.sql("SELECT count(*) FROM products WHERE name = 'honest'"), "1\n");
    }
}

#[tokio::test]
async fn a_run_of_another_set_is_not_judged_by_this_one() {
    for place in engines() {
        let shop = v1(place).await;
        shop.file("2_more.sql", &no_transaction(V2));
        assert!(killed_at(&shop, "finish:validate"));
        let other =
            shop.migrator().set_name("other").attended(true).run(shop.address()).await.unwrap_err();
        assert_eq!((other.code(), other.outcome()), (Code::OpenRun, Outcome::Refused), "{other:?}");
        assert_eq!(next_up(&shop).await.unwrap().outcome, Outcome::UpToDate);
    }
}

/// It has no snapshot: a person takes back what it did, or not, and says that it is over.
#[tokio::test]
async fn a_run_without_a_snapshot_is_closed_as_it_is_and_is_not_said_to_be_undone() {
    for place in engines() {
        for checked in [false, true] {
            let shop = v1(place).await;
            let more = if checked { "" } else { " SELECT * FROM nowhere;" };
            shop.file("2_more.sql", &no_transaction(&format!("{V2}{more}")));
            shop.file("2_more.check.sql", "-- check(after): never\nSELECT 1 AS wrong;");
            let migrator =
                || shop.migrator().attended(true).snapshot(SnapshotPolicy::DangerousNever);
            let error = migrator().run(shop.address()).await.unwrap_err();
            let run = error.report().unwrap().run.clone().unwrap();
            let names_the_way = |hint: Option<&str>| {
                let hint = hint.unwrap();
                assert!(hint.contains(&format!("`migrate report {run}`")), "{hint}");
                assert!(hint.contains("`migrate recover --retry`"), "{hint}");
            };
            names_the_way(error.hint());
            let half = shop.sql(ALL_ROWS);
            let error = migrator().recover(shop.address()).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::NeedsPerson, "{error:?}");
            names_the_way(error.hint());
            let open = shop.migrator().report(shop.address(), None).await.unwrap();
            assert!(open.next.iter().any(|step| step.command == "migrate recover --retry"));

            let closed = migrator().retry(true).recover(shop.address()).await.unwrap().unwrap();
            assert_eq!(closed.outcome, Outcome::NeedsPerson);
            assert_eq!(shop.sql(ALL_ROWS), half, "nothing was put back");
            assert_eq!(state(&shop).await, "pending");
            let report = shop.migrator().report(shop.address(), None).await.unwrap();
            assert_eq!((report.outcome, report.open), (Some(Outcome::NeedsPerson), false));
            for text in [closed.to_text(false), report.to_text(false)] {
                assert!(text.contains("needs a person: version 1, nothing was put back"), "{text}");
                assert!(!text.contains("nothing had been committed"), "{text}");
            }
            assert!(shop.migrator().recover(shop.address()).await.unwrap().is_none());
        }
    }
}

const ALL_ROWS: &str = "SELECT * FROM products ORDER BY id";
