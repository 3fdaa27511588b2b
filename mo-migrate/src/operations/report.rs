//! `report`: a run told from its beginning to its end, by what the ledger has of it.

use super::{Operations, find_run};
use crate::engine::Role;
use crate::error::{Result, say};
use crate::guard;
use crate::ledger::{Ledger, PhaseLine, RunRecord, SnapshotRecord, StatementRecord};
use crate::report::{Facts, RunReport};

/// What is read of a run, at one time.
struct Found {
    run: RunRecord,
    phases: Vec<PhaseLine>,
    statements: Vec<StatementRecord>,
    snapshots: Vec<SnapshotRecord>,
}

impl Operations<'_> {
    /// The run with this id, or the last one.
    pub(crate) async fn report(&self, wanted: Option<&str>) -> Result<RunReport> {
        let none = || wanted.map_or_else(say::no_run_yet, |wanted| say::no_run(wanted, &[]));
        let mut ledger = Ledger::read(self.engine()).await?.ok_or_else(none)?;
        let found = find(&mut ledger, wanted).await;
        ledger.close().await;
        let Found { run, phases, statements, snapshots } = found?;
        let open =
            if run.outcome.is_none() { self.what_is_open(&run, &statements).await } else { None };
        Ok(RunReport::of(Facts {
            record: &run,
            phases,
            statements,
            snapshots: &snapshots,
            place: [self.engine.name(), self.engine.database()],
            open,
        }))
    }

    /// What is true of an open run, which the marker in the database says; nothing where that can't be
    /// read.
    async fn what_is_open(
        &self,
        run: &RunRecord,
        statements: &[StatementRecord],
    ) -> Option<String> {
        let exists = self.engine.exists().await.unwrap_or(false);
        let history = if exists { self.history(Role::Read).await.ok()? } else { None };
        let last = statements.last().map(|statement| (statement.version, statement.number));
        Some(say::open_run(run, last, guard::decide(Some(run), history.as_ref())))
    }
}

async fn find(ledger: &mut Ledger, wanted: Option<&str>) -> Result<Found> {
    let run = match wanted {
        Some(wanted) => find_run(ledger, wanted).await?,
        None => ledger.runs().await?.into_iter().next().ok_or_else(say::no_run_yet)?,
    };
    let phases = ledger.phases(&run.id).await?;
    let statements = ledger.statements(&run.id).await?;
    Ok(Found { phases, statements, snapshots: ledger.snapshots().await?, run })
}
