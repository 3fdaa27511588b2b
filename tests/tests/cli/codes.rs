//! What a command ends with.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use crate::shop::{PRODUCTS, PROGRAM, Ran, Shop};

/// A run that waits in a check after its commit, until it is ended.
struct Waiting {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
}

impl Waiting {
    /// Starts it, and returns when the check is on its way.
    fn start(shop: &Shop) -> Self {
        let mut command = shop.command();
        let mut child = command
            .args(["up", "--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("✓ commit") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it committed");
        }
        while !shop.path("checking").exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it checked");
            std::thread::yield_now();
        }
        Self { child, lines }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Returns when a line with these words is written.
    fn says(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it never said `{words}`");
        }
    }

    /// Its code, after one document, however it ended.
    fn end(mut self) -> i32 {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut rest).unwrap();
        let document: serde_json::Value =
            serde_json::from_reader(self.child.stdout.take().unwrap()).unwrap();
        assert_eq!(document["error"]["code"], "MM0208", "{document:#}");
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A shop whose next run waits in a check.
fn slow() -> Shop {
    let shop = Shop::open();
    shop.write("2_more.sql", "INSERT INTO products (name) VALUES ('Cable');");
    let command = "-- check(after): it answers\n-- command: touch checking; sleep 30\n";
    shop.write("2_more.check.sql", command);
    shop
}

#[test]
fn an_interrupted_run_is_undone_and_ends_with_130() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let shop = slow();
        let run = Waiting::start(&shop);
        run.signal(signal);
        assert_eq!(run.end(), 130);
        assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
        shop.run("status").ends(0);
    }
}

#[test]
fn a_second_signal_ends_with_3_and_the_next_start_recovers() {
    let shop = slow();
    let mut run = Waiting::start(&shop);
    run.signal(rustix::process::Signal::INT);
    run.signal(rustix::process::Signal::TERM);
    run.says("interrupted");
    assert_eq!(run.end(), 3);
    shop.remove("2_more.check.sql");
    let recovered = shop.run("recover --format json").ends(0).json();
    // A restore that the first signal has begun, before the second one came, is gone on with.
    let rows = match recovered["outcome"].as_str() {
        Some("applied") => "4",
        Some("restored") => "3",
        _ => panic!("{recovered:#}"),
    };
    assert_eq!(shop.sql("SELECT count(*) FROM products"), rows);
    shop.run("up").ends(0);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "4");
    assert!(shop.run("status").ends(0).last_line().starts_with("up to date: version 2"));
}

#[test]
fn another_run_is_waited_for_and_then_named_with_4() {
    let shop = slow();
    let run = Waiting::start(&shop);
    let ran = shop.run("up --lock-timeout 200ms").ends(4);
    assert!(
        ran.err.contains("MM0401") && ran.err.contains(&format!("process {}", run.child.id())),
        "{}",
        ran.err
    );
    assert_eq!(shop.run("up --lock-timeout 0s --format json").ends(4).json()["outcome"], "locked");
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end(), 130);
}

#[test]
fn what_has_no_way_back_needs_a_person() {
    let shop = Shop::open();
    shop.write(
        "2_half.sql",
        "-- mo-migrate: no-transaction\nDELETE FROM products;\nSELECT nothing;\n",
    );
    let ran = shop.run("up --dangerous-no-snapshot").ends(3);
    assert!(ran.err.contains("half applied"), "{}", ran.err);
    assert!(shop.run("status").ends(0).out.contains("recover --retry` closes it"));
    shop.run("recover").ends(3);
    let closed = shop.run("recover --retry").ends(0);
    assert!(closed.last_line().ends_with("version 1, nothing was put back"), "{}", closed.out);
}

#[test]
fn each_mistake_has_its_code() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    shop.run("history").ends(66);
    shop.run("up --dir nowhere").ends(66);
    shop.run("up --url postgres://host/db").ends(78);
    shop.run("up --url mysql://root@127.0.0.1:1/db").ends(66);
    shop.run("up --url sqlite:no/such/folder/app.db").ends(5);
    shop.write("2_bad.sql", "SELECT 'not closed");
    shop.run("up").ends(65);
    shop.write("2_bad.sql", "COMMIT;");
    shop.run("up").ends(5);
    shop.write("2_bad.sql", "SELECT nothing;");
    let ran = shop.run("up").ends(2);
    assert!(ran.err.contains("MM0201") && ran.err.contains("2_bad.sql:1:"), "{}", ran.err);
}

/// It is the same check that undoes a run, and here none was begun.
#[test]
fn a_check_without_the_snapshot_that_it_needs_is_refused() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    shop.write("1_create_products.check.sql", "-- check: x\nSELECT * FROM {{before.products}}\n");
    let ran = shop.run("up --snapshot when-needed").ends(5);
    assert!(ran.err.contains("nothing was touched"), "{}", ran.err);
}

/// A pipe that is closed is a reader that has seen enough; a full disk is an answer that is nowhere.
#[test]
fn an_answer_that_could_not_be_written_is_told_of() {
    let shop = Shop::open();
    for words in ["history", "status", "preflight", "status --format json", "snapshot list"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = shop.command().args(words.split_whitespace()).stdout(full).output().unwrap();
        let ran = Ran::of(&output).ends(74);
        assert!(ran.err.contains("could not be written"), "{words}: {}", ran.err);
    }
}

/// A report that was there was torn, and an empty migration was left, which the next `up` applied.
#[test]
fn a_file_that_could_not_be_written_leaves_what_was_there() {
    let shop = Shop::open();
    shop.write("old.txt", "of last week");
    let words_of = |words: &str| format!("trap '' XFSZ; ulimit -f 0; exec {PROGRAM} {words}");
    for words in ["report --output migrations/old.txt --yes", "report --output new.txt", "new more"]
    {
        let mut command = std::process::Command::new("sh");
        command.current_dir(shop.path("")).args(["-c", &words_of(words)]);
        command.env("DATABASE_URL", "sqlite:app.db");
        let ran = Ran::of(&command.output().unwrap());
        assert!(ran.code != 0 && ran.err.contains("can't write"), "{words}: {}", ran.err);
    }
    assert_eq!(std::fs::read_to_string(shop.path("migrations/old.txt")).unwrap(), "of last week");
    let left = shop.files();
    let left: Vec<_> = left.iter().map(|(path, _)| path.display().to_string()).collect();
    let torn =
        |path: &&String| ["more", "new.txt", "partial"].iter().any(|part| path.contains(part));
    assert_eq!(left.iter().find(torn), None, "{left:?}");
}

/// The driver took it for a part of the file's name, and another database was made and migrated.
#[test]
fn a_scheme_in_capitals_is_no_part_of_the_name_of_a_file() {
    let shop = Shop::open();
    for scheme in ["SQLITE", "Sqlite"] {
        let ran = shop.run(&format!("--url {scheme}:app.db status")).ends(0);
        assert!(ran.last_line().starts_with("up to date: version 1"), "{}", ran.out);
    }
}

/// "No run was made on this database yet", where it only could not be read.
#[test]
fn a_ledger_that_may_not_be_read_is_not_taken_for_none() {
    let shop = Shop::open();
    for closed in ["app.db.mo-migrate", "app.db.mo-migrate/ledger.db"] {
        let path = shop.path(closed);
        let mode = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        for words in ["report", "history", "snapshot list", "restore --dry-run"] {
            // Of root too, who else may read everything.
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-dac_override,-dac_read_search", PROGRAM]);
            command.args(words.split(' ')).current_dir(shop.path(""));
            let ran = Ran::of(&command.env("DATABASE_URL", "sqlite:app.db").output().unwrap());
            assert!(ran.err.contains("Permission denied"), "{closed}, {words}: {ran:?}");
            assert_eq!(ran.code, 5, "{closed}, {words}: {ran:?}");
        }
        std::fs::set_permissions(&path, mode).unwrap();
    }
}

/// It waited a minute for the lock of the guard that waited for it.
#[test]
fn a_guard_around_the_command_itself_is_told_so_at_once() {
    let shop = Shop::open();
    let program = PROGRAM;
    for words in ["up", "guard -- true"] {
        shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
        let ran = shop.run(&format!("guard -- {program} {words}")).ends(2);
        assert!(ran.err.contains("which waits for this very command"), "{}", ran.err);
        assert!(!ran.err.contains("--lock-timeout"), "{}", ran.err);
    }
}

/// It was begun, and rolled back at its first statement.
#[test]
fn a_database_that_can_only_be_read_is_refused_before_anything_is_begun() {
    let shop = Shop::open();
    shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    for words in ["up", "guard -- true"] {
        let ran = shop.run(&format!("--url sqlite:app.db?mode=ro {words}")).ends(5);
        assert!(ran.err.contains("let the database and its folder be written to"), "{}", ran.err);
    }
    for words in ["preflight", "preflight --quick"] {
        let ran = shop.run(&format!("--url sqlite:app.db?mode=ro {words}")).ends(5);
        assert!(ran.out.contains("✗ open transactions   the database can only be read"), "{ran:?}");
    }
    shop.run("up").ends(0);
}
