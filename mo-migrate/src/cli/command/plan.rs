//! `plan`: what would be done, statement by statement, and what guards it.

use std::fmt::Write as _;

use clap::Args;

use super::lint::headline;
use super::up::Reach;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::{Result, printable};
use crate::operations::{Preview, PreviewGuard, PreviewStep};
use crate::plan::Goal;
use crate::report::RehearsalReport;
use crate::report::text::count;
use crate::report::text::table::{BOLD, DIM, Table, YELLOW, one_line, paint, section};
use crate::{error::say, time};

/// Shows what would be done.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    reach: Reach,
    /// Tries it on a clone of a snapshot, which are both removed again
    #[arg(long)]
    rehearse: bool,
}

impl Plan {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        preview(context, self.reach.goal(), self.rehearse).await
    }
}

pub(crate) async fn preview(context: &Context, goal: Goal, rehearse: bool) -> Result<Answer> {
    let mut preview = context.migrator().preview(context.target()?, goal).await?;
    if rehearse {
        preview.rehearsal = context.runner()?.rehearse_pending(context.target()?, goal).await?;
    }
    let keep = time::words(context.settings().keep.of(crate::snapshot::PRE_UPGRADE));
    Ok(Answer::new(text(&preview, &keep), &preview))
}

fn text(preview: &Preview, keep: &str) -> String {
    let mut text = String::new();
    for finding in &preview.tolerated {
        let _ = writeln!(text, "{}", paint(true, YELLOW, &one_line(&say::tolerated(finding))));
    }
    if let Some(words) = &preview.new_set {
        let _ = writeln!(text, "{}", paint(true, YELLOW, &one_line(words)));
    }
    for step in &preview.migrations {
        text.push_str(&step_text(step));
    }
    let mut checks = Table::default();
    for check in &preview.checks {
        let of = check.version.map_or_else(|| "always".to_owned(), |version| version.to_string());
        checks.row([check.name.as_str().into(), of.into(), moment(check.when.as_str()).into()]);
    }
    text.push_str(&section(true, "checks", &checks.to_text(true)));
    text.push_str(&section(true, "lint", &lint_text(preview)));
    if let Some(guard) = &preview.guard {
        text.push_str(&section(true, "guard", &guard_text(guard, keep)));
    }
    if let Some(rehearsal) = &preview.rehearsal {
        text.push_str(&section(true, "rehearsal", &rehearsal_text(rehearsal)));
    }
    text + &last_line(preview)
}

/// What the lint has to say, a line each.
fn lint_text(preview: &Preview) -> String {
    let said = preview.lint.iter().filter(|finding| finding.allowed.is_none());
    let lines: Vec<String> = said.map(|finding| format!("  {}\n", headline(finding, 1))).collect();
    if lines.is_empty() { String::new() } else { lines.concat() + "  what to do: `migrate lint`\n" }
}

fn rehearsal_text(rehearsal: &RehearsalReport) -> String {
    if let Some(why) = &rehearsal.why {
        return format!("  could not be made: {}\n", one_line(why));
    }
    let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    format!(
        "  {} and {} went well on a clone, in {} ms\n",
        count(length(rehearsal.migrations.len()), "migration"),
        count(length(rehearsal.checks.len()), "check"),
        rehearsal.duration_ms
    )
}

fn last_line(preview: &Preview) -> String {
    let version = |version: Option<i64>| {
        version.map_or_else(|| "nothing".to_owned(), |version| version.to_string())
    };
    let pending = u64::try_from(preview.migrations.len()).unwrap_or(u64::MAX);
    match pending {
        0 if preview.from.is_none() => "nothing would run: nothing is applied".to_owned(),
        0 => format!("nothing would run: version {}", version(preview.from)),
        n => format!(
            "{} would run: {} → {}",
            count(n, "migration"),
            version(preview.from),
            version(preview.to)
        ),
    }
}

fn step_text(step: &PreviewStep) -> String {
    let migration = &step.migration;
    let title = match migration.kind.as_str() {
        "repeatable" => format!("repeatable {}", one_line(&migration.name)),
        _ => format!("{} {}", migration.version, one_line(&migration.name)),
    };
    let place = paint(true, DIM, &one_line(&migration.place));
    let mut text = format!("{}  {place}\n", paint(true, BOLD, &title));
    if !step.transaction {
        text.push_str("  outside of a transaction\n");
    }
    if migration.kind == "rust" {
        text.push_str("  a Rust function: what it sends is known when it runs\n");
    }
    for statement in &step.statements {
        let mut lines = printable(&statement.sql)
            .lines()
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
            .into_iter();
        let first = lines.next().unwrap_or_default();
        let _ = writeln!(text, "  {} {first}", paint(true, DIM, &format!("{:>4}", statement.line)));
        for line in lines {
            let _ = writeln!(text, "       {line}");
        }
    }
    text.push('\n');
    text
}

fn moment(when: &str) -> &'static str {
    match when {
        "before" => "before the commit",
        "after" => "after the commit",
        _ => "on a clone of the snapshot, before a restore",
    }
}

fn guard_text(guard: &PreviewGuard, keep: &str) -> String {
    let first = match (guard.ring, guard.snapshot) {
        (1, true) => {
            format!(
                "ring 1: one transaction holds everything; a data snapshot is taken first and kept for {keep}"
            )
        }
        (1, false) => "ring 1: one transaction holds everything; no snapshot is taken".to_owned(),
        (_, true) => format!(
            "ring 2: a data snapshot is taken first, undoes what fails, and is kept for {keep}"
        ),
        (_, false) => "none: no snapshot is taken, and what fails stays half applied".to_owned(),
    };
    let mut text = format!("  {first}\n");
    for why in &guard.why {
        let _ = writeln!(text, "  since {}", one_line(why));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guard_is_said_as_it_is() {
        for (ring, snapshot, words) in [
            (1, true, "kept for 7d"),
            (1, false, "no snapshot"),
            (2, true, "undoes what fails"),
            (2, false, "stays half applied"),
        ] {
            let guard = PreviewGuard { ring, snapshot, why: vec!["it is so".to_owned()] };
            let text = guard_text(&guard, "7d");
            assert!(text.contains(words) && text.contains("since it is so"), "{text}");
        }
    }
}
