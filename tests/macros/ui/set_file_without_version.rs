use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/no_version");

fn main() {}
