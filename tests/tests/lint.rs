//! What the lint says to ask or to write is right on the engines: the queries find the rows that stop
//! the migration, and what stands there instead runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mo_migrate::lint::{Finding, Scope};
use mo_migrate::{Migrator, Outcome, Target};
use mo_migrate_tests::{Fixture, Place, engines};

/// The finding with this code of the second version.
fn finding(shop: &Fixture, code: &str) -> Finding {
    let scope =
        Scope { target: Some(Target::from(shop.address())), above: Some(1), ..Scope::default() };
    let lint = shop.migrator().lint(&scope).unwrap();
    lint.findings.into_iter().find(|finding| finding.code == code).unwrap()
}

/// A shop with these tables, and this as its second version.
async fn shop(place: Place, tables: &str, second: &str) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_tables.sql", tables);
    shop.migrator().run(shop.address()).await.unwrap();
    shop.file("2_change.sql", second);
    shop
}

/// The rows that stop the second version are found, and without them it is applied.
async fn asks_before(place: Place, code: &str, tables: &str, second: &str, mends: &str) {
    let shop = shop(place, tables, second).await;
    let instead = finding(&shop, code).instead.unwrap();
    let query = instead.lines().find(|line| line.starts_with("SELECT")).unwrap();
    assert_ne!(shop.sql(query), "", "{query}");
    assert!(run(&shop).await.is_err(), "{second}");
    shop.sql(mends);
    assert_eq!(shop.sql(query), "", "{query}");
    assert_eq!(run(&shop).await.unwrap(), Outcome::Applied, "{second}");
}

async fn run(shop: &Fixture) -> mo_migrate::Result<Outcome> {
    let migrator: Migrator = shop.migrator().attended(true);
    migrator.run(shop.address()).await.map(|report| report.outcome)
}

const GOODS: &str = "CREATE TABLE goods (id INT, name VARCHAR(20), shelf INT);\n\
    CREATE TABLE shelves (id INT PRIMARY KEY);\n\
    INSERT INTO goods (id, name, shelf) VALUES (1, 'a', 7), (2, 'a', NULL), (3, NULL, NULL), (4, NULL, NULL);";

#[tokio::test]
async fn rows_that_are_alike_are_found_before_a_unique_index_stops() {
    for place in engines() {
        let second = "CREATE UNIQUE INDEX by_name ON goods (name);";
        asks_before(place, "ADD_UNIQUE", GOODS, second, "DELETE FROM goods WHERE id = 2").await;
    }
    let second = "CREATE UNIQUE INDEX by_name ON goods (lower(name), shelf) WHERE id < 3;";
    let rows = "CREATE TABLE goods (id INT, name VARCHAR(20), shelf INT);\n\
        INSERT INTO goods (id, name, shelf) VALUES (1, 'a', 7), (2, 'A', 7), (3, 'a', 7);";
    for place in engines().into_iter().filter(|place| place.is_sqlite()) {
        asks_before(place, "ADD_UNIQUE", rows, second, "DELETE FROM goods WHERE id = 2").await;
    }
}

#[tokio::test]
async fn rows_that_break_a_key_of_matrixone_are_found_before_it_stops() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        for (code, second, mends) in [
            (
                "ADD_UNIQUE",
                "ALTER TABLE goods ADD PRIMARY KEY (name);",
                "DELETE FROM goods WHERE name IS NULL OR id = 2",
            ),
            (
                "ADD_FOREIGN_KEY",
                "ALTER TABLE goods ADD CONSTRAINT k FOREIGN KEY (shelf) REFERENCES shelves (id);",
                "INSERT INTO shelves VALUES (7)",
            ),
            (
                "SET_NOT_NULL",
                "ALTER TABLE goods MODIFY shelf INT NOT NULL;",
                "UPDATE goods SET shelf = 1 WHERE shelf IS NULL",
            ),
        ] {
            asks_before(place, code, GOODS, second, mends).await;
        }
    }
}

#[tokio::test]
async fn what_matrixone_refuses_or_repeats_is_written_so_that_it_runs() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        for (code, second, refused) in [
            ("ADD_AND_DROP", "ALTER TABLE goods ADD COLUMN price INT, DROP COLUMN shelf;", true),
            (
                "REPEATED_COPY",
                "ALTER TABLE goods ADD COLUMN a INT;\nALTER TABLE goods ADD (b INT, c INT);",
                false,
            ),
            (
                "REPEATED_COPY",
                "ALTER TABLE goods DROP COLUMN shelf;\nALTER TABLE goods DROP COLUMN name;",
                false,
            ),
        ] {
            let shop = shop(place, GOODS, second).await;
            let instead = finding(&shop, code).instead.unwrap();
            let instead = instead.replace("one copy for all:\n", "");
            if refused {
                assert!(run(&shop).await.is_err(), "{second}");
            }
            shop.file("2_change.sql", &instead);
            assert_eq!(run(&shop).await.unwrap(), Outcome::Applied, "{instead}");
        }
    }
}

#[tokio::test]
async fn matrixone_makes_no_key_of_references_beside_a_column() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let second = "ALTER TABLE goods ADD COLUMN other INT REFERENCES shelves (id);";
        let shop = shop(place, GOODS, second).await;
        let instead = finding(&shop, "NO_SUCH_KEY").instead.unwrap();
        assert_eq!(run(&shop).await.unwrap(), Outcome::Applied);
        assert!(!shop.dump().contains("FOREIGN KEY"));
        shop.file("3_key.sql", &instead);
        assert_eq!(run(&shop).await.unwrap(), Outcome::Applied, "{instead}");
        assert!(shop.dump().contains("FOREIGN KEY"), "{}", shop.dump());
    }
}

#[tokio::test]
async fn matrixone_rounds_what_another_type_does_not_hold_and_says_nothing() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let tables = "CREATE TABLE goods (id INT, price DOUBLE);\nINSERT INTO goods (id, price) VALUES (1, 1.7);";
        let shop = shop(place, tables, "ALTER TABLE goods MODIFY price INT;").await;
        assert!(finding(&shop, "CHANGE_TYPE").message.contains("rounded"));
        assert_eq!(run(&shop).await.unwrap(), Outcome::Applied);
        assert_eq!(shop.sql("SELECT price FROM goods").trim(), "2");
    }
}
