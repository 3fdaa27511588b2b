//! The commands: one file each.

mod baseline;
mod clone;
mod completions;
mod database;
mod diff;
mod down;
mod guard;
mod history;
mod lint;
mod new;
mod plan;
mod preflight;
mod recover;
mod repair;
mod report;
mod restore;
mod schedule;
mod snapshot;
mod status;
mod up;
mod upgrade;
mod validate;
mod verify;

use super::answer::Answer;
use super::context::Context;
use crate::error::Result;

/// What is asked for.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Runs what is pending, and undoes it when anything fails
    Up(up::Up),
    /// Takes versions back by their down files
    Down(down::Down),
    /// Runs another command, and undoes what it did when it fails
    Guard(guard::Guard),
    /// Migrates a copy beside the database, and switches to it
    #[command(subcommand)]
    Upgrade(upgrade::Upgrade),
    /// Goes back to a data snapshot
    Restore(restore::Restore),
    /// Finishes or puts back what a dead run left
    Recover(recover::Recover),
    /// Shows every statement that would run, and what guards it
    Plan(plan::Plan),
    /// Asks for everything that has to be so before `up`, item by item
    Preflight(preflight::Preflight),
    /// Shows where the database stands
    Status(status::Status),
    /// Shows the versions and the runs
    History(history::History),
    /// Holds the files against the history
    Validate(validate::Validate),
    /// Finds what can go wrong with the migrations, by their texts alone
    Lint(lint::Lint),
    /// Runs the checks on the database as it is, or proves a restored run
    Verify(verify::Verify),
    /// Shows the rows that a restore took back, or what a run has changed
    Diff(diff::Diff),
    /// Tells a run from its beginning to its end, as text or as a page
    Report(report::Report),
    /// Writes the files of a new migration
    New(new::New),
    /// Marks versions as applied without running them
    Baseline(baseline::Baseline),
    /// Accepts changed texts of applied migrations
    Repair(repair::Repair),
    /// Makes, lists, tests, keeps and deletes data snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Makes databases of their own from this one, to test in and to give away
    #[command(subcommand)]
    Clone(clone::Clone),
    /// Makes, drops and resets the database
    #[command(subcommand)]
    Database(database::Database),
    /// Prints the completions of a shell
    Completions(completions::Completions),
}

impl Default for Command {
    fn default() -> Self {
        Self::Up(up::Up::default())
    }
}

impl Command {
    pub(super) async fn run(&self, context: &Context) -> Result<Answer> {
        match self {
            Self::Up(command) => Box::pin(command.run(context)).await,
            Self::Down(command) => Box::pin(command.run(context)).await,
            Self::Guard(command) => Box::pin(command.run(context)).await,
            Self::Upgrade(command) => Box::pin(command.run(context)).await,
            Self::Restore(command) => Box::pin(command.run(context)).await,
            Self::Recover(command) => Box::pin(command.run(context)).await,
            Self::Plan(command) => command.run(context).await,
            Self::Preflight(command) => Box::pin(command.run(context)).await,
            Self::Status(command) => command.run(context).await,
            Self::History(command) => command.run(context).await,
            Self::Validate(command) => command.run(context).await,
            Self::Lint(command) => command.run(context),
            Self::Verify(command) => Box::pin(command.run(context)).await,
            Self::Diff(command) => Box::pin(command.run(context)).await,
            Self::Report(command) => command.run(context).await,
            Self::New(command) => command.run(context),
            Self::Baseline(command) => Box::pin(command.run(context)).await,
            Self::Repair(command) => Box::pin(command.run(context)).await,
            Self::Snapshot(command) => Box::pin(command.run(context)).await,
            Self::Clone(command) => Box::pin(command.run(context)).await,
            Self::Database(command) => Box::pin(command.run(context)).await,
            Self::Completions(command) => Ok(command.run(context)),
        }
    }

    /// Its answer has the format SARIF too.
    pub(super) fn has_sarif(&self) -> bool {
        matches!(self, Self::Lint(_))
    }

    pub(super) fn has_page(&self) -> bool {
        matches!(self, Self::Report(_))
    }

    /// Its answer is the report of a run, also when it fails.
    pub(super) fn has_report(&self) -> bool {
        match self {
            Self::Up(up) => !up.dry_run(),
            Self::Restore(restore) => !restore.dry_run(),
            Self::Down(_)
            | Self::Guard(_)
            | Self::Recover(_)
            | Self::Database(database::Database::Reset) => true,
            _ => false,
        }
    }
}
