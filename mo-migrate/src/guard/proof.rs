//! The proof: what came back is compared with the snapshot, inside the restore's transaction.

use std::collections::BTreeSet;

use super::restore_plan::RestorePlan;
use super::run::Run;
use crate::engine::{Object, RestoreTransaction};
use crate::error::{Result, say};
use crate::observer::Counted;

/// What the proof compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    pub(super) rows: u64,
    pub(super) counts_only: bool,
}

impl Run<'_> {
    /// Compares all that the restore was to bring back, inside its transaction.
    pub(super) async fn prove(
        &mut self,
        back: &mut dyn RestoreTransaction,
        plan: &RestorePlan,
    ) -> Result<Proof> {
        let (then, now) = self.concerned(back.inventories().await?);
        let foreign = self.record.foreign_seen;
        let moves = |object: &&Object| object.name == "sqlite_sequence" && foreign;
        let kept = |object: &&Object| {
            plan.kept.contains(&object.name) || plan.kept.contains(&object.table)
        };
        for object in then.objects.iter().filter(|object| !moves(object) && !kept(object)) {
            let found = now.find(object.kind, &object.name);
            if found.is_none_or(|found| found.sql != object.sql) {
                return Err(say::proof_failed(&format!(
                    "the definition of `{}` differs",
                    object.name
                )));
            }
        }
        for object in now.objects.iter().filter(|object| !moves(object) && !kept(object)) {
            if then.find(object.kind, &object.name).is_none() {
                return Err(say::proof_failed(&format!("`{}` is still there", object.name)));
            }
        }
        let mut proof = Proof::default();
        // The rows were brought back before, and are compared now.
        let all = self.rows_back(plan);
        let (progress, mut done) = (self.progress(), all);
        let concerned = |object: &&Object| {
            plan.tables.contains(&object.name) || object.name == "sqlite_sequence"
        };
        for table in then.objects.iter().filter(concerned) {
            if !table.kind.has_rows() || moves(&table) {
                continue;
            }
            let known = self.then.find(table.kind, &table.name).and_then(|known| known.rows);
            let large = known.is_some_and(|rows| rows > self.settings.proof_limit);
            proof.counts_only |= large;
            let compared = if large {
                back.compare_counts(table).await?
            } else {
                back.compare(table, &progress.within(done, 2 * all)).await?
            };
            done += known.unwrap_or(0);
            progress.tell(Counted::Rows, done, Some(2 * all));
            if compared.differs {
                return Err(say::proof_failed(&format!("rows of `{}` differ", table.name)));
            }
            proof.rows += compared.same;
        }
        if !plan.kept.is_empty() {
            self.count_orphans(back, plan).await?;
        }
        Ok(proof)
    }

    /// How many rows the tables of this plan had.
    pub(super) fn rows_back(&self, plan: &RestorePlan) -> u64 {
        let back = self.then.objects.iter().filter(|object| plan.tables.contains(&object.name));
        back.filter_map(|object| object.rows).sum()
    }

    /// Rows that were kept may refer to rows that went: more orphans than there were need a person.
    async fn count_orphans(
        &mut self,
        back: &mut dyn RestoreTransaction,
        plan: &RestorePlan,
    ) -> Result<()> {
        let now = self.engine.foreign_key_violations(back.connection()?, None).await?;
        let snapshot = self.record.snapshot.clone().filter(|_| !now.is_empty());
        let Some(name) = snapshot else { return Ok(()) };
        let lost = now.len().saturating_sub(self.violations_then(&name).await?.len());
        if lost == 0 {
            return Ok(());
        }
        let tables = now.iter().map(|row| row.at(0)).collect::<Result<BTreeSet<String>>>()?;
        let of_others = tables.into_iter().filter(|table| plan.kept.contains(table)).collect();
        Err(say::orphans(lost, of_others))
    }
}
