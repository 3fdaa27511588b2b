//! A table brought to another place: by a clone, which costs nothing, or where the server can't make
//! one, by a copy of its rows.

use super::link::Link;
use super::{catalog, quote};
use crate::engine::Object;
use crate::error::Result;

/// Makes `database.table` what `past` is. `words` stand behind the clone's, such as COPY GRANTS.
///
/// # Errors
/// What the server says: the transaction is to be rolled back.
pub(super) async fn bring(
    link: &mut Link,
    table: &Object,
    database: &str,
    past: &str,
    words: &str,
) -> Result<()> {
    let name = format!("{}.{}", quote(database), quote(&table.name));
    let cloned = link.send(&format!("CREATE TABLE {name} CLONE {past}{words}")).await;
    let Err(error) = cloned else { return Ok(()) };
    // A statement that failed for one of these rolled back itself alone.
    match error.database_code() {
        // What the catalogue said of grants is collected; they come from the ledger.
        Some(catalog::COLLECTED) if !words.is_empty() => {
            link.forgive();
            link.send(&format!("CREATE TABLE {name} CLONE {past}")).await.map(drop)
        }
        // The allocator of a small generated key has reserved more than its type can hold.
        Some("1690") => {
            link.forgive();
            copy(link, table, &name, past).await
        }
        _ => Err(error),
    }
}

async fn copy(link: &mut Link, table: &Object, name: &str, past: &str) -> Result<()> {
    let plain = format!("CREATE TABLE {}", quote(&table.name));
    let sql = table.sql.as_deref().unwrap_or_default();
    link.send(&sql.replacen(&plain, &format!("CREATE TABLE {name}"), 1)).await?;
    let columns: Vec<String> = (table.columns.iter())
        .filter(|column| !column.generated)
        .map(|column| quote(&column.name))
        .collect();
    let columns = columns.join(", ");
    link.send(&format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {past}"))
        .await
        .map(drop)
}
