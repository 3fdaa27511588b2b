//! What a guard can stand around in the place of migrations: another process, or a function of the
//! application's.
//!
//! What they write is not seen statement by statement. So it is one statement of the run, whose tables
//! are those that were named, or unknown; and while it runs, whatever changes in them counts as its
//! doing.
//!
//! Invariants:
//! 1. that it runs, and what it may touch, is in the ledger before it begins;
//! 2. nothing of it runs any more when the database is judged or put back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io::IsTerminal as _;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::run::Run;
use crate::engine::Touched;
use crate::error::{BoxError, Error, Result, say};
use crate::fault::{self, Transition};
use crate::ledger::StatementLine;
use crate::observer::{Counted, Event};
use crate::printable::{quoted, without_passwords};
use crate::process::{self, Process};
use crate::report::GuardedReport;
use crate::{panics, time};

/// How often the database's size is looked at while a command runs.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

/// The future of a function that is guarded.
pub(crate) type Guarded<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// What is run.
pub(crate) enum Operation<'a> {
    /// A program with its arguments.
    Command(Vec<OsString>),
    /// A function; none once it was begun.
    Function(Mutex<Option<Guarded<'a>>>),
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(words) => f.debug_tuple("Command").field(words).finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

/// An operation with what is known of it.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    /// What it is for, in a word.
    pub(crate) purpose: String,
    pub(crate) operation: Operation<'a>,
    /// All that it writes to; empty where that is not known.
    pub(crate) tables: BTreeSet<String>,
    /// How long it may run.
    pub(crate) limit: Option<Duration>,
}

impl Around<'_> {
    /// What it writes to.
    pub(super) fn touched(&self) -> Touched {
        Touched {
            tables: self.tables.clone(),
            unknown: self.tables.is_empty(),
            definitions: true,
            ..Touched::default()
        }
    }

    /// How it stands in the ledger and the report.
    pub(crate) fn words(&self) -> Option<String> {
        let Operation::Command(words) = &self.operation else { return None };
        let words: Vec<_> = words.iter().map(|word| quoted(&word.to_string_lossy())).collect();
        Some(without_passwords(&words.join(" ")))
    }
}

impl Run<'_> {
    /// Runs what is guarded.
    pub(super) async fn around(&mut self, around: &Around<'_>) -> Result<()> {
        self.go_on()?;
        let line = StatementLine {
            version: 0,
            number: 1,
            line: 0,
            touched: around.touched(),
            began: self.work()?.moment().await?,
            outside: None,
        };
        let run = self.record.id.clone();
        self.record.touched.extend(&line.touched);
        self.record.applying = Some((0, around.purpose.clone()));
        self.ledger.statement_begins(&self.record, &line).await?;
        fault::before(Transition::Statement)?;
        let began = Instant::now();
        let mut report = GuardedReport {
            purpose: around.purpose.clone(),
            command: around.words(),
            tables: around.tables.iter().cloned().collect(),
            ..GuardedReport::default()
        };
        let done = match &around.operation {
            Operation::Command(words) => self.command(words, around.limit, &mut report).await,
            Operation::Function(function) => self.function(function, around.limit).await,
        };
        report.duration_ms = time::ms(began.elapsed());
        let took = report.duration_ms;
        self.report.guarded = Some(report);
        // Others' commits and its own can't be told apart by their number; before anything else can fail.
        self.commits_then = self.work()?.foreign_commits().await?;
        fault::after(Transition::Statement)?;
        let error = done.as_ref().err().map(ToString::to_string);
        let ended = self.work()?.moment().await?;
        self.ledger.statement_ends(&run, &line, took, ended, error).await?;
        done
    }

    /// Runs a command to its end, whatever that is: what it has left running, in its group or out of it,
    /// would write on.
    async fn command(
        &mut self,
        words: &[OsString],
        limit: Option<Duration>,
        report: &mut GuardedReport,
    ) -> Result<()> {
        let done = self.process(words, limit, report).await;
        let run = &self.record.id;
        // Where the ledger can't be read, what has the run's name in its environment is all there is.
        let children = self.ledger.children(run).await.unwrap_or_default();
        process::end_children(run, &children).await?;
        done
    }

    async fn process(
        &mut self,
        words: &[OsString],
        limit: Option<Duration>,
        report: &mut GuardedReport,
    ) -> Result<()> {
        let [program, arguments @ ..] = words else { return Err(say::nothing_to_guard()) };
        let line = report.command.clone().unwrap_or_default();
        let mut command = tokio::process::Command::new(program);
        command.args(arguments);
        if std::io::stdin().is_terminal() {
            // In a group of its own it would be stopped when it reads from a terminal.
            command.stdin(Stdio::null());
        }
        let started = Process::start(command, &line, &self.record.id, &mut self.ledger).await;
        let mut process = started.map_err(|error| say::guarded_not_started(&line, error))?;
        let observer = Arc::clone(&self.settings.observer);
        let show = |line: &str| observer.event(&Event::Output(line.to_owned()));
        let Some(ended) = self.in_time(Box::pin(process.ended(show)), limit).await else {
            process.stop(show).await;
            return Err(self.given_up(&line, limit));
        };
        let ended = ended?;
        report.exit_code = ended.status.code();
        report.output = ended.output();
        match ended.problem() {
            None => Ok(()),
            Some(problem) => Err(say::guarded_failed(&line, problem, ended.last_words())),
        }
    }

    async fn function(
        &mut self,
        function: &Mutex<Option<Guarded<'_>>>,
        limit: Option<Duration>,
    ) -> Result<()> {
        let taken = function.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(function) = taken else { return Err(say::nothing_to_guard()) };
        match self.in_time(panics::catch(function), limit).await {
            None => Err(self.given_up("the function", limit)),
            Some(Err(panic)) => Err(say::guarded_panicked(&panic)),
            Some(Ok(Err(error))) => Err(say::guarded_erred(error)),
            Some(Ok(Ok(()))) => Ok(()),
        }
    }

    /// Waits for its end, and tells meanwhile by how much the database has grown, where a look at it
    /// costs nothing; none when the limit is over before, or the run is asked to stop.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = T>,
        limit: Option<Duration>,
    ) -> Option<T> {
        let over = over(limit);
        tokio::pin!(work, over);
        let looks = !self.engine.capabilities().cheap_clones;
        let size = async || self.engine.space().await.map_or(0, |space| space.database);
        let (progress, began) = (self.progress(), if looks { size().await } else { 0 });
        let mut tick = tokio::time::interval(LOOKED_EVERY);
        loop {
            tokio::select! {
                biased;
                ended = &mut work => return Some(ended),
                () = self.settings.stop.wait() => return None,
                () = &mut over => return None,
                _ = tick.tick(), if looks => {
                    progress.tell(Counted::Bytes, size().await.saturating_sub(began), None);
                }
            }
        }
    }

    fn given_up(&self, what: &str, limit: Option<Duration>) -> Error {
        match limit {
            Some(limit) if !self.settings.stop.asked() => say::guarded_too_long(what, limit),
            _ => say::interrupted(),
        }
    }
}

/// Returns when the limit is over; never without one.
async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
