//! Testing a snapshot on a clone of it, before anything depends on it.

use super::job::Judge;
use super::run::Run;
use crate::engine::{Counts, Engine, Inventory};
use crate::error::{Error, Result, say};
use crate::fault::{self, Transition};
use crate::observer::Phase;

impl Run<'_> {
    /// The snapshot is cloned and the clone tested, before anything depends on it.
    pub(super) async fn verify_on_clone(&mut self, name: &str, checks: &[Judge]) -> Result<()> {
        self.enter(Phase::Verify, name).await?;
        let run = self.record.id.clone();
        let verified = self.test_clone(name, &run, checks).await;
        self.remove_clone(&run).await?;
        let found = verified.map_err(|error| say::snapshot_bad(name, error))?;
        self.leave(found);
        Ok(())
    }

    /// A restore that changed nothing leaves no clone, and no failed state that nobody knows.
    pub(crate) async fn tidy_up(&mut self) -> Result<()> {
        self.find_failed_state().await?;
        let run = self.record.id.clone();
        self.remove_clone(&run).await
    }

    /// Removes the clone that was made for this run, if one was.
    pub(super) async fn remove_clone(&self, run: &str) -> Result<()> {
        fault::before(Transition::CloneRemoved)?;
        self.engine.drop_clone(run).await?;
        fault::after(Transition::CloneRemoved)
    }

    pub(super) async fn test_clone(
        &mut self,
        name: &str,
        run: &str,
        checks: &[Judge],
    ) -> Result<String> {
        let touched = &self.record.touched;
        let only: Option<Vec<String>> =
            (!touched.unknown).then(|| touched.tables.iter().cloned().collect());
        let known = self.ledger.snapshot(name).await?.map(|known| known.inventory);
        let nothing = Inventory::NOTHING;
        let base = known.as_ref().unwrap_or(&nothing);
        fault::before(Transition::Clone)?;
        let mut clone = self.engine.clone_snapshot(name, run, only.as_deref(), base).await?;
        fault::after(Transition::Clone)?;
        let tested = self.test_clone_on(&mut clone, known, checks).await;
        clone.connection.close().await;
        tested.map(|found| format!("{} is sound: {found}", clone.name))
    }

    async fn test_clone_on(
        &mut self,
        clone: &mut crate::engine::Clone,
        known: Option<Inventory>,
        checks: &[Judge],
    ) -> Result<String> {
        let damage = self.engine.damage(&mut *clone.connection).await?;
        if let Some(first) = damage.first() {
            return Err(say::damaged(first));
        }
        let found = self
            .engine
            .inventory(&mut *clone.connection, Counts::With, &Inventory::NOTHING)
            .await?;
        if let Some(known) = known {
            same_inventory(&known, &found, self.engine, clone.only.as_deref())?;
            self.then = known;
        } else {
            self.then.clone_from(&found);
        }
        if !checks.is_empty() {
            self.judge_on(&mut *clone.connection, checks).await?;
        }
        Ok(self.state(&found))
    }
}

/// Holds what a clone has against what the ledger says the snapshot had.
pub(crate) fn same_inventory(
    known: &Inventory,
    found: &Inventory,
    engine: &dyn Engine,
    only: Option<&[String]>,
) -> Result<(), Error> {
    let (mut known, mut found) = if engine.capabilities().whole_clones {
        (known.clone(), found.clone())
    } else {
        (known.tables_alone(only), found.tables_alone(None))
    };
    for (changed, _) in engine.comes_back_changed(&known) {
        let both = known.objects.iter_mut().chain(&mut found.objects);
        both.filter(|object| object.name == changed).for_each(|object| object.sql = None);
    }
    if !known.same_definitions(&found) {
        return Err(say::damaged(
            "its definitions are not those that were written down when it was made",
        ));
    }
    for table in known.objects.iter().filter(|object| object.rows.is_some()) {
        let now = found.find(table.kind, &table.name).and_then(|found| found.rows);
        if now != table.rows {
            return Err(say::damaged(&format!(
                "`{}` has {} rows, and had {} when it was made",
                table.name,
                now.unwrap_or(0),
                table.rows.unwrap_or(0)
            )));
        }
    }
    Ok(())
}
