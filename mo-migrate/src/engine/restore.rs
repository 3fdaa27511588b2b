//! A restore as the guard sees it: one transaction with a few steps.

use async_trait::async_trait;

use super::{Connection, Inventory, Object, SnapshotFacts};
use crate::error::Result;
use crate::observer::Progress;

/// One step of a restore plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Removes an object that the snapshot does not have, or has otherwise.
    Drop(Object),
    /// Makes an object as it is in the snapshot, without rows.
    Create(Object),
    /// Makes the rows of a table those of the snapshot.
    Rows(Object),
    /// Puts the engine's own counters of generated keys back.
    Counters {
        /// Values above the snapshot's were given to others and are not given again.
        keep_highest: bool,
    },
    /// Brings all of the database back at once, which is committed before it can be compared.
    Whole,
    /// Puts the catalogue in the snapshot's order, and settings that are kept in the database.
    Catalogue(Vec<Object>),
}

/// What a comparison of a table with the snapshot found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowComparison {
    /// Rows that are the same on both sides.
    pub same: u64,
    /// The first difference ends the comparison.
    pub differs: bool,
}

/// What others committed between a failed state and the moment in which the database was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Between {
    /// The tables with such rows.
    pub tables: Vec<String>,
    /// The database in which they are kept.
    pub kept: String,
}

/// A restore in progress: nothing is seen by others before [`commit`](Self::commit).
#[async_trait]
pub(crate) trait RestoreTransaction: Send + std::fmt::Debug {
    /// What the snapshot consists of, and what the database does, to plan from. An engine whose one
    /// lock is on the whole database takes it here, so that what is planned is what is changed. `known`
    /// is what was read of the snapshot before.
    ///
    /// # Errors
    /// A catalogue can't be read, or another session is in the way.
    async fn look(&mut self, known: &Inventory) -> Result<(Inventory, Inventory)>;
    /// Whether the rows of a table differ, that has the same definition on both sides: to plan by.
    ///
    /// # Errors
    /// A side can't be read.
    async fn differs(&mut self, table: &Object, progress: &Progress) -> Result<bool>;
    /// Takes the locks that keep writers out of all that these steps change.
    ///
    /// # Errors
    /// Another session is in the way; it is named where the engine can tell.
    async fn lock(&mut self, steps: &[Step]) -> Result<()>;
    /// Keeps what is there now, while writers are kept out.
    ///
    /// # Errors
    /// It can't be kept: the restore is not to go on.
    async fn keep_failed_state(&mut self, name: &str, progress: Progress) -> Result<SnapshotFacts>;
    /// What the snapshot consists of, and what the database does by now.
    ///
    /// # Errors
    /// A catalogue can't be read.
    async fn inventories(&mut self) -> Result<(Inventory, Inventory)>;
    /// Compares the rows of a table, as a proof.
    ///
    /// # Errors
    /// A side can't be read.
    async fn compare(&mut self, table: &Object, progress: &Progress) -> Result<RowComparison>;
    /// Compares how many rows a table has, where its contents would take too long.
    ///
    /// # Errors
    /// A side can't be read.
    async fn compare_counts(&mut self, table: &Object) -> Result<RowComparison>;
    /// Carries out one step.
    ///
    /// # Errors
    /// What the database says: the whole transaction is to be rolled back.
    async fn apply(&mut self, step: &Step) -> Result<()>;
    /// Whether [`Step::Whole`] is its only step.
    fn is_whole(&self) -> bool {
        false
    }
    /// After [`Step::Whole`], which can't keep writers out while the failed state is taken: keeps what
    /// they committed after these failed states, and has generated keys go on above theirs.
    ///
    /// # Errors
    /// It can't be found out or kept.
    async fn between(&mut self, _failed_states: &[String]) -> Result<Vec<Between>> {
        Ok(Vec::new())
    }
    /// The connection, for the history and for checks inside the transaction.
    ///
    /// # Errors
    /// It is lost.
    fn connection(&mut self) -> Result<&mut dyn Connection>;
    /// Makes it true for all, and closes the connection.
    ///
    /// # Errors
    /// It was not committed, or that can't be told.
    async fn commit(self: Box<Self>) -> Result<()>;
    /// Leaves all as it was, and closes the connection.
    async fn abandon(self: Box<Self>);
}
