//! SQLite's catalogue as an inventory.

use std::collections::HashMap;

use super::quote;
use crate::engine::{
    CLONE_MARK, Column, Connection, Counts, Inventory, Object, ObjectKind, RowKey,
};
use crate::error::Result;

/// What `schema` (`main`, or an attached one) consists of.
pub(super) async fn inventory(
    connection: &mut dyn Connection,
    schema: &str,
    counts: Counts<'_>,
) -> Result<Inventory> {
    let kinds = kinds(connection, schema).await?;
    let sql = format!(
        "SELECT type, name, tbl_name, sql, rowid FROM {}.sqlite_master ORDER BY rowid",
        quote(schema)
    );
    let mut objects = Vec::new();
    for row in connection.fetch(&sql, &[], None).await? {
        let (kind, name): (String, String) = (row.at(0)?, row.at(1)?);
        if name == CLONE_MARK {
            continue;
        }
        let kind = match kind.as_str() {
            "index" => ObjectKind::Index,
            "view" => ObjectKind::View,
            "trigger" => ObjectKind::Trigger,
            _ if name.starts_with("sqlite_") => ObjectKind::SystemTable,
            _ => kinds.get(&name).map_or(ObjectKind::Table, |kind| kind.0),
        };
        let mut object = Object {
            kind,
            name,
            table: row.at(2)?,
            sql: row.at(3)?,
            order: row.at(4)?,
            columns: Vec::new(),
            key: RowKey::Columns,
            rows: None,
            value: None,
            identity: None,
            comment: None,
        };
        if kind.has_rows() {
            let without_rowid = kinds.get(&object.name).is_some_and(|kind| kind.1);
            describe(connection, schema, &mut object, without_rowid).await?;
            if counts.include(&object.name) {
                object.rows = Some(count(connection, schema, &object.name).await?);
            }
        }
        objects.push(object);
    }
    Ok(Inventory { objects })
}

/// By table: what kind it is, and whether it is WITHOUT ROWID.
async fn kinds(
    connection: &mut dyn Connection,
    schema: &str,
) -> Result<HashMap<String, (ObjectKind, bool)>> {
    let sql = format!("SELECT name, type, wr FROM pragma_table_list WHERE schema = '{schema}'");
    let mut kinds = HashMap::new();
    for row in connection.fetch(&sql, &[], None).await? {
        let kind = match row.at::<String>(1)?.as_str() {
            "virtual" => ObjectKind::VirtualTable,
            "shadow" => ObjectKind::ShadowTable,
            "view" => ObjectKind::View,
            _ => ObjectKind::Table,
        };
        kinds.insert(row.at(0)?, (kind, row.at(2)?));
    }
    Ok(kinds)
}

async fn describe(
    connection: &mut dyn Connection,
    schema: &str,
    object: &mut Object,
    without_rowid: bool,
) -> Result<()> {
    let sql = format!("PRAGMA {}.table_xinfo({})", quote(schema), quote(&object.name));
    let mut keys = 0;
    let mut integer_key = false;
    for row in connection.fetch(&sql, &[], None).await? {
        let hidden: i64 = row.get("hidden")?;
        if hidden == 1 {
            continue;
        }
        let kind: String = row.get("type")?;
        if row.get::<i64>("pk")? > 0 {
            keys += 1;
            integer_key = kind.eq_ignore_ascii_case("INTEGER");
        }
        object.columns.push(Column { name: row.get("name")?, generated: hidden > 1 });
    }
    // An INTEGER PRIMARY KEY is the row number itself. `INTEGER PRIMARY KEY DESC` is not, by an
    // old quirk, and taking the row number along as well does no harm there.
    let is_rowid = keys == 1 && integer_key && !descending(object.sql.as_deref());
    if !without_rowid && !is_rowid {
        let free =
            |alias: &&&str| !object.columns.iter().any(|c| c.name.eq_ignore_ascii_case(alias));
        if let Some(alias) = ["rowid", "_rowid_", "oid"].iter().find(free) {
            object.key = RowKey::RowId((*alias).to_owned());
        }
    }
    Ok(())
}

fn descending(sql: Option<&str>) -> bool {
    sql.is_some_and(|sql| sql.to_ascii_uppercase().contains("DESC"))
}

/// The number of rows of a table.
pub(super) async fn count(
    connection: &mut dyn Connection,
    schema: &str,
    table: &str,
) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}.{}", quote(schema), quote(table));
    let rows = connection.fetch(&sql, &[], Some(1)).await?;
    rows.first().map_or(Ok(0), |row| row.at(0))
}
