//! A run as it goes on: one line for each phase, with what it found and how long it took.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::printer::Printer;
use crate::observer::{Event, Observer, Phase};
use crate::report::text::table::{BOLD, DIM, GREEN, RED, YELLOW, one_line, paint};
use crate::report::text::{count, tick};
use crate::time;

/// Shows the events of a run on standard error.
#[derive(Debug)]
pub(super) struct Progress {
    printer: Printer,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    phase: Option<Phase>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, now: Mutex::default() }
    }

    fn line(&self, text: &str) {
        self.printer.show(text);
    }
}

impl Now {
    fn clear_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The line of a phase that did not end well.
    fn broken(&mut self) -> Option<String> {
        self.phase.take().map(|phase| format!("{} {}", paint(true, RED, "✗"), title(phase)))
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Progress { phase, done, total } = event {
            now.bar.get_or_insert_with(|| bar(*phase, *total)).set_position(*done);
            return;
        }
        now.clear_bar();
        match event {
            Event::PhaseStarted { phase, .. } => {
                let broken = now.broken();
                now.phase = Some(*phase);
                if let Some(line) = broken {
                    self.line(&line);
                }
            }
            Event::PhaseFinished { .. } => {
                now.phase = None;
                self.line(&words(event));
            }
            Event::Finished(_) => {
                if let Some(line) = now.broken() {
                    self.line(&line);
                }
            }
            other => self.line(&words(other)),
        }
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Note(note) => one_line(note),
        Event::PhaseFinished { phase, detail, took } => {
            let detail =
                if detail.is_empty() { String::new() } else { format!("{} ", one_line(detail)) };
            format!("{} {}  {detail}{}", paint(true, GREEN, "✓"), title(*phase), duration(*took))
        }
        Event::Waiting { holder } => {
            format!("{} waiting for {}", paint(true, YELLOW, "…"), one_line(holder))
        }
        Event::MigrationStarted { version, name } => format!("  → {version} {}", one_line(name)),
        Event::MigrationFinished { version, name, statements, took } => format!(
            "  {} {version} {}: {} {}",
            paint(true, GREEN, "✓"),
            one_line(name),
            count(*statements, "statement"),
            duration(*took)
        ),
        Event::Checked(check) => {
            let (sign, style) = tick(check.verdict);
            let detail = if check.detail.is_empty() {
                String::new()
            } else {
                format!(": {}", one_line(&check.detail))
            };
            format!("  {} {}{detail}", paint(true, style, sign), one_line(&check.name))
        }
        Event::Output(line) => format!("  {} {}", paint(true, DIM, "│"), one_line(line)),
        Event::State(state) => format!("  = {}", one_line(state)),
        Event::PhaseStarted { phase, .. } | Event::Progress { phase, .. } => title(*phase),
        Event::Finished(outcome) => outcome.to_string(),
    }
}

fn title(phase: Phase) -> String {
    let name = phase.as_str().replace('_', " ");
    paint(true, BOLD, &format!("{name:<14}"))
}

fn duration(took: Duration) -> String {
    paint(true, DIM, &format!("({})", time::words(took)))
}

/// A bar; where standard error is no terminal it is not drawn.
fn bar(phase: Phase, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("  {msg} {wide_bar} {percent}% {eta}") {
        bar.set_style(style);
    }
    bar.set_message(phase.as_str().replace('_', " "));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(event: &Event) -> String {
        anstream::adapter::strip_str(&words(event)).to_string()
    }

    #[test]
    fn a_phase_says_what_it_found_and_how_long_it_took() {
        let detail = "5 rows".to_owned();
        let event = Event::PhaseFinished {
            phase: Phase::Snapshot,
            detail,
            took: Duration::from_millis(12),
        };
        assert_eq!(plain(&event), "✓ snapshot        5 rows (12ms)");
    }

    #[test]
    fn a_name_from_a_file_cannot_colour_the_terminal() {
        let event = Event::MigrationStarted { version: 1, name: "a\u{1b}[31m".to_owned() };
        assert!(!words(&event).contains('\u{1b}'));
    }
}
