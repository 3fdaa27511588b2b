//! The command as it was typed, so that the commands in messages work when they are typed.
//!
//! The library writes "`migrate up`"; the program may have another name, and a command that leaves
//! out the `--dir` or `--url` of this one would be about another database.

use std::fmt::Write as _;

use crate::printable::quoted;

/// How this program is called: its name, and the flags that say which set and which database.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    program: String,
    /// The database, as a flag.
    url: String,
    flags: String,
}

impl Invocation {
    pub(super) fn new(program: &str) -> Self {
        Self { program: quoted(program), url: String::new(), flags: String::new() }
    }

    /// With a flag that was typed.
    pub(super) fn with(mut self, flag: &str, value: &str) -> Self {
        let flags = if flag == "url" { &mut self.url } else { &mut self.flags };
        let _ = write!(flags, " --{flag} {}", quoted(value));
        self
    }

    /// With an address that was typed, and is not shown.
    pub(super) fn with_hidden_url(mut self) -> Self {
        " --url …".clone_into(&mut self.url);
        self
    }

    /// The text with each command in backquotes as it has to be typed.
    pub(super) fn in_text(&self, text: &str) -> String {
        let mut parts = text.split("`migrate");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push('`');
            if part.starts_with([' ', '`']) {
                // A command for a database of its own names that itself.
                let url = if part.starts_with(" --url ") { "" } else { &self.url };
                let _ = write!(out, "{}{url}{}", self.program, self.flags);
            } else {
                out.push_str("migrate");
            }
            out.push_str(part);
        }
        out
    }
}

/// Whether an address may be shown in a suggested command: a readable one of SQLite, which has no
/// place for a password.
pub(super) fn may_be_shown(url: &str) -> bool {
    let sqlite = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sqlite:"));
    let (path, options) = url.split_once('?').unwrap_or((url, ""));
    // Of what may stand there those alone that can be nothing else.
    let known = ["mode=ro", "mode=rw", "mode=rwc", "cache=shared", "cache=private", "immutable=1"];
    let plain = options.is_empty() || options.split('&').all(|option| known.contains(&option));
    sqlite && plain && !path.contains('@') && crate::Target::from(url).open().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_command_for_another_database_names_that_alone() {
        let invocation = Invocation::new("m").with("url", "sqlite:app.db").with("set", "shop");
        let shown = invocation.in_text("`migrate --url sqlite:qa.db recover`, `migrate status`");
        let typed =
            "`m --set shop --url sqlite:qa.db recover`, `m --url sqlite:app.db --set shop status`";
        assert_eq!(shown, typed);
    }

    #[test]
    fn an_address_that_could_hold_a_password_is_not_shown() {
        for (url, shown) in [
            ("sqlite:app.db", true),
            ("sqlite:app.db?mode=rwc&cache=shared", true),
            ("sqlite:app.db?mode=ro&key=hunter2", false),
            ("sqlite:app.db?mode=hunter2", false),
            ("sqlite://root:hunter2@host/db", false),
            ("mysql://root:hunter2@host/db", false),
            ("hunter2", false),
        ] {
            assert_eq!(may_be_shown(url), shown, "{url}");
        }
    }
}
