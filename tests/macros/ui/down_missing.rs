use mo_migrate::prelude::*;

#[migration(version = 1, down = "fixtures/nothing.sql")]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 2, down = "fixtures")]
async fn add_maker(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
