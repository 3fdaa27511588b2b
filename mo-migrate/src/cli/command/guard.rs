//! `guard`: a snapshot, another command, its checks, and the way back.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::snapshot::purpose;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::{Code, Error, Result, say};
use crate::printable::{commands_as, quoted};
use crate::{parse_duration, time};

/// The command, and what it is for when nobody says so.
const GUARD: &str = "guard";

/// Runs another command, and undoes what it did to the database when it fails.
#[derive(Debug, Args)]
#[command(after_help = "\
The command has failed when it exits with anything but 0, when a check finds something wrong, or when
its time is over. It gets the environment of this one, with MO_MIGRATE_RUN as the name of the run, and
its output goes to standard error.

Examples:
  migrate guard --purpose import --tables prices --check prices.check.sql -- sh import.sh
  migrate guard -- alembic upgrade head")]
pub(crate) struct Guard {
    /// What it is for, in a word; the snapshot is named by it
    #[arg(long, value_name = "WORD", default_value = GUARD, value_parser = purpose)]
    purpose: String,
    /// Checks that have to hold afterwards
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// All that the command writes to; other tables are left as they are
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    tables: Vec<String>,
    /// How long the command may run, as 30s or 2h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time_limit: Option<Duration>,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Guard {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let mut guard = context.runner()?.guard(self.purpose.clone()).tables(&self.tables);
        if let Some(path) = &self.check {
            let text =
                std::fs::read_to_string(path).map_err(|error| say::io("read", path, &error))?;
            guard = guard.checks(path.display().to_string(), text);
        }
        if let Some(limit) = self.time_limit {
            if limit.is_zero() {
                return Err(Error::new(Code::Usage, "nothing is done in no time")
                    .hinted("leave `--time-limit` out for no limit, or write one such as `10m`"));
            }
            guard = guard.time_limit(limit);
        }
        let done = guard.command(target, &self.command).await;
        done.map(|report| Answer::report(&report))
            .map_err(|error| error.hinted_as(|hint| self.typed_again(hint)))
    }

    /// The hint, with what was typed in its commands.
    fn typed_again(&self, hint: &str) -> String {
        let longer = self.time_limit.map(|limit| limit.saturating_mul(2));
        commands_as(hint, GUARD, |flags| match flags.strip_suffix("-- …") {
            Some(flags) => self.words(flags.trim_end(), self.time_limit),
            None if flags == "--time-limit …" => self.words("", longer),
            None => format!("{GUARD} {flags}"),
        })
    }

    fn words(&self, more: &str, limit: Option<Duration>) -> String {
        let mut words = GUARD.to_owned();
        if !more.is_empty() {
            let _ = write!(words, " {more}");
        }
        if self.purpose != GUARD {
            let _ = write!(words, " --purpose {}", self.purpose);
        }
        if let Some(file) = &self.check {
            let _ = write!(words, " --check {}", quoted(&file.to_string_lossy()));
        }
        if !self.tables.is_empty() {
            let _ = write!(words, " --tables {}", quoted(&self.tables.join(",")));
        }
        if let Some(limit) = limit {
            let _ = write!(words, " --time-limit {}", quoted(&time::words(limit)));
        }
        words.push_str(" --");
        for word in &self.command {
            let _ = write!(words, " {}", quoted(&word.to_string_lossy()));
        }
        words
    }
}
