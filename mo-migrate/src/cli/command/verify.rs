//! `verify`: the checks on the database as it is, or a restored run held against its snapshot.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::CheckVerdict;
use crate::report::text::table::{Cell, DIM, GREEN, RED, Table, one_line, paint};
use crate::report::text::{checks_text, count};
use crate::{AsOf, ProvedTable, RunProof};

/// Runs the checks on the database as it is, or completes the proof of a restored run.
#[derive(Debug, Args)]
#[command(after_help = "\
With a run: compares the contents of all that its restore brought back with its snapshot, where a
restore compares large tables (`--proof-limit`) by their counts, and writes the proof into the run's
report. Ends with 1 when something differs or a check fails.")]
pub(crate) struct Verify {
    /// A run that was restored; `history` lists them
    run: Option<String>,
}

impl Verify {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        match &self.run {
            Some(run) => {
                let proof = context.migrator().verify_run(context.target()?, run).await?;
                Ok(Answer::new(proof_text(&proof), &proof).findings(!proof.holds))
            }
            None => checks(context).await,
        }
    }
}

async fn checks(context: &Context) -> Result<Answer> {
    let found = context.runner()?.verify(context.target()?).await;
    let found = found.map_err(|error| error.begun_again("verify"))?;
    let mut text = checks_text(&found.checks, true);
    for name in &found.left_out {
        let line = format!("  - {}: left out, since it compares with before", one_line(name));
        let _ = writeln!(text, "{}", paint(true, DIM, &line));
    }
    let failed = found.checks.iter().filter(|check| check.verdict != CheckVerdict::Pass).count();
    let number = |n: usize| count(u64::try_from(n).unwrap_or(u64::MAX), "check");
    let verdict = if found.checks.is_empty() {
        "nothing to check".to_owned()
    } else if found.holds() {
        format!("{}: {}", paint(true, GREEN, "all hold"), number(found.checks.len()))
    } else {
        format!("{}: {} of {}", paint(true, RED, "failed"), failed, number(found.checks.len()))
    };
    text.push_str(&verdict);
    let json =
        json!({ "holds": found.holds(), "checks": found.checks, "left_out": found.left_out });
    Ok(Answer::new(text, &json).findings(!found.holds()))
}

fn proof_text(proof: &RunProof) -> String {
    let mut table = Table::default();
    for line in &proof.tables {
        let (sign, style) = if line.same { ("✓", GREEN) } else { ("✗", RED) };
        table.row([Cell::styled(sign, style), line.name.as_str().into(), words(line).into()]);
    }
    let moment = match proof.as_of {
        AsOf::Commit => format!("as it was when the restore was committed, {}", proof.at),
        AsOf::Now => "as it is now".to_owned(),
    };
    let verdict = match (proof.holds, proof.as_of) {
        (true, _) => {
            let rows = proof.tables.iter().filter_map(|table| table.rows).sum();
            format!(
                "{}: {moment}, all contents; {}",
                paint(true, GREEN, "identical"),
                count(rows, "row")
            )
        }
        (false, AsOf::Commit) => format!(
            "{}: {moment}; put it right with `migrate restore {}`",
            paint(true, RED, "different"),
            one_line(&proof.snapshot)
        ),
        (false, AsOf::Now) => format!(
            "{}: {moment}, which may be somebody's later write: the moment of the restore can't be read",
            paint(true, RED, "different")
        ),
    };
    format!("{}{verdict}", table.to_text(true))
}

fn words(table: &ProvedTable) -> String {
    match (table.same, table.same_definition, table.rows) {
        (true, _, Some(rows)) => count(rows, "row"),
        (true, _, None) => "not there, as in the snapshot".to_owned(),
        (false, _, None) => "there, and not in the snapshot".to_owned(),
        (false, same_definition, Some(_)) => {
            let rows = match table.differing {
                Some(0) => "the same values under other row numbers".to_owned(),
                Some(1) => "1 row differs".to_owned(),
                Some(number) => format!("{number} rows differ"),
                None if same_definition => "rows differ".to_owned(),
                None => "its rows were not compared".to_owned(),
            };
            if same_definition { rows } else { format!("another definition, {rows}") }
        }
    }
}
