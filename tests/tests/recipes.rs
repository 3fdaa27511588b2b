//! docs/operating.md is typed as it stands: each recipe in a shop of its own, on both engines.
//!
//! The blocks of a recipe are written to `mo-migrate.toml` (`toml`) and typed on a terminal (`sh`; one
//! for an engine alone says so: `sh sqlite`, `sh matrixone`). `RUN` is the last run.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use mo_migrate_tests::tools::{alembic, alembic_project, mysql_config};
use mo_migrate_tests::typed::{Said, in_shop, migrate};
use mo_migrate_tests::{Fixture, Place, engines, program};

const PRODUCTS: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100) NOT NULL, price INT);
INSERT INTO products (name, price) VALUES ('Gaming Laptop', 1500), ('Wireless Mouse', 30);";

const PRICES: &str = "CREATE TABLE prices (id BIGINT PRIMARY KEY, cents INT);
INSERT INTO prices VALUES (1, 150000), (2, 3000);
CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR(100), email VARCHAR(100));
INSERT INTO customers VALUES (1, 'Ana', 'ana@example.org');";

const STOCK: &str = "op.execute(\"CREATE TABLE stock (id INT PRIMARY KEY, pieces INT)\")";

/// What is answered when a recipe asks, and what is true of the shop when it was typed.
struct Expected {
    title: &'static str,
    answers: &'static str,
    sql: &'static str,
    rows: &'static str,
}

const EXPECTED: &[Expected] = &[
    Expected {
        title: "Show a run to somebody who was not there",
        answers: "",
        sql: "SELECT count(*) FROM products",
        rows: "2\n",
    },
    Expected {
        title: "Deploy, and go back if it is wrong",
        answers: "y\n",
        sql: "SELECT max(version) FROM mo_migrate_history WHERE kind = 'sql'",
        rows: "2\n",
    },
    Expected {
        title: "Import a large file by another program",
        answers: "",
        sql: "SELECT cents FROM prices ORDER BY id",
        rows: "150000\n3000\n700\n",
    },
    Expected {
        title: "Guard another tool's migrations",
        answers: "",
        sql: "SELECT count(*) FROM stock",
        rows: "0\n",
    },
    Expected {
        title: "Give the testers a copy, without the customers in it",
        answers: "",
        sql: "SELECT name FROM customers",
        rows: "Ana\n",
    },
    Expected {
        title: "Try a restore before it is made",
        answers: "",
        sql: "SELECT count(*) FROM products",
        rows: "2\n",
    },
    Expected {
        title: "Take back what somebody did by hand",
        answers: "",
        sql: "SELECT cents FROM prices ORDER BY id",
        rows: "150000\n3000\n",
    },
    Expected {
        title: "Go through the checklist before a release",
        answers: "",
        sql: "SELECT max(version) FROM mo_migrate_history WHERE kind = 'sql'",
        rows: "2\n",
    },
    Expected {
        title: "Make a snapshot every night",
        answers: "",
        sql: "SELECT count(*) FROM products",
        rows: "2\n",
    },
    Expected {
        title: "Upgrade a copy, and switch to it",
        answers: "",
        sql: "SELECT max(version) FROM mo_migrate_history WHERE kind = 'sql'",
        rows: "2\n",
    },
];

struct Recipe {
    title: String,
    /// The word behind the fence, and the text.
    blocks: Vec<(String, String)>,
}

fn recipes() -> Vec<Recipe> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("docs/operating.md")).unwrap();
    let mut found = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let (title, rest) = section.split_once('\n').unwrap();
        let blocks = rest.split("\n```").collect::<Vec<_>>();
        let blocks = blocks.chunks(2).filter_map(|pair| pair.get(1)).map(|block| {
            let (kind, text) = block.split_once('\n').unwrap();
            (kind.to_owned(), format!("{text}\n"))
        });
        found.push(Recipe { title: title.to_owned(), blocks: blocks.collect() });
    }
    found
}

/// A program of this name, in the folder or where it is found before any other (`bin/…`).
fn stand_in(shop: &Fixture, name: &str, text: &str) {
    let path = shop.folder().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The shop that all recipes speak of: two versions are applied, a third is to come.
async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    for (file, text) in [("1_products.sql", PRODUCTS), ("2_prices.sql", PRICES)] {
        shop.file(file, text);
        shop.migrator().run(shop.address()).await.unwrap();
    }
    shop.file("3_stock.sql", "ALTER TABLE products ADD COLUMN stock INT;");
    fs::write(shop.folder().join("prices.csv"), "3,700\n").unwrap();
    alembic_project(&shop, &[STOCK]);
    stand_in(&shop, "bin/systemctl", "echo \"systemctl $*\" >> systemctl.log");
    for script in ["ticket.sh", "badges.sh", "tell-the-team.sh"] {
        stand_in(&shop, script, "echo yes");
    }
    let program = program("migrate_from_dir").display().to_string();
    stand_in(&shop, "bin/migrate", &format!("exec '{program}' \"$@\""));
    if let Some(alembic) = alembic() {
        stand_in(&shop, "bin/alembic", &format!("exec '{}' \"$@\"", alembic.display()));
    }
    if !place.is_sqlite() {
        fs::write(shop.folder().join(".my.cnf"), mysql_config(shop.database())).unwrap();
    }
    shop
}

/// Types a text on a terminal, with these answers.
fn typed(shop: &Fixture, text: &str, answers: &str) -> Said {
    fs::write(shop.folder().join("recipe.sh"), text).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = in_shop(shop, "script");
    command
        .args(["-qec", "bash -e recipe.sh", "/dev/null"])
        .env("PATH", format!("{}:{path}", shop.folder().join("bin").display()))
        .env("HOME", shop.folder())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut typing = command.spawn().unwrap();
    typing.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    Said::of(&typing.wait_with_output().unwrap())
}

fn last_run(shop: &Fixture) -> String {
    let said = migrate(shop, "history --format json").ends(0);
    let history: serde_json::Value = serde_json::from_str(&said.words).unwrap();
    let run = history["runs"].as_array().unwrap().first().unwrap();
    run["id"].as_str().or(run["run"].as_str()).unwrap().to_owned()
}

#[tokio::test]
async fn every_recipe_works_as_it_stands() {
    let recipes = recipes();
    let mut wrong = String::new();
    for recipe in &recipes {
        let expected = EXPECTED.iter().find(|expected| expected.title == recipe.title);
        let Some(expected) = expected else { panic!("nothing is expected of `{}`", recipe.title) };
        for place in engines() {
            if recipe.title.contains("another tool") && alembic().is_none() {
                continue;
            }
            let shop = shop(place).await;
            let run = last_run(&shop);
            for (kind, text) in &recipe.blocks {
                let here = place.by("sh sqlite", "sh matrixone");
                if kind == "toml" {
                    fs::write(shop.folder().join("mo-migrate.toml"), text).unwrap();
                } else if kind == "sh" || kind == here {
                    let said =
                        typed(&shop, &text.replace(" RUN", &format!(" {run}")), expected.answers);
                    if said.code != 0 {
                        let title = &recipe.title;
                        writeln!(wrong, "{title}, {place:?}: {}\n{}", said.code, said.words)
                            .unwrap();
                    }
                }
            }
            let rows = shop.try_sql(expected.sql);
            if rows.as_deref() != Ok(expected.rows) {
                writeln!(wrong, "{}, {place:?}: {rows:?}", recipe.title).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for expected in EXPECTED {
        let is_there = recipes.iter().any(|recipe| recipe.title == expected.title);
        assert!(is_there, "`{}` is no recipe", expected.title);
    }
}
