use mo_migrate::prelude::*;

const ONE: i64 = 1;

#[migration(version = 0)]
async fn zero(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 9223372036854775808)]
async fn too_large(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = "1")]
async fn text(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = ONE)]
async fn constant(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = -1)]
async fn negative(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
