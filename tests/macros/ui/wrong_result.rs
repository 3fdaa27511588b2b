use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn add_category(_db: &mut Session<'_>) -> std::result::Result<(), u8> {
    Ok(())
}

fn main() {}
