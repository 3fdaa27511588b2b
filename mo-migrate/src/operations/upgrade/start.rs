//! `upgrade start`: snapshot of blue, clone to green, and the ordinary run there.

use super::used::used;
use super::{Operations, UpgradeStart};
use crate::engine::Role;
use crate::error::{Code, Error, Result, say};
use crate::ledger::Ledger;
use crate::operations::make_clone::Source;
use crate::plan::{Goal, Plan, plan};
use crate::report::Report;
use crate::snapshot::{self, SnapshotOf};
use crate::upgrade::{Carrying, Next, PURPOSE, UpgradeRecord, UpgradeState, Wish, next};
use crate::{lock, time};

/// What green's snapshots are for: green as it was before anybody used it.
pub(super) const MIGRATED: &str = snapshot::MIGRATED;

/// Blue's snapshot, green, and green's snapshots before and after it is migrated.
const COPIES: u64 = 4;

impl Operations<'_> {
    pub(crate) async fn upgrade_start(&self, green: Option<&str>) -> Result<UpgradeStart> {
        if !self.engine.capabilities().durable {
            return Err(say::upgrade_in_memory());
        }
        let _lock = self.lock().await?;
        let history = self.history(Role::Start).await?;
        if history.as_ref().is_some_and(|history| !history.is_settled()) {
            return Err(say::open_run_first());
        }
        let mut ledger = Ledger::open(self.engine()).await?;
        let last = ledger.upgrade().await?;
        let step = next(last.as_ref().map(|last| last.state), Wish::Start);
        if let (Next::Refuse, Some(last)) = (step, &last) {
            return Err(say::upgrade_refused(last, Wish::Start));
        }
        let plan = plan(self.set, history.as_ref(), Goal::Latest, &self.settings)?;
        if plan.pending.is_empty() {
            return Err(say::nothing_to_upgrade());
        }
        if let (Next::BeginAnew, Some(mut last)) = (step, last) {
            self.remove_green(&mut ledger, &mut last, true).await?;
        }
        let green = green.map_or_else(|| self.engine.name_with("_green"), ToOwned::to_owned);
        let beside = self.engine.beside(&green).map_err(say::no_name_for_green)?;
        if green == self.engine.own_name() || beside.exists().await? {
            return Err(say::green_is_there(&green));
        }
        // What another database of this name has left behind is somebody's way back.
        self.is_free(&green).await.map_err(say::no_name_for_green)?;
        self.has_room(COPIES).await?;
        let version = history.and_then(|history| history.latest(&self.settings.set));
        let mut upgrade = self.new_upgrade(green, version);
        // Before anything is made: what no ledger knows would never be removed.
        ledger.add_upgrade(&mut upgrade).await?;
        if let Err(error) = self.make_green(&mut ledger, &mut upgrade, &plan).await {
            let removed = self.remove_green(&mut ledger, &mut upgrade, true).await;
            return Err(say::green_not_made(error, removed.err()));
        }
        let migrated = Box::pin(self.migrate_green(&mut upgrade)).await;
        let report = match migrated {
            Ok(report) => report,
            Err(error) => return Err(self.not_migrated(&mut ledger, &mut upgrade, error).await),
        };
        ledger.enter_upgrade(&mut upgrade, UpgradeState::Ready).await?;
        ledger.close().await;
        Ok(UpgradeStart { upgrade: self.shown(&upgrade)?, report })
    }

    fn new_upgrade(&self, green: String, version: Option<i64>) -> UpgradeRecord {
        let now = time::now_ms();
        let snapshot = snapshot::name(PURPOSE, version, now);
        UpgradeRecord {
            id: snapshot.clone(),
            set: self.settings.set.clone(),
            state: UpgradeState::Making,
            snapshot,
            green,
            green_snapshot: None,
            version_before: version,
            version_after: None,
            carrying: Carrying::default(),
            left_out: Vec::new(),
            started_at: now,
            changed_at: now,
            keep_until: None,
            created_by: lock::who(),
            error: None,
        }
    }

    /// Blue's snapshot, pinned while the upgrade is open, and green as its clone.
    async fn make_green(
        &self,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        plan: &Plan<'_>,
    ) -> Result<()> {
        let (name, version) = (upgrade.snapshot.clone(), upgrade.version_before);
        let record =
            self.snapshot_under_lock(ledger, name, PURPOSE, &SnapshotOf::Usual, version).await?;
        ledger.hold_snapshot(&record.name, true).await?;
        upgrade.carrying.used = used(&plan.pending, &record.inventory, self.engine.dialect())?;
        let source = Source { snapshot: record.name, inventory: record.inventory, own: false };
        (upgrade.left_out, _) = self.build(&source, &upgrade.green, &upgrade.id, None).await?;
        Ok(())
    }

    /// The ordinary run, in green; and a snapshot of what it led to, by which later writes are told.
    async fn migrate_green(&self, upgrade: &mut UpgradeRecord) -> Result<Report> {
        let green = self.in_green(self.green(upgrade)?);
        // What is not there is made by a run, with nothing in it.
        self.is_green(upgrade).await?;
        let report = Box::pin(green.up(Goal::Latest)).await?;
        self.is_green(upgrade).await?;
        let history = green.history(Role::Start).await?;
        upgrade.version_after = history.and_then(|history| history.latest(&self.settings.set));
        let _lock = green.lock().await?;
        upgrade.green_snapshot = Some(green.snapshot_migrated(upgrade.version_after).await?);
        Ok(report)
    }

    /// The database of green's name is the one that was made.
    pub(super) async fn is_green(&self, upgrade: &UpgradeRecord) -> Result<()> {
        let is_ours = self.engine.is_marked(&upgrade.green, &upgrade.id).await?;
        if is_ours { Ok(()) } else { Err(say::green_missed(upgrade)) }
    }

    /// Green as it is, kept for as long as the upgrade is open. This is green's; its lock is held.
    pub(super) async fn snapshot_migrated(&self, version: Option<i64>) -> Result<String> {
        let mut ledger = Ledger::open(self.engine()).await?;
        let name = snapshot::name(MIGRATED, version, time::now_ms());
        let record = self
            .snapshot_under_lock(&mut ledger, name, MIGRATED, &SnapshotOf::Usual, version)
            .await?;
        ledger.hold_snapshot(&record.name, true).await?;
        ledger.close().await;
        Ok(record.name)
    }

    async fn not_migrated(
        &self,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        error: Error,
    ) -> Error {
        let error = say::in_green(error);
        upgrade.error = Some(say::in_a_line(&error));
        // What can't be written now is found by the next start: green is being made, as it was.
        let _ = ledger.enter_upgrade(upgrade, UpgradeState::Failed).await;
        if self.is_green(upgrade).await.is_err_and(|gone| gone.code() == Code::Upgrade) {
            return say::green_went(&error, &upgrade.green);
        }
        let green = self.green(upgrade).map(|green| green.address());
        say::green_not_migrated(error, self.engine.database(), &green.unwrap_or_default())
    }
}
