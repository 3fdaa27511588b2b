//! `upgrade`: blue-green, from the first copy to the last of the ways back.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::Migrator;
use crate::cli::answer::Answer;
use crate::cli::ask;
use crate::cli::context::Context;
use crate::error::{Code, Error, Result, say};
use crate::hooks::HookAt;
use crate::report::text::count;
use crate::report::text::table::{GREEN, RED, Table, YELLOW, one_line, paint};
use crate::upgrade::UpgradeState;
use crate::{Target, UpgradeChange, UpgradeStatus};

/// What is removed or let go is done with soon, and half of it would be typed again.
const SOON_OVER: &str =
    "interrupted: it is soon over, and goes on to its end; once more ends it here";

/// Migrates a copy beside the database, and switches to it.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The database of the address is blue. Green is made from a snapshot of it and migrated, with its
checks; blue is left as it is until `complete` makes green the active one. An application asks
for the active address with `Migrator::active`, or the hook that switches tells it.

Examples:
  migrate upgrade start
  migrate upgrade complete --switch ./switch.sh
  migrate upgrade back --switch ./switch.sh")]
pub(crate) enum Upgrade {
    /// Makes green from a snapshot, and migrates it there
    Start {
        /// The name of green's database; this one's with `_green` behind it, if none is named
        #[arg(long, value_name = "NAME")]
        green: Option<String>,
    },
    /// Shows where the upgrade stands, and what has changed since
    Status,
    /// Makes green the active database
    Complete {
        #[command(flatten)]
        switch: Switch,
        /// Leaves behind in blue what can't be carried over to green, after a question that names it
        #[arg(long)]
        discard_changes: bool,
    },
    /// Makes blue the active database again; what was written to green stays there
    Back {
        #[command(flatten)]
        switch: Switch,
    },
    /// Removes green, unless it is active
    Abort,
    /// Gives up the way back, and lets the snapshot go; blue's database stays
    Finish,
}

/// What switches.
#[derive(Debug, Args)]
pub(crate) struct Switch {
    // Not checked by the words' parser, which would show a wrong value: it may hold a credential.
    /// A command or a webhook that is told the address to use, in `MO_MIGRATE_ACTIVE` and as JSON on
    /// its input; where it fails, or takes longer than `--check-timeout`, nothing is switched
    #[arg(long, value_name = "CMD|URL")]
    switch: Option<String>,
}

impl Switch {
    /// As it stands in a suggested command: without what may be a credential.
    fn words(&self) -> &'static str {
        if self.switch.is_some() { " --switch …" } else { "" }
    }

    fn hook(&self, context: &Context) -> Result<Option<HookAt>> {
        self.switch.as_deref().map(|text| context.switch_hook(text)).transpose()
    }
}

/// What carries it out, once all questions are answered: from here on a signal stops it.
fn runner(context: &Context, hook: Option<HookAt>) -> Result<Migrator> {
    let migrator = context.runner()?;
    Ok(match hook {
        Some(hook) => migrator.hook(hook),
        None => migrator,
    })
}

impl Upgrade {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let target = context.target()?;
        match self {
            Self::Start { green } => {
                let done = context.runner()?.upgrade_start(&target, green.as_deref()).await?;
                let text = format!("{}\n{}", done.report.to_text(true), stands(&done.upgrade));
                Ok(Answer::new(
                    text,
                    &json!({ "upgrade": done.upgrade, "report": done.report.to_json() }),
                ))
            }
            Self::Status => {
                let status = context.migrator().upgrade_status(&target).await?;
                Ok(Answer::new(status_text(&status), &status))
            }
            Self::Complete { switch, discard_changes } => {
                complete(context, target, switch, *discard_changes).await
            }
            Self::Back { switch } => back(context, target, switch).await,
            Self::Abort => abort(context, target).await,
            Self::Finish => finish(context, target).await,
        }
    }
}

async fn complete(
    context: &Context,
    target: Target,
    switch: &Switch,
    discard: bool,
) -> Result<Answer> {
    let (hook, migrator) = (switch.hook(context)?, context.migrator());
    let status = migrator.upgrade_status(&target).await?;
    if !matches!(status.upgrade.state, UpgradeState::Ready | UpgradeState::Switching) {
        // It says why not, or that it is so already.
        return Ok(answer(&runner(context, hook)?.upgrade_complete(target, &[]).await?));
    }
    if let Some(unknown) = &status.unknown {
        return Err(Error::new(Code::CannotTell, "it can't be told what has changed in blue")
            .because(unknown.clone())
            .true_now("nothing was touched")
            .hinted("see `migrate upgrade status`"));
    }
    let stays: Vec<UpgradeChange> =
        status.blue_changes.iter().filter(|change| !change.carried).cloned().collect();
    if !stays.is_empty() && !discard {
        return Err(say::blue_changed(&stays, status.upgrade.state));
    }
    let mut text = changed(&status);
    for what in &status.upgrade.left_out {
        let _ = writeln!(text, "green does not have {}", one_line(what));
    }
    context.printer.show(&text);
    let words = if discard { "upgrade complete --discard-changes" } else { "upgrade complete" };
    let words = &format!("{words}{}", switch.words());
    if stays.is_empty() {
        ask::confirm(context, words, "switch to green?").await?;
    } else {
        let names: Vec<&str> = stays.iter().map(|change| change.name.as_str()).collect();
        let question =
            format!("leave the changes of {} behind in blue, and switch?", names.join(", "));
        ask::confirm(context, words, &question).await?;
    }
    // What was shown is what may stay behind, whatever came meanwhile.
    let names: Vec<String> = stays.into_iter().map(|change| change.name).collect();
    Ok(answer(&runner(context, hook)?.upgrade_complete(target, &names).await?))
}

async fn back(context: &Context, target: Target, switch: &Switch) -> Result<Answer> {
    let hook = switch.hook(context)?;
    let status = context.migrator().upgrade_status(&target).await?;
    if status.upgrade.next.iter().any(|command| command.ends_with(" back")) {
        let mut text = format!(
            "goes back to {}, as it is; {} stays with all that is in it\n",
            one_line(&status.upgrade.blue),
            one_line(&status.upgrade.green)
        );
        text.push_str(&changes(
            "written to green since it was migrated, and not in blue",
            &status.green_changes,
        ));
        unknown(&mut text, &status);
        context.printer.show(&text);
        ask::confirm(context, &format!("upgrade back{}", switch.words()), "switch back to blue?")
            .await?;
    }
    Ok(answer(&runner(context, hook)?.upgrade_back(target).await?))
}

async fn abort(context: &Context, target: Target) -> Result<Answer> {
    let migrator = context.migrator();
    let status = migrator.upgrade_status(&target).await?;
    if status.upgrade.next.iter().any(|command| command.ends_with(" abort")) {
        let mut text =
            format!("drops {}, its history and its snapshots\n", one_line(&status.upgrade.green));
        text.push_str(&changes(
            "written to green since it was migrated, which goes",
            &status.green_changes,
        ));
        unknown(&mut text, &status);
        context.printer.show(&text);
        ask::confirm(context, "upgrade abort", "drop it?").await?;
    }
    Ok(answer(&context.until_signal(SOON_OVER)?.upgrade_abort(target).await?))
}

async fn finish(context: &Context, target: Target) -> Result<Answer> {
    let migrator = context.migrator();
    let upgrade = migrator.upgrade(&target).await?;
    if upgrade.is_some_and(|upgrade| upgrade.state == UpgradeState::Completed) {
        let mut text = "gives up the way back to blue, whose snapshot is let go\n".to_owned();
        match migrator.upgrade_status(&target).await {
            Ok(status) => {
                text.push_str(&left_in_blue(&status));
                unknown(&mut text, &status);
            }
            // Blue may be gone, and its upgrade is to be finished all the same.
            Err(error) => text.push_str(&untold(&say::in_a_line(&error))),
        }
        context.printer.show(text.trim_end());
        ask::confirm(context, "upgrade finish", "give it up?").await?;
    }
    Ok(answer(&context.until_signal(SOON_OVER)?.upgrade_finish(target).await?))
}

fn answer(upgrade: &crate::Upgrade) -> Answer {
    Answer::new(stands(upgrade), upgrade)
}

/// Where it stands, in a few lines, with the versions that it was begun with and has led to.
pub(super) fn stands(upgrade: &crate::Upgrade) -> String {
    let was = upgrade.version_before.map_or_else(
        || "without a version when it was begun".to_owned(),
        |version| format!("version {version} when it was begun"),
    );
    let led_to =
        upgrade.version_after.map_or_else(String::new, |v| format!("migrated to version {v}"));
    stands_with(upgrade, [was, led_to])
}

fn stands_with(upgrade: &crate::Upgrade, [blue, green]: [String; 2]) -> String {
    let (style, words) = match upgrade.state {
        UpgradeState::Making => (YELLOW, "green is being made, or its maker died"),
        UpgradeState::Failed => (RED, "green could not be migrated, and is kept to be looked at"),
        UpgradeState::Ready => (GREEN, "green is ready; blue is active"),
        UpgradeState::Switching => {
            (YELLOW, "the switch to green was begun and did not end; blue is active")
        }
        UpgradeState::Completed => (GREEN, "green is active; blue stays as the way back"),
        UpgradeState::SwitchingBack => {
            (YELLOW, "the switch back was begun and did not end; green is active")
        }
        UpgradeState::WentBack => (YELLOW, "blue is active again; green stays"),
        UpgradeState::Removing => (YELLOW, "green is being removed, or who removed it died"),
        UpgradeState::Aborted => (YELLOW, "green is gone; blue is active"),
        UpgradeState::Finished => {
            (GREEN, "green is active for good; blue's database stays until you drop it")
        }
    };
    let mut table = Table::default();
    table.row(["blue".into(), upgrade.blue.as_str().into(), blue.into()]);
    table.row(["green".into(), upgrade.green.as_str().into(), green.into()]);
    table.row(["active".into(), upgrade.active.as_str().into(), String::new().into()]);
    // What waits beside the active one.
    let waits = match upgrade.state {
        UpgradeState::Completed | UpgradeState::SwitchingBack => Some("way back"),
        UpgradeState::WentBack => Some("left over"),
        _ => None,
    };
    if let (Some(waits), Some(until)) = (waits, &upgrade.keep_until) {
        let over = if upgrade.is_over() { "its time is over" } else { "" };
        table.row([waits.into(), format!("kept until {until}").into(), over.into()]);
    }
    let mut text = format!("{}\n{}", paint(true, style, words), table.to_text(true));
    if !upgrade.carried.is_empty() {
        let _ =
            writeln!(text, "  carried over from blue: {}", one_line(&upgrade.carried.join(", ")));
    }
    for what in &upgrade.left_out {
        let _ = writeln!(text, "  green does not have {}", one_line(what));
    }
    if let Some(error) = &upgrade.error {
        let _ = writeln!(text, "  {}", one_line(error));
    }
    if !upgrade.next.is_empty() {
        let commands: Vec<String> =
            upgrade.next.iter().map(|command| format!("`{command}`")).collect();
        let _ = writeln!(text, "  next: {}", commands.join(", "));
    }
    text
}

fn status_text(status: &UpgradeStatus) -> String {
    let now =
        |version: Option<i64>| version.map_or_else(String::new, |now| format!("version {now}"));
    let versions = [now(status.blue_version), now(status.green_version)];
    let mut text = stands_with(&status.upgrade, versions);
    if status.upgrade.state == UpgradeState::Ready
        || status.upgrade.state == UpgradeState::Switching
    {
        text.push_str(&would_complete(status));
    } else {
        text.push_str(&left_in_blue(status));
        text.push_str(&changes("changed in green since it was migrated", &status.green_changes));
    }
    unknown(&mut text, status);
    text
}

/// What is in blue alone, once green is active.
fn left_in_blue(status: &UpgradeStatus) -> String {
    changes("in blue, and not in green", &status.blue_changes)
}

fn unknown(text: &mut String, status: &UpgradeStatus) {
    if let Some(unknown) = &status.unknown {
        text.push_str(&untold(unknown));
    }
}

fn untold(why: &str) -> String {
    format!("it can't be told what has changed: {}\n", one_line(why))
}

fn changed(status: &UpgradeStatus) -> String {
    let mut text =
        changes("changed in blue since the snapshot, and not in green", &status.blue_changes);
    text.push_str(&changes("changed in green since it was migrated", &status.green_changes));
    if status.blue_changes.is_empty() && status.unknown.is_none() {
        text.push_str("green has all that has come to blue since the snapshot\n");
    }
    text
}

/// What `complete` would do.
fn would_complete(status: &UpgradeStatus) -> String {
    let mut text = changed(status);
    let stays = status.blue_changes.iter().any(|change| !change.carried);
    let _ = match (status.blue_changes.is_empty(), stays) {
        _ if status.unknown.is_some() => Ok(()),
        (true, _) => writeln!(text, "`migrate upgrade complete` switches"),
        (_, false) => {
            writeln!(text, "`migrate upgrade complete` carries these over, compares, and switches")
        }
        (_, true) => writeln!(
            text,
            "`migrate upgrade complete` is refused: {} take all of blue along; \
             `migrate upgrade complete --discard-changes` leaves behind what is not carried over",
            say::anew(status.upgrade.state)
        ),
    };
    text
}

fn changes(title: &str, changes: &[UpgradeChange]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for change in changes {
        let rows = change.rows.map_or_else(String::new, |rows| count(rows, "row"));
        let what =
            if change.carried { "carried over" } else { change.why.as_deref().unwrap_or_default() };
        table.row([change.name.as_str().into(), rows.into(), what.into()]);
    }
    format!("{title}:\n{}", table.to_text(true))
}
