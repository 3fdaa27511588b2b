//! `recover`: finishes or puts back what a dead run left.

use clap::Args;

use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;

/// Finishes or puts back what a dead run left, and nothing else.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Puts back an old run too, although rows in what it touched have changed since
    #[arg(long)]
    retry: bool,
}

impl Recover {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        match context.runner()?.retry(self.retry).recover(target).await? {
            Some(report) => Ok(Answer::report(&report)),
            None => Ok(Answer::new(
                "nothing to recover: no run is open",
                &context.empty_report()?.to_json(),
            )),
        }
    }
}
