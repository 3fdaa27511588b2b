use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn add_category(_db: &mut Session<'_>) {}

#[validator]
async fn no_row_lost(_db: &mut Session<'_>) {}

fn main() {}
