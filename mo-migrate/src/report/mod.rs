//! What a run did: one value, shown as text or as JSON; and the run told as a whole, as a page too.

#[cfg(feature = "cli")]
mod html;
mod lines;
mod outcome;
mod run;
mod story;
pub(crate) mod text;

pub use outcome::Outcome;
pub(crate) use run::by_column;
pub use run::{
    CheckReport, CheckVerdict, DefinitionReport, ErrorReport, GuardedReport, HookReport,
    MigrationReport, MigrationState, RehearsalReport, Report, RestoreReport, SnapshotReport,
    TableReport, TakenBack,
};
pub(crate) use story::Facts;
pub use story::{NextStep, PhaseReport, PhaseState, RunReport, StatementReport};
