//! A schedule for somebody else's clock: a crontab line, or the unit and the timer of systemd. Pure.
//!
//! Invariant: nothing in them is a credential. An address that could hold one is left to the environment
//! of the program, and a comment says where that is set.

use std::fmt::Write as _;
use std::path::Path;

use crate::printable::quoted;
use crate::report::text::table::one_line;

/// What a timer runs.
#[derive(Debug)]
pub(super) struct Job<'a> {
    /// When: a cron expression.
    pub(super) cron: &'a str,
    /// What the snapshots are for, which names the files.
    pub(super) purpose: &'a str,
    /// Where it is run.
    pub(super) directory: &'a Path,
    /// The commands, one after the other, each as its words.
    pub(super) commands: Vec<Vec<String>>,
    /// The address stands in none of the words.
    pub(super) needs_address: bool,
    /// Somebody wants to hear of a snapshot that failed, which a schedule tells and a timer does not.
    pub(super) has_hook: bool,
}

/// A line for `crontab -e`.
///
/// # Errors
/// The schedule has seconds, which cron has not.
pub(super) fn crontab(job: &Job<'_>) -> Result<String, String> {
    if job.cron.split_whitespace().count() != 5 {
        return Err("a crontab has no seconds: leave the first of the six fields out".to_owned());
    }
    let mut text = String::from(
        "# Times are in UTC. A cron that does not know CRON_TZ takes them for those of the machine.\n",
    );
    if job.needs_address {
        text.push_str(
            "# The address has to be in .env or mo-migrate.toml in that folder; this line has no secret.\n",
        );
    }
    if job.has_hook {
        text.push_str("# No hook hears of a snapshot that fails here: MAILTO= says who does.\n");
    }
    let directory = quoted(&job.directory.display().to_string());
    let commands = job
        .commands
        .iter()
        .map(|words| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
    let line = format!("cd {directory} && {}", commands.collect::<Vec<_>>().join(" && "));
    // A bare % is a line end there.
    let line = line.replace('%', "\\%");
    let _ = writeln!(text, "CRON_TZ=UTC\n{} {line}", job.cron);
    Ok(text)
}

/// A service and its timer, each with the name of its file above it.
///
/// # Errors
/// systemd has no such times.
pub(super) fn systemd(job: &Job<'_>) -> Result<String, String> {
    let calendar = calendar(job.cron)?;
    let name = format!("migrate-{}", job.purpose.replace('_', "-"));
    let mut text = format!(
        "# /etc/systemd/system/{name}.service\n\
         [Unit]\n\
         Description=Data snapshot, {purpose}\n\
         {untold}\n\
         [Service]\n\
         Type=oneshot\n\
         WorkingDirectory={directory}\n",
        purpose = job.purpose,
        untold = if job.has_hook {
            "# No hook hears of a snapshot that fails here: OnFailure= says who does.\n"
        } else {
            ""
        },
        directory = escaped(&job.directory.display().to_string()),
    );
    if job.needs_address {
        let _ = writeln!(
            text,
            "# The address has to be in .env or mo-migrate.toml in that folder, or in this file, which root\n\
             # alone should be able to read: DATABASE_URL=…\n\
             EnvironmentFile=-/etc/{name}.env"
        );
    }
    for words in &job.commands {
        let words: Vec<String> = words.iter().map(|word| unit_word(word)).collect();
        let _ = writeln!(text, "ExecStart={}", words.join(" "));
    }
    let _ = write!(
        text,
        "\n# /etc/systemd/system/{name}.timer\n\
         [Unit]\n\
         Description=Data snapshot, {purpose}\n\
         \n\
         [Timer]\n\
         OnCalendar={calendar}\n\
         Persistent=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n\
         \n\
         # then: systemctl daemon-reload && systemctl enable --now {name}.timer\n",
        purpose = job.purpose,
    );
    Ok(text)
}

/// A word of `ExecStart`, in which `%`, `$`, quotes and blanks mean something.
fn unit_word(word: &str) -> String {
    let word = escaped(word).replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// In one line, and without what systemd takes for a specifier.
fn escaped(text: &str) -> String {
    one_line(text).replace('%', "%%")
}

/// The times of a cron expression as systemd has them: `Mon..Fri *-*-* 02:00:00 UTC`.
fn calendar(cron: &str) -> Result<String, String> {
    let bad = || {
        format!(
            "systemd has no times like `{cron}`: take `--print cron`, or write the timer by hand"
        )
    };
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else { return Err(bad()) };
    // Cron means one or the other, and systemd both.
    if *day != "*" && *weekday != "*" {
        return Err(bad());
    }
    let minute = field(minute, 0).ok_or_else(bad)?;
    let hour = field(hour, 0).ok_or_else(bad)?;
    let day = field(day, 1).ok_or_else(bad)?;
    let month = field(month, 1).ok_or_else(bad)?;
    let weekday = match *weekday {
        "*" => String::new(),
        list => weekdays(list).ok_or_else(bad)? + " ",
    };
    Ok(format!("{weekday}*-{month}-{day} {hour}:{minute}:00 UTC"))
}

/// `*`, `5`, `1-5`, `*/15`, and lists of them; `first` is what a step begins with.
fn field(text: &str, first: u8) -> Option<String> {
    let number = |text: &str| text.parse::<u8>().ok().map(|number| format!("{number:02}"));
    let part = |part: &str| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let range = match (range, range.split_once('-')) {
            ("*", _) if step.is_none() => "*".to_owned(),
            ("*", _) => format!("{first:02}"),
            (_, Some((from, to))) => format!("{}..{}", number(from)?, number(to)?),
            (one, None) => number(one)?,
        };
        Some(step.map_or(range.clone(), |step| format!("{range}/{step}")))
    };
    let parts: Option<Vec<String>> = text.split(',').map(part).collect();
    Some(parts?.join(","))
}

/// `1-5`, `6,0`, `MON-FRI`.
fn weekdays(text: &str) -> Option<String> {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let name = |text: &str| {
        let by_name = NAMES.iter().find(|name| name.eq_ignore_ascii_case(text));
        let by_number = || text.parse::<usize>().ok().filter(|n| *n < 8).map(|n| &NAMES[n % 7]);
        by_name.or_else(by_number).copied()
    };
    let part = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some(format!("{}..{}", name(from)?, name(to)?)),
        None => name(part).map(ToOwned::to_owned),
    };
    let parts: Option<Vec<String>> = text.split(',').map(part).collect();
    Some(parts?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(cron: &str) -> Job<'_> {
        let words = |line: &[&str]| line.iter().map(ToString::to_string).collect::<Vec<String>>();
        Job {
            cron,
            purpose: "daily_backup",
            directory: Path::new("/srv/my shop"),
            commands: vec![
                words(&["/bin/migrate", "--dir", "100% mine", "snapshot", "create"]),
                words(&["/bin/migrate", "snapshot", "prune", "--yes"]),
            ],
            needs_address: true,
            has_hook: true,
        }
    }

    #[test]
    fn a_crontab_has_one_line_with_all_that_is_run() {
        let text = crontab(&job("0 2 * * 1-5")).unwrap();
        let line = text.lines().last().unwrap();
        assert_eq!(
            line,
            "0 2 * * 1-5 cd '/srv/my shop' && /bin/migrate --dir '100\\% mine' snapshot create \
             && /bin/migrate snapshot prune --yes"
        );
        assert!(text.contains("CRON_TZ=UTC\n") && text.contains(" MAILTO= "));
        assert!(crontab(&job("0 0 2 * * 1-5")).unwrap_err().contains("seconds"));
    }

    #[test]
    fn a_unit_runs_the_same_and_its_timer_makes_up_for_what_was_missed() {
        let text = systemd(&job("30 2 * * *")).unwrap();
        for line in [
            "# /etc/systemd/system/migrate-daily-backup.service",
            "# No hook hears of a snapshot that fails here: OnFailure= says who does.",
            "WorkingDirectory=/srv/my shop",
            "EnvironmentFile=-/etc/migrate-daily-backup.env",
            "ExecStart=/bin/migrate --dir \"100%% mine\" snapshot create",
            "ExecStart=/bin/migrate snapshot prune --yes",
            "OnCalendar=*-*-* 02:30:00 UTC",
            "Persistent=true",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_times_of_cron_are_those_of_systemd_or_refused() {
        for (cron, calendar_of_it) in [
            ("0 * * * *", Some("*-*-* *:00:00 UTC")),
            ("*/15 2-4 * * *", Some("*-*-* 02..04:00/15:00 UTC")),
            ("0 2 * * 1-5", Some("Mon..Fri *-*-* 02:00:00 UTC")),
            ("0 2 * * 6,7", Some("Sat,Sun *-*-* 02:00:00 UTC")),
            ("5 2 1,15 */3 *", Some("*-01/3-01,15 02:05:00 UTC")),
            ("0 2 1 * 1", None),
            ("0 2 L * *", None),
            ("0 2 * * 1#2", None),
            ("0 0 2 * * *", None),
        ] {
            assert_eq!(calendar(cron).ok().as_deref(), calendar_of_it, "{cron}");
        }
    }
}
