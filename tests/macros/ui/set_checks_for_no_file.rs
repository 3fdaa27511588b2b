use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/good" { 1: checks(), 2: checks(rows_unchanged("products")), 1: checks() });

fn main() {}
