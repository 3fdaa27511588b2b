use mo_migrate::prelude::*;

#[migration(version = 1, tables())]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 2, tables)]
async fn add_maker(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
