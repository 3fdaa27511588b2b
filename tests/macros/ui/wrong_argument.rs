use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn by_value(_db: Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 2)]
async fn not_mutable(_db: &Session<'_>) -> Result<()> {
    Ok(())
}

#[validator]
async fn something_else(_db: &mut String) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
