//! What the benchmarks share: medians, and rows that hold a figure against a peer's of the same run.

#![allow(
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails loudly"
)]

use std::time::{Duration, Instant};

/// The middle one of some measurements.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// How long something took.
pub async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let done = work.await;
    (began.elapsed(), done)
}

/// Prints what ours took beside what a peer took.
pub fn row(what: &str, ours: Duration, peer: &str, theirs: Duration) {
    println!("{}", line(what, ours, peer, theirs));
}

/// The same with the highest ratio that is wanted.
pub fn row_with_goal(what: &str, ours: Duration, peer: &str, theirs: Duration, most: f64) {
    let said = if ours.as_secs_f64() <= most * theirs.as_secs_f64() { "met" } else { "MISSED" };
    println!("{}   at most {most:.3}: {said}", line(what, ours, peer, theirs));
}

fn line(what: &str, ours: Duration, peer: &str, theirs: Duration) -> String {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    format!("{what:<44} {ours:>12.3?}   {peer:<30} {theirs:>12.3?}   ratio {ratio:.3}")
}
