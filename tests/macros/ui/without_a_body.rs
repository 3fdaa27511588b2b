use mo_migrate::prelude::*;

trait Shop {
    #[migration(version = 1)]
    async fn add_category(db: &mut Session<'_>) -> Result<()>;
}

fn main() {}
