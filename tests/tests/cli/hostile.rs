//! Names and values from files, flags and databases that would like to be more than text: quotes to
//! leave their place in SQL, sequences and directions for the terminal.

use std::ffi::OsStr;

use serde_json::Value;

use crate::shop::{Ran, Shop};

/// Every quote, a line end, a colour that is none of ours, a title for the window, a bell, a C1
/// sequence, two directions, and what would end a statement.
const HOSTILE: &str =
    "a\"b`c'd]\n;--\u{1b}[35m\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{2066}\u{61c}\u{feff}\r\t\\%s";

/// The styles that are ours.
const STYLES: [&str; 9] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[4m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
    "\u{1b}[36m",
    "\u{1b}[1;31m",
];

/// What a terminal would obey, our own styles left out.
fn obeyed(text: &str) -> Option<char> {
    let text = STYLES.iter().fold(text.to_owned(), |text, style| text.replace(style, ""));
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    })
}

/// Runs these words with colours forced, so that nothing is taken out on the way.
fn run<S: AsRef<OsStr>>(shop: &Shop, words: impl IntoIterator<Item = S>) -> Ran {
    let mut command = shop.command();
    command.args(words).env("CLICOLOR_FORCE", "1");
    Ran::of(&command.output().unwrap())
}

/// Runs a command as text and as JSON; both are harmless, and the one document is read.
#[track_caller]
fn both(shop: &Shop, words: &[&str], code: i32) -> (Ran, Value) {
    let text = run(shop, words).ends(code);
    let json = run(shop, words.iter().chain(&["--format", "json"])).ends(code);
    for shown in [&text.out, &text.err, &json.out, &json.err] {
        let found = obeyed(shown);
        assert!(found.is_none(), "{words:?} shows {found:?}: {shown:?}");
    }
    let document = json.json();
    (text, document)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table and a column of this name with three rows, whose values are no better.
fn table() -> String {
    let (name, text) = (quoted(HOSTILE), HOSTILE.replace('\'', "''"));
    format!(
        "CREATE TABLE {name} (id INTEGER PRIMARY KEY, {name} TEXT NOT NULL);\n\
         INSERT INTO {name} ({name}) VALUES ('{text}'), (char(0) || 'b'), ('c');\n\
         CREATE INDEX \"i{}\" ON {name} ({name});\n",
        HOSTILE.replace('"', "\"\"")
    )
}

fn shop() -> Shop {
    let shop = Shop::new(&[("1_create.sql", &table())]);
    shop.write(
        &format!("2_{HOSTILE}.sql"),
        &format!("DELETE FROM {} WHERE id = 2;", quoted(HOSTILE)),
    );
    shop
}

#[test]
fn no_command_that_reads_lets_a_name_reach_the_terminal_or_break_its_document() {
    let shop = shop();
    let (_, plan) = both(&shop, &["plan"], 0);
    assert!(plan.to_string().contains("\\u001b[35m"), "{plan}");
    both(&shop, &["preflight"], 0);
    let item = format!("{HOSTILE}=printf 'a\\033[35mb\\007'; exit 1");
    let (ran, _) = both(&shop, &["preflight", "--preflight", &item], 5);
    assert!(ran.out.contains("a\"b`c'd]"), "{}", ran.out);
    both(&shop, &["up", "--preflight", &item], 5);
    both(&shop, &["up"], 0);
    both(&shop, &["up"], 0);
    for words in [
        &["status"][..],
        &["history"],
        &["validate"],
        &["verify"],
        &["snapshot", "list"],
        &["up", "--dry-run"],
        &["report"],
    ] {
        both(&shop, words, 0);
    }
    let run = shop.run("history --format json").json()["runs"][0]["run"].clone();
    let run = run.as_str().unwrap();
    let (_, found) = both(&shop, &["diff", run], 1);
    let table = &found["tables"][0];
    assert_eq!(table["name"], HOSTILE, "{found}");
    // The name of a migration comes back from the history as it is.
    let (_, history) = both(&shop, &["history"], 0);
    assert!(history["applied"].to_string().contains("\\u001b[35m"), "{history}");
}

#[test]
fn a_failing_check_shows_its_rows_as_text() {
    let shop = shop();
    let name = quoted(HOSTILE);
    let line = HOSTILE.replace(['\n', '\r'], " ");
    shop.write("3_b.sql", &format!("UPDATE {name} SET {name} = {name} || 'x';"));
    shop.write("3_b.check.sql", &format!("-- check: none {line}\nSELECT * FROM {name};\n"));
    both(&shop, &["up", "--to", "2"], 0);
    let (ran, report) = both(&shop, &["up"], 2);
    assert!(ran.out.contains("none a\"b`c'd]"), "{}", ran.out);
    assert_eq!(report["checks"][0]["rows"][0][HOSTILE], format!("{HOSTILE}x"), "{report}");
    let values = shop.sql(&format!("SELECT count(*) FROM {name} WHERE {name} LIKE '%x'"));
    assert_eq!(values, "0", "no row is changed");
    both(&shop, &["history"], 0);
    both(&shop, &["status"], 0);
}

#[test]
fn a_restore_of_hostile_names_gives_every_row_back() {
    let shop = shop();
    both(&shop, &["up", "--to", "1"], 0);
    let rows = format!("SELECT count(*) FROM {}", quoted(HOSTILE));
    for words in [&["restore", "--yes"][..], &["restore", "--yes", "--tables", HOSTILE]] {
        run(&shop, ["up"]);
        assert_eq!(shop.sql(&rows), "2");
        let ran = run(&shop, words).ends(0);
        assert!(obeyed(&ran.err).is_none() && obeyed(&ran.out).is_none(), "{ran:?}");
        assert!(ran.err.contains("a\"b`c'd]"), "the plan names the table: {}", ran.err);
        assert_eq!(shop.sql(&rows), "3");
    }
}

#[test]
fn a_word_that_was_typed_is_shown_harmless() {
    let shop = shop();
    both(&shop, &["up"], 0);
    let (long, set) = ("x".repeat(10_000), "s\u{1b}[35m\u{7}");
    for word in [HOSTILE, &long] {
        for words in [
            &["verify", word][..],
            &["diff", word],
            &["restore", word, "--yes"],
            &["restore", "--yes", "--tables", word],
            &["snapshot", "show", word],
            &["snapshot", "verify", word],
            &["snapshot", "pin", word],
            &["snapshot", "delete", word, "--yes"],
            &["--set", word, "status"],
            &["--dir", word, "status"],
            &["--history-table", word, "status"],
            &["--config", word, "status"],
            &["--keep", word, "status"],
            &[word],
            &["up", word],
            &["new", word],
        ] {
            let ran = run(&shop, words);
            let found = obeyed(&ran.out).or(obeyed(&ran.err));
            assert!(found.is_none(), "{words:?} shows {found:?}: {ran:?}");
        }
    }
    let ran = run(&shop, ["--set", set, "--url", "sqlite:n\u{1b}[35m\u{7}.db", "up"]);
    assert!(obeyed(&ran.out).or(obeyed(&ran.err)).is_none(), "{ran:?}");
}

#[test]
fn a_file_with_a_colon_in_its_name_is_a_file() {
    let shop = shop();
    for url in ["sqlite:at 12:30.db", "sqlite:a:b:c", "sqlite://shop::1.db"] {
        run(&shop, ["--url", url, "up"]).ends(0);
        run(&shop, ["--url", url, "status", "--exit-code"]).ends(0);
    }
    assert!(shop.path("at 12:30.db").is_file() && shop.path("shop::1.db").is_file());
}

#[test]
fn the_log_of_the_inside_is_harmless_too() {
    let shop = shop();
    let ran = shop.run_with("up", &[("RUST_LOG", "trace")]).ends(0);
    assert!(ran.err.contains("INFO") && obeyed(&ran.err).is_none(), "{:?}", ran.err);
}
