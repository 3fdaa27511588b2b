//! The shop of the tests that ask about one table: two products with their prices.

use crate::{Fixture, Place};

/// Its first version.
pub const V1: &str = "CREATE TABLE products (id $KEY, price INT);\nINSERT INTO products (price) VALUES (1500), (30);";

/// The question about all of it.
pub const PRICES: &str = "SELECT price FROM products ORDER BY id";

/// The shop at its first version.
pub async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}
