//! How long snapshots are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::time::{self, parse_duration};

/// How long snapshots are kept, by what they are for: 7 days, and those before an import 24 hours.
///
/// ```
/// # use std::time::Duration;
/// # use mo_migrate::settings::Keep;
/// let keep: Keep = "14d, import=12h".parse().unwrap();
/// assert_eq!(keep.of("import"), Duration::from_hours(12));
/// assert_eq!(keep.of("pre_upgrade"), Duration::from_hours(14 * 24));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    usual: Duration,
    of: BTreeMap<String, Duration>,
}

impl Default for Keep {
    fn default() -> Self {
        let import = ("import".to_owned(), Duration::from_hours(24));
        Self { usual: Duration::from_hours(7 * 24), of: BTreeMap::from([import]) }
    }
}

/// All of them as long.
impl From<Duration> for Keep {
    fn from(usual: Duration) -> Self {
        Self { usual, of: BTreeMap::new() }
    }
}

impl Keep {
    /// How long what is for this is kept.
    #[must_use]
    pub fn of(&self, purpose: &str) -> Duration {
        self.of.get(purpose).copied().unwrap_or(self.usual)
    }

    /// With another time for what is for this.
    #[must_use]
    pub fn with(mut self, purpose: impl Into<String>, time: Duration) -> Self {
        self.of.insert(purpose.into(), time);
        self
    }

    /// When what is for this may go, in milliseconds since 1970.
    pub(crate) fn until(&self, purpose: &str, now: i64) -> i64 {
        now.saturating_add(i64::try_from(self.of(purpose).as_millis()).unwrap_or(i64::MAX))
    }
}

/// As it is read again: `7d, import=1d`.
impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::words(self.usual))?;
        self.of
            .iter()
            .try_for_each(|(purpose, time)| write!(f, ", {purpose}={}", time::words(*time)))
    }
}

/// `7d` for all, or `7d, import=24h`.
impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut usual = None;
        let mut of = BTreeMap::new();
        for part in text.split(',') {
            let before = match part.split_once('=') {
                Some((purpose, time)) => {
                    of.insert(purpose.trim().to_owned(), parse_duration(time)?)
                }
                None => usual.replace(parse_duration(part)?),
            };
            if before.is_some() {
                return Err(format!("`{text}` says one of them twice; write `7d, import=24h`"));
            }
        }
        Ok(match usual {
            Some(usual) => Self { usual, of },
            // What was not spoken of stays as it is.
            None => of.into_iter().fold(Self::default(), |keep, (of, time)| keep.with(of, time)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_of_all_or_of_one_purpose() {
        let hours = Duration::from_hours;
        for (text, import, other) in [
            ("3d", hours(72), hours(72)),
            ("7d, import=24h", hours(24), hours(168)),
            ("import=12h", hours(12), hours(168)),
            (" nightly = 30d , 2h ", hours(2), hours(2)),
        ] {
            let keep: Keep = text.parse().unwrap();
            assert_eq!((keep.of("import"), keep.of("pre_upgrade")), (import, other), "{text}");
            assert_eq!(keep.to_string().parse(), Ok(keep), "{text}");
        }
        for bad in ["", "soon", "import", "import=", "7d,8d", "import=1d,import=2d"] {
            assert!(bad.parse::<Keep>().is_err(), "{bad}");
        }
        assert_eq!(Keep::default().to_string(), "7d, import=1d");
    }
}
