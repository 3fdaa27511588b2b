//! What a database consists of, read from the server's catalogue, now or at a snapshot.
//!
//! Definitions are what SHOW CREATE gives: it is the same for a table and for its clone, where ids,
//! versions and the stored text of a table are not. A table whose id and version are those of one
//! that is known has its definition, and is not asked again.

use std::collections::HashMap;

use super::link::Link;
use super::{comment, literal, names, published, quote};
use crate::engine::{
    CLONE_MARK, Column, Connection as _, Counts, Inventory, Object, ObjectKind, RowKey,
};
use crate::error::{Result, say};
use crate::value::Row;

/// The server's number for a file that was collected.
pub(super) const COLLECTED: &str = "20405";

/// What the database of this connection consists of, as it reads it; `known` is what was read of it
/// before.
pub(super) async fn inventory(
    link: &mut Link,
    counts: Counts<'_>,
    known: &Inventory,
) -> Result<Inventory> {
    let (database, hint) = (link.database().to_owned(), link.hint());
    inventory_at(link, &database, &hint, counts, known).await
}

/// What this database consisted of in this snapshot; what the server has collected of its own catalogue
/// since, which a snapshot of one database does not keep, is as it is known.
pub(super) async fn inventory_then(
    link: &mut Link,
    database: &str,
    snapshot: &str,
    known: &Inventory,
) -> Result<Inventory> {
    let past = super::hint(snapshot);
    match inventory_at(link, database, &past, Counts::Without, known).await {
        Err(error) if error.database_code() == Some(COLLECTED) && !known.objects.is_empty() => {
            Ok(known.clone())
        }
        read => read,
    }
}

/// The same of this database, as it was: `hint` is what stands behind the name of each table.
pub(super) async fn inventory_at(
    link: &mut Link,
    database: &str,
    hint: &str,
    counts: Counts<'_>,
    known: &Inventory,
) -> Result<Inventory> {
    // In the order in which they were made, so that a view comes after what it reads.
    let sql = format!(
        "SELECT relname, relkind, CONCAT(rel_id, '.', rel_version), COALESCE(rel_comment, ''), \
         rel_logical_id, reldatabase_id FROM mo_catalog.mo_tables{hint} \
         WHERE account_id = current_account_id() AND reldatabase = {} AND relkind IN ('r', 'v', 'S', 'e') \
         ORDER BY rel_id",
        literal(database)
    );
    let (mut objects, mut fresh) = (Vec::new(), Vec::new());
    let (mut number, mut tables) = (None, HashMap::new());
    for row in link.ask(&sql).await? {
        let (name, kind, identity): (String, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
        let comment: String = row.at(3)?;
        number = Some(row.at::<i64>(5)?);
        tables.insert(row.at::<i64>(4)?, name.clone());
        if name == CLONE_MARK {
            continue;
        }
        if let Some(why) = names::unshown(&name) {
            return Err(say::unfit_there(&name, why));
        }
        let whole = format!("{}.{}{hint}", quote(database), quote(&name));
        let kind = match kind.as_str() {
            "v" => ObjectKind::View,
            "S" => ObjectKind::Sequence,
            "e" => ObjectKind::ExternalTable,
            _ => ObjectKind::Table,
        };
        let order = i64::try_from(objects.len()).unwrap_or(i64::MAX);
        let known = known.find(kind, &name).filter(|known| same(known, &identity));
        let mut object = if let Some(known) = known {
            Object { order, ..known.clone() }
        } else {
            fresh.push(name.clone());
            let object = read(link, kind, &name, &whole, identity, order).await?;
            if kind == ObjectKind::Table { comment::of(object, comment) } else { object }
        };
        let counted = kind == ObjectKind::Table && counts.include(&name);
        object.rows = if counted { Some(count(link, &whole).await?) } else { None };
        objects.push(object);
    }
    let mut columns = columns(link, database, hint, &fresh).await?;
    for object in &mut objects {
        if let Some(columns) = columns.remove(&object.name) {
            object.columns = columns;
        }
    }
    if number.is_none() {
        number = number_at(link, database, hint).await?;
    }
    if let Some(number) = number {
        grants(link, database, hint, number, &tables, &mut objects).await?;
    }
    functions(link, database, hint, &mut objects).await?;
    keys_from_outside(link, database, hint, &mut objects).await?;
    objects.extend(published::tables(link, database, hint).await?);
    Ok(Inventory { objects })
}

/// Whether what is known of a table is all of it still. A foreign key's line changes with its parent's
/// names, and a sequence's values with every use.
fn same(known: &Object, identity: &str) -> bool {
    let tied = known.sql.as_deref().is_none_or(|sql| sql.contains("FOREIGN KEY"));
    known.identity.as_deref() == Some(identity) && !tied && known.kind != ObjectKind::Sequence
}

/// An object, but for its columns and rows.
async fn read(
    link: &mut Link,
    kind: ObjectKind,
    name: &str,
    whole: &str,
    identity: String,
    order: i64,
) -> Result<Object> {
    let mut value = None;
    let sql = match kind {
        ObjectKind::View => shown(link, &format!("SHOW CREATE VIEW {whole}")).await?,
        ObjectKind::Sequence => {
            let (sql, next) = sequence(link, name, whole).await?;
            value = next;
            sql
        }
        _ => in_order(&shown(link, &format!("SHOW CREATE TABLE {whole}")).await?),
    };
    Ok(Object {
        kind,
        name: name.to_owned(),
        table: name.to_owned(),
        sql: Some(sql),
        order,
        columns: Vec::new(),
        key: RowKey::Columns,
        rows: None,
        value,
        identity: Some(identity),
        comment: None,
    })
}

/// An object that is put back after a restore.
pub(super) fn afterwards(
    kind: ObjectKind,
    name: String,
    table: String,
    sql: String,
    order: usize,
) -> Object {
    Object {
        kind,
        name,
        table,
        sql: Some(sql),
        order: i64::try_from(order).unwrap_or(i64::MAX),
        columns: Vec::new(),
        key: RowKey::Columns,
        rows: None,
        value: None,
        identity: None,
        comment: None,
    }
}

/// The rights of roles on single tables and views, whose names are given by their numbers, and those on
/// the whole database, each with the number of that: they are lost when it is dropped. None where this
/// user may not read them. A join of the catalogue's tables takes the server several times as long.
async fn grants(
    link: &mut Link,
    database: &str,
    hint: &str,
    number: i64,
    tables: &HashMap<i64, String>,
    objects: &mut Vec<Object>,
) -> Result<()> {
    let of: Vec<String> = tables.keys().chain([&number]).map(i64::to_string).collect();
    let sql = format!(
        "SELECT obj_id, privilege_level, obj_type, role_name, privilege_name, with_grant_option \
         FROM mo_catalog.mo_role_privs{hint} \
         WHERE privilege_level IN ('d.t', 'd', 'd.*') AND obj_id IN ({}) \
         ORDER BY role_name, privilege_level, privilege_name",
        of.join(", ")
    );
    let rows = match link.ask(&sql).await {
        Ok(rows) => rows,
        Err(error) if say::has_no_right(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut on_tables, mut on_all) = (Vec::new(), Vec::new());
    for row in rows {
        let (id, level, kind): (i64, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
        let (role, right): (String, String) = (row.at(3)?, row.at(4)?);
        let option = if row.at::<bool>(5)? { " WITH GRANT OPTION" } else { "" };
        let (words, whole) = (words_of(&right), quote(database));
        let grant = |on: String| format!("GRANT {words} ON {on} TO {}{option}", quote(&role));
        match (level.as_str(), tables.get(&id)) {
            ("d.t", Some(table)) => {
                let kind = if kind == "view" { "VIEW" } else { "TABLE" };
                let sql = grant(format!("{kind} {whole}.{}", quote(table)));
                on_tables.push((table, format!("{right} on {table} to {role}"), sql));
            }
            ("d" | "d.*", _) if id == number => {
                let on = if level == "d" {
                    format!("DATABASE {whole}")
                } else {
                    format!("TABLE {whole}.*")
                };
                on_all.push((format!("{right} on {level} to {role}"), grant(on)));
            }
            _ => {}
        }
    }
    on_tables.sort_by_key(|(table, ..)| *table);
    for (table, name, sql) in on_tables {
        objects.push(afterwards(ObjectKind::Grant, name, table.clone(), sql, objects.len()));
    }
    for (name, sql) in on_all {
        let mut grant = afterwards(ObjectKind::Grant, name, String::new(), sql, objects.len());
        grant.value = Some(number);
        objects.push(grant);
    }
    Ok(())
}

/// A right, as GRANT writes it.
fn words_of(right: &str) -> &str {
    match right {
        "table all" | "database all" => "ALL",
        "table ownership" | "database ownership" => "OWNERSHIP",
        other => other,
    }
}

/// The number of a database, which is another one once it was dropped and made.
pub(super) async fn number_of(link: &mut Link, database: &str) -> Result<Option<i64>> {
    number_at(link, database, "").await
}

/// The same, as it was: `hint` is what stands behind the catalogue's name.
pub(super) async fn number_at(link: &mut Link, database: &str, hint: &str) -> Result<Option<i64>> {
    let sql = format!(
        "SELECT dat_id FROM mo_catalog.mo_database{hint} \
         WHERE account_id = current_account_id() AND datname = {}",
        literal(database)
    );
    link.ask(&sql).await?.first().map(|row| row.at(0)).transpose()
}

/// The functions in SQL; none where this user may not read them.
async fn functions(
    link: &mut Link,
    database: &str,
    hint: &str,
    objects: &mut Vec<Object>,
) -> Result<()> {
    let sql = format!(
        "SELECT name, CAST(args AS CHAR), rettype, body FROM mo_catalog.mo_user_defined_function{hint} \
         WHERE db = {} AND language = 'sql' ORDER BY name, function_id",
        literal(database)
    );
    let rows = match link.ask(&sql).await {
        Ok(rows) => rows,
        Err(error) if say::has_no_right(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for row in rows {
        let (name, args): (String, String) = (row.at(0)?, row.at(1)?);
        let (result, body): (String, String) = (row.at(2)?, row.at(3)?);
        let args: Vec<Argument> = serde_json::from_str(&args).unwrap_or_default();
        let types: Vec<&str> = args.iter().map(|arg| arg.kind.as_str()).collect();
        let listed: Vec<String> =
            args.iter().map(|arg| format!("{} {}", arg.name, arg.kind)).collect();
        let sql = format!(
            "CREATE FUNCTION {} ({}) RETURNS {result} LANGUAGE sql AS {}",
            quote(&name),
            listed.join(", "),
            literal(&body)
        );
        let whole = format!("{}({})", quote(&name), types.join(", "));
        objects.push(afterwards(ObjectKind::Routine, whole, name, sql, objects.len()));
    }
    Ok(())
}

/// Foreign keys of other databases' tables to this one's.
async fn keys_from_outside(
    link: &mut Link,
    database: &str,
    hint: &str,
    objects: &mut Vec<Object>,
) -> Result<()> {
    let sql = format!(
        "SELECT db_name, table_name, constraint_name, refer_table_name, \
         GROUP_CONCAT(DISTINCT column_name), GROUP_CONCAT(DISTINCT refer_column_name), \
         MAX(on_delete), MAX(on_update), count(*) \
         FROM mo_catalog.mo_foreign_keys{hint} WHERE refer_db_name = {0} AND db_name <> {0} \
         GROUP BY db_name, table_name, constraint_name, refer_table_name ORDER BY 1, 2, 3",
        literal(database)
    );
    let rows = match link.ask(&sql).await {
        Ok(rows) => rows,
        Err(error) if say::has_no_right(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for row in rows {
        let (other, table, key): (String, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
        let (parent, column, parent_column): (String, String, String) =
            (row.at(3)?, row.at(4)?, row.at(5)?);
        let (on_delete, on_update): (String, String) = (row.at(6)?, row.at(7)?);
        // The order of several columns is not in the catalogue: such a key is taken out, never made.
        let one = row.at::<u64>(8)? == 1;
        let sql = format!(
            "ALTER TABLE {}.{} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}.{} ({}) \
             ON DELETE {on_delete} ON UPDATE {on_update}",
            quote(&other),
            quote(&table),
            quote(&key),
            if one { quote(&column) } else { column },
            quote(database),
            quote(&parent),
            if one { quote(&parent_column) } else { parent_column },
        );
        let name = format!("{other}.{table}.{key}");
        objects.push(afterwards(ObjectKind::KeyFromOutside, name, parent, sql, objects.len()));
    }
    Ok(())
}

/// An argument of a function, as the catalogue has it.
#[derive(Debug, serde::Deserialize)]
struct Argument {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What no restore brings back as it was: with the tables that have a PITR of their own.
pub(super) async fn cannot_come_back(link: &mut Link) -> Result<Vec<(String, &'static str)>> {
    let objects = names_and_kinds(link).await?;
    if let Some((name, why)) =
        objects.iter().find_map(|(name, _)| Some((name, names::unshown(name)?)))
    {
        return Err(say::unfit_there(name, why));
    }
    let mut found = not_in_a_snapshot(link, objects).await?;
    let why = "it has a PITR of its own, which ends when its table is put back (one of the whole database goes on)";
    let pitrs = published::pitrs(link).await?;
    let own = pitrs.into_iter().filter_map(|pitr| pitr.table);
    found.extend(own.map(|table| (table, why)));
    Ok(found)
}

/// What the database has, each with its kind as the catalogue has it.
async fn names_and_kinds(link: &mut Link) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT relname, relkind FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
         AND reldatabase = {} AND relkind IN ('r', 'v', 'S', 'e')",
        literal(link.database())
    );
    link.ask(&sql).await?.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// Views that read what is not there, and tables whose rows are elsewhere.
pub(super) async fn views_and_external(link: &mut Link) -> Result<Vec<(String, &'static str)>> {
    let objects = names_and_kinds(link).await?;
    not_in_a_snapshot(link, objects).await
}

/// The same of these objects.
async fn not_in_a_snapshot(
    link: &mut Link,
    objects: Vec<(String, String)>,
) -> Result<Vec<(String, &'static str)>> {
    let database = link.database().to_owned();
    let mut found = Vec::new();
    for (name, kind) in objects.into_iter().filter(|(_, kind)| kind == "v" || kind == "e") {
        if kind == "e" {
            found.push((name, "it is an external table, which no snapshot holds"));
            continue;
        }
        let view = format!("{}.{}", quote(&database), quote(&name));
        match link.ask(&format!("EXPLAIN SELECT 1 FROM {view}")).await {
            Ok(_) => {}
            Err(error) if error.database_code().is_some() => {
                found.push((name, "it is a view of what is not there, which can't be made again"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The columns of these tables: those of `information_schema.columns`, which joins this with the tables
/// and takes three times as long.
async fn columns(
    link: &mut Link,
    database: &str,
    hint: &str,
    tables: &[String],
) -> Result<HashMap<String, Vec<Column>>> {
    if tables.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<String> = tables.iter().map(|name| literal(name)).collect();
    let sql = format!(
        "SELECT att_relname, attname, attr_has_generated FROM mo_catalog.mo_columns{hint} \
         WHERE account_id = current_account_id() AND att_database = {} AND att_relname IN ({}) \
         AND attname <> '__mo_rowid' ORDER BY att_relname, attnum",
        literal(database),
        names.join(", ")
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

/// A definition with its foreign keys in one order: a clone has those first that leave the database.
fn in_order(sql: &str) -> String {
    let is_key =
        |line: &str| line.trim_start().starts_with("CONSTRAINT") && line.contains("FOREIGN KEY");
    let mut keys: Vec<&str> =
        (sql.lines().filter(|line| is_key(line))).map(|line| line.trim_end_matches(',')).collect();
    keys.sort_unstable();
    let mut keys = keys.into_iter();
    let lines: Vec<String> = sql
        .lines()
        .map(|line| match (is_key(line), line.ends_with(',')) {
            (true, true) => format!("{},", keys.next().unwrap_or_default()),
            (true, false) => keys.next().unwrap_or_default().to_owned(),
            (false, _) => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

/// How a sequence is made, and its next value once it was asked, which is no part of that.
async fn sequence(link: &mut Link, name: &str, source: &str) -> Result<(String, Option<i64>)> {
    let sql = format!(
        "SELECT start_value, increment_value, min_value, max_value, cycle, last_seq_num, is_called FROM {source}"
    );
    let rows = link.ask(&sql).await?;
    let Some(row) = rows.first() else { return Ok((String::new(), None)) };
    let whole = |at: usize| row.at::<i64>(at);
    let (start, step, least, most) = (whole(0)?, whole(1)?, whole(2)?, whole(3)?);
    let cycle = if row.at::<bool>(4)? { "CYCLE" } else { "NO CYCLE" };
    // One that was never asked has given nothing out, unless it was told where to go on.
    let given = whole(5)?;
    let called = row.at::<bool>(6)?;
    let next = if called { Some(given + step) } else { (given != start).then_some(given) };
    let sql = format!(
        "CREATE SEQUENCE {} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} START WITH {start} {cycle}",
        quote(name)
    );
    Ok((sql, next))
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
    /// The parent's name, and how a statement names it.
    name: String,
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
        key.name.clone_from(&parent);
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
            "SELECT {} AS `table`, {} AS parent, {} FROM {child} AS c LEFT JOIN {} AS p ON {} \
             WHERE {} AND {missing}",
            literal(&key.table),
            literal(&key.name),
            listed.join(", "),
            key.parent,
            pairs.join(" AND "),
            given.join(" AND ")
        );
        found.extend(link.ask(&sql).await?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_have_one_order() {
        let table = |first: &str, second: &str| {
            format!(
                "CREATE TABLE `t` (\n  `a` int,\n  CONSTRAINT `{first}` FOREIGN KEY (`a`),\n  CONSTRAINT `{second}` FOREIGN KEY (`a`)\n)"
            )
        };
        assert_eq!(in_order(&table("b", "a")), table("a", "b"));
        assert_eq!(in_order(&table("a", "b")), table("a", "b"));
    }
}
