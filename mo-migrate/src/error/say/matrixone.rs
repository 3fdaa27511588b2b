//! What a MatrixOne server refuses or lacks, with what to do about it.

use std::time::Duration;

use crate::error::{Code, Error};
use crate::time;

/// The server says that there is no such table or database.
///
/// It has several words for it: 1146 and 1049 are MySQL's, and 1064 is for what does not parse as
/// well, so that its text has to be read.
pub(crate) fn is_missing(error: &Error) -> bool {
    let said = error.message();
    is_missing_database(error)
        || match error.database_code() {
            Some("1146") => true,
            Some("1064") => said.contains("does not exist"),
            _ => false,
        }
}

/// The server says, in MySQL's words, that there is no such database.
pub(crate) fn is_missing_database(error: &Error) -> bool {
    error.database_code() == Some("1049")
}

pub(crate) fn check_writes() -> Error {
    Error::new(Code::TransactionControl, "the statement may write, which a check must not")
}

pub(crate) fn several_statements() -> Error {
    Error::new(Code::TransactionControl, "there are several statements in one call")
        .because("the server stops in the middle, or takes all of them for a view's definition")
        .hinted("give each statement a call of its own")
}

pub(crate) fn guards_transaction() -> Error {
    Error::new(
        Code::TransactionControl,
        "the statement begins or ends a transaction, which is the guard's to do",
    )
}

pub(crate) fn guards_history() -> Error {
    Error::new(
        Code::TransactionControl,
        "the statement writes to the history table, which is the guard's alone",
    )
}

/// Another start has the lock by now.
pub(crate) fn taken_over(database: &str) -> Error {
    Error::new(Code::Locked, format!("another start has taken over the run on `{database}`"))
        .because("this one's connection was lost or silent for too long")
        .hinted("see what it did with `migrate status`")
}

/// The server has said of a transaction that it is committed, and has nothing of it.
pub(crate) fn nothing_kept() -> Error {
    Error::new(Code::Connect, "the server said that it had committed, and kept nothing of it")
        .because("for some seconds after its start a server may not know yet where it has to write")
        .hinted(
            "see that its services are up; once they are, `migrate up` goes on from what is true",
        )
        .lost()
}

pub(crate) fn server_too_old() -> Error {
    Error::new(Code::NoEngine, "the server has no locks with a name (GET_LOCK)")
        .because("MatrixOne has them since 4.1")
        .hinted("use MatrixOne 4.1 or later")
}

pub(crate) fn not_matrixone(version: &str) -> Error {
    Error::new(Code::NoEngine, format!("the server is no MatrixOne; it says `{version}`"))
        .because("snapshots of MySQL and MariaDB are not supported yet")
}

pub(crate) fn cannot_end_session(session: u64, error: &Error) -> Error {
    Error::new(
        Code::Locked,
        format!("the holder of the lock is silent, and its session {session} can't be ended"),
    )
    .because(error.message().to_owned())
    .hinted(format!("end it with `KILL {session}`, then `migrate up`"))
}

pub(crate) fn no_ledger_database(ledger: &str, error: Error) -> Error {
    error
        .within(Code::Database, format!("the ledger's database `{ledger}` can't be made"))
        .hinted("make it, or give this user the right to CREATE DATABASE; then `migrate up`")
}

pub(crate) fn snapshot_name(name: &str, longest: usize) -> Error {
    Error::new(
        Code::Snapshot,
        format!("`{name}` can't be a snapshot's name: at most {longest} characters, in lower case"),
    )
}

pub(crate) fn snapshot_rights(error: Error) -> Error {
    error
        .within(Code::Snapshot, "this user has no right to snapshots")
        .hinted("use one with the role `moadmin` (of the account `sys`) or `accountadmin`")
}

/// The name of a database that can't be guarded.
pub(crate) fn database_name(name: &str, longest: usize) -> Error {
    Error::new(Code::Address, format!("a database with the name `{name}` can't be guarded"))
        .because(format!(
            "it has more than {longest} characters, or one that can't be seen: the server could not drop its tables"
        ))
        .true_now("nothing was touched")
        .hinted("name another database in the address")
}

/// A statement writes to what could not be put back.
pub(crate) fn unfit_name(name: &str, why: &str) -> Error {
    Error::new(Code::NoWayBack, format!("`{name}` could not be put back: {why}"))
        .hinted("give it another name")
}

/// Something in the database keeps it from being guarded.
pub(crate) fn unfit_there(name: &str, why: &str) -> Error {
    Error::new(Code::NoWayBack, format!("`{name}` keeps the database from being guarded: {why}"))
        .hinted("rename it (ALTER TABLE … RENAME TO …) or drop it, then `migrate up`")
}

/// A run of this user's could make no snapshot.
pub(crate) fn not_administrator(role: &str) -> Error {
    Error::new(Code::Snapshot, format!("a user with the role `{role}` can make no snapshot"))
        .because("the server makes them for `moadmin` (account `sys`) and `accountadmin`, and lets nobody grant these to others")
        .true_now("nothing was touched")
        .hinted("run the same command as the account's administrator, with `--url matrixone://<administrator>:…@…`")
}

/// The question whether there is a database needs a right of its own.
pub(crate) fn no_right_to_look(role: &str, error: Error) -> Error {
    error
        .within(Code::Database, "this user may not look for the database in the server's catalogue")
        .true_now("nothing was touched")
        .hinted(format!(
            "run the command as the account's administrator, who alone can make a snapshot; or, for `status` and \
             a start with nothing to do, let them type `GRANT SELECT ON TABLE mo_catalog.mo_database TO {role}; \
             GRANT SELECT ON TABLE mo_migrate.* TO {role}`"
        ))
}

pub(crate) fn snapshot_quota(error: Error) -> Error {
    // The server names the level: "feature SNAPSHOT with scope table has reached the limit of 50".
    let words = error.message().split(" scope ").nth(1).unwrap_or_default();
    let level = words.split(' ').next().filter(|word| !word.is_empty()).unwrap_or("account");
    let (what, level) = (
        format!("the account's number of snapshots of level `{level}` is used up"),
        level.to_owned(),
    );
    error.within(Code::Snapshot, what).hinted(format!(
        "delete some with `migrate snapshot prune`, or let the account `sys` raise it: \
         SELECT mo_feature_limit_upsert(<account id>, 'snapshot', '{level}', -1)"
    ))
}

/// An open ALTER of another session, in whatever database, keeps the server from making one.
pub(crate) fn snapshot_waited(error: Error) -> Error {
    error
        .within(Code::Locked, "the server made no snapshot within the lock's limit")
        .because("another session of the account has an ALTER TABLE in a transaction that is open")
        .hinted("end that transaction (`SHOW PROCESSLIST` names the sessions), then `migrate up`")
}

pub(crate) fn snapshot_exists(name: &str, error: Error) -> Error {
    error.within(Code::Snapshot, format!("there is a snapshot `{name}` already"))
}

/// A lock was waited for in vain; who holds it, as far as was seen.
pub(crate) fn waited(error: Error, blockers: &[String]) -> Error {
    if blockers.is_empty() {
        error.because("another session holds it, which could not be seen")
    } else {
        error.because(format!("held by {}", blockers.join("; ")))
    }
}

/// Another session holds a table that has to come back.
pub(crate) fn blocked(table: &str, wait: Duration, error: Error) -> Error {
    error
        .within(Code::Restore, format!("`{table}` is held by others; waited {}", time::words(wait)))
        .hinted("end that session's transaction, then `migrate recover`")
}

/// RESTORE DATABASE failed, and left the database as it was.
pub(crate) fn whole_failed(error: Error) -> Error {
    let waited = error.code() == Code::TimeLimit;
    let error = error.within(Code::Restore, "RESTORE DATABASE failed");
    if waited {
        error.hinted("end that session's transaction, then `migrate recover`")
    } else {
        error.hinted(
            "bring back what the run touched with `migrate recover --restore-method tables`",
        )
    }
}

/// What to do about an error of which the server's own words say little.
pub(crate) fn help_with(error: &Error) -> Option<&'static str> {
    let said = error.message();
    if said.contains("no such table") && said.contains("_copy_") {
        return Some(
            "in a transaction that changes a table's definition and then its rows, the server loses \
             sight of a large table: leave `-- mo-migrate: transaction` out",
        );
    }
    if said.contains("cannot drop and add column") {
        return Some(
            "under a snapshot the server takes no DROP and ADD of columns in one statement: write two",
        );
    }
    None
}

/// Somebody else's statement, for a message: its first line, and not all of a long one.
pub(crate) fn shortened(sql: &str) -> String {
    let line = sql.lines().next().unwrap_or_default();
    let short: String = line.chars().take(120).collect();
    if short.len() < sql.len() { format!("{short}…") } else { short }
}

/// The server says that there is no table of this name, and not only that something is missing.
pub(crate) fn is_missing_on_matrixone(error: &Error, words: &str, table: &str) -> bool {
    is_missing(error)
        && !is_missing_database(error)
        && (words.ends_with(&format!(".{table}")) || words.contains(&format!("\"{table}\"")))
}

/// The user may not do or see this.
pub(crate) fn has_no_right(error: &Error) -> bool {
    error.message().contains("do not have privilege")
}

/// The same of a statement of the guard's own in this database, with what it reads or writes: the server
/// does not say it.
pub(crate) fn without_right(error: Error, text: &str, database: &str) -> Error {
    if !has_no_right(&error) {
        return error;
    }
    match only_name(text) {
        Some(name) if name.contains('.') || database.is_empty() => {
            error.because(format!("the right that is missing is one on {name}"))
        }
        Some(name) => {
            error.because(format!("the right that is missing is one on {database}.{name}"))
        }
        None => error,
    }
}

/// The one table that a statement of the guard's own names.
fn only_name(text: &str) -> Option<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_plain = ["SELECT", "INSERT", "UPDATE"].contains(words.first()?);
    let before = |pair: &&[&str]| ["FROM", "INTO", "UPDATE", "JOIN"].contains(&pair[0]);
    let behind = words.windows(2).filter(before).map(|pair| pair[1]);
    let mut names: Vec<&str> = behind.filter(|name| !name.starts_with('(')).collect();
    names.dedup();
    match names.as_slice() {
        [name] if is_plain => Some(name),
        _ => None,
    }
}

/// A migration's code does what no restore takes back.
pub(crate) fn no_way_back_for(why: &str) -> Error {
    Error::new(Code::NoWayBack, "the statement has effects that no restore takes back")
        .because(why.to_owned())
        .hinted("do it in an SQL file that says `-- mo-migrate: allow NO_WAY_BACK because …`")
}
