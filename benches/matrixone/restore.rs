//! The way back of one large table.

use std::time::Duration;

use mo_migrate::Report;
use mo_migrate_benches::{median, row, row_with_goal, timed};

use super::server::ask;
use super::table::Table;

/// From so many rows on the figures have goals.
const LARGE: u64 = 10_000_000;

/// What a migration did before it failed, and how often it is tried.
const WRECKS: [(&str, &str, usize); 3] = [
    ("1000 rows changed", "UPDATE big SET stock = stock + 1 WHERE id <= 1000", 3),
    ("a column added", "ALTER TABLE big ADD COLUMN extra INT", 3),
    // The statement alone takes minutes on ten million rows.
    ("all rows changed", "UPDATE big SET stock = stock + 1", 1),
];

/// Proved by counts within a second, and by contents against one checksum of both sides.
pub(crate) async fn of_the_table(table: &Table) {
    for (what, sql, rounds) in WRECKS {
        let (mut counts, mut contents, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        let mut phases = Vec::new();
        for _ in 0..rounds {
            counts.push(took(&table.fails(sql, 0).await, "counts"));
            let report = table.fails(sql, u64::MAX).await;
            contents.push(took(&report, "contents"));
            sums.push(checksum(table, &report.snapshot.as_ref().unwrap().name).await);
            phases.push(way_back(&report));
        }
        let (counts, contents, sums) = (median(counts), median(contents), median(sums));
        let whose = format!("{what} of {}", table.rows);
        let (by_counts, by_contents) = (format!("counts, {whose}"), format!("contents, {whose}"));
        if table.rows >= LARGE {
            row_with_goal(&by_counts, counts, "the limit", Duration::from_secs(1), 1.0);
            row_with_goal(&by_contents, contents, "checksum of both sides", sums, 3.0);
        } else {
            row(&by_counts, counts, "checksum of both sides", sums);
            row(&by_contents, contents, "checksum of both sides", sums);
        }
        println!("    the last with contents, in ms: {}", phases.pop().unwrap());
    }
}

fn took(report: &Report, proof: &str) -> Duration {
    let restore = report.restore.as_ref().unwrap();
    assert_eq!(restore.proof, proof);
    Duration::from_millis(restore.duration_ms)
}

/// The phases of a way back, with their times.
pub(crate) fn way_back(report: &Report) -> String {
    let phases = ["verify", "failed_state", "restore", "afterwards"];
    let words = phases.map(|phase| {
        format!("{phase} {}", report.timings_ms.get(phase).copied().unwrap_or_default())
    });
    words.join(", ")
}

/// One checksum over all columns of the table as it is and as it was.
async fn checksum(table: &Table, snapshot: &str) -> Duration {
    let of = |source: String| {
        format!(
            "SELECT count(*), sum(crc32(serial_full(id, name, price, stock, note))) FROM {source}"
        )
    };
    let now = of(format!("{}.big", table.database));
    let then = of(format!("{}.big {{SNAPSHOT = '{snapshot}'}}", table.database));
    let both = async {
        ask(&table.pool, &now).await;
        ask(&table.pool, &then).await;
    };
    timed(both).await.0
}
