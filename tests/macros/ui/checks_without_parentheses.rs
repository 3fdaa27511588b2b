use mo_migrate::prelude::*;

#[migration(version = 1, checks = "no_row_lost")]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
