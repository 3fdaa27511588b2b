//! The run as text: the outcome first, then how it came to it, and last the commands to go on with.

use std::fmt::Write as _;

use super::{PhaseReport, PhaseState, RunReport};
use crate::report::lines::{Line, side_by_side};
use crate::report::text::table::{
    BOLD, Cell, DIM, GREEN, RED, Table, YELLOW, one_line, paint, section,
};
use crate::report::text::{checks_text, count, evidence, rows, style};
use crate::report::{CheckReport, CheckVerdict, DefinitionReport, Report};
use crate::time;

/// How much of each part is shown; JSON has all of it.
pub(crate) mod most {
    /// Phases: a run that was taken up again and again has many.
    pub(crate) const PHASES: usize = 60;
    pub(crate) const STATEMENTS: usize = 50;
    pub(crate) const TABLES: usize = 40;
    pub(crate) const DEFINITIONS: usize = 20;
    /// Lines of one definition.
    pub(crate) const LINES: usize = 200;
    pub(crate) const CHECKS: usize = 100;
}

/// How wide a bar of the time line is.
const BAR: u64 = 24;

/// The first of all, and how many are left out.
pub(crate) fn first<T>(all: &[T], most: usize) -> (&[T], usize) {
    let shown = all.get(..most).unwrap_or(all);
    (shown, all.len() - shown.len())
}

/// What is said of those that are left out; nothing where none are.
pub(crate) fn and_more(left: usize) -> Option<String> {
    (left > 0).then(|| format!("and {left} more: `--format json` has all"))
}

/// Those that are shown: what did not pass is never left out for what did.
pub(crate) fn checks_shown(checks: &[CheckReport]) -> Vec<CheckReport> {
    let mut shown = checks.to_vec();
    if shown.len() > most::CHECKS {
        shown.sort_by_key(|check| check.verdict == CheckVerdict::Pass);
    }
    shown.truncate(most::CHECKS);
    shown
}

/// Milliseconds for people.
pub(crate) fn duration(ms: u64) -> String {
    time::words(std::time::Duration::from_millis(ms))
}

impl RunReport {
    /// The run for people: the outcome is the first line.
    #[must_use]
    pub fn to_text(&self, color: bool) -> String {
        let none = Report::new(&self.set, &self.engine, &self.database);
        let report = self.report.as_ref().unwrap_or(&none);
        let tone = self.outcome.map_or(YELLOW, style);
        let outcome = paint(color, tone, &self.outcome_words());
        let mut text = format!("{outcome}: {}\n\n", one_line(&self.summary()));
        for (title, body) in [
            ("run", self.run_text(color)),
            ("error", self.error_text(color)),
            ("time line", self.phases_text(color)),
            ("migrations", report.migrations_text(color)),
            ("guarded", guarded_text(report, color)),
            ("statements", self.statements_text(color)),
            ("tables", tables_text(report, color)),
            ("definitions", self.definitions_text(report, color)),
            ("rehearsal", rehearsal_text(report, color)),
            ("checks", some_checks(&report.checks, color)),
            ("others' rows", foreign_text(report, color)),
            ("hooks", report.hooks_text(color)),
            ("kept", report.kept_text(color)),
            ("to go on", self.next_text(color)),
        ] {
            text.push_str(&section(color, title, &body));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn run_text(&self, color: bool) -> String {
        let mut table = Table::default();
        let took = self.duration_ms.map_or_else(|| "it has no end yet".to_owned(), duration);
        let database = format!("{} ({}, set {})", self.database, self.engine, self.set);
        let what = format!("{}, ring {}", self.purpose, self.ring);
        for (name, value) in [
            ("id", &self.run),
            ("what", &what),
            ("database", &database),
            ("began", &self.started_at),
            ("took", &took),
            ("by", &self.by),
        ] {
            table.row([Cell::styled(name, DIM), value.as_str().into()]);
        }
        if let Some(detail) = &self.detail {
            table.row([Cell::styled("note", DIM), detail.as_str().into()]);
        }
        table.to_text(color)
    }

    fn error_text(&self, color: bool) -> String {
        let Some(error) = &self.error else { return String::new() };
        let mut table = Table::default();
        table.row([Cell::styled(&error.code, RED), error.message.as_str().into()]);
        for (name, value) in [("database", &error.database), ("hint", &error.hint)] {
            if let Some(value) = value {
                table.row([Cell::styled(name, DIM), value.as_str().into()]);
            }
        }
        table.to_text(color)
    }

    fn phases_text(&self, color: bool) -> String {
        let mut table = Table::default();
        let total: u64 = self.phases.iter().filter_map(|phase| phase.duration_ms).sum();
        let (shown, left) = first(&self.phases, most::PHASES);
        let mut before = 0;
        for phase in shown {
            let took = phase.duration_ms.unwrap_or(0);
            let (sign, style) = sign(phase.state);
            table.row([
                Cell::styled(sign, style),
                phase.phase.replace('_', " ").into(),
                Cell::styled(&bar(before, took, total), style),
                phase.duration_ms.map(duration).unwrap_or_default().into(),
                Cell::styled(&phase_words(phase), DIM),
            ]);
            before += took;
        }
        with_rest(table.to_text(color), left, color)
    }

    fn statements_text(&self, color: bool) -> String {
        let (shown, left) = first(self.own_statements(), most::STATEMENTS);
        let mut table = Table::default();
        for statement in shown {
            let tables = statement.tables.join(", ");
            let unknown = if statement.unknown { "tables that can't be told" } else { "" };
            table.row([
                statement.title().into(),
                statement.duration_ms.map_or("never ended".to_owned(), duration).into(),
                [tables.as_str(), unknown].join(" ").trim().into(),
                Cell::styled(statement.error.as_deref().unwrap_or_default(), RED),
            ]);
        }
        with_rest(table.to_text(color), left, color)
    }

    fn definitions_text(&self, report: &Report, color: bool) -> String {
        let (shown, left) = first(&report.definitions, most::DEFINITIONS);
        let mut text = String::new();
        let [one, other] = self.sides();
        if !shown.is_empty() {
            let _ = writeln!(text, "  {}", paint(color, DIM, &format!("- {one}   + {other}")));
        }
        for definition in shown {
            let _ = writeln!(text, "  {} {}", definition.kind, one_line(&definition.name));
            text.push_str(&definition_text(definition, color));
        }
        with_rest(text, left, color)
    }

    fn next_text(&self, color: bool) -> String {
        let mut table = Table::default();
        for step in &self.next {
            table.row([Cell::styled(&step.command, BOLD), step.why.as_str().into()]);
        }
        table.to_text(color)
    }
}

/// What is said of a phase beside its time.
pub(crate) fn phase_words(phase: &PhaseReport) -> String {
    let state = match phase.state {
        PhaseState::Done => "",
        PhaseState::Failed => "failed here",
        PhaseState::Died => "died here",
        PhaseState::Open => "is here, or died here",
    };
    let later = if phase.later { "by a later start" } else { "" };
    let words = [state, later, &phase.detail];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

fn sign(state: PhaseState) -> (&'static str, &'static str) {
    match state {
        PhaseState::Done => ("✓", GREEN),
        PhaseState::Failed | PhaseState::Died => ("✗", RED),
        PhaseState::Open => ("…", YELLOW),
    }
}

/// A bar at its place: never without a mark, however short its time was.
fn bar(before: u64, took: u64, total: u64) -> String {
    let total = total.max(1);
    let at = (before * BAR / total).min(BAR - 1);
    let long = (took * BAR).div_ceil(total).clamp(1, BAR - at);
    let cells = |sign: char, number: u64| (0..number).map(move |_| sign);
    cells('·', at).chain(cells('█', long)).chain(cells('·', BAR - at - long)).collect()
}

fn with_rest(mut text: String, left: usize, color: bool) -> String {
    if let Some(more) = and_more(left) {
        let _ = writeln!(text, "  {}", paint(color, DIM, &more));
    }
    text
}

fn guarded_text(report: &Report, color: bool) -> String {
    let mut text = report.guarded_text(color);
    for line in report.guarded.iter().flat_map(|guarded| &guarded.output) {
        let _ = writeln!(text, "  {} {}", paint(color, DIM, "|"), one_line(line));
    }
    text
}

fn tables_text(report: &Report, color: bool) -> String {
    let (shown, left) = first(&report.tables, most::TABLES);
    let mut table = Table::default();
    for line in shown {
        let rows = rows(line, report.snapshot.is_some());
        let failed = line.rows_failed.filter(|failed| Some(*failed) != line.rows_after);
        let failed = failed.map(|failed| format!("{failed} when it was put back"));
        table.row([line.name.as_str().into(), rows.into(), failed.unwrap_or_default().into()]);
    }
    with_rest(table.to_text(color), left, color)
}

fn definition_text(definition: &DefinitionReport, color: bool) -> String {
    let lines = side_by_side(definition.before.as_deref(), definition.after.as_deref());
    let (shown, left) = first(&lines, most::LINES);
    let mut text = String::new();
    for line in shown {
        let line = match line {
            Line::Both(line) => format!("  {}", one_line(line)),
            Line::Before(line) => paint(color, RED, &format!("- {}", one_line(line))),
            Line::After(line) => paint(color, GREEN, &format!("+ {}", one_line(line))),
        };
        let _ = writeln!(text, "    {line}");
    }
    with_rest(text, left, color)
}

fn rehearsal_text(report: &Report, color: bool) -> String {
    let Some(rehearsal) = &report.rehearsal else { return String::new() };
    let words = match &rehearsal.why {
        why if rehearsal.has_failed() => {
            let why = why.as_deref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
            format!("failed on a clone, after {}{why}", duration(rehearsal.duration_ms))
        }
        _ if rehearsal.done => {
            format!("went well on a clone, in {}", duration(rehearsal.duration_ms))
        }
        Some(why) => format!("not made: {}", one_line(why)),
        None => "not made".to_owned(),
    };
    format!("  {words}\n{}", some_checks(&rehearsal.checks, color))
}

fn some_checks(checks: &[CheckReport], color: bool) -> String {
    let shown = checks_shown(checks);
    let left = checks.len() - shown.len();
    with_rest(checks_text(&shown, color), left, color)
}

fn foreign_text(report: &Report, color: bool) -> String {
    let Some(restore) = &report.restore else { return String::new() };
    let mut table = Table::default();
    for (names, words) in [
        (&restore.discarded_writes, "went back with the table, and may be others'"),
        (&restore.kept_writes, report.whose_kept()),
    ] {
        let (shown, left) = first(names, most::TABLES);
        for name in shown {
            table.row([name.as_str().into(), words.into()]);
        }
        if let Some(more) = and_more(left) {
            table.row([Cell::styled(&more, DIM)]);
        }
    }
    if let Some(late) = &restore.late_rows {
        table.row([late.as_str().into(), "has what was written just before the restore".into()]);
    }
    let mut text = table.to_text(color);
    for taken in &restore.discarded_rows {
        let _ = writeln!(
            text,
            "  {} of others' in {} went back:",
            count(taken.count, "row"),
            one_line(&taken.table)
        );
        for row in &taken.rows {
            let _ = writeln!(text, "      {}", evidence(row));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::story::samples;

    #[test]
    fn the_outcome_is_the_first_line_and_the_commands_are_the_last() {
        let text = samples::restored().to_text(false);
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("restored: version 1; "), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.contains("migrate snapshot pin failed_v2"), "{text}");
        for part in [
            "error\n  MM0204",
            "✗  validate after",
            "products  3 rows  2 when it was put back",
            "    +   category TEXT",
            "✗ no product is lost (migration 2, after): 1 row is wrong",
            "id = 3, name = null",
            "1 row of others' in products went back:",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn hundreds_of_tables_are_cut_and_said_to_be() {
        let text = samples::large().to_text(false);
        assert!(text.contains("and 460 more: `--format json` has all"), "{text}");
        assert!(text.contains("✗ check 499"), "what failed is shown\n{text}");
    }

    #[test]
    fn no_name_leaves_its_line() {
        let text = samples::hostile().to_text(false);
        let harmless = |c: char| c == '\n' || crate::printable::picture(c) == c;
        assert!(text.chars().all(harmless), "{text:?}");
    }

    #[test]
    fn a_bar_is_in_its_place_and_never_empty() {
        for (before, took, total) in
            [(0, 0, 0), (0, 10, 10), (10, 0, 10), (5, 5, 10), (9, 1, u64::MAX / 30)]
        {
            let bar = bar(before, took, total);
            assert_eq!(bar.chars().count(), 24, "{bar}");
            assert!(bar.contains('█'), "{bar}");
        }
        assert_eq!(bar(5, 5, 10), "············████████████");
    }
}
