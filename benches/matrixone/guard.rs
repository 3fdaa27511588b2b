//! What the guard costs beside the migration's own statements.

use std::collections::BTreeMap;
use std::time::Duration;

use mo_migrate_benches::{median, row_with_goal, timed};

use super::server::send;
use super::table::Table;

const ROUNDS: u64 = 7;

/// The most that it may cost at any size.
const MOST: Duration = Duration::from_millis(150);

/// All of a run but its migration's own statement: connecting, lock, preflight, snapshot,
/// verification, checks, ledger.
pub(crate) async fn overhead(table: &Table) -> Duration {
    let mut rounds: Vec<(Duration, BTreeMap<String, u64>)> = Vec::new();
    let mut alone = Vec::new();
    for round in 1..=ROUNDS {
        table.file(&format!("{round}_note.sql"), &format!("ALTER TABLE big COMMENT = 'n{round}';"));
        let (whole, report) =
            timed(async { table.migrator().run(table.address()).await.unwrap() }).await;
        rounds.push((whole, report.timings_ms));
        let same = format!("ALTER TABLE big COMMENT = 'alone {round}'");
        alone.push(timed(send(&table.pool, &same)).await.0);
    }
    rounds.sort();
    let (whole, phases) = rounds.swap_remove(rounds.len() / 2);
    let overhead = whole.saturating_sub(median(alone));
    row_with_goal(
        &format!("guard overhead, {} rows", table.rows),
        overhead,
        "the limit",
        MOST,
        1.0,
    );
    let in_phases: u64 = phases.values().sum();
    let words: Vec<String> = phases.iter().map(|(phase, ms)| format!("{phase} {ms}")).collect();
    println!(
        "    of {whole:.1?} in all, in ms: {}, between them {}",
        words.join(", "),
        whole.as_millis().saturating_sub(in_phases.into())
    );
    overhead
}
