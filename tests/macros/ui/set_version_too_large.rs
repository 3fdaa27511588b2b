use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/too_large");

fn main() {}
