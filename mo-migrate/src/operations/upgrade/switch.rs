//! `upgrade complete` and `upgrade back`: which of the two databases is the one to use.
//!
//! Blue's writers are kept out from before it is looked at until the ledger says which one is active, so
//! that no row comes to blue behind the look.

use super::{Operations, Upgrade};
use crate::engine::{CarryOver, Counts, Engine, Inventory, Object, Role, Side};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::guard::preflight::window_is_open;
use crate::hooks::{HookAt, Moment, Notice};
use crate::ledger::Ledger;
use crate::lock;
use crate::time;
use crate::upgrade::{Next, UpgradeRecord, UpgradeState, Wish};

impl Operations<'_> {
    pub(crate) async fn upgrade_complete(&self, discard: &[String]) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Complete).await?;
        if next == Next::Switch {
            Box::pin(self.to_green(&mut ledger, &mut upgrade, discard)).await?;
        }
        ledger.close().await;
        self.shown(&upgrade)
    }

    async fn to_green(
        &self,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        discard: &[String],
    ) -> Result<()> {
        window_is_open(&self.settings).map_err(say::switch_outside_of_the_window)?;
        let green = self.in_green(self.green(upgrade)?);
        if !green.engine.exists().await? {
            return Err(say::green_gone(green.engine.database()));
        }
        let _lock = lock::acquire(green.engine(), &self.settings).await?;
        // Another database of its name is not what was migrated.
        if !self.engine.is_marked(&upgrade.green, &upgrade.id).await? {
            return Err(say::green_gone(green.engine.database()));
        }
        for all in [self, &green] {
            let history = all.history(Role::Start).await?;
            if history.is_some_and(|history| !history.is_settled()) {
                return Err(say::open_run_in(&all.engine.address()));
            }
        }
        let conduct = (&self.settings).into();
        let mut carry = self.engine.carry_over(&upgrade.green, &upgrade.snapshot, conduct).await?;
        let done = self.to_green_with(&mut *carry, ledger, upgrade, &green, discard).await;
        // Until here nobody could write to blue.
        carry.close().await;
        done
    }

    async fn to_green_with(
        &self,
        carry: &mut dyn CarryOver,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        green: &Operations<'_>,
        discard: &[String],
    ) -> Result<()> {
        carry.keep_out(&self.tables().await?).await.map_err(say::not_kept_out)?;
        let changes = self.look_at_blue(carry, upgrade, green.engine()).await?;
        let is_discarded =
            |name: &String| discard.iter().any(|word| word.eq_ignore_ascii_case(name));
        let stops = |name: &String, carried: bool| !carried && !is_discarded(name);
        if changes.iter().any(|(_, change)| stops(&change.name, change.carried)) {
            let all = changes.into_iter().map(|(_, change)| change);
            let bad: Vec<_> = all.filter(|change| stops(&change.name, change.carried)).collect();
            return Err(say::blue_changed(&bad));
        }
        let carried = changes.into_iter().filter(|(_, change)| change.carried);
        let tables: Vec<Object> = carried.filter_map(|(table, _)| table).collect();
        if !tables.is_empty() {
            self.carry_over(carry, ledger, upgrade, green, &tables).await?;
        }
        if self.settings.stop.asked() {
            return Err(say::switch_interrupted(green.engine.database()));
        }
        upgrade.error = None;
        ledger.enter_upgrade(upgrade, UpgradeState::Switching).await?;
        if let Err(error) = self.tell_switch(upgrade, green.engine()).await {
            upgrade.error = Some(error.to_string());
            // It may have led somebody to green before it failed, so that green can't be removed now.
            ledger.enter_upgrade(upgrade, UpgradeState::Switching).await?;
            return Err(error);
        }
        upgrade.keep_until = Some(self.settings.keep.until("upgrade", time::now_ms()));
        ledger.enter_upgrade(upgrade, UpgradeState::Completed).await
    }

    /// Blue's tables, whose writers are kept out.
    async fn tables(&self) -> Result<Vec<Object>> {
        let mut look = self.engine.connect(Role::Start).await?;
        let found = self.engine.inventory(&mut *look, Counts::Without, &Inventory::NOTHING).await;
        look.close().await;
        Ok(found?.tables().cloned().collect())
    }

    /// Brings the rows of these tables to green, and compares before that is committed.
    async fn carry_over(
        &self,
        carry: &mut dyn CarryOver,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        green: &Operations<'_>,
        tables: &[Object],
    ) -> Result<()> {
        // Before it is done: what green has of them is ours then.
        let names = tables.iter().map(|table| table.name.clone());
        upgrade.carried.extend(names);
        upgrade.carried.sort();
        upgrade.carried.dedup();
        let state = upgrade.state;
        ledger.enter_upgrade(upgrade, state).await?;
        carry.begin().await.map_err(say::not_kept_out)?;
        let before = carry.orphans().await?;
        for table in tables {
            carry.bring(table).await.map_err(|error| say::not_carried(&table.name, error))?;
            if carry.compare(table, Side::Blue, Side::Green).await?.differs {
                return Err(say::carried_differs(&table.name));
            }
        }
        let after = carry.orphans().await?;
        if after > before {
            return Err(say::carried_without_parents(after - before));
        }
        fault::before(Transition::Carry)?;
        carry.commit().await?;
        fault::after(Transition::Carry)?;
        let last =
            upgrade.green_snapshot.replace(green.snapshot_migrated(upgrade.version_after).await?);
        ledger.enter_upgrade(upgrade, state).await?;
        match last {
            Some(last) => green.forget_migrated(&last).await,
            None => Ok(()),
        }
    }

    /// Removes a snapshot of green that a newer one replaces. This is green's.
    async fn forget_migrated(&self, name: &str) -> Result<()> {
        self.engine.delete_snapshot(name).await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        ledger.forget_snapshot(name).await?;
        ledger.close().await;
        Ok(())
    }

    pub(crate) async fn upgrade_back(&self) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Back).await?;
        if next == Next::SwitchBack {
            self.to_blue(&mut ledger, &mut upgrade).await?;
        }
        ledger.close().await;
        self.shown(&upgrade)
    }

    async fn to_blue(&self, ledger: &mut Ledger, upgrade: &mut UpgradeRecord) -> Result<()> {
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        // A switch that was never completed has left blue active, and does so still.
        let was_active = upgrade.state.is_green_active();
        upgrade.error = None;
        if was_active {
            ledger.enter_upgrade(upgrade, UpgradeState::SwitchingBack).await?;
        }
        if let Err(error) = self.tell_switch(upgrade, self.engine()).await {
            upgrade.error = Some(error.to_string());
            let state = if was_active { UpgradeState::Completed } else { upgrade.state };
            ledger.enter_upgrade(upgrade, state).await?;
            return Err(error);
        }
        upgrade.keep_until = Some(self.settings.keep.until("upgrade", time::now_ms()));
        ledger.enter_upgrade(upgrade, UpgradeState::WentBack).await
    }

    /// Tells the hooks that switch which database is the one to use; the first that fails stops it.
    async fn tell_switch(&self, upgrade: &UpgradeRecord, to: &dyn Engine) -> Result<()> {
        let notice = Notice {
            moment: Moment::Switch,
            run: Some(upgrade.id.clone()),
            set: upgrade.set.clone(),
            database: to.database().to_owned(),
            outcome: None,
            error: None,
            report: None,
            active: Some(to.address()),
        };
        fault::before(Transition::Switch)?;
        for HookAt { hook, .. } in self.settings.hooks_at(Moment::Switch) {
            let limit = self.settings.check_timeout;
            let told = tokio::select! {
                biased;
                told = tokio::time::timeout(limit, hook.tell(&notice)) => told,
                () = self.settings.stop.wait() => return Err(say::switch_interrupted(to.database())),
            };
            let problem = match told {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it took longer than {}", time::words(limit)),
            };
            return Err(say::switch_failed(&hook.name(), to.database(), problem));
        }
        fault::after(Transition::Switch)
    }
}
