use mo_migrate::prelude::*;

#[migration(version = 1, checks(row_unchanged("products"), no_row_lost("products"), shop::unique("products")))]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
