//! The demo, run as a person runs it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io;
use std::process::{Command, Output};

fn demo(url: &str) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_rollback-demo")).env("DATABASE_URL", url).output()
}

#[test]
fn the_story_comes_true_again_and_again_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("products.db").display());
    for _ in 0..2 {
        let output = demo(&url).unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for told in [
            "products 5 rows, 4 columns",
            "products 7 rows, 8 columns",
            "FAIL  no product costs less than nothing",
            "_verify is sound",
            "the run ended: restored",
        ] {
            assert!(text.contains(told), "no `{told}` in\n{text}");
        }
        assert!(!text.contains("FALSE"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left");
    }
}

#[test]
fn a_database_of_somebody_elses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("products_rollback_demo.db");
    std::fs::write(&taken, "").unwrap();
    let output = demo(&format!("sqlite:{}", folder.path().join("products.db").display())).unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(taken.is_file());
}
