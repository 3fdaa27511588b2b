//! Snapshots.

use std::path::Path;

use super::{remedy, with_nearest};
use crate::engine::SnapshotFacts;
use crate::error::{Code, Error};
use crate::ledger::{RunRecord, SnapshotRecord};
use crate::report::Outcome;
use crate::snapshot::{SnapshotOf, moment_of, purpose_words};
use crate::time;

pub(crate) fn no_snapshot(name: &str, known: &[SnapshotFacts]) -> Error {
    no_snapshot_named(name, known.iter().map(|facts| facts.name.as_str()))
}

pub(crate) fn no_snapshot_named<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let error = Error::new(Code::NoSnapshot, format!("there is no snapshot or run `{name}`"));
    with_nearest(error, name, &known, ["name", "snapshots"])
        .true_now("nothing was touched")
        .hinted("see `migrate snapshot list`")
}

/// A snapshot was asked for by the run that made it.
pub(crate) fn a_run_is_no_snapshot(run: &RunRecord) -> Error {
    let error = Error::new(Code::NoSnapshot, format!("`{}` is a run, and no snapshot", run.id))
        .true_now("nothing was touched");
    match &run.snapshot {
        Some(snapshot) => error.hinted(format!("its own is `{snapshot}`")),
        None => error.hinted("it has none: see `migrate snapshot list`"),
    }
}

/// The run is there, and a snapshot of its own is not.
pub(crate) fn run_without_snapshot(run: &RunRecord) -> Error {
    let error = Error::new(
        Code::NoSnapshot,
        format!("run {} has no snapshot of its own to go back to", run.id),
    );
    let error = match (&run.snapshot, run.goes_back()) {
        (Some(source), true) => error.because(format!("it went back to the snapshot `{source}`")),
        (Some(snapshot), false) => {
            error.because(format!("`{snapshot}` is gone: its time was over, or it was deleted"))
        }
        (None, _) => error.because("it changed nothing, or ran without one"),
    };
    let error = error.true_now("nothing was touched");
    match &run.failed_state {
        Some(failed) => error
            .keeping(format!("what was there before it went back, in `{failed}`"))
            .hinted(format!(
                "see it with `migrate snapshot show {failed}`, or `migrate diff {}`",
                run.id
            )),
        None => error.hinted("see what there is with `migrate snapshot list`"),
    }
}

/// A failed state was asked for whole, and is of migrations.
pub(crate) fn half_of_a_run(failed: &str, run: &str) -> Error {
    Error::new(Code::NoWayBack, format!("`{failed}` is what run {run} left half done"))
        .because("whoever went back to it would have migrations that no history knows of")
        .true_now("nothing was touched")
        .hinted(format!(
            "see what it has with `migrate diff {run}`; bring tables back with `migrate restore {failed} --tables \
             TABLES`, or have all of it beside this database with `migrate restore --into NEWDB {failed}`"
        ))
}

pub(crate) fn no_runs() -> Error {
    Error::new(Code::NoSnapshot, "there is no snapshot to go back to")
        .true_now("nothing was touched")
        .hinted("see `migrate snapshot list`")
}

const GONE: &str = "it was removed by a hand, or its place can't be seen from here";

/// What was named is known, and is not there.
pub(crate) fn snapshot_gone(name: &str) -> Error {
    Error::new(Code::NoSnapshot, format!("snapshot `{name}` is gone"))
        .because(GONE)
        .true_now("nothing was touched")
        .hinted(
            "bring it back to its place, or choose another one: see `migrate snapshot list`; \
             `migrate snapshot prune` takes what is gone out of the list",
        )
}

/// What a restore without a name would go back to is not there, and nobody asked for an older one.
pub(crate) fn newest_snapshot_gone(
    newest: &SnapshotRecord,
    next: Option<&SnapshotRecord>,
) -> Error {
    let error =
        Error::new(Code::NoSnapshot, format!("the newest snapshot `{}` is gone", newest.name))
            .because(GONE)
            .true_now("nothing was touched");
    match next {
        Some(next) => error
            .because(format!(
                "the next one is `{}`, made at {}, and is not taken in its place: it would take back more",
                next.name,
                time::rfc3339(next.created_at)
            ))
            .hinted(format!(
                "bring it back to its place; or go back further with `migrate restore {}`",
                next.name
            )),
        None => error
            .because("there is no other to go back to")
            .hinted("bring it back to its place; see `migrate snapshot list`"),
    }
}

/// The newest way back that the ledger knows is of a database that was here before.
pub(crate) fn snapshot_of_another(name: &str) -> Error {
    Error::new(
        Code::OtherDatabase,
        "the newest snapshot is of another database than the one in its place",
    )
    .because(format!("`{name}` was made of a database with another id"))
    .true_now("nothing was touched")
    .hinted(format!("if it is that one that you want back: `migrate restore {name} --yes`"))
}

pub(crate) fn snapshot_failed(error: Error) -> Error {
    let hint = format!("{}, then `migrate up`", remedy(&error, "remove the cause"));
    match error.code() {
        Code::Locked | Code::Interrupted => error,
        Code::NoSpace => error.hinted(hint),
        _ => error
            .within(
                Code::Snapshot,
                "the snapshot could not be made and read back, so nothing was begun",
            )
            .hinted(hint),
    }
}

pub(crate) fn snapshot_bad(name: &str, error: Error) -> Error {
    match error.code() {
        Code::Interrupted | Code::NoSnapshot => error,
        // Not it, but the clone that it is tested on, or who may read it.
        Code::Io | Code::NoSpace => {
            error.within(Code::Snapshot, format!("snapshot `{name}` can't be verified"))
        }
        _ if error.disk().is_some() || error.is_lost() => {
            error.within(Code::Snapshot, format!("snapshot `{name}` can't be verified"))
        }
        _ => error.within(Code::SnapshotBad, format!("snapshot `{name}` does not verify")).hinted(
                "nothing is restored from it: if a `check(snapshot)` is wrong, correct it, then `migrate recover`; \
                 see what else there is with `migrate snapshot list`",
            ),
    }
}

/// The same where no run waits for it, and none can be recovered.
pub(crate) fn snapshot_bad_by_hand(name: &str, error: Error) -> Error {
    let error = snapshot_bad(name, error);
    if error.code() == Code::SnapshotBad {
        error.hinted(
            "nothing is restored from it: make another with `migrate snapshot create`; \
             see what else there is with `migrate snapshot list`",
        )
    } else {
        error
    }
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::new(Code::SnapshotBad, what)
}

pub(crate) fn clone_name_taken(path: &Path) -> Error {
    Error::new(Code::Snapshot, format!("`{}` is there already and is not ours", path.display()))
        .hinted("move it away, then `migrate recover`")
}

pub(crate) fn not_ours(name: &str) -> Error {
    Error::new(
        Code::Pinned,
        format!("snapshot `{name}` was not made by mo-migrate, and is left alone"),
    )
    .hinted("remove it by hand if it is not needed; see `migrate snapshot list`")
}

pub(crate) fn held_by_upgrade(name: &str) -> Error {
    Error::new(Code::Pinned, format!("an upgrade needs snapshot `{name}`, and lets it go at its end"))
        .hinted("see `migrate upgrade status`; its end is `migrate upgrade finish` or `migrate upgrade abort`")
}

pub(crate) fn pinned(name: &str) -> Error {
    Error::new(Code::Pinned, format!("snapshot `{name}` is pinned"))
        .hinted(format!("let it go first with `migrate snapshot unpin {name}`"))
}

pub(crate) fn way_back_needed(name: &str) -> Error {
    Error::new(Code::Pinned, format!("snapshot `{name}` is the way back of a run that is open"))
        .hinted("finish that run first with `migrate recover`")
}

/// From a snapshot of the table alone nothing would come back.
pub(crate) fn table_with_all(table: &str, name: &str) -> String {
    format!(
        "warning: `{table}` was altered or emptied since it was made, and no snapshot of it alone can be \
         gone back to: `{name}` is of the database; bring the table back with \
         `migrate restore {name} --tables {table}`"
    )
}

/// A snapshot of a file is a copy of all of it.
pub(crate) fn file_is_whole(of: &SnapshotOf) -> Error {
    match of {
        SnapshotOf::Table(table) => Error::new(
            Code::Snapshot,
            format!("a snapshot of a file is always of all of it, and not of `{table}` alone"),
        )
        .true_now("nothing was touched")
        .hinted(format!(
            "make one of all with `migrate snapshot create`; \
             the table alone comes back from it by `migrate restore SNAPSHOT --tables {table}`"
        )),
        _ => Error::new(Code::Snapshot, "a file has no account: its snapshots are of the database")
            .true_now("nothing was touched")
            .hinted("leave the level out: `migrate snapshot create`"),
    }
}

#[cfg(feature = "cli")]
pub(crate) fn one_table_a_snapshot(tables: &[String]) -> Error {
    Error::new(
        Code::Usage,
        format!("a snapshot is of one table, and {} were named", tables.len()),
    )
    .true_now("nothing was touched")
    .hinted("make one of the database, with all tables at one moment: `migrate snapshot create --level database`")
}

pub(crate) fn no_purpose(purpose: &str) -> Error {
    Error::new(Code::Usage, format!("`{purpose}` can't be what a snapshot is for"))
        .because(format!("it is {}", purpose_words()))
        .true_now("nothing was touched")
        .hinted("say it in another word, as in `migrate snapshot create --purpose nightly`")
}

pub(crate) fn no_table(table: &str, known: &[&str]) -> Error {
    let error = Error::new(Code::NoTable, format!("there is no table `{table}`"));
    with_nearest(error, table, known, ["name", "tables"]).true_now("nothing was touched")
}

pub(crate) fn not_in_snapshot(table: &str, snapshot: &SnapshotRecord, known: &[&str]) -> Error {
    let error = no_table(table, known);
    let name = &snapshot.name;
    if moment_of(name).is_some() {
        return error.within(Code::NoTable, format!("the database had no table `{table}` {name}"));
    }
    error
        .within(Code::NoTable, format!("snapshot `{name}` does not have the table `{table}`"))
        .hinted(format!("see what it is of with `migrate snapshot show {name}`"))
}

pub(crate) fn history_comes_with_all(table: &str) -> Error {
    Error::new(
        Code::Usage,
        format!("`{table}` is the history, which goes back with the whole database alone"),
    )
    .true_now("nothing was touched")
    .hinted("leave `--tables` out: `migrate restore`")
}

/// A table that came back alone would leave rows behind without those that they refer to.
pub(crate) fn tables_belong_together(count: usize, tables: &str) -> Error {
    Error::new(
        Code::Restore,
        format!("without its relatives `{tables}` would leave {count} rows that find no parent"),
    )
    .ended(Outcome::Refused)
    .hinted("name the tables that it refers to, and those that refer to it, in `--tables` as well")
}
