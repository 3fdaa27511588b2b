//! What has to be true for the story to have come true.

use mo_migrate::SnapshotLine;
use mo_migrate::prelude::*;
use mo_migrate::report::{CheckVerdict, TableReport};

use crate::shop::State;
use crate::story::line;

/// The facts, each with whether it holds.
#[derive(Debug, Default)]
pub(crate) struct Facts(Vec<(String, bool)>);

impl Facts {
    pub(crate) fn all_hold(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(_, holds)| *holds)
    }

    pub(crate) fn show(&self) {
        line("facts");
        for (fact, holds) in &self.0 {
            line(&format!("     {:<5} {fact}", if *holds { "true" } else { "FALSE" }));
        }
    }

    fn fact(&mut self, fact: impl Into<String>, holds: bool) {
        self.0.push((fact.into(), holds));
    }

    /// The shop before the upgrade.
    pub(crate) fn version_1(&mut self, state: &State) {
        self.fact(
            "version 1 has the columns id, name, price, stock",
            state.columns == ["id", "name", "price", "stock"],
        );
        let wanted = [
            (1, "Gaming Laptop", 1500, 20),
            (2, "Wireless Mouse", 30, 150),
            (3, "Mechanical Keyboard", 120, 80),
            (4, "4K Monitor", 400, 45),
            (5, "USB-C Hub", 50, 200),
        ];
        let wanted = wanted.map(|(id, name, price, stock)| (id, name.to_owned(), price, stock));
        self.fact(
            "version 1 has the 5 products with their prices and stocks",
            state.products == wanted,
        );
    }

    /// A wrong upgrade that nobody stopped.
    pub(crate) fn went_through(&mut self, report: &Report) {
        self.fact(
            format!("the wrong upgrade is stopped, and does not end {}", report.outcome),
            false,
        );
    }

    /// The error of the upgrade, with the report of what was done.
    pub(crate) fn failure(&mut self, error: &Error) {
        self.fact("the run ended restored, with exit code 2", {
            error.outcome() == Outcome::Restored && error.exit_code().0 == 2
        });
        let Some(report) = error.report() else {
            return self.fact("the error carries the report", false);
        };
        let failed = |name: &str, rows: usize| {
            let found = report.checks.iter().find(|check| check.name == name);
            found.is_some_and(|check| {
                check.verdict == CheckVerdict::Fail && check.rows.len() == rows
            })
        };
        self.fact(
            "2 products cost less than nothing",
            failed("no product costs less than nothing", 2),
        );
        self.fact("5 prices changed", failed("prices are unchanged", 5));
        self.fact(
            "1 category is one that the shop does not have",
            failed("every category is one that the shop has", 1),
        );
        let passed =
            report.checks.iter().filter(|check| check.verdict == CheckVerdict::Pass).count();
        self.fact(
            "compatibility and speed passed, and both checks of the snapshot's clone",
            passed == 4,
        );
        let Some(restore) = &report.restore else {
            return self.fact("the report has a restore", false);
        };
        self.fact("contents were compared before the restore was committed", {
            restore.proof == "contents"
                && restore.rows_compared >= 5
                && restore.tables.iter().any(|t| t == "products")
        });
        self.fact("the failed state is kept", restore.failed_state.is_some());
        let back = |table: &TableReport| {
            (
                table.rows_before,
                table.rows_after,
                table.columns_before.len(),
                table.columns_after.len(),
            )
        };
        let products = report.tables.iter().find(|table| table.name == "products").map(back);
        self.fact(
            "the report has 5 rows and 4 columns before and after",
            products == Some((Some(5), Some(5), 4, 4)),
        );
    }

    /// The snapshot's details, read back; its level is the engine's.
    pub(crate) fn snapshot(&mut self, error: &Error, listed: &[SnapshotLine], level: &str) {
        let name = error
            .report()
            .and_then(|report| report.snapshot.as_ref())
            .map(|snapshot| &snapshot.name);
        let found = listed.iter().find(|line| Some(&line.name) == name);
        self.fact("the snapshot is listed with its name, time, level, database and versions", {
            found.is_some_and(|line| {
                line.name.starts_with("pre_upgrade_v2_")
                    && !line.created_at.is_empty()
                    && line.level == level
                    && line.database.contains("_rollback_demo")
                    && (line.version_before, line.version_target) == (Some(1), Some(2))
            })
        });
        self.fact("the snapshot is kept for its retention time", {
            found.is_some_and(|line| line.delete_after.is_some() && !line.gone)
        });
    }

    /// The clone was dropped.
    pub(crate) fn clone_dropped(&mut self, is_there: bool) {
        self.fact("the verify database is dropped", !is_there);
    }

    /// What the run said was in the database.
    pub(crate) fn states(&mut self, states: &[String]) {
        let went = ["products 7 rows, 8 columns", "products 5 rows, 4 columns"];
        self.fact(
            "the products went from 5 rows to 7 and back to 5, from 4 columns to 8 and back to 4",
            states == went,
        );
    }

    /// The shop after it all.
    pub(crate) fn back(&mut self, before: &State, after: &State, version: Option<i64>) {
        self.fact("the database is at version 1 again", version == Some(1));
        self.fact("every product is there as it was", before == after);
    }
}
