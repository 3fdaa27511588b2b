//! How long a query takes: the median and the 95th percentile of several runs.

use std::time::{Duration, Instant};

use super::Verdict;
use crate::engine::Connection;
use crate::error::Result;
use crate::time::words;

/// Runs a query `n` times after one that does not count, and holds it against its limits.
pub(super) async fn measure(
    connection: &mut dyn Connection,
    sql: &str,
    (p50, p95): (Option<Duration>, Option<Duration>),
    n: u32,
) -> Result<Verdict> {
    connection.fetch(sql, &[], None).await?;
    let mut times = Vec::new();
    for _ in 0..n.max(1) {
        let began = Instant::now();
        connection.fetch(sql, &[], None).await?;
        times.push(began.elapsed());
    }
    times.sort();
    let over = |name: &str, percent: usize, limit: Option<Duration>| {
        let took = percentile(&times, percent);
        limit.filter(|limit| took > *limit).map(|limit| {
            format!("{name} of {} runs is {}, above {}", times.len(), micro(took), words(limit))
        })
    };
    let problems: Vec<String> = [over("the median", 50, p50), over("the 95th percentile", 95, p95)]
        .into_iter()
        .flatten()
        .collect();
    Ok(Verdict::ensure(problems.is_empty(), problems.join(", ")))
}

fn micro(took: Duration) -> String {
    if took < Duration::from_millis(10) { format!("{} µs", took.as_micros()) } else { words(took) }
}

/// The nearest-rank percentile of sorted times: the smallest that `percent` of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(10));
        assert_eq!(percentile(&times, 95), Duration::from_millis(19));
        assert_eq!(percentile(&times[..1], 95), Duration::from_millis(1));
    }
}
