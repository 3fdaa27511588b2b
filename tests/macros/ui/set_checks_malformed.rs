use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/good" { first: checks(rows_unchanged("products")) });

fn main() {}
