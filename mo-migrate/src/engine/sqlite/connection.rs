//! A connection to SQLite.
//!
//! Invariants:
//! 1. one statement per call; the caller split the text;
//! 2. a statement ends when its time limit is over or somebody interrupts: SQLite asks the gate
//!    every few steps of its machine;
//! 3. what a statement writes to is in the recorder before it runs.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _,
};

use super::pragmas::Pragmas;
use super::raw::{Handle, RawError, Recorder};
use crate::engine::{Connection, Fence, Interrupt, LockGuard, Touched};
use crate::error::{Code, Error, Result, say};
use crate::sql::Dialect;
use crate::value::{Row, Value};

const STEPS_BETWEEN_QUESTIONS: i32 = 200;

/// How long a busy database is asked again, unless somebody says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts.
pub(super) const AGAIN: Duration = Duration::from_millis(20);

/// Whose connection it is, and so what happens to it in the end.
pub(super) enum Owner {
    /// Ours: it is closed.
    Ours(SqliteConnection),
    /// The application's pool's: it goes back.
    Pool(PoolConnection<Sqlite>),
}

impl Deref for Owner {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Ours(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

impl DerefMut for Owner {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Ours(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

/// Ends statements: by hand, or when their time is over.
#[derive(Debug)]
pub(super) struct Gate {
    opened: Instant,
    interrupted: AtomicBool,
    /// Milliseconds since `opened`; 0 is no limit.
    deadline: AtomicU64,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            interrupted: AtomicBool::new(false),
            deadline: AtomicU64::new(0),
        })
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_late(&self) -> bool {
        let deadline = self.deadline.load(Ordering::Relaxed);
        deadline != 0 && self.elapsed() >= deadline
    }

    /// Whether the statement may go on.
    pub(super) fn is_open(&self) -> bool {
        !self.interrupted.load(Ordering::Relaxed) && !self.is_late()
    }
}

impl Interrupt for Gate {
    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }
}

/// A connection to SQLite.
pub(super) struct SqliteLink {
    owner: Owner,
    gate: Arc<Gate>,
    recorder: Option<&'static Recorder>,
    limit: Option<Duration>,
    /// Its answers are short, and read on the caller's own thread.
    direct: bool,
    /// How long a busy database is asked again.
    patience: Duration,
    /// Ends the statement in flight when the run's future is dropped.
    in_flight: Option<EndOnDrop>,
    pragmas: Pragmas,
}

/// Ends what a connection runs when it is dropped instead of closed.
struct EndOnDrop(Arc<Gate>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

impl std::fmt::Debug for SqliteLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLink").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl SqliteLink {
    /// A connection for one cheap question: nothing is watched.
    pub(super) fn plain(owner: Owner) -> Self {
        Self {
            owner,
            gate: Gate::new(),
            recorder: None,
            limit: None,
            direct: false,
            in_flight: None,
            patience: PATIENCE,
            pragmas: Pragmas::default(),
        }
    }

    /// The same for the one question of a start, where every hop between threads counts.
    pub(super) fn direct(owner: Owner) -> Self {
        Self { direct: true, ..Self::plain(owner) }
    }

    /// A connection whose statements are watched, and can be ended.
    pub(super) async fn watched(mut owner: Owner) -> Result<Self> {
        let gate = Gate::new();
        let recorder = Recorder::leaked();
        {
            let mut locked = owner.lock_handle().await.map_err(say::driver)?;
            Handle::new(locked.as_raw_handle()).record(recorder);
            let watched = Arc::clone(&gate);
            locked.set_progress_handler(STEPS_BETWEEN_QUESTIONS, move || watched.is_open());
        }
        Ok(Self {
            owner,
            gate,
            recorder: Some(recorder),
            limit: None,
            direct: false,
            in_flight: None,
            patience: PATIENCE,
            pragmas: Pragmas::default(),
        })
    }

    /// Does something with the raw handle, on this thread.
    pub(super) async fn with_handle<T>(
        &mut self,
        work: impl FnOnce(Handle) -> T + Send,
    ) -> Result<T> {
        let mut locked = self.owner.lock_handle().await.map_err(say::driver)?;
        Ok(work(Handle::new(locked.as_raw_handle())))
    }

    /// A pool's connection goes back as it was: nothing of a run's settings stays on it.
    async fn as_it_was(&mut self) {
        let _ = self.rollback().await;
        let _ = self.put_pragmas_back().await;
        for pragma in
            ["DETACH mo_before", "PRAGMA query_only = OFF", "PRAGMA ignore_check_constraints = OFF"]
        {
            // What was not set can't be taken back, and that is no error.
            let _ = self.execute(pragma, &[]).await;
        }
        let _ = self.with_handle(Handle::ordinary_mode).await;
    }

    /// The settings of it, as far as they are noted.
    pub(super) fn pragmas(&mut self) -> &mut Pragmas {
        &mut self.pragmas
    }

    /// The connection, for a call that takes it whole.
    pub(super) fn owner(&mut self) -> &mut Owner {
        &mut self.owner
    }

    /// The authorizer hears the old name of a table that is renamed, and never the new one.
    fn note_rename(&self, sql: &str) {
        let Some(recorder) = self.recorder else { return };
        if let Some(name) = crate::sql::renames_table_to(sql, Dialect::Sqlite) {
            recorder.put(&Touched {
                tables: [name].into(),
                definitions: true,
                ..Touched::default()
            });
        }
    }

    /// A database that is busy is asked again: a statement that was refused a lock did nothing, and
    /// a COMMIT that was refused one leaves its transaction as it is.
    fn may_wait(&self, error: &Error, until: Instant) -> bool {
        say::is_busy(error) && Instant::now() < until && self.gate.is_open()
    }

    fn start(&self) {
        let deadline = self.limit.map_or(0, |limit| {
            self.gate
                .elapsed()
                .saturating_add(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
                .max(1)
        });
        self.gate.deadline.store(deadline, Ordering::Relaxed);
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        if let Some(what) = self.recorder.and_then(Recorder::take_denied) {
            return Error::new(Code::TransactionControl, format!("the statement {what}"));
        }
        if self.gate.interrupted.load(Ordering::Relaxed) {
            return say::interrupted();
        }
        if let (true, Some(limit)) = (self.gate.is_late(), self.limit) {
            return say::statement_time_limit(limit);
        }
        say::driver(error)
    }

    fn raw_failed(&self, error: &RawError) -> Error {
        if let Some(what) = self.recorder.and_then(Recorder::take_denied) {
            return Error::new(Code::TransactionControl, format!("the statement {what}"));
        }
        say::sqlite(&error.message, error.code, error.offset)
    }
}

fn arguments(params: &[Value]) -> SqliteArguments {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in params {
        // Adding can fail only for types whose encoding can; none of these does.
        let _ = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(n) => arguments.add(*n),
            Value::Real(n) => arguments.add(*n),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Blob(bytes) => arguments.add(bytes.clone()),
        };
    }
    arguments
}

fn decode(row: &SqliteRow, columns: &Arc<[String]>) -> Result<Row> {
    let value = |at: usize| -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" | "BOOLEAN" => Value::Integer(row.try_get_unchecked(at)?),
            "REAL" => Value::Real(row.try_get_unchecked(at)?),
            "BLOB" => Value::Blob(row.try_get_unchecked(at)?),
            _ => match row.try_get_unchecked::<String, _>(at) {
                Ok(text) => Value::Text(text),
                Err(_) => Value::Blob(row.try_get_unchecked(at)?),
            },
        })
    };
    let values = (0..columns.len()).map(value).collect::<Result<_, _>>().map_err(say::driver)?;
    Ok(Row::new(Arc::clone(columns), values))
}

#[async_trait]
impl Connection for SqliteLink {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn whole_name(&self, table: &str) -> String {
        format!("main.{}", super::quote(table))
    }

    async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.start();
        self.note_rename(sql);
        self.pragmas.hear(sql);
        let until = Instant::now() + self.patience;
        loop {
            let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments(params));
            let done = query.persistent(false).execute(&mut *self.owner).await;
            match done.map_err(|error| self.failed(error)) {
                Err(error) if self.may_wait(&error, until) => tokio::time::sleep(AGAIN).await,
                done => return done.map(|done| done.rows_affected()),
            }
        }
    }

    async fn fetch(
        &mut self,
        sql: &str,
        params: &[Value],
        limit: Option<usize>,
    ) -> Result<Vec<Row>> {
        if self.direct && params.is_empty() && limit.is_none() {
            let rows = self.with_handle(|handle| handle.rows(sql)).await?;
            return rows.map_err(|error| self.raw_failed(&error));
        }
        self.start();
        let until = Instant::now() + self.patience;
        loop {
            let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments(params));
            let answer = collect(query.persistent(false).fetch(&mut *self.owner), limit).await;
            let answer = answer.map_err(|error| match error {
                Fetch::Driver(error) => self.failed(error),
                Fetch::Ours(error) => error,
            });
            match answer {
                Err(error) if self.may_wait(&error, until) => tokio::time::sleep(AGAIN).await,
                answer => return answer,
            }
        }
    }

    async fn touches(&mut self, sql: &str) -> Result<Touched> {
        let Some(recorder) = self.recorder else {
            return Ok(Touched { unknown: true, ..Touched::default() });
        };
        let before = recorder.take();
        self.note_rename(sql);
        let prepared = self.with_handle(|handle| handle.prepare_only(sql)).await?;
        let touched = recorder.take();
        recorder.put(&before);
        prepared.map_err(|error| self.raw_failed(&error))?;
        recorder.put(&touched);
        Ok(touched)
    }

    fn take_touched(&mut self) -> Touched {
        self.recorder
            .map_or_else(|| Touched { unknown: true, ..Touched::default() }, Recorder::take)
    }

    async fn begin(&mut self) -> Result<()> {
        let begun = self.execute("BEGIN IMMEDIATE", &[]).await;
        begun.map(drop).map_err(|error| {
            if say::is_busy(&error) { say::write_lock(self.patience) } else { error }
        })
    }

    async fn commit(&mut self) -> Result<()> {
        self.execute("COMMIT", &[]).await.map(drop)
    }

    async fn rollback(&mut self) -> Result<()> {
        self.limit = None;
        self.end_statement().await?;
        if self.in_transaction().await? {
            self.execute("ROLLBACK", &[]).await?;
        }
        Ok(())
    }

    async fn in_transaction(&mut self) -> Result<bool> {
        self.with_handle(|handle| !handle.autocommit()).await
    }

    async fn foreign_keys(&mut self, on: bool) -> Result<bool> {
        let was = self.fetch("PRAGMA foreign_keys", &[], Some(1)).await?;
        let was = was.first().map_or(Ok(false), |row| row.at(0))?;
        self.pragmas.foreign_keys(on);
        self.execute(
            if on { "PRAGMA foreign_keys = ON" } else { "PRAGMA foreign_keys = OFF" },
            &[],
        )
        .await?;
        Ok(was)
    }

    async fn remember_settings(&mut self) -> Result<()> {
        self.note_pragmas().await
    }

    async fn forget_settings(&mut self) -> Result<()> {
        self.put_pragmas_back().await
    }

    async fn writable(&mut self, writable: bool) -> Result<()> {
        let sql = if writable { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
        self.execute(sql, &[]).await.map(drop)
    }

    async fn foreign_commits(&mut self) -> Result<i64> {
        let rows = self.fetch("PRAGMA data_version", &[], Some(1)).await?;
        rows.first().map_or(Ok(0), |row| row.at(0))
    }

    async fn moment(&mut self) -> Result<Option<i64>> {
        Ok(None)
    }

    fn patience(&mut self, wait: Duration) {
        self.patience = wait;
    }

    fn limit(&mut self, limit: Option<Duration>) {
        self.limit = limit;
    }

    async fn end_statement(&mut self) -> Result<()> {
        self.gate.interrupted.store(true, Ordering::Relaxed);
        // SQLite's thread answers when the statement has ended, and not before.
        let ended = self.with_handle(|_| ()).await;
        self.gate.interrupted.store(false, Ordering::Relaxed);
        ended
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::clone(&self.gate) as _
    }

    async fn hold(&mut self, lock: Arc<dyn LockGuard>) -> Result<()> {
        let watched = Arc::clone(&self.gate);
        let mut locked = self.owner.lock_handle().await.map_err(say::driver)?;
        // SQLite's thread lets go of this only when it has closed the connection.
        locked.set_progress_handler(STEPS_BETWEEN_QUESTIONS, move || {
            let _held = &lock;
            watched.is_open()
        });
        drop(locked);
        self.in_flight =
            matches!(self.owner, Owner::Ours(_)).then(|| EndOnDrop(Arc::clone(&self.gate)));
        Ok(())
    }

    fn fence(&mut self, fence: Fence<'_>) {
        if let Some(recorder) = self.recorder {
            recorder.fence(fence);
        }
    }

    fn raw(&mut self) -> &mut (dyn Any + Send) {
        &mut *self.owner
    }

    fn itself(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    async fn close(mut self: Box<Self>) {
        if self.recorder.is_some() {
            let _ = self.with_handle(Handle::stop_recording).await;
            if let Ok(mut locked) = self.owner.lock_handle().await {
                locked.remove_progress_handler();
            }
            if matches!(self.owner, Owner::Pool(_)) {
                self.as_it_was().await;
            }
        }
        // An error while closing changes nothing: what was committed is committed.
        match self.owner {
            Owner::Ours(connection) => drop(sqlx::Connection::close(connection).await),
            Owner::Pool(connection) => drop(connection),
        }
    }
}

enum Fetch {
    Driver(sqlx::Error),
    Ours(Error),
}

type RowStream<'a> = futures_core::stream::BoxStream<'a, Result<SqliteRow, sqlx::Error>>;

fn collect(
    mut rows: RowStream<'_>,
    limit: Option<usize>,
) -> BoxFuture<'_, Result<Vec<Row>, Fetch>> {
    Box::pin(async move {
        let mut columns: Option<Arc<[String]>> = None;
        let mut answer = Vec::new();
        while let Some(row) = std::future::poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
            let row = row.map_err(Fetch::Driver)?;
            let columns = columns.get_or_insert_with(|| {
                row.columns().iter().map(|column| column.name().to_owned()).collect()
            });
            answer.push(decode(&row, columns).map_err(Fetch::Ours)?);
            if limit.is_some_and(|limit| answer.len() >= limit) {
                break;
            }
        }
        Ok(answer)
    })
}
