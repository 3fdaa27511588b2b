//! The checks with their evidence.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::words::{boxed, rest, words};
use crate::report::story::text::{checks_shown, duration};
use crate::report::text::tick;
use crate::report::{CheckReport, CheckVerdict, Report};

pub(super) fn part(report: &Report) -> Markup {
    html! {
        @if let Some(rehearsal) = &report.rehearsal {
            section {
                h2 { "Rehearsal" }
                p {
                    @match &rehearsal.why {
                        why if rehearsal.has_failed() => {
                            "It failed on a clone of the snapshot, after " (duration(rehearsal.duration_ms))
                            @if let Some(why) = why { ": " (words(why)) } @else { "." }
                        }
                        _ if rehearsal.done => { "It went well on a clone of the snapshot, in " (duration(rehearsal.duration_ms)) "." }
                        Some(why) => { "It was not made: " (words(why)) }
                        None => "It was not made.",
                    }
                }
                (list(&rehearsal.checks))
            }
        }
        @if !report.checks.is_empty() {
            section { h2 { "Checks" } (list(&report.checks)) }
        }
    }
}

fn list(checks: &[CheckReport]) -> Markup {
    let shown = checks_shown(checks);
    html! {
        @if !shown.is_empty() {
            ul.checks { @for check in &shown { li { (one(check)) } } }
        }
        (rest(checks.len() - shown.len()))
    }
}

fn one(check: &CheckReport) -> Markup {
    let (sign, word, tone) = match check.verdict {
        CheckVerdict::Pass => (tick(check.verdict).0, "holds", "good"),
        CheckVerdict::Fail => (tick(check.verdict).0, "failed", "bad"),
        CheckVerdict::Error => (tick(check.verdict).0, "could not be carried out", "bad"),
        CheckVerdict::Inconclusive => (tick(check.verdict).0, "can't tell", "back"),
    };
    html! {
        p {
            span.sign.(tone) aria-hidden="true" { (sign) } " "
            b { (words(&check.name)) } " "
            span.small.dim {
                (word) ", "
                @if let Some(version) = check.version { "migration " (version) ", " }
                (check.when.as_str())
            }
        }
        @if !check.detail.is_empty() { p.detail { (words(&check.detail)) } }
        @if !check.rows.is_empty() { (evidence(&format!("evidence of {}", check.name), &check.rows)) }
    }
}

/// Rows by the names of their columns.
pub(super) fn evidence(name: &str, rows: &[Map<String, Value>]) -> Markup {
    let mut columns: Vec<&String> = Vec::new();
    for column in rows.iter().flat_map(Map::keys) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    boxed(
        name,
        &html! {
            table.evidence {
                caption { (words(name)) }
                thead { tr { @for column in &columns { th scope="col" { (words(column)) } } } }
                tbody {
                    @for row in rows {
                        tr { @for column in &columns { td { div { (value(row.get(*column))) } } } }
                    }
                }
            }
        },
    )
}

/// A value as a person reads it: what is no value and what is empty are told from text.
fn value(value: Option<&Value>) -> Markup {
    html! {
        @match value {
            None => {},
            Some(Value::Null) => span.null { "NULL" },
            Some(Value::String(text)) if text.is_empty() => span.null { "empty" },
            Some(Value::String(text)) => (words(text)),
            Some(other) => (words(&other.to_string())),
        }
    }
}
