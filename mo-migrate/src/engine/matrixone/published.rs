//! Publications and PITRs: what the server keeps of a database elsewhere, by the numbers of its tables.
//!
//! A table that is dropped and cloned back is taken out of every publication that named it, and a PITR
//! of the table itself ends. A publication or a PITR of the whole database goes on. So the tables of a
//! publication are put back after a restore, and a migration of a table that has a PITR is refused.

use super::link::Link;
use super::{catalog, literal, quote};
use crate::engine::{Object, ObjectKind};
use crate::error::{Error, Result, say};

/// A PITR of a database or of one of its tables.
#[derive(Debug)]
pub(super) struct Pitr {
    pub(super) name: String,
    /// Its table; none when it is of the database.
    pub(super) table: Option<String>,
}

/// The publications of a database, each with the tables that it names; `*` is all of them. None in
/// another account than `sys`: the catalogue does not have them there, and SHOW PUBLICATIONS has a
/// column of a type that the driver can't read.
pub(super) async fn publications(
    link: &mut Link,
    database: &str,
    hint: &str,
) -> Result<Vec<(String, Vec<String>)>> {
    let sql = format!(
        "SELECT pub_name, CAST(table_list AS CHAR) FROM mo_catalog.mo_pubs{hint} \
         WHERE account_id = current_account_id() AND database_name = {} ORDER BY pub_name",
        literal(database)
    );
    let rows = match link.ask(&sql).await {
        Ok(rows) => rows,
        Err(error) if say::has_no_right(&error) || say::is_missing(&error) => {
            // The statement failed by itself alone.
            link.forgive();
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    rows.iter()
        .map(|row| {
            let tables: Option<String> = row.at(1)?;
            let tables = tables.unwrap_or_default();
            let tables = tables.split(',').filter(|table| !table.is_empty());
            Ok((row.at(0)?, tables.map(ToOwned::to_owned).collect()))
        })
        .collect()
}

/// The tables of a database that publications name one by one.
pub(super) async fn tables(link: &mut Link, database: &str, hint: &str) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    for (publication, tables) in publications(link, database, hint).await? {
        for table in tables.into_iter().filter(|table| table != "*") {
            let name = format!("{table} in {publication}");
            let sql = publication.clone();
            found.push(catalog::afterwards(ObjectKind::Published, name, table, sql, found.len()));
        }
    }
    Ok(found)
}

/// Has a publication name a table again. One that is gone was another's to drop.
pub(super) async fn publish(link: &mut Link, published: &Object) -> Result<()> {
    let database = link.database().to_owned();
    let wanted = published.sql.as_deref().unwrap_or_default();
    let found = publications(link, &database, "").await?;
    let Some((_, mut tables)) = found.into_iter().find(|(name, _)| name == wanted) else {
        return Ok(());
    };
    if tables.iter().any(|table| table == "*" || *table == published.table) {
        return Ok(());
    }
    tables.push(published.table.clone());
    let tables: Vec<String> = tables.iter().map(|table| quote(table)).collect();
    let sql = format!(
        "ALTER PUBLICATION {} DATABASE {} TABLE {}",
        quote(wanted),
        quote(&database),
        tables.join(", ")
    );
    link.send(&sql).await.map(drop)
}

/// The PITRs of this database and of its tables that have not ended.
pub(super) async fn pitrs(link: &mut Link) -> Result<Vec<Pitr>> {
    let database = link.database().to_owned();
    let sql = format!(
        "SELECT pitr_name, table_name FROM mo_catalog.mo_pitr \
         WHERE create_account = current_account_id() AND pitr_status = 1 AND database_name = {}",
        literal(&database)
    );
    let pitr = |name: String, table: String| Pitr {
        name,
        table: Some(table).filter(|table| !matches!(table.as_str(), "" | "*")),
    };
    match link.ask(&sql).await {
        Ok(rows) => rows.iter().map(|row| Ok(pitr(row.at(0)?, row.at(1)?))).collect(),
        // Other accounts than `sys` can only have them shown, those that have ended too.
        Err(error) if say::is_missing(&error) => {
            let rows = link.ask("SHOW PITR").await?;
            let all: Vec<(String, String, String)> = rows
                .iter()
                .map(|row| Ok((row.at(0)?, row.at(5)?, row.at(6)?)))
                .collect::<Result<_, Error>>()?;
            let ours = all.into_iter().filter(|(_, of, _)| of.eq_ignore_ascii_case(&database));
            Ok(ours.map(|(name, _, table)| pitr(name, table)).collect())
        }
        Err(error) if say::has_no_right(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
