use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/two_downs");

fn main() {}
