//! The failed state: the snapshot of what went wrong, made while writers are kept out.

use super::run::Run;
use crate::engine::{Inventory, RestoreTransaction, SnapshotFacts};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::ledger::SnapshotRecord;
use crate::snapshot::FAILED;
use crate::{snapshot, time};

impl Run<'_> {
    /// The failed states of this run, the newest first.
    pub(super) async fn failed_states(&mut self) -> Result<Vec<String>> {
        let run = Some(self.record.id.clone());
        let mut all = self.ledger.snapshots().await?;
        all.retain(|snapshot| snapshot.run == run && snapshot.purpose == FAILED);
        all.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.created_at));
        Ok(all.into_iter().map(|snapshot| snapshot.name).collect())
    }

    pub(super) async fn keep_failed_state(
        &mut self,
        back: &mut dyn RestoreTransaction,
    ) -> Result<String> {
        let version = self.record.version_target.unwrap_or(0);
        let name = snapshot::name(FAILED, Some(version), time::now_ms());
        // Its name first, so that a death can't leave one that nobody knows.
        let before = self.record.failed_state.replace(name.clone());
        self.ledger.update_run(&self.record).await?;
        let kept = match fault::before(Transition::FailedState) {
            Ok(()) => back.keep_failed_state(&name, self.progress()).await,
            Err(error) => Err(error),
        };
        if kept.is_err() {
            self.record.failed_state = before;
        }
        let facts = kept.map_err(say::failed_state)?;
        fault::after(Transition::FailedState)?;
        self.write_failed_state(facts).await?;
        Ok(name)
    }

    async fn write_failed_state(&mut self, facts: SnapshotFacts) -> Result<()> {
        self.ledger
            .add_snapshot(&SnapshotRecord {
                name: facts.name,
                run: Some(self.record.id.clone()),
                purpose: FAILED.to_owned(),
                level: facts.level,
                created_by: crate::lock::who(),
                created_at: facts.created_at,
                version_before: self.record.version_before,
                version_target: self.record.version_target,
                delete_after: Some(self.settings.keep.until(FAILED, facts.created_at)),
                pinned: false,
                bytes: facts.bytes,
                inventory: Inventory::default(),
            })
            .await
    }

    /// A failed state that was made by a run that died before it was written down.
    pub(super) async fn find_failed_state(&mut self) -> Result<()> {
        let Some(name) = self.record.failed_state.clone() else { return Ok(()) };
        if self.ledger.snapshot(&name).await?.is_some() {
            return Ok(());
        }
        let found = self.engine.snapshots().await?.into_iter().find(|facts| facts.name == name);
        if found.is_none() {
            self.record.failed_state = None;
        }
        match found {
            Some(facts) => self.write_failed_state(facts).await,
            None => Ok(()),
        }
    }
}
