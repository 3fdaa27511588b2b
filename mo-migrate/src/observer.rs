//! What a run tells while it goes on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::migration::Version;
use crate::report::{CheckReport, Outcome};

/// The phases of a run, in their order; the ways back last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The set is held against the history.
    Check,
    /// The lock is waited for.
    Lock,
    /// What a dead run left is finished or put back.
    Recover,
    /// What would make the way back unsafe is looked for.
    Preflight,
    /// The snapshot is made and read back.
    Snapshot,
    /// The migrations and their checks are tried on a clone of the snapshot.
    Rehearse,
    /// Migrations run.
    Apply,
    /// Checks run before the commit.
    Validate,
    /// The commit.
    Commit,
    /// Checks run after the commit.
    ValidateAfter,
    /// The run is made final.
    Keep,
    /// The snapshot is tested on a clone.
    Verify,
    /// The state that failed is kept.
    FailedState,
    /// The database is put back, and compared before the commit.
    Restore,
    /// The database is put back by the server's own command, and compared afterwards.
    RestoreDatabase,
    /// What could not be in the restore's transaction.
    Afterwards,
}

impl Phase {
    /// Every phase.
    pub const ALL: &[Self] = &[
        Self::Check,
        Self::Lock,
        Self::Recover,
        Self::Preflight,
        Self::Snapshot,
        Self::Rehearse,
        Self::Apply,
        Self::Validate,
        Self::Commit,
        Self::ValidateAfter,
        Self::Keep,
        Self::Verify,
        Self::FailedState,
        Self::Restore,
        Self::RestoreDatabase,
        Self::Afterwards,
    ];

    /// As it stands in the ledger and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Lock => "lock",
            Self::Recover => "recover",
            Self::Preflight => "preflight",
            Self::Snapshot => "snapshot",
            Self::Rehearse => "rehearse",
            Self::Apply => "apply",
            Self::Validate => "validate",
            Self::Commit => "commit",
            Self::ValidateAfter => "validate_after",
            Self::Keep => "keep",
            Self::Verify => "verify",
            Self::FailedState => "failed_state",
            Self::Restore => "restore",
            Self::RestoreDatabase => "restore_database",
            Self::Afterwards => "afterwards",
        }
    }

    /// The phase with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|phase| phase.as_str() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In what the progress of a phase is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Bytes that were copied, or by which the database has grown.
    Bytes,
    /// Rows that were brought back or compared.
    Rows,
    /// Statements of migrations.
    Statements,
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A line for people that belongs to no phase.
    Note(String),
    /// Something that belongs to no phase, and may take long, is at work until the next event.
    Busy(String),
    /// A phase began; `detail` says with what.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// With what.
        detail: String,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// What it found.
        detail: String,
        /// How long it took.
        took: Duration,
    },
    /// A long phase came forward.
    Progress {
        /// Which.
        phase: Phase,
        /// In what it is counted.
        unit: Counted,
        /// How much is done.
        done: u64,
        /// Of how much; none where that is not known, as of what a guarded command writes.
        total: Option<u64>,
    },
    /// Another one holds the lock, and is waited for.
    Waiting {
        /// Who, in words.
        holder: String,
    },
    /// A line that a guarded command wrote.
    Output(String),
    /// A migration began.
    MigrationStarted {
        /// Its version.
        version: Version,
        /// Its name.
        name: String,
    },
    /// A migration ended well.
    MigrationFinished {
        /// Its version.
        version: Version,
        /// Its name.
        name: String,
        /// How many statements it sent.
        statements: u64,
        /// How long it took.
        took: Duration,
    },
    /// A check ended.
    Checked(CheckReport),
    /// What is in the database now, in words.
    State(String),
    /// The run ended.
    Finished(Outcome),
}

/// Gets the events of a run. It must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

type Tell = dyn Fn(Counted, u64, Option<u64>) + Send + Sync;

/// Tells how far a long step is; cheap to clone.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Tell>);

impl Progress {
    /// Calls `tell` with what is done and the total.
    pub(crate) fn new(tell: impl Fn(Counted, u64, Option<u64>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells an observer of this phase.
    pub(crate) fn of(phase: Phase, observer: &Arc<dyn Observer>) -> Self {
        let observer = Arc::clone(observer);
        Self::new(move |unit, done, total| {
            observer.event(&Event::Progress { phase, unit, done, total });
        })
    }

    /// Tells nobody.
    pub(crate) fn silent() -> Self {
        Self::new(|_, _, _| {})
    }

    /// For a step of a longer one: so much of the whole was done before it.
    #[must_use]
    pub(crate) fn within(&self, before: u64, all: u64) -> Self {
        let whole = self.clone();
        Self::new(move |unit, done, _| whole.tell(unit, before.saturating_add(done), Some(all)))
    }

    /// So much is done, of so much where that is known.
    pub(crate) fn tell(&self, unit: Counted, done: u64, total: Option<u64>) {
        (self.0)(unit, done, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
