use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/good", "fixtures/../fixtures/good");

fn main() {}
