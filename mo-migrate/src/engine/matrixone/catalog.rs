//! What a database consists of, read from the server's catalogue, now or at a snapshot.
//!
//! Definitions are what SHOW CREATE gives: it is the same for a table and for its clone, where ids,
//! versions and the stored text of a table are not.

use std::collections::HashMap;

use super::clone::MARKER;
use super::link::Link;
use super::{literal, quote};
use crate::engine::{Column, Connection as _, Counts, Inventory, Object, ObjectKind, RowKey};
use crate::error::Result;
use crate::value::Row;

/// What the database of this connection consists of, as it reads it.
pub(super) async fn inventory(link: &mut Link, counts: Counts) -> Result<Inventory> {
    let hint = link.hint();
    inventory_at(link, &hint, counts).await
}

/// The same, as it was: `hint` is what stands behind the name of each table.
pub(super) async fn inventory_at(link: &mut Link, hint: &str, counts: Counts) -> Result<Inventory> {
    let database = link.database().to_owned();
    let mut columns = columns(link, &database, hint).await?;
    // In the order in which they were made, so that a view comes after what it reads.
    let sql = format!(
        "SELECT relname, relkind FROM mo_catalog.mo_tables{hint} \
         WHERE account_id = current_account_id() AND reldatabase = {} AND relkind IN ('r', 'v', 'S', 'e') \
         ORDER BY rel_id",
        literal(&database)
    );
    let mut objects = Vec::new();
    for row in link.ask(&sql).await? {
        let (name, kind): (String, String) = (row.at(0)?, row.at(1)?);
        if name == MARKER {
            continue;
        }
        let whole = format!("{}.{}", quote(&database), quote(&name));
        let kind = match kind.as_str() {
            "v" => ObjectKind::View,
            "S" => ObjectKind::Sequence,
            "e" => ObjectKind::ExternalTable,
            _ => ObjectKind::Table,
        };
        let sql = match kind {
            ObjectKind::View => shown(link, &format!("SHOW CREATE VIEW {whole}{hint}")).await?,
            ObjectKind::Sequence => sequence(link, &name, &format!("{whole}{hint}")).await?,
            _ => shown(link, &format!("SHOW CREATE TABLE {whole}{hint}")).await?,
        };
        let rows = match (kind, counts) {
            (ObjectKind::Table, Counts::With) => {
                Some(count(link, &format!("{whole}{hint}")).await?)
            }
            _ => None,
        };
        objects.push(Object {
            kind,
            table: name.clone(),
            sql: Some(sql),
            order: i64::try_from(objects.len()).unwrap_or(i64::MAX),
            columns: columns.remove(&name).unwrap_or_default(),
            key: RowKey::Columns,
            rows,
            name,
        });
    }
    Ok(Inventory { objects })
}

async fn columns(
    link: &mut Link,
    database: &str,
    hint: &str,
) -> Result<HashMap<String, Vec<Column>>> {
    let sql = format!(
        "SELECT table_name, column_name, extra LIKE '%GENERATED%' FROM information_schema.columns{hint} \
         WHERE table_schema = {} ORDER BY table_name, ordinal_position",
        literal(database)
    );
    let mut all: HashMap<String, Vec<Column>> = HashMap::new();
    for row in link.ask(&sql).await? {
        let column =
            Column { name: row.at(1)?, generated: row.at::<Option<bool>>(2)? == Some(true) };
        all.entry(row.at(0)?).or_default().push(column);
    }
    Ok(all)
}

async fn shown(link: &mut Link, sql: &str) -> Result<String> {
    let rows = link.ask(sql).await?;
    rows.first().map_or_else(|| Ok(String::new()), |row| row.at(1))
}

/// How a sequence is made; its value is not part of its definition.
async fn sequence(link: &mut Link, name: &str, source: &str) -> Result<String> {
    let sql = format!(
        "SELECT CAST(start_value AS CHAR), CAST(increment_value AS CHAR), CAST(min_value AS CHAR), \
         CAST(max_value AS CHAR), cycle FROM {source}"
    );
    let rows = link.ask(&sql).await?;
    let Some(row) = rows.first() else { return Ok(String::new()) };
    let (start, step): (String, String) = (row.at(0)?, row.at(1)?);
    let (least, most): (String, String) = (row.at(2)?, row.at(3)?);
    let cycle = if row.at::<bool>(4)? { "CYCLE" } else { "NO CYCLE" };
    Ok(format!(
        "CREATE SEQUENCE {} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} START WITH {start} {cycle}",
        quote(name)
    ))
}

/// The rows of a table.
pub(super) async fn count(link: &mut Link, source: &str) -> Result<u64> {
    let rows = link.ask(&format!("SELECT count(*) FROM {source}")).await?;
    rows.first().map_or(Ok(0), |row| row.at(0))
}

/// A foreign key of a table, with its columns in their order.
#[derive(Debug, Default)]
struct ForeignKey {
    table: String,
    columns: Vec<String>,
    parent: String,
    parent_columns: Vec<String>,
}

/// Rows whose foreign keys find no parent: of one table, or of all.
pub(super) async fn orphans(link: &mut Link, table: Option<&str>) -> Result<Vec<Row>> {
    let hint = link.hint();
    let database = link.database().to_owned();
    let of_table =
        table.map(|table| format!(" AND table_name = {}", literal(table))).unwrap_or_default();
    let sql = format!(
        "SELECT constraint_name, table_name, column_name, refer_table_name, refer_column_name, refer_db_name \
         FROM mo_catalog.mo_foreign_keys{hint} WHERE db_name = {}{of_table}",
        literal(&database)
    );
    let mut keys: HashMap<(String, String), ForeignKey> = HashMap::new();
    for row in link.ask(&sql).await? {
        let (name, table, column): (String, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
        let (parent, parent_column, in_database): (String, String, String) =
            (row.at(3)?, row.at(4)?, row.at(5)?);
        let key = keys.entry((table.clone(), name)).or_default();
        key.table = table;
        key.parent = format!("{}.{}{hint}", quote(&in_database), quote(&parent));
        key.columns.push(column);
        key.parent_columns.push(parent_column);
    }
    let mut found = Vec::new();
    for key in keys.values() {
        let pairs: Vec<String> = (key.columns.iter().zip(&key.parent_columns))
            .map(|(child, parent)| format!("p.{} = c.{}", quote(parent), quote(child)))
            .collect();
        let given: Vec<String> =
            key.columns.iter().map(|column| format!("c.{} IS NOT NULL", quote(column))).collect();
        let missing = format!("p.{} IS NULL", quote(&key.parent_columns[0]));
        let listed: Vec<String> =
            key.columns.iter().map(|column| format!("c.{}", quote(column))).collect();
        let child = link.whole_name(&key.table);
        let sql = format!(
            "SELECT {} AS child, {} AS parent, {} FROM {child} AS c LEFT JOIN {} AS p ON {} \
             WHERE {} AND {missing}",
            literal(&key.table),
            literal(&key.parent),
            listed.join(", "),
            key.parent,
            pairs.join(" AND "),
            given.join(" AND ")
        );
        found.extend(link.ask(&sql).await?);
    }
    Ok(found)
}
