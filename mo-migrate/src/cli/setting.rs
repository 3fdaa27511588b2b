//! Every setting, once: its flag, its variable, its key and what it changes.
//!
//! A flag stands above the environment, the environment above the configuration file, and that
//! above the default; each layer is applied in turn, the lowest first.

mod all;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::all::ALL;
use super::webhook::Webhook;
use crate::hooks::{Hook, HookAt, Moment, ShellHook};
use crate::parse_duration;
use crate::settings::{Keep, OwnItem, Rehearse, Settings, Window};
use crate::sql;

/// What the answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
    /// Of the lint alone.
    Sarif,
    /// A page, of `report` alone.
    Html,
}

/// What was chosen, as far as it has been read.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) url: Option<String>,
    pub(super) dirs: Vec<PathBuf>,
    pub(super) settings: Settings,
    pub(super) format: Format,
    pub(super) yes: bool,
    pub(super) rehearse: Rehearse,
    /// What webhooks are signed with.
    pub(super) webhook_secret: Option<String>,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            url: None,
            dirs: Vec::new(),
            settings: Settings::default(),
            format: Format::default(),
            yes: false,
            // A person has the time that a starting application has not.
            rehearse: Rehearse::WhenQuick,
            webhook_secret: None,
        }
    }
}

/// A word, and what it changes.
type Word = (&'static str, fn(&mut Choice));

/// What a setting takes, and what it changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text(fn(&mut Choice, String)),
    Paths(fn(&mut Choice, Vec<PathBuf>)),
    Hooks(fn(&mut Choice, Vec<HookAt>)),
    Duration(fn(&mut Choice, Duration)),
    Keep(fn(&mut Choice, Keep)),
    Window(fn(&mut Choice, Window)),
    Items(fn(&mut Choice, Vec<OwnItem>)),
    Number(fn(&mut Choice, usize)),
    OneOf(&'static [Word]),
    Switch(fn(&mut Choice)),
}

/// A setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its flag without the dashes.
    pub(super) name: &'static str,
    /// The heading that it stands under in the help.
    pub(super) heading: &'static str,
    pub(super) help: &'static str,
    /// It is for one call, and so has no place in a file.
    pub(super) once: bool,
    pub(super) kind: Kind,
}

impl Setting {
    /// Its key in the configuration file.
    pub(super) fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Its variable.
    pub(super) fn variable(&self) -> String {
        format!("MO_MIGRATE_{}", self.key().to_ascii_uppercase())
    }

    /// How it is written in the configuration file.
    pub(super) fn example(&self) -> String {
        let key = self.key();
        match self.kind {
            Kind::Text(_) => format!("`{key} = \"…\"`"),
            Kind::Paths(_) => format!("`{key} = \"migrations\"`"),
            Kind::Duration(_) => format!("`{key} = \"60s\"`"),
            Kind::Hooks(_) => format!("`{key} = [\"failed=./page.sh\"]`"),
            Kind::Keep(_) => format!("`{key} = \"7d, import=24h\"`"),
            Kind::Window(_) => format!("`{key} = \"Sat,Sun 02:00-04:00 UTC\"`"),
            Kind::Items(_) => format!("`{key} = [\"ticket is approved=./ticket.sh 42\"]`"),
            Kind::Number(_) => format!("`{key} = 10`"),
            Kind::OneOf(words) => {
                let words: Vec<String> =
                    words.iter().map(|(word, _)| format!("`{key} = \"{word}\"`")).collect();
                words.join(" or ")
            }
            Kind::Switch(_) => format!("`{key} = true`"),
        }
    }

    /// A value of a file in `base`, in which paths start from where the file is.
    pub(super) fn placed_in(&self, text: String, base: &Path) -> String {
        match self.kind {
            Kind::Paths(_) => base.join(text).display().to_string(),
            Kind::Text(_) if self.name == "url" => sqlite_from(&text, base).unwrap_or(text),
            _ => text,
        }
    }

    /// Says what is wrong with a value; the value of a `url` is never in it.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        self.apply(&mut Choice::default(), &[text.to_owned()])
    }

    /// Takes these values; only paths may be several.
    pub(super) fn apply(&self, choice: &mut Choice, values: &[String]) -> Result<(), String> {
        let [.., last] = values else { return Ok(()) };
        match self.kind {
            Kind::Text(set) => set(choice, last.clone()),
            Kind::Paths(set) => set(choice, values.iter().map(PathBuf::from).collect()),
            Kind::Duration(set) => set(choice, parse_duration(last)?),
            Kind::Hooks(set) => {
                let hooks: Result<Vec<_>, _> = values
                    .iter()
                    .map(|text| hook(text, choice.webhook_secret.as_deref()))
                    .collect();
                set(choice, hooks?);
            }
            Kind::Keep(set) => set(choice, last.parse()?),
            Kind::Window(set) => set(choice, last.parse()?),
            Kind::Items(set) => {
                let items: Result<Vec<_>, _> = values.iter().map(|text| own_item(text)).collect();
                set(choice, items?);
            }
            Kind::Number(set) => {
                set(
                    choice,
                    last.parse()
                        .map_err(|_| format!("`{last}` is not a number; write 0 or more"))?,
                );
            }
            Kind::OneOf(words) => {
                let chosen = words.iter().find(|(word, _)| word == last).ok_or_else(|| {
                    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                    format!("`{last}` is not known; write `{}`", known.join("` or `"))
                })?;
                chosen.1(choice);
            }
            Kind::Switch(set) => match last.as_str() {
                "true" | "1" | "yes" => set(choice),
                "false" | "0" | "no" => {}
                other => return Err(format!("`{other}` is neither `true` nor `false`")),
            },
        }
        Ok(())
    }
}

/// `failed=./page.sh`, or `failed=https://…`; the value is never in the error, for it may be a credential.
fn hook(text: &str, secret: Option<&str>) -> Result<HookAt, String> {
    let words: Vec<&str> = Moment::ALL.iter().map(|moment| moment.as_str()).collect();
    let bad = || {
        format!(
            "a hook begins with its moment: `failed=./page.sh`; the moments are `{}`",
            words.join("`, `")
        )
    };
    let (word, what) = text.split_once('=').ok_or_else(bad)?;
    let moment = Moment::ALL.into_iter().find(|moment| moment.as_str() == word.trim());
    // The word itself may be a part of a credential; that it is near says what it was.
    let near = || match sql::nearest(word.trim(), &words) {
        Some(near) => format!("{}; did you mean `{near}`?", bad()),
        None => bad(),
    };
    let (moment, what) = (moment.ok_or_else(near)?, what.trim());
    if what.is_empty() {
        let moment = moment.as_str();
        return Err(format!(
            "`{moment}=` has no command and no address: write `{moment}=./tell.sh`"
        ));
    }
    told(moment, what, secret)
}

/// A command or a webhook, to be told at a moment; it is never in the error.
pub(super) fn told(moment: Moment, what: &str, secret: Option<&str>) -> Result<HookAt, String> {
    if what.starts_with("http") && what.contains('@') {
        // Which part of it is a credential could not be told.
        return Err(
            "a webhook's address has no `@` in it: write a name and a password another way"
                .to_owned(),
        );
    }
    let hook: Arc<dyn Hook> = match Webhook::of(what, secret) {
        Some(webhook) => Arc::new(webhook),
        None => Arc::new(ShellHook(what.to_owned())),
    };
    Ok(HookAt { moment, hook })
}

/// `ticket is approved=./ticket.sh 42`; the command is never in the error, for a token may stand in it.
fn own_item(text: &str) -> Result<OwnItem, String> {
    let pair = text.split_once('=').map(|(name, command)| (name.trim(), command.trim()));
    let pair = pair.filter(|(name, command)| !name.is_empty() && !command.is_empty());
    let (name, command) = pair.ok_or_else(|| {
        "an item of the checklist is its name and a command: `ticket is approved=./ticket.sh 42`"
            .to_owned()
    })?;
    Ok(OwnItem::new(name, command))
}

/// The address of a SQLite file with a path that starts from `base`.
fn sqlite_from(url: &str, base: &Path) -> Option<String> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let relative = !path.is_empty() && !path.starts_with([':', '/']);
    (relative && base != Path::new("")).then(|| format!("sqlite:{}/{path}", base.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Policy, SnapshotPolicy, Unit};

    fn named(name: &str) -> &'static Setting {
        ALL.iter().find(|setting| setting.name == name).unwrap()
    }

    #[test]
    fn a_value_changes_what_it_names() {
        let mut choice = Choice::default();
        for (name, value) in [
            ("lock-timeout", "5s"),
            ("missing", "ignore"),
            ("evidence", "3"),
            ("unit", "migration"),
            ("dangerous-no-snapshot", "true"),
            ("yes", "0"),
        ] {
            named(name).apply(&mut choice, &[value.to_owned()]).unwrap();
        }
        assert_eq!(choice.settings.lock_timeout, Duration::from_secs(5));
        assert_eq!(
            (choice.settings.missing, choice.settings.changed),
            (Policy::Allow, Policy::Refuse)
        );
        assert_eq!((choice.settings.evidence, choice.settings.unit), (3, Unit::Migration));
        assert_eq!(choice.settings.snapshot, SnapshotPolicy::DangerousNever);
        assert!(!choice.yes);
    }

    #[test]
    fn a_bad_value_is_refused_with_what_is_known() {
        assert!(named("lock-timeout").check("soon").unwrap_err().contains("write `30s`"));
        assert!(named("missing").check("apply").unwrap_err().contains("`refuse` or `ignore`"));
        assert!(named("evidence").check("-1").is_err());
        assert!(named("yes").check("maybe").is_err());
    }

    /// The row of a setting in docs/settings.md.
    fn row(setting: &Setting) -> String {
        let (words, default) = match setting.help.split_once(" [default: ") {
            Some((words, default)) => (words, default.trim_end_matches(']')),
            None => (setting.help, "–"),
        };
        let words = words.split(" [env").next().unwrap_or(words);
        let key = if setting.once { "–".to_owned() } else { format!("`{}`", setting.key()) };
        let (name, variable) = (setting.name, setting.variable());
        let variable = if name == "url" { "DATABASE_URL".to_owned() } else { variable };
        format!("| `--{name}` | `{variable}` | {key} | {default} | {words} |")
    }

    #[test]
    fn the_table_in_the_documents_has_every_setting() {
        let document = include_str!("../../../docs/settings.md");
        for setting in ALL {
            let row = row(setting);
            assert!(document.lines().any(|line| line == row), "docs/settings.md lacks\n{row}");
        }
    }

    #[test]
    fn the_defaults_of_the_help_are_those_of_the_library() {
        let before = format!("{:?}", everything(&Settings::default()));
        for setting in ALL {
            let Some((_, default)) = setting.help.split_once("[default: ") else { continue };
            let value = default.trim_end_matches(']').to_owned();
            let mut choice = Choice::default();
            if setting.name != "statement-timeout" {
                setting.apply(&mut choice, &[value]).unwrap();
            }
            assert_eq!(format!("{:?}", everything(&choice.settings)), before, "{}", setting.name);
        }
    }

    fn everything(s: &Settings) -> impl std::fmt::Debug {
        let words = (
            s.set.clone(),
            s.history_table.clone(),
            s.foreign_writes,
            s.unit,
            s.snapshot,
            s.verify,
        );
        let words = (words, s.window.clone());
        let times = (
            s.lock_timeout,
            s.statement_timeout,
            s.check_timeout,
            s.keep.clone(),
            s.recover_within,
        );
        (words, times, (s.out_of_order, s.missing, s.changed, s.newer), s.evidence)
    }

    #[test]
    fn paths_of_a_file_start_where_it_is() {
        let base = Path::new("/p");
        for (url, expected) in [
            ("sqlite:app.db", "sqlite:/p/app.db"),
            ("sqlite://app.db", "sqlite:/p/app.db"),
            ("sqlite:/abs/app.db", "sqlite:/abs/app.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("mysql://host/db", "mysql://host/db"),
        ] {
            assert_eq!(named("url").placed_in(url.to_owned(), base), expected);
        }
    }
}
