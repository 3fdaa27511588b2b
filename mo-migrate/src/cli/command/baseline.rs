//! `baseline`: marks versions as applied without running them.

use clap::Args;

use crate::Version;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;

/// Marks all versions up to this one as applied without running them: the database has them already.
#[derive(Debug, Args)]
pub(crate) struct Baseline {
    /// The highest version that the database has
    version: Version,
}

impl Baseline {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let preview = context.migrator().baseline_preview(&target, self.version).await?;
        if preview.versions.is_empty() {
            return Ok(Answer::new("nothing to mark: these versions are applied", &preview));
        }
        context
            .printer
            .say(&format!("marks as applied, and runs nothing: {}", list(&preview.versions)));
        ask::confirm(context, &format!("baseline {}", self.version), "mark them?").await?;
        let marked = context.migrator().baseline(target, self.version).await?;
        Ok(Answer::new(format!("marked as applied: {}", list(&marked.versions)), &marked))
    }
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
