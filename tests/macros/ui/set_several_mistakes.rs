use mo_migrate::prelude::*;

static MIGRATOR: Migrator = migrations!("fixtures/no_version", "", "fixtures/lonely_down" { 1: checks(uniqe("products")) });

fn main() {}
