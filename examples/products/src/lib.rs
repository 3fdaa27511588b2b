//! A shop's catalogue, which version 2 gives categories, descriptions and ratings.
//!
//! Version 1 is written in Rust, since sea-query finds each engine's own words for a key that counts
//! up. Version 2 rebuilds the table and is a file, since SQL is what a colleague wants to read before
//! it touches production; its checks stand in a file beside it and in `validators`.

pub mod address;
pub mod catalogue;
mod validators;
pub mod version_1;

use std::sync::LazyLock;

use mo_migrate::prelude::*;
use mo_migrate::settings::Unit;
use validators::{descriptions_name_their_product, the_list_is_whole};

/// Both versions, in one list. Each is a run of its own, so that on a new database too the checks of
/// version 2 compare with version 1.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| SET.clone().unit(Unit::Migration));

static SET: Migrator = migrations!(
    "migrations" { 2: checks(descriptions_name_their_product, the_list_is_whole) },
    version_1::create_products,
);

/// The documents' examples run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/testing.md")]
#[derive(Debug)]
pub struct Documents;
