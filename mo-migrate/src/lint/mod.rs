//! What can go wrong with migrations of which every statement is right: changes that lose rows, wait
//! for others, break programs that run, or have no way back.
//!
//! It reads the files and asks no database. What was not looked at is said as a note.

mod answer;
mod columns;
mod copies;
mod file;
mod refused;
mod rule;
mod sarif;
mod say;
mod set;

pub use self::answer::{Finding, Lint, Scope};
pub use self::rule::{Level, Rule};
pub(crate) use self::set::{lint, look_at};

/// What is found in a file with these bytes, for the fuzz targets.
#[cfg(feature = "fuzzing")]
pub(crate) fn of_bytes(path: &str, bytes: &[u8], dialects: &[crate::sql::Dialect]) -> Vec<Finding> {
    let bytes = bytes.to_vec().into();
    let source = crate::migration::SetSource { path: path.to_owned(), bytes };
    let known = |dialect: &crate::sql::Dialect| set::Known {
        dialect: *dialect,
        columns: columns::Columns::default(),
    };
    let known: Vec<_> = dialects.iter().map(known).collect();
    set::of_file(&source, false, &known, Some("shop"))
}
