//! What a set is run on: an address, or the application's own pool.

use std::sync::Arc;

use super::{Address, Connection, SharedEngine};
use crate::error::Result;

/// What a set is run on; made from an address or from a reference to a pool.
#[derive(Clone, Debug)]
pub struct Target(Kind);

#[derive(Clone)]
enum Kind {
    Address(Address),
    #[cfg(feature = "sqlite")]
    SqlitePool(sqlx::SqlitePool),
    #[cfg(feature = "matrixone")]
    MySqlPool(sqlx::MySqlPool),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            #[cfg(feature = "sqlite")]
            Self::SqlitePool(_) => f.write_str("SqlitePool"),
            #[cfg(feature = "matrixone")]
            Self::MySqlPool(_) => f.write_str("MySqlPool"),
        }
    }
}

impl Target {
    /// A connection of the application's own pool, with the engine's name and the database's; none
    /// for an address, or when the pool has none to give.
    pub(crate) async fn pooled(&self) -> Option<(&'static str, String, Box<dyn Connection>)> {
        match &self.0 {
            Kind::Address(_) => None,
            #[cfg(feature = "sqlite")]
            Kind::SqlitePool(pool) => super::sqlite::pooled(pool).await,
            #[cfg(feature = "matrixone")]
            Kind::MySqlPool(pool) => super::matrixone::pooled(pool).await,
        }
    }

    pub(crate) fn open(&self) -> Result<SharedEngine> {
        match &self.0 {
            Kind::Address(address) => address.open(),
            #[cfg(feature = "sqlite")]
            Kind::SqlitePool(pool) => Ok(Arc::new(super::sqlite::Sqlite::of_pool(pool))),
            #[cfg(feature = "matrixone")]
            Kind::MySqlPool(pool) => Ok(Arc::new(super::matrixone::MatrixOne::of_pool(pool)?)),
        }
    }
}

impl From<&str> for Target {
    fn from(address: &str) -> Self {
        Self(Kind::Address(Address::new(address)))
    }
}

impl From<&String> for Target {
    fn from(address: &String) -> Self {
        Self::from(address.as_str())
    }
}

impl From<String> for Target {
    fn from(address: String) -> Self {
        Self::from(address.as_str())
    }
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        Self(Kind::Address(address))
    }
}

impl From<&Address> for Target {
    fn from(address: &Address) -> Self {
        Self(Kind::Address(address.clone()))
    }
}

impl From<&Self> for Target {
    fn from(target: &Self) -> Self {
        target.clone()
    }
}

#[cfg(feature = "sqlite")]
impl From<&sqlx::SqlitePool> for Target {
    fn from(pool: &sqlx::SqlitePool) -> Self {
        Self(Kind::SqlitePool(pool.clone()))
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for Target {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self(Kind::SqlitePool(pool))
    }
}

#[cfg(feature = "matrixone")]
impl From<&sqlx::MySqlPool> for Target {
    fn from(pool: &sqlx::MySqlPool) -> Self {
        Self(Kind::MySqlPool(pool.clone()))
    }
}

#[cfg(feature = "matrixone")]
impl From<sqlx::MySqlPool> for Target {
    fn from(pool: sqlx::MySqlPool) -> Self {
        Self(Kind::MySqlPool(pool))
    }
}
