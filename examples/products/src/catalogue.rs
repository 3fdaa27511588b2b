//! The application's own view of the catalogue.

use std::fmt;

use sqlx::{Row as _, SqlitePool};

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

/// All products, in the order of their keys.
///
/// # Errors
/// The database can't be read, or has no version 2.
pub async fn products(pool: &SqlitePool) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(LIST).fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            Ok(Product {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                category: row.try_get("category")?,
                price: row.try_get("price")?,
                stock: row.try_get("stock")?,
                rating: row.try_get("rating")?,
                review_count: row.try_get("review_count")?,
            })
        })
        .collect()
}
