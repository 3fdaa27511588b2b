//! A guard around something else than migrations: another process, or a function.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::Duration;

use mo_migrate::error::Code;
use mo_migrate::settings::{ForeignWrites, Stop};
use mo_migrate::{Guard, Outcome};
use mo_migrate_tests::{Fixture, Place, engines, program};

const INIT: &str = "CREATE TABLE prices (id $KEY, cents INT);
CREATE TABLE orders (id $KEY, quantity INT);
INSERT INTO prices (cents) VALUES (100), (250);
INSERT INTO orders (quantity) VALUES (1);";

const CHECKS: &str = "-- check: no price is negative
SELECT id, cents FROM prices WHERE cents < 0;
-- check: no price is lost
SELECT b.id FROM {{before.prices}} b LEFT JOIN prices p ON p.id = b.id WHERE p.id IS NULL;
-- check(after): three prices
SELECT 1 WHERE (SELECT count(*) FROM prices) <> 3;
-- check(snapshot): two prices then
SELECT 1 WHERE (SELECT count(*) FROM prices) <> 2;";

const GOOD: &str = "INSERT INTO prices (cents) VALUES (990)";
const NEGATIVE: &str = "INSERT INTO prices (cents) VALUES (-1)";
const PRICES: &str = "SELECT cents FROM prices ORDER BY id";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_init.sql", INIT);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

fn import(shop: &Fixture) -> Guard {
    shop.migrator().guard("import").checks("prices.check.sql", CHECKS)
}

/// The words of a shell that runs this line.
fn sh(line: &str) -> [String; 3] {
    ["sh".to_owned(), "-c".to_owned(), line.to_owned()]
}

#[tokio::test]
async fn what_a_command_did_is_kept_when_its_checks_hold() {
    for place in engines() {
        let shop = shop(place).await;
        let line = format!("echo begun; {}", shop.shell(GOOD));
        let report = import(&shop).command(shop.address(), sh(&line)).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(shop.sql(PRICES), "100\n250\n990\n");
        let guarded = report.guarded.unwrap();
        assert_eq!((guarded.purpose.as_str(), guarded.exit_code), ("import", Some(0)));
        assert_eq!(guarded.output, ["begun"]);
        assert_eq!(report.checks.len(), 3, "{:?}", report.checks);
        let snapshot = report.snapshot.unwrap();
        assert!(snapshot.name.starts_with("import_v1_"), "{snapshot:?}");
        assert_eq!(shop.sql_in(&snapshot.name, "SELECT count(*) FROM {prices}"), "2\n");
        let tables: Vec<_> = report.tables.iter().map(|table| table.name.as_str()).collect();
        assert!(tables.contains(&"prices"), "{tables:?}");
        let next = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(next.outcome, Outcome::UpToDate);
    }
}

#[tokio::test]
async fn a_person_goes_back_before_a_guard_a_day_later() {
    for (place, named) in engines().into_iter().flat_map(|place| [(place, true), (place, false)]) {
        let shop = shop(place).await;
        let guard = if named { import(&shop).tables(["prices"]) } else { import(&shop) };
        let report = guard.command(shop.address(), sh(&shop.shell(GOOD))).await.unwrap();
        let snapshot = report.snapshot.unwrap().name;
        shop.sql("UPDATE orders SET quantity = 2");
        let back = shop.migrator().restore(shop.address(), Some(&snapshot)).await;
        if named {
            back.unwrap();
            assert_eq!(shop.sql("SELECT quantity FROM orders"), "2\n");
        } else {
            // What the command wrote and what others have written since can't be told apart.
            let error = back.unwrap_err();
            assert_eq!(error.code(), Code::ForeignWrites);
            let words = format!("migrate restore {snapshot} --yes --foreign-writes discard");
            assert!(error.hint().unwrap().contains(&words), "{error:?}");
            let migrator = shop.migrator().foreign_writes(ForeignWrites::Discard);
            migrator.restore(shop.address(), Some(&snapshot)).await.unwrap();
            assert_eq!(shop.sql("SELECT quantity FROM orders"), "1\n");
        }
        assert_eq!(shop.sql(PRICES), "100\n250\n");
    }
}

#[tokio::test]
async fn what_a_command_did_is_put_back_when_a_check_fails() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let line =
            shop.shell(&format!("{NEGATIVE}; CREATE TABLE scratch (a INT); DELETE FROM orders"));
        let error = import(&shop).command(shop.address(), sh(&line)).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::CheckFailed, Outcome::Restored));
        assert!(error.to_string().contains("no price is negative"), "{error:?}");
        shop.assert_dump(&before, "after a check that failed");
        let restore = error.report().unwrap().restore.as_ref().unwrap();
        let failed = restore.failed_state.as_ref().unwrap();
        assert_eq!(shop.sql_in(failed, "SELECT min(cents) FROM {prices}"), "-1\n");
    }
}

#[tokio::test]
async fn what_a_command_did_before_it_failed_is_put_back() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let line = format!("{}; echo no such file >&2; exit 7", shop.shell(GOOD));
        let error = import(&shop).command(shop.address(), sh(&line)).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Guarded, Outcome::Restored));
        let said = error.to_string();
        assert!(said.contains("exited with 7") && said.contains("no such file"), "{error:?}");
        shop.assert_dump(&before, "after a command that failed");
        assert_eq!(error.report().unwrap().guarded.as_ref().unwrap().exit_code, Some(7));
    }
}

#[tokio::test]
async fn tables_that_were_not_named_stay_with_what_others_wrote_to_them() {
    for place in engines() {
        let shop = shop(place).await;
        let line = format!(
            "{}; {}; exit 1",
            shop.shell(GOOD),
            shop.shell("UPDATE orders SET quantity = 9")
        );
        let guard = import(&shop).tables(["PRICES"]);
        let error = guard.command(shop.address(), sh(&line)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        assert_eq!(shop.sql(PRICES), "100\n250\n");
        assert_eq!(shop.sql("SELECT quantity FROM orders"), "9\n");
        let restore = error.report().unwrap().restore.as_ref().unwrap();
        assert_eq!(restore.kept_writes, ["orders"]);
        let kept = error.kept().unwrap();
        assert!(!kept.contains("others wrote"), "{error:?}");
        assert!(kept.contains("left alone, whoever wrote to it: orders"), "{error:?}");
        let story = shop.migrator().report(shop.address(), None).await.unwrap().to_text(false);
        for words in ["orders  was not named", "only what was named was looked at: prices"] {
            assert!(story.contains(words), "{words}: {story}");
        }
    }
}

#[tokio::test]
async fn a_command_or_a_table_that_is_not_there_is_refused_before_anything_is_touched() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let guard = import(&shop).tables(["price"]);
        let error = guard.command(shop.address(), ["true"]).await.unwrap_err();
        assert_eq!(error.code(), Code::NoTable);
        assert!(error.to_string().contains("the nearest name is `prices`"), "{error:?}");
        let error = import(&shop).command(shop.address(), ["import everything"]).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Usage, Outcome::Refused));
        let error = import(&shop).checks("c", "SELECT 1").command(shop.address(), ["true"]).await;
        assert_eq!(error.unwrap_err().code(), Code::BadFile);
        shop.assert_dump(&before, "after what was refused");
        assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_or_is_interrupted_is_ended_with_all_that_it_started() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let write = shop.shell(GOOD);
        let line = format!("{write}; (sleep 60; {write}) & sleep 60");
        let short = import(&shop).time_limit(Duration::from_secs(2));
        let error = short.command(shop.address(), sh(&line)).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::TimeLimit, Outcome::Restored));
        let interruption = Stop::default();
        let migrator = shop.migrator().stop(interruption.clone());
        let endless = migrator.guard("import");
        let (ended, ()) = tokio::join!(endless.command(shop.address(), sh(&line)), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            interruption.ask();
        });
        let error = ended.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Interrupted, Outcome::Restored));
        shop.assert_dump(&before, "after two commands that were ended");
        let run = error.report().unwrap().run.clone().unwrap();
        assert!(!is_anywhere(&run), "something of the run goes on");
    }
}

/// Its person has no migrations, and perhaps no files to type `up` with.
#[tokio::test]
async fn what_is_said_while_a_guard_stands_is_said_of_a_guard() {
    for place in engines() {
        let shop = shop(place).await;
        let guard = import(&shop);
        let kept = guard.around(shop.address(), async || {
            let detail = shop.migrator().status(shop.address()).await.unwrap().detail.unwrap();
            assert!(detail.contains("is a guard"), "{place:?}: {detail}");
            assert!(!detail.contains("migrate up") && !detail.contains("migration 0"), "{detail}");
            let heard = format!("its process {} on", std::process::id());
            assert!(detail.contains(&heard) && detail.contains(" ago"), "{place:?}: {detail}");
            let preview = shop.migrator().restore_preview(shop.address(), None).await.unwrap();
            assert!(preview.open_run.is_some_and(|run| detail.contains(&run)), "{place:?}");
            shop.sql(GOOD);
            Ok::<_, String>(())
        });
        assert_eq!(kept.await.unwrap().outcome, Outcome::Applied);
        let preview = shop.migrator().restore_preview(shop.address(), None).await.unwrap();
        assert_eq!(preview.open_run, None, "{place:?}");
    }
}

#[tokio::test]
async fn a_file_of_checks_without_a_check_is_refused_before_the_command_runs() {
    for place in engines() {
        let shop = shop(place).await;
        let guard = shop.migrator().guard("import").checks("prices.check.sql", "-- nothing yet\n");
        let error = guard.command(shop.address(), sh(&shop.shell(GOOD))).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Refused, "{place:?}: {error:?}");
        assert!(error.to_string().contains("prices.check.sql"), "{error:?}");
        assert_eq!(shop.sql(PRICES), "100\n250\n", "{place:?}");
    }
}

#[tokio::test]
async fn a_function_is_guarded_with_its_error_and_its_panic() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let guard = import(&shop);
        let failed = guard.around(shop.address(), async || {
            shop.sql(GOOD);
            Err("the file is cut short")
        });
        let error = failed.await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Guarded, Outcome::Restored));
        assert!(error.to_string().contains("the file is cut short"), "{error:?}");
        shop.assert_dump(&before, "after an error");
        let failed = guard.around(shop.address(), async || -> Result<(), String> {
            shop.sql(GOOD);
            panic!("no luck");
        });
        let error = failed.await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Panic, Outcome::Restored));
        shop.assert_dump(&before, "after a panic");
        let kept = guard.around(shop.address(), async || {
            shop.sql(GOOD);
            Ok::<_, String>(())
        });
        assert_eq!(kept.await.unwrap().outcome, Outcome::Applied);
        assert_eq!(shop.sql(PRICES), "100\n250\n990\n");
    }
}

#[tokio::test]
async fn what_a_killed_guard_left_running_is_ended_and_put_back_even_what_left_its_group() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let write = shop.shell(GOOD);
        let line =
            format!("{write}; setsid sh -c 'sleep 8; {}' & sleep 60", write.replace('\'', "'\\''"));
        let mut guard = Command::new(program("migrate_from_dir"))
            .current_dir(shop.folder())
            .env("DATABASE_URL", shop.address())
            .args(["guard", "--purpose", "import", "--", "sh", "-c", &line])
            .stdin(std::process::Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if shop.sql(PRICES).contains("990") {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        guard.kill().unwrap();
        guard.wait().unwrap();
        let run = shop.migrator().runs(shop.address()).await.unwrap()[0].id.clone();
        assert!(is_anywhere(&run), "nothing of it was left running");
        let report = shop.migrator().recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        assert!(!is_anywhere(&run), "something of the run goes on");
        let again = shop.dump();
        assert_eq!(shop.sql(PRICES), "100\n250\n");
        shop.assert_dump(&before, "after the recovery");
        shop.assert_dump(&again, "a moment later");
    }
}

#[tokio::test]
async fn what_a_command_leaves_running_is_ended_when_it_exits_and_not_waited_for() {
    for place in engines() {
        let shop = shop(place).await;
        let later = shop.shell(GOOD).replace('\'', "'\\''");
        for left in
            [format!("sh -c 'sleep 60; {later}' &"), format!("setsid sh -c 'sleep 60; {later}' &")]
        {
            let guard = import(&shop).tables(["prices"]).time_limit(Duration::from_secs(40));
            // The check for three prices fails, for nothing came in.
            let error = guard.command(shop.address(), sh(&left)).await.unwrap_err();
            assert_eq!(error.code(), Code::CheckFailed, "{error:?}");
            let run = error.report().unwrap().run.clone().unwrap();
            assert!(!is_anywhere(&run), "something of the run goes on");
        }
    }
}

#[tokio::test]
async fn a_function_is_called_when_it_is_its_turn() {
    for place in engines() {
        let shop = shop(place).await;
        let guard = import(&shop);
        let failed = guard.around(shop.address(), || {
            // Before its first await, and not in it.
            shop.sql(NEGATIVE);
            std::future::ready(Ok::<_, String>(()))
        });
        assert_eq!(failed.await.unwrap_err().outcome(), Outcome::Restored);
        assert_eq!(shop.sql(PRICES), "100\n250\n");
    }
}

#[tokio::test]
async fn a_purpose_is_a_word_and_none_of_ours() {
    let shop = shop(engines()[0]).await;
    let long = "x".repeat(25);
    for purpose in ["failed", "pre_upgrade", "", "Import", "an import", &long] {
        let guard = shop.migrator().guard(purpose);
        let error = guard.command(shop.address(), ["true"]).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Usage, Outcome::Refused), "{purpose}");
    }
}

/// It said `migrate guard -- …`, without what had been typed.
#[tokio::test]
async fn the_command_that_a_failed_guard_suggests_is_the_one_that_was_typed() {
    let shop = shop(Place::Sqlite(mo_migrate_tests::Journal::Wal)).await;
    std::fs::write(shop.folder().join("prices.check.sql"), CHECKS).unwrap();
    let called = program("migrate_from_dir").display().to_string();
    let words = "guard --purpose import --check prices.check.sql --tables prices --time-limit 30s";
    for (end, why, code) in
        [("-- sh -c 'exit 3'", "exited with 3", 2), ("-- true", "three prices", 2)]
    {
        let typed = format!("{called} {words} {end}");
        let said = mo_migrate_tests::typed::typed(&shop, &typed).ends(code);
        assert_eq!(said.suggested(), [typed], "{}", said.words);
        let again = mo_migrate_tests::typed::typed(&shop, &said.suggested()[0]).ends(code);
        assert!(again.words.contains(why), "{}", again.words);
    }
    let slow = format!("{called} guard --time-limit 1s -- sleep 60");
    let said = mo_migrate_tests::typed::typed(&shop, &slow).ends(2);
    assert_eq!(said.suggested(), [slow.replace("1s", "2s")], "{}", said.words);
}

#[tokio::test]
async fn what_another_machine_guarded_is_left_to_a_person_who_looks_there() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let line = format!("{}; kill -9 $PPID; sleep 60", shop.shell(GOOD));
        let mut guard = Command::new(program("migrate_from_dir"));
        guard.current_dir(shop.folder()).env("DATABASE_URL", shop.address());
        let ended = guard.args(["guard", "--", "sh", "-c", &line]).output().unwrap();
        assert!(!ended.status.success());
        shop.in_ledger("UPDATE runs SET host = 'elsewhere' WHERE outcome IS NULL AND $THIS");
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NeedsPerson, "{error:?}");
        assert!(error.hint().unwrap().contains("elsewhere"), "{error:?}");
        let report = shop.migrator().retry(true).recover(shop.address()).await.unwrap().unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        shop.assert_dump(&before, "after the recovery");
    }
}

#[tokio::test]
async fn a_guard_needs_no_directory_of_migrations() {
    for place in engines() {
        let shop = shop(place).await;
        std::fs::remove_dir_all(shop.migrations()).unwrap();
        let report = import(&shop).command(shop.address(), sh(&shop.shell(GOOD))).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
    }
}

/// Whether a process of this run is alive.
fn is_anywhere(run: &str) -> bool {
    let wanted = format!("MO_MIGRATE_RUN={run}");
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).split('\0').any(|variable| variable == wanted)
    })
}

#[tokio::test]
async fn a_snapshot_is_kept_as_long_as_its_purpose_says() {
    let hours = |until: &str| {
        let until: jiff::Timestamp = until.parse().unwrap();
        (until.as_second() - jiff::Timestamp::now().as_second()) / 3600
    };
    for place in engines() {
        let shop = shop(place).await;
        for (purpose, expected) in [("import", 24), ("alembic", 7 * 24)] {
            let guard = shop.migrator().guard(purpose);
            let report = guard.command(shop.address(), ["true"]).await.unwrap();
            let until = report.snapshot.unwrap().delete_after.unwrap();
            assert!((expected - 1..=expected).contains(&hours(&until)), "{purpose}: {until}");
        }
        let migrator = shop.migrator().keep(Duration::from_hours(72));
        let report = migrator.guard("import").command(shop.address(), ["true"]).await.unwrap();
        assert!((71..=72).contains(&hours(&report.snapshot.unwrap().delete_after.unwrap())));
    }
}
