//! What is never shown, and what is shown harmless.

use crate::shop::{Ran, Shop};

const BAD: [&str; 10] = [
    "hunter2",
    "sqlite",
    "://root:hunter2@host/db",
    "root:hunter2@127.0.0.1:6001",
    "mysql//root:hunter2@host",
    "postgres://root:hunter2@[::1/db",
    "matrixone://root:hunter2@host:notaport/db",
    "sqlite:app.db?mode=hunter2",
    "sqlite://%ff%fe?hunter2=hunter2",
    "mysql://root:hunter2@host",
];

#[track_caller]
fn shows_nothing(ran: &Ran, what: &str) {
    assert!(
        !ran.out.contains("hunter2") && !ran.err.contains("hunter2"),
        "{what}: {}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn a_bad_address_is_never_shown() {
    let shop = Shop::open();
    for bad in BAD {
        for format in ["text", "json"] {
            for command in ["up", "status", "history", "database drop --yes", "snapshot list"] {
                let words = format!("{command} --format {format} --url {bad}");
                shows_nothing(&shop.run(&words).ends(78), &words);
                let words = format!("{command} --format {format}");
                shows_nothing(&shop.run_with(&words, &[("DATABASE_URL", bad)]).ends(78), bad);
            }
        }
    }
}

#[test]
fn an_address_where_nobody_answers_is_shown_without_its_password() {
    let shop = Shop::open();
    for scheme in ["mysql", "matrixone"] {
        let words = format!("up --url {scheme}://root:hunter2@127.0.0.1:1/db");
        let ran = shop.run(&words).ends(66);
        shows_nothing(&ran, &words);
    }
}

#[test]
fn an_address_in_the_wrong_place_is_never_shown() {
    let shop = Shop::open();
    for words in [
        "mysql://root:hunter2@host/db",
        "up mysql://root:hunter2@host/db",
        "--ulr mysql://root:hunter2@host/db up",
        "--ulr=mysql://root:hunter2@host/db up",
        "up --to mysql://root:hunter2@host/db --format json",
        "status --keep=root:hunter2@host --format=json",
    ] {
        shows_nothing(&shop.run(words).ends(64), words);
    }
}

/// Typed where a name, a file or a table was wanted, it was repeated in the error and its hint.
#[test]
fn an_address_where_a_name_or_a_file_was_wanted_is_never_shown() {
    let shop = Shop::open();
    let address = "matrixone://root:hunter2@host:6001/db";
    for words in [
        "--dir {} up",
        "--config {} status",
        "--set {} status",
        "--hook before={} up",
        "restore {}",
        "restore --into {}",
        "restore --from-clone {}",
        "restore --tables {}",
        "clone create qa --from {}",
        "clone create qa --mask {}",
        "clone delete {} --yes",
        "guard --check {} -- true",
        "guard --tables {} -- true",
        "guard -- {}",
        "guard -- echo {}",
        "report {}",
        "report --output {}",
        "diff {}",
        "lint {}",
        "snapshot show {}",
        "snapshot delete {}",
        "upgrade start --green {}",
        "--preflight {}=x preflight",
        "new {}",
        "history",
        "report",
    ] {
        for format in ["text", "json"] {
            let words = words.replace("{}", address);
            // What a guarded command prints is its own.
            let ran = shop.run(&format!("--format {format} {words}"));
            if !words.contains("echo") {
                shows_nothing(&ran, &words);
            }
        }
    }
    let files = std::fs::read_dir(shop.path("migrations")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains("hunter2"), "{name}");
    }
}

#[test]
fn a_bad_line_of_a_file_is_never_shown() {
    let shop = Shop::open();
    std::fs::write(shop.path(".env"), "A=1\nDATABASE_URL='mysql://root:hunter2@host\n").unwrap();
    let ran = shop.run("status").ends(78);
    shows_nothing(&ran, ".env");
    assert!(ran.err.contains("line 2 of `.env`"), "{}", ran.err);
    std::fs::remove_file(shop.path(".env")).unwrap();
    for text in
        ["url = \"mysql://root:hunter2@host", "url = [\"hunter2\", 1]", "x = 1\nurl = hunter2"]
    {
        std::fs::write(shop.path("mo-migrate.toml"), text).unwrap();
        shows_nothing(&shop.run("status").ends(78), text);
    }
}

#[test]
fn a_name_or_a_value_from_outside_cannot_reach_the_terminal_raw() {
    let shop = Shop::open();
    shop.write(
        "2_a.sql",
        "INSERT INTO products (name) VALUES ('red' || char(27) || '[31m' || char(7));",
    );
    shop.write(
        "2_a.check.sql",
        "-- check: no such name\nSELECT name FROM products WHERE name LIKE 'red%';\n",
    );
    for (name, value) in [("TERM", "xterm"), ("NO_COLOR", "1")] {
        let ran = shop.run_with("up", &[(name, value)]).ends(2);
        assert!(ran.out.contains("red"), "{}", ran.out);
        assert!(
            !ran.out.contains(['\u{1b}', '\u{7}']) && !ran.err.contains(['\u{1b}', '\u{7}']),
            "{:?}",
            ran.err
        );
    }
    let ran = shop.run_with("up", &[("CLICOLOR_FORCE", "1")]).ends(2);
    assert!(ran.out.contains("\u{1b}[") && !ran.out.contains("\u{1b}[31m\u{7}"), "{:?}", ran.out);
}

/// Every place that an address can come from, with a server that nobody is.
#[test]
fn no_log_and_no_document_has_the_password_wherever_the_address_came_from() {
    const URL: &str = "matrixone://root:hunter2@127.0.0.1:1/shop";
    let shop = Shop::open();
    let trace = ("RUST_LOG", "trace");
    for words in ["up", "status", "plan", "history", "verify", "snapshot list", "restore --yes"] {
        for format in ["text", "json"] {
            let words = format!("{words} --format {format}");
            for name in ["DATABASE_URL", "MO_MIGRATE_URL"] {
                let ran = shop.run_with(&words, &[(name, URL), trace]).ends(66);
                shows_nothing(&ran, &words);
            }
            let ran = shop.run_with(&format!("{words} --url {URL}"), &[trace]).ends(66);
            shows_nothing(&ran, &words);
        }
    }
    for (file, text) in [
        (".env", format!("MO_MIGRATE_URL={URL}\n")),
        ("mo-migrate.toml", format!("url = \"{URL}\"\n")),
    ] {
        std::fs::write(shop.path(file), text).unwrap();
        let mut command = shop.command();
        command.args(["up"]).env_remove("DATABASE_URL").env("RUST_LOG", "trace");
        shows_nothing(&Ran::of(&command.output().unwrap()).ends(66), file);
        std::fs::remove_file(shop.path(file)).unwrap();
    }
}

#[test]
fn a_password_with_a_slash_in_it_is_not_shown_as_the_name_of_the_database() {
    let shop = Shop::open();
    for password in ["12/hunter2", "12?hunter2", "12#hunter2", "12/3/hunter2"] {
        for scheme in ["matrixone", "mysql", "sqlite"] {
            let words = format!("up --url {scheme}://root:{password}@127.0.0.1/shop");
            shows_nothing(&shop.run(&words).ends(78), &words);
        }
    }
    let ran = shop.run("up --url matrixone://root:1/hunter2@127.0.0.1/shop");
    assert!(ran.err.contains("`%2F`"), "it says how to write it: {}", ran.err);
}

#[test]
fn a_target_shows_its_engine_alone() {
    let target = mo_migrate::Target::from("matrixone://root:hunter2@127.0.0.1:1/shop");
    let shown = format!("{target:?} {:#?}", mo_migrate::Address::new("mysql://root:hunter2@h/db"));
    assert!(shown.contains("matrixone") && !shown.contains("hunter2"), "{shown}");
}

/// A password in the environment is in no list of processes: neither in this one's words nor in
/// those of what it starts.
#[test]
fn what_is_started_is_not_told_the_address() {
    let shop = Shop::open();
    shop.write("2_a.sql", "CREATE TABLE a (x);");
    shop.write(
        "2_a.check.sql",
        "-- check: who runs\n-- command: cat /proc/self/cmdline /proc/$PPID/cmdline /proc/$$/cmdline > words\n",
    );
    let url = format!("sqlite:{}?cache=private", shop.path("app.db").display());
    shop.run_with("up", &[("MO_MIGRATE_URL", &url)]).ends(0);
    let words = std::fs::read(shop.path("words")).unwrap();
    let words = String::from_utf8_lossy(&words);
    assert!(words.contains("migrate_from_dir") && !words.contains("cache=private"), "{words}");
}
