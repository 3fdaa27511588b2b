//! `diff`: the rows that a restore took back, or what a run has changed since its snapshot.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::text::count;
use crate::report::text::table::{DIM, GREEN, RED, YELLOW, one_line, paint, section};
use crate::{Change, ChangedRow, Difference, TableDifference, Whose};

/// Shows the rows that a restore took back, or what a run has changed since its snapshot.
#[derive(Debug, Args)]
#[command(after_help = "\
A run that was restored: the rows of others that went back with its tables, and those that changed
while one of its statements was at work. Where it can't be told whose they are (SQLite), all in which
the failed state differs from the snapshot. A run that was applied: all that differs between its
snapshot and the database as it is. Ends with 1 when something differs.")]
pub(crate) struct Diff {
    /// The run; `history` lists them
    run: String,
    /// Shows at most so many rows of each table, and counts the others
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Diff {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let found = context.migrator().diff(target, &self.run, self.limit).await?;
        Ok(Answer::new(text(&found), &found).findings(!found.is_empty()))
    }
}

fn text(found: &Difference) -> String {
    let older = format!("snapshot `{}`", one_line(&found.from));
    let newer = match &found.to {
        Some(failed) => format!("the failed state `{}`", one_line(failed)),
        None => "the database as it is".to_owned(),
    };
    let mut text = String::new();
    for (whose, title) in [
        (Whose::Others, "rows of others that went back"),
        (Whose::Undecided, "changed while a statement of the run was at work: its own, or others'"),
        (Whose::Unknown, "tables"),
    ] {
        let tables = found.tables.iter().filter(|table| table.whose == whose);
        let body: String = tables.map(table_text).collect();
        text.push_str(&section(true, title, &body));
    }
    let objects = found.objects.iter().map(|object| {
        format!("  {} {} {}\n", sign(object.change), object.kind, one_line(&object.name))
    });
    text.push_str(&section(true, "other objects", &objects.collect::<String>()));
    let verdict = match (found.is_empty(), found.told_apart) {
        (true, true) => format!("nothing of others' went back with run {}", found.run),
        (true, false) => format!("no difference between {older} and {newer}"),
        (false, false) if found.to.is_some() => {
            format!("from {older} to {newer}, {}; whose they are can't be told", counted(found))
        }
        (false, _) => format!("from {older} to {newer}, {}", counted(found)),
    };
    text.push_str(&verdict);
    text
}

fn counted(found: &Difference) -> String {
    let rows = |whose: &[Whose]| -> u64 {
        let tables = found.tables.iter().filter(|table| whose.contains(&table.whose));
        tables.map(differing).sum()
    };
    if found.told_apart {
        let (others, undecided) = (rows(&[Whose::Others]), rows(&[Whose::Undecided]));
        return format!("{} of others, {undecided} undecided", count(others, "row"));
    }
    let tables = u64::try_from(found.tables.len()).unwrap_or(u64::MAX);
    format!("{} in {}", count(rows(&[Whose::Unknown]), "row"), count(tables, "table"))
}

fn differing(table: &TableDifference) -> u64 {
    table.added + table.removed + table.changed + table.not_listed.unwrap_or(0)
}

/// What became of a table, in words.
pub(super) fn changed_words(table: &TableDifference) -> Vec<String> {
    let mut words = Vec::new();
    match table.change {
        Some(Change::Added) => words.push(format!("new, {}", count(table.added, "row"))),
        Some(Change::Removed) => words.push(format!("gone, had {}", count(table.removed, "row"))),
        _ => {
            for (number, word) in
                [(table.added, "added"), (table.removed, "removed"), (table.changed, "changed")]
            {
                if number > 0 {
                    words.push(format!("{} {word}", count(number, "row")));
                }
            }
        }
    }
    for (names, word) in [(&table.columns_added, "with"), (&table.columns_removed, "without")] {
        if !names.is_empty() {
            words.push(format!("{word} {}", names.join(", ")));
        }
    }
    if table.change == Some(Change::Changed) && words.is_empty() {
        words.push("another definition".to_owned());
    }
    match table.not_listed {
        Some(0) => {}
        Some(number) => {
            words.push(format!("{} of both sides differ, too many to list", count(number, "row")));
        }
        None => words.push("rows that are too many to compare one by one".to_owned()),
    }
    words
}

fn table_text(table: &TableDifference) -> String {
    let words = changed_words(table);
    let mut text = format!("  {}  {}\n", one_line(&table.name), one_line(&words.join(", ")));
    for row in &table.rows {
        let _ = writeln!(text, "    {} {}", sign(row.change), row_text(row));
    }
    if table.left_out > 0 {
        let line = format!("    … and {} more, without `--limit`", table.left_out);
        let _ = writeln!(text, "{}", paint(true, DIM, &line));
    }
    text
}

fn sign(change: Change) -> String {
    let (sign, style) = match change {
        Change::Added => ("+", GREEN),
        Change::Removed => ("-", RED),
        Change::Changed => ("~", YELLOW),
    };
    paint(true, style, sign)
}

/// A row with all its values; of a changed one those that are the same once, the others with what they
/// were.
fn row_text(row: &ChangedRow) -> String {
    let empty = Map::new();
    let was = row.was.as_ref().unwrap_or(&empty);
    let cell = |(column, value): (&String, &Value)| match was.get(column) {
        Some(old) if old != value => format!("{column} = {old} → {value}"),
        _ => format!("{column} = {value}"),
    };
    let cells: Vec<String> = row.row.iter().map(cell).collect();
    one_line(&cells.join(", "))
}
