//! How long a restore will take, from what was measured. Pure.
//!
//! A restore costs something in any case and something by its size, and neither is less than nothing.
//! So one that was measured bounds every other: a larger one takes longer, and not longer than in
//! proportion. What no restore has shown yet is bounded from below by the parts that were measured.

use std::time::Duration;

use serde::Serialize;

/// How long a restore will take, by what was measured on this database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreTime {
    /// It takes at least so long, in milliseconds.
    pub at_least_ms: u64,
    /// It takes at most so long; none where that can't be told.
    pub at_most_ms: Option<u64>,
    /// What was measured, in words.
    pub by: String,
}

impl RestoreTime {
    /// In words: `about 2s`, `2s to 5s`, `2s or more`.
    #[must_use]
    pub fn words(&self) -> String {
        let words = |ms: u64| rounded(Duration::from_millis(ms));
        let least = words(self.at_least_ms);
        match self.at_most_ms.map(words) {
            Some(most) if most == least => format!("about {least}"),
            Some(most) => format!("{least} to {most}"),
            None => format!("{least} or more"),
        }
    }
}

/// Without what nobody can know beforehand: to the tenth of a second, and above ten to the second.
fn rounded(took: Duration) -> String {
    let step = if took < Duration::from_secs(10) { 100 } else { 1000 };
    let ms = crate::time::ms(took).div_ceil(step).max(1) * step;
    crate::time::words(Duration::from_millis(ms))
}

/// A restore that was made: how much it was, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Made {
    pub(super) size: f64,
    pub(super) ms: u64,
}

/// Parts of this one that were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts {
    /// How long it takes to copy the database once.
    pub(super) copy: Option<Duration>,
    /// How long it takes to compare all rows that come back once.
    pub(super) compare: Option<Duration>,
}

/// A restore whose size is within this factor of another's says most about it.
const ALIKE: f64 = 2.0;

/// Bounds further apart than this say nothing of the upper one.
const USEFUL: u64 = 10;

/// How long one of this size takes.
pub(super) fn restore_time(size: f64, made: &[Made], parts: &Parts) -> Option<RestoreTime> {
    match (bounds(size, made), parts.sum()) {
        (Some((number, [least, most])), parts) => {
            let least = least.max(parts.unwrap_or(0).min(most));
            let runs = if number == 1 { "restore" } else { "restores" };
            Some(RestoreTime {
                at_least_ms: least,
                at_most_ms: (most <= least.saturating_mul(USEFUL)).then_some(most),
                by: format!("{number} earlier {runs} of this database"),
            })
        }
        (None, Some(least)) => {
            Some(RestoreTime { at_least_ms: least, at_most_ms: None, by: parts.words() })
        }
        (None, None) => None,
    }
}

/// How many restores say it, and between which times.
fn bounds(size: f64, made: &[Made]) -> Option<(usize, [u64; 2])> {
    let far = |made: &Made| (made.size / size).max(size / made.size);
    let usable = || made.iter().filter(|made| made.size > 0.0 && size > 0.0);
    let nearest = usable().min_by(|a, b| far(a).total_cmp(&far(b)))?;
    let alike: Vec<&Made> = match usable().filter(|made| far(made) <= ALIKE).collect::<Vec<_>>() {
        none if none.is_empty() => vec![nearest],
        some => some,
    };
    let both = alike.iter().map(|made| {
        let in_proportion = scaled(made.ms, size / made.size);
        [made.ms.min(in_proportion), made.ms.max(in_proportion)]
    });
    let bounds = both.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])?;
    Some((alike.len(), bounds))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate in milliseconds"
)]
fn scaled(ms: u64, by: f64) -> u64 {
    (ms as f64 * by) as u64
}

impl Parts {
    /// The snapshot is copied to be tested, and what is there as the failed state; rows are compared to
    /// plan by and to prove by.
    fn sum(&self) -> Option<u64> {
        let parts = [self.copy, self.compare];
        let known = parts.into_iter().flatten().reduce(|a, b| a + b)?;
        Some(crate::time::ms(known * 2)).filter(|ms| *ms > 0)
    }

    fn words(&self) -> String {
        let words = |took: Option<Duration>, what: &str| {
            took.map(|took| format!("{what} in {}", crate::time::words(took)))
        };
        let parts = [words(self.copy, "copied once"), words(self.compare, "compared once")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("its parts: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(size: f64, ms: u64) -> Made {
        Made { size, ms }
    }

    #[test]
    fn a_restore_bounds_larger_and_smaller_ones() {
        let nothing = Parts::default();
        let of = |size| restore_time(size, &[made(10.0, 100)], &nothing).unwrap();
        assert_eq!((of(30.0).at_least_ms, of(30.0).at_most_ms), (100, Some(300)));
        assert_eq!((of(5.0).at_least_ms, of(5.0).at_most_ms), (50, Some(100)));
        assert_eq!(of(10.0).by, "1 earlier restore of this database");
        assert_eq!((of(1e6).at_least_ms, of(1e6).at_most_ms), (100, None));
    }

    #[test]
    fn it_is_said_without_what_nobody_can_know() {
        let of = |at_least_ms, at_most_ms| {
            RestoreTime { at_least_ms, at_most_ms, by: String::new() }.words()
        };
        assert_eq!(of(41, Some(97)), "about 100ms");
        assert_eq!(of(1130, Some(4999)), "1.2s to 5s");
        assert_eq!(of(83_400, None), "1m 24s or more");
    }

    #[test]
    fn those_of_a_like_size_count_before_others() {
        let all = [made(10.0, 100), made(12.0, 90), made(1000.0, 5000)];
        let found = restore_time(11.0, &all, &Parts::default()).unwrap();
        assert_eq!((found.at_least_ms, found.at_most_ms), (82, Some(110)));
        assert_eq!(found.by, "2 earlier restores of this database");
    }

    #[test]
    fn parts_bound_from_below_alone_and_nothing_is_made_up() {
        let parts = Parts { copy: Some(Duration::from_secs(2)), compare: None };
        let found = restore_time(11.0, &[], &parts).unwrap();
        assert_eq!((found.at_least_ms, found.at_most_ms), (4000, None));
        assert_eq!(found.by, "its parts: copied once in 2s");
        assert_eq!(restore_time(11.0, &[], &Parts::default()), None);
        assert_eq!(restore_time(0.0, &[made(10.0, 100)], &Parts::default()), None);
    }
}
