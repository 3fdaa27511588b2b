//! `report`: a run told to somebody who was not there.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::cli::notice::errors_as_typed;
use crate::cli::screen;
use crate::cli::setting::Format;
use crate::error::{Code, Error, Result, say};
use crate::printable::quoted;
use crate::report::RunReport;

/// Tells a run from its beginning to its end.
#[derive(Debug, Args)]
#[command(after_help = "\
The outcome first, then what went wrong, the phases on a time line, rows and definitions before
and after, the checks with their evidence, what others wrote, and the commands to go on with.
It reads the ledger alone, and writes nothing to the database.

  migrate report                                      the last run, as text
  migrate report RUN --format html --output run.html  one page, to open or to send")]
pub(crate) struct Report {
    /// The run; the last one if it is not said. `history` lists them
    run: Option<String>,
    /// Writes it to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let report = context.migrator().report(target, self.run.as_deref()).await?;
        let report = with_commands(report, |text| context.printer.as_typed(text));
        let format = context.printer.format();
        let Some(file) = &self.output else {
            return Ok(match format {
                Format::Html => Answer::verbatim(report.to_html()),
                _ => Answer::new(report.to_text(true), &report),
            });
        };
        let text = match format {
            Format::Html => report.to_html(),
            Format::Json => {
                screen::json(&serde_json::to_string_pretty(&report).unwrap_or_default()) + "\n"
            }
            Format::Text | Format::Sarif => report.to_text(false) + "\n",
        };
        self.may_replace(context, file, format).await?;
        replace(file, &text).map_err(|error| say::report_unwritten(file, &error))?;
        context.printer.say(&format!("the report of run {} is in {}", report.run, file.display()));
        Ok(Answer::verbatim(String::new()))
    }

    /// A file that is there is replaced only if a person says so, and a database or what is kept beside one
    /// never.
    async fn may_replace(&self, context: &Context, file: &Path, format: Format) -> Result<()> {
        if !file.exists() {
            return Ok(());
        }
        if file.is_dir() {
            return Err(say::io("write", file, &ErrorKind::IsADirectory.into()));
        }
        // A pipe holds nothing that would be lost, and who looks into it waits for ever.
        if !file.is_file() {
            return Ok(());
        }
        let shown = file.display();
        let kept = is_kept_beside_a_database(file).then_some("is kept beside a database");
        if let Some(is) = kept.or_else(|| is_database(file).then_some("is a database")) {
            let what = format!("`{shown}` {is}, and is not replaced by a report");
            return Err(Error::new(Code::NotConfirmed, what)
                .true_now("nothing was touched")
                .hinted("name another file, as in `migrate report --output run.txt`"));
        }
        let run = self.run.as_deref().map(|run| format!("{} ", quoted(run))).unwrap_or_default();
        let format = match format {
            Format::Text | Format::Sarif => "",
            Format::Json => "--format json ",
            Format::Html => "--format html ",
        };
        let words = format!("report {run}{format}--output {}", quoted(&file.to_string_lossy()));
        ask::confirm(context, &words, &format!("replace `{}`?", file.display())).await
    }
}

/// Writes a file whole or not at all: what was there before is not lost to a full disk.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    // A pipe or a device is not replaced, but written to.
    if file.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(file, text);
    }
    // Behind a link is the file that is meant.
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let done = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, &file));
    if done.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    done
}

/// A snapshot, the ledger or a lock.
fn is_kept_beside_a_database(file: &Path) -> bool {
    let whole = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let mut folders = whole.ancestors().skip(1).filter_map(Path::file_name);
    folders.any(|name| name.to_string_lossy().ends_with(".mo-migrate"))
}

/// A file of SQLite begins with its name.
fn is_database(file: &Path) -> bool {
    let mut head = [0; 13];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format"
}

/// The report with the commands in it as they have to be typed here.
fn with_commands(mut report: RunReport, typed: impl Fn(&str) -> String) -> RunReport {
    for step in &mut report.next {
        let shown = typed(&format!("`{}`", step.command));
        shown.trim_matches('`').clone_into(&mut step.command);
    }
    report.detail = report.detail.as_deref().map(&typed);
    errors_as_typed(&mut report.error, &mut report.report, typed);
    report
}
