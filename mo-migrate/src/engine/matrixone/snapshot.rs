//! Snapshots: a name for a moment. They cost milliseconds at any size, and keep what the moment had
//! from being collected.
//!
//! Invariants:
//! 1. a name is never used twice: a session that has read the old one may read it still;
//! 2. `mo_catalog.mo_snapshots` is believed, and not the server's OK;
//! 3. the level is the account's where that is possible: a database's own snapshot does not keep
//!    grants, foreign keys and routines from the collector.

use super::link::Link;
use super::{MatrixOne, literal, moments, quote};
use crate::engine::{Conduct, Connection as _, SnapshotFacts};
use crate::error::{Code, Error, Result, say};
use crate::settings::SnapshotScope;
use crate::snapshot::{MOMENT, SnapshotOf, moment_of};

/// The longest name that is not cut.
const LONGEST: usize = 64;

/// How often the server is asked when another session was in its way.
const ATTEMPTS: usize = 5;

/// Whether an ALTER or a TRUNCATE has made another table of a table. A snapshot of it alone is of the
/// first one, by its number, and the server clones nothing from there.
#[derive(Clone, Copy, Debug)]
enum Rebuilt {
    Yes,
    No,
}

impl MatrixOne {
    /// Makes a snapshot, and looks it up.
    pub(super) async fn make_snapshot(
        &self,
        link: &mut Link,
        name: &str,
        of: &SnapshotOf,
        conduct: Conduct,
    ) -> Result<SnapshotFacts> {
        if name.len() > LONGEST || name.to_lowercase() != name {
            return Err(say::snapshot_name(name, LONGEST));
        }
        let table = match of {
            SnapshotOf::Table(table) => Some(self.known_table(link, table).await?),
            _ => None,
        };
        let create = format!("CREATE SNAPSHOT {} FOR", quote(name));
        let of_account = format!("{create} ACCOUNT");
        let of_database = format!("{create} DATABASE {}", quote(&self.name));
        // The server waits for every open ALTER of the account, and knows no limit for that.
        link.limit(Some(conduct.wait));
        let first = match (of, conduct.scope) {
            (SnapshotOf::Table(_), _) => match table {
                Some((table, Rebuilt::No)) => {
                    format!("{create} TABLE {} {}", quote(&self.name), quote(&table))
                }
                _ => of_database.clone(),
            },
            (SnapshotOf::Database, _) | (SnapshotOf::Usual, SnapshotScope::Database) => {
                of_database.clone()
            }
            (SnapshotOf::Account, _) | (SnapshotOf::Usual, SnapshotScope::Account) => of_account,
        };
        let made = match (made(link, &first).await, of) {
            (Err(error), SnapshotOf::Usual) if is_quota(&error) => made(link, &of_database).await,
            (made, _) => made,
        };
        link.limit(None);
        made.map_err(|error| said(error, name))?;
        let found = self.list_snapshots(link, Some(name)).await?;
        found.into_iter().next().ok_or_else(|| say::no_snapshot(name, &[]))
    }

    /// The table's name as the server has it. It would take a view for one, and make a snapshot of
    /// which nothing comes back.
    async fn known_table(&self, link: &mut Link, table: &str) -> Result<(String, Rebuilt)> {
        let sql = format!(
            "SELECT relname, rel_id = rel_logical_id FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
             AND reldatabase = {} AND relkind = 'r'",
            literal(&self.name)
        );
        let rows = link.ask(&sql).await?;
        let names: Vec<String> = rows.iter().map(|row| row.at(0)).collect::<Result<_>>()?;
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = rows.iter().zip(&names).find(|(_, name)| name.eq_ignore_ascii_case(table));
        let (row, name) = found.ok_or_else(|| say::no_table(table, &known))?;
        let rebuilt = if row.at::<bool>(1)? { Rebuilt::No } else { Rebuilt::Yes };
        Ok((name.clone(), rebuilt))
    }

    /// The snapshots from which this database can be read, or the one with this name.
    pub(super) async fn list_snapshots(
        &self,
        link: &mut Link,
        name: Option<&str>,
    ) -> Result<Vec<SnapshotFacts>> {
        if let Some((name, at)) = name.and_then(|name| Some((name, moment_of(name)?))) {
            let there = moments::can_read(link, at).await?;
            return Ok(if there { vec![facts_of(name, at)] } else { Vec::new() });
        }
        let named = name.map(|name| format!(" AND sname = {}", literal(name))).unwrap_or_default();
        let sql = format!(
            "SELECT sname, CAST(ts AS CHAR), CAST(level AS CHAR), table_name FROM mo_catalog.mo_snapshots \
             WHERE kind = 'user' AND (level = 'account' OR level = 'cluster' OR database_name = {}){named} \
             ORDER BY ts, sname",
            literal(&self.name)
        );
        let rows = link.ask(&sql).await?;
        rows.iter()
            .map(|row| {
                let nanoseconds: i64 = row.at(1)?;
                Ok(SnapshotFacts {
                    name: row.at(0)?,
                    created_at: nanoseconds / 1_000_000,
                    bytes: None,
                    level: row.at(2)?,
                    table: row.at::<Option<String>>(3)?.filter(|table| !table.is_empty()),
                })
            })
            .collect()
    }

    /// Drops a snapshot; one that is gone already is no error.
    pub(super) async fn drop_snapshot(&self, link: &mut Link, name: &str) -> Result<()> {
        if moment_of(name).is_some() {
            return Ok(());
        }
        let dropped = link.send(&format!("DROP SNAPSHOT IF EXISTS {}", quote(name))).await;
        dropped.map(drop).map_err(|error| said(error, name))
    }
}

/// A moment in the place of a snapshot.
fn facts_of(name: &str, at: i64) -> SnapshotFacts {
    SnapshotFacts {
        name: name.to_owned(),
        created_at: at / 1_000_000,
        bytes: None,
        level: MOMENT.to_owned(),
        table: None,
    }
}

/// Sends it again while the server can't make up its mind: two first snapshots of an account at once.
async fn made(link: &mut Link, sql: &str) -> Result<u64> {
    for _ in 1..ATTEMPTS {
        match link.send(sql).await {
            Err(error) if say::gave_way(&error) => {}
            made => return made,
        }
    }
    link.send(sql).await
}

fn is_quota(error: &Error) -> bool {
    error.message().contains("has reached the limit")
}

/// The server's refusal with what to do about it.
fn said(error: Error, name: &str) -> Error {
    if error.code() == Code::TimeLimit {
        return say::snapshot_waited(error);
    }
    let words = error.message().to_owned();
    if words.contains("do not have privilege") {
        return say::snapshot_rights(error);
    }
    if is_quota(&error) {
        return say::snapshot_quota(error);
    }
    if words.contains("already exists") {
        return say::snapshot_exists(name, error);
    }
    error
}
