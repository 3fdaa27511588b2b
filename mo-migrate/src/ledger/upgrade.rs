//! Upgrades: the newest one of a database says which of its two databases is active.

use super::Ledger;
use crate::engine::{Engine, LedgerAccess};
use crate::error::{Result, say};
use crate::time;
use crate::upgrade::{Carrying, UpgradeRecord, UpgradeState};
use crate::value::{Row, Value};

/// Made with the first upgrade: a ledger without one has no such table.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS upgrades (id VARCHAR(64) PRIMARY KEY, guarded VARCHAR(64) NOT NULL, \
     set_name VARCHAR(64) NOT NULL, state VARCHAR(32) NOT NULL, snapshot VARCHAR(100) NOT NULL, \
     green VARCHAR(255) NOT NULL, green_snapshot VARCHAR(100), version_before BIGINT, version_after BIGINT, \
     carried TEXT NOT NULL, left_out TEXT NOT NULL, started_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, keep_until BIGINT, \
     created_by VARCHAR(255) NOT NULL, error TEXT)";

const COLUMNS: &str = "id, set_name, state, snapshot, green, green_snapshot, version_before, version_after, \
    carried, left_out, started_at, changed_at, keep_until, created_by, error";

fn record(row: &Row) -> Result<UpgradeRecord> {
    let (state, carried): (String, String) = (row.get("state")?, row.get("carried")?);
    let left_out: String = row.get("left_out")?;
    Ok(UpgradeRecord {
        id: row.get("id")?,
        set: row.get("set_name")?,
        state: UpgradeState::of(&state).ok_or_else(|| say::unknown_upgrade_state(&state))?,
        snapshot: row.get("snapshot")?,
        green: row.get("green")?,
        green_snapshot: row.get("green_snapshot")?,
        version_before: row.get("version_before")?,
        version_after: row.get("version_after")?,
        carrying: Carrying::of(&carried),
        left_out: serde_json::from_str(&left_out).unwrap_or_default(),
        started_at: row.get("started_at")?,
        changed_at: row.get("changed_at")?,
        keep_until: row.get("keep_until")?,
        created_by: row.get("created_by")?,
        error: row.get("error")?,
    })
}

impl Ledger {
    /// The newest upgrade of this database; none where there never was one.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn upgrade(&mut self) -> Result<Option<UpgradeRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM upgrades WHERE guarded = ? ORDER BY started_at DESC LIMIT 1"
        );
        let guarded = self.guarded.clone();
        match self.fetch(&sql, &[guarded.into()]).await {
            Ok(rows) => rows.first().map(record).transpose(),
            Err(error) if say::is_missing_table(&error, "upgrades") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an upgrade that is begun, as the newest one whatever the clock says.
    pub(crate) async fn add_upgrade(&mut self, upgrade: &mut UpgradeRecord) -> Result<()> {
        self.write(TABLE, &[]).await?;
        let last = self.upgrade().await?.map_or(0, |last| last.started_at);
        upgrade.started_at = upgrade.started_at.max(last.saturating_add(1));
        let sql =
            format!("INSERT INTO upgrades ({COLUMNS}, guarded) VALUES ({})", ["?"; 16].join(", "));
        let mut params: Vec<Value> =
            vec![(&upgrade.id).into(), (&upgrade.set).into(), upgrade.state.as_str().into()];
        params.extend(values(upgrade));
        params.push((&self.guarded).into());
        self.write(&sql, &params).await
    }

    /// Brings an upgrade to its next state.
    pub(crate) async fn enter_upgrade(
        &mut self,
        upgrade: &mut UpgradeRecord,
        state: UpgradeState,
    ) -> Result<()> {
        (upgrade.state, upgrade.changed_at) = (state, time::now_ms());
        let sql = "UPDATE upgrades SET state = ?, snapshot = ?, green = ?, green_snapshot = ?, \
             version_before = ?, version_after = ?, carried = ?, left_out = ?, started_at = ?, changed_at = ?, \
             keep_until = ?, created_by = ?, error = ? WHERE id = ?";
        let mut params: Vec<Value> = vec![upgrade.state.as_str().into()];
        params.extend(values(upgrade));
        params.push((&upgrade.id).into());
        self.write(sql, &params).await
    }
}

/// What stands behind the state.
fn values(upgrade: &UpgradeRecord) -> Vec<Value> {
    vec![
        (&upgrade.snapshot).into(),
        (&upgrade.green).into(),
        upgrade.green_snapshot.clone().into(),
        upgrade.version_before.into(),
        upgrade.version_after.into(),
        serde_json::to_string(&upgrade.carrying).unwrap_or_default().into(),
        serde_json::to_string(&upgrade.left_out).unwrap_or_default().into(),
        upgrade.started_at.into(),
        upgrade.changed_at.into(),
        upgrade.keep_until.into(),
        (&upgrade.created_by).into(),
        upgrade.error.clone().into(),
    ]
}

/// The name of the green database that is the one to use; none while it is this one. One statement.
///
/// # Errors
/// The ledger can't be read, or was written by a newer mo-migrate.
pub(crate) async fn active_green(engine: &dyn Engine) -> Result<Option<String>> {
    let Some(connection) = engine.ledger(LedgerAccess::ReadOnly).await? else { return Ok(None) };
    let mut ledger = Ledger::on(connection, engine);
    let found = ledger.upgrade().await;
    ledger.close().await;
    Ok(found?.filter(|upgrade| upgrade.state.is_green_active()).map(|upgrade| upgrade.green))
}
