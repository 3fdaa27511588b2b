//! Snapshots and what they are for.

use serde::Serialize;

use super::Ledger;
use crate::engine::Inventory;
use crate::error::Result;
use crate::migration::Version;
use crate::snapshot::{FAILED, MOMENT, clone_of};
use crate::value::{Row, Value};
use crate::{lock, time};

const COLUMNS: &str = "name, run, purpose, level, created_by, created_at, version_before, version_target, \
    delete_after, pinned, bytes, inventory";

/// What the ledger knows of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SnapshotRecord {
    /// Its name.
    pub name: String,
    /// The run that made it.
    pub run: Option<String>,
    /// What it is for: `pre_upgrade`, `failed`, `manual`.
    pub purpose: String,
    /// What it is of: `database`, `table` or `account`.
    pub level: String,
    /// Who made it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at: i64,
    /// The version that the database had.
    pub version_before: Option<Version>,
    /// The version that the run was to reach.
    pub version_target: Option<Version>,
    /// When it may be deleted; none while nothing says so.
    pub delete_after: Option<i64>,
    /// It is not deleted, whatever its time.
    pub pinned: bool,
    /// Its size, where it takes room of its own.
    pub bytes: Option<u64>,
    /// What it held when it was made.
    #[serde(skip)]
    pub inventory: Inventory,
}

fn record(row: &Row) -> Result<SnapshotRecord> {
    let (inventory, pinned): (String, i64) = (row.get("inventory")?, row.get("pinned")?);
    Ok(SnapshotRecord {
        name: row.get("name")?,
        run: row.get("run")?,
        purpose: row.get("purpose")?,
        level: row.get("level")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        version_before: row.get("version_before")?,
        version_target: row.get("version_target")?,
        delete_after: row.get("delete_after")?,
        pinned: pinned > 0,
        bytes: row.get("bytes")?,
        inventory: serde_json::from_str(&inventory).unwrap_or_default(),
    })
}

impl SnapshotRecord {
    /// One that is about to be made by hand: until it was read back it is of nothing, and may go.
    pub(crate) fn begun(name: String, purpose: &str, version: Option<Version>) -> Self {
        let now = time::now_ms();
        Self {
            name,
            run: None,
            purpose: purpose.to_owned(),
            level: String::new(),
            created_by: lock::who(),
            created_at: now,
            version_before: version,
            version_target: None,
            delete_after: Some(now),
            pinned: false,
            bytes: None,
            inventory: Inventory::default(),
        }
    }

    /// It was read back when it was made, and is not of one table.
    pub(crate) fn is_whole(&self) -> bool {
        !self.level.is_empty() && self.level != "table"
    }

    /// A plain `restore` may go back to it: what is kept of a failure is no way back, and what a clone
    /// or a moment held is gone back to by its name alone.
    pub(crate) fn is_way_back(&self) -> bool {
        self.is_whole()
            && ![FAILED, MOMENT].contains(&self.purpose.as_str())
            && clone_of(&self.purpose).is_none()
    }

    /// The table that it is of, where it is of one.
    pub(crate) fn table(&self) -> Option<&str> {
        let table = self.inventory.tables().next().filter(|_| self.level == "table");
        table.map(|table| table.name.as_str())
    }
}

impl Ledger {
    /// Writes a snapshot that was made: later than all that the ledger knows, whatever the clock says.
    pub(crate) async fn add_snapshot(&mut self, snapshot: &SnapshotRecord) -> Result<()> {
        let created_at = self.after_all(snapshot.created_at).await?;
        let sql =
            format!("INSERT INTO snapshots ({COLUMNS}, guarded) VALUES ({})", ["?"; 13].join(", "));
        let bytes = snapshot.bytes.and_then(|bytes| i64::try_from(bytes).ok());
        let params: Vec<Value> = vec![
            (&snapshot.name).into(),
            snapshot.run.clone().into(),
            (&snapshot.purpose).into(),
            (&snapshot.level).into(),
            (&snapshot.created_by).into(),
            created_at.into(),
            snapshot.version_before.into(),
            snapshot.version_target.into(),
            snapshot.delete_after.into(),
            snapshot.pinned.into(),
            bytes.into(),
            serde_json::to_string(&snapshot.inventory).unwrap_or_default().into(),
            (&self.guarded).into(),
        ];
        self.write(&sql, &params).await
    }

    /// Writes what was found out of a snapshot when it was made. Its place among the others stays.
    pub(crate) async fn complete_snapshot(&mut self, snapshot: &SnapshotRecord) -> Result<()> {
        let sql = "UPDATE snapshots SET level = ?, delete_after = ?, bytes = ?, inventory = ? WHERE name = ?";
        let bytes = snapshot.bytes.and_then(|bytes| i64::try_from(bytes).ok());
        let params: [Value; 5] = [
            (&snapshot.level).into(),
            snapshot.delete_after.into(),
            bytes.into(),
            serde_json::to_string(&snapshot.inventory).unwrap_or_default().into(),
            (&snapshot.name).into(),
        ];
        self.write(sql, &params).await
    }

    /// The snapshots that are known, the newest first.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn snapshots(&mut self) -> Result<Vec<SnapshotRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM snapshots WHERE guarded = ? ORDER BY created_at DESC, name DESC"
        );
        let guarded = self.guarded.clone();
        self.fetch(&sql, &[guarded.into()]).await?.iter().map(record).collect()
    }

    /// The snapshot with this name.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn snapshot(&mut self, name: &str) -> Result<Option<SnapshotRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM snapshots WHERE name = ?");
        self.fetch(&sql, &[name.into()]).await?.first().map(record).transpose()
    }

    /// Sets until when a snapshot is kept, and whether somebody keeps it whatever its time.
    pub(crate) async fn retain(
        &mut self,
        name: &str,
        delete_after: Option<i64>,
        pinned: bool,
    ) -> Result<()> {
        let sql = "UPDATE snapshots SET delete_after = ?, pinned = pinned - pinned % 2 + ? WHERE name = ?";
        self.write(sql, &[delete_after.into(), pinned.into(), name.into()]).await
    }

    /// Sets whether an upgrade needs a snapshot. What a person has pinned stays so: theirs counts one in
    /// the column, ours two.
    pub(crate) async fn hold_snapshot(&mut self, name: &str, held: bool) -> Result<()> {
        let sql = "UPDATE snapshots SET pinned = pinned % 2 + ? WHERE name = ?";
        let ours: i64 = if held { 2 } else { 0 };
        self.write(sql, &[ours.into(), name.into()]).await
    }

    /// Takes a snapshot out that was deleted.
    pub(crate) async fn forget_snapshot(&mut self, name: &str) -> Result<()> {
        self.write("DELETE FROM snapshots WHERE name = ?", &[name.into()]).await
    }
}

#[cfg(test)]
impl SnapshotRecord {
    /// The way back of [`RunRecord::sample`](super::RunRecord::sample).
    pub(crate) fn sample() -> Self {
        Self {
            name: "s".to_owned(),
            run: Some("run_1".to_owned()),
            purpose: crate::snapshot::PRE_UPGRADE.to_owned(),
            level: "database".to_owned(),
            created_by: String::new(),
            created_at: 0,
            version_before: None,
            version_target: None,
            delete_after: None,
            pinned: false,
            bytes: None,
            inventory: Inventory::default(),
        }
    }
}
