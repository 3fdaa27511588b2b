//! Database migrations that put the data back when they fail.
//!
//! A run takes a data snapshot, runs versioned SQL and Rust migrations with their checks, and when
//! anything fails it restores what the run touched, and compares it with the snapshot before that
//! is committed.
//!
//! - [`Migrator::run`] when an application starts,
//! - `cli::main` for a `migrate` command of your own (feature `cli`),
//! - `testing` for unit tests of single migrations (feature `testing`).

#![cfg_attr(
    not(all(feature = "matrixone", feature = "sqlite")),
    allow(dead_code, unused_imports, unreachable_pub, reason = "parts that only one engine uses")
)]

#[cfg(feature = "cli")]
pub mod cli;
mod engine;
pub mod error;
#[cfg(feature = "faults")]
#[doc(hidden)]
pub mod fault;
#[cfg(not(feature = "faults"))]
mod fault;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod history;
pub mod hooks;
mod ledger;
pub mod lint;
mod lock;
mod migration;
mod migrator;
mod observer;
mod operations;
mod panics;
pub mod plan;
pub mod preflight;
pub mod prelude;
mod printable;
mod process;
pub mod report;
pub mod settings;
mod snapshot;
pub mod sql;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod upgrade;
pub mod validate;
mod value;

pub use engine::{Address, Target, Touched};
pub use error::{Error, Result};
pub use history::{Applied, Marker};
pub use ledger::RunRecord;
pub use migration::{
    Allow, Checksum, Directives, FileName, FileRole, Kind, Migration, MigrationFn, MigrationSet,
    RustMigration, Session, SetSource, SqlFile, SqlStatement, Statement, TransactionMode, Version,
    Work,
};
pub use migrator::Migrator;
pub use mo_migrate_macros::{migration, migrations, validator};
pub use observer::{Counted, Event, Observer, Phase};
pub use operations::{
    AsOf, Baseline, Change, ChangedRow, CloneLine, CloneSwap, Difference, Fate, Guard, NewClone,
    ObjectDifference, PendingMigration, Preview, PreviewCheck, PreviewGuard, PreviewStatement,
    PreviewStep, ProvedTable, Repair, RestorePreview, RestoreTime, RestoredObject, RestoredTable,
    RunProof, Scheduled, SnapshotLine, SnapshotTable, Status, SwapChange, TableDifference, Upgrade,
    UpgradeChange, UpgradeStart, UpgradeStatus, Validation, Verification, Whose,
};
pub use report::{Outcome, Report, RunReport};
pub use sea_query;
pub use snapshot::SnapshotOf;
pub use time::{parse_duration, parse_moment};
pub use upgrade::UpgradeState;
pub use value::{FromValue, Row, Value};

/// What the macros name; not for people.
#[doc(hidden)]
pub mod __private {
    pub use include_dir;

    pub use crate::Migrator;
    pub use crate::error::BoxError;
    pub use crate::migration::{
        AttachedChecks, EmbeddedDir, EmbeddedFile, FileRole, MigrationDef, RustMigration,
        StaticSet, TransactionMode, sorted, unique,
    };
    pub use crate::validate::{Body, Check, ValidatorDef, Verdict, When, ready};

    /// A function's result with its error as the set stores it.
    ///
    /// # Errors
    /// The function's own.
    pub fn outcome<T, E: Into<BoxError>>(result: Result<T, E>) -> Result<T, BoxError> {
        result.map_err(Into::into)
    }
}
