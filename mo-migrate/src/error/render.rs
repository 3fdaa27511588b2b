//! An error as a person reads it.

use std::fmt::Write as _;

use super::Error;
use crate::printable::printable;

const BOLD_RED: &str = "\x1b[1;31m";
const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

impl Error {
    /// The whole error in several lines: what happened, what caused it, the place in the file, what
    /// is true of the database, what is kept, and what to do.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let paint = |style: &'static str| if color { style } else { "" };
        let reset = paint(RESET);
        let mut out = format!(
            "{}error[{}]{reset}: {}{}{reset}",
            paint(BOLD_RED),
            self.code(),
            paint(BOLD),
            in_lines(self.message())
        );
        for cause in self.causes() {
            line(&mut out, paint(CYAN), reset, "caused by", cause);
        }
        if let Some(place) = self.place() {
            // Its first line says again what stands above.
            let shown = place.render(color);
            let shown = shown.split_once('\n').map_or("", |(_, rest)| rest);
            let _ = write!(out, "\n{}", shown.trim_end());
        }
        for (label, text) in
            [("database", self.database()), ("kept", self.kept()), ("hint", self.hint())]
        {
            if let Some(text) = text {
                line(&mut out, paint(CYAN), reset, label, text);
            }
        }
        out
    }
}

fn line(out: &mut String, style: &str, reset: &str, label: &str, text: &str) {
    let label = format!("{label}:");
    let _ = write!(out, "\n  {style}{label:<10}{reset} {}", in_lines(text));
}

/// A line end in a name begins no line that could be taken for one of ours.
fn in_lines(text: &str) -> String {
    printable(text).replace('\n', "\n             ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn an_error_says_what_happened_what_is_true_and_what_to_do() {
        let error = Error::new(Code::CheckFailed, "check `no product is lost` failed")
            .because("1 row: 3 \"Mechanical Keyboard\"")
            .true_now("rolled back, nothing had been committed")
            .hinted("fix it, then `migrate plan`");
        assert_eq!(
            error.render(false),
            "error[MM0204]: check `no product is lost` failed\n  \
             caused by: 1 row: 3 \"Mechanical Keyboard\"\n  \
             database:  rolled back, nothing had been committed\n  \
             hint:      fix it, then `migrate plan`"
        );
    }

    #[test]
    fn an_escape_sequence_in_a_value_does_not_reach_the_terminal() {
        let error = Error::new(Code::CheckFailed, "row \u{1b}[31mred\u{1b}[0m\u{202e}");
        assert!(!error.render(false).contains('\u{1b}'));
        assert!(!error.render(false).contains('\u{202e}'));
        assert!(!error.to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_line_end_in_a_name_makes_no_line_of_the_errors_own() {
        let error = Error::new(Code::CheckFailed, "no table `a\n  database:  all is well`");
        assert_eq!(error.render(false).matches("\n  database:").count(), 0);
    }
}
