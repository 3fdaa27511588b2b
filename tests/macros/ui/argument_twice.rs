use mo_migrate::prelude::*;

#[migration(version = 1, rebuilds, version = 2)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
