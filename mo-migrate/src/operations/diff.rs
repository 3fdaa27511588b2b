//! `diff RUN`: the rows that a restore took back from others, or what a run that was applied has
//! changed since its snapshot.
//!
//! Whose a row is can be told where the engine reads any time of the past: what changed between the
//! run's own statements on a table is others', what changed while one of them was at work is
//! undecided. Elsewhere all that differs is shown, and that it can't be told.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Operations, find_run};
use crate::engine::{
    Inventory, Moment, Moments, Object, ObjectKind, RowChange, RowDifferences, Touched,
};
use crate::error::{Result, say};
use crate::guard;
use crate::ledger::{Ledger, RunRecord, StatementWindow};
use crate::report::{Outcome, by_column};

/// What differs between two moments of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The run.
    pub run: String,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The older side, a snapshot.
    pub from: String,
    /// The newer side: the snapshot of the failed state; none for the database as it is.
    pub to: Option<String>,
    /// Others' rows are told from the run's own.
    pub told_apart: bool,
    /// Objects that are no tables.
    pub objects: Vec<ObjectDifference>,
    /// Tables that differ.
    pub tables: Vec<TableDifference>,
}

/// An object that is no table, and differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectDifference {
    /// What it is: `view`, `index` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Change,
}

/// What became of something between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// Whose doing a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Somebody else's.
    Others,
    /// It came while a statement of the run was at work: its own, or somebody else's.
    Undecided,
    /// It can't be told.
    Unknown,
}

/// A table that differs.
#[derive(Clone, Debug, Serialize)]
pub struct TableDifference {
    /// Its name.
    pub name: String,
    /// Whose doing it is.
    pub whose: Whose,
    /// What became of the table itself; none when its definition is the same.
    pub change: Option<Change>,
    /// Columns that it has gained.
    pub columns_added: Vec<String>,
    /// Columns that it has lost.
    pub columns_removed: Vec<String>,
    /// New rows.
    pub added: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Rows with other values, in the columns that it had and has.
    pub changed: u64,
    /// The rows; fewer than were counted when a limit was set.
    pub rows: Vec<ChangedRow>,
    /// Rows that were counted, and left out because of the limit.
    pub left_out: u64,
    /// Rows that differ too, and are too many to be compared one by one; none of these when it is 0,
    /// and an unknown number when it is absent.
    pub not_listed: Option<u64>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedRow {
    /// What became of it.
    pub change: Change,
    /// Its values: the last that it had when it is gone.
    pub row: Map<String, Value>,
    /// What its values were, when it has others.
    pub was: Option<Map<String, Value>>,
}

impl TableDifference {
    fn new(name: &str, whose: Whose) -> Self {
        Self {
            name: name.to_owned(),
            whose,
            change: None,
            columns_added: Vec::new(),
            columns_removed: Vec::new(),
            added: 0,
            removed: 0,
            changed: 0,
            rows: Vec::new(),
            left_out: 0,
            not_listed: Some(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.change.is_none()
            && self.added + self.removed + self.changed == 0
            && self.not_listed == Some(0)
    }

    fn take(&mut self, found: RowDifferences) {
        let rows = match found {
            RowDifferences::Counted(number) => {
                self.not_listed = self.not_listed.zip(number).map(|(known, more)| known + more);
                return;
            }
            RowDifferences::Listed(rows) => rows,
        };
        for row in &rows {
            let (change, row, was) = match row {
                RowChange::Added(row) => (Change::Added, row, None),
                RowChange::Removed(row) => (Change::Removed, row, None),
                RowChange::Changed(was, row) => (Change::Changed, row, Some(was)),
            };
            self.count(change, 1);
            self.rows.push(ChangedRow { change, row: by_column(row), was: was.map(by_column) });
        }
    }

    fn count(&mut self, change: Change, rows: u64) {
        match change {
            Change::Added => self.added += rows,
            Change::Removed => self.removed += rows,
            Change::Changed => self.changed += rows,
        }
    }
}

impl Difference {
    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.tables.is_empty()
    }
}

impl Operations<'_> {
    /// What a run left that differs; at most `limit` rows of each table are given, and all counted.
    pub(crate) async fn diff(&self, wanted: &str, limit: Option<usize>) -> Result<Difference> {
        let mut ledger =
            Ledger::read(self.engine()).await?.ok_or_else(|| say::no_run(wanted, &[]))?;
        let run = find_run(&mut ledger, wanted).await;
        let windows = match &run {
            Ok(run) => ledger.windows(&run.id).await,
            Err(_) => Ok(Vec::new()),
        };
        ledger.close().await;
        let (run, windows) = (run?, windows?);
        let mut moments = self.engine.moments().await?;
        let found = self.differences(&mut *moments, &run, &windows).await;
        moments.close().await;
        let mut found = found?;
        found.tables.retain(|table| !table.is_empty());
        for table in &mut found.tables {
            let all = table.rows.len();
            table.rows.truncate(limit.unwrap_or(usize::MAX));
            table.left_out = u64::try_from(all - table.rows.len()).unwrap_or(u64::MAX);
        }
        Ok(found)
    }

    async fn differences(
        &self,
        moments: &mut dyn Moments,
        run: &RunRecord,
        windows: &[StatementWindow],
    ) -> Result<Difference> {
        let snapshot = run.snapshot.clone().map(Moment::Snapshot);
        let snapshot = match snapshot {
            Some(snapshot) if moments.can_read(&snapshot).await? => Some(snapshot),
            _ => None,
        };
        let (older, newer) = match (&run.failed_state, snapshot) {
            (Some(failed), snapshot) => {
                let state = Moment::Snapshot(failed.clone());
                if !moments.can_read(&state).await? {
                    return Err(say::failed_state_gone(run, failed));
                }
                // Without its snapshot, the database has what was brought back.
                snapshot.map_or((state.clone(), Moment::Now), |snapshot| (snapshot, state))
            }
            (None, Some(snapshot)) => (snapshot, Moment::Now),
            (None, None) => return Err(say::nothing_to_compare(run)),
        };
        let name = |moment: &Moment| match moment {
            Moment::Snapshot(name) => Some(name.clone()),
            Moment::Now | Moment::At(_) => None,
        };
        let told_apart = self.can_tell(moments, run, windows, &newer).await?;
        let mut found = Difference {
            run: run.id.clone(),
            outcome: run.outcome,
            from: name(&older).unwrap_or_default(),
            to: name(&newer),
            told_apart,
            objects: Vec::new(),
            tables: Vec::new(),
        };
        if told_apart {
            found.tables =
                self.told_apart(moments, &run.touched, windows, [&older, &newer]).await?;
        } else {
            self.all_of(moments, [&older, &newer], &mut found).await?;
        }
        Ok(found)
    }

    /// The run's own statements are known, and the times between them can be read. A restore by hand
    /// takes back what several runs wrote, and has no statements of its own.
    async fn can_tell(
        &self,
        moments: &mut dyn Moments,
        run: &RunRecord,
        windows: &[StatementWindow],
        newer: &Moment,
    ) -> Result<bool> {
        let Some(first) = windows.first().filter(|_| *newer != Moment::Now) else {
            return Ok(false);
        };
        Ok(!run.goes_back() && moments.can_read(&Moment::At(first.began)).await?)
    }

    /// What changed between the statements on these tables, and while they were at work.
    pub(super) async fn told_apart(
        &self,
        moments: &mut dyn Moments,
        touched: &Touched,
        windows: &[StatementWindow],
        [older, newer]: [&Moment; 2],
    ) -> Result<Vec<TableDifference>> {
        let mut names: Vec<String> = touched.tables.iter().cloned().collect();
        if touched.unknown {
            let then = moments.inventory(older).await?;
            names.extend(then.tables().map(|table| table.name.clone()));
        }
        names.retain(|name| *name != self.settings.history_table);
        names.sort();
        names.dedup();
        let (mut others, mut undecided) = (Vec::new(), Vec::new());
        for name in names {
            let mut theirs = TableDifference::new(&name, Whose::Others);
            let mut either = TableDifference::new(&name, Whose::Undecided);
            let mut from = older.clone();
            for window in guard::windows(windows, &name) {
                let began = Moment::At(window.began);
                let ended = window.ended.map_or_else(|| newer.clone(), Moment::At);
                for (table, from, to) in
                    [(&mut theirs, &from, &began), (&mut either, &began, &ended)]
                {
                    // A table that the statement made or dropped has no rows to compare.
                    if let Some(rows) = moments.rows(&name, from, to).await? {
                        table.take(rows);
                    }
                }
                from = ended;
            }
            if from != *newer
                && let Some(rows) = moments.rows(&name, &from, newer).await?
            {
                theirs.take(rows);
            }
            others.push(theirs);
            undecided.push(either);
        }
        others.extend(undecided);
        Ok(others)
    }

    async fn all_of(
        &self,
        moments: &mut dyn Moments,
        [older, newer]: [&Moment; 2],
        found: &mut Difference,
    ) -> Result<()> {
        let (then, now) = (moments.inventory(older).await?, moments.inventory(newer).await?);
        let mut names: Vec<&str> =
            then.tables().chain(now.tables()).map(|table| table.name.as_str()).collect();
        names.retain(|name| *name != self.settings.history_table);
        names.sort_unstable();
        names.dedup();
        for name in names {
            found.tables.push(table_of(moments, name, [&then, &now], [older, newer]).await?);
        }
        found.objects = objects(&then, &now);
        Ok(())
    }
}

/// All in which a table differs, whoever did it.
pub(super) async fn table_of(
    moments: &mut dyn Moments,
    name: &str,
    [then, now]: [&Inventory; 2],
    [older, newer]: [&Moment; 2],
) -> Result<TableDifference> {
    let mut table = TableDifference::new(name, Whose::Unknown);
    match (then.find(ObjectKind::Table, name), now.find(ObjectKind::Table, name)) {
        (Some(was), Some(is)) => {
            definitions(&mut table, was, is);
            if let Some(rows) = moments.rows(name, older, newer).await? {
                table.take(rows);
            }
        }
        (was, is) => {
            let change = if was.is_some() { Change::Removed } else { Change::Added };
            table.change = Some(change);
            table.count(change, was.or(is).and_then(|table| table.rows).unwrap_or(0));
        }
    }
    Ok(table)
}

/// The columns that one has and the other has not.
pub(super) fn only(one: &Object, other: &Object) -> Vec<String> {
    let names = one.shown_columns().map(|column| column.name.clone());
    names.filter(|name| other.columns.iter().all(|column| column.name != *name)).collect()
}

fn definitions(table: &mut TableDifference, was: &Object, is: &Object) {
    table.change = (was.sql != is.sql).then_some(Change::Changed);
    (table.columns_added, table.columns_removed) = (only(is, was), only(was, is));
}

/// Views, indexes and the like that differ; what came or went with its table is not said twice.
pub(super) fn objects(then: &Inventory, now: &Inventory) -> Vec<ObjectDifference> {
    let shown = |object: &&Object| {
        !object.kind.has_rows()
            && object.kind != ObjectKind::VirtualTable
            && (!matches!(object.kind, ObjectKind::Index | ObjectKind::Trigger | ObjectKind::Grant)
                || then.table(&object.table).is_some() == now.table(&object.table).is_some())
    };
    let line = |object: &Object, change| ObjectDifference {
        kind: object.kind.words(),
        name: object.name.clone(),
        change,
    };
    let mut found = Vec::new();
    for object in then.objects.iter().filter(shown) {
        match now.find(object.kind, &object.name) {
            None => found.push(line(object, Change::Removed)),
            Some(is) if is.sql != object.sql => found.push(line(object, Change::Changed)),
            Some(_) => {}
        }
    }
    let new = now.objects.iter().filter(shown);
    let new = new.filter(|object| then.find(object.kind, &object.name).is_none());
    found.extend(new.map(|object| line(object, Change::Added)));
    found
}
