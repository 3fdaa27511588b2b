//! `down`: takes versions back by their down files, guarded like any other run.

use super::{Operations, PendingMigration, Settled};
use crate::engine::Role;
use crate::error::{Result, say};
use crate::guard::job::{Job, Step};
use crate::guard::{Run, record_of};
use crate::history::History;
use crate::migration::Version;
use crate::report::Report;

impl Operations<'_> {
    /// Takes back what is above `to`; without it, the newest version alone. 0 takes back all.
    pub(crate) async fn down(&self, to: Option<Version>) -> Result<Report> {
        let Settled { lock, ledger, history, .. } = self.settled().await?;
        let history = history.ok_or_else(say::nothing_applied)?;
        let job = self.down_job(&history, to)?;
        let record = record_of(&job, &self.settings, Some(&history));
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = Some(history);
        Box::pin(run.execute(&job)).await
    }

    /// The versions that it would take back, the newest first.
    pub(crate) async fn down_preview(&self, to: Option<Version>) -> Result<Vec<PendingMigration>> {
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        let history = self.history(Role::Start).await?.ok_or_else(say::nothing_applied)?;
        let job = self.down_job(&history, to)?;
        let line = |step: &Step<'_>| PendingMigration {
            place: step.place().to_owned(),
            ..PendingMigration::from(step.migration)
        };
        Ok(job.steps.iter().map(line).collect())
    }

    fn down_job(&self, history: &History, to: Option<Version>) -> Result<Job<'_>> {
        let of_set = history.of_set(&self.settings.set);
        let numbered = of_set.filter(|applied| applied.kind != "repeatable");
        let applied: Vec<Version> = numbered.map(|applied| applied.version).collect();
        let going = taken_back(applied.clone(), to)?;
        let mut migrations = Vec::new();
        for version in &going {
            migrations.push(self.set.find(*version).ok_or_else(|| say::down_missing(*version))?);
        }
        let again = to.map_or_else(|| "down".to_owned(), |to| format!("down --to {to}"));
        let mut job = Job::down(&migrations, again, self.set, self.engine(), &self.settings)?;
        job.to = applied.into_iter().filter(|version| !going.contains(version)).max();
        Ok(job)
    }

    /// Finishes or puts back what a dead run left, and nothing else.
    pub(crate) async fn recover(&self) -> Result<Option<Report>> {
        let settled = self.settled().await?;
        settled.ledger.close().await;
        Ok(settled.dead_run.map(|report| *report))
    }
}

/// The versions above `to`, the newest first; without it the newest alone, and 0 is all of them.
fn taken_back(mut applied: Vec<Version>, to: Option<Version>) -> Result<Vec<Version>> {
    applied.sort_unstable();
    if let Some(to) = to.filter(|to| *to != 0 && !applied.contains(to)) {
        return Err(say::not_applied(to, &applied));
    }
    let stays = to.unwrap_or_else(|| applied.iter().rev().nth(1).copied().unwrap_or(0));
    applied.reverse();
    applied.retain(|version| *version > stays);
    if applied.is_empty() { Err(say::nothing_applied()) } else { Ok(applied) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_takes_the_newest_or_all_above_a_version() {
        for (applied, to, expected) in [
            (vec![1, 2, 3], None, vec![3]),
            (vec![3, 1, 2], Some(1), vec![3, 2]),
            (vec![1, 2], Some(0), vec![2, 1]),
            (vec![7], None, vec![7]),
        ] {
            assert_eq!(taken_back(applied, to).unwrap(), expected);
        }
        assert!(taken_back(vec![], None).is_err(), "nothing is applied");
        assert!(taken_back(vec![1, 2], Some(2)).is_err(), "nothing is above it");
        assert!(taken_back(vec![1, 3], Some(2)).is_err(), "2 is not applied");
    }
}
