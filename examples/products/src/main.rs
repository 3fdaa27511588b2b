//! The shop: brings its database up to date when it starts, then lists its products.

use std::error::Error;
use std::io::Write as _;

use products::{MIGRATOR, address, catalogue};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = address::chosen();
    let report = MIGRATOR.run(&address).await?;
    let pool = catalogue::open(&address).await?;

    let mut out = std::io::stdout().lock();
    let version = report.to.map_or_else(|| "none".to_owned(), |version| version.to_string());
    writeln!(out, "database: {}, version {version}", report.outcome)?;
    for product in catalogue::products(&pool).await? {
        writeln!(out, "{product}")?;
    }
    Ok(())
}
