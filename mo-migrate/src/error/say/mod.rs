//! Every sentence for people, by what it is about.

mod clone;
mod database;
mod guarded;
#[cfg(feature = "matrixone")]
mod matrixone;
mod moment;
mod nearest;
mod plan;
mod preflight;
mod restore;
mod run;
mod snapshot;
mod upgrade;

pub(crate) use clone::*;
pub(crate) use database::*;
pub(crate) use guarded::*;
#[cfg(feature = "matrixone")]
pub(crate) use matrixone::*;
pub(crate) use moment::*;
pub(crate) use nearest::{with_nearest, with_neighbour};
pub(crate) use plan::*;
pub(crate) use preflight::*;
pub(crate) use restore::*;
pub(crate) use run::*;
pub(crate) use snapshot::*;
pub(crate) use upgrade::*;

use super::Error;

/// An error in one line: what it is, why, and what to do.
pub(crate) fn in_a_line(error: &Error) -> String {
    let cause = error.causes().first().map(|cause| format!(" ({cause})")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{cause}{hint}", error.message())
}
