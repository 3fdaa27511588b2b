//! Databases that are made from snapshots.

#[cfg(any(feature = "cli", feature = "sqlite"))]
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "cli")]
use super::with_neighbour;
use super::{remedy, size};
use crate::engine::{Room, Space};
use crate::error::{Code, Error};
use crate::ledger::CloneRecord;
use crate::operations::NOW;
use crate::printable::quoted;
use crate::sql::{self, SourceProblem};
use crate::time;

const UNTOUCHED: &str = "nothing was touched";

pub(crate) fn no_name_for_a_clone(name: &str, what: &str) -> Error {
    Error::new(Code::Usage, format!("`{name}` can't be the name of a database beside this one"))
        .because(format!("it has to be {what}"))
        .true_now(UNTOUCHED)
        .hinted("choose another name, as in `migrate clone create qa`")
}

#[cfg(feature = "cli")]
pub(crate) const CLONE_NAME: &str =
    "use up to 24 small letters, digits and `_`; neither `verify` nor an ending `_new`";

pub(crate) fn no_clone_name(name: &str) -> Error {
    Error::new(Code::Usage, format!("`{name}` can't be what a clone is called"))
        .because("it is up to 24 small letters, digits and `_`, neither `verify` nor with the ending `_new`")
        .true_now(UNTOUCHED)
        .hinted("choose another name, as in `migrate clone create qa`")
}

/// What is there is never written over.
pub(crate) fn database_is_there(database: &str) -> Error {
    Error::new(Code::Taken, format!("there is a database `{database}` already"))
        .because("what is there is never written over")
        .true_now(UNTOUCHED)
        .hinted("choose another name, or move that one away; see `migrate clone list`")
}

/// SQLite would roll it into a new database of this name.
#[cfg(feature = "sqlite")]
pub(crate) fn left_behind(database: &str, left: &Path) -> Error {
    let left = left.display();
    Error::new(Code::Taken, format!("`{database}` is not there, and `{left}` of one is"))
        .because(
            "SQLite would take it for a part of a new one, and write into that what was another's; \
             whether it is of use to anybody can't be told",
        )
        .true_now(UNTOUCHED)
        .hinted(format!("move `{left}` away, or choose another name; see `migrate clone list`"))
}

/// The ledger still has runs or snapshots of a database of this name.
pub(crate) fn ledger_is_there(database: &str, place: &str) -> Error {
    Error::new(
        Code::Taken,
        format!("there was a database `{database}`, and its ledger is still there"),
    )
    .because(format!(
        "its runs, snapshots and clones are in {place}: they may be the way back to it"
    ))
    .true_now(UNTOUCHED)
    .hinted("choose another name; see `migrate clone list`")
}

/// The database itself was removed by a hand.
pub(crate) fn ledger_left(database: &str, place: &str) -> String {
    format!(
        "warning: `{database}` was gone already; its runs and snapshots are left in {place}, for they may be \
         the way back to it"
    )
}

pub(crate) fn not_our_database(database: &str) -> Error {
    Error::new(Code::Taken, format!("the database `{database}` is not the clone that was made"))
        .because(
            "it has not the mark that was put into the clone; only what has it is ever dropped",
        )
        .true_now(UNTOUCHED)
        .hinted("look at it, and move it away by hand; see `migrate clone list`")
}

/// `from` is what another one was to be made of.
pub(crate) fn clone_is_there(clone: &CloneRecord, from: &str) -> Error {
    let (name, database) = (&clone.name, &clone.database);
    let from = if from == NOW { String::new() } else { format!(" --from {}", quoted(from)) };
    Error::new(Code::Taken, format!("there is a clone `{name}` already, the database `{database}`"))
        .true_now(UNTOUCHED)
        .hinted(format!(
            "make it anew with `migrate clone refresh {}{from}`, or choose another name",
            quoted(name)
        ))
}

pub(crate) fn no_clone(name: &str, known: &[&str]) -> Error {
    let error = Error::new(Code::NoClone, format!("there is no clone `{name}`"));
    let error = match (sql::nearest(name, known), known.len()) {
        (Some(near), _) => error.because(format!("the nearest name is `{near}`")),
        (None, 0) => error.because("there are no clones"),
        (None, 1..=5) => error.because(format!("there are {}", known.join(", "))),
        (None, n) => error.because(format!("there are {n} clones")),
    };
    error.true_now(UNTOUCHED).hinted("see `migrate clone list`")
}

/// The nearest name would be another clone's.
pub(crate) fn clone_by_its_database(clone: &CloneRecord) -> Error {
    let CloneRecord { name, database, .. } = clone;
    Error::new(Code::NoClone, format!("there is no clone `{database}`"))
        .because(format!("the database `{database}` is the clone `{name}`"))
        .true_now(UNTOUCHED)
        .hinted(format!("say `{name}` in its place; see `migrate clone list`"))
}

pub(crate) fn clone_of_an_upgrade(clone: &CloneRecord) -> Error {
    Error::new(Code::Taken, format!("the clone `{}` is for an upgrade", clone.name))
        .true_now(UNTOUCHED)
        .hinted("see `migrate upgrade status`")
}

/// The name of a clone may be too long for an engine.
pub(crate) fn clone_in_memory() -> Error {
    Error::new(Code::Clone, "a database in memory has no place for a clone beside it")
        .true_now(UNTOUCHED)
        .hinted("keep it in a file, such as `sqlite:app.db`")
}

#[cfg(feature = "matrixone")]
pub(crate) fn not_cloned_whole(error: Error, why: &[String]) -> Error {
    let on_disk = error.disk().is_some();
    let error = error.within(Code::Clone, "the server can't clone the snapshot as a whole");
    if on_disk {
        return error;
    }
    why.iter().fold(error, Error::because).true_now("nothing was touched").hinted(
        "take out what stands in the way, then make a clone of `now`: `migrate clone create qa`",
    )
}

pub(crate) fn snapshot_of_one_table(snapshot: &str, table: &str) -> Error {
    Error::new(
        Code::Clone,
        format!("snapshot `{snapshot}` is of the table `{table}` alone, and a clone is of the whole database"),
    )
    .true_now(UNTOUCHED)
    .hinted("take one of the database or the account: see `migrate snapshot list`")
}

pub(crate) fn no_room_for_a_clone(room: &Room, space: &Space, copies: u64) -> Error {
    Error::new(
        Code::NoSpace,
        format!(
            "there is not enough room in `{}`: {} are needed and {} are free",
            room.place,
            size(space.database.saturating_mul(copies)),
            size(room.free)
        ),
    )
    .because(format!(
        "a clone is as large as the database, {}, and is made from a copy of it",
        size(space.database)
    ))
    .true_now(UNTOUCHED)
    .hinted(
        "free some room there; old snapshots and expired clones go with `migrate snapshot prune`",
    )
}

/// What was made is not what the snapshot holds.
pub(crate) fn clone_differs(error: Error) -> Error {
    error.within(Code::Clone, "the clone does not hold what its snapshot holds")
}

/// A clone that can't be made leaves nothing.
pub(crate) fn clone_failed(error: Error, record: &CloneRecord, left: Option<&Error>) -> Error {
    let database = &record.database;
    let disk = error.disk();
    let error = error.ended_refused();
    let error = match left {
        None => error.true_now(format!("the original was not touched, and nothing of `{database}` is left")),
        Some(left) => error
            .because(format!("and what it left could not be removed: {left}"))
            .true_now(format!("the original was not touched; `{database}` is unfinished, and the next command removes or finishes it")),
    };
    let mut again = format!("`migrate clone create {}", record.name);
    if record.from != NOW {
        again = format!("{again} --from {}", quoted(&record.from));
    }
    if let Some(until) = record.expires_at {
        // It was counted from a moment before, when the lock was not waited for yet.
        let left = u64::try_from(until - record.created_at).unwrap_or_default();
        let step = if left > 3_600_000 { 60_000 } else { 1000 };
        let time = Duration::from_millis(left.div_ceil(step) * step);
        again = format!("{again} --expires {}", quoted(&time::words(time)));
    }
    if let Some(mask) = &record.mask {
        again = format!("{again} --mask {}", quoted(&mask.name));
    }
    let again = again + "`";
    let first = if error.code() == Code::Mask { "correct the file" } else { "remove the cause" };
    let first = remedy(&error, first);
    let is_interrupted = error.code() == Code::Interrupted;
    let hint = match (record.purpose == "clone", is_interrupted) {
        (true, true) => format!("begin again with {again}"),
        (true, false) => format!("{first}, then {again}"),
        (false, true) => "begin again with the same command".to_owned(),
        (false, false) => format!("{first}, then try it again; see `migrate clone list`"),
    };
    let error =
        if error.hint().is_some() && error.code() != Code::Io { error } else { error.hinted(hint) };
    error.on_disk(disk)
}

pub(crate) fn clone_interrupted() -> Error {
    Error::new(Code::Interrupted, "interrupted")
}

/// What was meant to be masked would be given away as it is.
pub(crate) fn mask_empty(name: &str) -> Error {
    Error::new(Code::Mask, format!("the mask `{name}` has no statement"))
        .true_now("nothing was made")
        .hinted("write what hides the data, such as an UPDATE; or make the clone without `--mask`")
}

pub(crate) fn mask_unread(problem: SourceProblem, name: &str) -> Error {
    Error::new(Code::Mask, format!("the mask `{name}` can't be read"))
        .placed(problem)
        .true_now(UNTOUCHED)
        .hinted("correct the file, then make the clone with the same command")
}

pub(crate) fn mask_refused(problem: SourceProblem, why: &str) -> Error {
    Error::new(Code::Mask, format!("the mask can't be run: {why}"))
        .placed(problem)
        .because("a mask changes the clone, and nothing else")
        .true_now(UNTOUCHED)
        .hinted("mend that statement, so that it names no other database, or take it out; then make the clone with the same command")
}

pub(crate) fn mask_ends_its_transaction(problem: SourceProblem) -> Error {
    let problem = problem.with_help("a mask runs as a whole or not at all");
    Error::new(
        Code::Mask,
        "the mask can't be run: its transaction is not its own to begin or to end",
    )
    .placed(problem)
    .true_now(UNTOUCHED)
    .hinted("take that statement out, then make the clone with the same command")
}

pub(crate) fn mask_failed(problem: SourceProblem, error: Error) -> Error {
    error.within(Code::Mask, "the mask failed").placed(problem)
}

/// The one that was there is as it was.
pub(crate) fn refresh_failed(error: Error, record: &CloneRecord, left: Option<&Error>) -> Error {
    let disk = error.disk();
    let mut error = error
        .ended_refused()
        .true_now(format!("`{}` and the original are as they were", record.database))
        .on_disk(disk);
    if let Some(left) = left {
        error = error.because(format!("and what it left could not be removed: {left}"));
    }
    let name = &record.name;
    let hint = if error.code() == Code::Mask {
        // It has the text that it was made with, whatever is in the file now.
        format!(
            "its mask is the one that it was made with: for another one `migrate clone delete {name} --yes`, \
             then `migrate clone create {name} --mask FILE`",
            name = quoted(name),
        )
    } else if error.code() == Code::Interrupted {
        format!("begin again with `migrate clone refresh {name}`")
    } else {
        format!("{}, then `migrate clone refresh {name}`", remedy(&error, "remove the cause"))
    };
    if error.hint().is_some() && error.code() != Code::Io { error } else { error.hinted(hint) }
}

/// The new one is whole, and the old one could not be replaced.
pub(crate) fn not_replaced(error: Error, record: &CloneRecord) -> Error {
    let hint = format!("remove the cause, then `migrate clone refresh {}`", record.name);
    error
        .ended_refused()
        .within(
            Code::Clone,
            format!("the new `{}` is whole, and could not take its place", record.database),
        )
        .true_now("the original was not touched; the next command of clones goes on")
        .hinted(hint)
}

#[cfg(feature = "cli")]
pub(crate) fn no_mask(file: &Path, error: &std::io::Error) -> Error {
    let unread = Error::new(Code::Mask, format!("the mask `{}` can't be read", file.display()))
        .because(error.to_string());
    with_neighbour(unread, file).true_now(UNTOUCHED).hinted(
        "name the file with the SQL of the mask, as in `migrate clone create qa --mask mask.sql`",
    )
}

/// It was a name for a restore.
pub(crate) fn restored_into(error: Error) -> Error {
    if error.code() == Code::Usage {
        return error.hinted("choose another name: `migrate restore --into NAME`");
    }
    error
}

/// Nothing comes back from an environment, which may be masked, or from what is not whole.
pub(crate) fn clone_is_no_way_back(clone: &CloneRecord) -> Error {
    let why = match clone.purpose.as_str() {
        "restore" => "it is not whole, or it is gone",
        "upgrade" => "it is for an upgrade",
        _ => {
            "it was made by `clone create`, and may be masked; only what `restore --into` made comes back"
        }
    };
    Error::new(Code::Clone, format!("nothing can be restored from `{}`", clone.database))
        .because(why)
        .true_now(UNTOUCHED)
        .hinted("see `migrate clone list`, or make one with `migrate restore --into NEWDB`")
}

pub(crate) fn clone_has_an_open_run(clone: &CloneRecord, address: &str) -> Error {
    Error::new(Code::OpenRun, format!("a run is open in `{}`", clone.database))
        .true_now(UNTOUCHED)
        .hinted(format!("finish it first: `migrate --url {address} recover`"))
}

/// What the ledger knows would be lost with it.
pub(crate) fn clones_first(database: &str, clone: &CloneRecord) -> Error {
    Error::new(Code::Taken, format!("`{database}` has clones, which its ledger alone knows"))
        .because(format!("`{}` is the database `{}`", clone.name, clone.database))
        .true_now(UNTOUCHED)
        .hinted(format!("remove them first: `migrate clone delete {} --yes`", quoted(&clone.name)))
}

/// The ledger of a clone would go with it, and with that all that is known of what was made from it.
pub(crate) fn clones_of_it_first(database: &str, clone: &CloneRecord, address: &str) -> Error {
    let (name, other) = (&clone.name, &clone.database);
    Error::new(
        Code::Taken,
        format!("`{database}` stays: it has clones, which its ledger alone knows"),
    )
    .because(format!("`{name}` is the database `{other}`"))
    .true_now(UNTOUCHED)
    .hinted(format!(
        "remove them first: `migrate --url {address} clone delete {} --yes`",
        quoted(name)
    ))
}

pub(crate) fn upgrade_of_it_first(database: &str, green: &str, address: &str) -> Error {
    Error::new(Code::Taken, format!("`{database}` stays: it has an upgrade, which its ledger alone knows"))
        .because(format!("its green is the database `{green}`"))
        .true_now(UNTOUCHED)
        .hinted(format!(
            "end that first: `migrate --url {address} upgrade abort`, or `migrate --url {address} upgrade finish` where \
             green is active"
        ))
}

pub(crate) fn unknown_clone_state(state: &str) -> Error {
    Error::new(Code::SchemaNewer, format!("the ledger has a clone in the state `{state}`"))
        .because("a newer mo-migrate wrote it, or a hand has changed it")
        .hinted("use that mo-migrate; see `migrate help`")
}

pub(crate) fn upgrade_first(database: &str, green: &str) -> Error {
    Error::new(
        Code::Taken,
        format!("`{database}` has an upgrade: its ledger alone says that `{green}` belongs to it"),
    )
    .because("an application that asks for the active database would be given an empty one")
    .true_now(UNTOUCHED)
    .hinted(
        "see `migrate upgrade status`; remove green with `migrate upgrade abort`, or put its address \
         everywhere in the place of this one and give the way back up with `migrate upgrade finish`",
    )
}
