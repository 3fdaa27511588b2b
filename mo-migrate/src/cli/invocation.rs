//! The command as it was typed, so that the commands in messages work when they are typed.
//!
//! The library writes "`migrate up`"; the program may have another name, and a command that leaves
//! out the `--dir` or `--url` of this one would be about another database.

use std::fmt::Write as _;

use crate::printable::picture;

/// How this program is called: its name, and the flags that say which set and which database.
#[derive(Clone, Debug)]
pub(super) struct Invocation(String);

impl Invocation {
    pub(super) fn new(program: &str) -> Self {
        Self(quoted(program))
    }

    /// With a flag that was typed.
    pub(super) fn with(mut self, flag: &str, value: &str) -> Self {
        let _ = write!(self.0, " --{flag} {}", quoted(value));
        self
    }

    /// The text with each command in backquotes as it has to be typed.
    pub(super) fn in_text(&self, text: &str) -> String {
        let mut parts = text.split("`migrate");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_command = part.starts_with([' ', '`']);
            out.push('`');
            out.push_str(if is_command { &self.0 } else { "migrate" });
            out.push_str(part);
        }
        out
    }
}

/// The word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.chars().any(|c| picture(c) != c) {
        return escaped(word);
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The word in the form of a shell that can write what a terminal would obey.
fn escaped(word: &str) -> String {
    let mut out = "$'".to_owned();
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.extend(['\\', c]);
        } else if picture(c) == c {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out + "'"
}

/// Whether an address may be shown in a suggested command: a readable one of SQLite, which has no
/// place for a password.
pub(super) fn may_be_shown(url: &str) -> bool {
    let sqlite = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sqlite:"));
    sqlite && !url.contains(['@', '?']) && crate::Target::from(url).open().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_terminal_would_obey_is_written_so_that_a_shell_reads_it() {
        let hostile = "a'b\\\n\u{1b}[31m\u{202e}é";
        let written = quoted(hostile);
        assert!(written.chars().all(|c| picture(c) == c), "{written:?}");
        let read = std::process::Command::new("bash")
            .args(["-c", &format!("printf %s {written}")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), hostile);
    }

    #[test]
    fn commands_are_written_as_they_have_to_be_typed() {
        let invocation = Invocation::new("./mo-migrate").with("dir", "my files");
        for (text, expected) in [
            ("see `migrate status`", "see `./mo-migrate --dir 'my files' status`"),
            (
                "`migrate`, or `migrate up`",
                "`./mo-migrate --dir 'my files'`, or `./mo-migrate --dir 'my files' up`",
            ),
            ("the table `migrate_log` of migrate up", "the table `migrate_log` of migrate up"),
            ("", ""),
        ] {
            assert_eq!(invocation.in_text(text), expected);
        }
    }

    #[test]
    fn a_word_reaches_the_program_as_it_was() {
        for (word, expected) in
            [("a-b.c", "a-b.c"), ("", "''"), ("it's", r"'it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn an_address_that_could_hold_a_password_is_not_shown() {
        for (url, shown) in [
            ("sqlite:app.db", true),
            ("sqlite:app.db?mode=hunter2", false),
            ("sqlite://root:hunter2@host/db", false),
            ("mysql://root:hunter2@host/db", false),
            ("hunter2", false),
        ] {
            assert_eq!(may_be_shown(url), shown, "{url}");
        }
    }
}
