//! A run as it goes on: one line for each phase, with what it found and how long it took.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::printer::Printer;
use crate::observer::{Event, Observer, Phase};
use crate::report::text::table::{BOLD, DIM, GREEN, RED, YELLOW, one_line, paint};
use crate::report::text::{count, tick};
use crate::time;

/// Shows the events of a run on standard error.
#[derive(Debug)]
pub(super) struct Progress {
    printer: Printer,
    /// The phase that has not ended yet.
    phase: Mutex<Option<Phase>>,
}

impl Progress {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, phase: Mutex::default() }
    }

    fn line(&self, text: &str) {
        self.printer.show(text);
    }

    /// The phase that was going on, when another begins or none does any more: it did not end well.
    fn replace(&self, phase: Option<Phase>) {
        let mut now = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broken) = std::mem::replace(&mut *now, phase) {
            self.line(&format!("{} {}", paint(true, RED, "✗"), title(broken)));
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let live = &self.printer.live;
        match event {
            Event::Progress { phase, unit, done, total } => {
                live.is_at(&name(*phase), *unit, *done, *total);
            }
            Event::PhaseStarted { phase, .. } => {
                self.replace(Some(*phase));
                live.begin(&name(*phase));
            }
            Event::PhaseFinished { .. } => {
                live.end();
                *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.line(&words(event));
            }
            Event::Busy(what) => live.begin(&one_line(what)),
            Event::Finished(_) => {
                live.end();
                self.replace(None);
            }
            other => self.line(&words(other)),
        }
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Note(text) | Event::Busy(text) => one_line(text),
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

fn name(phase: Phase) -> String {
    phase.as_str().replace('_', " ")
}

fn title(phase: Phase) -> String {
    paint(true, BOLD, &format!("{:<14}", name(phase)))
}

fn duration(took: Duration) -> String {
    paint(true, DIM, &format!("({})", time::words(took)))
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
