//! `upgrade complete` and `upgrade back`: which of the two databases is the one to use.
//!
//! Blue's writers are kept out from before it is looked at until the ledger says which one is active, so
//! that no row comes to blue behind the look. Green's tables are looked at again when nobody else can
//! change their rows any more: what somebody wrote there is not replaced.

use super::start::MIGRATED;
use super::{Operations, Upgrade, UpgradeChange};
use crate::engine::{CarryOver, Counts, Engine, Inventory, Object, Role, Side};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::guard::preflight::window_is_open;
use crate::hooks::{HookAt, Moment, Notice};
use crate::ledger::Ledger;
use crate::lock;
use crate::observer::Event;
use crate::time;
use crate::upgrade::{Next, UpgradeRecord, UpgradeState, Wish};

impl Operations<'_> {
    pub(crate) async fn upgrade_complete(&self, discard: &[String]) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Complete).await?;
        if next == Next::Switch {
            Box::pin(self.to_green(&mut ledger, &mut upgrade, discard)).await?;
        } else {
            // The ledger names green already: a hook that was forgotten is told now.
            self.is_green(&upgrade).await?;
            self.tell_again(&upgrade, &*self.green(&upgrade)?).await?;
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
        let tables = self.to_carry(carry, upgrade, green, discard).await?;
        if !tables.is_empty() || upgrade.carrying.snapshot_is_older {
            let written = self.carry_over(carry, ledger, upgrade, green, &tables).await?;
            if let Some(table) = written {
                carry.take_back().await?;
                // It names who wrote what.
                self.to_carry(carry, upgrade, green, discard).await?;
                return Err(say::written_in_green(&table));
            }
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
        ledger.enter_upgrade(upgrade, UpgradeState::Completed).await?;
        self.note_untold(green.engine());
        Ok(())
    }

    /// Blue's tables, whose writers are kept out.
    async fn tables(&self) -> Result<Vec<Object>> {
        let mut look = self.engine.connect(Role::Start).await?;
        let found = self.engine.inventory(&mut *look, Counts::Without, &Inventory::NOTHING).await;
        look.close().await;
        Ok(found?.tables().cloned().collect())
    }

    /// The tables whose rows are to be carried over, with what green's have; refused where something else
    /// has changed that may not stay behind.
    async fn to_carry(
        &self,
        carry: &mut dyn CarryOver,
        upgrade: &UpgradeRecord,
        green: &Operations<'_>,
        discard: &[String],
    ) -> Result<Vec<(Object, String)>> {
        let found = self.look_at_blue(carry, upgrade, green.engine()).await?;
        let is_discarded =
            |name: &String| discard.iter().any(|word| word.eq_ignore_ascii_case(name));
        let changes = found.iter().map(|found| &found.change);
        let stops = changes.filter(|change| !change.carried && !is_discarded(&change.name));
        let stops: Vec<UpgradeChange> = stops.cloned().collect();
        if !stops.is_empty() {
            return Err(say::blue_changed(&stops, upgrade.state));
        }
        Ok(found.into_iter().filter_map(|found| found.carry).collect())
    }

    /// Brings the rows of these tables to green, and compares before that is committed. Gives the table
    /// to which somebody has written since it was looked at; then nothing is to be committed.
    async fn carry_over(
        &self,
        carry: &mut dyn CarryOver,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        green: &Operations<'_>,
        tables: &[(Object, String)],
    ) -> Result<Option<String>> {
        fault::before(Transition::CarryBegun)?;
        carry.begin().await.map_err(say::not_kept_out)?;
        fault::after(Transition::CarryBegun)?;
        let before = carry.orphans().await?;
        let state = upgrade.state;
        for (table, looked) in tables {
            let not_carried = |error| say::not_carried(&table.name, state, error);
            if carry.empty(table).await.map_err(not_carried)? != *looked {
                return Ok(Some(table.name.clone()));
            }
            carry.bring(table).await.map_err(not_carried)?;
            if carry.compare(table, Side::Blue, Side::Green).await?.differs {
                return Err(say::carried_differs(&table.name, state));
            }
            // Of blue, to which nobody writes now.
            let contents = carry.contents(table, Side::Blue).await?;
            let given = &mut upgrade.carrying.given;
            given.entry(table.name.clone()).or_default().insert(contents);
        }
        let after = carry.orphans().await?;
        if after > before {
            return Err(say::carried_without_parents(after - before, state));
        }
        // Before it is done: by this the next one knows what was done here.
        upgrade.carrying.snapshot_is_older = true;
        ledger.enter_upgrade(upgrade, state).await?;
        fault::before(Transition::Carry)?;
        carry.commit().await?;
        fault::after(Transition::Carry)?;
        let taken = green.snapshot_migrated(upgrade.version_after).await?;
        upgrade.green_snapshot = Some(taken.clone());
        upgrade.carrying.snapshot_is_older = false;
        ledger.enter_upgrade(upgrade, state).await?;
        green.forget_all_but(&taken).await?;
        Ok(None)
    }

    /// Removes the snapshots of green that this one replaces, those of a death among them. This is
    /// green's.
    async fn forget_all_but(&self, name: &str) -> Result<()> {
        let mut ledger = Ledger::open(self.engine()).await?;
        let all = ledger.snapshots().await?;
        for old in all.iter().filter(|old| old.purpose == MIGRATED && old.name != name) {
            self.engine.delete_snapshot(&old.name).await?;
            ledger.forget_snapshot(&old.name).await?;
        }
        ledger.close().await;
        Ok(())
    }

    pub(crate) async fn upgrade_back(&self) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Back).await?;
        if next == Next::SwitchBack {
            self.to_blue(&mut ledger, &mut upgrade).await?;
        } else {
            self.tell_again(&upgrade, self.engine()).await?;
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
        ledger.enter_upgrade(upgrade, UpgradeState::WentBack).await?;
        self.note_untold(self.engine());
        Ok(())
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
            self.settings.observer.event(&Event::Busy("hook switch".to_owned()));
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

    async fn tell_again(&self, upgrade: &UpgradeRecord, to: &dyn Engine) -> Result<()> {
        let told = self.tell_switch(upgrade, to).await;
        told.map_err(|error| say::only_the_hook(error, to.database()))
    }

    /// Says so where nobody was told which database is the one to use now.
    fn note_untold(&self, to: &dyn Engine) {
        if self.settings.hooks_at(Moment::Switch).is_empty() {
            let note = say::switched_untold(&to.address());
            self.settings.observer.event(&Event::Note(note));
        }
    }
}
