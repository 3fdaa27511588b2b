//! The words of the command line.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, FromArgMatches, Subcommand};

use super::command::Command;
use super::setting::{self, Kind, Setting};
use super::usage::End;

/// The commands by what they are for, as the help groups them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Change", &["up", "down", "guard", "upgrade", "restore", "recover"]),
    (
        "Ask",
        &["plan", "preflight", "status", "history", "validate", "lint", "verify", "diff", "report"],
    ),
    ("Write", &["new", "baseline", "repair"]),
    ("Keep", &["snapshot", "clone", "database"]),
    ("Shell", &["completions", "help"]),
];

const EXAMPLES: &str = "\
Examples:
  {name} new create_products --check   write a migration and its check
  {name} plan                          see every statement and what guards it
  {name} --url sqlite:app.db           run what is pending; the same as `up`
  {name} status --exit-code            end with 1 when something is pending
  {name} restore                       go back to the newest snapshot";

const LONG: &str = "\
Exit codes:
  0    up to date, or applied              4    locked by another run
  1    pending, differences or findings    5    refused; nothing was touched
  2    failed, and undone                  64   wrong words on the command line
  3    a person has to decide              65   a bad migration file
  130  interrupted, and undone             66   no such directory, database or snapshot
                                           74   done, and the answer could not be written
                                           78   bad configuration

Environment:
  DATABASE_URL          the address, as --url
  MO_MIGRATE_<FLAG>     every option above, such as MO_MIGRATE_LOCK_TIMEOUT=5s
  MO_MIGRATE_LOG        what the log shows, as RUST_LOG: info, mo_migrate=debug
  NO_COLOR              no colours
  A flag stands above the environment, that above mo-migrate.toml (here or above, up to the root of
  the project), and that above the default. `.env` gives variables that are not set.";

/// The words, understood.
#[derive(Debug)]
pub(super) struct Words {
    /// The program as it was called.
    pub(super) program: String,
    pub(super) command: Command,
    matches: ArgMatches,
}

impl Words {
    /// # Errors
    /// The words are wrong, or ask for help.
    pub(super) fn parse(words: &[OsString]) -> Result<Self, End> {
        let program =
            words.first().map_or("mo-migrate".into(), |word| word.to_string_lossy()).into_owned();
        let understood =
            with_groups(command(&program)).try_get_matches_from(words).and_then(|matches| {
                let command = match matches.subcommand() {
                    Some(_) => Command::from_arg_matches(&matches)?,
                    None => Command::default(),
                };
                Ok(Self { program: program.clone(), command, matches })
            });
        understood.map_err(|error| End::new(error, &program, words))
    }

    /// What a flag was given, if it was given.
    pub(super) fn flag(&self, name: &str) -> Option<Vec<String>> {
        let setting = setting::ALL.iter().find(|setting| setting.name == name);
        if setting.is_some_and(|setting| matches!(setting.kind, Kind::Switch(_))) {
            return self.matches.get_flag(name).then(|| vec!["true".to_owned()]);
        }
        self.matches.get_many::<String>(name).map(|values| values.cloned().collect())
    }
}

/// The whole command line.
pub(super) fn command(program: &str) -> clap::Command {
    let name = Path::new(program)
        .file_name()
        .map_or(program.into(), |name| name.to_string_lossy())
        .into_owned();
    let bare = clap::Command::new("mo-migrate")
        .bin_name(name.clone())
        .display_name(name)
        .version(env!("CARGO_PKG_VERSION"))
        .arg(config())
        .args(setting::ALL.iter().map(flag));
    Command::augment_subcommands(bare)
        .subcommand_required(false)
        .about("Runs database migrations, and puts the data back when they fail")
}

/// With a help that has the commands in groups, in the place of one long list.
fn with_groups(command: clap::Command) -> clap::Command {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let (groups, examples) = (grouped(&command), EXAMPLES.replace("{name}", &name));
    command
        .mut_subcommands(|subcommand| subcommand.hide(true))
        .help_template(format!(
            "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}\n{{all-args}}{{after-help}}"
        ))
        .override_usage(format!("{name} [OPTIONS] [COMMAND]"))
        .after_long_help(format!("{examples}\n\n{LONG}"))
        .after_help(examples)
}

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help_heading("Connection")
        .help("The configuration file, instead of the mo-migrate.toml of the project")
}

fn flag(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .help(setting.help)
        .help_heading(setting.heading)
        .global(true);
    // What is rarely needed is in the long help alone.
    let rare = matches!(setting.heading, "Guard" | "Policies");
    let arg = arg.hide_short_help(rare);
    let checked =
        || ValueParser::from(move |text: &str| setting.check(text).map(|()| text.to_owned()));
    match setting.kind {
        Kind::Switch(_) => arg.action(ArgAction::SetTrue),
        Kind::OneOf(words) => arg
            .value_name("WORD")
            .value_parser(PossibleValuesParser::new(words.iter().map(|(word, _)| *word))),
        Kind::Paths(_) => arg.action(ArgAction::Append).value_name("DIR"),
        Kind::Hooks(_) => {
            // Not checked here, where a wrong value would be shown: it may hold a credential.
            arg.action(ArgAction::Append).value_name("MOMENT=HOOK")
        }
        Kind::Items(_) => arg.action(ArgAction::Append).value_name("NAME=COMMAND"),
        Kind::Window(_) => arg.value_name("WINDOW").value_parser(checked()),
        Kind::Text(_) => arg.value_name(if setting.name == "url" { "URL" } else { "NAME" }),
        Kind::Duration(_) | Kind::Keep(_) => arg.value_name("TIME").value_parser(checked()),
        Kind::Number(_) => arg.value_name("N").value_parser(checked()),
    }
}

fn grouped(command: &clap::Command) -> String {
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{group}:");
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map_or_else(|| "Explains a command".to_owned(), ToString::to_string);
            let _ = writeln!(text, "  {name:<12} {about}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        with_groups(command("mo-migrate")).debug_assert();
    }

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        let whole = command("mo-migrate");
        let mut known: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
        known.push("help");
        let mut grouped: Vec<&str> =
            GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        known.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(known, grouped);
    }

    #[test]
    fn a_flag_is_understood_on_both_sides_of_the_command() {
        for line in
            ["m --url sqlite:a status", "m status --url sqlite:a", "m snapshot list --url=sqlite:a"]
        {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let words = Words::parse(&words).unwrap();
            assert_eq!(words.flag("url"), Some(vec!["sqlite:a".to_owned()]), "{line}");
            assert_eq!(words.flag("yes"), None, "{line}");
        }
    }
}
