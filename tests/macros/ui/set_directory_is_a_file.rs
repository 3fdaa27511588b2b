use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/down.sql");

fn main() {}
