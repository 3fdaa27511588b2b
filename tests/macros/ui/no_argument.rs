use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn add_category() -> Result<()> {
    Ok(())
}

fn main() {}
