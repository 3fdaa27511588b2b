use mo_migrate::prelude::*;

#[validator]
async fn no_row_lost(_db: &mut Session<'_>) -> Result<bool> {
    Ok(true)
}

fn main() {}
