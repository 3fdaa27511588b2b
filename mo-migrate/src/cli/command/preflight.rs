//! `preflight`: the checklist before `up`.

use std::fmt::Write as _;

use clap::Args;

use super::up::Reach;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::preflight::{self, Depth, ItemState, Rollback};
use crate::report::text::table::{BOLD, DIM, GREEN, RED, Table, YELLOW, one_line, paint, section};

/// Asks for everything that has to be so before `up`, item by item.
#[derive(Debug, Args)]
#[command(after_help = "\
It ends with 0 when nothing is missing, and else with 5. What is missing has its remedy below it.
What was not asked (-) does not count: nobody wants to know it, or what it needs is missing.

A snapshot is made, tested on a clone, and removed again, for only that shows rights, quotas
and room; of a large SQLite file it takes as long as a copy. --quick leaves it out. Nothing else
is changed.

The maintenance window and own items are asked by `up` too, before it begins a run, and stop it:

  # mo-migrate.toml
  maintenance_window = \"Sat,Sun 02:00-04:00 UTC\"
  preflight = [\"ticket is approved=./ticket.sh 42\"]
  hook = [\"announce=./tell.sh\"]   # told by this command, when nothing is missing")]
pub(crate) struct Preflight {
    #[command(flatten)]
    reach: Reach,
    /// Makes no snapshot
    #[arg(long)]
    quick: bool,
}

const INTERRUPTED: &str =
    "interrupted: what was made is removed, and nothing else was changed; once more ends it here";

impl Preflight {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let depth = if self.quick { Depth::Quick } else { Depth::Deep };
        let migrator = context.until_signal(INTERRUPTED)?;
        let list = migrator.preflight(context.target()?, self.reach.goal(), depth).await;
        let mut list = list.map_err(|error| error.begun_again("preflight"))?;
        let text = text(&list);
        // A program reads commands as they are typed, too.
        for item in &mut list.items {
            item.remedy = item.remedy.take().map(|remedy| context.printer.as_typed(&remedy));
        }
        if let Some(rollback) = &mut list.rollback {
            for command in &mut rollback.commands {
                let typed = context.printer.as_typed(command);
                typed.trim_matches('`').clone_into(command);
            }
        }
        Ok(Answer::new(text, &list).refused(!list.ready))
    }
}

fn text(list: &preflight::Preflight) -> String {
    let mut text = String::new();
    let widest = list.items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    for item in &list.items {
        let (style, sign) = match item.state {
            ItemState::Ok => (GREEN, "✓"),
            ItemState::Missing => (RED, "✗"),
            ItemState::NotAsked => (DIM, "-"),
        };
        let (name, detail) = (one_line(&item.name), one_line(&item.detail));
        let line = format!("{} {name:<widest$}  {detail}", paint(true, style, sign));
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(remedy) = &item.remedy {
            let _ = writeln!(text, "  {}", paint(true, YELLOW, &format!("→ {}", one_line(remedy))));
        }
    }
    text.push('\n');
    if let Some(rollback) = &list.rollback {
        text.push_str(&section(true, "rollback plan", &rollback_text(rollback)));
    }
    text + &last_line(list)
}

fn rollback_text(rollback: &Rollback) -> String {
    let mut table = Table::default();
    let kept = &rollback.kept;
    let by_itself = match (rollback.ring, rollback.snapshot) {
        (1, _) => "one transaction holds everything, and is rolled back".to_owned(),
        (_, true) if rollback.method == "database" => {
            "the server restores the database from the snapshot; compared afterwards".to_owned()
        }
        (_, true) => {
            "what it touched comes back from the snapshot, compared before that is committed"
                .to_owned()
        }
        (_, false) => "nothing: what fails stays half applied".to_owned(),
    };
    table.row(["when it fails".into(), by_itself.into()]);
    let more = match (rollback.unknown, rollback.tables.is_empty()) {
        (true, true) => "what it touches, which is known when it runs",
        (true, false) => "what else it touches, which is known when it runs",
        (false, _) => "",
    };
    let tables = rollback.tables.iter().map(String::as_str).chain(Some(more));
    let tables: Vec<&str> = tables.filter(|name| !name.is_empty()).collect();
    table.row(["comes back".into(), tables.join(", ").into()]);
    for stays in &rollback.stays {
        table.row(["stays".into(), stays.as_str().into()]);
    }
    if rollback.snapshot {
        table.row(["later".into(), format!("for {kept}: {}", rollback.commands.join(", ")).into()]);
    }
    table.to_text(true)
}

fn last_line(list: &preflight::Preflight) -> String {
    let missing: Vec<String> = list.missing().map(|item| one_line(&item.name)).collect();
    if list.ready {
        return paint(true, GREEN, "ready");
    }
    format!("{}: {}", paint(true, RED, "missing"), paint(true, BOLD, &missing.join(", ")))
}
