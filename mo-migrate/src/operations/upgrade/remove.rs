//! `upgrade abort` and `upgrade finish`: green is removed, or the way back is given up.

use super::{Operations, Upgrade};
use crate::engine::Engine;
use crate::error::{Result, say};
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
        let green = self.green(upgrade)?;
        {
            // Whoever migrates it now is waited for.
            let is_there = green.exists().await?;
            let _lock =
                if is_there { Some(lock::acquire(&*green, &self.settings).await?) } else { None };
            remove_beside_green(&*green).await?;
            self.drop_database(&upgrade.green, &upgrade.id).await?;
        }
        if with_snapshot {
            self.engine.delete_snapshot(&upgrade.snapshot).await?;
            ledger.forget_snapshot(&upgrade.snapshot).await?;
        } else {
            let_go(ledger, &upgrade.snapshot).await?;
        }
        (upgrade.green_snapshot, upgrade.keep_until) = (None, None);
        ledger.enter_upgrade(upgrade, UpgradeState::Aborted).await
    }

    pub(crate) async fn upgrade_finish(&self) -> Result<Upgrade> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let (mut upgrade, next) = self.wished(&mut ledger, Wish::Finish).await?;
        if next == Next::Close {
            let_go(&mut ledger, &upgrade.snapshot).await?;
            let green = self.green(&upgrade)?;
            if let (Some(name), true) = (&upgrade.green_snapshot, green.exists().await?) {
                let mut of_green = Ledger::open(&*green).await?;
                let_go(&mut of_green, name).await?;
                of_green.close().await;
            }
            ledger.enter_upgrade(&mut upgrade, UpgradeState::Finished).await?;
        }
        ledger.close().await;
        self.shown(&upgrade)
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

/// A snapshot is kept for its own time, and no longer.
async fn let_go(ledger: &mut Ledger, name: &str) -> Result<()> {
    match ledger.snapshot(name).await? {
        Some(known) => ledger.retain(name, known.delete_after, false).await,
        None => Ok(()),
    }
}
