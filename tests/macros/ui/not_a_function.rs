use mo_migrate::prelude::*;

#[migration(version = 1)]
struct AddCategory;

#[validator]
const LOST: u8 = 1;

fn main() {}
