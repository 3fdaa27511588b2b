use mo_migrate::prelude::*;

#[migration(version = 1, table("products"), nonsense = 3)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[validator(timout = "30s")]
async fn no_row_lost(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
