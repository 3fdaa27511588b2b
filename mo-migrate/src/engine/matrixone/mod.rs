//! MatrixOne: a server with copy-on-write snapshots.
//!
//! What it really does is in docs/matrixone.md; the code here leans on nothing else. A run is
//! statement by statement, its way back is a snapshot of the whole account, and a restore is one
//! transaction that drops and clones the tables concerned.

mod afterwards;
mod beside;
mod blockers;
mod carry;
mod catalog;
mod clone;
mod comment;
mod copy;
mod dial;
mod doubled;
mod flight;
mod foreign;
mod late;
mod link;
mod lock;
mod moments;
mod names;
mod published;
mod restore;
mod snapshot;
mod text;
mod traps;
mod variables;
mod whole;

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use self::blockers::Waiter;
use self::link::{Link, Owner};
use self::lock::Slot;
use self::text::literal;
use super::{
    Capabilities, CarryOver, Clone, Conduct, Connection, Counts, Engine, ForeignRows, Inventory,
    LastHolder, LedgerAccess, LockAttempt, Moments, RestoreTransaction, Role, SharedEngine,
    SnapshotFacts, Space, Touched, Window,
};
use crate::error::{Code, Error, Result, say};
use crate::lock::Holder;
use crate::observer::Progress;
use crate::settings::RestoreMethod;
use crate::snapshot::{SnapshotOf, moment_of};
use crate::sql::Dialect;
use crate::value::Row;

/// The server's clock in nanoseconds since 1970, as it names a moment of the past. Its
/// `unix_timestamp` drops the fraction, and a clock of ours that is ahead would be no error.
const CLOCK: &str = "timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6)) * 1000";

/// The database that holds the ledger.
const LEDGER: &str = "mo_migrate";

/// A name for SQL: quoted, so that no name is ever read as anything else.
fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// What stands behind a table's name to read it as it was in a snapshot.
fn hint(snapshot: &str) -> String {
    if let Some(at) = moment_of(snapshot) {
        return format!(" {{MO_TS = {at}}}");
    }
    format!(" {{SNAPSHOT = {}}}", literal(snapshot))
}

/// Where connections come from.
#[derive(Clone)]
enum Source {
    Address,
    Pool(MySqlPool),
}

/// A database of a MatrixOne server.
#[derive(Clone)]
pub(crate) struct MatrixOne {
    source: Source,
    /// Without a default database, and with nothing that is set on connecting.
    options: MySqlConnectOptions,
    /// The guarded database's name on the server.
    name: String,
    shown: String,
    slot: Slot,
}

impl std::fmt::Debug for MatrixOne {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options would print the password.
        f.debug_struct("MatrixOne").field("database", &self.shown).finish_non_exhaustive()
    }
}

impl MatrixOne {
    /// The database at this address: `matrixone://user:password@host:6001/database`.
    ///
    /// # Errors
    /// The address can't be read, or names no database.
    pub(crate) fn at(address: &str) -> Result<Self> {
        let unreadable = || {
            Error::new(
                Code::Address,
                "the address can't be read (it is not shown here, for it may hold a password)",
            )
            .hinted("write it as `matrixone://user:password@host:6001/database`")
        };
        let (_, place) = address.split_once("://").ok_or_else(unreadable)?;
        // A password with one of these signs in it ends there, and its rest would be shown as the
        // name of the database.
        if place.split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@')) {
            return Err(unreadable().hinted(
                "write `/`, `?`, `#` and `@` in a name or a password as `%2F`, `%3F`, `%23` and `%40`",
            ));
        }
        let options =
            MySqlConnectOptions::from_str(&format!("mysql://{place}")).map_err(|_| unreadable())?;
        Self::new(Source::Address, &options)
    }

    /// The database of this pool; the pool's own hooks run on every connection of the guard's.
    ///
    /// # Errors
    /// The pool is of no database.
    pub(crate) fn of_pool(pool: &MySqlPool) -> Result<Self> {
        Self::new(Source::Pool(pool.clone()), &pool.connect_options())
    }

    fn new(source: Source, options: &MySqlConnectOptions) -> Result<Self> {
        let Some(database) = options.get_database().filter(|name| !name.is_empty()) else {
            return Err(Error::new(Code::Address, "the address names no database")
                .hinted("write it as `matrixone://user:password@host:6001/database`"));
        };
        // The server folds names; its snapshots do so whatever it is told.
        let database = database.to_lowercase();
        if database == LEDGER {
            return Err(Error::new(
                Code::Address,
                format!("`{LEDGER}` is the database of the ledger, and can't be guarded itself"),
            )
            .hinted("name another database in the address"));
        }
        if names::undroppable(&database) || database.chars().count() > names::LONGEST {
            return Err(say::database_name(&database, names::LONGEST));
        }
        let shown = format!("{}:{}/{database}", options.get_host(), options.get_port());
        // Empty, and not none: nothing in sqlx takes a database out again.
        let options = options
            .clone()
            .database("")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .set_names(false)
            .disable_statement_logging();
        Ok(Self { source, options, name: database, shown, slot: Slot::default() })
    }

    fn shown(&self) -> &str {
        &self.shown
    }

    /// A connection of its own in this database; in none when it is empty.
    async fn open(&self, database: &str) -> Result<Link> {
        let options = self.options.clone().database(database);
        let connected = match &self.source {
            Source::Address => dial::connect(&options).await,
            Source::Pool(pool) => dial::connect_like(pool, options).await,
        };
        let connection = connected.map_err(|error| say::connect(&self.shown, error));
        match connection {
            Ok(connection) => Ok(Link::new(self, Owner::Ours(connection), database)),
            Err(error) => Err(self.not_here(error).await),
        }
    }

    /// The same error, or that there is no such database where that is why it can't be gone into.
    async fn not_here(&self, error: Error) -> Error {
        if say::is_missing_database(&error) { self.none_here().await } else { error }
    }

    /// There is no such database. Those that the server has are known to who may read its catalogue.
    async fn none_here(&self) -> Error {
        let sql =
            "SELECT datname FROM mo_catalog.mo_database WHERE account_id = current_account_id()";
        let others = match dial::connect(&self.options.clone().database("")).await {
            Ok(connection) => {
                let mut link = Link::new(self, Owner::Ours(connection), "");
                let rows = link.ask(sql).await.unwrap_or_default();
                link.hang_up().await;
                rows.iter().filter_map(|row| row.at(0).ok()).collect()
            }
            Err(_) => Vec::new(),
        };
        say::no_database(&self.shown, &self.name, &others)
    }

    /// The same, with the number of its session, so that its statements can be ended.
    async fn open_known(&self, database: &str) -> Result<Link> {
        self.open(database).await?.introduced().await
    }

    /// Ends the statement that a session runs, and leaves the session.
    async fn end_query(&self, session: u64) -> Result<()> {
        let mut connection = dial::connect(&self.options).await.map_err(say::driver)?;
        let sql = format!("KILL QUERY {session}");
        let ended = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        dial::hang_up(connection).await;
        ended.map(drop).map_err(say::driver)
    }

    /// The question for the fence's number, which keeps it as it is until the transaction ends.
    fn fence_query(&self) -> String {
        format!(
            "SELECT n FROM {}.fence WHERE guarded = {} FOR UPDATE",
            quote(LEDGER),
            literal(&self.name)
        )
    }

    /// Leaves a mark in the transaction that it belongs to.
    fn mark_commit(&self, mark: &str) -> String {
        format!(
            "INSERT INTO {}.commits (guarded, mark) VALUES ({}, {mark}) ON DUPLICATE KEY UPDATE mark = {mark}",
            quote(LEDGER),
            literal(&self.name),
            mark = literal(mark)
        )
    }

    /// The mark of the last commit that was kept.
    fn mark_query(&self) -> String {
        format!(
            "SELECT mark FROM {}.commits WHERE guarded = {}",
            quote(LEDGER),
            literal(&self.name)
        )
    }

    async fn database_exists(&self, link: &mut Link, name: &str) -> Result<bool> {
        let sql = format!(
            "SELECT count(*) FROM mo_catalog.mo_database \
             WHERE account_id = current_account_id() AND datname = {}",
            literal(name)
        );
        let rows = link.ask(&sql).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.at::<i64>(0))? > 0)
    }
}

impl MatrixOne {
    /// Takes a database's snapshots and its rows out of the ledger.
    async fn forget(&self, link: &mut Link) -> Result<()> {
        let (ledger, guarded) = (quote(LEDGER), literal(&self.name));
        let known = format!("SELECT name FROM {ledger}.snapshots WHERE guarded = {guarded}");
        for row in link.ask(&known).await? {
            let name: String = row.at(0)?;
            self.drop_snapshot(link, &name).await?;
        }
        for table in ["phases", "statements", "children"] {
            link.send(&format!(
                "DELETE FROM {ledger}.{table} WHERE run IN \
                 (SELECT id FROM {ledger}.runs WHERE guarded = {guarded})"
            ))
            .await?;
        }
        // The last is made with the first upgrade of the account.
        for table in ["runs", "snapshots", "upgrades"] {
            link.send(&format!("DELETE FROM {ledger}.{table} WHERE guarded = {guarded}")).await?;
        }
        Ok(())
    }
}

/// The connection behind the trait, which is always one of this engine's.
fn link(connection: &mut dyn Connection) -> Result<&mut Link> {
    connection.itself().downcast_mut::<Link>().ok_or_else(say::foreign_connection)
}

#[async_trait]
impl Engine for MatrixOne {
    fn name(&self) -> &'static str {
        "matrixone"
    }

    fn dialect(&self) -> Dialect {
        Dialect::MatrixOne
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactional_ddl: false,
            durable: true,
            foreign_keys_outside: false,
            cheap_clones: true,
            whole_clones: false,
        }
    }

    fn database(&self) -> &str {
        &self.shown
    }

    fn ledger_key(&self) -> &str {
        &self.name
    }

    fn unfit_name(&self, name: &str) -> Option<&'static str> {
        names::unfit(name)
    }

    fn ledger_place(&self) -> String {
        format!("the database `{LEDGER}` of the account")
    }

    async fn no_database(&self) -> Error {
        self.none_here().await
    }

    async fn exists(&self) -> Result<bool> {
        let mut link = self.open("").await?;
        let exists = match self.database_exists(&mut link, &self.name).await {
            Err(error) if say::has_no_right(&error) => {
                let role = link.ask("SELECT current_role()").await?;
                let role: Option<String> = role.first().map_or(Ok(None), |row| row.at(0))?;
                Err(say::no_right_to_look(role.as_deref().unwrap_or("<role>"), error))
            }
            other => other,
        };
        link.hang_up().await;
        exists
    }

    async fn create_database(&self) -> Result<()> {
        let mut link = self.open("").await?;
        let made = link.send(&format!("CREATE DATABASE {}", quote(&self.name))).await;
        link.hang_up().await;
        made.map(drop)
    }

    async fn drop_database(&self) -> Result<()> {
        let mut link = self.open("").await?;
        let gone = link.send(&format!("DROP DATABASE IF EXISTS {}", quote(&self.name))).await;
        let forgotten = match gone {
            Ok(_) => self.forget(&mut link).await,
            Err(error) => Err(error),
        };
        link.hang_up().await;
        match forgotten {
            // There is no ledger yet.
            Err(error) if say::is_missing(&error) => Ok(()),
            other => other,
        }
    }

    async fn connect(&self, role: Role) -> Result<Box<dyn Connection>> {
        Ok(match role {
            Role::Work => Box::new(self.work().await?),
            Role::Start => Box::new(self.look().await?),
            Role::Read => {
                let mut link = self.open_known(&self.name).await?;
                link.writable(false).await?;
                Box::new(link)
            }
        })
    }

    async fn try_lock(&self, holder: &Holder) -> Result<LockAttempt> {
        Box::pin(self.attempt(holder)).await
    }

    async fn last_holder(&self) -> Result<Option<LastHolder>> {
        let mut link = Box::new(self.visitor(LEDGER).await?);
        let heard = self.holder(&mut link).await;
        link.close().await;
        Ok(heard?.map(Into::into))
    }

    async fn end_lost_connections(&self) -> Result<()> {
        self.end_lost().await
    }

    async fn ledger(&self, access: LedgerAccess) -> Result<Option<Box<dyn Connection>>> {
        let opened = match access {
            LedgerAccess::ReadOnly => self.visitor(LEDGER).await,
            LedgerAccess::Create => self.ledger_writer().await,
        };
        match opened {
            Ok(link) => Ok(Some(Box::new(link))),
            Err(error) if error.code() == Code::NoDatabase => match access {
                LedgerAccess::ReadOnly => Ok(None),
                LedgerAccess::Create => {
                    self.make_ledger().await?;
                    Ok(Some(Box::new(self.open(LEDGER).await?)))
                }
            },
            Err(error) => Err(error),
        }
    }

    async fn written_since(&self, touched: &Touched, since: i64) -> Result<bool> {
        self.rows_written_since(touched, since).await
    }

    async fn cannot_come_back(&self) -> Result<Vec<(String, &'static str)>> {
        let mut link = self.look().await?;
        let found = catalog::cannot_come_back(&mut link).await;
        Box::new(link).close().await;
        found
    }

    fn comes_back_changed(&self, then: &Inventory) -> Vec<(String, &'static str)> {
        doubled::tables(then).map(|table| (table.name.clone(), doubled::WHY)).collect()
    }

    async fn in_the_way_of(&self, method: RestoreMethod) -> Result<Vec<String>> {
        if method == RestoreMethod::Tables {
            return Ok(Vec::new());
        }
        let mut link = self.open(&self.name).await?;
        let found = traps::of_restore_database(&mut link).await;
        link.hang_up().await;
        found
    }

    async fn open_transactions(&self, _: Duration) -> Result<Vec<String>> {
        self.blockers(Waiter::Next, false).await
    }

    async fn clones(&self) -> Result<Vec<(String, String)>> {
        self.list_clones().await
    }

    async fn space(&self) -> Result<Space> {
        // A snapshot and a clone take no room of their own.
        Ok(Space { database: 0, rooms: Vec::new() })
    }

    async fn secure(
        &self,
        work: &mut dyn Connection,
        snapshot: Option<&str>,
        conduct: Conduct,
        _: Progress,
    ) -> Result<Option<SnapshotFacts>> {
        link(work)?.waits(conduct).await?;
        let Some(name) = snapshot else { return Ok(None) };
        // On the connection that does the work: another one's may miss the newest commits.
        self.make_snapshot(link(work)?, name, &SnapshotOf::Usual, conduct).await.map(Some)
    }

    async fn attach_before(&self, _: &mut dyn Connection, _: &str) -> Result<()> {
        Ok(())
    }

    fn before(&self, snapshot: &str, table: &str) -> String {
        format!("{}.{}{}", quote(&self.name), quote(table), hint(snapshot))
    }

    async fn create_snapshot(
        &self,
        name: &str,
        of: &SnapshotOf,
        conduct: Conduct,
        _: Progress,
    ) -> Result<SnapshotFacts> {
        let mut link = self.open_known(&self.name).await?;
        let made = self.make_snapshot(&mut link, name, of, conduct).await;
        link.hang_up().await;
        made
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotFacts>> {
        let mut link = self.open("").await?;
        let found = self.list_snapshots(&mut link, None).await;
        link.hang_up().await;
        found
    }

    async fn delete_snapshot(&self, name: &str) -> Result<()> {
        let mut link = self.open("").await?;
        let gone = self.drop_snapshot(&mut link, name).await;
        link.hang_up().await;
        gone
    }

    async fn open_snapshot(&self, name: &str) -> Result<Box<dyn Connection>> {
        let mut link = self.open_known("").await?;
        if self.list_snapshots(&mut link, Some(name)).await?.is_empty() {
            let all = self.list_snapshots(&mut link, None).await;
            link.hang_up().await;
            return Err(say::no_snapshot(name, &all?));
        }
        let source = self.source_of(&mut link, name).await?;
        Ok(Box::new(link.in_the_past(&source, name)))
    }

    async fn clone_snapshot(
        &self,
        name: &str,
        run: &str,
        only: Option<&[String]>,
        known: &Inventory,
    ) -> Result<Clone> {
        self.make_clone(name, run, only, known).await
    }

    async fn drop_clone(&self, run: &str) -> Result<()> {
        self.remove_clone(run).await
    }

    fn own_name(&self) -> String {
        self.name.clone()
    }

    fn name_with(&self, ending: &str) -> String {
        format!("{}{ending}", self.name)
    }

    fn address(&self) -> String {
        self.words()
    }

    fn beside(&self, name: &str) -> Result<SharedEngine> {
        Ok(Arc::new(self.database_beside(name)?))
    }

    async fn clone_into(
        &self,
        snapshot: &str,
        database: &str,
        mark: &str,
        known: &Inventory,
    ) -> Result<Vec<String>> {
        self.clone_beside(snapshot, database, mark, known).await
    }

    async fn give_rights(&self, database: &str, known: &Inventory) -> Result<Vec<String>> {
        self.give_rights_on(database, known).await
    }

    async fn is_marked(&self, database: &str, mark: &str) -> Result<bool> {
        let mut link = self.open_known("").await?;
        let found = clone::mark_of(&mut link, &self.database_beside(database)?.name).await;
        link.hang_up().await;
        Ok(found?.as_deref() == Some(mark))
    }

    async fn mark(&self) -> Result<Option<String>> {
        let mut link = self.open_known("").await?;
        let found = clone::mark_of(&mut link, &self.name).await;
        link.hang_up().await;
        found
    }

    async fn drop_marked(&self, database: &str, mark: &str, conduct: Conduct) -> Result<bool> {
        self.remove_beside(database, mark, conduct).await
    }

    async fn snapshot_of_clone(
        &self,
        database: &str,
        name: &str,
        conduct: Conduct,
    ) -> Result<(SnapshotFacts, Inventory)> {
        self.take_over(database, name, conduct).await
    }

    async fn forget_what_was(&self) -> Result<()> {
        // What the server keeps of the past is not in the database, and only its administrators read it.
        Ok(())
    }

    async fn inventory(
        &self,
        connection: &mut dyn Connection,
        counts: Counts<'_>,
        known: &Inventory,
    ) -> Result<Inventory> {
        catalog::inventory(link(connection)?, counts, known).await
    }

    async fn inventory_made(&self, work: &mut dyn Connection, snapshot: &str) -> Result<Inventory> {
        let (link, past) = (link(work)?, hint(snapshot));
        catalog::inventory_at(link, &self.name, &past, Counts::With, &Inventory::NOTHING).await
    }

    async fn foreign_key_violations(
        &self,
        connection: &mut dyn Connection,
        table: Option<&str>,
    ) -> Result<Vec<Row>> {
        catalog::orphans(link(connection)?, table).await
    }

    async fn foreign_rows(
        &self,
        connection: &mut dyn Connection,
        snapshot: Option<&str>,
        table: &str,
        windows: &[Window],
        most: usize,
    ) -> Result<Option<ForeignRows>> {
        self.rows_in_gaps(link(connection)?, snapshot, table, windows, most).await
    }

    async fn damage(&self, _: &mut dyn Connection) -> Result<Vec<String>> {
        // Counts and definitions are compared; the server has no test of its own.
        Ok(Vec::new())
    }

    async fn put_back_afterwards(
        &self,
        then: &Inventory,
        touched: &Touched,
        replaced: Option<&str>,
    ) -> Result<()> {
        self.put_back_the_rest(then, touched, replaced).await
    }

    async fn moments(&self) -> Result<Box<dyn Moments>> {
        Ok(Box::new(moments::MatrixOneMoments::open(self).await?))
    }

    async fn restore(
        &self,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn RestoreTransaction>> {
        Ok(match conduct.method {
            RestoreMethod::Tables => {
                Box::new(restore::MatrixOneRestore::open(self, snapshot, conduct).await?)
            }
            RestoreMethod::Database => {
                Box::new(whole::WholeRestore::open(self, snapshot, conduct).await?)
            }
        })
    }

    async fn carry_over(
        &self,
        green: &str,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Box<dyn CarryOver>> {
        let green = self.database_beside(green)?;
        Ok(Box::new(carry::MatrixOneCarryOver::open(self, green, snapshot, conduct).await?))
    }
}

/// A connection of the pool for one question, with the engine's and the database's names.
pub(crate) async fn pooled(
    pool: &MySqlPool,
) -> Option<(&'static str, String, Box<dyn Connection>)> {
    let engine = MatrixOne::of_pool(pool).ok()?;
    // An idle one without a question whether it still lives: if not, the long way finds out.
    let connection = match pool.try_acquire() {
        Some(connection) => connection,
        None => pool.acquire().await.ok()?,
    };
    let (shown, database) = (engine.shown.clone(), engine.name.clone());
    Some(("matrixone", shown, Box::new(Link::new(&engine, Owner::Pool(connection), &database))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_has_the_password() {
        let engine = MatrixOne::at("matrixone://root:hunter2@127.0.0.1:6001/Shop").unwrap();
        assert_eq!(engine.database(), "127.0.0.1:6001/shop");
        assert!(!format!("{engine:?} {engine:#?}").contains("hunter2"));
    }

    #[test]
    fn an_address_without_a_database_is_refused() {
        for address in ["matrixone://root@127.0.0.1:6001", "mysql://root@127.0.0.1:6001/"] {
            assert_eq!(MatrixOne::at(address).unwrap_err().code(), Code::Address);
        }
    }

    #[test]
    fn names_and_texts_can_not_break_out() {
        assert_eq!(quote("a`; DROP TABLE b; --"), "`a``; DROP TABLE b; --`");
        assert_eq!(literal(r"it's \ x"), r"'it''s \\ x'");
    }
}
