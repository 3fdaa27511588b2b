//! What is in the demo's database, asked as any application would ask.

use std::fmt;
use std::path::Path;

use mo_migrate::error::Code;
use mo_migrate::prelude::*;
use products::{address, catalogue};
use sqlx::{AnyPool, Column as _, Row as _};

/// The shop's connection.
#[derive(Debug)]
pub(crate) struct Shop(AnyPool);

/// The catalogue at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) columns: Vec<String>,
    /// Id, name, price and stock of each product.
    pub(crate) products: Vec<(i64, String, i64, i64)>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = (self.products.len(), self.columns.len());
        write!(f, "products {rows} rows, {columns} columns: {}", self.columns.join(", "))
    }
}

impl Shop {
    pub(crate) async fn open(address: &str) -> Result<Self> {
        catalogue::open(address).await.map(Self).map_err(unreadable)
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
    }

    pub(crate) async fn state(&self) -> Result<State> {
        let rows = sqlx::query("SELECT * FROM products ORDER BY id")
            .fetch_all(&self.0)
            .await
            .map_err(unreadable)?;
        let columns = rows.first().map_or_else(Vec::new, |row| {
            row.columns().iter().map(|column| column.name().to_owned()).collect()
        });
        let products = rows.iter().map(|row| {
            Ok((
                row.try_get("id")?,
                row.try_get("name")?,
                row.try_get("price")?,
                row.try_get("stock")?,
            ))
        });
        let products = products.collect::<sqlx::Result<_>>().map_err(unreadable)?;
        Ok(State { columns, products })
    }

    /// Whether a clone for a test, `<database>_verify`, is there.
    pub(crate) async fn clone_is_there(&self, address: &str) -> Result<bool> {
        if address::is_file(address) {
            let path = address.trim_start_matches("sqlite:").trim_start_matches("//");
            let path = path.split('?').next().unwrap_or(path);
            return Ok(Path::new(&format!("{path}_verify")).exists());
        }
        let clones = "SELECT schema_name FROM information_schema.schemata \
                      WHERE schema_name LIKE concat(database(), '_verify%')";
        let clones = sqlx::query(clones).fetch_all(&self.0).await.map_err(unreadable)?;
        Ok(!clones.is_empty())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn unreadable(error: sqlx::Error) -> Error {
    Error::new(Code::Database, format!("the shop can't read its catalogue: {error}"))
}
