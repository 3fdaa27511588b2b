//! Settings: each has a default that is right for nearly everyone.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Connection;
use crate::hooks::{HookAt, Moment};
use crate::observer::{Event, Observer};
pub use crate::preflight::{OwnItem, Window};
pub use crate::snapshot::Keep;

/// What to do about a difference between the set and the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Stop, before anything is touched.
    #[default]
    Refuse,
    /// Go on.
    Allow,
}

/// When a snapshot is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SnapshotPolicy {
    /// Before every run that changes something.
    #[default]
    Always,
    /// Only where a transaction is not enough to undo the run: it has a migration without a
    /// transaction, or a check that runs after the commit.
    WhenNeeded,
    /// Never: a failed run without a transaction stays half applied.
    DangerousNever,
}

/// How a snapshot is verified when it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Its inventory and row counts are read from it.
    #[default]
    Inventory,
    /// It is cloned as well, and the clone is tested.
    Clone,
}

/// What happens to rows that others wrote since the snapshot, when a run is restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignWrites {
    /// Tables that the run did not touch stay as they are.
    #[default]
    Keep,
    /// The whole database is made equal to the snapshot.
    Discard,
    /// A person decides.
    Refuse,
}

/// How much is one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// All pending migrations, with one snapshot.
    #[default]
    Run,
    /// Each migration by itself, with a snapshot of its own.
    Migration,
}

/// Whether the migrations are tried on a clone of the snapshot before anything is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rehearse {
    /// No.
    #[default]
    Never,
    /// Where a clone takes moments, and the database has at most 100 tables and 10 million rows.
    WhenQuick,
    /// Always.
    Always,
}

/// What a snapshot is of, on a server that has the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SnapshotScope {
    /// Of the whole account: it keeps grants, foreign keys and functions from being collected, and the
    /// dead data of every database of the account.
    #[default]
    Account,
    /// Of the database alone: what the catalogue said is gone after about an hour.
    Database,
}

/// How a restore goes about it, on a server that has the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreMethod {
    /// What the run touched, table by table in one transaction, compared before it is committed.
    #[default]
    Tables,
    /// The whole database by the server's own command, compared afterwards. It is refused where that
    /// command is known to go wrong.
    Database,
}

impl RestoreMethod {
    /// As it stands in the settings.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Tables => "tables",
            Self::Database => "database",
        }
    }
}

/// All settings of a run.
#[derive(Clone)]
pub struct Settings {
    /// The name of the set, for databases that have several.
    pub set: String,
    /// The name of the history table.
    pub history_table: String,
    /// How long the lock is waited for.
    pub lock_timeout: Duration,
    /// How long one statement of a migration may run.
    pub statement_timeout: Option<Duration>,
    /// How long one check or hook may run.
    pub check_timeout: Duration,
    /// What happens to others' writes in a restore.
    pub foreign_writes: ForeignWrites,
    /// How long snapshots are kept, by what they are for.
    pub keep: Keep,
    /// How much is one run.
    pub unit: Unit,
    /// When a snapshot is taken.
    pub snapshot: SnapshotPolicy,
    /// How it is verified when it is made.
    pub verify: Verify,
    /// Whether the migrations are tried on a clone of the snapshot first.
    pub rehearse: Rehearse,
    /// A migration older than one that was applied.
    pub out_of_order: Policy,
    /// An applied migration that is not in the set.
    pub missing: Policy,
    /// An applied migration whose text changed.
    pub changed: Policy,
    /// A database that is newer than the set.
    pub newer: Policy,
    /// How many rows of evidence are kept of a check.
    pub evidence: usize,
    /// Up to how many rows of a table a proof compares contents; above it, counts.
    pub proof_limit: u64,
    /// What a snapshot is of, where the engine has a choice.
    pub snapshot_scope: SnapshotScope,
    /// How a restore goes about it, where the engine has a choice.
    pub restore_method: RestoreMethod,
    /// Sessions that hold a table which has to come back are ended.
    pub terminate_blockers: bool,
    /// How old a dead run may be for its recovery to take later rows back.
    pub recover_within: Duration,
    /// For how long a set that failed is not tried again by a starting application.
    pub retry_after: Duration,
    /// A person asked: what failed before is tried again.
    pub retry: bool,
    /// A starting application, which does not try again what just failed.
    pub unattended: bool,
    /// When a run may begin.
    pub window: Window,
    /// What is asked besides, before a run begins.
    pub preflight: Vec<OwnItem>,
    /// What is told at the moments of a run.
    pub hooks: Vec<HookAt>,
    /// Hears what happens.
    pub observer: Arc<dyn Observer>,
    /// Ends the run: it is undone as if it had failed.
    pub stop: Stop,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            set: "main".to_owned(),
            history_table: "mo_migrate_history".to_owned(),
            lock_timeout: Duration::from_mins(1),
            statement_timeout: None,
            check_timeout: Duration::from_mins(1),
            foreign_writes: ForeignWrites::Keep,
            keep: Keep::default(),
            unit: Unit::Run,
            snapshot: SnapshotPolicy::Always,
            verify: Verify::Inventory,
            rehearse: Rehearse::Never,
            out_of_order: Policy::Refuse,
            missing: Policy::Refuse,
            changed: Policy::Refuse,
            newer: Policy::Refuse,
            evidence: 10,
            proof_limit: 10_000_000,
            snapshot_scope: SnapshotScope::Account,
            restore_method: RestoreMethod::Tables,
            terminate_blockers: false,
            recover_within: Duration::from_mins(15),
            retry_after: Duration::from_mins(10),
            retry: false,
            unattended: true,
            window: Window::default(),
            preflight: Vec::new(),
            hooks: Vec::new(),
            observer: Arc::new(|_: &Event| {}),
            stop: Stop::default(),
        }
    }
}

impl Settings {
    /// The hooks of this moment.
    pub(crate) fn hooks_at(&self, moment: Moment) -> Vec<HookAt> {
        self.hooks.iter().filter(|at| at.moment == moment).cloned().collect()
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("set", &self.set)
            .field("history_table", &self.history_table)
            .finish_non_exhaustive()
    }
}

/// Asks a run to stop; every copy asks the same run.
#[derive(Clone, Debug)]
pub struct Stop(Arc<tokio::sync::watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::watch::Sender::new(false)))
    }
}

impl Stop {
    /// The run stops at the next safe point and is undone.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// It was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is asked.
    pub async fn wait(&self) {
        let mut asked = self.0.subscribe();
        // The sender lives in `self`, so that this can't fail before it is asked.
        let _ = asked.wait_for(|asked| *asked).await;
    }

    /// Ends the statement in flight on this connection when it is asked.
    pub(crate) fn ends(&self, work: &dyn Connection) {
        let (stop, interrupter) = (self.clone(), work.interrupter());
        let weak = Arc::downgrade(&interrupter);
        tokio::spawn(async move {
            stop.wait().await;
            if let Some(interrupter) = weak.upgrade() {
                interrupter.interrupt();
            }
        });
    }
}
