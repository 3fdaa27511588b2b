//! Every sentence for people, by what it is about.

mod database;
#[cfg(feature = "matrixone")]
mod matrixone;
mod plan;
mod restore;
mod run;
mod snapshot;

pub(crate) use database::*;
#[cfg(feature = "matrixone")]
pub(crate) use matrixone::*;
pub(crate) use plan::*;
pub(crate) use restore::*;
pub(crate) use run::*;
pub(crate) use snapshot::*;
