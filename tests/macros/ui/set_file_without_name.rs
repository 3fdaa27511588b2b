use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/empty_name");

fn main() {}
