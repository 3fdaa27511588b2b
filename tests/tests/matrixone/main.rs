//! What only MatrixOne has: its silent failures, its objects, its sessions. Without a server these
//! tests are left out.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod clones;
mod foreign_keys;
mod objects;
mod others;
mod published;
mod rehearsal;
mod sessions;
mod shop;
mod silent;
mod snapshots;
mod tables;
mod whole;
