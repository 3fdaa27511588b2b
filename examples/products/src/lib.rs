//! A shop's catalogue, which version 2 gives categories, descriptions and ratings.
//!
//! Version 1 is written in Rust, since sea-query finds each engine's own words for a key that counts
//! up. Version 2 rebuilds the table and is a file, since SQL is what a colleague wants to read before
//! it touches production; its checks stand in a file beside it and in `validators`.

pub mod address;
pub mod catalogue;
mod validators;
pub mod version_1;

use mo_migrate::prelude::*;
use validators::{descriptions_name_their_product, the_list_is_whole};

/// Both versions, in one list.
pub static MIGRATOR: Migrator = migrations!(
    "migrations" { 2: checks(descriptions_name_their_product, the_list_is_whole) },
    version_1::create_products,
);

/// The documents' examples run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/testing.md")]
#[derive(Debug)]
pub struct Documents;
