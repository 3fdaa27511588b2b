use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    let held = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(held);
    Ok(())
}

fn main() {}
