use mo_migrate::prelude::*;

#[migration(version = 1, name = "")]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
