//! `down`: takes versions back by their down files, guarded like any other run.

use super::preview::taken_back;
use super::{Operations, Settled};
use crate::error::{Result, say};
use crate::guard::job::Job;
use crate::guard::{Run, record_of};
use crate::migration::Version;
use crate::report::Report;

impl Operations<'_> {
    /// Takes back what is above `to`; without it, the newest version alone. 0 takes back all.
    pub(crate) async fn down(&self, to: Option<Version>) -> Result<Report> {
        let Settled { lock, ledger, history, .. } = self.settled().await?;
        let history = history.ok_or_else(say::nothing_applied)?;
        let of_set = history.of_set(&self.settings.set);
        let numbered = of_set.filter(|applied| applied.kind != "repeatable");
        let applied: Vec<Version> = numbered.map(|applied| applied.version).collect();
        let going = taken_back(applied.clone(), to)?;
        let mut steps = Vec::new();
        for version in &going {
            steps.push(self.set.find(*version).ok_or_else(|| say::down_missing(*version))?);
        }
        let mut job = Job::down(&steps, self.set, self.engine(), &self.settings)?;
        job.to = applied.into_iter().filter(|version| !going.contains(version)).max();
        let record = record_of(&job, &self.settings, Some(&history));
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = Some(history);
        Box::pin(run.execute(&job)).await
    }

    /// Finishes or puts back what a dead run left, and nothing else.
    pub(crate) async fn recover(&self) -> Result<Option<Report>> {
        let settled = self.settled().await?;
        settled.ledger.close().await;
        Ok(settled.dead_run.map(|report| *report))
    }
}
