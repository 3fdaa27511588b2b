//! What a migration is, and the sorted list of them.

mod checksum;
mod definition;
mod file;
mod session;
mod set;
mod version;

pub use checksum::Checksum;
pub use definition::{
    AttachedChecks, EmbeddedDir, EmbeddedFile, FileRole, MigrationDef, MigrationFn, RustMigration,
    StaticSet, sorted, unique,
};
pub use file::{Allow, Directives, SqlFile, SqlStatement, TransactionMode};
#[cfg(feature = "testing")]
pub(crate) use session::INJECTED;
pub use session::{Session, Statement};
pub use set::{Kind, Migration, MigrationSet, SetSource, Work};
pub use version::{FileName, Version};
