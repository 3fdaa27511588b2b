//! `.env`: variables for those that are not set. It never overrides, and a line that can't be read
//! is an error that names the line and never shows it, for it may hold a password.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Code, Error, Result, say};

/// The variables of the process, and those of `.env`.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    file: BTreeMap<String, String>,
}

impl Variables {
    /// Reads `.env` in this directory, if there is one.
    ///
    /// # Errors
    /// It can't be read, or has a line that is not `KEY=VALUE`.
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(".env");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self { file: parse(&text)? }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(say::io("read", &path, &error)),
        }
    }

    /// The variable, if it is set to something.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let set = std::env::var(name).ok().or_else(|| self.file.get(name).cloned());
        set.filter(|value| !value.is_empty())
    }
}

pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = pair(line).ok_or_else(|| {
            Error::new(
                Code::Config,
                format!("line {} of `.env` can't be read (it is not shown here)", at + 1),
            )
            .hinted("write it as `KEY=VALUE`, with quotes around a value that has blanks or `#`")
        })?;
        found.insert(key, value);
    }
    Ok(found)
}

fn pair(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (key, value) = line.split_once('=')?;
    let key = key.trim_end();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) || !key.chars().all(word) {
        return None;
    }
    Some((key.to_owned(), read_value(value.trim())?))
}

fn read_value(text: &str) -> Option<String> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let end = text
            .char_indices()
            .find(|(at, c)| *c == '#' && (*at == 0 || text[..*at].ends_with([' ', '\t'])));
        return Some(text[..end.map_or(text.len(), |(at, _)| at)].trim_end().to_owned());
    };
    let mut value = String::new();
    let mut rest = text[1..].chars();
    while let Some(c) = rest.next() {
        match c {
            _ if c == quote => {
                let after = rest.as_str().trim_start();
                return (after.is_empty() || after.starts_with('#')).then_some(value);
            }
            '\\' if quote == '"' => value.push(match rest.next()? {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_a_shell_reads_them() {
        let text = "\u{feff}# a comment\n\nA=1\nexport B = 'two # words'\nC=\"a\\\"b\\n\" # end\nD=x # y\nE=\nF=a#b\n";
        let found = parse(text).unwrap();
        for (key, value) in
            [("A", "1"), ("B", "two # words"), ("C", "a\"b\n"), ("D", "x"), ("E", ""), ("F", "a#b")]
        {
            assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
        }
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_never_shown() {
        for bad in [
            "hunter2",
            "=hunter2",
            "A B=hunter2",
            "A='hunter2",
            "A=\"hunter2\\",
            "1A=hunter2",
            "A='x' hunter2",
        ] {
            let error = parse(&format!("OK=1\n{bad}\n")).unwrap_err();
            assert!(error.message().contains("line 2"), "{bad}: {error}");
            assert!(!error.render(false).contains("hunter2"), "{bad}: {error}");
        }
    }
}
