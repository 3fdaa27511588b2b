use mo_migrate::prelude::*;

#[migration(version = 20)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

static MIGRATOR: Migrator = migrations!("fixtures/more", add_category);

fn main() {}
