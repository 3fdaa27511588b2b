//! What every command needs: the migrations with their settings, and the database.

use std::path::{Path, PathBuf};

use super::args::Words;
use super::dotenv::Variables;
use super::file::ConfigFile;
use super::invocation::{Invocation, may_be_shown};
use super::printer::Printer;
use super::progress::Progress;
use super::setting::{ALL, Choice, Format, told};
use super::{Cli, Source};
use super::{notice, signals, webhook};
use crate::engine::EXAMPLE_ADDRESS;
use crate::error::{Code, Error, Result, say};
use crate::hooks::{HookAt, Moment};
use crate::migration::MigrationSet;
use crate::report::Report;
use crate::settings::{Rehearse, Settings};
use crate::{Migrator, Target};

/// The surroundings of a command.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) printer: Printer,
    /// Questions are answered with yes.
    pub(super) yes: bool,
    /// Where a new migration goes.
    pub(super) directory: PathBuf,
    /// The flags that a command has to have as well, to be about the same set and database.
    pub(super) flags: Vec<(&'static str, String)>,
    /// The program as it was called.
    pub(super) program: String,
    migrator: Migrator,
    url: Option<String>,
    webhook_secret: Option<String>,
}

impl Context {
    /// Reads the settings: flags over the environment over the file over the defaults.
    ///
    /// # Errors
    /// `.env` or the file can't be read, or a value is wrong.
    pub(super) fn resolve(cli: &Cli, words: &Words) -> Result<Self> {
        let here =
            std::env::current_dir().map_err(|error| say::io("find", ".".as_ref(), &error))?;
        let variables = Variables::read(&here)?;
        let named = words
            .flag("config")
            .map(|values| values.concat())
            .or_else(|| variables.get("MO_MIGRATE_CONFIG"));
        let file = ConfigFile::find(&here, named.as_deref().map(std::path::Path::new))?;
        let mut choice = Choice {
            settings: cli.settings(),
            url: cli.default_url.clone(),
            webhook_secret: variables.get(webhook::SECRET),
            ..Choice::default()
        };
        apply_file(&mut choice, file.as_ref())?;
        let file_dirs = std::mem::take(&mut choice.dirs);
        apply_variables(&mut choice, &variables)?;
        for setting in ALL {
            if let Some(values) = words.flag(setting.name) {
                setting
                    .apply(&mut choice, &values)
                    .map_err(|problem| Error::new(Code::Usage, problem))?;
            }
        }
        if choice.format == Format::Sarif && !words.command.has_sarif() {
            return Err(Error::new(Code::Usage, "only `lint` answers in SARIF")
                .hinted("write `--format json`, or `migrate lint --format sarif`"));
        }
        if choice.format == Format::Html && !words.command.has_page() {
            return Err(Error::new(Code::Usage, "only `report` answers with a page")
                .hinted("write `--format json`, or `migrate report --format html`"));
        }
        let printer = Printer::new(choice.format, invocation(words));
        let mut settings = choice.settings;
        settings.hooks =
            settings.hooks.into_iter().map(|hook| notice::as_typed(hook, &printer)).collect();
        if choice.rehearse == Rehearse::Never || settings.rehearse == Rehearse::Never {
            settings.rehearse = choice.rehearse;
        }
        let project = file.map(|file| file.folder).unwrap_or_default();
        let (migrator, directory) = cli.migrations(choice.dirs, file_dirs, &project);
        let progress = Progress::new(printer.clone());
        let migrator = migrator.with(|own| *own = settings).attended(true).observer(progress);
        Ok(Self {
            printer,
            yes: choice.yes,
            directory,
            flags: flags(words),
            program: words.program.clone(),
            migrator,
            url: choice.url,
            webhook_secret: choice.webhook_secret,
        })
    }

    /// The migrations with their settings.
    pub(super) fn migrator(&self) -> &Migrator {
        &self.migrator
    }

    /// The migrations for a run that a signal undoes.
    ///
    /// # Errors
    /// Signals can't be listened to.
    pub(super) fn runner(&self) -> Result<Migrator> {
        self.until_signal(signals::OF_A_RUN)
    }

    /// The migrations for what a signal ends, which is said in these words.
    ///
    /// # Errors
    /// Signals can't be listened to.
    pub(super) fn until_signal(&self, words: &'static str) -> Result<Migrator> {
        signals::watch(self.migrator.settings().stop, self.printer.clone(), words)?;
        Ok(self.migrator.clone())
    }

    /// What switches in an upgrade: a command, or a webhook.
    ///
    /// # Errors
    /// It is empty, or a webhook's address that can't be shown.
    pub(super) fn switch_hook(&self, text: &str) -> Result<HookAt> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::new(
                Code::Usage,
                "`--switch` names neither a command nor a webhook",
            )
            .hinted(
                "write a line for the shell: `migrate upgrade complete --switch ./switch.sh`",
            ));
        }
        told(Moment::Switch, text, self.webhook_secret.as_deref())
            .map_err(|problem| Error::new(Code::Usage, problem))
    }

    pub(super) fn settings(&self) -> Settings {
        self.migrator.settings()
    }

    pub(super) fn set(&self) -> Result<MigrationSet> {
        self.migrator.set()
    }

    /// The database, where somebody said which.
    pub(super) fn target_if_named(&self) -> Option<Target> {
        self.url.as_deref().map(Target::from)
    }

    /// The database.
    ///
    /// # Errors
    /// Nobody said which.
    pub(super) fn target(&self) -> Result<Target> {
        self.target_if_named().ok_or_else(|| {
            Error::new(Code::Config, "no database is named").hinted(format!(
                "set `DATABASE_URL`, write `url = \"{EXAMPLE_ADDRESS}\"` in mo-migrate.toml, or `migrate --url {EXAMPLE_ADDRESS}`"
            ))
        })
    }

    /// The database as it is called in messages, without credentials.
    ///
    /// # Errors
    /// The address can't be read.
    pub(super) fn database(&self) -> Result<String> {
        Ok(self.target()?.open()?.database().to_owned())
    }

    /// The report of a run that had nothing to do.
    ///
    /// # Errors
    /// The address can't be read.
    pub(super) fn empty_report(&self) -> Result<Report> {
        let engine = self.target()?.open()?;
        Ok(Report::new(&self.settings().set, engine.name(), engine.database()))
    }
}

impl Cli {
    fn settings(&self) -> Settings {
        match &self.source {
            Source::Own(migrator) => migrator.settings(),
            Source::Directory(_) => Settings::default(),
        }
    }

    /// Whose migrations are run, and where a new one goes. `dir` in the file says where the files
    /// are and does not replace what is compiled in: the functions would be missing.
    /// `project` is where the configuration file is, and empty where that is here.
    fn migrations(
        &self,
        chosen: Vec<PathBuf>,
        in_file: Vec<PathBuf>,
        project: &Path,
    ) -> (Migrator, PathBuf) {
        let own_directory = self.directory(project);
        match &self.source {
            Source::Own(migrator) if chosen.is_empty() => {
                (migrator.clone(), in_file.into_iter().next().unwrap_or(own_directory))
            }
            _ => {
                let dirs = [chosen, in_file, vec![own_directory.clone()]]
                    .into_iter()
                    .find(|dirs| !dirs.is_empty());
                let dirs = dirs.unwrap_or_default();
                let first = dirs.first().cloned().unwrap_or(own_directory);
                (Migrator::from_dirs(dirs), first)
            }
        }
    }

    fn directory(&self, project: &Path) -> PathBuf {
        let first = match &self.source {
            Source::Directory(directory) => return project.join(directory),
            Source::Own(migrator) => migrator.static_set().and_then(|set| set.dirs.first()),
        };
        let Some(first) = first else { return PathBuf::from("migrations") };
        let absolute = PathBuf::from(first.absolute);
        let here = std::env::current_dir().unwrap_or_default();
        match absolute.strip_prefix(&here) {
            Ok(relative) => relative.to_owned(),
            Err(_) if absolute.is_dir() => absolute,
            Err(_) => PathBuf::from(first.path),
        }
    }
}

pub(super) fn apply_file(choice: &mut Choice, file: Option<&ConfigFile>) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    for (setting, values) in &file.values {
        setting.apply(choice, values).map_err(|problem| {
            Error::new(Code::Config, format!("the setting `{}` is wrong: {problem}", setting.key()))
                .because(format!("it stands in {}", file.path.display()))
                .hinted(format!("write {}", setting.example()))
        })?;
    }
    Ok(())
}

fn apply_variables(choice: &mut Choice, variables: &Variables) -> Result<()> {
    for setting in ALL {
        let name = setting.variable();
        let own = variables.get(&name);
        let value =
            if setting.name == "url" { own.or_else(|| variables.get("DATABASE_URL")) } else { own };
        if let Some(value) = value {
            setting.apply(choice, &[value]).map_err(|problem| {
                Error::new(Code::Config, format!("the variable `{name}` is wrong: {problem}"))
            })?;
        }
    }
    Ok(())
}

/// The flags that say which set and which database belong to every suggested command: without its
/// address it would be about the database of the environment.
fn invocation(words: &Words) -> Invocation {
    let flags = flags(words);
    let invocation = Invocation::new(&words.program);
    let hides = words.flag("url").is_some() && !flags.iter().any(|(flag, _)| *flag == "url");
    let invocation = if hides { invocation.with_hidden_url() } else { invocation };
    flags.iter().fold(invocation, |all, (flag, value)| all.with(flag, value))
}

/// Those flags, as they were typed, without an address that could hold a credential.
fn flags(words: &Words) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for flag in ["config", "url", "dir", "set", "history-table"] {
        let values = words.flag(flag).into_iter().flatten();
        let shown = values.filter(|value| flag != "url" || may_be_shown(value));
        found.extend(shown.map(|value| (flag, value)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(cli: &Cli, flags: &[&str], file: &[&str]) -> (String, PathBuf) {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (migrator, directory) = cli.migrations(paths(flags), paths(file), "".as_ref());
        (format!("{migrator:?}"), directory)
    }

    #[test]
    fn a_directory_of_the_command_line_replaces_what_is_compiled_in() {
        let own = Cli::new(&Migrator::from_dir("compiled_in"));
        let (migrator, directory) = chosen(&own, &["flag"], &["file"]);
        assert!(migrator.contains("flag") && !migrator.contains("compiled_in"), "{migrator}");
        assert_eq!(directory, PathBuf::from("flag"));
    }

    #[test]
    fn a_directory_of_the_file_says_where_files_are_and_keeps_what_is_compiled_in() {
        let own = Cli::new(&Migrator::from_dir("compiled_in"));
        let (migrator, directory) = chosen(&own, &[], &["file"]);
        assert!(migrator.contains("compiled_in"), "{migrator}");
        assert_eq!(directory, PathBuf::from("file"));
    }

    #[test]
    fn without_a_set_of_its_own_it_reads_the_nearest_that_was_said() {
        let bare = Cli::from_dir("migrations");
        assert_eq!(chosen(&bare, &[], &[]).1, PathBuf::from("migrations"));
        assert!(chosen(&bare, &[], &["file"]).0.contains("file"));
        assert!(chosen(&bare, &["flag"], &["file"]).0.contains("flag"));
    }
}
