//! `clone`: environments made from the database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::{Result, say};
use crate::operations::is_clone_name;
use crate::printable::quoted;
use crate::report::text::table::{Cell, RED, Table, YELLOW};
use crate::{CloneLine, NewClone};

/// What is said when the making of a clone is asked to stop.
pub(super) const UNDONE: &str = "interrupted: what was begun of the clone is removed, unless it is whole by then; once more ends it here, and leaves that to the next command";

/// Makes databases of their own from this one, to test in and to give away.
#[derive(Debug, Subcommand)]
pub(crate) enum Clone {
    /// Makes the database `{database}_{name}`: `shop_qa.db` of `shop.db`, `shop_qa` on a server
    Create {
        /// What it is called
        #[arg(value_parser = name)]
        name: String,
        /// What it is made from: a run or a snapshot, or `now`
        #[arg(long, value_name = "RUN, SNAPSHOT or now", default_value = "now")]
        from: String,
        /// How long it is kept; then `snapshot prune` removes it
        #[arg(long, value_name = "TIME", value_parser = time)]
        expires: Option<Duration>,
        /// SQL that is run in it before anybody has it
        #[arg(long, value_name = "FILE")]
        mask: Option<PathBuf>,
    },
    /// Lists the clones, with their addresses
    List,
    /// Makes one anew, with the same mask and for as long; the old one stays until the new one is whole
    Refresh {
        /// What it is called
        name: String,
        /// What it is made from: a run or a snapshot, or `now`
        #[arg(long, value_name = "RUN, SNAPSHOT or now", default_value = "now")]
        from: String,
    },
    /// Removes one, with all that is in it
    Delete {
        /// What it is called
        name: String,
    },
}

impl Clone {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let (target, migrator) = (context.target()?, context.migrator());
        Ok(match self {
            Self::Create { name, from, expires, mask } => {
                let mut wanted = NewClone::default().from(from);
                if let Some(time) = expires {
                    wanted = wanted.expires(*time);
                }
                if let Some(file) = mask {
                    wanted = wanted.mask(file.display().to_string(), read(file)?);
                }
                let migrator = context.until_signal(UNDONE)?;
                let line = migrator.clone_create(target, name, &wanted).await?;
                made(context, "made", &line)
            }
            Self::List => {
                let lines = migrator.clone_list(target).await?;
                let text = if lines.is_empty() { "no clones".to_owned() } else { list(&lines) };
                Answer::new(text, &json!({ "clones": lines }))
            }
            Self::Refresh { name, from } => {
                let line = migrator.clone_refresh_preview(&target, name, Some(from)).await?;
                let words = if from == "now" {
                    format!("clone refresh {name}")
                } else {
                    format!("clone refresh {name} --from {from}")
                };
                context
                    .printer
                    .show(&format!("replaces, with all that is in it:\n{}", details(&line)));
                ask::confirm(context, &words, "replace it?").await?;
                let migrator = context.until_signal(UNDONE)?;
                made(context, "made anew", &migrator.clone_refresh(target, name, Some(from)).await?)
            }
            Self::Delete { name } => {
                let line = migrator.clone_delete_preview(&target, name).await?;
                context
                    .printer
                    .show(&format!("deletes, with all that is in it:\n{}", details(&line)));
                ask::confirm(context, &format!("clone delete {}", quoted(name)), "delete it?")
                    .await?;
                migrator.clone_delete(target, name).await?;
                Answer::new(format!("deleted `{name}`"), &json!({ "deleted": [name] }))
            }
        })
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| say::no_mask(file, &error))
}

/// A clone that is there now, and what to do with it.
pub(super) fn made(context: &Context, done: &str, line: &CloneLine) -> Answer {
    let program = quoted(&context.program);
    let address = quoted(&line.address);
    let mut text = format!("{done} `{}`\n{}", line.name, details(line));
    let password = if line.address.starts_with("sqlite:") {
        ""
    } else {
        ", with the password that you use here"
    };
    let _ = write!(text, "\ngo on with{password}:\n  {program} --url {address} status");
    if line.purpose == "restore" {
        let back = format!("`migrate restore --from-clone {}`", quoted(&line.database));
        let _ = write!(text, "\n  {}", context.printer.as_typed(&back).trim_matches('`'));
    }
    let delete = format!("`migrate clone delete {}`", quoted(&line.name));
    let _ = write!(text, "\n  {}", context.printer.as_typed(&delete).trim_matches('`'));
    Answer::new(text, line)
}

pub(super) fn list(lines: &[CloneLine]) -> String {
    let mut table = Table::default();
    for line in lines {
        table.row([
            line.name.as_str().into(),
            line.purpose.as_str().into(),
            line.address.as_str().into(),
            version(line).into(),
            line.from.as_str().into(),
            line.created_at.as_str().into(),
            line.mask.as_deref().unwrap_or("not masked").into(),
            state(line),
        ]);
    }
    table.to_text(true)
}

fn details(line: &CloneLine) -> String {
    let mut table = Table::default();
    table.row(["database".into(), line.database.as_str().into()]);
    table.row(["address".into(), line.address.as_str().into()]);
    table.row(["version".into(), version(line).into()]);
    table.row(["made from".into(), line.from.as_str().into()]);
    table.row(["made at".into(), line.created_at.as_str().into()]);
    table.row(["made by".into(), line.created_by.as_str().into()]);
    let mask = match (&line.mask, &line.mask_checksum) {
        (Some(mask), Some(checksum)) => format!("by {mask}, {checksum}"),
        _ => "no".to_owned(),
    };
    table.row(["masked".into(), mask.into()]);
    table.row(["state".into(), state(line)]);
    for what in &line.left_out {
        table.row([Cell::styled("left out", YELLOW), what.as_str().into()]);
    }
    table.to_text(true)
}

fn version(line: &CloneLine) -> String {
    line.version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

fn state(line: &CloneLine) -> Cell {
    match &line.expires_at {
        _ if line.state != "ready" => Cell::styled(&format!("unfinished: {}", line.state), YELLOW),
        _ if line.gone => Cell::styled("gone", RED),
        Some(until) if line.expired => Cell::styled(&format!("expired since {until}"), YELLOW),
        Some(until) => format!("until {until}").as_str().into(),
        None => "until it is deleted".into(),
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_clone_name(text) { Ok(text.to_owned()) } else { Err(say::CLONE_NAME.to_owned()) }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = crate::parse_duration(text)?;
    if time.is_zero() {
        return Err("it would be over its time at once; write a time such as `3d`".to_owned());
    }
    Ok(time)
}
