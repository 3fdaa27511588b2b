//! The maintenance window: when a run may begin. Pure.
//!
//! Its times are in UTC: the hour of a window that follows a time zone comes twice a year, or not at
//! all, and the machines of one database need not have the same zone.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// The minutes of a day.
const DAY: i64 = 24 * 60;

/// When a run may begin: always, or on some days between two times, in UTC.
///
/// ```
/// # use mo_migrate::settings::Window;
/// let nights: Window = "Mon-Thu 22:00-02:00; Sat,Sun 00:00-24:00 UTC".parse().unwrap();
/// assert_eq!(nights.to_string(), "Mon-Thu 22:00-02:00; Sat,Sun 00:00-24:00 UTC");
/// assert!("Sat 02:00-04:00 CET".parse::<Window>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    text: String,
    parts: Vec<Part>,
}

/// Some days, and the minutes of them; one that ends on the next day has more than those of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    days: Vec<Weekday>,
    from: i64,
    until: i64,
}

impl Window {
    /// It is open at all times.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.parts.is_empty()
    }

    /// When it closes, in milliseconds since 1970, where it is open at `now`.
    pub(crate) fn open_until(&self, now: i64) -> Option<i64> {
        let mut until = self.times(now).filter(|(from, to)| *from <= now && now < *to);
        let mut end = until.next()?.1;
        // What begins where another one ends, or within it, goes on.
        let mut times: Vec<(i64, i64)> = self.times(now).collect();
        times.sort_unstable();
        for (from, to) in times {
            if from <= end {
                end = end.max(to);
            }
        }
        Some(end)
    }

    /// When it opens next, in milliseconds since 1970.
    pub(crate) fn opens(&self, now: i64) -> Option<i64> {
        self.times(now).map(|(from, _)| from).filter(|from| *from > now).min()
    }

    /// Its times from the day before `now` to the week after it.
    fn times(&self, now: i64) -> impl Iterator<Item = (i64, i64)> {
        let today = Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(TimeZone::UTC);
        (-1..=8).filter_map(move |days| midnight(&today, days)).flat_map(|(midnight, weekday)| {
            let of_day = self.parts.iter().filter(move |part| part.days.contains(&weekday));
            let at = move |minutes: i64| midnight + minutes * 60_000;
            of_day.map(move |part| (at(part.from), at(part.until)))
        })
    }
}

/// The midnight of a day, so many days from `today`, and its name.
fn midnight(today: &Zoned, days: i64) -> Option<(i64, Weekday)> {
    let day = today.checked_add(Span::new().days(days)).ok()?.start_of_day().ok()?;
    Some((day.timestamp().as_millisecond(), day.weekday()))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_always() { "always" } else { &self.text })
    }
}

/// `Sat,Sun 02:00-04:00 UTC`, several with `;` between them, or `always`.
impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "always" {
            return Ok(Self::default());
        }
        let bad = || {
            format!(
                "`{text}` is no maintenance window; write `Sat,Sun 02:00-04:00 UTC`, several with \
                 `;` between them, or `always`; times are in UTC"
            )
        };
        let times = text.strip_suffix("UTC").map_or(text, str::trim_end);
        let parts: Option<Vec<Part>> = times.split(';').map(part).collect();
        let parts = parts.filter(|parts| !parts.is_empty()).ok_or_else(bad)?;
        Ok(Self { text: format!("{times} UTC"), parts })
    }
}

/// `Sat,Sun 02:00-04:00`; without days on every one.
fn part(text: &str) -> Option<Part> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (list, times) = match words.as_slice() {
        [times] => (None, times),
        [days, times] => (Some(*days), times),
        _ => return None,
    };
    let (from, until) = times.split_once('-')?;
    let (from, until) = (minutes(from)?, minutes(until)?);
    if from == until || from == DAY {
        return None;
    }
    let until = if until < from { until + DAY } else { until };
    let days = match list {
        None => DAYS.iter().map(|(_, day)| *day).collect(),
        Some(list) => {
            let days: Option<Vec<Vec<Weekday>>> = list.split(',').map(days).collect();
            days?.concat()
        }
    };
    Some(Part { days, from, until })
}

/// `Sat`, or `Mon-Fri`.
fn days(text: &str) -> Option<Vec<Weekday>> {
    let at = |name: &str| DAYS.iter().position(|(day, _)| day.eq_ignore_ascii_case(name));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (at(first)?, at(last)?);
    let count = (last + DAYS.len() - first) % DAYS.len();
    Some((0..=count).map(|step| DAYS[(first + step) % DAYS.len()].1).collect())
}

/// `02:00` to `24:00`, in minutes.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Some(hours * 60 + minutes).filter(|all| *all <= DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::rfc3339;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn window(text: &str) -> Window {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_open_from_its_first_minute_to_its_last() {
        // 2026-11-22 is a Sunday.
        for (text, now, until) in [
            ("Sat,Sun 02:00-04:00 UTC", "2026-11-22T02:00:00Z", Some("2026-11-22T04:00:00Z")),
            ("Sat,Sun 02:00-04:00 UTC", "2026-11-22T03:59:59Z", Some("2026-11-22T04:00:00Z")),
            ("Sat,Sun 02:00-04:00", "2026-11-22T04:00:00Z", None),
            ("Sat,Sun 02:00-04:00", "2026-11-22T01:59:59Z", None),
            ("Sat,Sun 02:00-04:00", "2026-11-23T03:00:00Z", None),
            ("Sat 22:00-02:00", "2026-11-22T01:00:00Z", Some("2026-11-22T02:00:00Z")),
            ("Sat 22:00-02:00", "2026-11-22T23:00:00Z", None),
            ("fri-mon 10:00-11:00", "2026-11-22T10:30:00Z", Some("2026-11-22T11:00:00Z")),
            ("fri-mon 10:00-11:00", "2026-11-25T10:30:00Z", None),
            ("10:00-11:00", "2026-11-25T10:30:00Z", Some("2026-11-25T11:00:00Z")),
            (
                "Sun 00:00-24:00; Mon 00:00-06:00",
                "2026-11-22T12:00:00Z",
                Some("2026-11-23T06:00:00Z"),
            ),
        ] {
            let found = window(text).open_until(at(now)).map(rfc3339);
            assert_eq!(found.as_deref(), until, "{text} at {now}");
        }
    }

    #[test]
    fn it_says_when_it_opens_next() {
        for (text, now, next) in [
            ("Sat,Sun 02:00-04:00", "2026-11-22T04:00:00Z", "2026-11-28T02:00:00Z"),
            ("Sat,Sun 02:00-04:00", "2026-11-21T05:00:00Z", "2026-11-22T02:00:00Z"),
            ("Sun 02:00-04:00", "2026-11-22T02:00:00Z", "2026-11-29T02:00:00Z"),
            ("Mon 23:00-01:00; Wed 01:00-02:00", "2026-11-24T02:00:00Z", "2026-11-25T01:00:00Z"),
        ] {
            assert_eq!(window(text).opens(at(now)).map(rfc3339).as_deref(), Some(next), "{text}");
        }
        assert_eq!(Window::default().opens(0), None);
    }

    #[test]
    fn what_it_can_not_be_is_refused_with_what_it_can() {
        for bad in [
            "",
            "UTC",
            "Sat",
            "Sat 2:00-4:00",
            "Sat 02:00-02:00",
            "Sat 24:00-02:00",
            "Sat 02:00-25:00",
            "Sat 02:60-04:00",
            "Sab 02:00-04:00",
            "Sat 02:00-04:00 CET",
            "Sat 02:00-04:00; ",
            "+1:00-02:00",
        ] {
            let said = bad.parse::<Window>().unwrap_err();
            assert!(said.contains("`Sat,Sun 02:00-04:00 UTC`"), "{bad}: {said}");
        }
        assert!(window("always").is_always());
        assert_eq!(window("Sat 02:00-04:00").to_string(), "Sat 02:00-04:00 UTC");
    }
}
