//! `status`: where the database stands.

use std::fmt::Write as _;

use clap::Args;

use super::validate::finding_words;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::report::text::table::{GREEN, RED, Table, YELLOW, one_line, paint, section};
use crate::time;

/// Shows where the database stands.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Ends with 1 unless the database is up to date
    #[arg(long)]
    exit_code: bool,
}

impl Status {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let status = context.migrator().status(context.target()?).await?;
        let found = self.exit_code && status.state != "up_to_date";
        Ok(Answer::new(text(&status), &status).findings(found))
    }
}

fn text(status: &crate::Status) -> String {
    let mut text = String::new();
    let mut applied = Table::default();
    for line in &status.applied {
        applied.row([
            version(&line.kind, line.version).into(),
            line.name.as_str().into(),
            line.kind.as_str().into(),
            time::rfc3339(line.applied_at).into(),
            if line.kept { "" } else { "not judged yet" }.into(),
        ]);
    }
    let mut pending = Table::default();
    for line in &status.pending {
        let version = version(&line.kind, line.version);
        pending.row([
            version.into(),
            line.name.as_str().into(),
            line.kind.as_str().into(),
            line.place.as_str().into(),
        ]);
    }
    let mut findings = Table::default();
    for finding in &status.findings {
        findings.row([finding_words(finding).into()]);
    }
    for (title, table) in [("applied", applied), ("pending", pending), ("findings", findings)] {
        text.push_str(&section(true, title, &table.to_text(true)));
    }
    if let Some(detail) = &status.detail {
        let _ = writeln!(text, "{}\n", one_line(detail));
    }
    if let Some(upgrade) = &status.upgrade {
        let stands = format!(
            "{}\n  `migrate upgrade status` says more\n",
            super::upgrade::stands(upgrade).trim_end()
        );
        text.push_str(&section(true, "upgrade", &stands));
    }
    text + &last_line(status)
}

fn version(kind: &str, version: i64) -> String {
    if kind == "repeatable" { "R".to_owned() } else { version.to_string() }
}

fn last_line(status: &crate::Status) -> String {
    let (word, style) = match status.state.as_str() {
        "up_to_date" => ("up to date", GREEN),
        "pending" => ("pending", YELLOW),
        "open_run" => ("a run is open", RED),
        "no_migrations" => ("no migrations", YELLOW),
        _ => ("no database yet", YELLOW),
    };
    let version = status
        .version
        .map_or_else(|| "nothing is applied".to_owned(), |version| format!("version {version}"));
    let of = match status.latest {
        Some(latest) if Some(latest) != status.version => format!(", the set has {latest}"),
        _ => String::new(),
    };
    let database = one_line(&status.database);
    format!(
        "{}: {version}{of}  ({database}, {}, set {})",
        paint(true, style, word),
        status.engine,
        one_line(&status.set)
    )
}
