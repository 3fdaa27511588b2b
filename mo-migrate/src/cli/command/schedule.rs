//! `snapshot schedule`: a snapshot at each time of a schedule.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::snapshot::{Level, kept, of, purpose};
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::cli::schedule::Schedule as Times;
use crate::cli::timer::{self, Job};
use crate::error::{Code, Error, Result, say};
use crate::hooks::Moment;
use crate::report::text::count;
use crate::settings::Stop;
use crate::{Migrator, SnapshotOf, time};

/// Makes a snapshot at each time of a schedule, until it is ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Times are in UTC. After each snapshot those for the same that are over their time (--keep) are
deleted; the last one to go back to stays. One that fails is said, and told to the hooks of
`snapshot_failed`; the next one is made in its time. A time that was missed, because the machine
slept or nothing ran, is made up for once. SIGTERM and Ctrl-C end it between two snapshots.

  migrate snapshot schedule --daily 02:00 --keep 14d
  migrate snapshot schedule --cron '0 2 * * 1-5' --print systemd   unit and timer, to copy
  migrate snapshot schedule --hourly --print cron                  a crontab line")]
pub(crate) struct Schedule {
    #[command(flatten)]
    when: When,
    /// What they are for, a part of their names [default: `daily_backup`, `hourly_backup` or `scheduled_backup`]
    #[arg(long, value_name = "WORD", value_parser = purpose)]
    purpose: Option<String>,
    /// What they are of, on a server; as `--snapshot-scope` if it is not said
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Prints what a timer of the system needs, and makes no snapshot
    #[arg(long, value_enum, value_name = "TIMER")]
    print: Option<Print>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct When {
    /// Each day at this time, as 02:00
    #[arg(long, value_name = "HH:MM", value_parser = Times::daily)]
    daily: Option<Times>,
    /// Each hour
    #[arg(long)]
    hourly: bool,
    /// At the times of this cron expression: minute, hour, day, month, weekday
    #[arg(long, value_name = "EXPRESSION", value_parser = Times::cron)]
    cron: Option<Times>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Print {
    /// A service and its timer
    Systemd,
    /// A line for a crontab
    Cron,
}

/// What was done, as long as it ran.
#[derive(Debug, Default)]
struct Done {
    made: Vec<String>,
    deleted: Vec<String>,
    failed: u64,
}

const ENDS: &str = "ends; a snapshot that is being made is finished first; once more ends it here";

/// How long a wait goes by the machine's own clock, which stops while it sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Schedule {
    pub(crate) async fn run(&self, context: &Context) -> Result<Answer> {
        let (times, usual) = match (&self.when.daily, &self.when.cron) {
            (Some(daily), _) => (daily.clone(), "daily_backup"),
            (None, Some(cron)) => (cron.clone(), "scheduled_backup"),
            (None, None) => (Times::hourly().map_err(wrong)?, "hourly_backup"),
        };
        let purpose = self.purpose.as_deref().unwrap_or(usual);
        match self.print {
            Some(print) => self.printed(context, print, &times, purpose),
            None => self.repeated(context, &times, purpose).await,
        }
    }

    fn printed(
        &self,
        context: &Context,
        print: Print,
        times: &Times,
        purpose: &str,
    ) -> Result<Answer> {
        // Whoever copies it is told now what it would say at night.
        context.target()?.open()?;
        let directory =
            std::env::current_dir().map_err(|error| say::io("find", ".".as_ref(), &error))?;
        let program = std::env::current_exe()
            .map_err(|error| say::io("find", context.program.as_ref(), &error))?;
        let job = Job {
            cron: times.text(),
            purpose,
            directory: &directory,
            commands: self.commands(context, &program.display().to_string(), purpose),
            needs_address: !context.flags.iter().any(|(flag, _)| *flag == "url"),
            has_hook: !context.settings().hooks_at(Moment::SnapshotFailed).is_empty(),
        };
        let text = match print {
            Print::Systemd => timer::systemd(&job),
            Print::Cron => timer::crontab(&job),
        };
        let text = text.map_err(wrong)?;
        Ok(Answer::new(text.clone(), &json!({ "text": text })))
    }

    /// The commands that a timer runs.
    fn commands(&self, context: &Context, program: &str, purpose: &str) -> Vec<Vec<String>> {
        let mut first = vec![program.to_owned()];
        for (flag, value) in &context.flags {
            first.extend([format!("--{flag}"), value.clone()]);
        }
        let command = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            first.iter().cloned().chain(words).collect::<Vec<_>>()
        };
        let keep = format!("{purpose}={}", time::words(context.settings().keep.of(purpose)));
        let mut create =
            command(&["snapshot", "create", "--purpose", purpose, "--keep", keep.as_str()]);
        if let Some(level) = self.level {
            create.extend(["--level".to_owned(), level.word().to_owned()]);
        }
        vec![create, command(&["snapshot", "prune", "--purpose", purpose, "--yes"])]
    }

    async fn repeated(&self, context: &Context, times: &Times, purpose: &str) -> Result<Answer> {
        let what = of(self.level, &[])?;
        let migrator = context.until_signal(ENDS)?;
        match migrator.snapshot_could_be(context.target()?, &what).await {
            // A server may be there by then.
            Err(error) if error.code() == Code::Connect => {
                tell(context, &format!("not reached now: {}", say::in_a_line(&error)));
            }
            looked => looked?,
        }
        let stop = migrator.settings().stop;
        let mut last = last_made(&migrator, context, purpose).await;
        let mut done = Done::default();
        while let Some(due) = times.due(last, Timestamp::now()) {
            let due_words = due.to_string();
            if due <= Timestamp::now() && last.is_some() {
                tell(context, &format!("{due_words} was missed: its snapshot is made now"));
            } else {
                tell(context, &format!("the next snapshot is due at {due_words}"));
            }
            if !waited(due, &stop).await {
                break;
            }
            last = Some(Timestamp::now().max(due));
            once(&migrator, context, (purpose, &what), &mut done).await?;
            if stop.asked() {
                break;
            }
        }
        let length = |names: &[String]| u64::try_from(names.len()).unwrap_or(u64::MAX);
        let text = format!(
            "ended: {} made, {} deleted, {} failed",
            count(length(&done.made), "snapshot"),
            length(&done.deleted),
            done.failed
        );
        let document = json!({ "made": done.made, "deleted": done.deleted, "failed": done.failed });
        Ok(Answer::new(text, &document))
    }
}

/// One time of the schedule; what goes wrong is said, and ends nothing.
async fn once(
    migrator: &Migrator,
    context: &Context,
    (purpose, what): (&str, &SnapshotOf),
    done: &mut Done,
) -> Result<()> {
    match migrator.snapshot_scheduled(context.target()?, purpose, what).await {
        Ok(scheduled) => {
            let made = scheduled.made;
            tell(context, &format!("made `{}`, kept {}", made.name, kept(&made)));
            done.made.push(made.name);
            for line in scheduled.deleted {
                tell(context, &format!("deleted `{}`, which was over its time", line.name));
                done.deleted.push(line.name);
            }
        }
        Err(error) if error.code() == Code::Interrupted => {}
        Err(error) => {
            done.failed += 1;
            tell(context, &format!("failed: {} {}", error.code(), say::in_a_line(&error)));
        }
    }
    Ok(())
}

/// When the last one for the same was made, where that can be read.
async fn last_made(migrator: &Migrator, context: &Context, purpose: &str) -> Option<Timestamp> {
    let lines = migrator.snapshot_list(context.target().ok()?).await.ok()?;
    let ours = lines.iter().filter(|line| line.purpose.as_deref() == Some(purpose));
    ours.filter_map(|line| line.created_at.parse().ok()).max()
}

/// Waits by the wall clock, which goes on while the machine sleeps. Gives whether it was waited for.
async fn waited(due: Timestamp, stop: &Stop) -> bool {
    loop {
        let left = due.duration_since(Timestamp::now());
        if stop.asked() {
            return false;
        }
        if left <= SignedDuration::ZERO {
            return true;
        }
        let left = Duration::try_from(left).unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = stop.wait() => return false,
        }
    }
}

/// A line, with the time before it.
fn tell(context: &Context, words: &str) {
    context.printer.say(&format!("{} {words}", time::rfc3339(time::now_ms())));
}

fn wrong(problem: String) -> Error {
    Error::new(Code::Usage, problem)
        .true_now("nothing was touched")
        .hinted("see `migrate snapshot schedule --help`")
}
