//! Checks of version 2 that are more than a SELECT.

use mo_migrate::prelude::*;

use crate::catalogue;

#[validator]
pub(crate) async fn descriptions_name_their_product(db: &mut Session<'_>) -> Result<Verdict> {
    let rows = db.fetch_all("SELECT name, description FROM products ORDER BY id").await?;
    let mut wrong = Vec::new();
    for row in rows {
        let (name, description): (String, Option<String>) =
            (row.get("name")?, row.get("description")?);
        if description != Some(format!("Description for {name}")) {
            wrong.push(row);
        }
    }
    Ok(Verdict::no_rows("a description is not of its product", wrong))
}

/// The application's own query, after the commit as the application would ask it.
#[validator(after)]
pub(crate) async fn the_list_is_whole(db: &mut Session<'_>) -> Result<Verdict> {
    let listed = db.fetch_all(catalogue::LIST).await?.len();
    let there: usize = db.fetch_scalar("SELECT count(*) FROM products").await?;
    Ok(Verdict::ensure(
        listed == there,
        format!("the application lists {listed} of {there} products"),
    ))
}
