//! Durations as they are written in attributes: `500ms`, `30s`, `5m`, `1h`.

/// The duration in milliseconds.
///
/// # Errors
/// Anything else, with what can be written.
pub(crate) fn millis(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => {
            return Err(format!(
                "`{text}` is not a duration; write it as `500ms`, `30s`, `5m` or `1h`"
            ));
        }
    };
    if digits == 0 {
        return Err(format!(
            "`{text}` is a duration without a number; write it as `500ms`, `30s`, `5m` or `1h`"
        ));
    }
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(0) => Err(format!("`{text}` leaves no time; give it more, such as `30s`")),
        Some(millis) => Ok(millis),
        None => Err(format!("`{text}` is too long; give it less, such as `24h`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_known() {
        for (text, expected) in
            [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn all_else_is_an_error_with_the_remedy() {
        for text in [
            "",
            "30",
            "s",
            "ms",
            "1d",
            "30 s",
            "-1s",
            "1.5s",
            "1h30m",
            "0s",
            "99999999999999999999s",
        ] {
            let error = millis(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")) && error.contains("; "), "{error}");
        }
    }
}
