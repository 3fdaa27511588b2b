//! Clones of a snapshot: `<database>_verify`, for tests of what it holds.
//!
//! Invariants:
//! 1. a clone and the table in it that says whose it is are made in one transaction;
//! 2. only a database whose marker names the run is ever dropped, and the marker is read and locked in the
//!    transaction that drops it;
//! 3. a name that is taken is left alone: ours gets the run's ending;
//! 4. a clone has no foreign key to another database, which would keep that one's rows from being
//!    deleted for as long as the clone is there.

use std::path::Path;

use super::link::Link;
use super::{MatrixOne, hint, literal, quote};
use super::{catalog, comment, copy};
use crate::engine::{CLONE_MARK, Clone, Connection as _, Inventory, Object};
use crate::error::{Result, say};

/// A database of more tables is cloned by the table, where it is known which ones matter: cloning
/// costs some 20 ms a table.
const CLONED_WHOLE: usize = 100;

/// The longest name of a database.
const LONGEST: usize = 64;

/// Says in a clone whose it is, whatever it said of the database that it was made from.
pub(super) async fn mark(link: &mut Link, clone: &str, run: &str) -> Result<()> {
    let table = format!("{}.{CLONE_MARK}", quote(clone));
    let copied = format!(
        "mo_catalog.mo_tables WHERE account_id = current_account_id() AND reldatabase = {} AND relname = {}",
        literal(clone),
        literal(CLONE_MARK)
    );
    let first = if catalog::count(link, &copied).await? > 0 {
        format!("DELETE FROM {table}")
    } else {
        format!("CREATE TABLE {table} (run VARCHAR(100) PRIMARY KEY)")
    };
    link.send(&first).await?;
    link.send(&format!("INSERT INTO {table} (run) VALUES ({})", literal(run))).await.map(drop)
}

/// What a database says of whose it is; none where it is nobody's clone.
pub(super) async fn mark_of(link: &mut Link, database: &str) -> Result<Option<String>> {
    match link.ask(&format!("SELECT run FROM {}.{CLONE_MARK}", quote(database))).await {
        Ok(rows) => rows.first().map(|row| row.at(0)).transpose(),
        Err(error) if say::is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the foreign keys to other databases out of a clone; gives each in words.
pub(super) async fn cut_ties(link: &mut Link, clone: &str) -> Result<Vec<String>> {
    let ties = format!(
        "SELECT DISTINCT table_name, constraint_name, refer_db_name, refer_table_name \
         FROM mo_catalog.mo_foreign_keys WHERE db_name = {0} AND refer_db_name <> {0} ORDER BY 1, 2",
        literal(clone)
    );
    let mut cut = Vec::new();
    for row in link.ask(&ties).await? {
        let (table, key): (String, String) = (row.at(0)?, row.at(1)?);
        let (other, parent): (String, String) = (row.at(2)?, row.at(3)?);
        let name = format!("{}.{}", quote(clone), quote(&table));
        link.send(&format!("ALTER TABLE {name} DROP FOREIGN KEY {}", quote(&key))).await?;
        cut.push(format!(
            "the foreign key `{key}` of `{table}` to `{other}`.`{parent}`, whose rows could not be deleted any more"
        ));
    }
    Ok(cut)
}

/// Goes into a database that this session has just made.
async fn move_to_new(link: &mut Link, database: &str) -> Result<()> {
    link.move_to(database)
        .await
        .map_err(|error| if say::is_missing_database(&error) { say::nothing_kept() } else { error })
}

impl MatrixOne {
    /// The names that the clone of a run may have.
    fn clone_names(&self, run: &str) -> [String; 2] {
        let tail: String =
            run.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
        [self.verify_name("_verify"), self.verify_name(&format!("_verify_{}", tail.to_lowercase()))]
    }

    fn verify_name(&self, ending: &str) -> String {
        let room = LONGEST.saturating_sub(ending.len());
        let name: String = self.name.chars().take(room).collect();
        format!("{name}{ending}")
    }

    pub(super) async fn make_clone(
        &self,
        snapshot: &str,
        run: &str,
        only: Option<&[String]>,
        known: &Inventory,
    ) -> Result<Clone> {
        let mut link = self.open_known("").await?;
        let made = self.clone_on(&mut link, snapshot, run, only, known).await;
        let moved = match made {
            Ok((name, only)) => move_to_new(&mut link, &name).await.map(|()| (name, only)),
            Err(error) => {
                let _ = link.rollback().await;
                Err(error)
            }
        };
        match moved {
            Ok((name, only)) => Ok(Clone { name, only, connection: Box::new(link) }),
            Err(error) => {
                link.hang_up().await;
                Err(error)
            }
        }
    }

    async fn clone_on(
        &self,
        link: &mut Link,
        snapshot: &str,
        run: &str,
        only: Option<&[String]>,
        known: &Inventory,
    ) -> Result<(String, Option<Vec<String>>)> {
        let source = self.source_of(link, snapshot).await?;
        // The server makes an empty database of a source that it can't find, and says OK.
        let Some(facts) = self.list_snapshots(link, Some(snapshot)).await?.into_iter().next()
        else {
            return Err(say::no_snapshot(snapshot, &self.list_snapshots(link, None).await?));
        };
        // Of one table's snapshot the server clones that table, and nothing with it.
        let alone = facts.table.map(|table| [table]);
        let only = alone.as_ref().map_or(only, |table| Some(table.as_slice()));
        let there = format!(
            "SELECT count(*) FROM mo_catalog.mo_database{} \
             WHERE account_id = current_account_id() AND datname = {}",
            hint(snapshot),
            literal(&source)
        );
        let there = link.ask(&there).await?;
        if there.first().map_or(Ok(0), |row| row.at::<i64>(0))? == 0 {
            return Err(say::damaged("it does not have this database"));
        }
        let name = self.free_name(link, run).await?;
        let then = self.inventory_from(link, &source, snapshot, known).await?;
        if alone.is_none() && (only.is_none() || then.tables().count() <= CLONED_WHOLE) {
            match self.make(link, &name, run, (&source, snapshot), &then, None).await {
                Ok(()) => return Ok((name, None)),
                // An external table, a view of nothing: what can't be cloned with all the others.
                Err(error) if error.database_code().is_some() => link.rollback().await?,
                Err(error) => return Err(error),
            }
        }
        let is_wanted = |table: &&Object| {
            only.is_none_or(|only| only.iter().any(|name| name.eq_ignore_ascii_case(&table.name)))
        };
        let wanted: Vec<Object> = then.tables().filter(is_wanted).cloned().collect();
        self.make(link, &name, run, (&source, snapshot), &then, Some(&wanted)).await?;
        let wanted = wanted.into_iter().map(|table| table.name).collect();
        Ok((name, Some(wanted)))
    }

    /// A name that is free, or was the clone's of an earlier start of this run.
    async fn free_name(&self, link: &mut Link, run: &str) -> Result<String> {
        let [first, second] = self.clone_names(run);
        for name in [&first, &second] {
            if !self.database_exists(link, name).await? {
                return Ok(name.clone());
            }
            if self.drop_if_of(link, name, run).await? {
                return Ok(name.clone());
            }
        }
        Err(say::clone_name_taken(Path::new(&second)))
    }

    /// Clones and marks in one transaction, and cuts the ties to other databases.
    async fn make(
        &self,
        link: &mut Link,
        name: &str,
        run: &str,
        (source, snapshot): (&str, &str),
        then: &Inventory,
        only: Option<&[Object]>,
    ) -> Result<()> {
        let clone = quote(name);
        link.begin().await?;
        match only {
            None => {
                let (source, past) = (quote(source), hint(snapshot));
                link.send(&format!("CREATE DATABASE {clone} CLONE {source}{past}")).await?;
                for table in then.tables() {
                    comment::give(link, table, name).await?;
                }
            }
            Some(tables) => {
                link.send(&format!("CREATE DATABASE {clone}")).await?;
                for table in tables {
                    let past =
                        format!("{}.{}{}", quote(source), quote(&table.name), hint(snapshot));
                    copy::bring(link, table, name, &past, "").await?;
                }
            }
        }
        mark(link, name, run).await?;
        cut_ties(link, name).await?;
        link.commit().await
    }

    /// Drops a database, if it has this mark. Gives whether it had. The mark is locked by the transaction
    /// that drops: whoever puts another database in its place waits for that, or is found.
    pub(super) async fn drop_if_of(&self, link: &mut Link, name: &str, run: &str) -> Result<bool> {
        link.begin().await?;
        let dropped = Self::drop_locked(link, name, run).await;
        if !matches!(dropped, Ok(true)) {
            link.rollback().await?;
        }
        match dropped {
            Err(error) if say::is_missing(&error) => Ok(false),
            other => other,
        }
    }

    async fn drop_locked(link: &mut Link, name: &str, run: &str) -> Result<bool> {
        let (name, run) = (quote(name), literal(run));
        let mark = format!("SELECT run FROM {name}.{CLONE_MARK} WHERE run = {run} FOR UPDATE");
        if link.ask(&mark).await?.is_empty() {
            return Ok(false);
        }
        link.send(&format!("DROP DATABASE {name}")).await?;
        link.commit().await.map(|()| true)
    }

    /// The clones for verification, each with the run that made it.
    pub(super) async fn list_clones(&self) -> Result<Vec<(String, String)>> {
        let mut link = self.open("").await?;
        let found = self.clones_on(&mut link).await;
        link.hang_up().await;
        found
    }

    async fn clones_on(&self, link: &mut Link) -> Result<Vec<(String, String)>> {
        let begins = self.verify_name("_verify");
        let named = format!(
            "SELECT datname FROM mo_catalog.mo_database \
             WHERE account_id = current_account_id() AND datname >= {}",
            literal(&self.verify_name(""))
        );
        let mut found = Vec::new();
        for row in link.ask(&named).await? {
            let name: String = row.at(0)?;
            let ending = name.strip_prefix(&begins);
            if ending.is_none_or(|ending| !ending.is_empty() && !ending.starts_with('_')) {
                continue;
            }
            // Without a mark it is somebody else's.
            if let Some(run) = mark_of(link, &name).await? {
                found.push((name, run));
            }
        }
        found.sort();
        Ok(found)
    }

    pub(super) async fn remove_clone(&self, run: &str) -> Result<()> {
        let mut link = self.open("").await?;
        let removed = self.remove_clone_on(&mut link, run).await;
        link.hang_up().await;
        removed
    }

    async fn remove_clone_on(&self, link: &mut Link, run: &str) -> Result<()> {
        for name in self.clone_names(run) {
            if self.database_exists(link, &name).await? {
                self.drop_if_of(link, &name, run).await?;
            }
        }
        Ok(())
    }
}
