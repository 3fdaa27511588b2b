//! `database`: makes it, drops it, and makes it anew.

use clap::Subcommand;
use serde_json::json;

use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;

/// Makes, drops and resets the database.
#[derive(Debug, Subcommand)]
pub(crate) enum Database {
    /// Makes the database, empty
    Create,
    /// Removes the database with its history and every snapshot; nothing brings it back
    Drop,
    /// Drops the database, and runs all migrations on a new one
    Reset,
}

impl Database {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let (target, database) = (context.target()?, context.database()?);
        match self {
            Self::Create => {
                context.migrator().create_database(target).await?;
                Ok(Answer::new(
                    format!("made `{database}`"),
                    &json!({ "database": database, "state": "created" }),
                ))
            }
            Self::Drop => {
                drop_it(context, "database drop").await?;
                Ok(Answer::new(
                    format!("dropped `{database}`"),
                    &json!({ "database": database, "state": "dropped" }),
                ))
            }
            Self::Reset => {
                // A set that can't be read would leave nothing in the place of what is dropped.
                context.set()?;
                drop_it(context, "database reset").await?;
                context.printer.say(&format!("dropped `{database}`"));
                let report = context.runner()?.run(target).await?;
                Ok(Answer::report(&report))
            }
        }
    }
}

async fn drop_it(context: &Context, words: &str) -> Result<()> {
    let (target, database) = (context.target()?, context.database()?);
    let status = context.migrator().status(&target).await?;
    if status.state != "no_database" {
        context.migrator().drop_database_preview(&target).await?;
        let version =
            status.version.map_or_else(String::new, |version| format!(" at version {version}"));
        context.printer.say(&format!(
            "drops `{database}`{version}, its history and every snapshot of it; nothing brings them back"
        ));
        ask::type_name(context, words, &database).await?;
    }
    context.migrator().dangerous_drop_database(target).await
}
