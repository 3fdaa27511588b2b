//! `upgrade`: a second database, green, made from a snapshot of the first, blue, and migrated there; then
//! green becomes the one to use, and blue stays as the way back.
//!
//! What each command does from where is `crate::upgrade::next`; the acts are here.

mod look;
mod remove;
mod start;
mod switch;
mod used;

use serde::Serialize;

pub use self::look::{UpgradeChange, UpgradeStatus};
use super::Operations;
use crate::Migrator;
use crate::engine::{Address, SharedEngine, Target};
use crate::error::{Result, say};
use crate::ledger::{self, Ledger};
use crate::migration::Version;
use crate::report::Report;
use crate::settings::Window;
use crate::time;
use crate::upgrade::{Next, UpgradeRecord, UpgradeState, Wish, next, wishes};

/// From database to database that one address may lead: each upgrade adds one.
const LONGEST_WAY: usize = 100;

/// An upgrade as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Upgrade {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: UpgradeState,
    /// The database that was there first, without credentials.
    pub blue: String,
    /// The database that was made from it, without credentials.
    pub green: String,
    /// The name of green's database.
    pub green_name: String,
    /// The address of the one to use, without credentials.
    pub active: String,
    /// The snapshot of blue that green was made from.
    pub snapshot: String,
    /// Blue's version when it was begun.
    pub version_before: Option<Version>,
    /// The version to which green was migrated.
    pub version_after: Option<Version>,
    /// The tables that were carried over from blue.
    pub carried: Vec<String>,
    /// What blue has and green could not be given, in words.
    pub left_out: Vec<String>,
    /// When it was begun, RFC 3339 in UTC.
    pub started_at: String,
    /// When it came to this state.
    pub changed_at: String,
    /// Until when the database that is not active is meant to stay.
    pub keep_until: Option<String>,
    /// Why it stands where it does.
    pub error: Option<String>,
    /// The commands that go on from here.
    pub next: Vec<String>,
}

impl Upgrade {
    /// The time of the database that is not active is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let waits = matches!(self.state, UpgradeState::Completed | UpgradeState::WentBack);
        // Both are written in one form, in which later is greater.
        waits
            && self.keep_until.as_ref().is_some_and(|until| *until <= time::rfc3339(time::now_ms()))
    }
}

/// An upgrade that is ready, and the run that migrated green.
#[derive(Clone, Debug)]
pub struct UpgradeStart {
    /// The upgrade.
    pub upgrade: Upgrade,
    /// What was done in green.
    pub report: Report,
}

impl Migrator {
    /// Makes green from a snapshot of this database, and migrates it there under the guard. This one is
    /// left as it is. Without a name green is called as this one, with `_green` behind it.
    ///
    /// # Errors
    /// An upgrade is open, nothing is pending, or green could not be made or migrated.
    pub async fn upgrade_start(
        &self,
        target: impl Into<Target>,
        green: Option<&str>,
    ) -> Result<UpgradeStart> {
        let target = target.into();
        Box::pin(self.with_operations(target, async |all| Box::pin(all.upgrade_start(green)).await))
            .await
    }

    /// The newest upgrade of this database, as its ledger has it; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn upgrade(&self, target: impl Into<Target>) -> Result<Option<Upgrade>> {
        self.with_operations_even_without_files(target.into(), async |all| all.upgrade().await)
            .await
    }

    /// Where the newest upgrade stands, with what has changed in both databases since; writes nothing.
    ///
    /// # Errors
    /// There is none, or one of the databases can't be read.
    pub async fn upgrade_status(&self, target: impl Into<Target>) -> Result<UpgradeStatus> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.upgrade_status()).await
        }))
        .await
    }

    /// Makes green the active one. What came to blue since is carried over where that is sure; it is
    /// refused where it is not, unless these tables' changes may stay behind in blue. Where it is the
    /// active one already, the hooks that switch are told once more.
    ///
    /// # Errors
    /// There is nothing to complete, blue has changed, or a hook that switches failed. Then the active
    /// database is the same as before.
    pub async fn upgrade_complete(
        &self,
        target: impl Into<Target>,
        discard: &[String],
    ) -> Result<Upgrade> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.upgrade_complete(discard)).await
        }))
        .await
    }

    /// Makes blue the active one again; what was written to green stays there. Where it is so already, the
    /// hooks that switch are told once more.
    ///
    /// # Errors
    /// Green was not active, or a hook that switches failed. Then the active database is the same as
    /// before.
    pub async fn upgrade_back(&self, target: impl Into<Target>) -> Result<Upgrade> {
        self.with_operations_even_without_files(target.into(), async |all| all.upgrade_back().await)
            .await
    }

    /// Removes green, unless it is active.
    ///
    /// # Errors
    /// Green is active, or it can't be removed.
    pub async fn upgrade_abort(&self, target: impl Into<Target>) -> Result<Upgrade> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.upgrade_abort().await
        })
        .await
    }

    /// Gives up the way back to blue. Blue's database stays; nothing of it is needed any more.
    ///
    /// # Errors
    /// Green is not active.
    pub async fn upgrade_finish(&self, target: impl Into<Target>) -> Result<Upgrade> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.upgrade_finish().await
        })
        .await
    }

    /// The address to use: this one, or that of the green database of a completed upgrade, with the
    /// same credentials. An application asks for it when it starts; it costs one small read.
    ///
    /// ```
    /// # use mo_migrate::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # std::fs::write(dir.path().join("1_init.sql"), "CREATE TABLE t (id INTEGER PRIMARY KEY);").unwrap();
    /// # let migrator = Migrator::from_dir(dir.path());
    /// # let blue = format!("sqlite:{}", dir.path().join("shop.db").display());
    /// let active = migrator.active(&blue).await?;
    /// assert_eq!(active.expose(), blue); // no upgrade was completed
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The address or the ledger can't be read.
    pub async fn active(&self, address: &str) -> Result<Address> {
        let mut address = Address::new(address);
        for _ in 0..LONGEST_WAY {
            let engine = address.open()?;
            let Some(green) = ledger::active_green(&*engine).await? else { return Ok(address) };
            address = address.named(&green, engine.beside(&green)?.database());
        }
        Err(say::upgrades_in_a_circle(LONGEST_WAY))
    }
}

impl Operations<'_> {
    pub(crate) async fn upgrade(&self) -> Result<Option<Upgrade>> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(None) };
        let found = ledger.upgrade().await;
        ledger.close().await;
        found?.map(|upgrade| self.shown(&upgrade)).transpose()
    }

    /// The newest upgrade, and what this wish leads to.
    async fn wished(&self, ledger: &mut Ledger, wish: Wish) -> Result<(UpgradeRecord, Next)> {
        let Some(upgrade) = ledger.upgrade().await? else { return Err(say::no_upgrade()) };
        match next(Some(upgrade.state), wish) {
            Next::Refuse => Err(say::upgrade_refused(&upgrade, wish)),
            next => Ok((upgrade, next)),
        }
    }

    /// The green database of an upgrade.
    fn green(&self, upgrade: &UpgradeRecord) -> Result<SharedEngine> {
        self.engine.beside(&upgrade.green)
    }

    /// The same operations on green. Hooks are told of what the application uses, which green is not yet.
    fn in_green(&self, green: SharedEngine) -> Operations<'_> {
        let mut settings = self.settings.clone();
        settings.hooks.clear();
        // What has to wait for the window is the switch.
        settings.window = Window::default();
        // Green is where it is tried.
        settings.rehearse = crate::settings::Rehearse::Never;
        Operations { engine: green, set: self.set, settings }
    }

    fn shown(&self, upgrade: &UpgradeRecord) -> Result<Upgrade> {
        let green = self.green(upgrade)?;
        let active = if upgrade.state.is_green_active() { &*green } else { self.engine() };
        let command = |wish: &Wish| format!("migrate upgrade {}", wish.as_str());
        Ok(Upgrade {
            id: upgrade.id.clone(),
            state: upgrade.state,
            blue: self.engine.database().to_owned(),
            green: green.database().to_owned(),
            green_name: upgrade.green.clone(),
            active: active.address(),
            snapshot: upgrade.snapshot.clone(),
            version_before: upgrade.version_before,
            version_after: upgrade.version_after,
            carried: upgrade.carrying.tables(),
            left_out: upgrade.left_out.clone(),
            started_at: time::rfc3339(upgrade.started_at),
            changed_at: time::rfc3339(upgrade.changed_at),
            keep_until: upgrade.keep_until.map(time::rfc3339),
            error: upgrade.error.clone(),
            next: wishes(Some(upgrade.state)).iter().map(command).collect(),
        })
    }
}
