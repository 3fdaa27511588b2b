//! What a run did: one value, shown as text or as JSON.

mod outcome;
mod run;
pub(crate) mod text;

pub use outcome::Outcome;
pub(crate) use run::by_column;
pub use run::{
    CheckReport, CheckVerdict, ErrorReport, GuardedReport, HookReport, MigrationReport,
    MigrationState, RehearsalReport, Report, RestoreReport, SnapshotReport, TableReport, TakenBack,
};
