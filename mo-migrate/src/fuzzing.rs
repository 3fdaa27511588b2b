//! Doors for the fuzz targets to the readers of text that are private; not for people.

use std::path::Path;

use crate::engine::Address;
use crate::error::Result;

/// Reads an address; gives all that is shown of the database that it names.
///
/// # Errors
/// It can't be read.
pub fn address(text: &str) -> Result<String> {
    let address = Address::new(text);
    let engine = address.open()?;
    Ok(format!("{address} {address:?} {} {engine:?}", engine.database()))
}

/// Whether an address that was given as a flag may stand in the commands that messages name.
#[must_use]
pub fn may_be_shown(address: &str) -> bool {
    crate::cli::may_be_shown(address)
}

/// Reads a configuration file, and looks at each of its values.
///
/// # Errors
/// It can't be read, or has a setting or a value that is none.
pub fn config(text: &str) -> Result<()> {
    crate::cli::read_config(text, Path::new("/project"))
}

/// Reads a `.env` file; gives its pairs.
///
/// # Errors
/// It has a line that is not `KEY=VALUE`.
pub fn dotenv(text: &str) -> Result<Vec<(String, String)>> {
    crate::cli::read_dotenv(text)
}

/// What the lint finds in a migration file, by the rules of both engines.
#[must_use]
pub fn lint(path: &str, bytes: &[u8]) -> Vec<crate::lint::Finding> {
    use crate::sql::Dialect::{MatrixOne, Sqlite};
    crate::lint::of_bytes(path, bytes, &[Sqlite, MatrixOne])
}

/// A text as the terminal gets it.
#[must_use]
pub fn printable(text: &str) -> String {
    crate::error::printable(text)
}
