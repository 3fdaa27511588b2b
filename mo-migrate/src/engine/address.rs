//! Addresses: which engine, and where. What can't be read is never shown, for it may hold a
//! password.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::SharedEngine;
use crate::error::{Code, Error, Result};

/// An address of a database: `sqlite:app.db`. Neither `Debug` nor `Display` show more than its
/// engine.
#[derive(Clone)]
pub struct Address(Arc<str>);

/// An address of an engine that this program has, for the messages that ask for one.
pub(crate) const EXAMPLE: &str =
    if cfg!(feature = "sqlite") { "sqlite:app.db" } else { "matrixone://USER@HOST:6001/DATABASE" };

/// One of each engine that is there.
const EXAMPLES: &str = if cfg!(all(feature = "sqlite", feature = "matrixone")) {
    "sqlite:app.db` or `matrixone://USER:PASSWORD@HOST:6001/DATABASE"
} else {
    EXAMPLE
};

impl Address {
    /// Takes an address as it is; it is read when it is opened.
    #[must_use]
    pub fn new(address: impl AsRef<str>) -> Self {
        Self(Arc::from(address.as_ref()))
    }

    /// The whole of it, with its credentials: for a driver, and for nothing that is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address of the database of this name beside this one, which is in this file where it is one,
    /// with the same credentials and options.
    pub(crate) fn named(&self, database: &str, file: &str) -> Self {
        let (place, options) = match self.0.split_once('?') {
            Some((place, options)) => (place, format!("?{options}")),
            None => (&*self.0, String::new()),
        };
        if self.engine() == Some("sqlite") {
            return Self::new(format!("sqlite:{}{options}", encoded(file)));
        }
        let host = place.find("://").map_or(0, |at| at + 3);
        let path = place.get(host..).and_then(|rest| rest.find('/'));
        let server = place.get(..path.map_or(place.len(), |at| host + at)).unwrap_or_default();
        Self::new(format!("{server}/{}{options}", encoded(database)))
    }

    /// The part in front of the colon, if it is one that is known.
    fn engine(&self) -> Option<&'static str> {
        let (scheme, _) = self.0.split_once(':')?;
        ["sqlite", "matrixone", "mysql", "mariadb", "postgres", "postgresql"]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known))
    }

    /// Opens the engine that the address is of; no connection is made yet.
    ///
    /// # Errors
    /// The address can't be read, or is of an engine that this program was built without.
    pub(crate) fn open(&self) -> Result<SharedEngine> {
        match self.engine() {
            #[cfg(feature = "sqlite")]
            Some("sqlite") => {
                // A name and a password have no place in the path of a file, which is shown.
                let path = self.0.split_once(':').map_or("", |(_, path)| path);
                if path.split_once(':').is_some_and(|(_, behind)| behind.contains('@')) {
                    return Err(unreadable());
                }
                // The driver takes a scheme in capitals for a part of the file's name.
                let address = format!("sqlite:{path}");
                let unread = |_: sqlx::Error| {
                    let error = unreadable();
                    if !address.contains('?') {
                        return error;
                    }
                    error.because(
                        "behind its `?` may stand `mode` (`ro`, `rw`, `rwc`), `cache`, `immutable` and `vfs`",
                    )
                };
                let parsed = address.parse().map_err(unread)?;
                Ok(Arc::new(super::sqlite::Sqlite::at(parsed)?))
            }
            #[cfg(feature = "matrixone")]
            Some("matrixone" | "mysql") => Ok(Arc::new(super::matrixone::MatrixOne::at(&self.0)?)),
            Some(other) => Err(Error::new(
                Code::NoEngine,
                format!("there is no engine for `{other}` in this program"),
            )
            .hinted(format!("use an address such as `{EXAMPLE}`"))),
            None => Err(unreadable()),
        }
    }
}

/// A name or a path as it stands in an address.
fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn unreadable() -> Error {
    Error::new(
        Code::Address,
        "the address can't be read (it is not shown here, for it may hold a password)",
    )
    .hinted(format!("write it whole, as `{EXAMPLES}`"))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}:…)", self.engine().unwrap_or("?"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.engine().unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: [&str; 14] = [
        "",
        "hunter2",
        "sqlite",
        "://root:hunter2@host/db",
        "root:hunter2@127.0.0.1:6001",
        "mysql//root:hunter2@host",
        "postgres://root:hunter2@[::1/db",
        "matrixone://root:hunter2@host:notaport/db",
        "sqlite:app.db?mode=hunter2",
        "sqlite://root:hunter2@host/db",
        "sqlite://root:12/hunter2@host/db",
        "matrixone://root:12/hunter2@host/db",
        "mysql://root:12/3?hunter2@host/db",
        "mysql://root:12/3#hunter2@host/db",
    ];

    #[test]
    fn the_database_beside_has_the_same_credentials_and_options() {
        for (address, beside) in [
            ("sqlite:shop.db", "sqlite:a%20b/50%25.db"),
            ("sqlite:///var/shop.db?mode=rw", "sqlite:a%20b/50%25.db?mode=rw"),
            (
                "matrixone://root:p%2Fw@host:6001/shop",
                "matrixone://root:p%2Fw@host:6001/shop_green",
            ),
            ("mysql://host/shop?ssl-mode=disabled", "mysql://host/shop_green?ssl-mode=disabled"),
        ] {
            let named = Address::new(address).named("shop_green", "a b/50%.db");
            assert_eq!(named.expose(), beside);
        }
    }

    #[test]
    fn a_bad_address_is_never_shown() {
        for bad in BAD {
            let address = Address::new(bad);
            let Err(error) = address.open() else { panic!("`{bad}` was taken") };
            for shown in [
                error.render(false),
                error.to_string(),
                format!("{error:?}"),
                format!("{address:?} {address}"),
            ] {
                assert!(!shown.contains("hunter2"), "{shown}");
            }
            assert_eq!(error.exit_code(), crate::error::ExitCode::CONFIG, "{bad}");
        }
    }
}
