//! The clock, and how moments are written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::friendly::{Designator, SpanPrinter};
use jiff::tz::TimeZone;

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as RFC 3339 in UTC, to the second.
pub(crate) fn rfc3339(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000)).map_or_else(|_| ms.to_string(), |at| at.to_string())
}

/// A moment as it stands in names: `20261122_084412`.
pub(crate) fn compact(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000)).map_or_else(
        |_| ms.to_string(),
        |at| at.to_zoned(TimeZone::UTC).strftime("%Y%m%d_%H%M%S").to_string(),
    )
}

/// The day of a moment: `2026-11-29`.
pub(crate) fn day(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000)).map_or_else(
        |_| ms.to_string(),
        |at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string(),
    )
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration for people: `7d`, `1m 30s`, `41ms`.
pub(crate) fn words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{}ms", duration.as_millis());
    }
    if duration < Duration::from_mins(1) && duration.subsec_millis() != 0 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    let days = duration.as_secs() / 86_400;
    let rest = Duration::from_secs(duration.as_secs() % 86_400);
    let printer = SpanPrinter::new()
        .designator(Designator::Compact)
        .spacing(jiff::fmt::friendly::Spacing::BetweenUnits);
    match (days, rest.is_zero()) {
        (0, _) => printer.unsigned_duration_to_string(&rest),
        (days, true) => format!("{days}d"),
        (days, false) => format!("{days}d {}", printer.unsigned_duration_to_string(&rest)),
    }
}

/// Reads a duration: `7d`, `24h`, `1m 30s`, `500ms`, `PT5M`. A day has 24 hours.
///
/// # Errors
/// The words cannot be read; says what can.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration; write `30s`, `10m`, `24h` or `7d`");
    let span: jiff::Span = text.trim().parse().map_err(|_| bad())?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let signed = span.to_duration(relative).map_err(|_| bad())?;
    Duration::try_from(signed).map_err(|_| bad())
}

/// Reads a moment: RFC 3339, or `2026-11-22 08:44:12`, which is taken as UTC.
///
/// # Errors
/// The words cannot be read; says what can.
pub fn parse_moment(text: &str) -> Result<SystemTime, String> {
    let text = text.trim();
    let bad = || {
        format!(
            "`{text}` is not a moment; write `2026-11-22T08:44:12Z`, or `2026-11-22 08:44:12` in UTC"
        )
    };
    let at: Timestamp = match text.parse() {
        Ok(at) => at,
        // A day alone would be its midnight, which nobody means.
        Err(_) if !text.contains(':') => return Err(bad()),
        Err(_) => {
            let at: jiff::civil::DateTime = text.parse().map_err(|_| bad())?;
            at.to_zoned(TimeZone::UTC).map_err(|_| bad())?.timestamp()
        }
    };
    Ok(at.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds) in
            [("7d", 604_800), ("24h", 86_400), ("1m 30s", 90), ("PT5M", 300), ("0s", 0)]
        {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for bad in ["", "7", "-5m", "soon", "1y"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        for (ms, text) in [(41, "41ms"), (1500, "1.5s"), (90_000, "1m 30s"), (604_800_000, "7d")] {
            assert_eq!(words(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn moments_are_read_with_their_zone_and_without_one_in_utc() {
        let at = UNIX_EPOCH + Duration::from_millis(1_795_337_052_250);
        for text in
            ["2026-11-22T08:44:12.25Z", "2026-11-22T10:44:12.25+02:00", " 2026-11-22 08:44:12.25"]
        {
            assert_eq!(parse_moment(text), Ok(at), "{text}");
        }
        for bad in ["", "2026-11-22", "yesterday", "08:44:12", "2026-13-01 00:00:00", "now"] {
            assert!(parse_moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(rfc3339(1_795_337_052_000), "2026-11-22T08:44:12Z");
        assert_eq!(compact(1_795_337_052_000), "20261122_084412");
    }
}
