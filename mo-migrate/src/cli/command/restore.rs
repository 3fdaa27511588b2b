//! `restore`: goes back to a snapshot, after showing what that takes back.

use std::fmt::Write as _;
use std::time::SystemTime;

use clap::Args;

use super::diff;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::{Result, say};
use crate::printable::{commands_as, quoted};
use crate::report::text::count;
use crate::report::text::table::{Cell, DIM, GREEN, RED, Table, YELLOW, one_line, paint, section};
use crate::settings::ForeignWrites;
use crate::{CloneSwap, Fate, RestorePreview, RestoredTable, TableDifference, Whose, parse_moment};

/// Goes back to a data snapshot, and compares before that is committed.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows first what becomes of each table, whose later writes go, and how long it takes; then it asks.
What goes is kept as a snapshot, the failed state: `migrate diff RUN` shows its rows afterwards.

Examples:
  migrate restore --dry-run                          # what it would do, and nothing else
  migrate restore                                    # back to the newest snapshot
  migrate restore SNAPSHOT --tables products,prices  # these alone; the history stays
  migrate restore --at 2026-11-22T08:44:12Z          # the whole database as it was then

A moment is read from the past of a server, which MatrixOne has for an hour; SQLite has its snapshots.")]
pub(crate) struct Restore {
    /// A run or a snapshot; the newest one of this database, if none is named
    #[arg(value_name = "RUN or SNAPSHOT")]
    wanted: Option<String>,
    /// Goes back to a moment that is in no snapshot: RFC 3339, or `YYYY-MM-DD HH:MM:SS` in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "wanted")]
    at: Option<SystemTime>,
    /// Brings these tables back alone, and leaves all else as it is: the history too
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    tables: Vec<String>,
    /// Makes a database of this name beside it instead, for the restore to be tried in
    #[arg(long, value_name = "NEWDB", conflicts_with_all = ["tables", "at", "dry_run"])]
    into: Option<String>,
    /// Brings back what such a database holds by now, with what was changed in it
    #[arg(long, value_name = "NEWDB", conflicts_with_all = ["tables", "into", "wanted", "at"])]
    from_clone: Option<String>,
    /// Shows what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
}

impl Restore {
    pub(crate) fn dry_run(&self) -> bool {
        self.dry_run
    }

    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        if let Some(database) = &self.into {
            let (target, wanted) = (context.target()?, self.wanted.as_deref());
            let migrator = context.until_signal(super::clone::UNDONE)?;
            let line = migrator.restore_into(target, wanted, database).await?;
            return Ok(super::clone::made(context, "made", &line));
        }
        if let Some(database) = &self.from_clone {
            return from_clone(context, database, self.dry_run).await;
        }
        let (target, wanted) = (context.target()?, self.wanted.as_deref());
        let tables = &self.tables;
        let migrator = context.migrator();
        let preview = match self.at {
            Some(at) => migrator.restore_at_preview(&target, at, tables).await,
            None => migrator.restore_tables_preview(&target, wanted, tables).await,
        };
        let preview = preview.map_err(|error| error.hinted_as(|hint| self.with_tables(hint)))?;
        if self.dry_run {
            return Ok(Answer::new(text(&preview), &preview));
        }
        if preview.nothing_to_do {
            let mut report = context.empty_report()?;
            (report.from, report.to) = (preview.version, preview.version);
            return Ok(Answer::new(text(&preview), &report.to_json()));
        }
        context.printer.show(&text(&preview));
        let mut words =
            wanted.map_or_else(|| "restore".to_owned(), |wanted| format!("restore {wanted}"));
        if self.at.is_some() {
            words = format!("restore --at {}", preview.snapshot.trim_start_matches("at "));
        }
        if !tables.is_empty() {
            words = format!("{words} --tables {}", tables.join(","));
        }
        if let Some(why) = &preview.undecided {
            // Nothing is begun for a person who would then be asked the same.
            let named = format!("restore {}", preview.snapshot);
            let words = if wanted.is_none() && self.at.is_none() { named } else { words };
            return Err(say::restore_undecided(&one_line(why), &words));
        }
        ask::confirm(context, &words, "go back?").await?;
        let runner = context.runner()?;
        let done = match self.at {
            Some(at) => runner.restore_at(target, at, tables).await,
            // What was shown is what is restored, even if another run ends in between.
            None => runner.restore_tables(target, Some(&preview.snapshot), tables).await,
        };
        let discards = context.settings().foreign_writes == ForeignWrites::Discard;
        let again = |hint: &str| if discards { discarding(hint) } else { hint.to_owned() };
        done.map(|report| Answer::report(&report)).map_err(|error| error.hinted_as(again))
    }

    /// The hint with the tables that were typed, in a command that goes back to another snapshot.
    fn with_tables(&self, hint: &str) -> String {
        let tables = match self.tables.as_slice() {
            [] => String::new(),
            tables => format!(" --tables {}", quoted(&tables.join(","))),
        };
        commands_as(hint, "restore", |words| match words {
            "" => "restore".to_owned(),
            words => format!("restore {words}{tables}"),
        })
    }
}

/// The hint for who has said that others' rows may go.
fn discarding(hint: &str) -> String {
    commands_as(hint, "restore", |words| {
        if words.is_empty() || words.contains("--foreign-writes") {
            return format!("restore {words}").trim_end().to_owned();
        }
        format!("restore {words} --foreign-writes discard")
    })
}

/// Shows what would change, asks, and makes the database what the clone is.
async fn from_clone(context: &Context, database: &str, dry_run: bool) -> Result<Answer> {
    let (target, migrator) = (context.target()?, context.migrator());
    let swap = migrator.restore_from_clone_preview(&target, database).await?;
    if dry_run {
        migrator.snapshot_delete(target, &swap.snapshot).await?;
        return Ok(Answer::new(swapped(&swap), &swap));
    }
    context.printer.show(&swapped(&swap));
    let words = format!("restore --from-clone {}", quoted(database));
    if let Err(declined) = ask::confirm(context, &words, "make it so?").await {
        // What was only looked at leaves nothing.
        migrator.snapshot_delete(target, &swap.snapshot).await?;
        return Err(declined);
    }
    let report = context.runner()?.restore(target, Some(&swap.snapshot)).await?;
    Ok(Answer::report(&report))
}

fn swapped(swap: &CloneSwap) -> String {
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
    let what = if preview.of_a_moment { "a moment of the past" } else { "a data snapshot" };
    let mut text = format!("goes back to {what}:\n{}\n", head(preview));
    text.push_str(&section(true, "tables", &changes(preview)));
    let mut others = Table::default();
    for object in &preview.objects {
        let (sign, style, words) = fate(object.fate);
        others.row([
            Cell::styled(sign, style),
            format!("{} {}", object.kind, object.name).into(),
            words.into(),
        ]);
    }
    text.push_str(&section(true, "other objects", &others.to_text(true)));
    for (whose, title) in [
        (Whose::Others, "what others did and is undone"),
        (
            Whose::Undecided,
            "what is undone, and was done while a run was at work: by it, or by others",
        ),
        (Whose::Unknown, "what is undone; who did it can't be told"),
    ] {
        text.push_str(&section(true, title, &writes(preview, whose)));
    }
    if let Some(run) = &preview.open_run {
        let why = format!(
            "{run} is open: while it is at work it is waited for, and if it died it has to come to its end \
             first; see `migrate status`"
        );
        text.push_str(&paint(true, YELLOW, &why));
        text.push('\n');
    }
    if let Some(why) = &preview.undecided {
        let why = format!("it is refused as it is typed: {}", one_line(why));
        text.push_str(&paint(true, YELLOW, &why));
        text.push('\n');
    }
    text.push_str(if preview.nothing_to_do {
        "nothing to do: what would come back is as it is there"
    } else {
        "what goes is kept as the failed state, before anything is changed"
    });
    let stays = preview.changes.iter().filter(|table| table.fate == Fate::Stays && !is_new(table));
    let stays: Vec<&str> = stays.map(|table| table.name.as_str()).collect();
    if !stays.is_empty() {
        let words = format!("restore {} --tables {}", preview.snapshot, quoted(&stays.join(",")));
        let _ = write!(text, "\nwhat stays as it is comes back with `migrate {words}`");
    }
    text
}

fn head(preview: &RestorePreview) -> String {
    let version = preview
        .version
        .map_or_else(|| "nothing applied".to_owned(), |version| format!("version {version}"));
    let mut table = Table::default();
    if preview.of_a_moment {
        let moment = preview.snapshot.trim_start_matches("at ");
        table.row(["moment".into(), format!("{moment}, in UTC").into()]);
    } else {
        table.row(["snapshot".into(), preview.snapshot.as_str().into()]);
        table.row(["made at".into(), preview.created_at.as_str().into()]);
    }
    if preview.alone {
        table.row(["leaves".into(), format!("{version}: the history stays as it is").into()]);
    } else {
        let runs =
            if preview.runs.is_empty() { "none".to_owned() } else { preview.runs.join(", ") };
        table.row(["leaves".into(), version.into()]);
        table.row(["takes back".into(), runs.into()]);
    }
    if !preview.nothing_to_do {
        table.row(["takes".into(), preview.takes_words().into()]);
    }
    table.to_text(true)
}

fn changes(preview: &RestorePreview) -> String {
    let mut table = Table::default();
    let mut sorted: Vec<&RestoredTable> = preview.changes.iter().collect();
    sorted.sort_by(|a, b| (a.fate, &a.name).cmp(&(b.fate, &b.name)));
    for line in sorted {
        let (sign, style, words) = fate(line.fate);
        table.row([
            Cell::styled(sign, style),
            line.name.as_str().into(),
            rows(line).into(),
            if preview.undecided.is_some() && line.fate == Fate::Stays {
                "is another than it was".into()
            } else if is_new(line) && line.fate == Fate::Stays {
                "is new, and stays: no run has made it".into()
            } else {
                format!("{words}{}", columns(line)).into()
            },
        ]);
    }
    let rest = if preview.of_a_moment && !preview.alone {
        "all that differs comes back, whoever wrote to it"
    } else if preview.undecided.is_some() {
        "whose changes these are can't be told"
    } else if preview.unknown {
        "what the runs have written to is not known: all that differs comes back"
    } else if preview.changes.is_empty() {
        "none differs from the snapshot"
    } else {
        "others stay as they are"
    };
    format!("{}{}\n", table.to_text(true), paint(true, DIM, &format!("  {rest}")))
}

/// The snapshot does not have it.
fn is_new(table: &RestoredTable) -> bool {
    table.rows_then.is_none()
}

fn rows(line: &RestoredTable) -> String {
    match (line.rows_now, line.rows_then) {
        (Some(now), Some(then)) if now == then => count(now, "row"),
        (Some(now), Some(then)) => format!("{} → {then}", count(now, "row")),
        (Some(now), None) => count(now, "row"),
        (None, Some(then)) => format!("0 → {}", count(then, "row")),
        (None, None) => String::new(),
    }
}

fn columns(line: &RestoredTable) -> String {
    let list = |word: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("; {word} {}", names.join(", ")),
    };
    format!("{}{}", list("loses", &line.columns_lost), list("has again", &line.columns_back))
}

fn fate(fate: Fate) -> (&'static str, &'static str, &'static str) {
    match fate {
        Fate::ComesBack => ("~", GREEN, "comes back whole"),
        Fate::Remade => ("~", GREEN, "comes back whole, with its old definition"),
        Fate::Returns => ("+", GREEN, "is gone, and comes back whole"),
        Fate::Goes => ("-", RED, "is new, and goes"),
        Fate::Stays => ("=", DIM, "is another than it was, and stays so: no run has touched it"),
    }
}

fn writes(preview: &RestorePreview, whose: Whose) -> String {
    let tables = preview.writes.iter().filter(|table| table.whose == whose);
    let mut text = Table::default();
    for table in tables {
        text.row([table.name.as_str().into(), differing(table).into()]);
    }
    text.to_text(true)
}

fn differing(table: &TableDifference) -> String {
    diff::changed_words(table).join(", ")
}
