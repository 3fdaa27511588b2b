//! Fault points: before and after everything durable, where the crash suite kills, stops, interrupts
//! or fails a run.
//!
//! Without the feature `faults` none of it is in the program. With it, two variables of the
//! environment say what happens:
//!
//! | variable | means |
//! | --- | --- |
//! | `MO_MIGRATE_FAULT=after-marker#2=kill` | at the second time that this point is reached, `kill` (SIGKILL), `stop` (SIGSTOP, until SIGCONT), `int` (SIGINT), `term` (SIGTERM), `both` (one after the other) or `fail` (an error there); without `#2` at the first time, with `#0` each time |
//! | `MO_MIGRATE_FAULT_LOG=FILE` | every point is written there as it is reached, a line each |

use crate::error::Result;

macro_rules! transitions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Everything that a run makes durable, or that others see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Transition {
            $($(#[doc = $doc])+ $name,)+
        }

        /// The fault points, by name: before and after each transition.
        #[cfg(feature = "faults")]
        pub const POINTS: &[&str] = &[$(concat!("before-", $text), concat!("after-", $text),)+];

        #[cfg(feature = "faults")]
        impl Transition {
            fn before(self) -> &'static str {
                match self { $(Self::$name => concat!("before-", $text),)+ }
            }

            fn after(self) -> &'static str {
                match self { $(Self::$name => concat!("after-", $text),)+ }
            }
        }
    };
}

transitions! {
    /// The lock is taken.
    Lock = "lock",
    /// A row of the ledger is written.
    Ledger = "ledger",
    /// The snapshot is made.
    Snapshot = "snapshot",
    /// A snapshot is removed.
    SnapshotRemoved = "snapshot-removed",
    /// A snapshot is cloned.
    Clone = "clone",
    /// The clone is removed.
    CloneRemoved = "clone-removed",
    /// The marker is committed.
    Marker = "marker",
    /// A migration's statement, or its function, has run.
    Statement = "statement",
    /// A version is in the history.
    Version = "version",
    /// A migration's own transaction is committed.
    Migration = "migration",
    /// The whole run's one transaction is committed.
    Commit = "commit",
    /// The run is final: its rows are kept, and its marker is gone.
    Keep = "keep",
    /// The restore has taken its locks.
    RestoreLocks = "restore-locks",
    /// The failed state is kept.
    FailedState = "failed-state",
    /// A step of the restore plan is carried out.
    RestoreStep = "restore-step",
    /// The proof is made.
    Proof = "proof",
    /// The restore is committed.
    Restore = "restore",
    /// What no transaction can hold is put back.
    Afterwards = "afterwards",
    /// A database of its own is made from a snapshot.
    NewDatabase = "new-database",
    /// Such a database has a history of its own.
    OwnHistory = "own-history",
    /// Such a database is masked.
    Masked = "masked",
    /// Such a database is removed.
    DatabaseRemoved = "database-removed",
    /// Nobody else writes to green, or only new rows.
    CarryBegun = "carry-begun",
    /// Rows that came to blue are committed in green.
    Carry = "carry",
    /// The hooks that switch are told.
    Switch = "switch",
}

#[cfg(feature = "faults")]
mod act;

/// A transition is about to happen.
#[cfg_attr(not(feature = "faults"), expect(clippy::unnecessary_wraps, reason = "a fault may fail"))]
pub(crate) fn before(transition: Transition) -> Result<()> {
    #[cfg(feature = "faults")]
    act::reached(transition.before())?;
    let _ = transition;
    Ok(())
}

/// A transition has happened.
#[cfg_attr(not(feature = "faults"), expect(clippy::unnecessary_wraps, reason = "a fault may fail"))]
pub(crate) fn after(transition: Transition) -> Result<()> {
    #[cfg(feature = "faults")]
    act::reached(transition.after())?;
    let _ = transition;
    Ok(())
}
