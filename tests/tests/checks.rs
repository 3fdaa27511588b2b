//! Checks: each passes once and fails once, with its rows in the JSON.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::{Fixture, Place, engines};

const INIT: &str = "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(100), category VARCHAR(100), price INT);
INSERT INTO products VALUES (1, 'Laptop', 'Electronics', 1500), (2, 'Mouse', 'Electronics', 30), (3, 'Watch', 'Wearables', 250);
CREATE TABLE reviews (id INT PRIMARY KEY, product INT, FOREIGN KEY (product) REFERENCES products (id));
INSERT INTO reviews VALUES (1, 1);";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_init.sql", INIT);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

/// A check, a migration under which it holds, and one under which it does not, with what its rows
/// must show.
const READY: [(&str, &str, &str, &str); 12] = [
    (
        "rows_unchanged(products)",
        "SELECT 1",
        "DELETE FROM products WHERE id = 2",
        r#"[{"rows_before":3,"rows_after":2}]"#,
    ),
    (
        "rows_at_least(products, 3)",
        "SELECT 1",
        "DELETE FROM products WHERE id = 2",
        r#"[{"row_count":2}]"#,
    ),
    (
        "rows_exactly(products, 3)",
        "SELECT 1",
        "INSERT INTO products (id) VALUES (4)",
        r#"[{"row_count":4}]"#,
    ),
    (
        "not_null(products.category)",
        "SELECT 1",
        "UPDATE products SET category = NULL WHERE id = 2",
        r#""name":"Mouse""#,
    ),
    (
        "unique(products.name)",
        "SELECT 1",
        "UPDATE products SET name = 'Mouse' WHERE id = 3",
        r#"[{"name":"Mouse","times":2}]"#,
    ),
    (
        "unique(products, name, category)",
        "UPDATE products SET name = 'Mouse' WHERE id = 3",
        "UPDATE products SET name = 'Mouse' WHERE id = 1",
        r#""times":2"#,
    ),
    (
        "accepted(products.category, 'Electronics', 'Wearables')",
        "SELECT 1",
        "UPDATE products SET category = 'Elec''tronics' WHERE id = 1",
        r#""category":"Elec'tronics""#,
    ),
    (
        "foreign_keys",
        "SELECT 1",
        "$KEYS_OFF; UPDATE reviews SET product = 99",
        r#""table":"reviews""#,
    ),
    (
        "foreign_keys(reviews)",
        "UPDATE reviews SET product = 2",
        "$KEYS_OFF; DELETE FROM products WHERE id = 1",
        r#""parent":"products""#,
    ),
    (
        "columns_unchanged(products, name, price)",
        "UPDATE products SET category = 'x'",
        "UPDATE products SET price = 31 WHERE id = 2",
        r#"[{"name":"Mouse","price":30}]"#,
    ),
    (
        "columns_unchanged(products)",
        "INSERT INTO products VALUES (4, 'New', 'x', 1)",
        "DELETE FROM products WHERE id = 3",
        r#""name":"Watch""#,
    ),
    (
        "query_time(p50 < 5s, p95 < 10s, n = 3) SELECT count(*) FROM products;",
        "SELECT 1",
        "CREATE VIEW broken AS SELECT 1",
        "",
    ),
];

#[tokio::test]
async fn each_ready_check_passes_once_and_fails_once_with_its_rows() {
    let mut wrong = Vec::new();
    for place in engines() {
        for (check, holds, breaks, rows) in READY {
            let shop = shop(place).await;
            shop.file("2_x.sql", &format!("{holds};"))
                .file("2_x.check.sql", &format!("-- check: {check}\n"));
            let report = shop
                .migrator()
                .run(shop.address())
                .await
                .unwrap_or_else(|e| panic!("{check}: {e:?}"));
            assert_eq!(report.to_json()["checks"][0]["verdict"], "pass", "{check}");
            if rows.is_empty() {
                continue;
            }
            let shop = self::shop(place).await;
            let before = shop.dump();
            shop.file("2_x.sql", &format!("{breaks};"))
                .file("2_x.check.sql", &format!("-- check: {check}\n"));
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert!(matches!(error.code(), Code::CheckFailed), "{check}: {error:?}");
            let json = error.report().unwrap().to_json();
            assert_eq!(json["checks"][0]["verdict"], "fail", "{check}");
            let shown = json["checks"][0]["rows"].to_string();
            if !shown.contains(rows) {
                wrong.push(format!("{check} in {place:?}: {shown}"));
            }
            shop.assert_dump(&before, check);
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test]
async fn a_query_that_is_too_slow_fails_after_the_commit() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let slow = place.slow();
        shop.file("2_x.sql", "CREATE TABLE x (y INT);")
            .file("2_x.check.sql", &format!("-- check: query_time(p95 < 1us, n = 3)\n{slow}"));
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, Outcome::Restored),
            "{error:?}"
        );
        assert!(error.to_string().contains("95th percentile of 3 runs"), "{error:?}");
        shop.assert_dump(&before, "slow query");
    }
}

#[tokio::test]
async fn a_command_must_exit_0_and_what_it_says_is_in_the_report() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("2_x.sql", "CREATE TABLE x (y INT);").file(
            "2_x.check.sql",
            "-- check: the shop answers\n-- command: echo 'no shop here' >&2; exit 7",
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::CheckFailed, Outcome::Restored),
            "{error:?}"
        );
        assert!(error.to_string().contains("exited with 7: no shop here"), "{error:?}");
        shop.assert_dump(&before, "command");
        shop.file("2_x.check.sql", "-- check: the shop answers\n-- command: true");
        let report = shop.migrator().attended(true).run(shop.address()).await.unwrap();
        assert_eq!(report.to_json()["checks"][0]["when"], "after");
    }
}

#[tokio::test]
async fn a_check_that_runs_past_its_time_is_ended_and_fails_the_run() {
    for place in engines() {
        let endless = place.endless();
        for (check, outcome) in [
            (format!("-- check(timeout = 200ms): endless\n{endless}"), place.undone()),
            (format!("-- check(after, timeout = 200ms): endless\n{endless}"), Outcome::Restored),
            (
                "-- check(timeout = 200ms): endless\n-- command: sleep 60".to_owned(),
                Outcome::Restored,
            ),
        ] {
            let shop = shop(place).await;
            let before = shop.dump();
            shop.file("2_x.sql", "CREATE TABLE x (y INT);").file("2_x.check.sql", &check);
            let error = shop.migrator().run(shop.address()).await.unwrap_err();
            assert_eq!((error.code(), error.outcome()), (Code::TimeLimit, outcome), "{error:?}");
            shop.assert_dump(&before, &check);
        }
    }
}

#[tokio::test]
async fn a_statement_that_runs_past_its_time_is_undone() {
    for place in engines() {
        let endless = format!("CREATE TABLE n AS {}", place.endless());
        for (head, outcome) in
            [("", place.undone()), ("-- mo-migrate: no-transaction\n", Outcome::Restored)]
        {
            let shop = shop(place).await;
            let before = shop.dump();
            shop.file("2_x.sql", &format!("{head}DELETE FROM reviews; {endless}"));
            let migrator = shop.migrator().statement_timeout(Some(Duration::from_millis(200)));
            let error = migrator.run(shop.address()).await.unwrap_err();
            assert_eq!((error.code(), error.outcome()), (Code::TimeLimit, outcome), "{error:?}");
            shop.assert_dump(&before, head);
        }
    }
}

#[tokio::test]
async fn a_run_that_is_asked_to_stop_is_undone() {
    for place in engines() {
        let endless = format!("CREATE TABLE n AS {}", place.endless());
        for (head, outcome) in
            [("", place.undone()), ("-- mo-migrate: no-transaction\n", Outcome::Restored)]
        {
            let shop = shop(place).await;
            let before = shop.dump();
            shop.file("2_x.sql", &format!("{head}DELETE FROM reviews; {endless}"));
            let interrupt = mo_migrate::settings::Stop::default();
            let asking = interrupt.clone();
            let asked = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                asking.ask();
            });
            let error = shop.migrator().stop(interrupt).run(shop.address()).await.unwrap_err();
            asked.await.unwrap();
            assert_eq!((error.code(), error.outcome()), (Code::Interrupted, outcome), "{error:?}");
            assert_eq!(error.exit_code().0, 130);
            shop.assert_dump(&before, head);
        }
    }
}

#[tokio::test]
async fn checks_of_always_run_after_every_run() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_x.sql", "INSERT INTO products (id, price) VALUES (4, -1);").file(
            "always.check.sql",
            "-- check: prices are positive\nSELECT id, price FROM products WHERE price <= 0;",
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        let json = error.report().unwrap().to_json();
        assert_eq!(json["checks"][0]["rows"][0]["price"], -1);
        assert!(json["checks"][0]["version"].is_null());
    }
}

#[tokio::test]
async fn every_check_runs_so_that_the_report_has_all_that_is_wrong() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_x.sql", "DELETE FROM reviews; DELETE FROM products;").file(
        "2_x.check.sql",
        "-- check: rows_unchanged(products)\n-- check: rows_unchanged(reviews)\n-- check: errs\nSELECT * FROM nowhere;",
    );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        let verdicts: Vec<_> = error.report().unwrap().to_json()["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["verdict"].clone())
            .collect();
        assert_eq!(verdicts, ["fail", "fail", "error"]);
    }
}

#[tokio::test]
async fn only_so_many_rows_of_evidence_are_kept() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_x.sql", "UPDATE products SET category = NULL;").file(
            "2_x.check.sql",
            "-- check: all have a category\nSELECT id FROM products WHERE category IS NULL;",
        );
        let error = shop.migrator().evidence(2).run(shop.address()).await.unwrap_err();
        let check = &error.report().unwrap().checks[0];
        assert_eq!((check.rows.len(), check.detail.as_str()), (2, "more than 2 rows are wrong"));
    }
}
