use mo_migrate::prelude::*;

#[migration(version = 7)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

static MIGRATOR: Migrator = migrations!(add_category, add_category);

fn main() {}
