//! Checks: what they are, how files say them, and how they are carried out.

mod check;
pub mod check_file;
mod command;
mod latency;
mod questions;
pub mod ready;
mod run;

pub use check::{Body, Check, Ready, Text, ValidatorDef, ValidatorFn, Verdict, When};
pub use ready::{
    accepted, columns_unchanged, command, foreign_keys, foreign_keys_of, not_null, query_time,
    rows_at_least, rows_exactly, rows_unchanged, unique,
};
pub(crate) use run::{Context, carry_out};
