use mo_migrate::prelude::*;

#[migration]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(name = "maker")]
async fn add_maker(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

// Neither takes the other's place: there is no message about a version taken twice.
static MIGRATOR: Migrator = migrations!(add_category, add_maker);

fn main() {}
