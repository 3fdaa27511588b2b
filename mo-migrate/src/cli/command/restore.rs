//! `restore`: goes back to a snapshot, after showing what that takes back.

use clap::Args;

use crate::RestorePreview;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::text::table::Table;

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
}

impl Restore {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        if let Some(database) = &self.into {
            let (target, wanted) = (context.target()?, self.wanted.as_deref());
            let line = context.migrator().restore_into(target, wanted, database).await?;
            return Ok(super::clone::made(context, "made", &line));
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
