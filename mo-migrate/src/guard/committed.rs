//! Commits: one that gives an error may have been done all the same, which is looked up and never
//! guessed.
//!
//! Invariants:
//! 1. the marker says whether a commit was done: it comes or goes with each that is sent from here;
//! 2. nothing is looked up before the transaction that was to be committed has ended;
//! 3. what can't be looked up ends the run, and the next start finds out.

use super::run::{Run, Stage};
use crate::error::{Error, Result, say};
use crate::history::History;
use crate::observer::Phase;

/// Whether the marker of the run is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Yes,
    No,
}

impl Run<'_> {
    /// Commits what the run's own connection has open.
    pub(super) async fn commit_work(&mut self, then: Marked, stage: Stage) -> Result<()> {
        let done = self.work()?.commit().await.map_err(say::commit_failed);
        if done.is_err() {
            self.close_work().await;
        }
        self.committed(done, then, stage).await
    }

    /// What became of a commit, after which the marker is as `then` says and the run in this stage.
    pub(super) async fn committed(
        &mut self,
        done: Result<()>,
        then: Marked,
        stage: Stage,
    ) -> Result<()> {
        if let Err(error) = done {
            match self.marked().await {
                Ok(now) if now == then => {
                    tracing::warn!(%error, "the commit was done all the same");
                }
                Ok(_) => return Err(error),
                Err(why) => {
                    self.stage = Stage::Unknown;
                    let disk = error.disk().or(why.disk());
                    let error = error.because(format!("and it could not be looked up: {why}"));
                    return Err(error.on_disk(disk));
                }
            }
        }
        self.stage = stage;
        Ok(())
    }

    /// The run is written down with its first phase, unless another start has the lock by now.
    pub(crate) async fn begin(&mut self, first: Option<(Phase, &str)>) -> Result<()> {
        match self.taken_over().await {
            Some(taken) => Err(taken.true_now("nothing was touched by this start")),
            None => self.ledger.begin_run(&mut self.record, first).await,
        }
    }

    /// The error that says so when another start has taken this run over: what it left is the other's
    /// to put back or to finish. Only a server's lock can be taken over.
    pub(crate) async fn taken_over(&mut self) -> Option<Error> {
        if self.engine.capabilities().transactional_ddl {
            return None;
        }
        self.close_work().await;
        let mut work = match self.open_work().await {
            Ok(work) => work,
            Err(error) => return Some(error).filter(Error::is_locked),
        };
        let begun = work.begin().await;
        work.close().await;
        begun.err().filter(Error::is_locked)
    }

    /// Looks in a transaction of its own, which begins once the one before has ended.
    async fn marked(&self) -> Result<Marked> {
        let mut look = self.open_work().await?;
        let history = match look.begin().await {
            Ok(()) => History::read(&mut *look, &self.settings.history_table).await,
            Err(error) => Err(error),
        };
        look.close().await;
        let marker = history?.and_then(|history| history.marker);
        let ours = marker.is_some_and(|marker| marker.run == self.record.id);
        Ok(if ours { Marked::Yes } else { Marked::No })
    }
}
