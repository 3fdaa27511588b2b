//! Hooks: who is told of a run, and what a hook can do to it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mo_migrate::Outcome;
use mo_migrate_tests::terminal::Terminal;
use mo_migrate_tests::{Fixture, Lasting, engines, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const INIT: &str =
    "CREATE TABLE products (id $KEY, name VARCHAR(100)); INSERT INTO products (name) VALUES ('a');";

/// The command in the shop's folder, with these hooks.
fn up(shop: &Fixture, hooks: &[&str], words: &[&str]) -> Output {
    command(shop, hooks, words).stdin(Stdio::null()).output().unwrap()
}

fn command(shop: &Fixture, hooks: &[&str], words: &[&str]) -> Command {
    let mut command = Command::new(program("migrate_from_dir"));
    command.current_dir(shop.folder()).env("DATABASE_URL", shop.address());
    command.env("MO_MIGRATE_WEBHOOK_SECRET", "s3cret");
    for hook in hooks {
        command.args(["--hook", hook]);
    }
    command.args(words);
    command
}

/// A line for the shell that writes down what it was told.
fn noted(moment: &str) -> String {
    format!(
        "{moment}=cat > told.{moment}.json; echo $MO_MIGRATE_MOMENT-$MO_MIGRATE_OUTCOME >> told"
    )
}

fn all() -> Vec<String> {
    ["before", "after", "failed", "restored", "needs_person"].map(noted).to_vec()
}

fn told(shop: &Fixture) -> String {
    std::fs::read_to_string(shop.folder().join("told")).unwrap_or_default()
}

fn json(shop: &Fixture, moment: &str) -> Value {
    let path = shop.folder().join(format!("told.{moment}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn each_moment_of_a_run_is_told() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let hooks = all();
        let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
        assert!(up(&shop, &hooks, &["up"]).status.success());
        assert_eq!(told(&shop), "before-\nafter-applied\n");
        assert_eq!(json(&shop, "after")["report"]["outcome"], "applied");
        assert_eq!(json(&shop, "before")["report"], Value::Null);
        // With nothing to do there is nothing to tell.
        assert!(up(&shop, &hooks, &["up"]).status.success());
        assert_eq!(told(&shop), "before-\nafter-applied\n");
        std::fs::remove_file(shop.folder().join("told")).unwrap();
        shop.file("2_bad.sql", "INSERT INTO products (name) VALUES ('b'); SELECT * FROM nowhere;");
        assert_eq!(up(&shop, &hooks, &["up", "--no-rehearse"]).status.code(), Some(2));
        let undone = shop.undone().as_str();
        // Who is paged by `failed` alone hears of what was rolled back too.
        assert_eq!(told(&shop), format!("before-\nfailed-\nrestored-{undone}\n"));
        let failed = json(&shop, "failed");
        assert_eq!(
            (&failed["outcome"], &failed["error"]["code"]),
            (&Value::Null, &"MM0201".into())
        );
        assert_eq!(json(&shop, "restored")["outcome"], undone);
        if shop.undone() == Outcome::RolledBack {
            continue;
        }
        // A rehearsal refuses the run after `before` was told: so is that it did not begin.
        std::fs::remove_file(shop.folder().join("told")).unwrap();
        assert_eq!(up(&shop, &hooks, &["up"]).status.code(), Some(5));
        assert_eq!(told(&shop), "before-\nrestored-refused\n");
    }
}

#[test]
fn a_hook_that_fails_before_a_run_stops_it_and_one_that_fails_after_it_is_reported() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let out = up(&shop, &["before=exit 3", "after=exit 4"], &["up", "--format", "json"]);
        assert_eq!(out.status.code(), Some(5), "{out:?}");
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(
            (&report["error"]["code"], &report["outcome"]),
            (&"MM0311".into(), &"refused".into())
        );
        assert!(shop.files_with("_verify").is_empty());
        let out = up(&shop, &["after=exit 4"], &["up", "--format", "json"]);
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report["outcome"], "applied");
        assert_eq!(report["hooks"][0]["problem"], "it exited with 4");
        assert!(String::from_utf8_lossy(&out.stderr).contains("it exited with 4"));
    }
}

#[test]
fn a_hook_that_hangs_is_ended_at_its_limit_and_changes_nothing() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let hang = ["--check-timeout", "1s", "up"];
        assert_eq!(up(&shop, &["before=sleep 600"], &hang).status.code(), Some(5));
        let began = Instant::now();
        assert_eq!(up(&shop, &["after=sleep 600"], &hang).status.code(), Some(0));
        assert!(began.elapsed() < Duration::from_mins(5));
    }
}

#[test]
fn a_hook_that_is_ended_is_ended_with_all_that_it_started() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let lasting = Lasting::new(&shop);
        let hook = format!("before={}; wait", lasting.line());
        let out = up(&shop, &[&hook], &["--check-timeout", "1s", "up"]);
        assert_eq!(out.status.code(), Some(5), "{place:?}: {out:?}");
        lasting.is_gone();
        // Ctrl-C comes to all that is in the group of the terminal.
        let terminal = Terminal::start(&command(&shop, &[&hook], &["up"]), 80);
        lasting.is_there();
        terminal.types("\x03");
        let left = terminal.ends();
        assert_eq!(left.code, 130, "{place:?}: {}", left.bytes);
        lasting.is_gone();
    }
}

/// It was waited for to its limit, and told that the run is undone.
#[test]
fn a_hook_that_hangs_after_a_run_is_ended_by_ctrl_c_and_the_run_is_kept() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let lasting = Lasting::new(&shop);
        let hook = format!("after={}; wait", lasting.line());
        let terminal = Terminal::start(&command(&shop, &[&hook], &["up"]), 80);
        lasting.is_there();
        terminal.types("\x03");
        let left = terminal.ends();
        assert_eq!(left.code, 0, "{place:?}: {}", left.bytes);
        assert!(left.bytes.contains("it was interrupted"), "{place:?}: {}", left.bytes);
        lasting.is_gone();
    }
}

/// Whoever ended the run here left its hook running.
#[test]
fn what_is_ended_twice_leaves_no_hook_running() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", "SELECT * FROM nowhere;");
        let lasting = Lasting::new(&shop);
        let hook = format!("failed={}; wait", lasting.line());
        let terminal = Terminal::start(&command(&shop, &[&hook], &["guard", "--", "false"]), 80);
        lasting.is_there();
        terminal.types("\x03");
        // By the first one the hook is ended, by the second one all.
        terminal.types("\x03");
        let left = terminal.ends();
        assert!(matches!(left.code, 2 | 3), "{place:?}: {} {}", left.code, left.bytes);
        lasting.is_gone();
        let mut recover = command(&shop, &[], &["recover"]);
        assert_eq!(recover.output().unwrap().status.code(), Some(0), "{place:?}");
    }
}

/// It may be the application.
#[test]
fn what_a_hook_that_ends_by_itself_has_started_lives_on() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        // More words than the hook's input takes while nobody reads it, though somebody has it open.
        let check =
            |number| format!("-- check: {number}{}\nSELECT 1 WHERE 1 = 0;\n", "é".repeat(400));
        shop.file("1_init.check.sql", &(0..100).map(check).collect::<String>());
        let lasting = Lasting::new(&shop);
        let line = format!("exec 3<&0; {}", lasting.line());
        for (hook, code) in [(format!("before={line}; exit 3"), 5), (format!("after={line}"), 0)] {
            let out = up(&shop, &[&hook], &["--check-timeout", "20s", "up", "--format", "json"]);
            assert_eq!(out.status.code(), Some(code), "{place:?}: {out:?}");
            lasting.lives_on();
            let report: Value = serde_json::from_slice(&out.stdout).unwrap();
            let problem = if code == 0 { Value::Null } else { "it exited with 3".into() };
            assert_eq!(report["hooks"][0]["problem"], problem, "{place:?}");
        }
    }
}

/// It may have stopped the application before it was interrupted.
#[test]
fn who_was_being_told_that_a_run_begins_when_it_was_interrupted_is_told_that_it_did_not() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        let lasting = Lasting::new(&shop);
        let before = format!("before={}; wait", lasting.line());
        let mut hooks = all();
        hooks[0] = before;
        // One that was not begun is not told at all.
        hooks.push(noted("before"));
        let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
        let mut run = command(&shop, &hooks, &["up", "--format", "json"]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        lasting.is_there();
        kill_process(Pid::from_child(&run), Signal::INT).unwrap();
        let out = run.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(130), "{place:?}: {out:?}");
        assert_eq!(told(&shop), "restored-refused\n", "{place:?}");
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report["hooks"][0]["problem"], "it was interrupted", "{place:?}: {report:#}");
    }
}

#[test]
fn a_person_is_told_of_a_ledger_that_is_gone() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_init.sql", INIT);
        assert!(up(&shop, &[], &["up"]).status.success());
        shop.file("2_more.sql", "INSERT INTO products (name) VALUES ('b');");
        shop.file("2_more.check.sql", "-- check(after): never\n-- command: kill -9 $PPID");
        let _ = up(&shop, &[], &["up"]);
        shop.hide_ledger();
        let hooks = all();
        let hooks: Vec<&str> = hooks.iter().map(String::as_str).collect();
        assert_eq!(up(&shop, &hooks, &["up"]).status.code(), Some(3));
        assert_eq!(told(&shop), "needs_person-needs_person\n");
        shop.show_ledger();
    }
}

#[test]
fn a_hook_of_no_known_moment_is_refused_without_its_words() {
    let shop = Fixture::new(engines()[0]);
    let out = up(&shop, &["after_all=https://host/s3cret"], &["up"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(64), "{said}");
    assert!(said.contains("needs_person") && !said.contains("s3cret"), "{said}");
}

/// Answers requests with these codes, one after the other; gives what was sent.
fn server(codes: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/s3cret-path", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut sent = Vec::new();
        for code in codes {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                text.extend_from_slice(&buffer[..read]);
                let so_far = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase();
                let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
                if read == 0 || length.is_none_or(|n| body.len() >= n.parse().unwrap()) {
                    break;
                }
            }
            write!(stream, "HTTP/1.1 {code} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            sent.push(String::from_utf8_lossy(&text).into_owned());
        }
        sent
    });
    (address, served)
}

#[test]
fn a_webhook_is_signed_tried_again_and_shown_by_its_host_alone() {
    let shop = Fixture::new(engines()[0]);
    shop.file("1_init.sql", INIT);
    let (address, served) = server(&[503, 200]);
    let out = up(&shop, &[&format!("after={address}")], &["up", "--format", "json"]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let sent = served.join().unwrap();
    let header = |text: &str, name: &str| {
        let lower = text.to_lowercase();
        lower
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")).map(ToOwned::to_owned))
    };
    assert_eq!(header(&sent[0], "webhook-id"), header(&sent[1], "webhook-id"));
    assert!(header(&sent[1], "webhook-signature").unwrap().starts_with("v1,"));
    let body = sent[1].split_once("\r\n\r\n").unwrap().1;
    let notice: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&notice["moment"], &notice["outcome"]), (&"after".into(), &"applied".into()));
    let all =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(!all.contains("s3cret"), "{all}");
    assert!(all.contains("http://127.0.0.1:"), "{all}");
}

/// It was said by then that nobody could be told.
#[test]
fn a_webhook_that_was_given_up_is_not_tried_again() {
    let shop = Fixture::new(engines()[0]);
    shop.file("1_init.sql", INIT);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("before=http://{}", listener.local_addr().unwrap());
    let mut run = command(&shop, &[&hook], &["--check-timeout", "1s", "up"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("longer than 1s") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it was never given up");
    }
    write!(stream, "HTTP/1.1 503 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    drop(stream);
    assert_eq!(run.wait().unwrap().code(), Some(5));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it was tried again");
}
