//! Engines: the only places that know a dialect.
//!
//! An engine offers small, honest primitives; the guard puts them together and knows no dialect.
//! What an engine cannot do it says in [`Capabilities`], and the guard chooses the ring by that.

mod address;
mod carry;
mod connection;
mod inventory;
#[cfg(feature = "matrixone")]
pub(crate) mod matrixone;
mod moments;
mod restore;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use address::Address;
#[cfg(feature = "cli")]
pub(crate) use address::EXAMPLE as EXAMPLE_ADDRESS;
pub(crate) use carry::{CarryOver, Side};
pub use connection::Touched;
pub(crate) use connection::{Connection, Fence, Interrupt, Statement};
pub(crate) use inventory::{Column, Inventory, Object, ObjectKind, RowKey};
pub(crate) use moments::{
    MOST_LISTED, Moment, Moments, RowChange, RowDifferences, common_columns, paired,
};
pub(crate) use restore::{Between, RestoreTransaction, RowComparison, Step};
pub use target::Target;

use crate::error::{Error, Result, say};
use crate::lock::Holder;
use crate::observer::Progress;
use crate::settings::{RestoreMethod, Settings, SnapshotScope};
use crate::snapshot::SnapshotOf;
use crate::sql::Dialect;
use crate::value::Row;

/// The dialects of the engines that this program was built with.
pub(crate) fn dialects() -> &'static [Dialect] {
    &[
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite,
        #[cfg(feature = "matrixone")]
        Dialect::MatrixOne,
    ]
}

/// What an engine can be relied on for.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Definitions and rows may change together in one transaction that really is one: ring 1.
    pub transactional_ddl: bool,
    /// The state outlives the process, so that a crash can be recovered from.
    pub durable: bool,
    /// Foreign keys must be switched off outside of a transaction to rebuild a table.
    pub foreign_keys_outside: bool,
    /// A clone takes moments and no room of its own.
    pub cheap_clones: bool,
    /// A clone has all that its snapshot has, and not the tables alone.
    pub whole_clones: bool,
}

/// The table in a database that was made from another one which says whose it is.
pub(crate) const CLONE_MARK: &str = "mo_migrate_clone";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It asks the one question of a start, on the application's own connection where there is one.
    Start,
    /// It does the run's work, with the application's own hooks.
    Work,
    /// It reads, and can't write.
    Read,
}

/// How the ledger is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LedgerAccess {
    /// Made when it is missing.
    Create,
    /// Read as it is; none when it is missing.
    ReadOnly,
}

/// How an engine goes about a snapshot and a restore: from the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// How long others' locks are waited for.
    pub wait: Duration,
    /// Sessions that hold what has to come back are ended.
    pub terminate_blockers: bool,
    /// What a snapshot is of, where there is a choice.
    pub scope: SnapshotScope,
    /// How a restore goes about it, where there is a choice.
    pub method: RestoreMethod,
}

impl From<&Settings> for Conduct {
    fn from(settings: &Settings) -> Self {
        Self {
            wait: settings.lock_timeout,
            terminate_blockers: settings.terminate_blockers,
            scope: settings.snapshot_scope,
            method: settings.restore_method,
        }
    }
}

/// What is known of a snapshot from looking at it.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFacts {
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// How large it is, in bytes, where it takes room of its own.
    pub bytes: Option<u64>,
    /// What it is of: `database`, `table` or `account`.
    pub level: String,
    /// The table, where it is of one.
    pub table: Option<String>,
}

/// A lock that is held; it is free when this is dropped and what its holder runs has ended.
pub(crate) trait LockGuard: Send + Sync + std::fmt::Debug {
    /// Says that its holder lives; what can't be said is not an error.
    fn beat(&self);
}

/// Who held the lock, or holds it.
#[derive(Clone, Debug)]
pub(crate) struct LastHolder {
    /// Who it was.
    pub holder: Holder,
    /// When it was last heard of, in milliseconds since 1970.
    pub beat: i64,
    /// For how many milliseconds it was not heard of, by the clock that its signs of life have.
    pub silent: i64,
}

/// The answer to an attempt at the lock.
#[derive(Debug)]
pub(crate) enum LockAttempt {
    /// It is ours; and whose it was.
    Held(Arc<dyn LockGuard>, Option<LastHolder>),
    /// It is another's.
    Taken(Option<Holder>),
}

/// How much room the run needs, and where.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// Bytes of the database.
    pub database: u64,
    /// The disks that its copies are on; none where the engine needs none.
    pub rooms: Vec<Room>,
}

impl Space {
    /// The bytes of so many copies.
    pub(crate) fn needed(&self, copies: u64) -> u64 {
        self.database.saturating_mul(copies)
    }
}

/// The room on one disk.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// A folder on it.
    pub place: String,
    /// So many copies of the database may be there at once.
    pub copies: u64,
    /// Bytes that are free.
    pub free: u64,
}

/// A database engine.
///
/// Every method that changes something durable ends done or not done; a connection that died in
/// between is the guard's to look up.
#[async_trait]
pub(crate) trait Engine: Send + Sync + std::fmt::Debug {
    /// The engine's name, as in an address.
    fn name(&self) -> &'static str;
    /// The dialect of its SQL.
    fn dialect(&self) -> Dialect;
    /// What it can be relied on for.
    fn capabilities(&self) -> Capabilities;
    /// The database, for people: never with credentials.
    fn database(&self) -> &str;
    /// Whose rows of the ledger are this database's; empty where the ledger is of one alone.
    fn ledger_key(&self) -> &str;

    /// Why a table of this name could not be put back; none when it could.
    fn unfit_name(&self, _name: &str) -> Option<&'static str> {
        None
    }
    /// Where the ledger is, in words for a person who has to look after it.
    fn ledger_place(&self) -> String;
    /// The line for a shell that puts a snapshot in the place of a database that is gone; none where
    /// that is not done by hand.
    fn copy_line(&self, _snapshot: &str) -> Option<String> {
        None
    }

    /// Whether the database is there.
    ///
    /// # Errors
    /// It can't be found out.
    async fn exists(&self) -> Result<bool>;
    /// Nothing is there that a new database of this name would be, or would take for its own.
    ///
    /// # Errors
    /// There is, or it can't be found out.
    async fn is_free(&self) -> Result<()> {
        if self.exists().await? { Err(say::database_is_there(&self.own_name())) } else { Ok(()) }
    }
    /// Says that it is not there, with the ones beside it that may have been meant.
    async fn no_database(&self) -> Error;
    /// Makes the database, empty.
    ///
    /// # Errors
    /// It is there already, or it can't be made.
    async fn create_database(&self) -> Result<()>;
    /// Removes the database with all that mo-migrate keeps beside it.
    ///
    /// # Errors
    /// It can't be removed.
    async fn drop_database(&self) -> Result<()>;
    /// Opens a connection.
    ///
    /// # Errors
    /// The database is missing, can't be opened, or can't be read truthfully.
    async fn connect(&self, role: Role) -> Result<Box<dyn Connection>>;

    /// Tries the lock once.
    ///
    /// # Errors
    /// It can't be found out who holds it.
    async fn try_lock(&self, holder: &Holder) -> Result<LockAttempt>;
    /// Who holds the lock or held it last, without trying it.
    ///
    /// # Errors
    /// It can't be found out.
    async fn last_holder(&self) -> Result<Option<LastHolder>>;
    /// Ends what the connections that this start has lost may still run, by the one that holds the lock.
    ///
    /// # Errors
    /// Another start has the lock by now, or it can't be ended.
    async fn end_lost_connections(&self) -> Result<()> {
        Ok(())
    }
    /// Opens the ledger.
    ///
    /// # Errors
    /// It can't be opened or made.
    async fn ledger(&self, access: LedgerAccess) -> Result<Option<Box<dyn Connection>>>;
    /// Whether somebody may have written to these tables since then, in milliseconds since 1970.
    /// "Yes" where it can't be told.
    ///
    /// # Errors
    /// It can't be found out.
    async fn written_since(&self, touched: &Touched, since: i64) -> Result<bool>;
    /// What could not come back if a migration touched it, each with why.
    ///
    /// # Errors
    /// It can't be found out.
    async fn cannot_come_back(&self) -> Result<Vec<(String, &'static str)>>;
    /// The tables of a snapshot that would come back, and are in a clone, with another definition, each
    /// with why.
    fn comes_back_changed(&self, _then: &Inventory) -> Vec<(String, &'static str)> {
        Vec::new()
    }
    /// Why a restore can't be made by this method, each reason in words; empty when it can.
    ///
    /// # Errors
    /// It can't be found out.
    async fn in_the_way_of(&self, method: RestoreMethod) -> Result<Vec<String>>;
    /// Others whose open transactions a run would wait for, each in words; looked for as long as `wait`
    /// where it takes more than a look.
    ///
    /// # Errors
    /// It can't be found out.
    async fn open_transactions(&self, wait: Duration) -> Result<Vec<String>>;
    /// The clones for verification that are there, each with its name and the run that made it.
    ///
    /// # Errors
    /// They can't be listed.
    async fn clones(&self) -> Result<Vec<(String, String)>>;
    /// How much room there is for copies.
    ///
    /// # Errors
    /// It can't be found out.
    async fn space(&self) -> Result<Space>;

    /// Takes the write lock where there is one, and the snapshot under it. Afterwards `work` is
    /// in a transaction if the engine has [`Capabilities::transactional_ddl`].
    ///
    /// # Errors
    /// The lock was not to be had in time, or the snapshot can't be made.
    async fn secure(
        &self,
        work: &mut dyn Connection,
        snapshot: Option<&str>,
        conduct: Conduct,
        progress: Progress,
    ) -> Result<Option<SnapshotFacts>>;
    /// Makes the snapshot readable from `work` under [`before`](Self::before), where a
    /// connection needs that said.
    ///
    /// # Errors
    /// The snapshot is gone.
    async fn attach_before(&self, work: &mut dyn Connection, snapshot: &str) -> Result<()>;
    /// How a statement names `table` as it was in this snapshot.
    fn before(&self, snapshot: &str, table: &str) -> String;
    /// Whether there are snapshots of this.
    ///
    /// # Errors
    /// There are none.
    fn has_snapshots_of(&self, _of: &SnapshotOf) -> Result<()> {
        Ok(())
    }
    /// Makes a snapshot outside of a run.
    ///
    /// # Errors
    /// It can't be made; what was begun is removed.
    async fn create_snapshot(
        &self,
        name: &str,
        of: &SnapshotOf,
        conduct: Conduct,
        progress: Progress,
    ) -> Result<SnapshotFacts>;
    /// The snapshots that are there, whoever made them.
    ///
    /// # Errors
    /// They can't be listed.
    async fn snapshots(&self) -> Result<Vec<SnapshotFacts>>;
    /// Removes a snapshot; one that is gone already is no error.
    ///
    /// # Errors
    /// It can't be removed.
    async fn delete_snapshot(&self, name: &str) -> Result<()>;
    /// Opens a snapshot for reading.
    ///
    /// # Errors
    /// It is gone, or it can't be read.
    async fn open_snapshot(&self, name: &str) -> Result<Box<dyn Connection>>;

    /// Clones a snapshot into the `_verify` database and opens it: all of it, or these tables where
    /// cloning costs by the table. `known` is what was read of the snapshot before.
    ///
    /// # Errors
    /// It can't be cloned.
    async fn clone_snapshot(
        &self,
        name: &str,
        run: &str,
        only: Option<&[String]>,
        known: &Inventory,
    ) -> Result<Clone>;
    /// Removes a clone that [`clone_snapshot`](Self::clone_snapshot) made for this run.
    ///
    /// # Errors
    /// It can't be removed.
    async fn drop_clone(&self, run: &str) -> Result<()>;

    /// Its name among those beside it: of the file in its folder, of the database on its server.
    fn own_name(&self) -> String;
    /// What a database beside it is called that has its name with this ending: `shop_qa` of `shop`.
    fn name_with(&self, ending: &str) -> String;
    /// Its address for people: with the user's name, and without any credential.
    fn address(&self) -> String;
    /// The database of this name beside this one: in its folder, or on its server.
    ///
    /// # Errors
    /// No database can have this name there.
    fn beside(&self, name: &str) -> Result<SharedEngine>;
    /// Clones a snapshot into a database of this name beside this one, which is not there yet, and puts
    /// `mark` into it. Gives in words what the snapshot has and the clone could not be given. `known` is
    /// what the snapshot holds.
    ///
    /// # Errors
    /// There is a database of this name, or the snapshot can't be cloned; what was begun is
    /// [removed](Self::drop_marked) by the caller.
    async fn clone_into(
        &self,
        snapshot: &str,
        database: &str,
        mark: &str,
        known: &Inventory,
    ) -> Result<Vec<String>>;
    /// Gives roles the rights on a clone that they had on this database, which is `known`: last, so that
    /// nobody reads what is not masked yet. Gives in words which could not be given.
    ///
    /// # Errors
    /// The clone can't be read.
    async fn give_rights(&self, database: &str, known: &Inventory) -> Result<Vec<String>>;
    /// Whether the database of this name beside this one is there and has this mark.
    ///
    /// # Errors
    /// It can't be found out.
    async fn is_marked(&self, database: &str, mark: &str) -> Result<bool>;
    /// The mark of this database, where it was made from another one.
    ///
    /// # Errors
    /// It can't be read.
    async fn mark(&self) -> Result<Option<String>>;
    /// Removes the database of this name beside this one with all that mo-migrate keeps of it, if it has
    /// this mark, and what an unfinished [`clone_into`](Self::clone_into) left of it. Gives whether it was
    /// there.
    ///
    /// # Errors
    /// It has not this mark, or it can't be removed.
    async fn drop_marked(&self, database: &str, mark: &str, conduct: Conduct) -> Result<bool>;
    /// Makes a snapshot of the database of this name beside this one, under a name of which the ledger says
    /// so, by which this database is restored. Gives what it holds for this database.
    ///
    /// # Errors
    /// It can't be made; what was begun is removed by the caller.
    async fn snapshot_of_clone(
        &self,
        database: &str,
        name: &str,
        conduct: Conduct,
    ) -> Result<(SnapshotFacts, Inventory)>;
    /// Takes out of this database what was deleted and overwritten, where it could still be read.
    ///
    /// # Errors
    /// It can't be taken out.
    async fn forget_what_was(&self) -> Result<()>;

    /// What the database of this connection consists of, with row counts if asked. `known` is what
    /// was read of this database before: it spares reading again what is the same still.
    ///
    /// # Errors
    /// The catalogue can't be read.
    async fn inventory(
        &self,
        connection: &mut dyn Connection,
        counts: Counts<'_>,
        known: &Inventory,
    ) -> Result<Inventory>;
    /// What this database consisted of in a snapshot that was just made of it, read from the snapshot
    /// itself, with its rows counted. `work` is the connection by which it was made.
    ///
    /// # Errors
    /// It is not there, or can't be read.
    async fn inventory_made(&self, work: &mut dyn Connection, snapshot: &str) -> Result<Inventory>;
    /// Rows that a foreign key of `table`, or of any table, does not find a parent for.
    ///
    /// # Errors
    /// It can't be checked.
    async fn foreign_key_violations(
        &self,
        connection: &mut dyn Connection,
        table: Option<&str>,
    ) -> Result<Vec<Row>>;
    /// The rows of a table that others changed between the snapshot and now, outside of these windows
    /// in which the run itself may have changed some; none where it can't be told. Without a snapshot
    /// the run made the table in the first of them. `most` of the rows at the most are given.
    ///
    /// # Errors
    /// The connection is lost.
    async fn foreign_rows(
        &self,
        connection: &mut dyn Connection,
        snapshot: Option<&str>,
        table: &str,
        windows: &[Window],
        most: usize,
    ) -> Result<Option<ForeignRows>>;
    /// The engine's own test of a database for damage; empty when it is sound.
    ///
    /// # Errors
    /// It can't be tested.
    async fn damage(&self, connection: &mut dyn Connection) -> Result<Vec<String>>;

    /// Puts back, after a restore was committed, what could not be in its transaction. It may be
    /// called again. `replaced` is the failed state behind which the whole database was replaced.
    ///
    /// # Errors
    /// Something can't be put back.
    async fn put_back_afterwards(
        &self,
        then: &Inventory,
        touched: &Touched,
        replaced: Option<&str>,
    ) -> Result<()>;
    /// Opens a connection that reads moments of the database.
    ///
    /// # Errors
    /// The database can't be opened.
    async fn moments(&self) -> Result<Box<dyn Moments>>;
    /// Begins a restore from this snapshot, on a connection of its own.
    ///
    /// # Errors
    /// The snapshot is gone, or the database can't be opened.
    async fn restore(
        &self,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn RestoreTransaction>>;
    /// Opens this database, this snapshot of it, and the database of the name `green` beside it.
    ///
    /// # Errors
    /// One of them is gone, or can't be opened.
    async fn carry_over(
        &self,
        green: &str,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn CarryOver>>;
}

/// Whether rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts<'a> {
    /// Definitions alone.
    Without,
    /// The rows of these tables too.
    Of(&'a BTreeSet<String>),
    /// The rows of every table too.
    With,
}

/// What a snapshot holds, read from the snapshot itself.
///
/// # Errors
/// It is gone, or can't be read.
pub(crate) async fn inventory_of_snapshot(
    engine: &dyn Engine,
    snapshot: &str,
    counts: Counts<'_>,
) -> Result<Inventory> {
    let mut past = engine.open_snapshot(snapshot).await?;
    let found = engine.inventory(&mut *past, counts, &Inventory::NOTHING).await;
    past.close().await;
    found
}

impl Counts<'_> {
    /// Whether the rows of this table are counted.
    #[must_use]
    pub(crate) fn include(self, table: &str) -> bool {
        match self {
            Self::Without => false,
            Self::Of(names) => names.iter().any(|name| name.eq_ignore_ascii_case(table)),
            Self::With => true,
        }
    }
}

/// A clone that is open.
#[derive(Debug)]
pub(crate) struct Clone {
    /// Its name, for people.
    pub name: String,
    /// The tables that it has; none when it has all.
    pub only: Option<Vec<String>>,
    /// A connection to it.
    pub connection: Box<dyn Connection>,
}

/// Rows that others changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForeignRows {
    /// How many.
    pub count: u64,
    /// Some of them, each with what was done to it.
    pub rows: Vec<Row>,
}

/// A time on the server's clock in which a run was writing to a table; open when it never ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Just before.
    pub began: i64,
    /// Just after.
    pub ended: Option<i64>,
}

/// An engine that several parts of a run share.
pub(crate) type SharedEngine = Arc<dyn Engine>;
