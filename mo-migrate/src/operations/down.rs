//! `down`: takes versions back by their down files, guarded like any other run.

use super::Operations;
use crate::engine::Role;
use crate::error::{Result, say};
use crate::guard::job::Job;
use crate::guard::{self, Run, record_of};
use crate::ledger::Ledger;
use crate::migration::Version;
use crate::report::Report;

impl Operations<'_> {
    /// Takes back what is above `to`; without it, the newest version alone. 0 takes back all.
    pub(crate) async fn down(&self, to: Option<Version>) -> Result<Report> {
        let lock = self.lock().await?;
        Box::pin(guard::recover(self.engine(), self.set, &self.settings, &lock, self.last_write))
            .await?;
        let history = self.history(Role::Start).await?.ok_or_else(say::nothing_applied)?;
        let mut applied: Vec<Version> = history
            .of_set(&self.settings.set)
            .filter(|applied| applied.kind != "repeatable")
            .map(|applied| applied.version)
            .collect();
        applied.sort_unstable();
        if let Some(to) = to
            && to != 0
            && !applied.contains(&to)
        {
            return Err(say::not_applied(to, &applied));
        }
        let keep_below = to.unwrap_or_else(|| applied.iter().rev().nth(1).copied().unwrap_or(0));
        let mut steps = Vec::new();
        for version in applied.iter().rev().filter(|version| **version > keep_below) {
            steps.push(self.set.find(*version).ok_or_else(|| say::down_missing(*version))?);
        }
        if steps.is_empty() {
            return Err(say::nothing_applied());
        }
        let mut job = Job::down(&steps, self.set, self.engine(), &self.settings)?;
        job.to = applied.iter().copied().filter(|version| *version <= keep_below).max();
        let ledger = Ledger::open(self.engine()).await?;
        let record = record_of(&job, &self.settings, Some(&history));
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock.clone(), record);
        run.history = Some(history);
        Box::pin(run.execute(&job)).await
    }

    /// Finishes or puts back what a dead run left, and nothing else.
    pub(crate) async fn recover(&self) -> Result<Option<Report>> {
        let lock = self.lock().await?;
        Box::pin(guard::recover(self.engine(), self.set, &self.settings, &lock, self.last_write))
            .await
    }
}
