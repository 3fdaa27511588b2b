use mo_migrate::prelude::*;

#[validator(after, snapshot)]
async fn no_row_lost(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
