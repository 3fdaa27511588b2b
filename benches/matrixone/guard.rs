//! What the guard costs beside the migration's own statements.

use std::collections::BTreeMap;
use std::time::Duration;

use mo_migrate_benches::{median, row, row_with_goal, timed};

use super::server::send;
use super::table::Table;

const ROUNDS: u64 = 9;

/// The most that it may cost at any size.
const MOST: Duration = Duration::from_millis(150);

/// What was measured on one table.
#[derive(Debug, Default)]
struct Runs {
    /// How long each run took, with its phases in milliseconds.
    whole: Vec<(Duration, BTreeMap<String, u64>)>,
    /// How long its migration's statement takes without the guard.
    alone: Vec<Duration>,
}

/// All of a run but its migration's own statement: connecting, lock, preflight, snapshot,
/// verification, checks, ledger. The sizes are measured in turn, so that whatever the server does
/// beside it (it still merges what was loaded last) does not look like the price of one size.
pub(crate) async fn overhead(tables: &[Table]) {
    let mut runs: Vec<Runs> = tables.iter().map(|_| Runs::default()).collect();
    for round in 1..=ROUNDS {
        for (table, runs) in tables.iter().zip(&mut runs) {
            runs.add(table, round).await;
        }
    }
    let mut least: Option<(u64, Duration)> = None;
    for (table, runs) in tables.iter().zip(runs) {
        let what = format!("guard overhead, {} rows", table.rows);
        let overhead = runs.told(&what);
        match least {
            Some((rows, least)) => {
                row(&what, overhead, &format!("the same with {rows} rows"), least);
            }
            None => least = Some((table.rows, overhead)),
        }
    }
}

impl Runs {
    async fn add(&mut self, table: &Table, round: u64) {
        table.file(&format!("{round}_note.sql"), &format!("ALTER TABLE big COMMENT = 'n{round}';"));
        let (whole, report) =
            timed(async { table.migrator().run(table.address()).await.unwrap() }).await;
        self.whole.push((whole, report.timings_ms));
        let same = format!("ALTER TABLE big COMMENT = 'alone {round}'");
        self.alone.push(timed(send(&table.pool, &same)).await.0);
    }

    /// Prints the median, and which phases it is made of.
    fn told(mut self, what: &str) -> Duration {
        self.whole.sort();
        let (whole, phases) = self.whole.swap_remove(self.whole.len() / 2);
        let overhead = whole.saturating_sub(median(self.alone));
        row_with_goal(what, overhead, "the limit", MOST, 1.0);
        let in_phases: u64 = phases.values().sum();
        let words: Vec<String> = phases.iter().map(|(phase, ms)| format!("{phase} {ms}")).collect();
        println!(
            "    of {whole:.1?} in all, in ms: {}, between them {}",
            words.join(", "),
            whole.as_millis().saturating_sub(in_phases.into())
        );
        overhead
    }
}
