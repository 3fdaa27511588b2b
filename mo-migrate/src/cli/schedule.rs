//! The times of a schedule. Pure: a clock is given.
//!
//! Invariants:
//! 1. times are in UTC;
//! 2. one that was missed, because the machine slept or nobody ran, is made up for once, however many
//!    there were.

use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When something is done.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    cron: Cron,
    text: String,
}

impl Schedule {
    /// Each hour.
    pub(super) fn hourly() -> Result<Self, String> {
        Self::cron("0 * * * *")
    }

    /// Each day at this time: `02:00`.
    ///
    /// # Errors
    /// It is no time.
    pub(super) fn daily(time: &str) -> Result<Self, String> {
        let bad = || format!("`{time}` is no time of a day; write `02:00`, in UTC");
        let (hour, minute) = time.split_once(':').ok_or_else(bad)?;
        let number = |text: &str, below: u8| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u8>().ok().filter(|number| is_number && *number < below)
        };
        let (hour, minute) = number(hour, 24).zip(number(minute, 60)).ok_or_else(bad)?;
        Self::cron(&format!("{minute} {hour} * * *"))
    }

    /// The times of a cron expression: minute, hour, day, month, weekday; seconds may stand before them.
    ///
    /// # Errors
    /// It is none, or it never comes.
    pub(super) fn cron(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let text = text.trim();
        let bad = |why: &str| {
            let why = why.trim_end_matches('.');
            format!("`{text}` is no cron expression ({why}); write `0 2 * * 1-5`, in UTC")
        };
        if text.contains('@') {
            // Not every clock that it may be printed for knows them.
            return Err(bad("it is a nickname, which not every clock knows"));
        }
        if has_what_few_clocks_know(text) {
            return Err(bad("`L`, `W` and `#` are not known to every clock"));
        }
        let cron = parser.parse(text).map_err(|error| bad(&error.to_string()))?;
        let schedule = Self { cron, text: text.to_owned() };
        match schedule.after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(format!("the time `{text}` never comes")),
        }
    }

    /// As a cron expression.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The first time after this one.
    fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let zoned = time.to_zoned(TimeZone::UTC);
        self.cron.find_next_occurrence(&zoned, false).ok().map(|next| next.timestamp())
    }

    /// When it is due, where it was last done then: at once where that is over, and a last time that is
    /// still to come is one of another clock. None when it never is again.
    pub(super) fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        self.after(last.map_or(now, |last| last.min(now)))
    }
}

/// The last day, the nearest working day, the second Tuesday: what a plain `cron` does not take, and a unit
/// neither. A name of a month or a weekday may have these letters too.
fn has_what_few_clocks_know(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().rev().collect();
    let weekday = fields.first().is_some_and(|field| field.ends_with(['L', 'l']));
    let day = fields.get(2).is_some_and(|field| field.contains(['L', 'l', 'W', 'w']));
    weekday || day || text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_the_first_one_after_the_last() {
        // 2026-11-22 is a Sunday.
        for (schedule, now, next) in [
            (Schedule::daily("02:00"), "2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z"),
            (Schedule::daily("02:00"), "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"),
            (Schedule::hourly(), "2026-11-22T02:00:01Z", "2026-11-22T03:00:00Z"),
            (Schedule::cron("0 2 * * 1-5"), "2026-11-20T03:00:00Z", "2026-11-23T02:00:00Z"),
            (Schedule::cron("*/15 * * * *"), "2026-12-31T23:46:00Z", "2027-01-01T00:00:00Z"),
            (Schedule::cron("0 0 29 2 *"), "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
            // The hours that a zone with summer time does twice, or not at all.
            (Schedule::cron("30 1 * * *"), "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            (Schedule::cron("30 1 * * *"), "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
            (Schedule::cron("0 2 * JUL WED"), "2026-11-22T00:00:00Z", "2027-07-07T02:00:00Z"),
            (Schedule::cron("* * * * * *"), "2026-11-22T00:00:00Z", "2026-11-22T00:00:01Z"),
        ] {
            let schedule = schedule.unwrap();
            assert_eq!(schedule.due(None, at(now)), Some(at(next)), "{} at {now}", schedule.text());
        }
    }

    #[test]
    fn what_was_missed_is_due_at_once_and_only_once() {
        let schedule = Schedule::daily("02:00").unwrap();
        let now = at("2026-11-22T10:00:00Z");
        let missed = schedule.due(Some(at("2026-11-18T02:00:03Z")), now).unwrap();
        assert!(missed <= now, "three of them were missed: {missed}");
        assert_eq!(schedule.due(Some(now), now), Some(at("2026-11-23T02:00:00Z")));
        let today = schedule.due(Some(at("2026-11-22T02:00:03Z")), now).unwrap();
        assert_eq!(today, at("2026-11-23T02:00:00Z"), "none was missed");
        let later = at("2027-11-22T02:00:00Z");
        assert_eq!(schedule.due(Some(later), now), Some(at("2026-11-23T02:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_is() {
        for bad in ["2:00", "24:00", "02:60", "soon", "", "02:00:00", "-1:00"] {
            assert!(Schedule::daily(bad).unwrap_err().contains("`02:00`"), "{bad}");
        }
        for bad in [
            "",
            "* * *",
            "61 * * * *",
            "0 2 * * 1-5 2027 1",
            "0 2 * * mon-",
            "@sometimes",
            "0 2 L * *",
            "0 2 15W * *",
            "0 2 * * 5L",
            "0 2 * * 2#2",
        ] {
            assert!(Schedule::cron(bad).is_err(), "{bad}");
        }
        assert!(Schedule::cron("0 0 30 2 *").unwrap_err().contains("never comes"));
    }
}
