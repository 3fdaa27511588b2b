//! Which snapshots may go. Pure.
//!
//! Invariant: what is pinned, of an open run, or the last way back of a failed one is never among
//! them.

use crate::ledger::{RunRecord, SnapshotRecord};
use crate::report::Outcome;

/// Why a snapshot may go, or may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletable {
    /// Its time is over and nothing needs it.
    Yes,
    /// Its time is not over.
    NotYet,
    /// Somebody pinned it.
    Pinned,
    /// Its run is open, or needs a person: it is the way back.
    WayBack,
}

/// Whether a snapshot may be deleted at `now` (milliseconds since 1970).
#[must_use]
pub(crate) fn deletable(snapshot: &SnapshotRecord, runs: &[RunRecord], now: i64) -> Deletable {
    let run = snapshot.run.as_ref().and_then(|id| runs.iter().find(|run| run.id == *id));
    let open = run.is_some_and(|run| matches!(run.outcome, None | Some(Outcome::NeedsPerson)));
    match snapshot.delete_after {
        _ if open => Deletable::WayBack,
        _ if snapshot.pinned => Deletable::Pinned,
        Some(after) if after <= now => Deletable::Yes,
        _ => Deletable::NotYet,
    }
}
