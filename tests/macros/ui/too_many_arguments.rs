use mo_migrate::prelude::*;

#[validator]
async fn no_row_lost(_db: &mut Session<'_>, _table: &str, _column: &str) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
