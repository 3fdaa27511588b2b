use mo_migrate::prelude::*;

#[migration(version = 1)]
async fn add_category<T: Default>(_db: &mut Session<'_>) -> Result<()>
where
    T: Send,
{
    Ok(())
}

#[validator]
async fn no_row_lost<'a>(_db: &'a mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
