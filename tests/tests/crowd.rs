//! Many applications that start at once on one database: one of them runs, all the others get its
//! result, and nobody hears it before the run is judged.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, Place, engines};

const INIT: &str =
    "CREATE TABLE products (id $KEY, name TEXT); INSERT INTO products (name) VALUES ('a');";

/// Longer than a start may wait for the lock by default, with the run that it waits for.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

fn start_set(shop: &Fixture, directory: &Path, set: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_starter"))
        .args([&shop.address(), directory.to_str().unwrap(), set])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn start(shop: &Fixture) -> Child {
    start_set(shop, &shop.migrations(), "main")
}

/// What each said in the end; one that does not end is killed, and fails the test.
fn answers(children: Vec<Child>) -> Vec<String> {
    let until = Instant::now() + ENDS_WITHIN;
    let mut answers = Vec::new();
    let mut hangs = 0;
    for mut child in children {
        while child.try_wait().unwrap().is_none() {
            if Instant::now() >= until {
                child.kill().unwrap();
                hangs += 1;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let out = child.wait_with_output().unwrap();
        answers.push(String::from_utf8(out.stdout).unwrap().trim().to_owned());
    }
    assert_eq!(hangs, 0, "of {answers:?}");
    answers
}

/// One said this, and all the others that.
#[track_caller]
fn one_and_others(answers: &[String], one: &str, others: &str, what: &str) {
    let count = |wanted: &str| answers.iter().filter(|answer| *answer == wanted).count();
    let expected = (1, answers.len() - 1);
    assert_eq!((count(one), count(others)), expected, "{what}: {answers:?}");
}

/// A shop whose one run is judged after some seconds, with `end` as the end of what judges it.
fn shop(place: Place, seconds: u8, end: &str) -> Fixture {
    let shop = Fixture::new(place);
    let judged = shop.folder().join("judged");
    shop.file("1_init.sql", INIT).file(
        "1_init.check.sql",
        &format!(
            "-- check(after): takes its time\n-- command: sleep {seconds}; touch '{}'{end}",
            judged.display()
        ),
    );
    shop
}

const GOOD: [&str; 2] = ["applied, judged", "up_to_date, judged"];

/// The others are told why it failed, and don't try it again.
const BAD: [&str; 2] = ["restored MM0204, judged", "refused MM0307, judged"];

#[tokio::test]
async fn of_two_eight_and_thirty_two_starters_one_applies_and_the_others_hear_of_it_once_it_is_judged()
 {
    for place in engines() {
        for starters in [2, 8, 32] {
            let shop = shop(place, 2, "");
            let said = answers((0..starters).map(|_| start(&shop)).collect());
            one_and_others(&said, GOOD[0], GOOD[1], &format!("{place:?}"));
            assert_eq!(shop.sql("SELECT count(*) FROM products"), "1\n", "{place:?}");
            assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 1, "{place:?}");
        }
    }
}

#[tokio::test]
async fn of_two_eight_and_thirty_two_starters_one_fails_and_the_others_get_its_error() {
    for place in engines() {
        for starters in [2, 8, 32] {
            let shop = shop(place, 2, "; exit 1");
            let before = shop.dump();
            let said = answers((0..starters).map(|_| start(&shop)).collect());
            one_and_others(&said, BAD[0], BAD[1], &format!("{place:?}"));
            shop.assert_dump(&before, "put back");
            assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 1, "{place:?}");
        }
    }
}

#[tokio::test]
async fn starters_that_keep_coming_while_a_run_goes_on_get_its_result() {
    for place in engines() {
        for (end, [one, others]) in [("", GOOD), ("; exit 1", BAD)] {
            let shop = shop(place, 4, end);
            let mut children = vec![start(&shop)];
            while children[0].try_wait().unwrap().is_none() && children.len() < 60 {
                std::thread::sleep(Duration::from_millis(100));
                children.push(start(&shop));
            }
            children.extend((0..3).map(|_| start(&shop)));
            let said = answers(children);
            assert!(said.len() > 10, "{place:?}: {said:?}");
            one_and_others(&said, one, others, &format!("{place:?}"));
            assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 1, "{place:?}");
        }
    }
}

/// A second set for the same database, in a directory of its own.
fn blog(shop: &Fixture, sql: &str) -> std::path::PathBuf {
    let directory = shop.folder().join("blog");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("1_posts.sql"), shop.place().words(sql)).unwrap();
    directory
}

#[tokio::test]
async fn two_sets_that_start_at_once_leave_each_other_alone_though_one_fails() {
    for place in engines() {
        for round in 0..3 {
            let shop = shop(place, 1, "");
            let bad = "-- mo-migrate: no-transaction\nCREATE TABLE posts (id $KEY); INSERT INTO posts VALUES (1); SELECT * FROM nowhere;";
            let directory = blog(&shop, bad);
            let mut children = Vec::new();
            for at in 0..6 {
                let ours = at % 2 == round % 2;
                children.push(if ours {
                    start(&shop)
                } else {
                    start_set(&shop, &directory, "blog")
                });
            }
            let said = answers(children);
            let (ours, theirs): (Vec<_>, Vec<_>) =
                said.into_iter().enumerate().partition(|(at, _)| at % 2 == round % 2);
            let words = |said: Vec<(usize, String)>| -> Vec<String> {
                // Which of the two runs is judged first is chance.
                let only = |word: &String| word.split(',').next().unwrap_or_default().to_owned();
                said.iter().map(|(_, word)| only(word)).collect()
            };
            let what = format!("{place:?}, round {round}");
            one_and_others(&words(ours), "applied", "up_to_date", &what);
            one_and_others(&words(theirs), "restored MM0201", "refused MM0307", &what);
            assert_eq!(shop.sql("SELECT count(*) FROM products"), "1\n", "{what}");
            assert!(shop.try_sql("SELECT * FROM posts").is_err(), "{what}");
            let rows = "SELECT set_name, version, state FROM mo_migrate_history WHERE kind = 'sql'";
            assert_eq!(shop.sql(rows), "main|1|kept\n", "{what}");
            assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 2, "{what}");
        }
    }
}

#[tokio::test]
async fn a_set_that_failed_is_not_tried_again_because_another_set_ran_since() {
    for place in engines() {
        let shop = Fixture::new(place);
        let directory = blog(&shop, "SELECT * FROM nowhere;");
        let blog = mo_migrate::Migrator::from_dir(&directory).set_name("blog");
        assert!(blog.run(shop.address()).await.unwrap_err().is_undone());
        shop.file("1_init.sql", INIT);
        assert_eq!(shop.migrator().run(shop.address()).await.unwrap().outcome, Outcome::Applied);
        let error = blog.run(shop.address()).await.unwrap_err();
        assert_eq!(error.code(), Code::RetryLater, "{place:?}: {error:?}");
    }
}
