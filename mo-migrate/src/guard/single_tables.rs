//! A restore of single tables: what hangs on them comes back with them, and all else stays.
//!
//! Invariants:
//! 1. the history stays as it is, and the marker goes within the restore's transaction;
//! 2. no row loses its parent by it.

use super::run::Run;
use crate::engine::{Inventory, RestoreTransaction};
use crate::error::{Result, say};
use crate::history::HistoryWriter;

impl Run<'_> {
    /// What the restore is about: all, or single tables with what hangs on them.
    pub(super) fn concerned(&self, (then, now): (Inventory, Inventory)) -> (Inventory, Inventory) {
        if !self.record.is_of_tables() {
            return (then, now);
        }
        let tables = &self.record.touched.tables;
        (then.narrowed(tables), now.narrowed(tables))
    }

    /// How many rows find no parent before single tables come back.
    pub(super) async fn orphans(&self, back: &mut dyn RestoreTransaction) -> Result<usize> {
        if !self.record.is_of_tables() {
            return Ok(0);
        }
        Ok(self.engine.foreign_key_violations(back.connection()?, None).await?.len())
    }

    /// The history that came back is a failed state's, and has the marker of the run that kept it.
    pub(super) async fn close_the_history(&self, back: &mut dyn RestoreTransaction) -> Result<()> {
        let table = &self.settings.history_table;
        if self.then.table(table).is_none() {
            return Ok(());
        }
        HistoryWriter { connection: back.connection()?, table }.close_all().await
    }

    /// The history that came back is a clone's: the database stays the one that the ledger knows.
    pub(super) async fn keep_the_id(&self, back: &mut dyn RestoreTransaction) -> Result<()> {
        let table = &self.settings.history_table;
        // A server ends a transaction that asks for what is not there.
        if self.then.table(table).is_none() {
            return Ok(());
        }
        HistoryWriter { connection: back.connection()?, table }
            .give_id(&self.record.database_id)
            .await
    }

    /// Single tables came back, and the history did not: the marker goes in the same transaction,
    /// unless the tables have left rows without their parents.
    pub(super) async fn leave_the_history(
        &self,
        back: &mut dyn RestoreTransaction,
        orphans: usize,
    ) -> Result<()> {
        let now = self.orphans(back).await?;
        if now > orphans {
            let tables: Vec<&str> = self.record.touched.tables.iter().map(String::as_str).collect();
            return Err(say::tables_belong_together(now - orphans, &tables.join("`, `")));
        }
        let table = &self.settings.history_table;
        HistoryWriter { connection: back.connection()?, table }.keep(&self.record.id).await
    }
}
