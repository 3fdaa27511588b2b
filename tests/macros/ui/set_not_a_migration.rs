use mo_migrate::prelude::*;

mod shop {
    pub(crate) struct AddCategory;
}

static MIGRATOR: Migrator = migrations!(shop::AddCategory);

fn main() {}
