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
    let is_of = |run: &&RunRecord| {
        // A restore by hand goes back to another run's.
        snapshot.run.as_ref() == Some(&run.id) || run.snapshot.as_ref() == Some(&snapshot.name)
    };
    let needs = |run: &RunRecord| matches!(run.outcome, None | Some(Outcome::NeedsPerson));
    let open = runs.iter().filter(is_of).any(needs);
    match snapshot.delete_after {
        _ if open => Deletable::WayBack,
        _ if snapshot.pinned => Deletable::Pinned,
        Some(after) if after <= now => Deletable::Yes,
        _ => Deletable::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(delete_after: Option<i64>, pinned: bool) -> SnapshotRecord {
        SnapshotRecord { delete_after, pinned, ..SnapshotRecord::sample() }
    }

    fn run(outcome: Option<Outcome>) -> RunRecord {
        RunRecord { outcome, ..RunRecord::sample() }
    }

    #[test]
    fn the_way_back_of_an_open_run_is_never_deleted_and_what_is_pinned_neither() {
        let (over, applied) = (Some(5), Some(Outcome::Applied));
        for (outcome, delete_after, pinned, expected) in [
            (None, over, false, Deletable::WayBack),
            (Some(Outcome::NeedsPerson), over, false, Deletable::WayBack),
            (applied, over, true, Deletable::Pinned),
            (applied, over, false, Deletable::Yes),
            (Some(Outcome::Restored), over, false, Deletable::Yes),
            (applied, Some(11), false, Deletable::NotYet),
            (applied, None, false, Deletable::NotYet),
        ] {
            let found = deletable(&snapshot(delete_after, pinned), &[run(outcome)], 10);
            assert_eq!(found, expected, "{outcome:?} {delete_after:?} {pinned}");
        }
        assert_eq!(deletable(&snapshot(over, false), &[], 10), Deletable::Yes, "nobody's");
        let mut restore = run(None);
        restore.id = "run_2".to_owned();
        let found = deletable(&snapshot(over, false), &[run(applied), restore], 10);
        assert_eq!(found, Deletable::WayBack, "an open restore goes back to it");
    }
}
