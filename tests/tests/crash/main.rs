//! kill -9 at every fault point, on both engines: what is true afterwards, and what the next start
//! does. Also twice in a row, during the recovery, and at times of chance; and faults that are
//! errors or signals instead, or a disk that is full or read-only from there on.
//!
//! The fault points are in mo-migrate/src/fault.rs. A point that no scenario here reaches fails
//! `every_fault_point_is_reached`.
//!
//! Each time other points are taken: on SQLite every second in either journal, on MatrixOne every 15th,
//! of what is not a kill fewer. `MO_MIGRATE_CRASH_ALL=1` takes all of them, which takes hours.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod again;
mod carried;
mod chance;
mod child;
mod clones;
mod command;
mod disk;
mod errors;
mod failed_state;
mod outcomes;
mod points;
mod scenario;
mod signals;
mod stopped;
mod upgrade;
mod wrong;
