//! The first line of a check: `-- check(after, timeout = 5s): name`.

use std::ops::Range;
use std::time::Duration;

use crate::sql::{SourceProblem, nearest};
use crate::validate::check::{Body, Check, When};

const FORM: &str = "write `-- check: name`, or with options `-- check(after, timeout = 5s): name`; \
                    the moments are `before`, `after` and `snapshot`";

/// What the line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The whole comment.
    pub(super) comment: Range<usize>,
    /// The moment, where it is said.
    pub(super) when: Option<(When, Range<usize>)>,
    /// How long the check may run.
    timeout: Option<Duration>,
    /// Its name or its ready check; never empty.
    pub(super) name: Range<usize>,
}

impl Header {
    /// The moment, said or not.
    pub(super) fn when(&self) -> When {
        self.when.as_ref().map_or(When::Before, |(when, _)| *when)
    }

    /// The name without an explanation: in `a name  -- why` the last part is one.
    pub(super) fn free_name(&self, text: &str) -> String {
        let name = &text[self.name.clone()];
        let end = name.match_indices("--").map(|(at, _)| at).find(|at| {
            name[..*at].ends_with(char::is_whitespace)
                && name[at + 2..].chars().next().is_none_or(char::is_whitespace)
        });
        name[..end.unwrap_or(name.len())].trim().to_owned()
    }

    /// The check itself.
    pub(super) fn check(&self, name: String, when: When, body: Body) -> Check {
        Check { name: name.into(), when, timeout: self.timeout, body }
    }
}

/// Reads a comment; none if it is no such line.
///
/// # Errors
/// Options that are not known, and a check without a colon or a name.
pub(super) fn read(text: &str, comment: Range<usize>) -> Result<Option<Header>, SourceProblem> {
    let written = &text[comment.clone()];
    let Some(body) = written.strip_prefix("--").map(str::trim_start) else {
        return Ok(None);
    };
    if !body.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("check")) {
        return Ok(None);
    }
    let rest = body[5..].trim_start();
    let problem =
        |message: &str| Err(SourceProblem::new(text, comment.clone(), message).with_help(FORM));
    let (options, rest) = match rest.strip_prefix('(') {
        Some(inner) => match inner.split_once(')') {
            Some((options, rest)) => {
                (Some((options, comment.end - inner.len())), rest.trim_start())
            }
            None => return problem("the options of this check are not closed"),
        },
        None => (None, rest),
    };
    let Some(name) = rest.strip_prefix(':') else {
        return if options.is_some() { problem("this check has no colon") } else { Ok(None) };
    };
    let start = comment.end - name.trim_start().len();
    let name = name.trim();
    if name.is_empty() || name.starts_with("--") {
        return problem("this check has no name");
    }
    let name = start..start + name.len();
    let mut header = Header { comment, when: None, timeout: None, name };
    let (options, mut at) = options.unwrap_or_default();
    for option in options.split(',') {
        let start = at + option.len() - option.trim_start().len();
        at += option.len() + 1;
        let option = option.trim();
        if !option.is_empty() {
            header.take(text, option, start..start + option.len())?;
        }
    }
    Ok(Some(header))
}

impl Header {
    fn take(&mut self, text: &str, option: &str, span: Range<usize>) -> Result<(), SourceProblem> {
        let problem =
            |message: String| Err(SourceProblem::new(text, span.clone(), message).with_help(FORM));
        let (word, value) = match option.split_once('=') {
            Some((word, value)) => (word.trim(), Some(value.trim())),
            None => (option, None),
        };
        let moment = match word.to_ascii_lowercase().as_str() {
            "before" => When::Before,
            "after" => When::After,
            "snapshot" => When::Snapshot,
            "timeout" => {
                let Some(timeout) = value.and_then(duration) else {
                    return problem(format!("`{option}` has no time such as `5s` or `1m 30s`"));
                };
                if self.timeout.replace(timeout).is_some() {
                    return problem("the timeout is said twice".to_owned());
                }
                return Ok(());
            }
            _ => return problem(unknown(word)),
        };
        if value.is_some() {
            return problem(format!("`{word}` has no value"));
        }
        if self.when.replace((moment, span.clone())).is_some() {
            return problem("the moment is said twice".to_owned());
        }
        Ok(())
    }
}

fn unknown(word: &str) -> String {
    match nearest(word, &["before", "after", "snapshot", "timeout"]) {
        Some(near) => format!("`{word}` is not known; did you mean `{near}`?"),
        None => format!("`{word}` is not known"),
    }
}

/// A time above zero: `50ms`, `1m 30s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let signed: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(signed).ok().filter(|duration| !duration.is_zero())
}
