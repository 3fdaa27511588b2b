//! The history: one table in the guarded database that says which versions it has.
//!
//! Invariants:
//! 1. it travels with the data, so that a restore takes it along;
//! 2. one statement on this one table answers a start: all rows `kept` and no marker is up to date;
//! 3. the marker is written after the snapshot and before the first change, and removed in the
//!    transaction that makes the run's rows `kept`; so the snapshot never has it, and a database
//!    that has it is not judged yet;
//! 4. the head row names the database and the schema of this table; a newer schema is refused.

use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Engine, Inventory, Object, Role};
use crate::error::{Result, say};
use crate::migration::{Checksum, Kind, Version};
use crate::settings::Settings;
use crate::time;
use crate::value::Value;

/// The schema of the history table that this program writes.
pub(crate) const SCHEMA: i64 = 1;

/// What a plan is made from; the others are for people.
const OF_A_PLAN: &str = "kind, set_name, version, name, state, checksum, detail";

const COLUMNS: &str = "kind, set_name, version, name, state, checksum, detail, run, applied_at, duration_ms, applied_by";

/// A version that the database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The set that it is of.
    pub set: String,
    /// Its version; 0 for a repeatable one.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// `sql`, `rust`, `repeatable` or `baseline`.
    pub kind: String,
    /// It was judged and is kept; else its run is open.
    pub kept: bool,
    /// Its checksum, with the algorithm in front.
    pub checksum: String,
    /// The run that applied it.
    pub run: String,
    /// When, in milliseconds since 1970.
    pub applied_at: i64,
    /// How long it took.
    pub duration_ms: u64,
    /// Who: user and host.
    pub applied_by: String,
}

/// A run that is open in this database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The run.
    pub run: String,
    /// Its set.
    pub set: String,
    /// Its snapshot; none when it was run without.
    pub snapshot: Option<String>,
    /// Its ring: 1 or 2.
    pub ring: u8,
    /// When it began, in milliseconds since 1970.
    pub since: i64,
}

/// What the history table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The database's own id.
    pub database_id: String,
    /// All versions of all sets, sorted by set, version and name.
    pub applied: Vec<Applied>,
    /// The run that is open.
    pub marker: Option<Marker>,
}

impl History {
    /// The history of a database, in one statement of a connection of its own.
    ///
    /// # Errors
    /// It can't be read, or others write to the database for too long.
    pub(crate) async fn of(
        engine: &dyn Engine,
        role: Role,
        settings: &Settings,
    ) -> Result<Option<Self>> {
        let mut connection = engine.connect(role).await?;
        connection.patience(settings.lock_timeout);
        let history = Self::read(&mut *connection, &settings.history_table).await;
        connection.close().await;
        history.map_err(
            |error| if say::is_busy(&error) { say::busy(engine.database()) } else { error },
        )
    }

    /// Reads it, in one statement; none when there is no such table.
    ///
    /// # Errors
    /// It can't be read, or a newer mo-migrate wrote it.
    pub(crate) async fn read(connection: &mut dyn Connection, table: &str) -> Result<Option<Self>> {
        Self::select(connection, table, COLUMNS).await
    }

    /// The same with no more than a plan is made from: what a start asks.
    pub(crate) async fn read_for_plan(
        connection: &mut dyn Connection,
        table: &str,
    ) -> Result<Option<Self>> {
        Self::select(connection, table, OF_A_PLAN).await
    }

    async fn select(
        connection: &mut dyn Connection,
        table: &str,
        columns: &str,
    ) -> Result<Option<Self>> {
        let sql = format!("SELECT {columns} FROM {}", connection.whole_name(table));
        let rows = match connection.fetch(&sql, &[], None).await {
            Ok(rows) => rows,
            Err(error) if say::is_missing_table(&error, table) => return Ok(None),
            Err(error) if say::is_missing_column(&error) => {
                return Err(say::not_a_history(table, error));
            }
            Err(error) => return Err(error),
        };
        let mut history = Self::default();
        for row in rows {
            let mut values = Fields { values: row.into_values().into_iter(), table };
            let (kind, set, version) = (values.text()?, values.text()?, values.integer()?);
            let (name, state, checksum) = (values.text()?, values.text()?, values.text()?);
            let (detail, run, applied_at) = (values.text()?, values.text()?, values.integer()?);
            let (duration_ms, applied_by) = (values.integer()?, values.text()?);
            match kind.as_str() {
                "head" if version > SCHEMA => {
                    return Err(say::schema_newer("history", version, SCHEMA));
                }
                "head" => history.database_id = detail,
                "marker" => {
                    let marker = serde_json::from_str(&detail);
                    history.marker = Some(marker.map_err(|_| say::history_damaged(table))?);
                }
                _ => history.applied.push(Applied {
                    set,
                    version,
                    name,
                    kind,
                    kept: state == "kept",
                    checksum,
                    run,
                    applied_at,
                    duration_ms: u64::try_from(duration_ms).unwrap_or(0),
                    applied_by,
                }),
            }
        }
        history
            .applied
            .sort_by(|a, b| (&a.set, a.version, &a.name).cmp(&(&b.set, b.version, &b.name)));
        Ok(Some(history))
    }

    /// The table of a database that is a history, whatever its name.
    pub(crate) fn table_in(inventory: &Inventory) -> Option<&str> {
        let is_one = |table: &&Object| {
            COLUMNS.split(", ").all(|name| table.columns.iter().any(|column| column.name == name))
        };
        inventory.tables().find(is_one).map(|table| table.name.as_str())
    }

    /// The versions of one set.
    pub fn of_set<'a>(&'a self, set: &'a str) -> impl Iterator<Item = &'a Applied> {
        self.applied.iter().filter(move |applied| applied.set == set)
    }

    /// The sets that the database has, where it has not this one: it is a new one, or mistyped.
    pub(crate) fn sets_but(&self, set: &str) -> Vec<&str> {
        let mut sets: Vec<&str> = self.applied.iter().map(|applied| applied.set.as_str()).collect();
        sets.sort_unstable();
        sets.dedup();
        if sets.contains(&set) { Vec::new() } else { sets }
    }

    /// The highest version of one set.
    #[must_use]
    pub fn latest(&self, set: &str) -> Option<Version> {
        self.of_set(set)
            .filter(|applied| applied.kind != "repeatable")
            .map(|applied| applied.version)
            .max()
    }

    /// A run is open in the database.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.marker.is_some()
    }

    /// No run is open, and everything was judged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.marker.is_none() && self.applied.iter().all(|applied| applied.kept)
    }
}

/// The fields of a row, taken one after the other.
struct Fields<'a> {
    values: std::vec::IntoIter<Value>,
    table: &'a str,
}

impl Fields<'_> {
    /// The next field as text; NULL, or one that was not asked for, is empty.
    fn text(&mut self) -> Result<String> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Null) | None => Ok(String::new()),
            _ => Err(say::history_damaged(self.table)),
        }
    }

    fn integer(&mut self) -> Result<i64> {
        match self.values.next() {
            Some(Value::Integer(number)) => Ok(number),
            None => Ok(0),
            _ => Err(say::history_damaged(self.table)),
        }
    }
}

/// Writes the history; every call is one or two statements on the caller's transaction.
#[derive(Debug)]
pub(crate) struct HistoryWriter<'a> {
    pub(crate) connection: &'a mut dyn Connection,
    pub(crate) table: &'a str,
}

impl HistoryWriter<'_> {
    /// Makes the table with its head, if it is missing; gives the database's id.
    pub(crate) async fn ensure(&mut self, known: Option<&History>) -> Result<String> {
        if let Some(history) = known.filter(|history| !history.database_id.is_empty()) {
            return Ok(history.database_id.clone());
        }
        let table = self.connection.whole_name(self.table);
        let create = format!(
            "CREATE TABLE {table} (kind VARCHAR(16) NOT NULL, set_name VARCHAR(64) NOT NULL, version BIGINT NOT NULL, \
             name VARCHAR(255) NOT NULL, state VARCHAR(16) NOT NULL, checksum VARCHAR(100) NOT NULL, \
             run VARCHAR(64) NOT NULL, applied_at BIGINT NOT NULL, duration_ms BIGINT NOT NULL, \
             applied_by VARCHAR(255) NOT NULL, detail TEXT, PRIMARY KEY (kind, set_name, version, name))"
        );
        if known.is_none() {
            self.connection.execute(&create, &[]).await?;
        }
        let id = uuid::Uuid::now_v7().to_string();
        self.insert("head", "", SCHEMA, "", "kept", "", "", 0, Some(&id)).await?;
        Ok(id)
    }

    /// Says that a run is open.
    pub(crate) async fn mark(&mut self, marker: &Marker) -> Result<()> {
        let detail = serde_json::to_string(marker).unwrap_or_default();
        self.insert("marker", &marker.set, 0, "", "open", "", &marker.run, 0, Some(&detail)).await
    }

    /// Records a version in the place of what it was applied as before: a repeatable one by its name, for
    /// it has no version of its own.
    pub(crate) async fn record(&mut self, applied: &Applied) -> Result<()> {
        if applied.kind == Kind::Repeatable.as_str() {
            self.forget(&applied.kind, &applied.set, applied.version, &applied.name).await?;
        } else {
            self.forget_version(&applied.set, applied.version).await?;
        }
        let state = if applied.kept { "kept" } else { "judging" };
        let Applied { kind, set, version, name, checksum, run, duration_ms, .. } = applied;
        self.insert(kind, set, *version, name, state, checksum, run, *duration_ms, None).await
    }

    /// Takes a version out.
    pub(crate) async fn forget(
        &mut self,
        kind: &str,
        set: &str,
        version: Version,
        name: &str,
    ) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE kind = ? AND set_name = ? AND version = ? AND name = ?",
            self.connection.whole_name(self.table)
        );
        let params = [kind.into(), set.into(), Value::Integer(version), name.into()];
        self.connection.execute(&sql, &params).await.map(drop)
    }

    /// Takes a version out, whatever it was applied as.
    pub(crate) async fn forget_version(&mut self, set: &str, version: Version) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE set_name = ? AND version = ? AND kind IN ('sql', 'rust', 'baseline')",
            self.connection.whole_name(self.table)
        );
        self.connection.execute(&sql, &[set.into(), Value::Integer(version)]).await.map(drop)
    }

    /// Makes the run's rows final and removes its marker, on the caller's transaction.
    pub(crate) async fn keep(&mut self, run: &str) -> Result<()> {
        let table = self.connection.whole_name(self.table);
        let keep = format!("UPDATE {table} SET state = 'kept' WHERE run = ? AND state = 'judging'");
        self.connection.execute(&keep, &[run.into()]).await?;
        let unmark = format!("DELETE FROM {table} WHERE kind = 'marker' AND run = ?");
        self.connection.execute(&unmark, &[run.into()]).await.map(drop)
    }

    /// Takes the run's rows and its marker out, where a person has undone the run by hand.
    pub(crate) async fn take_back(&mut self, run: &str) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE run = ? AND (state = 'judging' OR kind = 'marker')",
            self.connection.whole_name(self.table)
        );
        self.connection.execute(&sql, &[run.into()]).await.map(drop)
    }

    /// Takes out what says that a run is open, whichever: it was copied while that was at work.
    pub(crate) async fn close_all(&mut self) -> Result<()> {
        let table = self.connection.whole_name(self.table);
        let open = format!("DELETE FROM {table} WHERE kind = 'marker' OR state = 'judging'");
        self.connection.execute(&open, &[]).await.map(drop)
    }

    /// Makes it the history of another database than the one that it was copied from: with an id of its
    /// own, and without a run that is open there.
    pub(crate) async fn of_its_own(&mut self) -> Result<()> {
        self.close_all().await?;
        self.give_id(&uuid::Uuid::now_v7().to_string()).await
    }

    /// Gives the database this id.
    pub(crate) async fn give_id(&mut self, id: &str) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET detail = ? WHERE kind = 'head'",
            self.connection.whole_name(self.table)
        );
        self.connection.execute(&sql, &[id.into()]).await.map(drop)
    }

    /// Accepts a version as judged.
    pub(crate) async fn accept(&mut self, applied: &Applied) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET state = 'kept' WHERE kind = ? AND set_name = ? AND version = ? AND name = ?",
            self.connection.whole_name(self.table)
        );
        let Applied { kind, set, version, name, .. } = applied;
        let params = [kind.into(), set.into(), Value::Integer(*version), name.into()];
        self.connection.execute(&sql, &params).await.map(drop)
    }

    /// Accepts another checksum for a version.
    pub(crate) async fn realign(&mut self, applied: &Applied, checksum: &Checksum) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET checksum = ? WHERE kind = ? AND set_name = ? AND version = ? AND name = ?",
            self.connection.whole_name(self.table)
        );
        let Applied { kind, set, version, name, .. } = applied;
        let params = [
            checksum.as_str().into(),
            kind.into(),
            set.into(),
            Value::Integer(*version),
            name.into(),
        ];
        self.connection.execute(&sql, &params).await.map(drop)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the columns of the one statement below, in their order"
    )]
    async fn insert(
        &mut self,
        kind: &str,
        set: &str,
        version: Version,
        name: &str,
        state: &str,
        checksum: &str,
        run: &str,
        duration_ms: u64,
        detail: Option<&str>,
    ) -> Result<()> {
        let sql = format!(
            "INSERT INTO {} ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self.connection.whole_name(self.table)
        );
        let params = [
            kind.into(),
            set.into(),
            Value::Integer(version),
            name.into(),
            state.into(),
            checksum.into(),
            detail.into(),
            run.into(),
            Value::Integer(time::now_ms()),
            Value::Integer(i64::try_from(duration_ms).unwrap_or(i64::MAX)),
            crate::lock::who().into(),
        ];
        self.connection.execute(&sql, &params).await.map(drop)
    }
}
