//! `verify`: the checks on the database as it is.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::CheckVerdict;
use crate::report::text::table::{DIM, GREEN, RED, one_line, paint};
use crate::report::text::{checks_text, count};

/// Runs the checks on the database as it is.
#[derive(Debug, Args)]
pub(crate) struct Verify {}

impl Verify {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let found = context.runner()?.verify(target).await?;
        let mut text = checks_text(&found.checks, true);
        for name in &found.left_out {
            let line = format!("  - {}: left out, since it compares with before", one_line(name));
            let _ = writeln!(text, "{}", paint(true, DIM, &line));
        }
        let failed =
            found.checks.iter().filter(|check| check.verdict != CheckVerdict::Pass).count();
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
}
