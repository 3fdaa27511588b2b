//! A connection, whatever the engine.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::LockGuard;
use crate::error::Result;
use crate::sql::Dialect;
use crate::value::{Row, Value};

/// The tables that statements write to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Their names, as the engine has them.
    pub tables: BTreeSet<String>,
    /// A statement whose tables can't be told: the set may be larger.
    pub unknown: bool,
    /// The engine wrote every row again (VACUUM), so that its own commits look like others'.
    pub rewritten: bool,
    /// Definitions were changed, so that other objects' definitions may have changed with them.
    pub definitions: bool,
}

impl Touched {
    /// Takes another set in.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.tables.extend(other.tables.iter().cloned());
        self.unknown |= other.unknown;
        self.definitions |= other.definitions;
        self.rewritten |= other.rewritten;
    }
}

/// What the code of a migration or of a check must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence<'a> {
    /// The guard itself is at work: nothing is forbidden.
    Open,
    /// Writing to the history table alone: what has no way back was allowed.
    Allowed(&'a str),
    /// Writing to the history table, and where it can be told, outside of this database.
    History(&'a str),
    /// That, and beginning or ending a transaction, and attaching a database.
    Transaction(&'a str),
}

/// Ends what a connection runs, from outside.
pub(crate) trait Interrupt: Send + Sync + std::fmt::Debug {
    /// The statement in flight, and every later one, ends with an error.
    fn interrupt(&self);
}

/// A statement and its values.
pub(crate) type Statement = (Cow<'static, str>, Vec<Value>);

/// One connection to a database.
#[async_trait]
pub(crate) trait Connection: Send + Sync + std::fmt::Debug {
    /// The dialect of its SQL.
    fn dialect(&self) -> Dialect;
    /// A table of the guarded database by its whole name, so that no temporary one is meant.
    fn whole_name(&self, table: &str) -> String;
    /// Runs one statement; gives the number of rows that it changed.
    ///
    /// # Errors
    /// What the database says.
    async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64>;
    /// Runs these in a transaction of their own, each with its values: all of them or none.
    ///
    /// # Errors
    /// What the database says, of whichever it was; then none of them is done, unless that can't be told.
    async fn execute_together(&mut self, statements: &[Statement]) -> Result<()> {
        let done = async {
            self.begin().await?;
            for (sql, params) in statements {
                self.execute(sql, params).await?;
            }
            self.commit().await
        };
        let done = done.await;
        if done.is_err() {
            let _ = self.rollback().await;
        }
        done
    }
    /// Runs one statement and gives its rows, `limit` of them at the most.
    ///
    /// # Errors
    /// What the database says.
    async fn fetch(
        &mut self,
        sql: &str,
        params: &[Value],
        limit: Option<usize>,
    ) -> Result<Vec<Row>>;
    /// What the statement would write to, found out without running it.
    ///
    /// # Errors
    /// The statement can't be prepared.
    async fn touches(&mut self, sql: &str) -> Result<Touched>;
    /// What all statements since the last call wrote to, those through a raw connection as well
    /// where the engine sees them.
    fn take_touched(&mut self) -> Touched;

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// The write lock was not to be had in time.
    async fn begin(&mut self) -> Result<()>;
    /// Commits.
    ///
    /// # Errors
    /// It was not committed, or that can't be told; then the connection is not to be used again.
    async fn commit(&mut self) -> Result<()>;
    /// Rolls back; no transaction is no error.
    ///
    /// # Errors
    /// The connection is lost, and with it the transaction.
    async fn rollback(&mut self) -> Result<()>;
    /// Whether a transaction is open, asked of the database and not remembered.
    ///
    /// # Errors
    /// The connection is lost.
    async fn in_transaction(&mut self) -> Result<bool>;
    /// Switches foreign keys on or off, outside of a transaction; gives what they were.
    ///
    /// # Errors
    /// What the database says.
    async fn foreign_keys(&mut self, on: bool) -> Result<bool>;
    /// Notes the session's settings, before the code of a migration runs on it.
    ///
    /// # Errors
    /// The connection is lost.
    async fn remember_settings(&mut self) -> Result<()>;
    /// Puts the session's settings back to what they were then, if they were changed since.
    ///
    /// # Errors
    /// What the database says.
    async fn forget_settings(&mut self) -> Result<()>;
    /// Lets statements write, or not.
    ///
    /// # Errors
    /// What the database says.
    async fn writable(&mut self, writable: bool) -> Result<()>;
    /// A number that moves when somebody else has committed to the database.
    ///
    /// # Errors
    /// The connection is lost.
    async fn foreign_commits(&mut self) -> Result<i64>;

    /// The server's clock, by which the past can be read; none where it can't.
    ///
    /// # Errors
    /// The connection is lost.
    async fn moment(&mut self) -> Result<Option<i64>>;

    /// Keeps the lock until this connection is really closed: when the future of a run is dropped, a
    /// statement in flight goes on, and nobody else may begin before it has ended.
    ///
    /// # Errors
    /// The connection is lost.
    async fn hold(&mut self, lock: Arc<dyn LockGuard>) -> Result<()>;
    /// Forbids, while a migration's or a check's code runs, what is the guard's alone.
    fn fence(&mut self, fence: Fence<'_>);
    /// How long a lock of somebody else's is waited for.
    fn patience(&mut self, wait: Duration);
    /// How long each following statement may run.
    fn limit(&mut self, limit: Option<Duration>);
    /// Ends the statement in flight, waits until it has ended, and is ready for the next one.
    ///
    /// # Errors
    /// The connection is lost.
    async fn end_statement(&mut self) -> Result<()>;
    /// What ends its statements from outside.
    fn interrupter(&self) -> Arc<dyn Interrupt>;
    /// The driver's own connection, to downcast.
    fn raw(&mut self) -> &mut (dyn Any + Send);
    /// The engine's own type of it, for the engine to downcast.
    fn itself(&mut self) -> &mut (dyn Any + Send);
    /// Closes it in order.
    async fn close(self: Box<Self>);
}
