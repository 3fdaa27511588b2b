use mo_migrate::prelude::*;

async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

static MIGRATOR: Migrator = migrations!(add_category);

fn main() {}
