use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/more", "fixtures/twice_across");

fn main() {}
