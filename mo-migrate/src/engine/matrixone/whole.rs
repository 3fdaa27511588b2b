//! Putting a MatrixOne database back as a whole, by RESTORE DATABASE.
//!
//! The command runs in a transaction of the server's own, waits without a limit, and commits by
//! itself: nothing can be compared before, and writers can't be kept out while the failed state is
//! taken. So it is sent only where none of its traps is (`traps.rs`).
//!
//! Invariants:
//! 1. the traps are looked for again just before it, and the fence is read;
//! 2. it waits no longer than was said, and is ended then;
//! 3. an error means that the database was not replaced, or says that it was;
//! 4. what others committed between the failed state and the moment of the replacement is kept.

use async_trait::async_trait;

use super::restore::MatrixOneRestore;
use super::{MatrixOne, catalog, comment, hint, quote, traps};
use crate::engine::{
    Between, Conduct, Connection, Inventory, Object, RestoreTransaction, RowComparison,
    SnapshotFacts, Step,
};
use crate::error::{Result, say};
use crate::observer::Progress;

/// A restore of the whole database; what it shares with one of tables is that one's.
#[derive(Debug)]
pub(super) struct WholeRestore(MatrixOneRestore);

impl WholeRestore {
    pub(super) async fn open(engine: &MatrixOne, snapshot: &str, conduct: Conduct) -> Result<Self> {
        MatrixOneRestore::open(engine, snapshot, conduct).await.map(Self)
    }

    async fn command(&mut self) -> Result<()> {
        let Self(MatrixOneRestore { engine, snapshot, link, conduct, .. }) = self;
        let before = catalog::number_of(link, &engine.name).await?;
        // Whoever took this run over has moved the fence.
        link.begin().await?;
        link.rollback().await?;
        let sql = format!("RESTORE DATABASE {}{}", quote(&engine.name), hint(snapshot));
        let Err(error) = link.send_within(&sql, conduct.wait).await else {
            // It is committed: what fails now can't be rolled back.
            return self.give_comments().await.map_err(say::restored_unproved);
        };
        let mut second = engine.open("").await?;
        let after = catalog::number_of(&mut second, &engine.name).await;
        second.hang_up().await;
        if after? == before {
            Err(say::whole_failed(error))
        } else {
            Err(say::restored_unproved(error))
        }
    }

    async fn give_comments(&mut self) -> Result<()> {
        let MatrixOneRestore { engine, link, then, .. } = &mut self.0;
        for table in then.tables() {
            comment::give(link, table, &engine.name).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl RestoreTransaction for WholeRestore {
    async fn look(&mut self, known: &Inventory) -> Result<(Inventory, Inventory)> {
        self.0.look(known).await
    }

    async fn differs(&mut self, table: &Object, progress: &Progress) -> Result<bool> {
        self.0.differs(table, progress).await
    }

    async fn lock(&mut self, _: &[Step]) -> Result<()> {
        let reasons = traps::of_restore_database(&mut self.0.link).await?;
        if reasons.is_empty() { Ok(()) } else { Err(say::method_refused(&reasons)) }
    }

    async fn keep_failed_state(&mut self, name: &str, progress: Progress) -> Result<SnapshotFacts> {
        self.0.keep_failed_state(name, progress).await
    }

    async fn inventories(&mut self) -> Result<(Inventory, Inventory)> {
        self.0.inventories().await
    }

    async fn compare(&mut self, table: &Object, progress: &Progress) -> Result<RowComparison> {
        self.0.compare(table, progress).await
    }

    async fn compare_counts(&mut self, table: &Object) -> Result<RowComparison> {
        self.0.compare_counts(table).await
    }

    async fn apply(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Whole => self.command().await,
            _ => Ok(()),
        }
    }

    fn is_whole(&self) -> bool {
        true
    }

    async fn between(&mut self, failed_states: &[String]) -> Result<Vec<Between>> {
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        for failed in failed_states {
            let engine = self.0.engine.clone();
            let Some(moment) = engine.last_moment(&mut self.0.link, failed).await? else {
                continue;
            };
            // Of several failed states before one replacement the newest has the most.
            if seen.contains(&moment) {
                continue;
            }
            seen.push(moment);
            let keys = engine.keys_at(&mut self.0.link, moment).await?;
            self.0.go_on_above(keys).await?;
            found.extend(engine.late_rows(&mut self.0.link, failed, moment).await?);
        }
        Ok(found)
    }

    fn connection(&mut self) -> Result<&mut dyn Connection> {
        self.0.connection()
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        // The server has committed it.
        self.0.link.hang_up().await;
        Ok(())
    }

    async fn abandon(self: Box<Self>) {
        Box::new(self.0).abandon().await;
    }
}
