//! The command line from a shell: what it prints, what it ends with, and what it leaves alone.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't set itself up has failed"
)]

mod asks;
mod clones;
mod codes;
mod hostile;
mod lint;
mod policies;
mod questions;
mod report;
mod runs;
mod secrets;
mod settings;
mod shop;
mod snapshots;
mod suggestions;
mod terminal;
mod usage;
mod writes;
