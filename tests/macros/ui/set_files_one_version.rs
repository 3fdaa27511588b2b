use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/twice_in_one");

fn main() {}
