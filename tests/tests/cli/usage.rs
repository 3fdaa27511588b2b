//! Help, and words that are wrong.

use crate::shop::Shop;

const COMMANDS: [&str; 27] = [
    "up",
    "down",
    "restore",
    "recover",
    "plan",
    "preflight",
    "status",
    "history",
    "validate",
    "verify",
    "new",
    "baseline",
    "repair",
    "completions",
    "snapshot create",
    "snapshot list",
    "snapshot show",
    "snapshot verify",
    "snapshot pin",
    "snapshot unpin",
    "snapshot delete",
    "snapshot prune",
    "snapshot schedule",
    "database create",
    "database drop",
    "database reset",
    "snapshot",
];

#[test]
fn every_command_explains_itself_and_refuses_what_it_does_not_know() {
    let shop = Shop::new(&[]);
    for command in COMMANDS {
        let ran = shop.run(&format!("{command} --help")).ends(0);
        assert!(ran.out.contains("Usage:") && ran.out.contains("--url"), "{command}: {}", ran.out);
        let ran = shop.run(&format!("{command} --no-such-flag")).ends(64);
        assert!(ran.out.is_empty() && ran.err.contains("--no-such-flag"), "{command}: {}", ran.err);
        let document = shop.run(&format!("--format json {command} --no-such-flag")).ends(64).json();
        assert_eq!(document["error"]["code"], "MM0606", "{command}");
    }
}

#[test]
fn the_help_has_groups_examples_codes_and_the_environment() {
    let shop = Shop::new(&[]);
    let long = shop.run("--help").ends(0).out;
    for words in [
        "Change:",
        "Ask:",
        "Connection:",
        "Guard:",
        "Policies:",
        "Examples:",
        "Exit codes:",
        "Environment:",
        "MO_MIGRATE_<FLAG>",
    ] {
        assert!(long.contains(words), "{words}");
    }
    let short = shop.run("-h").ends(0).out;
    assert!(short.lines().count() < 60 && !short.contains("--foreign-writes"), "{short}");
    assert!(shop.run("--version").ends(0).out.starts_with("migrate_from_dir "));
}

#[test]
fn a_slip_is_answered_with_the_nearest_command() {
    let shop = Shop::new(&[]);
    assert!(shop.run("statos").ends(64).err.contains("status"));
    shop.run("up --to 1 --steps 1").ends(64);
    shop.run("up --to x").ends(64);
    shop.run("up --missing apply").ends(64);
}

#[test]
fn every_failure_is_one_document() {
    let shop = Shop::new(&[]);
    for command in [
        "status --url x",
        "history",
        "plan --dir nowhere",
        "snapshot show x",
        "new x --dir /dev/null/x",
        "baseline 1",
    ] {
        let ran = shop.run(&format!("{command} --format json"));
        assert_ne!(ran.code, 0, "{command}");
        let document = ran.json();
        assert!(
            document["error"]["code"].is_string() && document.get("outcome").is_none(),
            "{command}: {document}"
        );
    }
    for command in ["up --dir nowhere", "down --yes", "restore --yes", "recover --url x"] {
        let document = shop.run(&format!("{command} --format json")).json();
        assert!(
            document["error"]["code"].is_string() && document["outcome"].is_string(),
            "{command}: {document}"
        );
        assert!(document.get("migrations").is_some(), "{command}: {document}");
    }
}
