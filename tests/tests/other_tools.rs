//! Other programs under the guard: an import of a large file, and a migration tool of another language.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it leaves out"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mo_migrate::error::Code;
use mo_migrate::{Guard, Outcome};
use mo_migrate_tests::tools::{alembic, alembic_project, mysql_config};
use mo_migrate_tests::{Fixture, Place, engines};

const ROWS: u32 = 1_000_000;

const CHECKS: &str = "-- check: a million prices came in
SELECT 1 WHERE (SELECT count(*) FROM prices) <> 1000001;
-- check: no price is negative
SELECT id, cents FROM prices WHERE cents < 0;";

/// A file of prices, whose last one is `last`.
fn prices(folder: &Path, last: i32) -> PathBuf {
    let path = folder.join("prices.csv");
    let mut text = String::new();
    for number in 2..=ROWS {
        writeln!(text, "{number},{}", number % 1000).unwrap();
    }
    writeln!(text, "{},{last}", ROWS + 1).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// The program that people import by, with what it is told.
fn importer(shop: &Fixture, file: &Path) -> Vec<String> {
    let file = file.display();
    let words: Vec<String> = match shop.place() {
        Place::Sqlite(_) => vec![
            "sqlite3".into(),
            "-csv".into(),
            shop.path().display().to_string(),
            format!(".import {file} prices"),
        ],
        Place::MatrixOne => {
            let config = shop.folder().join("my.cnf");
            fs::write(&config, mysql_config(shop.database())).unwrap();
            vec![
                "mysql".into(),
                format!("--defaults-file={}", config.display()),
                "-e".into(),
                format!(
                    "LOAD DATA LOCAL INFILE '{file}' INTO TABLE prices FIELDS TERMINATED BY ','"
                ),
            ]
        }
    };
    words
}

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file(
        "1_init.sql",
        "CREATE TABLE prices (id BIGINT PRIMARY KEY, cents INT); INSERT INTO prices VALUES (1, 5);",
    );
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

fn import(shop: &Fixture) -> Guard {
    shop.migrator().guard("import").tables(["prices"]).checks("prices.check.sql", CHECKS)
}

#[tokio::test]
async fn a_million_rows_come_in_by_another_program_or_not_at_all() {
    for place in engines() {
        let shop = shop(place).await;
        let bad = importer(&shop, &prices(shop.folder(), -1));
        let error = import(&shop).command(shop.address(), bad).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, Outcome::Restored),
            "{error:?}"
        );
        assert!(error.to_string().contains("-1"), "{error:?}");
        assert_eq!(shop.sql("SELECT * FROM prices"), "1|5\n");
        let good = importer(&shop, &prices(shop.folder(), 1));
        let report = import(&shop).command(shop.address(), good).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(shop.sql("SELECT count(*) FROM prices"), "1000001\n");
        assert_eq!(
            (report.tables[0].rows_before, report.tables[0].rows_after),
            (Some(1), Some(1_000_001))
        );
    }
}

const FIRST: &str = "op.execute(\"CREATE TABLE stock (id INT PRIMARY KEY, pieces INT)\")
op.execute(\"INSERT INTO stock VALUES (1, 20), (2, 150)\")";

const SECOND: &str = "op.execute(\"ALTER TABLE stock ADD COLUMN shelf INT\")
op.execute(\"UPDATE stock SET shelf = 7, pieces = 0\")";

#[tokio::test]
async fn alembic_is_put_back_when_its_upgrade_fails_or_a_check_does() {
    let Some(alembic) = alembic() else { return };
    for place in engines() {
        let shop = shop(place).await;
        let config = shop.folder().join("alembic.ini");
        let words = [
            alembic.as_os_str(),
            "-c".as_ref(),
            config.as_os_str(),
            "upgrade".as_ref(),
            "head".as_ref(),
        ];
        let guard = shop.migrator().guard("alembic").checks(
            "stock.check.sql",
            "-- check: something is in stock\nSELECT 1 WHERE (SELECT sum(pieces) FROM stock) = 0;",
        );
        alembic_project(&shop, &[FIRST]);
        let report = guard.command(shop.address(), words).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(shop.sql("SELECT version_num FROM alembic_version"), "r0\n");
        let before = shop.dump();
        alembic_project(&shop, &[FIRST, SECOND]);
        let error = guard.command(shop.address(), words).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, Outcome::Restored),
            "{error:?}"
        );
        shop.assert_dump(&before, "after a check that failed");
        alembic_project(&shop, &[FIRST, &format!("{SECOND}\nop.execute(\"DROP TABLE nowhere\")")]);
        let error = guard.command(shop.address(), words).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::Guarded, Outcome::Restored),
            "{error:?}"
        );
        assert!(error.to_string().contains("nowhere"), "{error:?}");
        shop.assert_dump(&before, "after an upgrade that failed");
    }
}
