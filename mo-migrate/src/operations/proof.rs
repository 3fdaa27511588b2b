//! `verify RUN`: completes the proof of a restored run, whose large tables were compared by their
//! counts alone.
//!
//! Where the server still has the moment of the restore's commit, that moment is compared, so that
//! honest later writes do not count. Else it is the database as it is: equality is a proof all the
//! same, a difference may be somebody's later work.

use serde::Serialize;
use serde_json::Value;

use super::{Operations, find_run};
use crate::engine::{Inventory, Moment, Moments, RowDifferences};
use crate::error::{Result, say};
use crate::ledger::{Ledger, RunRecord};
use crate::observer::{Counted, Phase, Progress};
use crate::report::Outcome;
use crate::time;

/// The moment at which a restored database was held against its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// When the restore was committed: what others wrote later does not count.
    Commit,
    /// As it is: a difference may be somebody's later write.
    Now,
}

/// A restored run held against its snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct RunProof {
    /// The run.
    pub run: String,
    /// Its snapshot.
    pub snapshot: String,
    /// Everything that came back equals the snapshot.
    pub holds: bool,
    /// What was compared with it.
    pub as_of: AsOf,
    /// The moment, RFC 3339 in UTC.
    pub at: String,
    /// What the ledger says of the run by now: `contents`, or still `counts`.
    pub proof: String,
    /// The tables that came back.
    pub tables: Vec<ProvedTable>,
}

/// A table that a restore brought back.
#[derive(Clone, Debug, Serialize)]
pub struct ProvedTable {
    /// Its name.
    pub name: String,
    /// Its rows in the snapshot; none when it was not there.
    pub rows: Option<u64>,
    /// It equals the snapshot.
    pub same: bool,
    /// Its definition is the snapshot's.
    pub same_definition: bool,
    /// How many rows differ; none where that can't be told.
    pub differing: Option<u64>,
}

impl Operations<'_> {
    /// Compares what a restored run brought back with its snapshot, and writes the proof down.
    pub(crate) async fn verify_run(&self, wanted: &str) -> Result<RunProof> {
        let mut ledger =
            Ledger::read(self.engine()).await?.ok_or_else(|| say::no_run(wanted, &[]))?;
        let run = find_run(&mut ledger, wanted).await;
        ledger.close().await;
        let run = run?;
        let report: Value = run
            .report
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let restore = &report["restore"];
        let (Some(Outcome::Restored), Some(snapshot), true) =
            (run.outcome, run.snapshot.clone(), restore.is_object())
        else {
            return Err(say::run_not_restored(&run));
        };
        let mut moments = self.engine.moments().await?;
        let compared = self.compare_restored(&mut *moments, &run, &snapshot, restore).await;
        moments.close().await;
        let (moment, tables) = compared?;
        let holds = tables.iter().all(|table| table.same);
        let mut proof = restore["proof"].as_str().unwrap_or("counts").to_owned();
        if holds && proof != "contents" {
            "contents".clone_into(&mut proof);
            self.write_proof(run.clone(), report, &tables).await?;
        }
        let at = match moment {
            Moment::At(time) => time / 1_000_000,
            Moment::Now | Moment::Snapshot(_) => time::now_ms(),
        };
        let as_of = if moment == Moment::Now { AsOf::Now } else { AsOf::Commit };
        Ok(RunProof { run: run.id, snapshot, holds, as_of, at: time::rfc3339(at), proof, tables })
    }

    async fn compare_restored(
        &self,
        moments: &mut dyn Moments,
        run: &RunRecord,
        snapshot: &str,
        restore: &Value,
    ) -> Result<(Moment, Vec<ProvedTable>)> {
        let older = Moment::Snapshot(snapshot.to_owned());
        if !moments.can_read(&older).await? {
            return Err(say::snapshot_of_run_gone(run, snapshot));
        }
        let names: Vec<String> =
            serde_json::from_value(restore["tables"].clone()).unwrap_or_default();
        let newer = self.moment_of_commit(moments, &names, restore).await?;
        let (then, now) = (moments.inventory(&older).await?, moments.inventory(&newer).await?);
        let rows = |name: &str| then.table(name).and_then(|table| table.rows).unwrap_or(0);
        let all: u64 = names.iter().map(|name| rows(name)).sum();
        let progress = Progress::of(Phase::Verify, &self.settings.observer);
        let (mut tables, mut done) = (Vec::new(), 0);
        // The history has gone on since, and the engine's own tables follow the others.
        let of_users =
            |name: &&String| **name != self.settings.history_table && !name.starts_with("sqlite_");
        for name in names.iter().filter(of_users) {
            let progress = progress.within(done, all);
            let both = [&older, &newer];
            tables.push(compare_table(moments, name, both, [&then, &now], &progress).await?);
            done += rows(name);
            progress.tell(Counted::Rows, rows(name), None);
        }
        Ok((newer, tables))
    }

    /// The moment at which the restore was committed, to the nanosecond: when what it made anew was
    /// there. Now, where that can't be read any more.
    async fn moment_of_commit(
        &self,
        moments: &mut dyn Moments,
        tables: &[String],
        restore: &Value,
    ) -> Result<Moment> {
        let between = serde_json::from_value::<[i64; 2]>(restore["committed_between"].clone());
        let Ok([before, after]) = between else { return Ok(Moment::Now) };
        if !moments.can_read(&Moment::At(before)).await? {
            return Ok(Moment::Now);
        }
        for table in std::iter::once(&self.settings.history_table).chain(tables) {
            if let Some(at) = moments.made_between(table, before, after).await? {
                return Ok(Moment::At(at));
            }
        }
        Ok(Moment::Now)
    }

    async fn write_proof(
        &self,
        mut run: RunRecord,
        mut report: Value,
        tables: &[ProvedTable],
    ) -> Result<()> {
        report["restore"]["proof"] = "contents".into();
        report["restore"]["rows_compared"] =
            tables.iter().filter_map(|table| table.rows).sum::<u64>().into();
        run.report = Some(report.to_string());
        let mut ledger = Ledger::open(self.engine()).await?;
        let written = ledger.update_run(&run).await;
        ledger.close().await;
        written
    }
}

async fn compare_table(
    moments: &mut dyn Moments,
    name: &str,
    [older, newer]: [&Moment; 2],
    [then, now]: [&Inventory; 2],
    progress: &Progress,
) -> Result<ProvedTable> {
    let find = |inventory: &Inventory| {
        let mut all = inventory.objects.iter();
        all.find(|object| object.kind.has_rows() && object.name == name).cloned()
    };
    let (was, is) = (find(then), find(now));
    let rows = was.as_ref().and_then(|table| table.rows);
    let same_definition =
        was.as_ref().map(|table| &table.sql) == is.as_ref().map(|table| &table.sql);
    let (Some(was), Some(_)) = (was, is) else {
        // Gone, as it should be or not; or there again.
        let name = name.to_owned();
        return Ok(ProvedTable {
            name,
            rows,
            same: same_definition,
            same_definition,
            differing: None,
        });
    };
    let same = same_definition && !moments.compare(&was, [older, newer], progress).await?.differs;
    let found = if same { None } else { moments.rows(name, older, newer).await? };
    let differing = match found {
        Some(RowDifferences::Listed(rows)) => u64::try_from(rows.len()).ok(),
        Some(RowDifferences::Counted(number)) => number,
        None => same.then_some(0),
    };
    Ok(ProvedTable { name: name.to_owned(), rows, same, same_definition, differing })
}
