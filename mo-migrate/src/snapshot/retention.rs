//! Which snapshots may go. Pure.
//!
//! Invariants:
//! 1. what is pinned, of an open run, or the last way back of a failed one is never among them;
//! 2. where there is a snapshot to go back to, pruning leaves one, however old it is.

use std::collections::HashSet;

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
    let needs = |run: &RunRecord| {
        let made_it = snapshot.run.as_ref() == Some(&run.id);
        match run.outcome {
            // A restore by hand goes back to another run's.
            None => made_it || run.snapshot.as_ref() == Some(&snapshot.name),
            // One that is closed has changed nothing, or all: the snapshot is no way back of it.
            Some(Outcome::NeedsPerson) => made_it,
            Some(_) => false,
        }
    };
    let open = runs.iter().any(needs);
    match snapshot.delete_after {
        _ if open => Deletable::WayBack,
        _ if snapshot.pinned => Deletable::Pinned,
        Some(after) if after <= now => Deletable::Yes,
        _ => Deletable::NotYet,
    }
}

/// The snapshots that may go by themselves at `now`, of those in the order of the ledger, the newest
/// first; `there` are the names of those that still are. What is gone goes whatever its time.
#[must_use]
pub(crate) fn prunable<'a>(
    snapshots: &'a [SnapshotRecord],
    runs: &[RunRecord],
    there: &HashSet<&str>,
    now: i64,
) -> Vec<&'a SnapshotRecord> {
    let may_go = |record: &SnapshotRecord| match deletable(record, runs, now) {
        Deletable::Yes => true,
        Deletable::NotYet => !there.contains(record.name.as_str()),
        Deletable::Pinned | Deletable::WayBack => false,
    };
    let is_way_back =
        |record: &&SnapshotRecord| record.is_way_back() && there.contains(record.name.as_str());
    let stays = snapshots.iter().filter(is_way_back).any(|record| !may_go(record));
    let last = snapshots.iter().find(is_way_back).filter(|_| !stays).map(|record| &record.name);
    snapshots.iter().filter(|record| may_go(record) && Some(&record.name) != last).collect()
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
        let mut refused = run(Some(Outcome::NeedsPerson));
        refused.id = "run_2".to_owned();
        let found = deletable(&snapshot(over, false), &[run(applied), refused], 10);
        assert_eq!(found, Deletable::Yes, "a restore that is closed goes back to nothing");
    }

    #[test]
    fn the_last_way_back_is_never_pruned_however_old_it_is() {
        let one = |name: &str, purpose: &str, delete_after: i64| SnapshotRecord {
            name: name.to_owned(),
            run: None,
            purpose: purpose.to_owned(),
            ..snapshot(Some(delete_after), false)
        };
        let (nightly, failed) = ("nightly", "failed");
        for (snapshots, there, expected) in [
            // The newest of those that are over stays, where none other does.
            (vec![one("b", nightly, 5), one("a", nightly, 4)], vec!["a", "b"], vec!["a"]),
            // One that is not over is a way back itself.
            (vec![one("b", nightly, 50), one("a", nightly, 4)], vec!["a", "b"], vec!["a"]),
            // One that somebody has removed is no way back, and one of a failure neither.
            (vec![one("b", nightly, 5), one("a", nightly, 4)], vec!["a"], vec!["b"]),
            (vec![one("b", failed, 5), one("a", nightly, 4)], vec!["a", "b"], vec!["b"]),
            // What is gone goes before its time is over.
            (vec![one("b", nightly, 50), one("a", nightly, 40)], vec!["a"], vec!["b"]),
            (vec![one("a", failed, 5)], vec!["a"], vec!["a"]),
            // What a clone held is another database's.
            (vec![one("b", "from_clone x", 50), one("a", nightly, 4)], vec!["a", "b"], vec![]),
            (vec![], vec![], vec![]),
        ] {
            let there = there.into_iter().collect();
            let found = prunable(&snapshots, &[], &there, 10);
            let names: Vec<&str> = found.iter().map(|record| record.name.as_str()).collect();
            assert_eq!(names, expected, "{snapshots:?}");
        }
        let unread = SnapshotRecord { level: String::new(), ..one("a", nightly, 5) };
        assert_eq!(prunable(&[unread], &[], &["a"].into(), 10).len(), 1, "it was never whole");
    }
}
