use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!(3);

fn main() {}
