//! `repair`: accepts changed texts of applied migrations, and what a hand did to the history.

use clap::Args;

use super::validate::finding_words;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::text::count;

/// Accepts applied migrations as they are now: changed texts, and what a hand did to the history.
#[derive(Debug, Args)]
pub(crate) struct Repair {}

impl Repair {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let preview = context.migrator().repair_preview(&target).await?;
        if preview.changed.is_empty() {
            return Ok(Answer::new(
                "nothing to repair: no applied migration was changed, and all were judged",
                &preview,
            ));
        }
        for finding in &preview.changed {
            context.printer.say(&finding_words(finding));
        }
        ask::confirm(context, "repair", "accept them as they are now?").await?;
        let repair = context.migrator().repair(target).await?;
        let accepted = u64::try_from(repair.changed.len()).unwrap_or(u64::MAX);
        Ok(Answer::new(format!("accepted: {}", count(accepted, "migration")), &repair))
    }
}
