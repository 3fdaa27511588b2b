//! Databases that were made from this one: environments, those that a restore is tried in, and those
//! that an upgrade is made in.
//!
//! Invariants:
//! 1. a database is named here before it is made, and forgotten here after it is gone;
//! 2. what it is in the midst of stands in its state, so that the next command knows what to do.

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::error::{Result, say};
use crate::migration::Version;
use crate::value::{Row, Value};

/// Made when the first one is written down: ledgers of before have no such table.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS clones (id VARCHAR(64) PRIMARY KEY, guarded VARCHAR(64) NOT NULL, \
     name VARCHAR(64) NOT NULL, purpose VARCHAR(32) NOT NULL, database_name VARCHAR(255) NOT NULL, \
     made_from VARCHAR(100) NOT NULL, state VARCHAR(16) NOT NULL, version BIGINT, mask TEXT, \
     staged VARCHAR(100), left_out TEXT NOT NULL, created_by VARCHAR(255) NOT NULL, \
     created_at BIGINT NOT NULL, expires_at BIGINT)";

const COLUMNS: &str = "id, name, purpose, database_name, made_from, state, version, mask, staged, left_out, \
    created_by, created_at, expires_at";

/// How far a clone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CloneState {
    /// It is made for the first time, and nobody has it yet.
    Making,
    /// It is handed over.
    Ready,
    /// Another one is made to replace it; it is as it was.
    Refreshing,
    /// The other one is whole and takes its place.
    Replacing,
    /// It is removed.
    Removing,
}

impl CloneState {
    const ALL: [(Self, &str); 5] = [
        (Self::Making, "making"),
        (Self::Ready, "ready"),
        (Self::Refreshing, "refreshing"),
        (Self::Replacing, "replacing"),
        (Self::Removing, "removing"),
    ];

    /// As it is stored and shown.
    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// One that this version does not know may have been handed over.
    fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(_, word)| *word == text);
        known.map(|(state, _)| state).ok_or_else(|| say::unknown_clone_state(text))
    }
}

/// The SQL that was run in a clone before it was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mask {
    /// Its file, as it was named.
    pub name: String,
    /// Its text, by which the clone is made anew.
    pub text: String,
    /// The text's checksum.
    pub checksum: String,
}

/// What the ledger knows of a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloneRecord {
    /// Its id, which is the mark in it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for: `clone`, `restore`, `upgrade`.
    pub purpose: String,
    /// Its name beside the database that it was made from.
    pub database: String,
    /// The snapshot that it was made from, or `now`.
    pub from: String,
    /// How far it is.
    pub state: CloneState,
    /// The version that it had when it was made.
    pub version: Option<Version>,
    /// What was run in it.
    pub mask: Option<Mask>,
    /// The snapshot of the database that takes its place.
    pub staged: Option<String>,
    /// What the original has and it could not be given, in words.
    pub left_out: Vec<String>,
    /// Who made it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at: i64,
    /// When it may go; none when somebody has to say so.
    pub expires_at: Option<i64>,
}

fn record(row: &Row) -> Result<CloneRecord> {
    let mask: Option<String> = row.get("mask")?;
    Ok(CloneRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        purpose: row.get("purpose")?,
        database: row.get("database_name")?,
        from: row.get("made_from")?,
        state: CloneState::parse(&row.get::<String>("state")?)?,
        version: row.get("version")?,
        // A clone whose mask can't be read must not be made anew without one.
        mask: mask
            .filter(|mask| !mask.is_empty())
            .map(|mask| serde_json::from_str(&mask).map_err(|error| say::internal(&error)))
            .transpose()?,
        staged: row.get("staged")?,
        left_out: serde_json::from_str(&row.get::<String>("left_out")?).unwrap_or_default(),
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

/// What stands behind the database, and may change.
fn values(clone: &CloneRecord) -> Vec<Value> {
    let mask = clone.mask.as_ref().map(|mask| serde_json::to_string(mask).unwrap_or_default());
    vec![
        (&clone.from).into(),
        clone.state.as_str().into(),
        clone.version.into(),
        mask.into(),
        clone.staged.clone().into(),
        serde_json::to_string(&clone.left_out).unwrap_or_default().into(),
        (&clone.created_by).into(),
        clone.created_at.into(),
        clone.expires_at.into(),
    ]
}

impl Ledger {
    /// Writes a clone before it is made.
    pub(crate) async fn add_clone(&mut self, clone: &CloneRecord) -> Result<()> {
        self.write(TABLE, &[]).await?;
        let sql =
            format!("INSERT INTO clones ({COLUMNS}, guarded) VALUES ({})", ["?"; 14].join(", "));
        let mut params: Vec<Value> = vec![
            (&clone.id).into(),
            (&clone.name).into(),
            (&clone.purpose).into(),
            (&clone.database).into(),
        ];
        params.extend(values(clone));
        params.push((&self.guarded).into());
        self.write(&sql, &params).await
    }

    /// Writes what became of a clone.
    pub(crate) async fn update_clone(&mut self, clone: &CloneRecord) -> Result<()> {
        let sql = "UPDATE clones SET made_from = ?, state = ?, version = ?, mask = ?, staged = ?, left_out = ?, \
                   created_by = ?, created_at = ?, expires_at = ? WHERE id = ?";
        let mut params = values(clone);
        params.push((&clone.id).into());
        self.write(sql, &params).await
    }

    /// The clones that are known, in the order in which they were made.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub(crate) async fn clones(&mut self) -> Result<Vec<CloneRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM clones WHERE guarded = ? ORDER BY created_at, id");
        let guarded = self.guarded.clone();
        match self.fetch(&sql, &[guarded.into()]).await {
            Ok(rows) => rows.iter().map(record).collect(),
            Err(error) if say::is_missing_table(&error, "clones") => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Takes a clone out that is gone.
    pub(crate) async fn forget_clone(&mut self, id: &str) -> Result<()> {
        self.write("DELETE FROM clones WHERE id = ?", &[id.into()]).await
    }
}
