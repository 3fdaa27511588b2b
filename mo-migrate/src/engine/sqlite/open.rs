//! Opening SQLite: with the application's options and hooks, or so that nothing can be written.

use std::fs;
use std::path::Path;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::connection::{self, Owner, SqliteLink};
use super::files::with_suffix;
use super::{BUSY, Source, Sqlite};
use crate::engine::Connection;
use crate::error::{Result, say};

impl Sqlite {
    /// The application's own options (a key, its functions), for a file that is a copy.
    pub(super) fn options_for(&self, path: &Path) -> SqliteConnectOptions {
        let options =
            if self.memory { quiet(SqliteConnectOptions::new()) } else { self.options.clone() };
        options.filename(path)
    }

    /// A connection with the application's hooks, to its database or to a copy of it.
    pub(super) async fn open(&self, options: SqliteConnectOptions) -> Result<Owner> {
        self.open_called(options, &self.shown).await
    }

    /// The same of a file that is called so in errors.
    async fn open_called(&self, options: SqliteConnectOptions, called: &str) -> Result<Owner> {
        let until = Instant::now() + connection::PATIENCE;
        let connected = loop {
            match self.open_once(options.clone()).await {
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    tokio::time::sleep(connection::AGAIN).await;
                }
                other => break other,
            }
        };
        connected.map_err(|error| say::connect(called, error))
    }

    pub(super) async fn open_once(&self, options: SqliteConnectOptions) -> sqlx::Result<Owner> {
        match &self.source {
            Source::Address => options.connect().await.map(Owner::Ours),
            Source::Pool(pool) => {
                let private = pool.options().clone().min_connections(0).max_connections(1);
                let private = private.connect_lazy_with(options);
                private.acquire().await.map(|connection| Owner::Ours(connection.detach()))
            }
        }
    }

    pub(super) async fn work(&self) -> Result<SqliteLink> {
        match &self.source {
            Source::Pool(pool) if self.memory => {
                let connection =
                    pool.acquire().await.map_err(|error| say::connect(&self.shown, error))?;
                SqliteLink::watched(Owner::Pool(connection)).await
            }
            _ => {
                // What is said of a commit has to be true after a power cut as well: without this the
                // removal of a journal may be lost, and the journal be rolled back.
                let options = self.options.clone().synchronous(SqliteSynchronous::Extra);
                let options = options.create_if_missing(false);
                SqliteLink::watched(self.open(options).await?).await
            }
        }
    }

    /// A connection that can't write, and that shows the truth or says that it can't.
    pub(super) async fn read(&self) -> Result<SqliteLink> {
        if let Source::Pool(pool) = &self.source {
            let connection =
                pool.acquire().await.map_err(|error| say::connect(&self.shown, error))?;
            return Ok(SqliteLink::plain(Owner::Pool(connection)));
        }
        // A read-only connection takes no option that would write to the file.
        let plain = quiet(SqliteConnectOptions::new())
            .filename(self.files.database())
            .busy_timeout(BUSY)
            .read_only(true);
        let error = match patiently(&plain).await {
            Ok(connection) => return Ok(SqliteLink::plain(Owner::Ours(connection))),
            // Who writes just now may have half of it in the file.
            Err(error) if is_busy(&error) => return Err(say::connect(&self.shown, error)),
            Err(error) => error,
        };
        // A WAL database in a folder that can't be written: without a log, its file is all of it.
        let no_log = [
            with_suffix(self.files.database(), "-wal"),
            with_suffix(self.files.database(), "-journal"),
        ]
        .iter()
        .all(|log| fs::metadata(log).map_or(true, |meta| meta.len() == 0));
        if no_log && let Ok(connection) = open_and_look(&plain.clone().immutable(true)).await {
            return Ok(SqliteLink::plain(Owner::Ours(connection)));
        }
        Err(if no_log {
            say::connect(&self.shown, error)
        } else {
            say::cannot_tell(&self.shown, error)
        })
    }

    pub(super) fn need_file(&self) -> Result<()> {
        if self.memory || self.files.database().is_file() {
            return Ok(());
        }
        if self.files.database().is_dir() {
            return Err(say::database_is_folder(&self.shown));
        }
        Err(say::no_database(&self.shown, &self.files.name(), &self.files.neighbours()))
    }

    /// A copy of a snapshot, opened with the application's hooks.
    pub(super) async fn open_file(&self, path: &Path, writable: bool) -> Result<SqliteLink> {
        let options = self
            .options_for(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Delete)
            .read_only(!writable)
            .immutable(!writable);
        let called = self.as_written(path).display().to_string();
        SqliteLink::watched(self.open_called(options, &called).await?).await
    }
}

/// A connection of the pool for one question, with the engine's and the database's names.
pub(crate) async fn pooled(
    pool: &SqlitePool,
) -> Option<(&'static str, String, Box<dyn Connection>)> {
    // An idle one without a question whether it still lives: if not, the long way finds out.
    let connection = match pool.try_acquire() {
        Some(connection) => connection,
        None => pool.acquire().await.ok()?,
    };
    let shown = pool.connect_options().get_filename().display().to_string();
    Some(("sqlite", shown, Box::new(SqliteLink::direct(Owner::Pool(connection)))))
}

pub(super) async fn open_and_look(
    options: &SqliteConnectOptions,
) -> sqlx::Result<SqliteConnection> {
    let mut connection = options.connect().await?;
    sqlx::query("SELECT count(*) FROM sqlite_master").fetch_one(&mut connection).await?;
    Ok(connection)
}

/// The same, asked again while another one holds the whole database.
async fn patiently(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let until = Instant::now() + connection::PATIENCE;
    loop {
        match open_and_look(options).await {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                tokio::time::sleep(connection::AGAIN).await;
            }
            other => return other,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

pub(super) fn in_memory(options: &SqliteConnectOptions) -> bool {
    let name = options.get_filename().to_string_lossy().into_owned();
    // Asked of another file: sqlx panics over the address of one whose name has a colon.
    let without_name = options.clone().filename("app.db");
    name == ":memory:"
        || name.starts_with("file:sqlx-in-memory-")
        || without_name
            .to_url_lossy()
            .query_pairs()
            .any(|(key, value)| key == "mode" && value == "memory")
}

/// sqlx would log whole statements, with the data in them.
pub(super) fn quiet(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.disable_statement_logging()
}
