//! Version 2 on a catalogue of version 1: what it changes, and what it keeps.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod engines;

use mo_migrate::prelude::*;
use mo_migrate::report::{CheckVerdict, MigrationState};

#[tokio::test]
async fn version_1_has_the_five_products() -> Result<()> {
    for engine in engines::all() {
        let db = engine.at(1).await?;
        assert_eq!(db.version().await?, Some(1));
        assert_eq!(db.columns("products").await?, ["id", "name", "price", "stock"]);
        let rows = db.fetch_all("SELECT name, price, stock FROM products ORDER BY id").await?;
        let found: Vec<Vec<Value>> = rows.iter().map(|row| row.values().to_vec()).collect();
        assert_eq!(
            found,
            [
                params!["Gaming Laptop", 1500, 20],
                params!["Wireless Mouse", 30, 150],
                params!["Mechanical Keyboard", 120, 80],
                params!["4K Monitor", 400, 45],
                params!["USB-C Hub", 50, 200],
            ]
        );
    }
    Ok(())
}

#[tokio::test]
async fn version_2_has_seven_products_in_eight_columns() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        let report = db.apply(2).await?;
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(
            db.columns("products").await?,
            ["id", "name", "category", "description", "price", "stock", "rating", "review_count"]
        );
        let new = db.fetch_all("SELECT * FROM products WHERE id > 5 ORDER BY id").await?;
        let new: Vec<Vec<Value>> = new.iter().map(|row| row.values().to_vec()).collect();
        assert_eq!(
            new,
            [
                params![
                    6,
                    "Smart Watch",
                    "Wearables",
                    "Description for Smart Watch",
                    250,
                    60,
                    4.5,
                    0
                ],
                params![
                    7,
                    "Webcam Pro",
                    "Electronics",
                    "Description for Webcam Pro",
                    90,
                    75,
                    4.5,
                    0
                ],
            ]
        );
        let old = db
            .fetch_all(
                "SELECT category, description, rating, review_count FROM products WHERE id = 3",
            )
            .await?;
        assert_eq!(
            old[0].values(),
            params!["Electronics", "Description for Mechanical Keyboard", 4.5, 0]
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_report_says_what_became_of_the_table_and_every_check_passed() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        let report = db.apply(2).await?;
        assert_eq!((report.from, report.to), (Some(1), Some(2)));
        assert_eq!(report.migrations[0].state, MigrationState::Applied);
        let table = report.tables.iter().find(|table| table.name == "products").unwrap();
        assert_eq!((table.rows_before, table.rows_after), (Some(5), Some(7)));
        assert_eq!((table.columns_before.len(), table.columns_after.len()), (4, 8));
        assert!(report.checks.len() >= 9, "{:#?}", report.checks);
        assert!(
            report.checks.iter().all(|check| check.verdict == CheckVerdict::Pass),
            "{:#?}",
            report.checks
        );
    }
    Ok(())
}

#[tokio::test]
async fn ids_and_the_next_one_stay() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        db.seed(
            "INSERT INTO products (id, name, price, stock) VALUES (40, 'Desk Lamp', 35, 12);
             DELETE FROM products WHERE id = 40;
             DELETE FROM products WHERE id = 2;",
        )
        .await?;
        db.apply(2).await?;
        let rows = db.fetch_all("SELECT id FROM products ORDER BY id").await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect::<Result<_>>()?;
        assert_eq!(ids, [1, 3, 4, 5, 41, 42]);
        db.seed("INSERT INTO products (name, price, stock) VALUES ('Desk Lamp', 35, 12)").await?;
        assert_eq!(db.fetch_scalar::<i64>("SELECT max(id) FROM products").await?, 43);
    }
    Ok(())
}

#[tokio::test]
async fn ids_may_be_larger_than_an_int() -> Result<()> {
    const LARGE: i64 = 3_000_000_000;
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        let lamp = "INSERT INTO products (id, name, price, stock) VALUES";
        db.seed(&format!("{lamp} ({LARGE}, 'Desk Lamp', 35, 12)")).await?;
        db.apply(2).await?;
        let kept = format!("SELECT count(*) FROM products WHERE id = {LARGE}");
        assert_eq!(db.fetch_scalar::<i64>(kept).await?, 1);
        assert_eq!(db.fetch_scalar::<i64>("SELECT max(id) FROM products").await?, LARGE + 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_product_of_the_same_name_stops_the_upgrade_and_is_shown() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        db.seed("INSERT INTO products (name, price, stock) VALUES ('Smart Watch', 199, 3)").await?;
        let before = db.dump().await?;

        let error = db.apply(2).await.unwrap_err();

        assert_eq!(error.outcome(), engine.undone(), "{}", error.render(false));
        assert!(error.message().contains("`unique(products.name)` failed"), "{error}");
        assert!(error.to_string().contains("Smart Watch"), "{error}");
        assert_eq!(db.dump().await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn down_takes_the_columns_and_the_two_products_back() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(2).await?;
        db.seed("UPDATE products SET stock = 19 WHERE name = 'Gaming Laptop'").await?;
        db.down().await?;
        assert_eq!(db.version().await?, Some(1));
        assert_eq!(db.columns("products").await?, ["id", "name", "price", "stock"]);
        assert_eq!(db.row_count("products").await?, 5);
        assert_eq!(db.fetch_scalar::<i64>("SELECT stock FROM products WHERE id = 1").await?, 19);
        db.down_to(0).await?;
        assert!(db.columns("products").await.is_err());
    }
    Ok(())
}
