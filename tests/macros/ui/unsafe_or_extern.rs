use mo_migrate::prelude::*;

#[migration(version = 1)]
async unsafe fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 2)]
async extern "C" fn add_maker(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
