//! `validate`: the files held against the history.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::{Result, say};
use crate::plan::Finding;
use crate::report::text::count;
use crate::report::text::table::{GREEN, RED, YELLOW, one_line, paint};

/// Holds the files against the history.
#[derive(Debug, Args)]
pub(crate) struct Validate {}

impl Validate {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let validation = context.migrator().validate(context.target()?).await?;
        let settings = context.settings();
        let is_refused = |finding: &&Finding| finding.refused(&settings).is_some();
        let refused =
            validation.findings.iter().filter(is_refused).count() + validation.problems.len();
        let mut text = String::new();
        for problem in &validation.problems {
            let _ = writeln!(text, "{} {}", paint(true, RED, "✗"), one_line(problem));
        }
        for finding in &validation.findings {
            let (sign, style) = if is_refused(&finding) { ("✗", RED) } else { ("!", YELLOW) };
            let _ = writeln!(
                text,
                "{} {}",
                paint(true, style, sign),
                one_line(&finding_words(finding))
            );
        }
        let verdict = match refused {
            0 => paint(true, GREEN, "valid"),
            n => count(u64::try_from(n).unwrap_or(u64::MAX), "finding"),
        };
        text.push_str(&verdict);
        let json = json!({ "valid": refused == 0, "findings": validation.findings, "problems": validation.problems });
        Ok(Answer::new(text, &json).findings(refused > 0))
    }
}

/// A finding in one line: what it is, and what to do.
pub(crate) fn finding_words(finding: &Finding) -> String {
    say::in_a_line(&say::finding(finding))
}
