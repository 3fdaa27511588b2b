//! `snapshot`: data snapshots made and managed by hand.

use clap::Subcommand;
use serde_json::json;

use super::schedule::Schedule;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::{Result, say};
use crate::report::text::count;
use crate::report::text::table::{Cell, RED, Table, section};
use crate::snapshot::{is_purpose, purpose_words};
use crate::{SnapshotLine, SnapshotOf, SnapshotTable};

/// Makes, lists, tests, keeps and deletes data snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Makes a snapshot of the data as it is
    Create {
        /// What it is for; a part of its name
        #[arg(long, value_name = "WORD", default_value = "manual", value_parser = purpose)]
        purpose: String,
        /// What it is of, on a server; as `--snapshot-scope` if it is not said
        #[arg(long, value_enum)]
        level: Option<Level>,
        /// One table that it is of, on a server; several at one moment are a snapshot of the database
        #[arg(long, value_name = "TABLE", value_delimiter = ',', conflicts_with = "level")]
        tables: Vec<String>,
    },
    /// Lists all snapshots, those of others too
    List,
    /// Shows one snapshot
    Show {
        /// Its name
        name: String,
    },
    /// Clones a snapshot, tests the clone and drops it
    Verify {
        /// Its name
        name: String,
    },
    /// Keeps a snapshot until it is let go
    Pin {
        /// Its name
        name: String,
    },
    /// Lets a snapshot go
    Unpin {
        /// Its name
        name: String,
    },
    /// Deletes a snapshot, unless a run still needs it
    Delete {
        /// Its name
        name: String,
    },
    /// Deletes the snapshots and the clones that are over their time and not needed; the last one to go
    /// back to stays
    Prune {
        /// The snapshots alone that are for this
        #[arg(long, value_name = "WORD", value_parser = purpose)]
        purpose: Option<String>,
    },
    /// Makes a snapshot at each time of a schedule, until it is ended; or prints what a timer needs
    Schedule(Box<Schedule>),
}

impl Snapshot {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let (target, migrator) = (context.target()?, context.migrator());
        Ok(match self {
            Self::Create { purpose, level, tables } => {
                let of = of(*level, tables)?;
                one("made", &migrator.snapshot_create_of(target, purpose, &of).await?)
            }
            Self::List => {
                let lines = migrator.snapshot_list(target).await?;
                let text = if lines.is_empty() { "no snapshots".to_owned() } else { list(&lines) };
                Answer::new(text, &json!({ "snapshots": lines }))
            }
            Self::Show { name } => {
                let line = migrator.snapshot_show(&target, name).await?;
                let tables = migrator.snapshot_tables(target, name).await?;
                let mut document = json!(line);
                document["tables"] = json!(tables);
                Answer::new(details(&line) + &tables_of(tables.as_deref()), &document)
            }
            Self::Verify { name } => {
                let holds = migrator.snapshot_verify(target, name).await?;
                Answer::new(
                    format!("verified `{name}`: {holds}"),
                    &json!({ "name": name, "verified": true, "detail": holds }),
                )
            }
            Self::Pin { name } => one("pinned", &migrator.snapshot_pin(target, name, true).await?),
            Self::Unpin { name } => {
                one("let go", &migrator.snapshot_pin(target, name, false).await?)
            }
            Self::Delete { name } => {
                let line = migrator.snapshot_delete_preview(&target, name).await?;
                context.printer.show(&format!("deletes:\n{}", details(&line)));
                ask::confirm(context, &format!("snapshot delete {name}"), "delete it?").await?;
                migrator.snapshot_delete(target, name).await?;
                Answer::new(format!("deleted `{name}`"), &json!({ "deleted": [name] }))
            }
            Self::Prune { purpose } => return prune(context, purpose.as_deref()).await,
            Self::Schedule(schedule) => return schedule.run(context).await,
        })
    }
}

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Level {
    /// The account, with all its databases
    Account,
    /// The database
    Database,
}

impl Level {
    /// As it is typed.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Database => "database",
        }
    }
}

pub(super) fn of(level: Option<Level>, tables: &[String]) -> Result<SnapshotOf> {
    match (level, tables) {
        (Some(Level::Account), _) => Ok(SnapshotOf::Account),
        (Some(Level::Database), _) => Ok(SnapshotOf::Database),
        (None, []) => Ok(SnapshotOf::Usual),
        (None, [table]) => Ok(SnapshotOf::Table(table.clone())),
        (None, several) => Err(say::one_table_a_snapshot(several)),
    }
}

async fn prune(context: &Context, purpose: Option<&str>) -> Result<Answer> {
    let (target, migrator) = (context.target()?, context.migrator());
    if let Some(upgrade) = migrator.upgrade(&target).await?.filter(crate::Upgrade::is_over) {
        context.printer.show(&format!(
            "the time of an upgrade is over, and its way back is kept until you say so:\n{}",
            super::upgrade::stands(&upgrade)
        ));
    }
    let over = migrator.prune_preview_of(&target, purpose).await?;
    // Clones are for nothing that a snapshot is for.
    let clones = match purpose {
        Some(_) => Vec::new(),
        None => migrator.prune_clones_preview(&target).await?,
    };
    if over.is_empty() && clones.is_empty() {
        return Ok(Answer::new(
            "nothing to delete: no snapshot and no clone is over its time and of no use",
            &json!({ "deleted": [], "gone": [], "clones": [] }),
        ));
    }
    if !over.is_empty() {
        context.printer.show(&format!("deletes:\n{}", list(&over)));
    }
    if !clones.is_empty() {
        let clones = super::clone::list(&clones);
        context
            .printer
            .show(&format!("deletes these databases, or finishes what is unfinished:\n{clones}"));
    }
    let words = purpose.map_or_else(String::new, |purpose| format!(" --purpose {purpose}"));
    ask::confirm(context, &format!("snapshot prune{words}"), "delete them?").await?;
    let of_clones = match purpose {
        Some(_) => Vec::new(),
        None => migrator.prune_clones(&target).await?,
    };
    let (mut deleted, mut gone) = (Vec::new(), Vec::new());
    for line in migrator.prune_of(target, purpose).await? {
        if line.gone { &mut gone } else { &mut deleted }.push(line.name);
    }
    let number =
        |all: &[String], what: &str| count(u64::try_from(all.len()).unwrap_or(u64::MAX), what);
    let mut words = Vec::new();
    for (done, all, what) in [
        ("deleted", &deleted, "snapshot"),
        ("took out of the list, for it is gone:", &gone, "snapshot"),
        ("deleted", &of_clones, "clone"),
    ] {
        if !all.is_empty() {
            words.push(format!("{done} {}: {}", number(all, what), all.join(", ")));
        }
    }
    let text = if words.is_empty() {
        "what was over its time is gone".to_owned()
    } else {
        words.join("\n")
    };
    Ok(Answer::new(text, &json!({ "deleted": deleted, "gone": gone, "clones": of_clones })))
}

fn one(done: &str, line: &SnapshotLine) -> Answer {
    Answer::new(format!("{done} `{}`, {}", line.name, kept(line)), line)
}

fn list(lines: &[SnapshotLine]) -> String {
    let mut table = Table::default();
    for line in lines {
        let state = if line.gone { Cell::styled("gone", RED) } else { kept(line).into() };
        table.row([
            line.name.as_str().into(),
            line.purpose.as_deref().unwrap_or("by others").into(),
            level(line).into(),
            line.created_at.as_str().into(),
            version(line).into(),
            size(line).into(),
            state,
        ]);
    }
    table.to_text(true)
}

fn details(line: &SnapshotLine) -> String {
    let mut table = Table::default();
    table.row(["name".into(), line.name.as_str().into()]);
    table.row(["purpose".into(), line.purpose.as_deref().unwrap_or("made by others").into()]);
    table.row(["of".into(), of_what(line).into()]);
    table.row(["version".into(), version(line).into()]);
    table.row(["made at".into(), line.created_at.as_str().into()]);
    table.row(["made by".into(), line.created_by.as_deref().unwrap_or("unknown").into()]);
    table.row(["run".into(), line.run.as_deref().unwrap_or("none").into()]);
    table.row(["size".into(), size(line).into()]);
    table.row([
        "kept".into(),
        if line.gone { "no: it is gone".to_owned() } else { kept(line) }.into(),
    ]);
    table.to_text(true)
}

/// What it holds; nothing where that is not known.
fn tables_of(tables: Option<&[SnapshotTable]>) -> String {
    let mut table = Table::default();
    for of in tables.into_iter().flatten() {
        let rows = of.rows.map_or_else(|| "not counted".to_owned(), |rows| count(rows, "row"));
        table.row([of.name.as_str().into(), rows.into()]);
    }
    section(true, "tables", &table.to_text(true)).trim_end().to_owned()
}

fn of_what(line: &SnapshotLine) -> String {
    match line.level.as_str() {
        "database" => format!("database {}", line.database),
        _ => format!("{}, of {}", level(line), line.database),
    }
}

fn level(line: &SnapshotLine) -> String {
    match &line.table {
        Some(table) => format!("{} {table}", line.level),
        None => line.level.clone(),
    }
}

pub(super) fn kept(line: &SnapshotLine) -> String {
    match &line.delete_after {
        _ if line.pinned => "until it is let go".to_owned(),
        Some(until) => format!("until {until}"),
        None => "as long as nobody deletes it".to_owned(),
    }
}

fn version(line: &SnapshotLine) -> String {
    match (line.version_before, line.version_target) {
        (Some(before), Some(target)) if before == target => before.to_string(),
        (before, Some(target)) => format!("{} → {target}", before.unwrap_or(0)),
        (Some(before), None) => before.to_string(),
        (None, None) => "none".to_owned(),
    }
}

fn size(line: &SnapshotLine) -> String {
    line.bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} kB", bytes.div_ceil(1000)))
}

/// A word that can stand in a name on every engine.
pub(super) fn purpose(text: &str) -> Result<String, String> {
    if is_purpose(text) {
        return Ok(text.to_owned());
    }
    Err(format!("use {}", purpose_words()))
}
