//! Moments of the past that a restore was asked for.

use crate::error::{Code, Error};
use crate::history::Marker;
use crate::time;

/// Snapshots near a moment, at the most.
const LISTED: usize = 3;

/// A snapshot that can be gone back to, and when it was made, in milliseconds since 1970.
pub(crate) type Kept = (String, i64);

/// The engine has no past, or not as far back. `window` is what it can read, where there is any.
pub(crate) fn no_moment(at: i64, window: Option<[i64; 2]>, kept: &[Kept]) -> Error {
    let asked = time::rfc3339(at);
    let error = match window {
        None => {
            Error::new(Code::NoMoment, format!("the database as it was at {asked} can't be read"))
                .because("a SQLite database has no past but its snapshots")
        }
        Some([first, last]) => Error::new(
            Code::NoMoment,
            format!("the server does not have the database as it was at {asked} any more"),
        )
        .because(format!(
            "it can be read from {} to {}; the collector takes what is older, so that the beginning moves on",
            time::rfc3339(first),
            time::rfc3339(last)
        )),
    };
    let before: Vec<&Kept> = kept.iter().filter(|(_, made)| *made <= at).collect();
    let after: Vec<&Kept> = kept.iter().filter(|(_, made)| *made > at).collect();
    let list = |some: &[&Kept]| -> String {
        let words: Vec<String> = some
            .iter()
            .map(|(name, made)| format!("`{name}` of {}", time::rfc3339(*made)))
            .collect();
        words.join(", ")
    };
    let error = match before.iter().rev().take(LISTED).copied().collect::<Vec<_>>() {
        none if none.is_empty() => error.because("no snapshot was made before it"),
        some => error.because(format!("snapshots before it, the nearest first: {}", list(&some))),
    };
    let error = match after.iter().take(LISTED).copied().collect::<Vec<_>>() {
        none if none.is_empty() => error.because("no snapshot was made after it"),
        some => error.because(format!("snapshots after it, the nearest first: {}", list(&some))),
    };
    let error = error.true_now("nothing was touched");
    match before.last().or(after.first()) {
        Some((name, _)) => error.hinted(format!(
            "see what a snapshot would bring back with `migrate restore {name} --dry-run`; all are in `migrate snapshot list`"
        )),
        None => error.hinted("make one for the next time with `migrate snapshot create`"),
    }
}

/// It is in the future.
pub(crate) fn moment_to_come(at: i64, now: i64) -> Error {
    Error::new(Code::NoMoment, format!("{} is still to come", time::rfc3339(at)))
        .because(format!("the clock says {}", time::rfc3339(now)))
        .true_now("nothing was touched")
        .hinted("a moment without a zone is taken as UTC; write it with its zone, as in `migrate restore --at 2026-11-22T10:44:12+02:00`")
}

/// The server says that it has the moment, and can't read it: it was not there itself.
pub(crate) fn moment_unread(at: i64, error: Error) -> Error {
    let asked = time::rfc3339(at);
    error
        .within(Code::NoMoment, format!("the database as it was at {asked} can't be read"))
        .because("the server's own catalogue was not there yet, or was another")
        .true_now("nothing was touched")
        .hinted("name a later moment: see when runs were made with `migrate history`, and snapshots with `migrate snapshot list`")
}

/// The database had nothing in it, or was not there.
pub(crate) fn nothing_then(at: i64) -> Error {
    Error::new(
        Code::NoMoment,
        format!("at {} the database was not there, or had nothing in it", time::rfc3339(at)),
    )
    .true_now("nothing was touched")
    .hinted("see when its runs were made with `migrate history`")
}

/// A run was in the middle of its work.
pub(crate) fn moment_of_a_run(at: i64, marker: &Marker) -> Error {
    let error = Error::new(
        Code::NoMoment,
        format!("at {} run {} was at work, and half of it was done", time::rfc3339(at), marker.run),
    )
    .because("who went back to it would have half of a run, and a database that says it is open")
    .true_now("nothing was touched");
    match &marker.snapshot {
        Some(snapshot) => error.hinted(format!(
            "go back to before it with `migrate restore {snapshot}`, or name another moment"
        )),
        None => error.hinted("name a moment before or after it; see `migrate history`"),
    }
}

/// It could be read when the restore began.
pub(crate) fn moment_lost(name: &str) -> Error {
    Error::new(
        Code::NoMoment,
        format!("the server gave the database as it was {name} to its collector meanwhile"),
    )
    .because("what was brought back from it can't be relied on, so it was not committed")
    .hinted("go back to a snapshot instead: `migrate snapshot list`")
}
