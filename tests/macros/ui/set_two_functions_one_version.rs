use mo_migrate::prelude::*;

mod shop {
    use mo_migrate::prelude::*;

    #[migration(version = 7)]
    pub(crate) async fn add_category(_db: &mut Session<'_>) -> Result<()> {
        Ok(())
    }
}

#[migration(version = 7)]
async fn add_maker(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 8)]
async fn add_price(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

static MIGRATOR: Migrator = migrations!(shop::add_category, add_maker, add_price);

fn main() {}
