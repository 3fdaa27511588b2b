//! `up`: runs what is pending.

use clap::Args;

use super::plan;
use crate::Version;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::plan::Goal;

/// Runs what is pending.
#[derive(Debug, Default, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    reach: Reach,
    /// Shows what would be done, and does nothing; the same as `plan`
    #[arg(long)]
    dry_run: bool,
    /// Tries again what killed its process before
    #[arg(long)]
    retry: bool,
}

/// How far to go.
#[derive(Debug, Default, Args)]
pub(crate) struct Reach {
    /// Goes up to and with this version
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<Version>,
    /// Goes this many versions
    #[arg(long, value_name = "N", conflicts_with = "to", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
}

impl Reach {
    pub(crate) fn goal(&self) -> Goal {
        match (self.to, self.steps) {
            (Some(version), _) => Goal::Version(version),
            (None, Some(steps)) => Goal::Steps(usize::try_from(steps).unwrap_or(usize::MAX)),
            (None, None) => Goal::Latest,
        }
    }
}

impl Up {
    pub(crate) fn dry_run(&self) -> bool {
        self.dry_run
    }

    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        if self.dry_run {
            return plan::preview(context, self.reach.goal(), false).await;
        }
        let target = context.target()?;
        let report = context.runner()?.retry(self.retry).to(target, self.reach.goal()).await?;
        Ok(Answer::report(&report))
    }
}
