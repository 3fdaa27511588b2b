use mo_migrate::prelude::*;

#[migration(
    version = 1,
    checks(
        rows_unchanged(),
        rows_unchanged(products),
        rows_at_least("products"),
        rows_exactly("products", "7"),
        not_null("products", "category", "name"),
        unique("products", "name"),
        accepted("orders", "state", []),
        rows_unchanged(""),
        query_time("SELECT 1"),
        query_time("SELECT 1", p99 = "50ms"),
        query_time("SELECT 1", p95 = "50", n = 20),
        query_time("SELECT 1", p95 = "50ms", n = 0),
        command(),
    )
)]
async fn add_category(_db: &mut Session<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
