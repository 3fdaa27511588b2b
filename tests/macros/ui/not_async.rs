use mo_migrate::prelude::*;

#[migration(version = 1)]
fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

// The definition is there all the same, so this says nothing more.
static MIGRATOR: Migrator = migrations!(add_category);

fn main() {}
