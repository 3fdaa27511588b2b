//! What can be asked of a set and a database: one file per question, the library's side of a
//! command.

mod baseline;
mod clones;
mod diff;
mod down;
mod guarded;
mod inspect;
mod make_clone;
mod mask;
mod preflight;
mod preview;
mod proof;
mod report;
mod restore;
mod restore_at;
mod restore_measured;
mod restore_preview;
mod restore_time;
mod snapshots;
mod swap;
mod up;
mod upgrade;

pub use baseline::{Baseline, Repair};
#[cfg(feature = "cli")]
pub(crate) use clones::is_clone_name;
pub use clones::{CloneLine, NewClone};
pub use diff::{Change, ChangedRow, Difference, ObjectDifference, TableDifference, Whose};
pub use guarded::Guard;
pub(crate) use inspect::check_line;
pub use inspect::{PendingMigration, Status, Validation, Verification};
pub(crate) use make_clone::{NOW, made_from};
pub use preview::{Preview, PreviewCheck, PreviewGuard, PreviewStatement, PreviewStep};
pub use proof::{AsOf, ProvedTable, RunProof};
pub(crate) use restore::Back;
pub use restore_preview::{Fate, RestorePreview, RestoredObject, RestoredTable};
pub use restore_time::RestoreTime;
pub use snapshots::{Scheduled, SnapshotLine, SnapshotTable};
pub use swap::{CloneSwap, SwapChange};
pub(crate) use up::nothing_to_do;
pub use upgrade::{Upgrade, UpgradeChange, UpgradeStart, UpgradeStatus};

use crate::engine::{Counts, Engine, Inventory, Role, SharedEngine};
use crate::error::{Result, say};
use crate::guard::{self, Found};
use crate::history::History;
use crate::ledger::{Ledger, RunRecord};
use crate::lock::{self, Held};
use crate::migration::MigrationSet;
use crate::report::Report;
use crate::settings::Settings;

/// A set, a database and the settings: what every operation needs.
#[derive(Debug)]
pub(crate) struct Operations<'a> {
    pub(crate) engine: SharedEngine,
    pub(crate) set: &'a MigrationSet,
    pub(crate) settings: Settings,
}

impl Operations<'_> {
    fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// The history, read in one statement.
    async fn history(&self, role: Role) -> Result<Option<History>> {
        History::of(self.engine(), role, &self.settings).await
    }

    /// In words, that the database has other sets and nothing of this one, or a history of another name:
    /// what was asked for is new, or mistyped. What can't be read stops nobody.
    async fn mistyped(&self, history: Option<&History>) -> Option<String> {
        if let Some(history) = history {
            let set = &self.settings.set;
            return say::new_set(set, &history.sets_but(set));
        }
        let mut connection = self.engine.connect(Role::Read).await.ok()?;
        let (counts, nothing) = (Counts::Without, &Inventory::NOTHING);
        let found = self.engine.inventory(&mut *connection, counts, nothing).await;
        connection.close().await;
        let found = found.ok()?;
        let there = History::table_in(&found)?;
        Some(say::other_history(&self.settings.history_table, there))
    }

    /// The history as it was in a snapshot.
    async fn history_then(&self, snapshot: &str) -> Result<Option<History>> {
        let mut past = self.engine.open_snapshot(snapshot).await?;
        let history = History::read(&mut *past, &self.settings.history_table).await;
        past.close().await;
        history
    }

    async fn lock(&self) -> Result<Held> {
        lock::acquire(self.engine(), &self.settings).await
    }

    /// Takes the lock, and brings what a dead run left to its end.
    async fn settled(&self) -> Result<Settled> {
        let lock = self.lock().await?;
        let found = guard::recover(self.engine(), self.set, &self.settings, &lock);
        match Box::pin(found).await? {
            Found::Settled(ledger, history) => {
                Ok(Settled { lock, ledger: *ledger, history, dead_run: None })
            }
            Found::DeadRun(report) => {
                Ok(Settled { dead_run: Some(report), ..self.looked_up(lock).await? })
            }
        }
    }

    /// The ledger and the history as they are now, with the lock held and no run open.
    async fn looked_up(&self, lock: Held) -> Result<Settled> {
        let ledger = Ledger::open(self.engine()).await?;
        let history = self.history(Role::Start).await?;
        Ok(Settled { lock, ledger, history, dead_run: None })
    }
}

/// What an operation that changes something begins with: the lock, and a database of which no run is
/// open.
struct Settled {
    lock: Held,
    ledger: Ledger,
    history: Option<History>,
    /// How a run ended that was open, and is no more.
    dead_run: Option<Box<Report>>,
}

/// The run with this id.
async fn find_run(ledger: &mut Ledger, wanted: &str) -> Result<RunRecord> {
    let runs = ledger.runs().await?;
    let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let found = runs.iter().find(|run| run.id == wanted).cloned();
    found.ok_or_else(|| say::no_run(wanted, &ids))
}
