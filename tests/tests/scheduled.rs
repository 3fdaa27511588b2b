//! `snapshot schedule`: a process that makes snapshots, and what timers of the system are given.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Stdio};

use mo_migrate_tests::typed::{in_shop, migrate};
use mo_migrate_tests::{Fixture, Place, Small, engines, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file(
        "1_products.sql",
        "CREATE TABLE products (id $KEY); INSERT INTO products VALUES (1);",
    );
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

/// A schedule that goes on.
struct Schedule {
    child: Child,
    lines: BufReader<ChildStderr>,
    said: String,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // Where a test failed it would go on for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Schedule {
    fn start(shop: &Fixture, words: &[&str]) -> Self {
        let mut command = in_shop(shop, program("migrate_from_dir"));
        command.args(["snapshot", "schedule", "--format", "json"]).args(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines, said: String::new() }
    }

    /// The next line with these words in it.
    #[track_caller]
    fn says(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "it never said `{words}`: {}", self.said);
            self.said.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// What it answers when it is asked to end.
    fn end(mut self, signal: Signal) -> Value {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let output = self.child.stdout.take().unwrap();
        std::io::copy(&mut self.lines, &mut std::io::sink()).unwrap();
        let document = serde_json::from_reader(output).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.said);
        document
    }
}

async fn purposes(shop: &Fixture, purpose: &str) -> usize {
    let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
    lines.iter().filter(|line| line.purpose.as_deref() == Some(purpose) && !line.gone).count()
}

#[tokio::test]
async fn a_schedule_makes_snapshots_deletes_what_is_over_its_time_and_ends_with_a_signal() {
    for (place, signal) in engines().into_iter().zip([Signal::TERM, Signal::INT]) {
        let shop = shop(place).await;
        let words = ["--cron", "* * * * * *", "--purpose", "ticks", "--keep", "7d, ticks=1s"];
        let mut schedule = Schedule::start(&shop, &words);
        schedule.says("the next snapshot is due at");
        let made = schedule.says("made `ticks_");
        assert!(made.contains("kept until"), "{made}");
        schedule.says("made `ticks_");
        let deleted = schedule.says("deleted `ticks_");
        let name = deleted.split('`').nth(1).unwrap();
        assert!(schedule.said.contains(&format!("made `{name}`")), "{}", schedule.said);
        let document = schedule.end(signal);
        assert!(document["made"].as_array().unwrap().len() >= 2, "{document}");
        assert_eq!(document["failed"], 0);
        assert_eq!(purposes(&shop, "pre_upgrade").await, 1, "{place:?}: others' are left alone");
        assert!(shop.files_with(".partial").is_empty(), "{place:?}");
    }
}

#[tokio::test]
async fn a_snapshot_of_a_schedule_that_fails_is_told_and_the_next_one_is_made() {
    for place in engines() {
        let shop = shop(place).await;
        let told = shop.folder().join("told.json");
        let hook = format!("snapshot_failed=cat > {}", told.display());
        let words = [
            "--cron",
            "* * * * * *",
            "--lock-timeout",
            "1s",
            "--hook",
            &hook,
            "--purpose",
            "ticks",
        ];
        let mut schedule = None;
        let busy = shop.migrator().guard("other");
        let during = async || {
            let mut started = Schedule::start(&shop, &words);
            let line = started.says("failed: ");
            assert!(line.contains("MM0401"), "{line}");
            schedule = Some(started);
            Ok::<(), std::io::Error>(())
        };
        busy.around(shop.address(), during).await.unwrap();
        let mut schedule = schedule.unwrap();
        schedule.says("made `ticks_");
        let document = schedule.end(Signal::TERM);
        assert!(document["failed"].as_u64().unwrap() >= 1, "{document}");
        let notice: Value = serde_json::from_slice(&std::fs::read(told).unwrap()).unwrap();
        assert_eq!(notice["moment"], "snapshot_failed");
        assert_eq!(notice["error"]["code"], "MM0401", "{notice:#}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_fails_a_snapshot_of_a_schedule_and_ends_nothing() {
    for place in engines().into_iter().filter(|place| place.is_sqlite()) {
        let Some(small) = Small::of(16 << 20) else { return };
        let shop = Fixture::within(place, small.path());
        shop.sql("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(2000000))");
        let _ = migrate(&shop, "snapshot create --purpose ticks --keep 30d").ends(0);
        small.leave(100_000);
        let mut schedule = Schedule::start(
            &shop,
            &["--cron", "* * * * * *", "--purpose", "ticks", "--keep", "0s"],
        );
        let line = schedule.says("failed: ");
        assert!(line.contains("room"), "{line}");
        small.make_room();
        schedule.says("made `ticks_");
        schedule.end(Signal::TERM);
        shop.assert_sound();
        assert!(shop.files_with(".partial").is_empty(), "nothing is left of what failed");
    }
}

#[tokio::test]
async fn a_time_that_was_missed_is_made_up_for_once() {
    for place in engines() {
        let shop = shop(place).await;
        let _ = migrate(&shop, "snapshot create --purpose daily_backup").ends(0);
        shop.in_ledger("UPDATE snapshots SET created_at = created_at - 400000000 WHERE $THIS AND purpose = 'daily_backup'");
        let mut schedule = Schedule::start(&shop, &["--daily", "02:00"]);
        schedule.says("was missed");
        schedule.says("made `daily_backup_");
        schedule.says("the next snapshot is due at");
        let document = schedule.end(Signal::TERM);
        assert_eq!(document["made"].as_array().unwrap().len(), 1, "{document}");
        assert_eq!(purposes(&shop, "daily_backup").await, 2, "{place:?}");
        // Who starts it again now has missed nothing.
        let mut schedule = Schedule::start(&shop, &["--daily", "02:00"]);
        schedule.says("the next snapshot is due at");
        assert_eq!(schedule.end(Signal::INT)["made"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn a_timer_to_copy_has_all_that_it_needs_and_no_secret() {
    for place in engines() {
        let shop = shop(place).await;
        let secret =
            place.by("sqlite:shop.db?mode=rwc", "matrixone://root:s3cret@127.0.0.1:1/shop");
        let printed = |words: &[&str]| {
            let mut command = in_shop(&shop, program("migrate_from_dir"));
            command.env("DATABASE_URL", secret).args(["snapshot", "schedule"]).args(words);
            let output = command.output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            assert!(!format!("{text}{err}").contains("s3cret"), "{text}{err}");
            (output.status.code(), text, err)
        };
        let folder = shop.folder().canonicalize().unwrap().display().to_string();
        let keep = ["--daily", "02:00", "--keep", "14d", "--print"];
        let (code, cron, _) = printed(&[&keep[..], &["cron"]].concat());
        assert_eq!(code, Some(0), "{cron}");
        let line = cron.lines().last().unwrap();
        assert!(line.starts_with(&format!("0 2 * * * cd {folder} && /")), "{line}");
        for words in [
            "snapshot create --purpose daily_backup --keep daily_backup=14d && /",
            "snapshot prune --purpose daily_backup --yes",
        ] {
            assert!(line.contains(words), "{words}: {line}");
        }
        let (code, unit, _) = printed(&["--cron", "0 2 * * 1-5", "--print", "systemd"]);
        assert_eq!(code, Some(0), "{unit}");
        for words in [
            "OnCalendar=Mon..Fri *-*-* 02:00:00 UTC",
            "Persistent=true",
            "snapshot create --purpose scheduled_backup --keep scheduled_backup=7d",
            "EnvironmentFile=",
        ] {
            assert!(unit.contains(words), "{words}: {unit}");
        }
        let (code, _, err) = printed(&["--cron", "0 2 1 * 1", "--print", "systemd"]);
        assert_eq!(code, Some(64), "{err}");
        assert!(err.contains("--print cron"), "{err}");

        // What it runs is run, as a crontab runs it.
        let words = line.split_once("* * * ").unwrap().1;
        let ran = in_shop(&shop, "sh").args(["-c", words]).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert_eq!(purposes(&shop, "daily_backup").await, 1, "{place:?}");
    }
}

#[tokio::test]
async fn a_schedule_that_is_none_is_refused_with_what_is() {
    let shop = Fixture::new(engines()[0]);
    for words in [
        "",
        "--daily 2:00",
        "--cron soon",
        "--hourly --daily 02:00",
        "--hourly --purpose failed",
        "--hourly --print windows",
    ] {
        let _ = migrate(&shop, &format!("snapshot schedule {words}")).ends(64);
    }
}

#[tokio::test]
async fn a_schedule_of_what_is_not_there_is_refused_by_day_and_not_at_night() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.remove_database();
        let said = migrate(&shop, "snapshot schedule --daily 02:00").ends(66);
        assert!(said.words.contains("MM0603"), "{}", said.words);
        if place.is_sqlite() {
            shop.sql("CREATE TABLE t (x)");
            let said = migrate(&shop, "snapshot schedule --daily 02:00 --level account").ends(5);
            assert!(said.words.contains("a file has no account"), "{}", said.words);
        }
    }
}

#[tokio::test]
async fn a_snapshot_of_others_is_listed_and_never_deleted() {
    for place in engines() {
        let shop = shop(place).await;
        let name = format!("theirs_{}", shop.database());
        if place.is_sqlite() {
            let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
            std::fs::copy(shop.snapshot(&lines[0].name), shop.snapshot(&name)).unwrap();
        } else {
            shop.sql(&format!("CREATE SNAPSHOT {name} FOR DATABASE {}", shop.database()));
        }
        let listed = migrate(&shop, "snapshot list").ends(0).words;
        let line = listed.lines().find(|line| line.contains(&name)).unwrap();
        assert!(line.contains("by others"), "{line}");
        shop.in_ledger("UPDATE snapshots SET delete_after = 5 WHERE $THIS");
        let _ = migrate(&shop, "snapshot create").ends(0);
        let _ = migrate(&shop, "snapshot prune --yes").ends(0);
        let said = migrate(&shop, &format!("snapshot delete {name} --yes")).ends(5);
        assert!(said.words.contains("was not made by mo-migrate"), "{}", said.words);
        let listed = migrate(&shop, "snapshot list").ends(0).words;
        assert!(listed.contains(&name), "{listed}");
        assert_eq!(purposes(&shop, "pre_upgrade").await, 0, "{place:?}: ours is over its time");
        if !place.is_sqlite() {
            shop.sql(&format!("DROP SNAPSHOT {name}"));
        }
    }
}

#[tokio::test]
async fn what_a_snapshot_is_for_is_in_the_ledger_and_shown() {
    for place in engines() {
        let shop = shop(place).await;
        let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
        let ours = lines.iter().find(|line| line.purpose.is_some()).unwrap();
        assert!(ours.name.starts_with("pre_upgrade_v1_"), "{}", ours.name);
        let words = format!("snapshot show {}", ours.name);
        let text = migrate(&shop, &words).ends(0).words;
        for label in
            ["purpose  pre_upgrade", "version  0 → 1", "made at", "made by", "kept     until 2"]
        {
            assert!(text.contains(label), "{label}: {text}");
        }
        let mut command = in_shop(&shop, program("migrate_from_dir"));
        let output = command.args(words.split(' ')).args(["--format", "json"]).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&document["version_target"], &document["pinned"]), (&1.into(), &false.into()));
        for key in ["purpose", "created_by", "created_at", "delete_after", "run", "level"] {
            assert!(document[key].is_string(), "{key}: {document}");
        }
    }
}

#[tokio::test]
async fn prune_never_takes_the_last_way_back() {
    for place in engines() {
        let shop = shop(place).await;
        let over = "UPDATE snapshots SET delete_after = 5 WHERE $THIS";
        shop.in_ledger(over);
        let nothing = migrate(&shop, "snapshot prune --yes").ends(0);
        assert!(nothing.words.starts_with("nothing to delete"), "{}", nothing.words);
        let _ = migrate(&shop, "restore --yes").ends(0);
        let _ = migrate(&shop, "up").ends(0);
        let _ = migrate(&shop, "snapshot create --purpose nightly").ends(0);
        shop.in_ledger(over);
        let _ = migrate(&shop, "snapshot prune --purpose nightly --yes").ends(0);
        assert_eq!(purposes(&shop, "nightly").await, 1, "{place:?}: it is the newest");
        let asked = migrate(&shop, "snapshot prune").ends(5);
        assert!(asked.words.contains("pre_upgrade_v1_"), "{}", asked.words);
        let _ = migrate(&shop, "snapshot prune --yes").ends(0);
        assert_eq!(purposes(&shop, "pre_upgrade").await, 0, "{place:?}");
        assert_eq!(purposes(&shop, "nightly").await, 1, "{place:?}");
        // A hand may.
        let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
        let name =
            &lines.iter().find(|line| line.purpose.as_deref() == Some("nightly")).unwrap().name;
        let _ = migrate(&shop, &format!("snapshot delete {name} --yes")).ends(0);
    }
}
