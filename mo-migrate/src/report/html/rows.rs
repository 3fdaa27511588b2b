//! How many rows each table had and has, as bars on one scale.

use maud::{Markup, html};

use super::words::{rest, words};
use crate::report::story::text::{first, most};
use crate::report::{Report, TableReport};

pub(super) fn part(report: &Report) -> Markup {
    let (shown, left) = first(&report.tables, most::TABLES);
    let counts = |table: &TableReport| [table.rows_before, table.rows_failed, table.rows_after];
    let highest = shown.iter().flat_map(counts).flatten().max().unwrap_or(0);
    let before_known = report.snapshot.is_some();
    let undone = shown.iter().any(|table| undone(table).is_some());
    html! {
        @if !shown.is_empty() {
            section {
                h2 { "Rows" }
                p.note {
                    "The tables that were touched, on one scale"
                    @if undone { "; the bar between is what was undone, where it was counted" }
                    "."
                }
                @for table in shown { (chart(table, highest, before_known)) }
                (rest(left))
            }
        }
    }
}

fn chart(table: &TableReport, highest: u64, before_known: bool) -> Markup {
    let failed = undone(table);
    let missing = if before_known { "not there" } else { "not known" };
    html! {
        figure.rows {
            figcaption { b { (words(&table.name)) } " " span.dim { (change(table, before_known)) } }
            (line("before", table.rows_before, missing, "then", highest))
            @if failed.is_some() { (line("undone", failed, "", "back", highest)) }
            (line("now", table.rows_after, "not there", "now", highest))
        }
    }
}

/// The rows that were undone, where they were counted and another number.
fn undone(table: &TableReport) -> Option<u64> {
    table.rows_failed.filter(|failed| Some(*failed) != table.rows_after)
}

fn line(name: &str, rows: Option<u64>, missing: &str, tone: &str, highest: u64) -> Markup {
    let long = rows.map_or(0, |rows| share(rows, highest));
    html! {
        div.row {
            span.name { (name) }
            svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" {
                title { (name) ": " @match rows { Some(rows) => { (rows) " rows" } None => (missing) } }
                rect.track x="0" y="4" width="1000" height="2" {}
                @if long > 0 { rect.(tone) x="0" y="0" width=(long) height="10" {} }
            }
            span.number { @match rows { Some(rows) => (grouped(rows)), None => span.dim { (missing) } } }
        }
    }
}

/// Its part of the whole line; what is there at all can be seen.
fn share(rows: u64, highest: u64) -> u64 {
    let share = u128::from(rows) * 1000 / u128::from(highest.max(1));
    u64::try_from(share).unwrap_or(1000).max(u64::from(rows > 0) * 4)
}

fn change(table: &TableReport, before_known: bool) -> String {
    match (table.rows_before, table.rows_after) {
        (Some(before), Some(after)) if after > before => format!("+{}", grouped(after - before)),
        (Some(before), Some(after)) if after < before => format!("−{}", grouped(before - after)),
        (Some(_), Some(_)) => "the same number".to_owned(),
        (None, Some(_)) if before_known => "new".to_owned(),
        (Some(_), None) => "dropped".to_owned(),
        _ => String::new(),
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read_and_shares_stay_on_the_line() {
        assert_eq!(grouped(1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(grouped(12), "12");
        assert_eq!((share(0, 9), share(1, u64::MAX), share(9, 9)), (0, 4, 1000));
    }
}
