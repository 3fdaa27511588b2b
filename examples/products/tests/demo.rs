//! The demo, run as a person runs it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod engines;

use std::io;
use std::process::{Command, Output};

use engines::{Engine, Server};

fn demo(url: &str) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_rollback-demo")).env("DATABASE_URL", url).output()
}

fn assert_comes_true(url: &str) {
    let output = demo(url).unwrap();
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
}

#[tokio::test]
async fn the_story_comes_true_again_and_again_and_leaves_nothing() {
    for engine in engines::all() {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                for _ in 0..2 {
                    let file = folder.path().join("products.db");
                    assert_comes_true(&format!("sqlite:{}", file.display()));
                    let left = std::fs::read_dir(folder.path()).unwrap().count();
                    assert_eq!(left, 0, "something is left");
                }
            }
            Engine::MatrixOne(url) => {
                let server = Server::new(&url);
                for _ in 0..2 {
                    assert_comes_true(&server.address());
                    let left = [server.databases().await, server.snapshots().await].concat();
                    assert!(left.is_empty(), "{left:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_database_of_somebody_elses_is_left_alone() {
    for engine in engines::all() {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let taken = folder.path().join("products_rollback_demo.db");
                std::fs::write(&taken, "").unwrap();
                let url = format!("sqlite:{}", folder.path().join("products.db").display());
                assert_refused(&url);
                assert!(taken.is_file());
            }
            Engine::MatrixOne(url) => {
                let server = Server::new(&url);
                let taken = format!("{}_rollback_demo", server.name);
                server.ask(format!("CREATE DATABASE {taken}")).await;
                assert_refused(&server.address());
                assert_eq!(server.databases().await, [taken]);
            }
        }
    }
}

fn assert_refused(url: &str) {
    let output = demo(url).unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stdout));
}
