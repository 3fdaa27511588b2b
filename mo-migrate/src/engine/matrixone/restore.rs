//! Putting a MatrixOne database back: one transaction that drops and clones the tables concerned.
//!
//! RESTORE DATABASE can leave a mixed database and say OK, loses sequences and grants, and takes
//! back what others wrote; nothing of it is used here (`whole.rs` does).
//!
//! Invariants:
//! 1. every SET comes before BEGIN, which it would commit;
//! 2. the DROPs come first: from then on writers of these tables wait, and the failed state is taken
//!    by a second connection, so that no committed row is in neither;
//! 3. after any error nothing but ROLLBACK is sent: a CLONE that failed leaves its table dropped;
//! 4. the proof compares inside this transaction, and only then is it committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;

use super::link::Link;
use super::{MatrixOne, catalog, copy, hint, literal, quote};
use crate::engine::{
    Conduct, Connection, Counts, Inventory, Object, ObjectKind, RestoreTransaction, RowComparison,
    SnapshotFacts, Step,
};
use crate::error::{Code, Error, Result, say};
use crate::observer::Progress;
use crate::snapshot::SnapshotOf;

/// How long the snapshot of the failed state is waited for while the DROPs keep others out.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(5);

/// A restore in progress.
#[derive(Debug)]
pub(super) struct MatrixOneRestore {
    pub(super) engine: MatrixOne,
    pub(super) snapshot: String,
    /// The database that the snapshot is of: this one, or a clone of it.
    source: String,
    pub(super) link: Link,
    pub(super) conduct: Conduct,
    pub(super) then: Inventory,
    /// The snapshot of what went wrong, once it is kept.
    failed: Option<String>,
    /// Tables that this transaction has dropped.
    dropped: BTreeSet<String>,
    /// Views that wait for others which they read.
    views: Vec<Object>,
    /// The next generated key of each table, as it was before anything was dropped.
    next_keys: BTreeMap<String, u64>,
}

impl MatrixOneRestore {
    pub(super) async fn open(engine: &MatrixOne, snapshot: &str, conduct: Conduct) -> Result<Self> {
        let fence = engine.fence_held().await?;
        let mut link = engine.open_known("").await?;
        if engine.list_snapshots(&mut link, Some(snapshot)).await?.is_empty() {
            let all = engine.list_snapshots(&mut link, None).await;
            link.hang_up().await;
            return Err(say::no_snapshot(snapshot, &all?));
        }
        let source = engine.source_of(&mut link, snapshot).await?;
        if !engine.database_exists(&mut link, &engine.name).await? {
            link.send(&format!("CREATE DATABASE {}", quote(&engine.name))).await?;
        }
        link.move_to(&engine.name).await?;
        if let Some(fence) = fence {
            link = link.fenced_by(fence);
            engine.register(&mut link).await?;
        }
        link.send("SET foreign_key_checks = 0").await?;
        link.waits(conduct).await?;
        Ok(Self {
            engine: engine.clone(),
            snapshot: snapshot.to_owned(),
            source,
            link,
            conduct,
            then: Inventory::default(),
            failed: None,
            dropped: BTreeSet::new(),
            views: Vec::new(),
            next_keys: BTreeMap::new(),
        })
    }

    fn name(&self, table: &str) -> String {
        format!("{}.{}", quote(&self.engine.name), quote(table))
    }

    fn past(&self, table: &str) -> String {
        format!("{}.{}{}", quote(&self.source), quote(table), hint(&self.snapshot))
    }

    /// The next generated key of a table, exactly and whoever took the last one, none without; nothing
    /// when there is no such table.
    async fn next_key(&mut self, table: &str) -> Result<Option<Option<u64>>> {
        let sql = format!(
            "SELECT auto_increment FROM information_schema.tables \
             WHERE table_schema = {} AND table_name = {}",
            literal(&self.engine.name),
            literal(table)
        );
        let rows = self.link.ask(&sql).await?;
        rows.first().map(|row| row.at(0)).transpose()
    }

    /// Drops a table while another session may hold it; names that session when it takes too long.
    ///
    /// The wait must not be the DROP's: the writers behind one that waited are not told that the table
    /// is another now, and their rows with its old columns end the server (docs/matrixone.md). An ALTER
    /// that changes nothing waits instead, and the DROP finds the table locked.
    async fn drop_table(&mut self, table: &str) -> Result<()> {
        if !self.dropped.insert(table.to_owned()) {
            return Ok(());
        }
        if self.next_key(table).await?.is_none() {
            return Ok(());
        }
        let name = self.name(table);
        self.unless_blocked(table, &format!("ALTER TABLE {name} COMMENT ''")).await?;
        // Who was waited for may have been given keys until now.
        if let Some(next) = self.next_key(table).await?.flatten() {
            self.next_keys.insert(table.to_owned(), next);
        }
        self.unless_blocked(table, &format!("DROP TABLE {name}")).await
    }

    async fn unless_blocked(&mut self, table: &str, sql: &str) -> Result<()> {
        let done = self.link.send(sql).await.map_err(|error| match error.database_code() {
            Some("1205") => say::blocked(table, self.conduct.wait, error),
            _ => error,
        });
        done.map(drop)
    }

    /// Has generated keys go on from these at least, in a transaction of its own.
    pub(super) async fn go_on_above(&mut self, next: BTreeMap<String, u64>) -> Result<()> {
        self.next_keys = next;
        self.link.begin().await?;
        self.push_keys().await?;
        self.link.commit().await
    }

    /// Generated keys go on above the highest that was ever given out: a clone begins at what the
    /// snapshot had reserved.
    async fn push_keys(&mut self) -> Result<()> {
        for (table, next) in self.next_keys.clone() {
            let Some(object) = self.then.find(ObjectKind::Table, &table).cloned() else { continue };
            if self.next_key(&table).await?.flatten().is_none_or(|now| now >= next) {
                continue;
            }
            let Some(key) = self.key_column(&object).await? else { continue };
            let value = next - 1;
            // What else is hidden the server gives to the row by itself.
            let columns: Vec<&str> = (object.columns.iter())
                .filter(|column| column.name == key || !(column.generated || column.is_hidden()))
                .map(|column| column.name.as_str())
                .collect();
            let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
            let values: Vec<String> = columns
                .iter()
                .map(|c| if *c == key { value.to_string() } else { quote(c) })
                .collect();
            // A copy of any row under the new key moves the counter, and is taken out again; a table
            // without rows borrows one of those that went wrong.
            let name = self.name(&table);
            let source = match (catalog::count(&mut self.link, &name).await?, &self.failed) {
                (0, Some(failed)) => format!("{name}{}", hint(failed)),
                _ => name.clone(),
            };
            let copied = self
                .link
                .send(&format!(
                    "INSERT IGNORE INTO {name} ({}) SELECT {} FROM {source} LIMIT 1",
                    listed.join(", "),
                    values.join(", ")
                ))
                .await;
            if let Err(error) = copied {
                // Its row has not these columns any more; the statement rolled back itself alone.
                if !matches!(error.database_code(), Some("20301" | "1064")) {
                    return Err(error);
                }
                self.link.forgive();
                continue;
            }
            let key = quote(&key);
            self.link.send(&format!("DELETE FROM {name} WHERE {key} = {value}")).await?;
        }
        Ok(())
    }

    /// Makes the views that can be made, until none more can; gives why one still can't.
    async fn create_views(&mut self) -> Result<Option<Error>> {
        loop {
            let (mut waiting, mut why) = (Vec::new(), None);
            let before = self.views.len();
            for view in std::mem::take(&mut self.views) {
                match self.link.send(&view.sql.clone().unwrap_or_default()).await {
                    Ok(_) => {}
                    // It reads one that is not there yet; the statement rolled back itself alone.
                    Err(error)
                        if matches!(error.database_code(), Some("1064" | "1146" | "20301")) =>
                    {
                        self.link.forgive();
                        waiting.push(view);
                        why = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            self.views = waiting;
            if self.views.is_empty() || self.views.len() == before {
                return Ok(why);
            }
        }
    }

    /// The column with generated keys: the hidden one only where there is no other.
    async fn key_column(&mut self, table: &Object) -> Result<Option<String>> {
        let sql = format!(
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = {} AND table_name = {} AND extra = 'auto_increment'",
            literal(&self.engine.name),
            literal(&table.name)
        );
        let rows = self.link.ask(&sql).await?;
        let mut keys: Vec<String> = rows.iter().map(|row| row.at(0)).collect::<Result<_>>()?;
        keys.sort_by_key(|key| table.shown_columns().all(|column| column.name != *key));
        Ok(keys.into_iter().next())
    }

    /// The places in which a table's rows can be read now. A partitioned table reads as empty in the
    /// transaction that made it, its partitions do not.
    async fn sources(&mut self, table: &str) -> Result<Vec<String>> {
        if !self.dropped.contains(table) {
            return Ok(vec![self.name(table)]);
        }
        let sql = format!(
            "SELECT relname FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
             AND reldatabase = {} AND relkind = 'partition'",
            literal(&self.engine.name)
        );
        let ending = format!("%!%{table}");
        let mut parts = Vec::new();
        for row in self.link.ask(&sql).await? {
            let name: String = row.at(0)?;
            if name.ends_with(&ending) {
                parts.push(self.name(&name));
            }
        }
        Ok(if parts.is_empty() { vec![self.name(table)] } else { parts })
    }
}

/// Rows and a sum over their contents: every value with its type, NULLs and lengths told apart.
pub(super) async fn sum(
    link: &mut Link,
    table: &Object,
    sources: &[String],
) -> Result<(u64, u128)> {
    let columns: Vec<String> = table.columns.iter().map(|column| quote(&column.name)).collect();
    let mut all = (0, 0);
    for source in sources {
        let sql = format!(
            "SELECT count(*), CAST(sum(crc32(serial_full({}))) AS CHAR) FROM {source}",
            columns.join(", ")
        );
        let rows = link.ask(&sql).await?;
        let Some(row) = rows.first() else { return Err(say::connection_lost()) };
        let sum: Option<String> = row.at(1)?;
        let sum =
            sum.map_or(Ok(0), |sum| sum.split('.').next().unwrap_or_default().parse::<u128>());
        all.0 += row.at::<u64>(0)?;
        all.1 += sum.map_err(|error| say::internal(&error))?;
    }
    Ok(all)
}

#[async_trait]
impl RestoreTransaction for MatrixOneRestore {
    async fn look(&mut self, known: &Inventory) -> Result<(Inventory, Inventory)> {
        let (engine, source) = (self.engine.clone(), self.source.clone());
        let snapshot = self.snapshot.clone();
        let then = engine.inventory_from(&mut self.link, &source, &snapshot, known).await?;
        let now = catalog::inventory(&mut self.link, Counts::Without, &then).await?;
        self.then = then.without_afterwards();
        Ok((self.then.clone(), now.without_afterwards()))
    }

    async fn differs(&mut self, table: &Object, _: &Progress) -> Result<bool> {
        let sql = format!(
            "DATA BRANCH DIFF {} AGAINST {} OUTPUT COUNT",
            self.name(&table.name),
            self.past(&table.name)
        );
        // What the server can't compare is put back.
        Ok(match self.link.ask(&sql).await {
            Ok(rows) => rows.first().map_or(Ok(1), |row| row.at::<i64>(0))? > 0,
            Err(_) => true,
        })
    }

    async fn lock(&mut self, steps: &[Step]) -> Result<()> {
        self.link.begin().await?;
        for step in steps {
            match step {
                Step::Drop(object) if object.kind == ObjectKind::View => {
                    let sql = format!("DROP VIEW IF EXISTS {}", self.name(&object.name));
                    self.link.send(&sql).await?;
                }
                Step::Drop(object) | Step::Rows(object) if object.kind == ObjectKind::Table => {
                    Box::pin(self.drop_table(&object.name)).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn keep_failed_state(&mut self, name: &str, _: Progress) -> Result<SnapshotFacts> {
        let mut second = self.engine.open_known(&self.engine.name).await?;
        let wait = self.conduct.wait.min(SNAPSHOT_WITHIN);
        let conduct = Conduct { wait, ..self.conduct };
        let kept = self.engine.make_snapshot(&mut second, name, &SnapshotOf::Usual, conduct).await;
        // Another session's ALTER may wait for our DROPs, and the snapshot for that ALTER: a deadlock
        // that the server does not see.
        let kept = kept.map_err(|error| match error.code() {
            Code::Locked => error.native(Some(say::DEADLOCK.to_owned()), None),
            _ => error,
        });
        second.hang_up().await;
        self.failed = Some(name.to_owned());
        kept
    }

    async fn inventories(&mut self) -> Result<(Inventory, Inventory)> {
        let now = catalog::inventory(&mut self.link, Counts::Without, &self.then).await?;
        Ok((self.then.clone(), now.without_afterwards()))
    }

    async fn compare(&mut self, table: &Object, _: &Progress) -> Result<RowComparison> {
        let sources = self.sources(&table.name).await?;
        let now = sum(&mut self.link, table, &sources).await?;
        let past = self.past(&table.name);
        let then = sum(&mut self.link, table, &[past]).await?;
        Ok(RowComparison { same: then.0, differs: now != then })
    }

    async fn compare_counts(&mut self, table: &Object) -> Result<RowComparison> {
        let mut now = 0;
        for source in self.sources(&table.name).await? {
            now += catalog::count(&mut self.link, &source).await?;
        }
        let past = self.past(&table.name);
        let then = catalog::count(&mut self.link, &past).await?;
        Ok(RowComparison { same: then, differs: now != then })
    }

    async fn apply(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Create(object) if object.kind == ObjectKind::View => {
                self.views.push(object.clone());
                self.create_views().await.map(drop)
            }
            Step::Rows(table) => {
                let past = self.past(&table.name);
                let tied = table.sql.as_deref().is_some_and(|sql| sql.contains(" FOREIGN KEY "));
                if tied && self.source != self.engine.name {
                    // A clone's foreign keys would go on referring to the tables beside it.
                    return copy::copy(&mut self.link, table, &self.engine.name, &past).await;
                }
                copy::bring(&mut self.link, table, &self.engine.name, &past, " COPY GRANTS").await
            }
            Step::Counters { .. } => self.push_keys().await,
            Step::Catalogue(_) => match self.create_views().await? {
                Some(error) => Err(error),
                None => Ok(()),
            },
            // Dropped with the locks, and made with their rows.
            Step::Drop(_) | Step::Create(_) => Ok(()),
            Step::Whole => Err(say::internal(&"a restore of tables has no such step")),
        }
    }

    fn connection(&mut self) -> Result<&mut dyn Connection> {
        Ok(&mut self.link)
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let committed = self.link.commit().await;
        self.link.hang_up().await;
        committed
    }

    async fn abandon(mut self: Box<Self>) {
        // If it can't be rolled back the connection is lost, and with it the transaction.
        let _ = self.link.rollback().await;
        self.link.hang_up().await;
    }
}
