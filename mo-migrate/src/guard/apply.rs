//! Running the migrations.
//!
//! Invariants:
//! 1. a migration is named in the ledger before its first statement, or with it, so that deaths are
//!    counted;
//! 2. in ring 2, what a statement touches is in the ledger before it is sent;
//! 3. after each statement of a transaction the database is asked whether that still is open;
//! 4. what a migration has set on its session is set back before anything else runs on it;
//! 5. a version is recorded in the history in the transaction that applied it, as `judging`.

use std::time::Instant;

use super::job::{Body, Direction, Job, Step, without_way_back};
use super::run::{Run, Stage};
use crate::engine::{Fence, Touched};
use crate::error::{Code, Error, Result, say};
use crate::fault::{self, Transition};
use crate::history::{Applied, HistoryWriter};
use crate::ledger::{Outside, StatementLine};
use crate::migration::{RustMigration, Session, SqlFile, SqlStatement};
use crate::observer::{Counted, Event};
use crate::report::MigrationState;
use crate::sql::SourceProblem;
use crate::{panics, time};

impl Run<'_> {
    /// Runs every migration of the job.
    pub(super) async fn apply(&mut self, job: &Job<'_>) -> Result<()> {
        self.work()?.remember_settings().await?;
        let statements = |step: &Step<'_>| match &step.body {
            Body::Sql(file) => u64::try_from(file.statements.len()).unwrap_or(u64::MAX),
            Body::Rust(_) => 1,
        };
        let all = job.steps.iter().map(statements).sum();
        let (progress, mut before) = (self.progress(), 0);
        for (at, step) in job.steps.iter().enumerate() {
            self.go_on()?;
            self.settle_applying(job, step).await?;
            let (version, name) = (step.migration.version, step.migration.name.to_string());
            self.tell(&Event::MigrationStarted { version, name: name.clone() });
            let began = Instant::now();
            self.sent = 0;
            self.within = Some(progress.within(before, all));
            let done = self.step(job, step).await;
            before += statements(step);
            let line = &mut self.report.migrations[at];
            line.statements = self.sent;
            line.duration_ms = time::ms(began.elapsed());
            match done {
                Ok(statements) => {
                    line.statements = statements;
                    line.state = match step.direction {
                        Direction::Up => MigrationState::Applied,
                        Direction::Down => MigrationState::Reverted,
                    };
                    let took = began.elapsed();
                    self.tell(&Event::MigrationFinished { version, name, statements, took });
                }
                Err(error) => {
                    line.state = MigrationState::Failed;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// In ring 2 it is written with the first statement, which has a line of its own.
    async fn settle_applying(&mut self, job: &Job<'_>, step: &Step<'_>) -> Result<()> {
        let checksum = step.migration.checksum.as_str().to_owned();
        self.record.applying = Some((step.migration.version, checksum));
        let is_empty = matches!(&step.body, Body::Sql(file) if file.statements.is_empty());
        if job.ring == 2 && !is_empty {
            return Ok(());
        }
        self.ledger.update_run(&self.record).await
    }

    /// One migration, with a transaction of its own in ring 2 where it wants one.
    async fn step(&mut self, job: &Job<'_>, step: &Step<'_>) -> Result<u64> {
        let own_transaction = job.ring == 2 && step.transactional;
        if own_transaction {
            self.work()?.begin().await?;
        }
        let began = Instant::now();
        let statements = match &step.body {
            Body::Sql(file) => self.sql(job, step, file).await?,
            Body::Rust(function) => self.rust(job, step, function).await?,
        };
        if !own_transaction {
            self.work()?.forget_settings().await?;
        }
        fault::before(Transition::Version)?;
        self.record_version(step, time::ms(began.elapsed())).await?;
        fault::after(Transition::Version)?;
        if own_transaction {
            fault::before(Transition::Migration)?;
            let work = self.work()?;
            work.commit().await.map_err(say::commit_failed)?;
            fault::after(Transition::Migration)?;
            self.work()?.forget_settings().await?;
        }
        Ok(statements)
    }

    async fn sql(&mut self, job: &Job<'_>, step: &Step<'_>, file: &SqlFile) -> Result<u64> {
        let mut number = 0;
        for statement in &file.statements {
            self.go_on()?;
            number += 1;
            if let Some(progress) = &self.within {
                progress.tell(Counted::Statements, number, None);
            }
            let sent = self.statement(job, step, file, statement, number).await;
            self.sent += u64::from(sent.is_ok());
            sent.map_err(|error| explain(step, file, statement, number, error))?;
        }
        Ok(number)
    }

    async fn statement(
        &mut self,
        job: &Job<'_>,
        step: &Step<'_>,
        file: &SqlFile,
        statement: &SqlStatement,
        number: u64,
    ) -> Result<()> {
        let sql = file.sql(statement).to_owned();
        let limit = self.settings.statement_timeout;
        let history = self.settings.history_table.clone();
        let allowed = file.directives.allows.iter().any(|allow| allow.code == "NO_WAY_BACK");
        let fence = fence(step.transactional, allowed, &history);
        let work = self.work()?;
        work.fence(fence);
        work.limit(limit);
        let touched = work.touches(&sql).await;
        work.fence(Fence::Open);
        let mut touched = touched?;
        for table in &file.directives.tables {
            touched.tables.insert(table.clone());
        }
        let outside = allowed.then(|| without_way_back(&sql, self.engine)).flatten();
        let place = format!("{}:{}", file.path, statement.line);
        let line = StatementLine {
            version: step.migration.version,
            number,
            line: u64::try_from(statement.line).unwrap_or(0),
            touched,
            began: self.work()?.moment().await?,
            outside: outside.map(|what| Outside { place, what }),
        };
        self.announce(job, &line).await?;
        fault::before(Transition::Statement)?;
        let began = Instant::now();
        let work = self.work()?;
        work.fence(fence);
        let done = work.execute(&sql, &[]).await;
        work.fence(Fence::Open);
        work.limit(None);
        let seen = work.take_touched();
        fault::after(Transition::Statement)?;
        let kept = self.still_in_transaction(job, step, done.is_err()).await;
        if job.ring == 2 || line.outside.is_some() {
            let error = done.as_ref().err().map(ToString::to_string);
            let took = time::ms(began.elapsed());
            let run = self.record.id.clone();
            let ended = self.moment_after(done.is_err()).await?;
            self.ledger.statement_ends(&run, &line, took, ended, error).await?;
        }
        self.touch(job, &seen).await?;
        if seen.rewritten {
            self.commits_then = self.work()?.foreign_commits().await?;
        }
        done.map(drop).and(kept)
    }

    /// The server's clock after a statement: a connection that is lost with it has none.
    async fn moment_after(&mut self, failed: bool) -> Result<Option<i64>> {
        match self.work()?.moment().await {
            Err(_) if failed => Ok(None),
            moment => moment,
        }
    }

    /// Writes a statement's tables where a crash can't lose them. In ring 1 a crash undoes all of
    /// it, and the tables are written once, before the commit.
    async fn announce(&mut self, job: &Job<'_>, line: &StatementLine) -> Result<()> {
        self.record.touched.extend(&line.touched);
        // What no ROLLBACK takes back is not in the transaction either.
        if job.ring == 2 || line.outside.is_some() {
            self.ledger.statement_begins(&self.record, line).await?;
        }
        Ok(())
    }

    async fn touch(&mut self, job: &Job<'_>, seen: &Touched) -> Result<()> {
        let before = self.record.touched.clone();
        self.record.touched.extend(seen);
        if job.ring == 2 && self.record.touched != before {
            self.ledger.update_run(&self.record).await?;
        }
        Ok(())
    }

    /// A statement such as `INSERT OR ROLLBACK`, an interruption or a full disk can end the
    /// transaction: what follows would be committed by itself. When it was the statement that
    /// failed, nothing followed, and all of the transaction is gone.
    async fn still_in_transaction(
        &mut self,
        job: &Job<'_>,
        step: &Step<'_>,
        failed: bool,
    ) -> Result<()> {
        let expected = job.ring == 1 || step.transactional;
        let open = self.work()?.in_transaction().await?;
        if open == expected {
            return Ok(());
        }
        if open {
            return Err(say::transaction_left_open(&step.migration.title()));
        }
        if !failed {
            // Whatever is true now, a comparison with the snapshot will tell.
            self.stage = Stage::Committed;
        }
        Err(say::transaction_lost(&step.migration.title()))
    }

    async fn rust(
        &mut self,
        job: &Job<'_>,
        step: &Step<'_>,
        function: &'static RustMigration,
    ) -> Result<u64> {
        let declared = Touched {
            tables: function.tables.iter().map(ToString::to_string).collect(),
            ..Touched::default()
        };
        // What it will write is not known before it writes, so that a crash makes the set unknown.
        let line = StatementLine {
            version: step.migration.version,
            number: 1,
            line: 0,
            touched: Touched { unknown: job.ring == 2 && declared.tables.is_empty(), ..declared },
            began: self.work()?.moment().await?,
            outside: None,
        };
        let known = !self.record.touched.unknown;
        self.announce(job, &line).await?;
        let (limit, asked) = (self.settings.statement_timeout, self.settings.stop.clone());
        let history = self.settings.history_table.clone();
        let fence = fence(step.transactional, false, &history);
        let work = self.work()?;
        work.fence(fence);
        work.limit(limit);
        fault::before(Transition::Statement)?;
        let mut session = Session::new(work);
        let started = Instant::now();
        let called = tokio::select! {
            biased;
            done = panics::catch((function.run)(&mut session)) => Some(done),
            () = asked.wait() => None,
        };
        let (statements, swallowed) =
            (session.statements(), session.failure().map(ToOwned::to_owned));
        let raw = session.raw_was_used();
        let unseen = raw && function.tables.is_empty();
        let work = self.work()?;
        if called.is_none() {
            // Its statement is still running.
            work.end_statement().await?;
        }
        work.fence(Fence::Open);
        work.limit(None);
        let seen = work.take_touched();
        fault::after(Transition::Statement)?;
        let kept = self.still_in_transaction(job, step, swallowed.is_some() && !raw).await;
        if job.ring == 2 {
            let ended = self.moment_after(swallowed.is_some()).await?;
            let (run, took) = (self.record.id.clone(), time::ms(started.elapsed()));
            self.ledger.statement_ends(&run, &line, took, ended, swallowed.clone()).await?;
        }
        self.record.touched.unknown = unseen || (self.record.touched.unknown && !known);
        self.touch(job, &seen).await?;
        let title = step.migration.title();
        match called {
            None => Err(say::interrupted()),
            Some(Err(panic)) => Err(say::migration_panicked(&title, step.place(), &panic)),
            Some(Ok(Err(error))) => Err(say::migration_failed(&title, step.place(), error)),
            Some(Ok(Ok(()))) => match swallowed {
                Some(first) => Err(say::error_swallowed(&title, step.place(), &first)),
                None => kept.map(|()| statements),
            },
        }
    }

    async fn record_version(&mut self, step: &Step<'_>, duration_ms: u64) -> Result<()> {
        let (run, set) = (self.record.id.clone(), self.settings.set.clone());
        let table = self.settings.history_table.clone();
        let migration = step.migration;
        let mut writer = HistoryWriter { connection: self.work()?, table: &table };
        if step.direction == Direction::Down {
            return writer.forget_version(&set, migration.version).await;
        }
        let applied = Applied {
            set,
            version: migration.version,
            name: migration.name.to_string(),
            kind: migration.kind.as_str().to_owned(),
            kept: false,
            checksum: migration.checksum.as_str().to_owned(),
            run,
            applied_at: time::now_ms(),
            duration_ms,
            applied_by: crate::lock::who(),
        };
        writer.record(&applied).await
    }
}

/// A statement's error with the place in the file.
pub(super) fn explain(
    step: &Step<'_>,
    file: &SqlFile,
    statement: &SqlStatement,
    number: u64,
    error: Error,
) -> Error {
    if !matches!(error.code(), Code::Database | Code::TransactionControl | Code::TimeLimit) {
        return error;
    }
    let text = file.sql(statement);
    let span = match error.offset() {
        Some(at) if at < text.len() => word_at(text, at),
        _ => 0..text.len(),
    };
    let problem = SourceProblem::new(text, span, error.message().to_owned());
    let problem = match say::help_with(&error) {
        Some(help) => problem.with_help(help),
        None => problem,
    };
    let place = problem.in_file(&file.path, &file.text, statement.span.start);
    let total = file.statements.len();
    say::statement_failed(&step.migration.title(), number, total, place, error)
}

/// What a migration's code must not do: without a transaction there is none to protect, and VACUUM
/// needs one of its own.
fn fence(transactional: bool, allowed: bool, history: &str) -> Fence<'_> {
    match (allowed, transactional) {
        (true, _) => Fence::Allowed(history),
        (false, true) => Fence::Transaction(history),
        (false, false) => Fence::History(history),
    }
}

/// The word that begins at this byte, or the one character there.
fn word_at(text: &str, at: usize) -> std::ops::Range<usize> {
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let rest = &text[at..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
    at..at + length
}
