//! Databases, files and drivers.

use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::{with_nearest, with_neighbour};
use crate::engine::{Room, Space};
use crate::error::{Code, Disk, Error};
use crate::printable::quoted;
use crate::report::Outcome;
use crate::{sql, time};

/// What the database said.
pub(crate) fn database(message: &str, code: Option<String>, offset: Option<usize>) -> Error {
    Error::new(Code::Database, message).native(code, offset)
}

/// The same with an extended code of SQLite's.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(message: &str, code: i32, offset: Option<usize>) -> Error {
    database(message, Some(code.to_string()), offset).on_disk(Disk::of_sqlite(code))
}

fn ended(why: &str) -> Error {
    Error::new(Code::Connect, "the connection was lost").because(why.to_owned()).lost()
}

/// What the driver said; never with the address.
pub(crate) fn driver(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(said) => {
            let code = number(&*said).or_else(|| said.code().map(std::borrow::Cow::into_owned));
            // A server's own trouble can come with a stack behind it.
            let words = said.message().lines().next().unwrap_or_default();
            // MatrixOne's word for a session that was ended while it committed.
            if words.starts_with("txn commit status is unknown") {
                return ended(words);
            }
            let error = database(words, code, None).on_disk(disk(&*said));
            if words.contains("do not have privilege") {
                return error.hinted(
                    "run the command as the account's administrator, or give this user the right: \
                     docs/matrixone.md says which",
                );
            }
            match error.database_code() {
                Some("26") => error.within(Code::Connect, "the file is not a database"),
                // READONLY_DBMOVED
                Some("1032") => error
                    .within(Code::Database, "the database's file was moved or replaced while it was open")
                    .hinted("leave the file in its place while a run works on it, then begin again with `migrate up`"),
                _ => error,
            }
        }
        sqlx::Error::Configuration(_) => {
            Error::new(Code::Address, "the address has a setting that can't be read")
        }
        sqlx::Error::PoolTimedOut => Error::new(
            Code::Connect,
            "the pool gave no connection in time",
        )
        .hinted(
            "give the pool more connections, or let go of the one that is held; then start again",
        ),
        sqlx::Error::Io(error) => ended(&error.to_string()),
        sqlx::Error::WorkerCrashed => connection_lost(),
        other => Error::new(Code::Database, other.to_string()),
    }
}

/// What to do about an error of which a server's own words say little.
#[cfg(not(feature = "matrixone"))]
pub(crate) fn help_with(_: &Error) -> Option<&'static str> {
    None
}

/// A server's own number, where the driver's code is the same for all.
fn number(said: &dyn sqlx::error::DatabaseError) -> Option<String> {
    #[cfg(feature = "matrixone")]
    if let Some(said) = said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(said.number().to_string());
    }
    let _ = said;
    None
}

/// What it says of its disk.
fn disk(said: &dyn sqlx::error::DatabaseError) -> Option<Disk> {
    #[cfg(feature = "matrixone")]
    if said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().is_some() {
        return Disk::of_server(said.message());
    }
    #[cfg(feature = "sqlite")]
    if said.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return said.code().and_then(|code| code.parse().ok()).and_then(Disk::of_sqlite);
    }
    let _ = said;
    None
}

/// The database can't be opened.
pub(crate) fn connect(database: &str, error: sqlx::Error) -> Error {
    if let sqlx::Error::Io(error) = &error {
        return Error::new(Code::Connect, format!("`{database}` can't be reached"))
            .because(error.to_string())
            .hinted("check the address, and that the server runs; then `migrate status`")
            .lost();
    }
    let error = driver(error);
    if is_busy(&error) {
        return busy(database);
    }
    let is_login_refused = error.database_code() == Some(ACCESS_DENIED);
    let code = match (error.code(), error.disk()) {
        (Code::Database, Some(Disk::Full)) => Code::NoSpace,
        (Code::Database, _) => Code::Connect,
        _ => return error,
    };
    let error = error.within(code, format!("`{database}` can't be opened"));
    if is_login_refused {
        return error
            .hinted("check the user and the password of the address; then `migrate status`");
    }
    error
}

/// Reading without writing would not show the truth.
pub(crate) fn cannot_tell(database: &str, error: sqlx::Error) -> Error {
    driver(error)
        .within(Code::CannotTell, format!("`{database}` can't be read truthfully without writing to it"))
        .because(
            "a log or journal of an unfinished transaction is beside it, and only a connection that may write \
             can finish it or roll it back",
        )
        .hinted("let `migrate recover` open the database, or do it where its folder can be written")
}

/// The database is busy with another one's transaction.
pub(crate) fn is_busy(error: &Error) -> bool {
    // SQLITE_BUSY, SQLITE_LOCKED and their extended codes, whose low byte is the code.
    let code = error.database_code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code < FIRST_OF_A_SERVER && matches!(code & 0xff, 5 | 6))
}

/// MySQL's `ER_ACCESS_DENIED_ERROR`.
const ACCESS_DENIED: &str = "1045";

/// From here on codes are a server's, and not SQLite's for a database that is busy.
const FIRST_OF_A_SERVER: i32 = 1000;

/// A table is there, and has no such column.
pub(crate) fn is_missing_column(error: &Error) -> bool {
    let said = error.message();
    let on_a_server =
        said.starts_with("invalid input: column ") && said.ends_with(" does not exist");
    error.code() == Code::Database && (on_a_server || said.starts_with("no such column: "))
}

/// There is no such table.
pub(crate) fn is_missing_table(error: &Error, table: &str) -> bool {
    let said = error.message().to_ascii_lowercase();
    let said = said.strip_prefix("no such table: ").map(|name| name.trim_start_matches("main."));
    if error.code() == Code::Database && said == Some(table.to_ascii_lowercase().as_str()) {
        return true;
    }
    #[cfg(feature = "matrixone")]
    {
        let name = table.to_lowercase();
        let words = error.message().to_lowercase();
        super::is_missing_on_matrixone(error, &words, &name)
    }
    #[cfg(not(feature = "matrixone"))]
    false
}

/// `name` is what it is called among `others`, the databases beside it.
pub(crate) fn no_database(database: &str, name: &str, others: &[String]) -> Error {
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let error = Error::new(Code::NoDatabase, format!("there is no database `{database}`"));
    // What else there is says nothing where none of it is near.
    let near = sql::nearest_few(name, &others);
    let error = if near.is_empty() {
        error
    } else {
        with_nearest(error, name, &near, ["name", "databases"])
    };
    error.hinted("check the address, or make it with `migrate up` or `migrate database create`")
}

/// An address names it, and it is no file.
#[cfg(feature = "sqlite")]
pub(crate) fn database_is_folder(path: &str) -> Error {
    Error::new(Code::Address, format!("`{path}` is a folder, and a database is a file"))
        .true_now("nothing was touched")
        .hinted(format!("name a file in it, as in `sqlite:{path}/app.db`"))
}

/// It was to be made.
pub(crate) fn database_is_made_already(database: &str) -> Error {
    Error::new(Code::Taken, format!("there is a database `{database}` already"))
        .true_now("nothing was touched")
        .hinted("see where it stands with `migrate status`")
}

pub(crate) fn database_made(database: &str) -> String {
    format!("made the database `{database}`, which was not there")
}

pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let disk = Disk::of_io(error.kind());
    let code = if disk == Some(Disk::Full) { Code::NoSpace } else { Code::Io };
    let shown = path.display();
    let problem = Error::new(code, format!("can't {what} `{shown}`"))
        .because(error.to_string())
        .on_disk(disk);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    match (disk, error.kind(), folder) {
        // What a full disk calls for is said by those who know what was being done.
        (Some(_), ..) => problem,
        (None, ErrorKind::NotFound, Some(folder)) => {
            let folder = quoted(&folder.to_string_lossy());
            problem.hinted(format!("make its folder first: `mkdir -p {folder}`"))
        }
        (None, ErrorKind::IsADirectory, _) => problem.hinted("name a file in it"),
        (None, ErrorKind::NotFound, None) if path.is_symlink() => problem
            .because("it is a link, and what it leads to is not there")
            .hinted(format!("see where it leads: `ls -l {}`", quoted(&path.to_string_lossy()))),
        (None, ErrorKind::NotFound, None) => {
            with_neighbour(problem, path).hinted("name one that is there")
        }
        _ => {
            // What is not there yet is made in a folder that is.
            let place = path.ancestors().find(|place| place.exists()).unwrap_or(path);
            let shown = quoted(&place.to_string_lossy());
            problem.hinted(format!("see who may do that: `ls -ld {shown}`"))
        }
    }
}

#[cfg(feature = "cli")]
pub(crate) fn report_unwritten(file: &Path, error: &std::io::Error) -> Error {
    let error = io("write", file, error);
    let hint = match error.disk() {
        Some(Disk::Full) => "free some room there, or name a file elsewhere with `--output`",
        Some(_) => "name a file elsewhere with `--output`",
        None => return error,
    };
    error.hinted(hint)
}

pub(crate) fn internal(error: &dyn Display) -> Error {
    Error::new(Code::Internal, "something happened that should not").because(error.to_string())
}

/// What a start that lost its connection says besides, where nothing has said it.
pub(crate) fn start_lost(error: Error) -> Error {
    if !error.is_lost() {
        return error;
    }
    let untouched = error.outcome() == Outcome::Refused && error.database().is_none();
    let error =
        if untouched { error.true_now("no migration was begun by this start") } else { error };
    if error.hint().is_some() {
        return error;
    }
    error.hinted("see that the database can be reached, then begin again with `migrate up`")
}

pub(crate) fn connection_lost() -> Error {
    Error::new(Code::Connect, "the connection to the database is lost")
        .hinted("see what is true with `migrate status`")
        .lost()
}

/// Nothing can be written to the file of a database.
#[cfg(feature = "sqlite")]
pub(crate) fn read_only_database() -> Error {
    Error::new(Code::Database, "the database can only be read")
        .on_disk(Some(Disk::ReadOnly))
        .hinted("let the database and its folder be written to")
}

pub(crate) fn foreign_connection() -> Error {
    internal(&"a connection of another engine")
}

/// Another one holds the whole database, for longer than was waited.
pub(crate) fn busy(database: &str) -> Error {
    Error::new(Code::Locked, format!("another connection holds the whole of `{database}`"))
        .true_now("nothing was touched")
        .hinted("end its transaction, then `migrate status`")
}

pub(crate) fn write_lock(wait: Duration) -> Error {
    Error::new(
        Code::Locked,
        format!("another connection was writing for longer than {}", time::words(wait)),
    )
    .hinted("end its transaction, or wait longer with `--lock-timeout`")
}

pub(crate) fn locked(database: &str, holder: &str, wait: Duration) -> Error {
    Error::new(
        Code::Locked,
        format!("`{database}` is being migrated by {holder}; waited {}", time::words(wait)),
    )
    .true_now("nothing was touched")
    .hinted("wait for it, or wait longer with `--lock-timeout`; see `migrate status`")
}

/// The lock is the guard's that this command runs under.
pub(crate) fn locked_by_its_guard(database: &str, holder: &str) -> Error {
    Error::new(
        Code::Locked,
        format!("`{database}` is guarded by {holder}, which waits for this very command"),
    )
    .true_now("nothing was touched by it")
    .hinted("run it without the guard around it: it guards itself")
}

pub(crate) fn size(bytes: u64) -> String {
    let (unit, name) = if bytes < 1_000_000 { (1000, "kB") } else { (1_000_000, "MB") };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

pub(crate) fn no_space(room: &Room, space: &Space, is_guard: bool) -> Error {
    // A command can do anything, and always needs its snapshot.
    let other = if is_guard { "" } else { ", or set `snapshot = \"when-needed\"`" };
    let needed = size(space.needed(room.copies));
    Error::new(
        Code::NoSpace,
        format!(
            "there is not enough room in `{}`: {needed} are needed and {} are free",
            room.place,
            size(room.free)
        ),
    )
    .because(format!(
        "the snapshot, the failed state and the clone are each as large as the database, {}",
        size(space.database)
    ))
    .true_now("nothing was touched")
    .hinted(format!("free some room there{other}; old snapshots go with `migrate snapshot prune`"))
}

/// What is to be done first: about the disk where that is the cause.
pub(crate) fn remedy<'a>(error: &Error, otherwise: &'a str) -> &'a str {
    match error.disk() {
        Some(Disk::Full) => "free some room on the disk",
        Some(Disk::ReadOnly) => "let the database and its folder be written to",
        Some(Disk::Failing) => {
            "see what the system says of the disk, until it can be read and written to again"
        }
        None => otherwise,
    }
}

/// A disk is the cause: how much room there is, and what to do where nobody has said so yet.
pub(crate) fn about_disk(error: Error, space: Option<&Space>) -> Error {
    let tightest = space.and_then(|space| space.rooms.iter().min_by_key(|room| room.free));
    let error = match (error.disk(), tightest) {
        (Some(Disk::Full), Some(room)) => {
            error.because(format!("{} are free in `{}`", size(room.free), room.place))
        }
        _ => error,
    };
    let error = if error.outcome() == Outcome::Refused { error.ended_refused() } else { error };
    if error.hint().is_some() {
        return error;
    }
    let hint = format!("{}, then `migrate status`", remedy(&error, "see what is true"));
    error.hinted(hint)
}

pub(crate) fn schema_newer(what: &str, found: i64, known: i64) -> Error {
    Error::new(
        Code::SchemaNewer,
        format!("the {what} has schema {found}, and this program knows up to {known}"),
    )
    .true_now("nothing was touched")
    .hinted("use the newer mo-migrate that wrote it")
}

pub(crate) fn history_damaged(table: &str) -> Error {
    Error::new(Code::OtherDatabase, format!("a row of `{table}` can't be read"))
        .true_now("nothing was touched")
        .hinted(format!(
            "mend the row by hand (`SELECT * FROM {table}` shows it), then `migrate status`"
        ))
}

/// The history was looked for in a table that is for something else.
pub(crate) fn not_a_history(table: &str, error: Error) -> Error {
    error
        .within(Code::OtherDatabase, format!("the table `{table}` is not a history of mo-migrate"))
        .true_now("nothing was touched")
        .hinted("name the one that is with `--history-table`, or leave that out")
}

/// There is no history of the name that was asked for, and one of another name.
pub(crate) fn other_history(table: &str, there: &str) -> String {
    let flag = quoted(there);
    format!(
        "there is no history `{table}`, and the database has one in the table `{there}`: did you mean \
         `--history-table {flag}`?"
    )
}

pub(crate) fn ledger_write(error: Error) -> Error {
    let message = "the ledger can't be written";
    error.within(Code::Io, message)
}

pub(crate) fn no_ledger() -> Error {
    Error::new(Code::Io, "the ledger can't be made")
}
