//! Others' writes to the tables that the run touched.
//!
//! Where an engine can read any moment of the past, they are found in the gaps between the run's own
//! statements on a table; what changed while one of them ran can't be told from its own.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use crate::engine::{Connection, ForeignRows, Window};
use crate::error::Result;
use crate::ledger::StatementWindow;

/// The times in which the run may have written to this table.
pub(crate) fn windows(all: &[StatementWindow], table: &str) -> Vec<Window> {
    all.iter()
        .filter(|line| {
            line.touched.unknown
                || line.touched.tables.iter().any(|name| name.eq_ignore_ascii_case(table))
        })
        .map(|line| Window { began: line.began, ended: line.ended })
        .collect()
}

impl Run<'_> {
    /// What others have written to these tables, and to those that the run made, as far as it can be
    /// told; none where the engine can't tell.
    pub(super) async fn written_by_others<'t>(
        &mut self,
        connection: &mut dyn Connection,
        tables: impl Iterator<Item = &'t String>,
        made: &'t BTreeSet<String>,
    ) -> Result<Option<BTreeMap<String, ForeignRows>>> {
        let Some(snapshot) = self.record.snapshot.clone() else { return Ok(None) };
        let lines = self.ledger.windows(&self.record.id).await?;
        let (mut found, mut told) = (BTreeMap::new(), false);
        let most = self.settings.evidence;
        for table in tables.chain(made) {
            let then = (!made.contains(table)).then_some(snapshot.as_str());
            let windows = windows(&lines, table);
            match self.engine.foreign_rows(connection, then, table, &windows, most).await? {
                Some(theirs) if theirs.count > 0 => {
                    told = true;
                    found.insert(table.clone(), theirs);
                }
                Some(_) => told = true,
                // What the run made goes with it in any case.
                None if then.is_none() => {}
                None => return Ok(None),
            }
        }
        Ok(told.then_some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Touched;

    #[test]
    fn a_statement_of_which_nothing_is_known_may_have_written_anywhere() {
        let line = |table: &str, unknown, began| StatementWindow {
            touched: Touched { tables: [table.to_owned()].into(), unknown, ..Touched::default() },
            began,
            ended: Some(began + 1),
        };
        let all = [line("a", false, 1), line("b", true, 3), line("c", false, 5)];
        assert_eq!(
            windows(&all, "A"),
            [Window { began: 1, ended: Some(2) }, Window { began: 3, ended: Some(4) }]
        );
        assert_eq!(windows(&all, "d"), [Window { began: 3, ended: Some(4) }]);
    }
}
