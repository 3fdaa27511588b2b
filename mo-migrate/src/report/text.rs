//! The report as text: what ran, what it did to the tables, what the checks said, what is kept, and
//! the outcome in the last line.

pub(crate) mod table;

use std::fmt::Write as _;

use self::table::{Cell, DIM, GREEN, RED, Table, YELLOW, one_line, paint, section};
use super::{
    CheckReport, CheckVerdict, MigrationState, Outcome, Report, RestoreReport, TableReport,
};
use crate::error::Code;
use crate::migration::Version;

impl Report {
    /// The report for people: several lines, the last of which is the outcome.
    #[must_use]
    pub fn to_text(&self, color: bool) -> String {
        let mut text = String::new();
        for (title, body) in [
            ("migrations", self.migrations_text(color)),
            ("guarded", self.guarded_text(color)),
            ("tables", self.tables_text(color)),
            ("checks", checks_text(&self.checks, color)),
            ("hooks", self.hooks_text(color)),
            ("kept", self.kept_text(color)),
        ] {
            text.push_str(&section(color, title, &body));
        }
        text.push_str(&self.outcome_line(color));
        text
    }

    pub(super) fn migrations_text(&self, color: bool) -> String {
        let mut table = Table::default();
        for line in &self.migrations {
            let version =
                if line.kind == "repeatable" { "R".to_owned() } else { line.version.to_string() };
            let (statements, took) = match line.state {
                MigrationState::Pending => (String::new(), String::new()),
                _ => (count(line.statements, "statement"), format!("{} ms", line.duration_ms)),
            };
            let (word, style) = state(line.state);
            table.row([
                version.into(),
                line.name.as_str().into(),
                line.kind.as_str().into(),
                Cell::styled(word, style),
                statements.into(),
                took.into(),
            ]);
        }
        table.to_text(color)
    }

    pub(super) fn guarded_text(&self, color: bool) -> String {
        let Some(guarded) = &self.guarded else { return String::new() };
        let what = guarded.command.as_deref().unwrap_or("a function");
        let ended =
            guarded.exit_code.map_or_else(String::new, |code| format!("exited with {code}"));
        let mut table = Table::default();
        table.row([
            guarded.purpose.as_str().into(),
            what.into(),
            ended.into(),
            format!("{} ms", guarded.duration_ms).into(),
        ]);
        let mut text = table.to_text(color);
        if !guarded.tables.is_empty() {
            let named = one_line(&guarded.tables.join(", "));
            let only = format!("  only what was named was looked at: {named}\n");
            text.push_str(&paint(color, DIM, &only));
        }
        text
    }

    /// Who wrote to the tables that a restore left as they are: what is guarded may have written to more
    /// than was named, and nobody saw who it was.
    pub(super) fn whose_kept(&self) -> &'static str {
        if self.guarded.is_some() {
            "was not named, and is left as it is"
        } else {
            "written by others, left as it is"
        }
    }

    fn tables_text(&self, color: bool) -> String {
        let mut table = Table::default();
        for line in &self.tables {
            let rows = rows(line, self.snapshot.is_some());
            table.row([line.name.as_str().into(), rows.into(), columns(line).into()]);
        }
        table.to_text(color)
    }

    /// The hooks that failed; of the others there is nothing to say.
    pub(super) fn hooks_text(&self, color: bool) -> String {
        let mut table = Table::default();
        for hook in &self.hooks {
            let Some(problem) = &hook.problem else { continue };
            table.row([
                hook.moment.as_str().into(),
                hook.hook.as_str().into(),
                Cell::styled("failed", RED),
                problem.as_str().into(),
            ]);
        }
        table.to_text(color)
    }

    pub(super) fn kept_text(&self, color: bool) -> String {
        let mut table = Table::default();
        if let Some(snapshot) = self.kept_snapshot() {
            let until = snapshot
                .delete_after
                .as_ref()
                .map_or("until it is let go".to_owned(), |at| format!("until {at}"));
            table.row(["snapshot".into(), snapshot.name.as_str().into(), until.into()]);
        }
        if let Some(failed) =
            self.restore.as_ref().and_then(|restore| restore.failed_state.as_ref())
        {
            table.row(["failed state".into(), failed.as_str().into()]);
        }
        table.to_text(color)
    }

    /// It had no snapshot, and a person has closed it.
    fn is_closed_by_hand(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.code == Code::NoSnapshot.as_str())
    }

    fn outcome_line(&self, color: bool) -> String {
        let outcome = paint(color, style(self.outcome), &self.outcome.to_string());
        format!("{outcome}: {}", self.outcome_detail())
    }

    /// What the outcome means for the database.
    pub(super) fn outcome_detail(&self) -> String {
        let now = version(self.to);
        match (self.outcome, &self.restore) {
            (Outcome::Applied, _) if self.guarded.is_some() => "what it did is kept".to_owned(),
            (Outcome::Applied, _) if self.to < self.from => {
                format!("taken back, version {} → {}", version(self.from), self.to.unwrap_or(0))
            }
            (Outcome::Applied, _) if self.from != self.to && self.from.is_some() => {
                format!("version {} → {}", version(self.from), self.to.unwrap_or(0))
            }
            (Outcome::Restored, Some(restore)) => restored(restore, self.to),
            (Outcome::RolledBack, _) => format!("{}, nothing had been committed", at(self.to)),
            (Outcome::NeedsPerson, _) if self.is_closed_by_hand() => {
                format!("{}, nothing was put back", at(self.to))
            }
            (Outcome::NeedsPerson, _) if self.guarded.is_some() => {
                "what it did may still be there".to_owned()
            }
            (Outcome::Refused | Outcome::Locked, _) => "nothing was touched".to_owned(),
            _ if self.to.is_none() => "nothing is applied".to_owned(),
            _ => format!("version {now}"),
        }
    }
}

/// The colour of an outcome.
pub(super) fn style(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::UpToDate | Outcome::Applied => GREEN,
        Outcome::RolledBack | Outcome::Restored => YELLOW,
        Outcome::NeedsPerson | Outcome::Refused | Outcome::Locked => RED,
    }
}

/// The checks, each with the rows that show what is wrong.
pub(crate) fn checks_text(checks: &[CheckReport], color: bool) -> String {
    let mut text = String::new();
    for check in checks {
        let (tick, style) = tick(check.verdict);
        let of = check.version.map(|version| format!("migration {version}, ")).unwrap_or_default();
        let about = paint(color, DIM, &format!("({of}{})", check.when.as_str()));
        let detail = if check.detail.is_empty() {
            String::new()
        } else {
            format!(": {}", one_line(&check.detail))
        };
        let _ = writeln!(
            text,
            "  {} {} {about}{detail}",
            paint(color, style, tick),
            one_line(&check.name)
        );
        for row in &check.rows {
            let _ = writeln!(text, "      {}", evidence(row));
        }
    }
    text
}

/// A sign for a verdict, and its style.
pub(crate) fn tick(verdict: CheckVerdict) -> (&'static str, &'static str) {
    match verdict {
        CheckVerdict::Pass => ("✓", GREEN),
        CheckVerdict::Fail | CheckVerdict::Error => ("✗", RED),
        CheckVerdict::Inconclusive => ("?", YELLOW),
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn count(number: u64, word: &str) -> String {
    if number == 1 { format!("{number} {word}") } else { format!("{number} {word}s") }
}

pub(super) fn evidence(row: &serde_json::Map<String, serde_json::Value>) -> String {
    let cells: Vec<String> =
        row.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    one_line(&cells.join(", "))
}

pub(super) fn state(state: MigrationState) -> (&'static str, &'static str) {
    match state {
        MigrationState::Pending => ("not begun", DIM),
        MigrationState::Applied => ("applied", GREEN),
        MigrationState::Failed => ("failed", RED),
        MigrationState::Undone => ("undone", YELLOW),
        MigrationState::Reverted => ("taken back", GREEN),
    }
}

/// The rows of a table; what it was before is known where there is a snapshot.
pub(super) fn rows(table: &TableReport, before_known: bool) -> String {
    match (table.rows_before, table.rows_after) {
        (Some(before), Some(after)) if before == after => count(after, "row"),
        (Some(before), Some(after)) => format!("{before} → {}", count(after, "row")),
        (None, Some(after)) if before_known => format!("new, {}", count(after, "row")),
        (None, Some(after)) => format!("{}, before not known", count(after, "row")),
        (Some(before), None) => format!("dropped, had {}", count(before, "row")),
        (None, None) => String::new(),
    }
}

fn columns(table: &TableReport) -> String {
    let (before, after) = (&table.columns_before, &table.columns_after);
    let now = if table.rows_after.is_some() { after } else { before };
    let number = u64::try_from(now.len()).unwrap_or(u64::MAX);
    let changed =
        table.rows_before.is_some() && table.rows_after.is_some() && before.len() != after.len();
    let counted = if changed {
        format!("{} → {}", before.len(), count(number, "column"))
    } else {
        count(number, "column")
    };
    format!("{counted}: {}", now.join(", "))
}

pub(super) fn version(version: Option<Version>) -> String {
    version.map_or_else(|| "nothing".to_owned(), |version| version.to_string())
}

pub(super) fn at(version: Option<Version>) -> String {
    version.map_or_else(|| "nothing is applied".to_owned(), |version| format!("version {version}"))
}

fn restored(restore: &RestoreReport, to: Option<Version>) -> String {
    let tables = u64::try_from(restore.tables.len()).unwrap_or(u64::MAX);
    let compared =
        format!("{} and {} compared", count(tables, "table"), count(restore.rows_compared, "row"));
    format!("{}; {compared} with the snapshot by {}", at(to), one_line(&restore.proof))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{MigrationReport, SnapshotReport};

    fn report() -> Report {
        let mut report = Report::new("main", "sqlite", "app.db");
        (report.outcome, report.from, report.to) = (Outcome::Applied, Some(1), Some(2));
        report.migrations.push(MigrationReport {
            version: 2,
            name: "enhance".to_owned(),
            kind: "sql".to_owned(),
            state: MigrationState::Applied,
            statements: 1,
            duration_ms: 3,
        });
        report.tables.push(TableReport {
            name: "products".to_owned(),
            rows_before: Some(5),
            rows_after: Some(7),
            columns_before: vec!["id".to_owned()],
            columns_after: vec!["id".to_owned(), "name".to_owned()],
            ..TableReport::default()
        });
        report.snapshot = Some(SnapshotReport {
            name: "pre".to_owned(),
            scope: "database".to_owned(),
            created_at: String::new(),
            delete_after: Some("2026-11-29T00:00:00Z".to_owned()),
        });
        report
    }

    #[test]
    fn a_report_shows_rows_columns_and_names_and_ends_with_the_outcome() {
        assert_eq!(
            report().to_text(false),
            "migrations\n  2  enhance  sql  applied  1 statement  3 ms\n\n\
             tables\n  products  5 → 7 rows  1 → 2 columns: id, name\n\n\
             kept\n  snapshot  pre  until 2026-11-29T00:00:00Z\n\n\
             applied: version 1 → 2"
        );
    }

    #[test]
    fn each_outcome_has_a_last_line() {
        let mut report = Report::new("main", "sqlite", "app.db");
        assert_eq!(report.to_text(false), "up to date: nothing is applied");
        for (outcome, to, line) in [
            (Outcome::UpToDate, Some(2), "up to date: version 2"),
            (Outcome::Applied, Some(2), "applied: version 2"),
            (
                Outcome::RolledBack,
                None,
                "rolled back: nothing is applied, nothing had been committed",
            ),
            (Outcome::Refused, Some(1), "refused: nothing was touched"),
            (Outcome::NeedsPerson, Some(1), "needs a person: version 1"),
        ] {
            (report.outcome, report.to) = (outcome, to);
            assert_eq!(report.to_text(false), line);
        }
    }

    #[test]
    fn all_that_was_taken_back_is_said() {
        let mut report = report();
        (report.from, report.to) = (Some(2), None);
        assert!(report.to_text(false).ends_with("applied: taken back, version 2 → 0"));
    }

    #[test]
    fn evidence_is_shown_by_the_names_of_the_columns() {
        let row = serde_json::json!({"id": 3, "name": "a\u{1b}b"});
        let check = CheckReport {
            name: "lost".to_owned(),
            version: Some(2),
            when: crate::validate::When::Before,
            verdict: CheckVerdict::Fail,
            detail: "1 row".to_owned(),
            rows: vec![row.as_object().cloned().unwrap_or_default()],
        };
        let text = checks_text(&[check], false);
        assert_eq!(
            text,
            "  ✗ lost (migration 2, before): 1 row\n      id = 3, name = \"a\\u001bb\"\n"
        );
    }
}
