use mo_migrate::prelude::*;

struct Shop;

impl Shop {
    #[migration(version = 1)]
    async fn add_category(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
