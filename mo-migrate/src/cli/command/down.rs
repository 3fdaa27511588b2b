//! `down`: takes versions back by their down files.

use clap::Args;

use crate::Version;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::text::table::Table;

/// Takes versions back by their down files; the newest alone, unless `--to` says how far.
#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Takes back every version above this one; 0 takes back all
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(0..))]
    to: Option<Version>,
}

impl Down {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        let mut table = Table::default();
        for line in context.migrator().down_preview(&target, self.to).await? {
            table.row([
                line.version.to_string().into(),
                line.name.as_str().into(),
                line.place.as_str().into(),
            ]);
        }
        context.printer.show(&format!("takes back, by their down files:\n{}", table.to_text(true)));
        let words = self.to.map_or_else(|| "down".to_owned(), |to| format!("down --to {to}"));
        ask::confirm(context, &words, "take them back?").await?;
        let done = context.runner()?.down(target, self.to).await;
        done.map(|report| Answer::report(&report)).map_err(|error| error.again_by(&words))
    }
}
