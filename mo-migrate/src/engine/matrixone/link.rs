//! A connection to MatrixOne.
//!
//! Invariants:
//! 1. one statement per call, but for the guard's own that write rows: of several the server would store
//!    the whole text as a view's, or stop in the middle;
//! 2. no SET on connecting, and none inside a transaction, which it would commit;
//! 3. after an error inside a transaction nothing but ROLLBACK is sent: the server would answer OK
//!    to COMMIT and keep half;
//! 4. a statement of a migration runs in a transaction that first reads the fence, where MatrixOne
//!    allows it one, so that a run that was taken over changes nothing more.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySql, MySqlConnection};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::Notify;

use super::blockers::Waiter;
use super::flight::Flight;
use super::lock::Slot;
use super::text::{self, with_params};
use super::variables::Variables;
use super::{MatrixOne, dial, names, quote};
use crate::engine::{Conduct, Connection, Fence, Interrupt, LockGuard, Statement, Touched};
use crate::error::{Code, Error, Result, say};
use crate::sql::{self, Dialect};
use crate::value::{Row, Value};

/// Before a session that is in the way is looked for.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Whose connection it is, and so what happens to it in the end.
pub(super) enum Owner {
    /// Ours: it is closed.
    Ours(MySqlConnection),
    /// The application's pool's: it goes back.
    Pool(PoolConnection<MySql>),
}

impl Deref for Owner {
    type Target = MySqlConnection;
    fn deref(&self) -> &MySqlConnection {
        match self {
            Self::Ours(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

impl DerefMut for Owner {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        match self {
            Self::Ours(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

/// Asks for the end of what a connection runs; another connection tells the server.
#[derive(Debug, Default)]
pub(super) struct Gate {
    asked: AtomicBool,
    wake: Notify,
}

impl Interrupt for Gate {
    fn interrupt(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

impl Gate {
    async fn asked(&self) {
        while !self.asked.load(Ordering::Relaxed) {
            self.wake.notified().await;
        }
    }
}

/// What the code of a migration or of a check must not do; the owned form of [`Fence`].
#[derive(Clone, Debug, PartialEq, Eq)]
struct Forbidden {
    history: String,
    /// Writing to other databases, and to what all of the server shares.
    outside: bool,
}

/// Where the connection that holds the lock goes back to. One that is dropped on its way is lost.
struct Home(Slot);

impl Drop for Home {
    fn drop(&mut self) {
        self.0.dropped();
    }
}

/// What can still be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    /// A statement failed inside of the transaction that is open: nothing but ROLLBACK.
    Poisoned,
    /// The server is not at the other end any more.
    Lost,
}

/// A connection to MatrixOne.
pub(super) struct Link {
    connection: Owner,
    /// Without the slot, which may hold this very connection.
    engine: MatrixOne,
    /// The server's number of this session.
    id: u64,
    database: String,
    /// Everything is read as it was in this snapshot.
    past: Option<String>,
    gate: Arc<Gate>,
    forbidden: Option<Forbidden>,
    writable: bool,
    touched: Touched,
    /// The statement of which it was asked last what it touches, and which is to be run next.
    looked_up: Option<String>,
    limit: Option<Duration>,
    in_transaction: bool,
    state: State,
    /// Sessions that are in the way are looked for, and ended if that is wanted.
    conduct: Option<Conduct>,
    /// Who waits for what is sent, where it is not this session.
    waiter: Option<Waiter>,
    flight: Flight,
    /// The number that the fence must still have.
    fence: Option<i64>,
    held: Option<Arc<dyn LockGuard>>,
    variables: Variables,
    /// Where it goes back to when it is closed: it holds the lock.
    home: Option<Home>,
    /// Where it is kept when it is closed: it has only looked.
    kept: Option<Slot>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("id", &self.id)
            .field("database", &self.database)
            .field("in_transaction", &self.in_transaction)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Takes a connection whose default database is `database`.
    pub(super) fn new(engine: &MatrixOne, connection: Owner, database: &str) -> Self {
        let engine = MatrixOne { slot: Slot::default(), ..engine.clone() };
        Self {
            connection,
            flight: Flight::of(&engine),
            engine,
            id: 0,
            database: database.to_owned(),
            past: None,
            gate: Arc::default(),
            forbidden: None,
            writable: true,
            touched: Touched::default(),
            looked_up: None,
            limit: None,
            in_transaction: false,
            state: State::Sound,
            conduct: None,
            waiter: None,
            fence: None,
            held: None,
            variables: Variables::default(),
            home: None,
            kept: None,
        }
    }

    /// The same, reading a database as it was.
    pub(super) fn in_the_past(mut self, database: &str, snapshot: &str) -> Self {
        database.clone_into(&mut self.database);
        self.past = Some(snapshot.to_owned());
        self.writable = false;
        self
    }

    /// Asks the server what it is, and for the number of this session, by which its statements can
    /// be ended from outside.
    pub(super) async fn introduced(mut self) -> Result<Self> {
        let rows = self.ask("SELECT CONNECTION_ID(), version()").await?;
        let Some(row) = rows.first() else { return Err(say::connection_lost()) };
        let version: String = row.at(1)?;
        if !version.contains("MatrixOne") {
            return Err(say::not_matrixone(&version));
        }
        self.id = row.at(0)?;
        self.flight.session(self.id);
        Ok(self)
    }

    /// The connection that holds the lock: its statements read the fence.
    pub(super) fn fenced_by(mut self, fence: i64) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Goes to work; closed, it goes back to where the lock is held.
    pub(super) fn at_work(mut self, home: Slot) -> Self {
        self.home = Some(Home(home));
        self
    }

    /// Only looks; closed, it is kept there for the next look.
    pub(super) fn kept_in(mut self, slot: Slot) -> Self {
        self.kept = Some(slot);
        self
    }

    /// Goes into another database.
    pub(super) async fn move_to(&mut self, database: &str) -> Result<()> {
        self.send(&format!("USE {}", quote(database))).await?;
        database.clone_into(&mut self.database);
        Ok(())
    }

    /// Waits for others' locks as long as is said, and no longer. It may not be in a transaction, which
    /// a SET would commit.
    pub(super) async fn waits(&mut self, conduct: Conduct) -> Result<()> {
        let seconds = conduct.wait.as_secs().max(1);
        self.send(&format!("SET lock_wait_timeout = {seconds}")).await?;
        self.conduct = Some(conduct);
        Ok(())
    }

    /// The server's number of this session; 0 when it was not asked for.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The settings of its session, as far as they are noted.
    pub(super) fn variables(&mut self) -> &mut Variables {
        &mut self.variables
    }

    /// The database that it is in.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// `{SNAPSHOT = '…'}` behind a table's name, or nothing.
    pub(super) fn hint(&self) -> String {
        self.past.as_deref().map(super::hint).unwrap_or_default()
    }

    /// Sends one statement by the text protocol, whatever is forbidden to others' code.
    pub(super) async fn send(&mut self, text: &str) -> Result<u64> {
        let query = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        let done = self.watched(async |connection| query.execute(connection).await).await;
        let done = done.map_err(|error| self.named(error, text))?;
        Ok(done.rows_affected())
    }

    /// Sends a statement that waits for others in a transaction of the server's own, which knows no
    /// limit: it is ended after `limit`, and says who was in its way.
    pub(super) async fn send_within(&mut self, text: &str, limit: Duration) -> Result<u64> {
        (self.limit, self.waiter) = (Some(limit), Some(Waiter::Server));
        let sent = self.send(text).await;
        (self.limit, self.waiter) = (None, None);
        sent
    }

    /// The rows of one statement by the text protocol, whatever is forbidden to others' code.
    pub(super) async fn ask(&mut self, text: &str) -> Result<Vec<Row>> {
        self.ask_for(text, usize::MAX).await
    }

    async fn ask_for(&mut self, text: &str, most: usize) -> Result<Vec<Row>> {
        let query = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        let rows = self.watched(async |connection| connection.fetch_all(query).await).await;
        let rows = rows.map_err(|error| self.named(error, text))?;
        let columns = text::columns(&rows);
        rows.iter().take(most).map(|row| text::row(row, &columns)).collect()
    }

    /// Runs these of the guard's own in one transaction, all of them or none, then `shows`, and gives the
    /// rows of both. They are one message: a message for each would take half as long again.
    pub(super) async fn together(
        &mut self,
        texts: &[String],
        shows: Option<&str>,
    ) -> Result<Vec<Row>> {
        self.in_transaction = true;
        let shows = shows.map(|query| format!("; {query}")).unwrap_or_default();
        let done = self.ask(&format!("BEGIN; {}; COMMIT{shows}", texts.join("; "))).await;
        match done {
            Ok(_) => self.in_transaction = false,
            Err(_) => _ = self.rollback().await,
        }
        done
    }

    /// What an error of a statement of the guard's own is about, where the server leaves it out.
    fn named(&self, error: Error, text: &str) -> Error {
        if self.forbidden.is_some() {
            return error;
        }
        say::without_right(error, text, &self.database)
    }

    /// A statement failed in a way of which it is known that it rolled back itself alone.
    pub(super) fn forgive(&mut self) {
        self.state = State::Sound;
    }

    /// Runs something on the connection; ends it when its time is over or somebody interrupts.
    async fn watched<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T>,
    ) -> Result<T> {
        match self.state {
            State::Sound => {}
            State::Poisoned => {
                return Err(Error::new(
                    Code::TransactionControl,
                    "a statement failed in this transaction, which can only be rolled back",
                ));
            }
            State::Lost => return Err(say::connection_lost()),
        }
        let (engine, id, limit) = (self.engine.clone(), self.id, self.limit);
        let gate = Arc::clone(&self.gate);
        let in_flight = self.flight.under_way();
        in_flight.store(true, Ordering::Relaxed);
        let (conduct, waiter) = (self.conduct, self.waiter);
        let (mut ended, mut blocked) = (None, Vec::new());
        let answer = {
            let running = work(&mut self.connection);
            tokio::pin!(running);
            let over = async {
                match limit {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            let look = async {
                match conduct {
                    Some(conduct) => {
                        tokio::time::sleep(LOOK_AFTER).await;
                        let waiter = waiter.unwrap_or(Waiter::Session(id));
                        engine.who_blocks(waiter, conduct.terminate_blockers).await
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(over, look);
            let mut looked = false;
            loop {
                tokio::select! {
                    biased;
                    answer = &mut running => break answer,
                    () = &mut over => {
                        ended = Some(say::statement_time_limit(limit.unwrap_or_default()));
                        engine.end_query(id).await?;
                        break running.await;
                    }
                    () = gate.asked() => {
                        ended = Some(say::interrupted());
                        engine.end_query(id).await?;
                        break running.await;
                    }
                    found = &mut look, if !looked => (blocked, looked) = (found, true),
                }
            }
        };
        in_flight.store(false, Ordering::Relaxed);
        answer.map_err(|error| {
            let error = say::driver(error);
            if error.is_lost() {
                self.state = State::Lost;
            } else if self.in_transaction {
                self.state = State::Poisoned;
            }
            let error = ended.unwrap_or(error);
            let over = waiter.is_some() && error.code() == Code::TimeLimit;
            let in_vain = error.database_code() == Some("1205") || over;
            if in_vain { say::waited(error, &blocked) } else { error }
        })
    }

    /// Refuses what the code of a migration or a check must not do, and notes what it touches.
    fn examine(&mut self, text: &str) -> Result<()> {
        let reads = sql::is_read_only(text, Dialect::MatrixOne);
        if !self.writable && !reads {
            return Err(say::check_writes());
        }
        let Some(forbidden) = &self.forbidden else { return Ok(()) };
        if sql::split(text, Dialect::MatrixOne)?.len() > 1 {
            return Err(say::several_statements());
        }
        if sql::transaction_control(text, Dialect::MatrixOne).is_some() {
            return Err(say::guards_transaction());
        }
        if let Some(why) = sql::breaks_the_lock(text, Dialect::MatrixOne) {
            return Err(Error::new(Code::TransactionControl, format!("the statement: {why}")));
        }
        if forbidden.outside {
            let outside = sql::reaches_outside(text, Dialect::MatrixOne).map(ToOwned::to_owned);
            let elsewhere = || sql::writes_elsewhere(text, Dialect::MatrixOne, &self.database);
            if let Some(why) = outside.or_else(elsewhere) {
                return Err(say::no_way_back_for(&why));
            }
        }
        let touched = self.touched_by(text);
        if touched.tables.contains(&forbidden.history.to_lowercase()) {
            return Err(say::guards_history());
        }
        if let Some((name, why)) = touched.tables.iter().find_map(|n| Some((n, names::unfit(n)?))) {
            return Err(say::unfit_name(name, why));
        }
        self.touched.extend(&touched);
        self.variables.hear(text);
        Ok(())
    }

    fn touched_by(&self, text: &str) -> Touched {
        sql::writes_to(text, Dialect::MatrixOne, &self.database)
    }

    /// A migration's statement in a transaction of its own that has read the fence.
    async fn fenced(&mut self, text: &str) -> Result<u64> {
        let done = match self.begin().await {
            Ok(()) => self.send(text).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(rows) => self.commit().await.map(|()| rows),
            Err(error) => {
                self.rollback().await?;
                Err(error)
            }
        }
    }

    /// Tables whose rows go or change with those of `touched`, by their foreign keys.
    async fn cascades(&mut self, touched: &Touched) -> Result<Vec<String>> {
        if touched.tables.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT DISTINCT refer_table_name, table_name FROM mo_catalog.mo_foreign_keys \
             WHERE db_name = {0} AND refer_db_name = {0} \
             AND (on_delete IN ('CASCADE', 'SET NULL') OR on_update IN ('CASCADE', 'SET NULL'))",
            super::literal(&self.database)
        );
        let rows = self.ask(&sql).await?;
        let pairs: Vec<(String, String)> =
            rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect::<Result<_>>()?;
        let mut found: Vec<String> = touched.tables.iter().cloned().collect();
        let mut at = 0;
        while at < found.len() {
            let parent = found[at].clone();
            for (_, child) in pairs.iter().filter(|(of, _)| *of == parent) {
                if !found.contains(child) {
                    found.push(child.clone());
                }
            }
            at += 1;
        }
        Ok(found)
    }

    /// Ends the connection without a word to the server.
    pub(super) async fn hang_up(self) {
        if let Owner::Ours(connection) = self.connection {
            dial::hang_up(connection).await;
        }
    }
}

#[async_trait]
impl Connection for Link {
    fn dialect(&self) -> Dialect {
        Dialect::MatrixOne
    }

    fn whole_name(&self, table: &str) -> String {
        format!("{}.{}{}", quote(&self.database), quote(table), self.hint())
    }

    async fn execute(&mut self, text: &str, params: &[Value]) -> Result<u64> {
        self.examine(text)?;
        let of_a_migration = self.forbidden.is_some();
        // Of what was just asked for it is known.
        if of_a_migration && self.looked_up.take().as_deref() != Some(text) {
            let more = self.cascades(&self.touched_by(text)).await?;
            self.touched.tables.extend(more);
        }
        let whole = with_params(text, params)?;
        if of_a_migration
            && self.fence.is_some()
            && !self.in_transaction
            && sql::fits_in_transaction_of_its_own(text, Dialect::MatrixOne)
        {
            return self.fenced(&whole).await;
        }
        self.send(&whole).await
    }

    async fn execute_together(&mut self, statements: &[Statement]) -> Result<()> {
        let mut texts = Vec::new();
        for (text, params) in statements {
            self.examine(text)?;
            texts.push(with_params(text, params)?);
        }
        self.together(&texts, None).await.map(drop)
    }

    async fn fetch(
        &mut self,
        text: &str,
        params: &[Value],
        limit: Option<usize>,
    ) -> Result<Vec<Row>> {
        self.examine(text)?;
        self.ask_for(&with_params(text, params)?, limit.unwrap_or(usize::MAX)).await
    }

    async fn touches(&mut self, text: &str) -> Result<Touched> {
        self.examine(text)?;
        let mut touched = self.touched_by(text);
        let more = self.cascades(&touched).await?;
        touched.tables.extend(more);
        self.touched.extend(&touched);
        self.looked_up = Some(text.to_owned());
        Ok(touched)
    }

    fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// Reads the fence with it, and keeps that as it is until the transaction ends.
    async fn begin(&mut self) -> Result<()> {
        let Some(ours) = self.fence else {
            self.send("BEGIN").await?;
            self.in_transaction = true;
            return Ok(());
        };
        self.in_transaction = true;
        let sql = format!("BEGIN; {}", self.engine.fence_query());
        let rows = self.ask(&sql).await?;
        let now = rows.first().map(|row| row.at::<i64>(0)).transpose()?;
        if now == Some(ours) { Ok(()) } else { Err(say::taken_over(self.engine.shown())) }
    }

    /// Under the lock it is believed only when the server shows a mark that went with it.
    async fn commit(&mut self) -> Result<()> {
        if self.fence.is_none() {
            self.send("COMMIT").await?;
            self.in_transaction = false;
            return Ok(());
        }
        let mark = uuid::Uuid::now_v7().simple().to_string();
        let (leaves, shows) = (self.engine.mark_commit(&mark), self.engine.mark_query());
        // An interruption in the midst of it would leave open what became of it; it is heard afterwards.
        let gate = std::mem::take(&mut self.gate);
        let answer = self.ask(&format!("{leaves}; COMMIT; {shows}")).await;
        self.gate = gate;
        let rows = answer?;
        self.in_transaction = false;
        let kept: Option<String> = rows.first().map(|row| row.at(0)).transpose()?;
        if kept.as_ref() == Some(&mark) {
            return Ok(());
        }
        self.state = State::Lost;
        Err(say::nothing_kept())
    }

    async fn rollback(&mut self) -> Result<()> {
        self.limit = None;
        self.end_statement().await?;
        if self.in_transaction {
            if self.state == State::Poisoned {
                self.state = State::Sound;
            }
            self.send("ROLLBACK").await?;
            self.in_transaction = false;
        }
        Ok(())
    }

    async fn in_transaction(&mut self) -> Result<bool> {
        // The server can't be asked; nothing but this connection begins or ends one.
        Ok(self.in_transaction)
    }

    async fn foreign_keys(&mut self, on: bool) -> Result<bool> {
        let was = self.ask("SELECT @@foreign_key_checks").await?;
        let was: i64 = was.first().map_or(Ok(1), |row| row.at(0))?;
        self.send(&format!("SET foreign_key_checks = {}", u8::from(on))).await?;
        Ok(was != 0)
    }

    async fn remember_settings(&mut self) -> Result<()> {
        self.note_variables().await
    }

    async fn forget_settings(&mut self) -> Result<()> {
        self.put_variables_back().await
    }

    async fn writable(&mut self, writable: bool) -> Result<()> {
        // The server does not enforce READ ONLY; what is sent is read instead.
        self.writable = writable;
        Ok(())
    }

    async fn foreign_commits(&mut self) -> Result<i64> {
        Ok(0)
    }

    async fn moment(&mut self) -> Result<Option<i64>> {
        let rows = self.ask(&format!("SELECT {}", super::CLOCK)).await?;
        rows.first().map(|row| row.at(0)).transpose()
    }

    async fn hold(&mut self, lock: Arc<dyn LockGuard>) -> Result<()> {
        self.held = Some(lock);
        Ok(())
    }

    fn fence(&mut self, fence: Fence<'_>) {
        self.forbidden = match fence {
            Fence::Open => None,
            Fence::Allowed(table) => Some(Forbidden { history: table.to_owned(), outside: false }),
            Fence::History(table) | Fence::Transaction(table) => {
                Some(Forbidden { history: table.to_owned(), outside: true })
            }
        };
    }

    fn patience(&mut self, _: Duration) {}

    fn limit(&mut self, limit: Option<Duration>) {
        self.limit = limit;
    }

    async fn end_statement(&mut self) -> Result<()> {
        if self.flight.ends() {
            if self.in_transaction {
                self.state = State::Poisoned;
            }
            self.engine.end_query(self.id).await?;
            // The answer that nobody waited for is read first: it says that the statement was ended.
            if let Err(sqlx::Error::Database(_)) = self.connection.ping().await {
                self.connection.ping().await.map_err(say::driver)?;
            }
        }
        self.gate.asked.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::clone(&self.gate) as _
    }

    fn raw(&mut self) -> &mut (dyn Any + Send) {
        self.touched.unknown = true;
        self.variables.anything();
        &mut self.connection
    }

    fn itself(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    async fn close(mut self: Box<Self>) {
        // Who may end what this has run may not end what is run on the same session afterwards.
        self.gate = Arc::default();
        let healthy = self.state != State::Lost
            && self.rollback().await.is_ok()
            && (self.home.is_none() || self.put_variables_back().await.is_ok());
        // Let go of at the end: the last one that holds the lock gives it up.
        let _held = self.held.take();
        self.forbidden = None;
        (self.writable, self.limit) = (true, None);
        match (self.home.take(), self.kept.take()) {
            (Some(home), _) if healthy => home.0.put_back(*self).await,
            (Some(home), _) => home.0.lost().await,
            (None, Some(slot)) if healthy => slot.keep(*self).await,
            (None, _) => self.hang_up().await,
        }
    }
}
