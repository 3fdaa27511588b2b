//! `restore`: goes back to a snapshot, after showing what that takes back.

use clap::Args;

use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;
use crate::printable::quoted;
use crate::report::text::table::{Cell, Table, YELLOW};
use crate::{CloneSwap, RestorePreview};

/// Goes back to a data snapshot, and compares before that is committed.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A run or a snapshot; the snapshot of the last run, if none is named
    #[arg(value_name = "RUN or SNAPSHOT")]
    wanted: Option<String>,
    /// Brings these tables back alone, and leaves all else as it is: the history too
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    tables: Vec<String>,
    /// Makes a database of this name beside it instead, for the restore to be tried in
    #[arg(long, value_name = "NEWDB", conflicts_with = "tables")]
    into: Option<String>,
    /// Brings back what such a database holds by now, with what was changed in it
    #[arg(long, value_name = "NEWDB", conflicts_with_all = ["tables", "into", "wanted"])]
    from_clone: Option<String>,
}

impl Restore {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        if let Some(database) = &self.into {
            let (target, wanted) = (context.target()?, self.wanted.as_deref());
            let line = context.migrator().restore_into(target, wanted, database).await?;
            return Ok(super::clone::made(context, "made", &line));
        }
        if let Some(database) = &self.from_clone {
            return from_clone(context, database).await;
        }
        let (target, wanted) = (context.target()?, self.wanted.as_deref());
        let tables = &self.tables;
        let preview = context.migrator().restore_tables_preview(&target, wanted, tables).await?;
        context.printer.show(&text(&preview));
        let mut words =
            wanted.map_or_else(|| "restore".to_owned(), |wanted| format!("restore {wanted}"));
        if !tables.is_empty() {
            words = format!("{words} --tables {}", tables.join(","));
        }
        ask::confirm(context, &words, "go back?")?;
        // What was shown is what is restored, even if another run ends in between.
        let report =
            context.runner()?.restore_tables(target, Some(&preview.snapshot), tables).await?;
        Ok(Answer::report(&report))
    }
}

/// Shows what would change, asks, and makes the database what the clone is.
async fn from_clone(context: &Context, database: &str) -> Result<Answer> {
    let (target, migrator) = (context.target()?, context.migrator());
    let swap = migrator.restore_from_clone_preview(&target, database).await?;
    context.printer.show(&changes(&swap));
    let words = format!("restore --from-clone {}", quoted(database));
    if let Err(declined) = ask::confirm(context, &words, "make it so?") {
        // What was only looked at leaves nothing.
        migrator.snapshot_delete(target, &swap.snapshot).await?;
        return Err(declined);
    }
    let report = context.runner()?.restore(target, Some(&swap.snapshot)).await?;
    Ok(Answer::report(&report))
}

fn changes(swap: &CloneSwap) -> String {
    let version = |version: Option<i64>| {
        version.map_or_else(|| "nothing applied".to_owned(), |version| format!("version {version}"))
    };
    let mut table = Table::default();
    table.row(["clone".into(), format!("{}, made from {}", swap.database, swap.made_from).into()]);
    table.row(["snapshot".into(), format!("{}: the clone as it is now", swap.snapshot).into()]);
    let leaves = format!("{}, from {}", version(swap.version), version(swap.version_now));
    table.row(["leaves".into(), leaves.into()]);
    match &swap.tested {
        None => {
            let why = "what it was made from is gone: what testing changed can't be told";
            table.row(["tested".into(), why.into()]);
        }
        Some(tested) if tested.is_empty() => {
            table.row(["tested".into(), "nothing was changed in it".into()]);
        }
        Some(tested) => {
            for change in tested {
                let what = format!("{}: {} since it was made", change.name, change.what);
                table.row([Cell::styled("tested", YELLOW), what.into()]);
            }
        }
    }
    if swap.changes.is_empty() {
        table.row(["changes".into(), "nothing but the history".into()]);
    }
    for change in &swap.changes {
        table.row(["changes".into(), format!("{}: {}", change.name, change.what).into()]);
    }
    format!(
        "makes the database what the clone is, with all that was written to the clone:\n{}",
        table.to_text(true)
    )
}

fn text(preview: &RestorePreview) -> String {
    let list =
        |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let unknown = if preview.unknown { ", and more that can't be told" } else { "" };
    let version = preview
        .version
        .map_or_else(|| "nothing applied".to_owned(), |version| format!("version {version}"));
    let mut table = Table::default();
    table.row(["snapshot".into(), preview.snapshot.as_str().into()]);
    table.row(["made at".into(), preview.created_at.as_str().into()]);
    if preview.alone {
        table.row(["leaves".into(), format!("{version}: the history stays as it is").into()]);
    } else {
        table.row(["leaves".into(), version.into()]);
        table.row(["takes back".into(), list(&preview.runs).into()]);
    }
    table.row([
        "tables".into(),
        format!("{}{unknown}; others stay as they are", list(&preview.tables)).into(),
    ]);
    format!("goes back to a data snapshot:\n{}", table.to_text(true))
}
