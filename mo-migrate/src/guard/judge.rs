//! Running the checks.
//!
//! Invariants:
//! 1. a check can't write;
//! 2. a check that fails, errs, panics or runs past its limit fails the run; its evidence is in the
//!    report;
//! 3. every check runs, so that the report has all that is wrong and not only the first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::job::{Job, Judge, compared_with, needs_before};
use super::run::Run;
use crate::engine::{Connection, Counts, Fence};
use crate::error::{Code, Error, Result, say};
use crate::migration::Version;
use crate::observer::Event;
use crate::operations::check_line;
use crate::report::{CheckReport, CheckVerdict};
use crate::validate::{Check, Context, Verdict, When, carry_out};

impl Run<'_> {
    /// Runs the checks of this moment on the connection that did the work.
    pub(super) async fn judge(&mut self, job: &Job<'_>, when: When) -> Result<()> {
        let checks = job.checks_at(when);
        if checks.is_empty() {
            return Ok(());
        }
        let mut work = self.work.take().ok_or_else(say::connection_lost)?;
        // Only now: ANALYZE and the like reach into every database that is attached.
        if let Some(snapshot) = self.record.snapshot.clone().filter(|_| !self.before_attached) {
            let attached = self.engine.attach_before(&mut *work, &snapshot).await;
            if attached.is_err() {
                self.work = Some(work);
                return attached;
            }
            self.before_attached = true;
        }
        let judged = self.judge_on(&mut *work, &checks).await;
        self.work = Some(work);
        judged
    }

    /// Runs these checks on this connection.
    pub(super) async fn judge_on(
        &mut self,
        connection: &mut dyn Connection,
        checks: &[Judge],
    ) -> Result<()> {
        let mut failed: Option<(CheckReport, Option<Code>)> = None;
        let mut interrupted = false;
        self.settings.stop.ends(&*connection);
        connection.writable(false).await?;
        let history = self.settings.history_table.clone();
        connection.fence(Fence::Transaction(&history));
        for (version, check) in checks {
            if let Some(table) = self.made_by_this_run(connection, check).await? {
                let line = nothing_to_compare(*version, check, &table);
                self.tell(&Event::Checked(line.clone()));
                self.report.checks.push(line);
                continue;
            }
            let limit = check.timeout.unwrap_or(self.settings.check_timeout);
            let answer = self.one(connection, check, limit).await;
            let code = answer.as_ref().err().map(Error::code);
            if code == Some(Code::Interrupted) {
                interrupted = true;
                break;
            }
            let mut line = check_line(*version, check, answer, self.settings.evidence);
            if line.verdict == CheckVerdict::Fail
                && needs_before(check)
                && self.others_wrote(connection, check).await?
            {
                line.verdict = CheckVerdict::Inconclusive;
                line.detail = format!("others have written since the snapshot: {}", line.detail);
            }
            self.tell(&Event::Checked(line.clone()));
            if matches!(line.verdict, CheckVerdict::Fail | CheckVerdict::Error) && failed.is_none()
            {
                failed = Some((line.clone(), code));
            }
            self.report.checks.push(line);
        }
        connection.fence(Fence::Open);
        connection.writable(true).await?;
        match failed {
            _ if interrupted => Err(say::interrupted()),
            None => Ok(()),
            Some((line, code)) => Err(say::check_failed(&line, code)),
        }
    }

    /// A table that a check compares with and that came with this run: on a new database there is
    /// nothing that could have been lost. A table that is not there now either is a mistake.
    async fn made_by_this_run(
        &self,
        connection: &mut dyn Connection,
        check: &Check,
    ) -> Result<Option<String>> {
        let compared = compared_with(check, self.engine.dialect());
        let Some(new) = compared.into_iter().find(|table| self.then.table(table).is_none()) else {
            return Ok(None);
        };
        let now = self.engine.inventory(connection, Counts::Without, &self.then).await?;
        Ok(now.table(&new).is_some().then_some(new))
    }

    async fn one(
        &mut self,
        connection: &mut dyn Connection,
        check: &Check,
        limit: Duration,
    ) -> Result<Verdict> {
        let context = Context {
            engine: self.engine,
            run: self.record.id.clone(),
            limit,
            evidence: self.settings.evidence,
            snapshot: self.record.snapshot.as_deref().unwrap_or_default(),
            then: &self.then,
            stop: self.settings.stop.clone(),
        };
        carry_out(check, connection, &context, &mut self.ledger).await
    }

    /// Others have written to what the check compares, or may have.
    async fn others_wrote(
        &mut self,
        connection: &mut dyn Connection,
        check: &Check,
    ) -> Result<bool> {
        let compared = compared_with(check, self.engine.dialect());
        let none = BTreeSet::new();
        if let Some(theirs) = self.written_by_others(connection, compared.iter(), &none).await? {
            return Ok(!theirs.is_empty());
        }
        if !self.record.foreign_seen {
            self.record.foreign_seen = connection.foreign_commits().await? != self.commits_then;
        }
        Ok(self.record.foreign_seen)
    }
}

fn nothing_to_compare(version: Option<Version>, check: &Check, table: &str) -> CheckReport {
    CheckReport {
        name: check.name.to_string(),
        version,
        when: check.when,
        verdict: CheckVerdict::Inconclusive,
        detail: format!("`{table}` came with this run, so that there is nothing to compare with"),
        rows: Vec::new(),
    }
}
