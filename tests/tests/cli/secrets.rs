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
