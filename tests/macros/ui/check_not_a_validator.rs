use mo_migrate::prelude::*;

mod shop {
    pub(crate) struct Answers;
}

#[migration(version = 1, checks(shop::Answers))]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
