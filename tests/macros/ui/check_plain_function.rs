use mo_migrate::prelude::*;

async fn no_row_lost(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

#[migration(version = 1, checks(no_row_lost))]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
