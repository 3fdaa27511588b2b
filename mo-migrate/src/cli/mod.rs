//! The command line: `migrate up`, `plan`, `status`, `restore` and the rest, for a program with its
//! own migrations compiled in, and for the stand-alone command.
//!
//! ```no_run
//! # mod app { use mo_migrate::Migrator; pub static MIGRATOR: std::sync::LazyLock<Migrator> =
//! #     std::sync::LazyLock::new(|| Migrator::from_dir("migrations")); }
//! fn main() -> std::process::ExitCode {
//!     mo_migrate::cli::main(&app::MIGRATOR)
//! }
//! ```
//!
//! A command parses its words, calls one function of the library, and shows what that gave.

mod answer;
mod args;
mod ask;
mod command;
mod context;
mod dotenv;
mod file;
mod invocation;
mod live;
mod notice;
mod printer;
mod progress;
mod schedule;
mod screen;
mod setting;
mod signals;
mod timer;
mod trace;
mod usage;
mod webhook;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use self::args::Words;
use self::context::Context;
use self::printer::Printer;
use crate::Migrator;
use crate::error::Result;

/// Runs the command that the program's arguments ask for, with these migrations.
#[must_use]
pub fn main(migrator: &Migrator) -> ExitCode {
    Cli::new(migrator).run()
}

/// A command line: whose migrations it runs, and on which database when nobody says.
#[derive(Clone, Debug)]
pub struct Cli {
    source: Source,
    default_url: Option<String>,
}

/// Whose migrations.
#[derive(Clone, Debug)]
enum Source {
    /// Compiled in, or put together by the program.
    Own(Migrator),
    /// The SQL files of a directory.
    Directory(PathBuf),
}

impl Cli {
    /// With a program's own migrations; `--dir` reads a directory instead of them.
    #[must_use]
    pub fn new(migrator: &Migrator) -> Self {
        Self { source: Source::Own(migrator.clone()), default_url: None }
    }

    /// With the SQL files of this directory, unless `--dir` names another.
    #[must_use]
    pub fn from_dir(directory: impl Into<PathBuf>) -> Self {
        Self { source: Source::Directory(directory.into()), default_url: None }
    }

    /// The address that is taken when neither a flag, the environment nor the configuration file
    /// has one.
    #[must_use]
    pub fn default_url(mut self, url: impl Into<String>) -> Self {
        self.default_url = Some(url.into());
        self
    }

    /// Runs the command that the program's arguments ask for.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        trace::start();
        self.run_words(&std::env::args_os().collect::<Vec<_>>())
    }

    fn run_words(&self, words: &[OsString]) -> ExitCode {
        let words = match Words::parse(words) {
            Ok(words) => words,
            Err(end) => return end.show().into(),
        };
        let early = Printer::early(&words);
        let context = match Context::resolve(self, &words) {
            Ok(context) => context,
            Err(error) => return early.error(&error, words.command.has_report()).into(),
        };
        match run(&context, &words) {
            Ok(answer) => context.printer.answer(&answer).into(),
            Err(error) => context.printer.error(&error, words.command.has_report()).into(),
        }
    }
}

fn run(context: &Context, words: &Words) -> Result<answer::Answer> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| crate::error::say::io("start", "the runtime".as_ref(), &error))?;
    runtime.block_on(words.command.run(context))
}

/// Reads a text as a configuration file, as far as a command does before it opens a database.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_config(text: &str, base: &std::path::Path) -> Result<()> {
    let file = file::ConfigFile {
        path: base.join("mo-migrate.toml"),
        folder: base.to_owned(),
        values: file::parse(text, base)?,
    };
    context::apply_file(&mut setting::Choice::default(), Some(&file))
}

/// Reads a text as a `.env` file.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_dotenv(text: &str) -> Result<Vec<(String, String)>> {
    dotenv::parse(text).map(|pairs| pairs.into_iter().collect())
}

/// Whether an address that was given as a flag may stand in the commands that messages name.
#[cfg(feature = "fuzzing")]
pub(crate) fn may_be_shown(address: &str) -> bool {
    invocation::may_be_shown(address)
}
