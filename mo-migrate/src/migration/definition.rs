//! What the macros emit: everything about a set that is known when it is compiled.
//!
//! The attribute `#[migration]` keeps the function and adds an empty enum of the same name with
//! [`MigrationDef`] on it, so that `migrations!` finds the definition by the function's path.

use std::future::Future;
use std::pin::Pin;

use include_dir::Dir;

use super::{Session, TransactionMode, Version};
use crate::error::BoxError;
use crate::validate::Check;

/// A migration written in Rust, as the set stores it.
pub type MigrationFn = for<'a, 'c> fn(
    &'a mut Session<'c>,
) -> Pin<
    Box<dyn Future<Output = std::result::Result<(), BoxError>> + Send + 'a>,
>;

/// Implemented by `#[migration]` for the function that it stands on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a migration",
    note = "write `#[migration(version = …)]` above the function"
)]
pub trait MigrationDef {
    /// What the attribute said.
    const DEF: RustMigration;
}

/// A Rust migration: what its attribute said, and the function.
#[derive(Clone, Copy, Debug)]
pub struct RustMigration {
    /// Its place in the order.
    pub version: Version,
    /// The function's name, unless `name = "…"` gave another.
    pub name: &'static str,
    /// SHA-256 over the kinds and texts of the function's tokens, as lower case hex.
    pub checksum: &'static str,
    /// `file:line`, for messages.
    pub location: &'static str,
    /// Path of the down file, relative to the crate, with its text.
    pub down: Option<(&'static str, &'static str)>,
    /// Whether it said `transaction` or `no_transaction`.
    pub transaction: TransactionMode,
    /// Tables that it says it touches, where the engine cannot see them.
    pub tables: &'static [&'static str],
    /// It rebuilds a table that others refer to: foreign keys are off while it runs, and checked
    /// before the commit.
    pub rebuilds: bool,
    /// It writes to its session alone, so that it may run on a clone.
    pub rehearsable: bool,
    /// Checks that judge it.
    pub checks: &'static [Check],
    /// The function.
    pub run: MigrationFn,
}

/// What a file of a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// `<version>_<name>.sql` or `.up.sql`.
    Up,
    /// `<version>_<name>.down.sql`.
    Down,
    /// `<version>_<name>.check.sql`.
    Check,
    /// `R__<name>.sql`: runs again when its text changed.
    Repeatable,
    /// `always.check.sql`: runs after every run.
    Always,
}

/// A file that was compiled in.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Its name in the directory.
    pub file: &'static str,
    /// What it is for.
    pub role: FileRole,
    /// Its version; 0 for a repeatable one and for `always.check.sql`.
    pub version: Version,
    /// Its name without version and ending.
    pub name: &'static str,
    /// SHA-256 over its normalised text, as lower case hex.
    pub checksum: &'static str,
}

/// A directory that was compiled in.
#[derive(Clone, Debug)]
pub struct EmbeddedDir {
    /// As it was written in the macro, for messages: `migrations`.
    pub path: &'static str,
    /// Where it was when the crate was compiled, for the stale-binary check.
    pub absolute: &'static str,
    /// Its files, sorted by version and name.
    pub files: &'static [EmbeddedFile],
    /// Their texts.
    pub texts: Dir<'static>,
}

/// Checks that the macro attached to a migration that is a file.
#[derive(Clone, Copy, Debug)]
pub struct AttachedChecks {
    /// The migration's version.
    pub version: Version,
    /// Its further checks.
    pub checks: &'static [Check],
}

/// All that `migrations!` knows.
#[derive(Clone, Debug)]
pub struct StaticSet {
    /// The directories, in the order of the macro.
    pub dirs: &'static [EmbeddedDir],
    /// The functions, sorted by version.
    pub functions: &'static [RustMigration],
    /// Checks for files.
    pub attached: &'static [AttachedChecks],
}

/// Stops the compilation when `def`'s version is among `taken`, or stands twice in `functions`.
///
/// # Panics
/// At compile time, which is what it is for.
pub const fn unique(def: &RustMigration, functions: &[RustMigration], taken: &[Version]) {
    let mut found = 0;
    let mut i = 0;
    while i < functions.len() {
        if functions[i].version == def.version {
            found += 1;
        }
        i += 1;
    }
    i = 0;
    while i < taken.len() {
        if taken[i] == def.version {
            found += 1;
        }
        i += 1;
    }
    assert!(
        found <= 1,
        "this migration's version is taken by another one of the set; give it a version of its own"
    );
}

/// The functions in the order of their versions (insertion sort: it runs in const).
#[must_use]
pub const fn sorted<const N: usize>(mut functions: [RustMigration; N]) -> [RustMigration; N] {
    let mut i = 1;
    while i < N {
        let mut j = i;
        while j > 0 && functions[j - 1].version > functions[j].version {
            let held = functions[j];
            functions[j] = functions[j - 1];
            functions[j - 1] = held;
            j -= 1;
        }
        i += 1;
    }
    functions
}
