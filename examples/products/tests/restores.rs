//! Whatever fails, and wherever: the catalogue is as it was.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::prelude::*;
use mo_migrate::testing::{self, Restores};
use products::MIGRATOR;

#[tokio::test]
async fn every_failure_leaves_the_catalogue_as_it_was() -> Result<()> {
    let tried = testing::assert_restores(&MIGRATOR).await?;
    assert!(tried.rolled_back() > 10, "{tried}");
    assert!(tried.restored() >= 3, "{tried}");
    Ok(())
}

#[tokio::test]
async fn so_do_rows_that_no_migration_made() -> Result<()> {
    let tried = Restores::of(&MIGRATOR)
        .seed(0, "CREATE TABLE orders (product TEXT, pieces INT); INSERT INTO orders VALUES ('mouse', 2)")
        .seed(1, "UPDATE products SET stock = 149 WHERE name = 'Wireless Mouse'")
        .run()
        .await?;
    assert!(tried.restored() > 0, "{tried}");
    Ok(())
}
