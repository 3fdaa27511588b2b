//! The one line of a terminal that changes: what is at work, how far it is, how fast, and how long the
//! rest will take.
//!
//! Invariants:
//! 1. it is drawn on a terminal alone, and never on a dumb one;
//! 2. it is never wider than the terminal is at that moment, so that one sequence clears it;
//! 3. the cursor is never hidden: whatever ends the process leaves the terminal as it was;
//! 4. all else that is printed goes through [`beside`](Live::beside), and never into it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::observer::Counted;
use crate::time;

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(100);

/// What takes less than this is not shown.
const PATIENCE: Duration = Duration::from_millis(300);

/// A rate is said once it was measured for so long.
const MEASURED: Duration = Duration::from_secs(1);

/// Takes a line away that fits the terminal.
const CLEAR: &str = "\r\x1b[K";

/// The line; its clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Live {
    line: Arc<Mutex<Line>>,
    /// Where nothing can be drawn over, nothing is drawn.
    on: bool,
}

#[derive(Debug, Default)]
struct Line {
    work: Option<Work>,
    /// What is on the terminal.
    drawn: Option<String>,
    /// A thread draws it.
    has_thread: bool,
}

/// What is at work.
#[derive(Clone, Debug, PartialEq)]
struct Work {
    title: String,
    began: Instant,
    far: Option<Far>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Far {
    unit: Counted,
    done: u64,
    total: Option<u64>,
    /// Where the rate is measured from.
    first: (Instant, u64),
}

impl Live {
    /// On standard error.
    pub(super) fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let on = std::io::stderr().is_terminal() && !dumb;
        Self { line: Arc::default(), on }
    }

    /// Something begins, and whatever was at work is over.
    pub(super) fn begin(&self, title: &str) {
        self.change(|line| line.work = Some(Work::new(title)));
    }

    /// It is so far. Where nothing has begun, it begins.
    pub(super) fn is_at(&self, title: &str, unit: Counted, done: u64, total: Option<u64>) {
        self.change(|line| {
            let work = line.work.get_or_insert_with(|| Work::new(title));
            let now = Instant::now();
            let first = match work.far {
                // Of the same thing; a smaller number is the beginning of another.
                Some(far) if (far.unit, far.total) == (unit, total) && far.done <= done => {
                    far.first
                }
                _ => (now, done),
            };
            work.far = Some(Far { unit, done, total, first });
        });
    }

    /// Nothing is at work any more.
    pub(super) fn end(&self) {
        if self.on {
            let mut line = self.lock();
            line.work = None;
            line.clear();
        }
    }

    /// Prints something else, which the line does not get into.
    pub(super) fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
        let mut line = self.lock();
        line.clear();
        print()
    }

    fn change(&self, change: impl FnOnce(&mut Line)) {
        if !self.on {
            return;
        }
        let mut line = self.lock();
        change(&mut line);
        if !line.has_thread {
            let shared = Arc::downgrade(&self.line);
            let thread = std::thread::Builder::new().name("progress".to_owned());
            // Without a thread there is no line, and nothing else is missing.
            line.has_thread = thread.spawn(|| draw(shared)).is_ok();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Draws the line again and again, until nothing is at work.
#[expect(clippy::needless_pass_by_value, reason = "the thread's own")]
fn draw(line: Weak<Mutex<Line>>) {
    loop {
        std::thread::sleep(EVERY);
        let Some(line) = line.upgrade() else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(work) = &line.work else {
            line.has_thread = false;
            return;
        };
        let now = Instant::now();
        if now.duration_since(work.began) < PATIENCE {
            continue;
        }
        // The last column stays free: a terminal that is filled may go to the next line.
        let text = work.words(now, columns().saturating_sub(1));
        if line.drawn.as_ref() != Some(&text) {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "{CLEAR}{text}").and_then(|()| out.flush());
            line.drawn = Some(text);
        }
    }
}

/// How wide the terminal is now.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(80)
}

impl Line {
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "{CLEAR}").and_then(|()| out.flush());
        }
    }
}

/// A part of the line; those that matter less are left out where there is no room.
struct Part {
    text: String,
    matters: u8,
}

impl Work {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), began: Instant::now(), far: None }
    }

    /// The line as it is now, at most so wide.
    fn words(&self, now: Instant, width: usize) -> String {
        let mut parts = vec![self.part(&format!("  {}", self.title), 5)];
        match &self.far {
            Some(far) => parts.extend(far.parts(now, self.began)),
            None => parts.push(self.part(&seconds(now.duration_since(self.began)), 4)),
        }
        let long = |parts: &[Part]| -> usize {
            parts.iter().map(|part| part.text.chars().count() + 2).sum::<usize>().saturating_sub(2)
        };
        while long(&parts) > width && parts.len() > 1 {
            let least = parts.iter().map(|part| part.matters).min().unwrap_or(0);
            parts.retain(|part| part.matters > least);
        }
        let share = self.far.and_then(|far| far.share());
        let room = width.saturating_sub(long(&parts) + 2);
        if let Some(share) = share.filter(|_| room >= BAR_LEAST) {
            parts.insert(1, self.part(&bar(share, room.min(BAR_MOST)), 0));
        }
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        texts.join("  ").chars().take(width).collect()
    }

    #[expect(clippy::unused_self, reason = "reads as a part of this line")]
    fn part(&self, text: &str, matters: u8) -> Part {
        Part { text: text.to_owned(), matters }
    }
}

const BAR_LEAST: usize = 10;
const BAR_MOST: usize = 30;

/// A bar of so many signs.
fn bar(share: u64, width: usize) -> String {
    let full = usize::try_from(share).unwrap_or(100).min(100) * width / 100;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

impl Far {
    /// In percent, where it is known of how much; statements are counted instead.
    fn share(&self) -> Option<u64> {
        // One that is at work is not done.
        let counted = self.unit != Counted::Statements;
        let total = self.total.filter(|total| counted && *total > 0)?;
        let share = u128::from(self.done) * 100 / u128::from(total);
        Some(u64::try_from(share).unwrap_or(100).min(100))
    }

    fn parts(&self, now: Instant, began: Instant) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |text: String, matters| parts.push(Part { text, matters });
        let elapsed = seconds(now.duration_since(began));
        match (self.unit, self.total, self.share()) {
            (Counted::Statements, Some(total), _) => {
                add(format!("statement {} of {total}", self.done), 4);
                add(elapsed, 3);
                return parts;
            }
            (_, Some(_), Some(share)) => add(format!("{share:>3}%"), 4),
            (unit, ..) => {
                add(elapsed, 4);
                if self.done > 0 {
                    add(format!("+{}", amount(unit, self.done)), 3);
                }
            }
        }
        let measured = now.duration_since(self.first.0);
        let done = self.done.saturating_sub(self.first.1);
        if measured < MEASURED || done == 0 {
            return parts;
        }
        let millis = u128::from(time::ms(measured).max(1));
        let rate = u128::from(done) * 1000 / millis;
        add(format!("{}/s", amount(self.unit, u64::try_from(rate).unwrap_or(u64::MAX))), 1);
        if let Some(total) = self.total {
            let left = u128::from(total.saturating_sub(self.done)) * millis / u128::from(done);
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
            add(format!("about {} left", seconds(left)), 2);
        }
        parts
    }
}

/// A time in whole seconds.
fn seconds(took: Duration) -> String {
    time::words(Duration::from_secs((took + Duration::from_millis(500)).as_secs()).max(MEASURED))
}

/// So many bytes or rows, in few signs.
fn amount(unit: Counted, number: u64) -> String {
    let steps: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let found = steps.into_iter().find(|(step, _)| number >= *step);
    let (whole, tenth, prefix) = match found {
        Some((step, prefix)) => (number / step, Some(number % step * 10 / step), prefix),
        None => (number, None, ""),
    };
    let tenth = tenth.filter(|_| whole < 100).map(|tenth| format!(".{tenth}")).unwrap_or_default();
    match unit {
        Counted::Bytes => format!("{whole}{tenth} {prefix}B"),
        Counted::Rows => format!("{whole}{tenth}{prefix} rows"),
        Counted::Statements => format!("{whole} statements"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(far: Option<(Counted, u64, Option<u64>)>, after: Duration) -> (Work, Instant) {
        let began = Instant::now();
        let far = far.map(|(unit, done, total)| Far { unit, done, total, first: (began, 0) });
        (Work { title: "snapshot".to_owned(), began, far }, began + after)
    }

    #[test]
    fn a_copy_has_its_share_its_rate_and_its_rest() {
        let copied = Some((Counted::Bytes, 250_000_000, Some(1_000_000_000)));
        let (work, now) = work(copied, Duration::from_secs(2));
        let bar = format!("{}{}", "█".repeat(7), "░".repeat(23));
        assert_eq!(
            work.words(now, 79),
            format!("  snapshot  {bar}   25%  125 MB/s  about 6s left")
        );
        assert_eq!(work.words(now, 39), "  snapshot   25%  about 6s left");
        assert_eq!(work.words(now, 16), "  snapshot   25%");
        assert_eq!(work.words(now, 6), "  snap");
        assert_eq!(work.words(now, 0), "");
    }

    #[test]
    fn nothing_is_said_that_was_not_measured() {
        let (begun, now) = work(Some((Counted::Rows, 10, Some(100))), Duration::from_millis(400));
        assert_eq!(begun.words(now, 20), "  snapshot   10%");
        let (idle, now) = work(None, Duration::from_secs(75));
        assert_eq!(idle.words(now, 39), "  snapshot  1m 15s");
    }

    #[test]
    fn what_has_no_end_that_is_known_has_its_time_and_its_growth() {
        let (grown, now) = work(Some((Counted::Bytes, 34_500_000, None)), Duration::from_secs(10));
        assert_eq!(grown.words(now, 79), "  snapshot  10s  +34.5 MB  3.4 MB/s");
        let (sent, now) = work(Some((Counted::Statements, 3, Some(17))), Duration::from_secs(10));
        assert_eq!(sent.words(now, 79), "  snapshot  statement 3 of 17  10s");
    }

    #[test]
    fn it_is_never_wider_than_the_terminal() {
        let (work, now) =
            work(Some((Counted::Rows, 123_456, Some(2_000_000))), Duration::from_secs(9));
        for width in 0..120 {
            assert!(work.words(now, width).chars().count() <= width, "{width}");
        }
    }
}
