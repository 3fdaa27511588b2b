//! The one place that writes: results to standard output, words and progress to standard error.
//!
//! Colours are taken out where the stream is no terminal or `NO_COLOR` is set. A reader that went
//! away is no reason to end differently: what was done was done. An answer that a full disk has no
//! room for is told of.

use std::io::{self, ErrorKind, Write as _};

use serde_json::{Value, json};

use super::answer::Answer;
use super::args::Words;
use super::invocation::Invocation;
use super::live::Live;
use super::screen::{self, coloured};
use super::setting::Format;
use crate::error::{Error, ExitCode};
use crate::report::{Outcome, Report};

/// Writes answers, errors and words.
#[derive(Clone, Debug)]
pub(super) struct Printer {
    format: Format,
    invocation: Invocation,
    /// What is at work, on a terminal.
    pub(super) live: Live,
}

impl Printer {
    pub(super) fn new(format: Format, invocation: Invocation) -> Self {
        Self { format, invocation, live: Live::new() }
    }

    /// Nothing moves on the terminal any more: an answer or a question follows.
    pub(super) fn still(&self) {
        self.live.end();
    }

    /// For what goes wrong before the settings are read.
    pub(super) fn early(words: &Words) -> Self {
        let wanted = words.flag("format").map(|values| values.concat());
        let wanted = wanted.or_else(|| std::env::var("MO_MIGRATE_FORMAT").ok());
        let is_json = wanted.is_some_and(|format| format == "json");
        Self::new(
            if is_json { Format::Json } else { Format::Text },
            Invocation::new(&words.program),
        )
    }

    /// What standard output holds.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// A text with each command in backquotes as it has to be typed.
    pub(super) fn as_typed(&self, text: &str) -> String {
        self.invocation.in_text(text)
    }

    /// Words for people.
    pub(super) fn say(&self, words: &str) {
        let words = crate::error::printable(words);
        self.show(&words);
    }

    /// A text that may have colours of ours.
    pub(super) fn show(&self, text: &str) {
        let text = self.typed(text);
        let _ = self.live.beside(|| writeln!(anstream::stderr(), "{text}"));
    }

    /// The answer, and its code.
    pub(super) fn answer(&self, answer: &Answer) -> ExitCode {
        self.still();
        let document = match self.format {
            Format::Text | Format::Html => None,
            Format::Json => answer.json.as_ref(),
            Format::Sarif => answer.sarif.as_ref(),
        };
        let written = match (&answer.json, document) {
            (_, Some(document)) => write_json(document),
            (Some(_), None) => self.result(&answer.text),
            (None, None) => write!(anstream::stdout(), "{}", answer.text),
        };
        match written.and_then(|()| anstream::stdout().flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.say(&format!("warning: the answer could not be written: {error}"));
                if answer.code == ExitCode::OK { ExitCode::UNTOLD } else { answer.code }
            }
            _ => answer.code,
        }
    }

    /// The error, after the report of what was done before it; and its code.
    pub(super) fn error(&self, error: &Error, has_report: bool) -> ExitCode {
        self.still();
        if self.format == Format::Json {
            let mut document = match error.report() {
                Some(report) => report.to_json(),
                None if has_report => nothing_begun(error),
                None => json!({}),
            };
            document["error"] = json_error(error, |text| self.invocation.in_text(text));
            let _ = write_json(&document);
        } else if let Some(report) = error.report() {
            let _ = self.result(&report.to_text(true));
        }
        self.show(&error.render(true));
        error.exit_code()
    }

    fn result(&self, text: &str) -> io::Result<()> {
        if text.trim_end().is_empty() {
            return Ok(());
        }
        writeln!(anstream::stdout(), "{}", self.typed(text))
    }

    /// With the commands as they are typed, and without anything that a terminal would obey but
    /// colours: whatever a command has put into its text, it ends here.
    fn typed(&self, text: &str) -> String {
        coloured(&self.invocation.in_text(text.trim_end()))
    }
}

/// The report of a run that was not begun.
fn nothing_begun(error: &Error) -> Value {
    let mut report = Report::new("", "", "");
    report.outcome = match error.outcome() {
        Outcome::UpToDate | Outcome::Applied => Outcome::Refused,
        other => other,
    };
    let mut report = report.to_json();
    for unknown in ["set", "engine", "database"] {
        report[unknown] = Value::Null;
    }
    report
}

/// An error for programs.
pub(super) fn json_error(error: &Error, with_commands: impl Fn(&str) -> String) -> Value {
    json!({
        "code": error.code().as_str(),
        "message": with_commands(&error.to_string()),
        "database": error.database().map(&with_commands),
        "hint": error.hint().map(&with_commands),
    })
}

/// One document on standard output.
pub(super) fn write_json(document: &Value) -> io::Result<()> {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    writeln!(anstream::stdout(), "{}", screen::json(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_run_that_was_not_begun_has_every_key() {
        let document = nothing_begun(&Error::new(Code::Changed, "changed"));
        assert_eq!(document["outcome"], "refused");
        assert_eq!(document["engine"], Value::Null);
        let keys = Report::new("", "", "").to_json().as_object().map(serde_json::Map::len);
        assert_eq!(document.as_object().map(serde_json::Map::len), keys);
    }

    #[test]
    fn the_commands_of_an_error_are_those_that_work() {
        let error = Error::new(Code::Locked, "locked").hinted("see `migrate status`");
        let invocation = Invocation::new("./m").with("set", "shop");
        let shown = json_error(&error, |text| invocation.in_text(text));
        assert_eq!(shown["hint"], "see `./m --set shop status`");
    }
}
