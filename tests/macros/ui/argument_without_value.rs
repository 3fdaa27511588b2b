use mo_migrate::prelude::*;

#[migration(version, name(shop), down = nothing)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
