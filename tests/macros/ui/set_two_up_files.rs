use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/up_twice");

fn main() {}
