//! `upgrade abort` and `upgrade finish`: green is removed, or the way back is given up.

use super::{Operations, Upgrade};
use crate::engine::{CLONE_MARK, Engine, Role};
use crate::error::{Code, Result, say};
use crate::ledger::Ledger;
use crate::lock;
use crate::process;
use crate::upgrade::{Next, UpgradeRecord, UpgradeState, Wish};

impl Operations<'_> {
    pub(crate) async fn upgrade_abort(&self) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::read(self.engine()).await?.ok_or_else(say::no_upgrade)?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Abort).await?;
        ledger.close().await;
        if next == Next::Remove {
            let mut ledger = Ledger::open(self.engine()).await?;
            self.remove_green(&mut ledger, &mut upgrade, false).await?;
            ledger.close().await;
        }
        self.shown(&upgrade)
    }

    /// Removes green with all that is kept beside it. Blue's snapshot goes with it, or is let go.
    pub(super) async fn remove_green(
        &self,
        ledger: &mut Ledger,
        upgrade: &mut UpgradeRecord,
        with_snapshot: bool,
    ) -> Result<()> {
        ledger.enter_upgrade(upgrade, UpgradeState::Removing).await?;
        {
            // Whoever migrates it now is waited for.
            let _lock = self.hold_green(upgrade).await?;
            match self.drop_database(&upgrade.green, &upgrade.id).await {
                // It is another's by now, and ours is no more.
                Err(error) if error.code() == Code::Taken => {}
                done => done?,
            }
            self.tell_what_is_left(&upgrade.green).await?;
        }
        if with_snapshot {
            self.engine.delete_snapshot(&upgrade.snapshot).await?;
            ledger.forget_snapshot(&upgrade.snapshot).await?;
        } else {
            ledger.hold_snapshot(&upgrade.snapshot, false).await?;
        }
        (upgrade.green_snapshot, upgrade.keep_until) = (None, None);
        ledger.enter_upgrade(upgrade, UpgradeState::Aborted).await
    }

    /// Green's lock, where it is there and ours, with what a dead run has left beside it removed.
    async fn hold_green(&self, upgrade: &UpgradeRecord) -> Result<Option<lock::Held>> {
        if !self.engine.is_marked(&upgrade.green, &upgrade.id).await? {
            return Ok(None);
        }
        let green = self.green(upgrade)?;
        let held = lock::acquire(&*green, &self.settings).await?;
        remove_beside_green(&*green).await?;
        Ok(Some(held))
    }

    pub(crate) async fn upgrade_finish(&self) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Finish).await?;
        if next == Next::Close {
            let green = self.green(&upgrade)?;
            // Without it blue is all that there is.
            self.is_green(&upgrade).await?;
            ledger.hold_snapshot(&upgrade.snapshot, false).await?;
            if let Some(name) = &upgrade.green_snapshot {
                let mut of_green = Ledger::open(&*green).await?;
                of_green.hold_snapshot(name, false).await?;
                of_green.close().await;
            }
            upgrade.keep_until = None;
            ledger.enter_upgrade(&mut upgrade, UpgradeState::Finished).await?;
        }
        ledger.close().await;
        self.let_green_go(&upgrade).await?;
        self.shown(&upgrade)
    }

    /// Nobody removes green for this upgrade any more: it is a database like others.
    async fn let_green_go(&self, upgrade: &UpgradeRecord) -> Result<()> {
        if !self.engine.is_marked(&upgrade.green, &upgrade.id).await? {
            return Ok(());
        }
        let green = self.green(upgrade)?;
        let _lock = lock::acquire(&*green, &self.settings).await?;
        let mut work = green.connect(Role::Work).await?;
        let sql = format!("DROP TABLE IF EXISTS {}", work.whole_name(CLONE_MARK));
        let gone = work.execute(&sql, &[]).await;
        work.close().await;
        gone.map(drop)
    }
}

/// What a run that died in green has left beside it: its processes, and the clone that it tested on.
async fn remove_beside_green(green: &dyn Engine) -> Result<()> {
    let Some(mut ledger) = Ledger::read(green).await? else { return Ok(()) };
    let open = ledger.open_run().await?;
    if let Some(run) = &open {
        process::end_children(&run.id, &ledger.children(&run.id).await?).await?;
        green.drop_clone(&run.id).await?;
    }
    ledger.close().await;
    Ok(())
}
