//! Blue, its snapshot and green, side by side: rows that came to blue after the snapshot are brought
//! to green, and compared there before that is committed.

use async_trait::async_trait;

use super::{Object, RowComparison};
use crate::error::Result;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Blue as it was in the snapshot that green was made from.
    Then,
    /// Blue as it is.
    Blue,
    /// Green as it is.
    Green,
}

/// Reads the three, and writes to green alone.
#[async_trait]
pub(crate) trait CarryOver: Send + std::fmt::Debug {
    /// Keeps writers out of these tables of blue, until this is closed.
    ///
    /// # Errors
    /// Another session is in the way for longer than was said.
    async fn keep_out(&mut self, tables: &[Object]) -> Result<()>;
    /// Compares all rows of a table, which has the same definition on both sides.
    ///
    /// # Errors
    /// A side can't be read.
    async fn compare(&mut self, table: &Object, one: Side, other: Side) -> Result<RowComparison>;
    /// A count and a sum of all rows of a table, by which the same rows are known again.
    ///
    /// # Errors
    /// The side can't be read.
    async fn contents(&mut self, table: &Object, side: Side) -> Result<String>;
    /// Begins the one transaction in which green is written to.
    ///
    /// # Errors
    /// Another session is in the way.
    async fn begin(&mut self) -> Result<()>;
    /// Takes the rows out of a table of green, and gives the contents that it had: nobody else changes or
    /// removes one of them any more.
    ///
    /// # Errors
    /// Another session is in the way: nothing is to be committed.
    async fn empty(&mut self, table: &Object) -> Result<String>;
    /// Gives a table of green that was emptied the rows of blue.
    ///
    /// # Errors
    /// What the database says: nothing is to be committed.
    async fn bring(&mut self, table: &Object) -> Result<()>;
    /// How many rows of green find no parent.
    ///
    /// # Errors
    /// It can't be found out.
    async fn orphans(&mut self) -> Result<usize>;
    /// Makes it true for all.
    ///
    /// # Errors
    /// It was not committed, or that can't be told.
    async fn commit(&mut self) -> Result<()>;
    /// Takes back what was done to green since it was begun.
    ///
    /// # Errors
    /// The connection is lost, and with it the transaction.
    async fn take_back(&mut self) -> Result<()>;
    /// Takes back what was not committed, lets the writers of blue in again, and closes.
    async fn close(self: Box<Self>);
}
