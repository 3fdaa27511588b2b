//! What the ledger and a look at the database say of how long a restore will take.

use std::time::Duration;

use serde_json::Value;

use super::Operations;
use super::restore_preview::{Fate, RestorePreview, Sides, Wanted};
use super::restore_time::{Made, Parts, RestoreTime, restore_time};
use crate::error::Result;
use crate::ledger::{Ledger, RunRecord};

/// Fewer rows than this say nothing of how long a comparison takes.
const SAMPLE: u64 = 1_000;

impl Operations<'_> {
    /// How long it will take.
    pub(super) async fn takes(
        &self,
        wanted: &Wanted,
        sides: &Sides,
        preview: &RestorePreview,
        ledger: &mut Ledger,
    ) -> Result<Option<RestoreTime>> {
        let back = preview.changes.iter().filter(|table| table.fate != Fate::Stays);
        let (tables, rows) =
            back.fold((0, 0), |(n, rows), table| (n + 1, rows + table.rows_then.unwrap_or(0)));
        let (runs, snapshots) = (ledger.runs().await?, ledger.snapshots().await?);
        let bytes = |name: &str| {
            let found = snapshots.iter().find(|snapshot| snapshot.name == name);
            found.and_then(|snapshot| snapshot.bytes)
        };
        let own = wanted.snapshot.bytes;
        let reports: Vec<Value> = runs.iter().filter_map(report).collect();
        let made: Vec<Made> = reports
            .iter()
            .filter_map(|report| {
                let restore = report.get("restore").filter(|restore| restore.is_object())?;
                let size = match own {
                    Some(_) => in_bytes(bytes(report["snapshot"]["name"].as_str()?)?),
                    None => in_tables(
                        restore["tables"].as_array()?.len(),
                        restore["rows_compared"].as_u64()?,
                    ),
                };
                Some(Made { size, ms: restore["duration_ms"].as_u64()? })
            })
            .collect();
        let size = own.map_or_else(|| in_tables(tables, rows), in_bytes);
        let copied = own.and_then(|own| {
            reports.iter().find_map(|report| {
                let ms = report["timings_ms"]["snapshot"].as_u64()?;
                let made = bytes(report["snapshot"]["name"].as_str()?)?;
                copy_time(own, made, Duration::from_millis(ms))
            })
        });
        let (same, took) = sides.same;
        let compared = (same >= SAMPLE).then(|| took.mul_f64(in_bytes(rows) / in_bytes(same)));
        let parts =
            Parts { copy: copied, compare: compared.filter(|compared| !compared.is_zero()) };
        Ok(restore_time(size, &made, &parts))
    }
}

/// Fewer bytes than this say nothing of how long a copy takes.
const COPIED: u64 = 1 << 20;

/// How long a copy of `own` bytes takes, where one of `made` bytes took so long.
fn copy_time(own: u64, made: u64, took: Duration) -> Option<Duration> {
    (made >= COPIED).then(|| took.mul_f64(in_bytes(own) / in_bytes(made)))
}

/// The report of a run that has written one.
fn report(run: &RunRecord) -> Option<Value> {
    run.report.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn in_bytes(bytes: u64) -> f64 {
    bytes as f64
}

/// A table costs as much as the comparison of so many rows (docs/matrixone.md: 20 to 40 ms, and 1.2 s
/// for ten million on each side).
const ROWS_OF_A_TABLE: f64 = 100_000.0;

/// The size of a restore where a copy takes no time.
fn in_tables(tables: usize, rows: u64) -> f64 {
    let tables = u64::try_from(tables).unwrap_or(u64::MAX);
    in_bytes(tables) + in_bytes(rows) / ROWS_OF_A_TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_of_an_empty_database_says_nothing_of_how_long_one_takes() {
        let took = Duration::from_millis(10);
        assert_eq!(copy_time(16_384, 0, took), None);
        assert_eq!(copy_time(1 << 30, 16_384, took), None);
        assert_eq!(copy_time(2 << 20, 1 << 20, took), Some(took * 2));
    }
}
