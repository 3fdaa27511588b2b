//! The kit for unit tests of single migrations.
//!
//! A migration is tested where it can do harm: on a database of the version before it, with rows in
//! it. [`at`] gives such a database, an empty file of its own that the guard itself has migrated;
//! [`TestDatabase::apply`] then runs the one migration with its checks as production will.
//! [`assert_restores`] lets every statement and every check fail once, and holds the database
//! against what it was.
//!
//! ```
//! use mo_migrate::prelude::*;
//! use mo_migrate::testing;
//!
//! #[migration(version = 1)]
//! async fn create_products(db: &mut Session<'_>) -> Result<()> {
//!     db.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
//!     Ok(())
//! }
//!
//! #[migration(version = 2, checks(rows_unchanged("products")))]
//! async fn add_price(db: &mut Session<'_>) -> Result<()> {
//!     db.execute("ALTER TABLE products ADD COLUMN price INT NOT NULL DEFAULT 0").await?;
//!     Ok(())
//! }
//!
//! static MIGRATOR: Migrator = migrations!(create_products, add_price);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let mut db = testing::at(&MIGRATOR, 1).await?;
//! db.seed("INSERT INTO products (name) VALUES ('mouse'), ('keyboard')").await?;
//! let report = db.apply(2).await?;
//! assert_eq!(report.outcome, Outcome::Applied);
//! assert_eq!(db.columns("products").await?, ["id", "name", "price"]);
//! assert_eq!(db.row_count("products").await?, 2);
//!
//! let tried = testing::assert_restores(&MIGRATOR).await?;
//! assert!(tried.restored() > 0);
//! # Ok(())
//! # }
//! ```

mod database;
mod dump;
mod folder;
mod inject;
mod restores;
mod tried;

pub use database::TestDatabase;
pub use restores::Restores;
pub use tried::{Case, Tried};

use crate::Migrator;
use crate::error::Result;
use crate::migration::Version;

/// A new database at this version; 0 is an empty one.
///
/// It is a SQLite file in a temporary folder, which is removed with the value. When the test
/// panics it is kept, and its path printed.
///
/// # Errors
/// The set has no such version, or a migration up to it fails.
pub async fn at(migrator: &Migrator, version: Version) -> Result<TestDatabase> {
    TestDatabase::new(migrator, version).await
}

/// A database of the caller's own, brought up to this version; it stays when the value goes.
///
/// # Errors
/// As [`at`].
pub async fn at_on(migrator: &Migrator, version: Version, address: &str) -> Result<TestDatabase> {
    TestDatabase::on(migrator, version, address).await
}

/// Lets every statement and every check of every migration fail once, and compares the database
/// with what it was each time.
///
/// It is the short form of [`Restores`], with no rows but those that the migrations make.
///
/// # Errors
/// The first failure after which the database was not as before, or that was not noticed.
pub async fn assert_restores(migrator: &Migrator) -> Result<Tried> {
    Box::pin(Restores::of(migrator).run()).await
}
