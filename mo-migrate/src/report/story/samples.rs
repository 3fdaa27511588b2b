//! Runs for the tests of what is made of them.

use serde_json::json;

use super::{Facts, RunReport};
use crate::engine::Touched;
use crate::ledger::{PhaseLine, RunRecord, SnapshotRecord, StatementRecord};
use crate::observer::Phase;
use crate::report::{Outcome, Report};

/// What would leave its place in a page or a terminal.
pub(crate) const HOSTILE: &str = "</title><script>alert('x')</script>\"'&<!--\n\u{1b}[31m\u{9b}2J\u{202e}\u{feff}\0]]>`migrate up`";

pub(crate) fn record() -> RunRecord {
    RunRecord {
        had_history: true,
        phase: Phase::Afterwards,
        outcome: Some(Outcome::Restored),
        version_before: Some(1),
        version_target: Some(2),
        versions: vec![2],
        snapshot: Some("pre_upgrade_v2".to_owned()),
        failed_state: Some("failed_v2".to_owned()),
        foreign_seen: true,
        started_at: 1_795_337_052_000,
        heartbeat_at: 1_795_337_052_060,
        finished_at: Some(1_795_337_052_090),
        host: "db1".to_owned(),
        pid: 7,
        user: "ana".to_owned(),
        ..RunRecord::sample()
    }
}

pub(crate) fn snapshot(name: &str) -> SnapshotRecord {
    SnapshotRecord {
        name: name.to_owned(),
        version_before: Some(1),
        version_target: Some(2),
        ..SnapshotRecord::sample()
    }
}

/// The report of a run that was restored, without the keys that came later.
fn stored(name: &str) -> serde_json::Value {
    json!({
        "outcome": "restored", "run": "run_1", "set": "main", "engine": "sqlite", "database": name,
        "from": 1, "to": 1,
        "migrations": [{"version": 2, "name": name, "kind": "sql", "state": "undone"}],
        "checks": [{"name": "no product is lost", "version": 2, "when": "after", "verdict": "fail",
            "detail": "1 row is wrong", "rows": [{"id": 3, "name": null, name: name}]}],
        "tables": [{"name": name, "rows_before": 3, "rows_after": 3, "rows_failed": 2,
            "columns_before": ["id"], "columns_after": ["id"]}],
        "definitions": [{"kind": "table", "name": name, "before": "CREATE TABLE t (id INT)",
            "after": format!("CREATE TABLE t (id INT, category TEXT{})",
                if name == HOSTILE { HOSTILE } else { "" })}],
        "snapshot": {"name": "pre_upgrade_v2", "scope": "database", "created_at": "2026-11-22T08:44:12Z"},
        "restore": {"method": "tables", "tables": ["products"], "proof": "contents", "rows_compared": 3,
            "kept_writes": ["orders"], "discarded_writes": [name],
            "discarded_rows": [{"table": name, "count": 1, "rows": [{"id": 9, "name": name}]}],
            "failed_state": "failed_v2", "duration_ms": 20},
        "timings_ms": {"preflight": 1, "apply": 9, "verify": 5, "restore": 9, "afterwards": 1},
        "error": {"code": "MM0204", "message": format!("check `{name}` failed"),
            "database": "restored", "hint": "fix it, then `migrate up`"},
    })
}

fn phases() -> Vec<PhaseLine> {
    let line = |after: i64, phase| PhaseLine {
        at: 1_795_337_052_000 + after,
        phase,
        detail: String::new(),
    };
    vec![
        line(0, Phase::Preflight),
        line(2, Phase::Apply),
        line(20, Phase::ValidateAfter),
        line(25, Phase::Verify),
        line(40, Phase::Restore),
        line(60, Phase::Afterwards),
    ]
}

fn told(record: &RunRecord, database: &str) -> RunReport {
    let statement = StatementRecord {
        version: 2,
        number: 1,
        line: 3,
        touched: Touched { tables: [database.to_owned()].into(), ..Touched::default() },
        duration_ms: Some(4),
        error: Some(database.to_owned()),
    };
    RunReport::of(Facts {
        record,
        phases: phases(),
        statements: vec![statement],
        snapshots: &[snapshot("pre_upgrade_v2"), snapshot("failed_v2")],
        place: ["sqlite", database],
        open: None,
    })
}

/// A run that failed after its commit and was restored.
pub(crate) fn restored() -> RunReport {
    let record = RunRecord { report: Some(stored("products").to_string()), ..record() };
    told(&record, "products")
}

/// The same with names and values that would like to be more than text.
pub(crate) fn hostile() -> RunReport {
    let record = RunRecord {
        report: Some(stored(HOSTILE).to_string()),
        set: HOSTILE.to_owned(),
        user: HOSTILE.to_owned(),
        id: HOSTILE.to_owned(),
        snapshot: Some(HOSTILE.to_owned()),
        ..record()
    };
    told(&record, HOSTILE)
}

/// Five hundred tables and as many checks, the last of which failed.
pub(crate) fn large() -> RunReport {
    let mut report = restored();
    let Some(whole) = &mut report.report else { return report };
    let Report { tables, checks, definitions, .. } = whole;
    for number in 0..499 {
        let mut table = tables[0].clone();
        table.name = format!("table_{number}");
        tables.push(table);
        let mut definition = definitions[0].clone();
        definition.name = format!("table_{number}");
        definitions.push(definition);
    }
    let mut check = checks[0].clone();
    check.verdict = crate::report::CheckVerdict::Pass;
    check.rows.clear();
    for number in 0..500 {
        check.name = format!("check {number}");
        if number == 499 {
            check.verdict = crate::report::CheckVerdict::Error;
        }
        checks.push(check.clone());
    }
    report
}
