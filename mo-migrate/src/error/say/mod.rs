//! Every sentence for people, by what it is about.

mod database;
mod guarded;
#[cfg(feature = "matrixone")]
mod matrixone;
mod plan;
mod restore;
mod run;
mod snapshot;

pub(crate) use database::*;
pub(crate) use guarded::*;
#[cfg(feature = "matrixone")]
pub(crate) use matrixone::*;
pub(crate) use plan::*;
pub(crate) use restore::*;
pub(crate) use run::*;
pub(crate) use snapshot::*;
