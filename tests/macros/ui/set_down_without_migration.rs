use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/lonely_down");

fn main() {}
