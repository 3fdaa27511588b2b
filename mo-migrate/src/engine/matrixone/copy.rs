//! A table brought to another place: by a clone, which costs nothing, or where the server can't make
//! one, by a copy of its rows.

use super::link::Link;
use super::{catalog, comment, quote};
use crate::engine::{Column, Object};
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
    let Err(error) = cloned else { return comment::give(link, table, database).await };
    // A statement that failed for one of these rolled back itself alone.
    match error.database_code() {
        // What the catalogue said of grants is collected; they come from the ledger.
        Some(catalog::COLLECTED) if !words.is_empty() => {
            link.forgive();
            Box::pin(bring(link, table, database, past, "")).await
        }
        // What it said of foreign keys is collected too, and a clone asks for that; the definition comes
        // from the ledger, and the rows are kept. Or the allocator of a small generated key has reserved
        // more than its type can hold.
        Some(catalog::COLLECTED | "1690") => {
            link.forgive();
            copy(link, table, database, past).await
        }
        _ => Err(error),
    }
}

/// Makes `database.table` by its definition, and copies the rows of `past` into it.
///
/// # Errors
/// What the server says: the transaction is to be rolled back.
pub(super) async fn copy(
    link: &mut Link,
    table: &Object,
    database: &str,
    past: &str,
) -> Result<()> {
    let name = format!("{}.{}", quote(database), quote(&table.name));
    let plain = format!("CREATE TABLE {}", quote(&table.name));
    let sql = table.sql.clone().unwrap_or_default();
    // In another database the keys would refer to this one's tables, or to none.
    let sql = if database == link.database() { sql } else { without_keys(&sql) };
    link.send(&sql.replacen(&plain, &format!("CREATE TABLE {name}"), 1)).await?;
    let columns = written(table);
    link.send(&format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {past}"))
        .await
        .map(drop)
}

/// The columns by which a row is written as it is: all but those that the server works out of others, such
/// as the hidden one of a key of several columns, of which it panics when they are given.
pub(super) fn written(table: &Object) -> String {
    let worked_out = |column: &&Column| {
        column.generated
            || ["__mo_cpkey", "__mo_cbkey"].iter().any(|own| column.name.starts_with(own))
    };
    let columns: Vec<String> = (table.columns.iter())
        .filter(|column| !worked_out(column))
        .map(|column| quote(&column.name))
        .collect();
    columns.join(", ")
}

/// A definition as SHOW CREATE gives it, a line for each part, without its foreign keys.
fn without_keys(sql: &str) -> String {
    let is_key = |line: &&str| line.contains(" FOREIGN KEY ");
    let mut lines: Vec<&str> = sql.lines().filter(|line| !is_key(line)).collect();
    let last = lines.iter().rposition(|line| line.starts_with(')')).unwrap_or(0);
    if let Some(part) = last.checked_sub(1).and_then(|at| lines.get_mut(at)) {
        *part = part.trim_end_matches(',');
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_without_its_keys_is_one_still() {
        let head = "CREATE TABLE `o` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)";
        let key = "  CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE RESTRICT";
        let whole = format!("{head},\n{key}\n) COMMENT='x'");
        assert_eq!(without_keys(&whole), format!("{head}\n) COMMENT='x'"));
        assert_eq!(without_keys("CREATE TABLE t (a INT)"), "CREATE TABLE t (a INT)");
    }
}
