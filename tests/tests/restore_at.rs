//! `restore --at`: back to a moment that is in no snapshot, where the engine has a past.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mo_migrate::{Fate, Migrator, Outcome, Whose, error::Code};
use mo_migrate_tests::typed::{Said, in_shop, migrate};
use mo_migrate_tests::{Fixture, Place, engines, program, server};

const SHOP: &str = "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(40));
INSERT INTO products VALUES (1, 'Laptop'), (2, 'Mouse'), (3, 'Keyboard');
CREATE TABLE orders (id INT PRIMARY KEY, product INT, FOREIGN KEY (product) REFERENCES products (id));
INSERT INTO orders VALUES (1, 1), (2, 2);
CREATE TABLE bare (n INT, t TEXT); INSERT INTO bare VALUES (1, 'x'), (1, 'x');
CREATE VIEW names AS SELECT name FROM products;";

/// What somebody does by hand, and regrets.
const BY_HAND: &str = "DELETE FROM orders; UPDATE products SET name = 'x'; DROP VIEW names; DROP TABLE bare;
ALTER TABLE products ADD COLUMN price INT; CREATE TABLE tags (id INT PRIMARY KEY); INSERT INTO tags VALUES (1);";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_shop.sql", SHOP);
    migrator(&shop).run(shop.address()).await.unwrap();
    shop
}

fn migrator(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

fn servers() -> Vec<Place> {
    engines().into_iter().filter(|place| !place.is_sqlite()).collect()
}

/// A moment of the server's clock, with all before it behind it and nothing of what follows.
fn moment() -> SystemTime {
    let sql = "SELECT timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))";
    let now = || -> u64 { server::sql("", sql).trim().parse().unwrap() };
    let at = now() + 1;
    while now() <= at {}
    UNIX_EPOCH + Duration::from_micros(at)
}

fn typed(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap().to_string()
}

#[tokio::test]
async fn the_database_comes_back_as_it_was_at_a_moment_that_is_in_no_snapshot() {
    for place in servers() {
        let shop = shop(place).await;
        let (before, at) = (shop.dump(), moment());
        shop.sql(BY_HAND);
        let preview = migrator(&shop).restore_at_preview(shop.address(), at, &[]).await.unwrap();
        assert!(preview.of_a_moment && preview.runs.is_empty(), "{preview:?}");
        let fates: Vec<_> = preview.changes.iter().map(|t| (t.name.as_str(), t.fate)).collect();
        assert_eq!(
            fates,
            [
                ("bare", Fate::Returns),
                ("orders", Fate::ComesBack),
                ("products", Fate::Remade),
                ("tags", Fate::Goes),
            ]
        );
        assert!(preview.told_apart, "no run has written since");
        assert!(preview.writes.iter().all(|table| table.whose == Whose::Others), "{preview:?}");
        let report = migrator(&shop).restore_at(shop.address(), at, &[]).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Restored, Some(1)));
        let restore = report.restore.unwrap();
        assert_eq!(restore.proof, "contents");
        shop.assert_dump(&before, "back at the moment");
        assert_eq!(shop.files_with("_verify"), [""; 0]);
        // What was there is kept, the run is closed, and nothing else is left of the moment.
        let failed = restore.failed_state.unwrap();
        assert_eq!(shop.sql_in(&failed, "SELECT count(*) FROM {tags}"), "1\n");
        let left =
            shop.in_ledger("SELECT count(*) FROM snapshots WHERE $THIS AND purpose = 'moment'");
        assert_eq!(left, "0\n");
        let again = migrator(&shop).run(shop.address()).await.unwrap();
        assert_eq!(again.outcome, Outcome::UpToDate);
        let _ = migrate(&shop, &format!("report {}", report.run.unwrap())).ends(0);
    }
}

#[tokio::test]
async fn a_run_since_goes_back_with_its_history_and_can_be_run_again() {
    for place in servers() {
        let shop = shop(place).await;
        let (before, at) = (shop.dump(), moment());
        shop.file("2_change.sql", "UPDATE products SET name = 'y' WHERE id = 1;");
        let run = migrator(&shop).run(shop.address()).await.unwrap().run.unwrap();
        shop.sql("INSERT INTO bare VALUES (9, 'theirs')");
        let words = format!("restore --at {} --dry-run", typed(at));
        let said = migrate(&shop, &words).ends(0);
        for part in
            ["a moment of the past", "in UTC", &run, "what others did and is undone", "1 row added"]
        {
            assert!(said.words.contains(part), "{part}: {}", said.words);
        }
        let asked = migrate(&shop, &format!("restore --at {}", typed(at))).ends(5);
        let hint = asked.line("hint:");
        assert!(hint.contains(&format!("restore --at {} --yes", typed(at))), "{hint}");
        let _ = migrate(&shop, &format!("restore --at {} --yes", typed(at))).ends(0);
        shop.assert_dump(&before, "back before the second run");
        let again = migrator(&shop).run(shop.address()).await.unwrap();
        assert_eq!((again.outcome, again.to), (Outcome::Applied, Some(2)));
    }
}

#[tokio::test]
async fn single_tables_come_back_from_a_moment_and_all_else_stays() {
    for place in servers() {
        let shop = shop(place).await;
        let at = moment();
        shop.sql("DELETE FROM orders; UPDATE products SET name = 'x'");
        let words = format!("restore --at {} --tables orders --yes", typed(at));
        let _ = migrate(&shop, &words).ends(0);
        assert_eq!(shop.sql("SELECT id FROM orders ORDER BY id"), "1\n2\n");
        assert_eq!(shop.sql("SELECT DISTINCT name FROM products"), "x\n");
        let _ = migrate(&shop, "status --exit-code").ends(0);
        let said = migrate(&shop, &words.replace("orders", "order")).ends(66);
        assert!(said.words.contains("`orders`"), "{}", said.words);
    }
}

#[tokio::test]
async fn without_a_past_the_snapshots_around_the_moment_are_named() {
    for place in engines().into_iter().filter(|place| place.is_sqlite()) {
        let shop = shop(place).await;
        let first = migrator(&shop).snapshot_list(shop.address()).await.unwrap().remove(0);
        std::thread::sleep(Duration::from_millis(5));
        let at = SystemTime::now();
        std::thread::sleep(Duration::from_millis(5));
        let second = migrator(&shop).snapshot_create(shop.address(), "manual").await.unwrap();
        let before = shop.dump();
        for words in ["", " --dry-run", " --yes"] {
            let said = migrate(&shop, &format!("restore --at {}{words}", typed(at))).ends(5);
            assert!(said.words.contains("MM0511"), "{}", said.words);
            let after = |part: &str| said.words.split(part).nth(1).unwrap().lines().next().unwrap();
            assert!(after("snapshots before it").contains(&first.name), "{}", said.words);
            assert!(after("snapshots after it").contains(&second.name), "{}", said.words);
            assert!(
                said.line("hint:").contains(&format!("restore {}", first.name)),
                "{}",
                said.words
            );
        }
        shop.assert_dump(&before, "refused");
    }
}

#[tokio::test]
async fn a_moment_that_is_to_come_or_is_none_is_refused() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let said = migrate(&shop, "restore --at 2199-01-01T00:00:00Z --yes").ends(5);
        assert!(said.words.contains("is still to come"), "{}", said.words);
        for words in ["yesterday", "2026-11-22", ""] {
            let mut command = in_shop(&shop, program("migrate_from_dir"));
            command.args(["restore", "--yes", "--at", words]);
            let said = Said::of(&command.output().unwrap()).ends(64);
            assert!(said.words.contains("is not a moment"), "{}", said.words);
        }
        let _ = migrate(&shop, "restore run_1 --at 2026-11-22T00:00:00Z --yes").ends(64);
        shop.assert_dump(&before, "refused");
    }
}

#[tokio::test]
async fn a_moment_that_the_server_has_no_more_is_refused_with_what_it_has() {
    for place in servers() {
        let shop = Fixture::new(place);
        let early = moment();
        shop.file("1_shop.sql", SHOP);
        migrator(&shop).run(shop.address()).await.unwrap();
        let before = shop.dump();
        let old = SystemTime::now() - Duration::from_hours(30);
        let said = migrate(&shop, &format!("restore --at {} --yes", typed(old))).ends(5);
        assert!(said.words.contains("it can be read from 20"), "{}", said.words);
        assert!(said.words.contains("snapshots after it"), "{}", said.words);
        let error = migrator(&shop).restore_at(shop.address(), early, &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::NoMoment, "{error:?}");
        assert!(error.message().contains("had nothing in it"), "{error:?}");
        shop.assert_dump(&before, "refused");
    }
}

/// A server that is younger than what its collector keeps says that it has the moment, and then that its own
/// catalogue is not there.
#[tokio::test]
async fn a_moment_before_the_database_or_the_server_was_there_is_no_error_of_the_server() {
    for place in servers() {
        let shop = shop(place).await;
        for minutes in [20, 40, 55] {
            let at = moment() - Duration::from_mins(minutes);
            let shown = migrator(&shop).restore_at_preview(shop.address(), at, &[]).await;
            let error = shown.unwrap_err();
            assert_eq!(error.code(), Code::NoMoment, "{minutes}: {error}");
            assert!(error.hint().is_some(), "{minutes}: {error}");
        }
    }
}

#[tokio::test]
async fn a_moment_in_the_midst_of_a_run_is_refused() {
    for place in servers() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.sql("INSERT INTO mo_migrate_history VALUES ('marker', 'main', 0, '', 'open', '', 'run_9', 0, 0, 'me', '{\"run\":\"run_9\",\"set\":\"main\",\"snapshot\":\"s9\",\"ring\":2,\"since\":0}')");
        let at = moment();
        shop.sql("DELETE FROM mo_migrate_history WHERE kind = 'marker'");
        let said = migrate(&shop, &format!("restore --at {} --yes", typed(at))).ends(5);
        assert!(said.words.contains("run run_9 was at work"), "{}", said.words);
        assert!(said.line("hint:").contains("restore s9"), "{}", said.words);
        shop.assert_dump(&before, "refused");
    }
}

/// What died before its commit is closed, for the moment may be gone by then; what died after it is
/// finished.
#[tokio::test]
async fn a_restore_to_a_moment_that_is_killed_anywhere_is_closed_or_finished_by_the_next_start() {
    for place in servers() {
        let shop = shop(place).await;
        let (then, at) = (shop.dump(), moment());
        shop.sql("DELETE FROM orders; INSERT INTO bare VALUES (2, 'y')");
        let now = shop.dump();
        let words = ["restore", "--yes", "--at", &typed(at)].map(ToOwned::to_owned);
        let with = |name: &str, value: &str| {
            let mut command = in_shop(&shop, program("migrate_from_dir"));
            Said::of(&command.args(&words).env(name, value).output().unwrap())
        };
        let log = shop.folder().join("reached");
        let _ = with("MO_MIGRATE_FAULT_LOG", log.to_str().unwrap()).ends(0);
        shop.assert_dump(&then, "back");
        let reached = std::fs::read_to_string(&log).unwrap();
        let points: BTreeSet<&str> =
            reached.lines().filter(|point| !point.contains("ledger")).collect();
        assert!(points.contains("after-restore") && points.len() > 10, "{points:?}");
        for point in points {
            shop.sql("DELETE FROM orders; DELETE FROM bare WHERE n = 2; INSERT INTO bare VALUES (2, 'y')");
            let said = with("MO_MIGRATE_FAULT", &format!("{point}=kill"));
            assert_eq!(said.code, -1, "{point}: {}", said.words);
            let _ = migrate(&shop, "status").ends(0);
            let said = migrate(&shop, "up").ends(0);
            let _ = migrate(&shop, "status --exit-code").ends(0);
            let committed = shop.sql("SELECT count(*) FROM orders") == "2\n";
            shop.assert_dump(if committed { &then } else { &now }, point);
            assert_eq!(shop.files_with("_verify"), [""; 0], "{point}: {}", said.words);
            let open = "SELECT count(*) FROM runs WHERE $THIS AND outcome IS NULL";
            assert_eq!(shop.in_ledger(open), "0\n", "{point}");
        }
    }
}
