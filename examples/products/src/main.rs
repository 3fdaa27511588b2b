//! The shop: brings its database up to date when it starts, then lists its products.

use std::error::Error;
use std::io::Write as _;
use std::str::FromStr as _;

use products::{MIGRATOR, address, catalogue};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = SqliteConnectOptions::from_str(&address::chosen())?.create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    let report = MIGRATOR.run(&pool).await?;

    let mut out = std::io::stdout().lock();
    let version = report.to.map_or_else(|| "none".to_owned(), |version| version.to_string());
    writeln!(out, "database: {}, version {version}", report.outcome)?;
    for product in catalogue::products(&pool).await? {
        writeln!(out, "{product}")?;
    }
    Ok(())
}
