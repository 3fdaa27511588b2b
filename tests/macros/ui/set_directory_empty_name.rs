use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("");

fn main() {}
