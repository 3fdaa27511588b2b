//! The command on a terminal: what moves while it works, and what is left behind it.

use std::process::Command;

use mo_migrate_tests::terminal::{Left, Screen, Terminal};

use crate::shop::{PRODUCTS, Shop};

/// A statement that ends when it is interrupted, and not before.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0;";

fn typed(shop: &Shop, words: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = shop.command();
    // What shows the logs of a build has colours, whatever its terminal is.
    command.args(words).env_remove("CI").env("TERM", "xterm").envs(variables.iter().copied());
    command
}

/// A command that is guarded until this file is there.
const UNTIL: &[&str] =
    &["guard", "--", "sh", "-c", "echo begun; while [ ! -e go ]; do sleep 0.05; done"];

/// Nothing of the line that moves is left, and the terminal is as it was.
#[track_caller]
fn is_sane(left: &Left) {
    assert!(left.screen.cursor && left.plain, "{left:?}");
    assert!(left.screen.unknown.is_empty(), "{left:?}");
    let moving = |line: &&String| line.starts_with("  apply ");
    assert_eq!(left.screen.lines.iter().find(moving), None, "{}", left.screen.text());
}

#[test]
fn what_takes_long_moves_in_one_line_that_goes_when_it_is_over() {
    let shop = Shop::open();
    let mut terminal = Terminal::start(&typed(&shop, UNTIL, &[]), 40);
    terminal.shows(" begun").shows("  apply  1s");
    terminal.resize(24);
    terminal.shows("  apply  2s");
    std::fs::write(shop.path("go"), "").unwrap();
    let left = terminal.ends();
    assert_eq!(left.code, 0, "{}", left.bytes);
    is_sane(&left);
    let drawn = left.bytes.split("\r\u{1b}[K").skip(1).map(|part| part.split('\r').next().unwrap());
    let moved: Vec<&str> = drawn.filter(|part| part.starts_with("  apply")).collect();
    assert!(moved.len() > 1 && moved.iter().all(|line| line.chars().count() < 40), "{moved:?}");
    assert!(left.screen.text().contains("✓ apply           exited with 0"), "{:?}", left.screen);
}

#[test]
fn ctrl_c_in_the_middle_undoes_the_run_and_leaves_the_terminal_as_it_was() {
    let shop = Shop::open();
    let before = shop.sql("SELECT count(*) FROM products");
    shop.write("2_two.sql", &format!("DELETE FROM products;\n{ENDLESS}"));
    let terminal = Terminal::start(&typed(&shop, &["up"], &[]), 80);
    terminal.shows("statement 2 of 2").types("\u{3}");
    let left = terminal.ends();
    assert_eq!(left.code, 130, "{}", left.bytes);
    is_sane(&left);
    assert!(left.screen.text().contains("the run stops at the next safe point"), "{left:?}");
    assert_eq!(shop.sql("SELECT count(*) FROM products"), before);
}

#[test]
fn a_second_ctrl_c_leaves_the_terminal_as_it_was() {
    let shop = Shop::open();
    let words =
        &["guard", "--", "sh", "-c", "trap '' TERM; echo begun; sleep 3600 & wait; sleep 3600"];
    let terminal = Terminal::start(&typed(&shop, words, &[]), 40);
    terminal.shows(" begun").shows("  apply  1s").types("\u{3}");
    terminal.shows("once more ends it here").types("\u{3}");
    let left = terminal.ends();
    is_sane(&left);
    assert_eq!(left.code, 3, "{}", left.bytes);
    shop.run("recover");
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
}

#[test]
fn ctrl_c_and_the_end_of_the_input_at_a_question_touch_nothing() {
    for (keys, code) in [("\u{3}", 130), ("\u{4}", 5), ("\r", 5), ("n\r", 5), ("yess\r", 5)] {
        for (words, question) in [
            (&["restore"][..], "go back? [y/N]"),
            (&["database", "drop"], "type `app.db` to go on:"),
            (&["database", "reset"], "type `app.db` to go on:"),
        ] {
            let shop = Shop::open();
            let before = shop.files();
            let terminal = Terminal::start(&typed(&shop, words, &[]), 80);
            terminal.shows(question).types(keys);
            let left = terminal.ends();
            assert_eq!(left.code, code, "{words:?} {keys:?}: {}", left.bytes);
            let said =
                if code == 130 { "interrupted at the question" } else { "the answer was no" };
            assert!(left.bytes.contains(said), "{words:?} {keys:?}: {}", left.bytes);
            assert!(
                left.bytes.contains("nothing was touched"),
                "{words:?} {keys:?}: {}",
                left.bytes
            );
            is_sane(&left);
            assert!(shop.files() == before, "{words:?} {keys:?} touched something");
        }
    }
}

/// The clone was taken over into a snapshot before it was asked about, and only a prune deleted that.
#[test]
fn a_clone_that_is_not_gone_back_to_leaves_nothing_behind_its_question() {
    for (keys, code) in [("\u{3}", 130), ("\u{4}", 5), ("n\r", 5)] {
        let shop = Shop::open();
        shop.run("restore --into tried.db").ends(0);
        let before = shop.run("snapshot list").ends(0).out;
        let terminal =
            Terminal::start(&typed(&shop, &["restore", "--from-clone", "tried.db"], &[]), 80);
        terminal.shows("make it so? [y/N]").types(keys);
        let left = terminal.ends();
        assert_eq!(left.code, code, "{keys:?}: {}", left.bytes);
        is_sane(&left);
        assert!(left.screen.text().contains("nothing was touched"), "{left:?}");
        assert_eq!(shop.run("snapshot list").ends(0).out, before, "{keys:?}");
    }
}

#[test]
fn a_question_is_answered_by_a_line() {
    let shop = Shop::open();
    shop.sql("DELETE FROM products");
    let terminal = Terminal::start(&typed(&shop, &["restore"], &[]), 80);
    terminal.shows("go back? [y/N]").types("y\r");
    let left = terminal.ends();
    assert_eq!(left.code, 0, "{}", left.bytes);
    is_sane(&left);
}

#[test]
fn nothing_moves_on_a_dumb_terminal_and_nothing_is_coloured_without_colours() {
    for (variables, moves) in [([("TERM", "dumb")], false), ([("NO_COLOR", "1")], true)] {
        let shop = Shop::open();
        let terminal = Terminal::start(&typed(&shop, UNTIL, &variables), 80);
        terminal.shows(" begun");
        if moves {
            terminal.shows("  apply  1s");
        }
        std::fs::write(shop.path("go"), "").unwrap();
        let left = terminal.ends();
        assert_eq!(left.code, 0, "{}", left.bytes);
        is_sane(&left);
        assert_eq!(left.bytes.contains("\u{1b}[K"), moves, "{variables:?}: {:?}", left.bytes);
        assert_eq!(left.bytes.matches('\u{1b}').count(), left.bytes.matches("\u{1b}[K").count());
    }
}

#[test]
fn off_a_terminal_there_are_plain_lines_alone() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    for words in ["up", "snapshot create", "restore --dry-run", "restore --yes"] {
        let ran = shop.run(words).ends(0);
        assert!(!ran.err.contains(['\r', '\u{1b}']), "{words}: {:?}", ran.err);
        assert!(!ran.out.contains(['\r', '\u{1b}']), "{words}: {:?}", ran.out);
    }
}

#[test]
fn the_screen_of_these_tests_is_one() {
    let screen = Screen::of("ab\r\u{1b}[Kc\u{1b}[31md\u{1b}[0m\r\nefg\u{1b}[?25l\u{1b}[2J", 2);
    assert_eq!(screen.lines, ["cd", "ef", "g"]);
    assert!(!screen.cursor && screen.unknown == ["[2J"], "{screen:?}");
}
