//! Snapshots.

use std::path::Path;

use crate::engine::SnapshotFacts;
use crate::error::{Code, Error};
use crate::sql;

pub(crate) fn no_snapshot(name: &str, known: &[SnapshotFacts]) -> Error {
    no_snapshot_named(name, known.iter().map(|facts| facts.name.as_str()))
}

pub(crate) fn no_snapshot_named<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let error = Error::new(Code::NoSnapshot, format!("there is no snapshot or run `{name}`"));
    let error = match (sql::nearest(name, &known), known.len()) {
        (Some(near), _) => error.because(format!("the nearest name is `{near}`")),
        (None, 0) => error.because("there are no snapshots"),
        (None, 1..=5) => error.because(format!("there are {}", known.join(", "))),
        (None, n) => error.because(format!("there are {n}")),
    };
    error.true_now("nothing was touched").hinted("see `migrate snapshot list`")
}

pub(crate) fn no_runs() -> Error {
    Error::new(Code::NoSnapshot, "there is no snapshot to go back to")
        .true_now("nothing was touched")
        .hinted("see `migrate snapshot list`")
}

pub(crate) fn snapshot_failed(error: Error) -> Error {
    match error.code() {
        Code::Locked | Code::NoSpace | Code::Interrupted => error,
        _ => error
            .within(
                Code::Snapshot,
                "the snapshot could not be made and read back, so nothing was begun",
            )
            .hinted("remove the cause, then `migrate up`"),
    }
}

pub(crate) fn snapshot_bad(name: &str, error: Error) -> Error {
    match error.code() {
        Code::Interrupted | Code::NoSnapshot => error,
        _ => error.within(Code::SnapshotBad, format!("snapshot `{name}` does not verify")).hinted(
                "nothing is restored from it: if a `check(snapshot)` is wrong, correct it, then `migrate recover`; \
                 see what else there is with `migrate snapshot list`",
            ),
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

pub(crate) fn pinned(name: &str) -> Error {
    Error::new(Code::Pinned, format!("snapshot `{name}` is pinned"))
        .hinted(format!("let it go first with `migrate snapshot unpin {name}`"))
}

pub(crate) fn way_back_needed(name: &str) -> Error {
    Error::new(Code::Pinned, format!("snapshot `{name}` is the way back of a run that is open"))
        .hinted("finish that run first with `migrate recover`")
}
