//! The end of a command line that was not understood, or that asked for help.

use std::ffi::OsString;
use std::io::Write as _;

use super::printer::{json_error, write_json};
use super::screen::coloured;
use crate::error::{Code, Error, ExitCode};
use crate::report::text::table::one_line;

/// What is shown instead of running a command.
#[derive(Debug)]
pub(super) struct End {
    error: clap::Error,
    hint: String,
    /// Words that may hold a password.
    secrets: Vec<String>,
    /// Words with something in them that a terminal would obey.
    hostile: Vec<String>,
    json: bool,
}

impl End {
    pub(super) fn new(error: clap::Error, program: &str, words: &[OsString]) -> Self {
        let words: Vec<String> =
            words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let hint = format!("see `{program} --help`");
        let (secrets, hostile) = (secrets(&words), hostile(&words));
        Self { error, hint, secrets, hostile, json: asks_for_json(&words) }
    }

    /// Shows it, and gives the code to end with.
    pub(super) fn show(&self) -> ExitCode {
        let text = coloured(&self.hide(&self.error.render().ansi().to_string()));
        if !self.error.use_stderr() {
            let _ = write!(anstream::stdout(), "{text}");
            return ExitCode::OK;
        }
        if self.json {
            let _ = write_json(
                &serde_json::json!({ "error": json_error(&self.as_error(), ToOwned::to_owned) }),
            );
        }
        let _ = write!(anstream::stderr(), "{text}");
        ExitCode::USAGE
    }

    fn as_error(&self) -> Error {
        let text = self.hide(&self.error.render().to_string());
        let first = text.lines().next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or("a word is missing");
        Error::new(Code::Usage, message).hinted(self.hint.clone())
    }

    fn hide(&self, text: &str) -> String {
        let text = self
            .hostile
            .iter()
            .fold(text.to_owned(), |text, word| text.replace(word, &one_line(word)));
        let secrets = self.secrets.iter().map(|secret| one_line(secret));
        secrets.fold(text, |text, secret| text.replace(&secret, "…"))
    }
}

/// An address that was typed in the wrong place would be shown with its password.
fn secrets(words: &[String]) -> Vec<String> {
    let shown = values(words).filter(|value| may_be_an_address(value));
    let mut secrets: Vec<String> = shown.map(ToOwned::to_owned).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// Whether a word may have a password in it: a name, a colon and a password with or without a scheme before
/// them or a host behind. A time is none, nor is the path of a file.
fn may_be_an_address(word: &str) -> bool {
    let (before, behind) = word.split_once(':').unwrap_or(("", ""));
    let is_name = !behind.is_empty() && before.starts_with(|c: char| c.is_alphabetic());
    let is_name = is_name && !before.contains(char::is_whitespace);
    word.contains('@')
        || word.contains("://")
        || (is_name && !before.eq_ignore_ascii_case("sqlite"))
}

fn hostile(words: &[String]) -> Vec<String> {
    let mut hostile: Vec<String> = values(words)
        .chain(words.iter().map(String::as_str))
        .filter(|word| one_line(word) != *word)
        .map(ToOwned::to_owned)
        .collect();
    hostile.sort_by_key(|word| std::cmp::Reverse(word.len()));
    hostile
}

/// The words, and what stands behind the `=` of a flag in its place.
fn values(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().map(|word| match word.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => value,
        _ => word.as_str(),
    })
}

fn asks_for_json(words: &[String]) -> bool {
    let pair = words.windows(2).any(|pair| pair == ["--format", "json"]);
    pair || words.iter().any(|word| word == "--format=json")
        || std::env::var("MO_MIGRATE_FORMAT").is_ok_and(|format| format == "json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_address_is_hidden() {
        let words = ["--urll=mysql://root:hunter2@h/db", "root:hunter2@h", "up", "--to=3"]
            .map(ToOwned::to_owned);
        assert_eq!(secrets(&words), ["mysql://root:hunter2@h/db", "root:hunter2@h"]);
    }

    #[test]
    fn a_time_and_a_path_are_no_secrets() {
        for (word, hidden) in [
            ("12:30:00", false),
            ("2026-11-22T08:44:12", false),
            ("Sat,Sun 02:00-04:00 UTC", false),
            ("sqlite:app.db", false),
            ("app.db", false),
            ("qa", false),
            ("sqlite://root:hunter2@h/db", true),
            ("mysql:root", true),
            ("root:hunter2", true),
            ("hunter2@h", true),
            ("://hunter2", true),
        ] {
            assert_eq!(may_be_an_address(word), hidden, "{word}");
        }
    }

    #[test]
    fn json_is_asked_for_in_either_form() {
        for (line, asked) in
            [("up --format json", true), ("--format=json up", true), ("up --format text", false)]
        {
            let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
            assert_eq!(asks_for_json(&words), asked, "{line}");
        }
    }
}
