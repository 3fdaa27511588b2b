//! The application's own view of the catalogue.
//!
//! It is written for any engine, so that the address alone says which. An application with one
//! engine names that one's pool, which a migrator takes as it takes an address.

use std::fmt;

use sqlx::{AnyPool, Row as _};

use crate::address;

/// The application's one query.
pub const LIST: &str =
    "SELECT id, name, category, price, stock, rating, review_count FROM products ORDER BY id";

/// A product as the application shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Its key.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Its price.
    pub price: i64,
    /// How many there are.
    pub stock: i64,
    /// What buyers gave it, of 5.
    pub rating: f64,
    /// How many of them did.
    pub review_count: i64,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, category, price, stock, rating, review_count } = self;
        write!(
            f,
            "{id:>3}  {name:<20} {category:<12} {price:>6} {stock:>5}  {rating:.1} ({review_count})"
        )
    }
}

/// The application's connections.
///
/// # Errors
/// There is no such database, or it can't be reached.
pub async fn open(address: &str) -> sqlx::Result<AnyPool> {
    sqlx::any::install_default_drivers();
    AnyPool::connect(&address::of_sqlx(address)).await
}

/// All products, in the order of their keys.
///
/// # Errors
/// The database can't be read, or has no version 2.
pub async fn products(pool: &AnyPool) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(LIST).fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            Ok(Product {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                category: row.try_get("category")?,
                price: row.try_get("price")?,
                stock: row.try_get("stock")?,
                // FLOAT is of another width in each engine; both are read into the wider one.
                rating: row.try_get_unchecked("rating")?,
                review_count: row.try_get("review_count")?,
            })
        })
        .collect()
}
