use mo_migrate::prelude::*;

#[validator(timeout = "30")]
async fn without_a_unit(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

#[validator(timeout = "0s")]
async fn without_time(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

#[validator(timeout = 30)]
async fn not_a_text(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

fn main() {}
