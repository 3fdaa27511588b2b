//! Other processes that a run starts: commands among the checks, and the command that a guard stands
//! around.
//!
//! Invariants:
//! 1. a process is in the ledger, with the moment of its start, as soon as it runs, and has the run's
//!    id in its environment, which what it starts inherits;
//! 2. it is the head of a process group, so that what it starts is ended with it;
//! 3. what a dead run left running is ended before anything is restored.

use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{ChildStderr, ChildStdout, Command};

use crate::error::{Code, Error, Result};
use crate::ledger::{Child, Ledger};

/// How much of a process's output is kept: its end, where the error is.
const KEPT: usize = 4096;

/// The variable that names the run to a process of it.
const RUN: &str = "MO_MIGRATE_RUN";

/// How long a process that was asked to end has for it.
const GRACE: Duration = Duration::from_secs(5);

/// This process was started by a run, or by what a run has started.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(RUN).is_some()
}

/// The process has started this one, or one that has; no where the system does not show it.
pub(crate) fn is_above_us(pid: u32) -> bool {
    let parent = |of: u32| {
        let status = std::fs::read_to_string(format!("/proc/{of}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
    };
    std::iter::successors(parent(std::process::id()), |above| parent(*above)).any(|a| a == pid)
}

/// The groups that are at work now.
static AT_WORK: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn at_work() -> MutexGuard<'static, Vec<Pid>> {
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all that this process has started, for it ends at once itself.
#[cfg(feature = "cli")]
pub(crate) fn end_all() {
    for group in at_work().drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Ends a process group when it is given up.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// That of a process that was started as the head of one.
    pub(crate) fn of(child: &tokio::process::Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        at_work().extend(pid);
        Self(pid)
    }

    /// What is in it lives on.
    pub(crate) fn leave(mut self) {
        self.forget();
    }

    fn forget(&mut self) -> Option<Pid> {
        let group = self.0.take();
        at_work().retain(|other| Some(*other) != group);
        group
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.forget() {
            // It may have ended by itself; then there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A process that runs; it is ended by force when this is dropped, with its group.
#[derive(Debug)]
pub(crate) struct Process {
    child: tokio::process::Child,
    out: Pipe<ChildStdout>,
    err: Pipe<ChildStderr>,
    group: Group,
}

/// How a process ended, and the end of what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What went wrong, in words; none where nothing did.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.status.code() {
            Some(0) => None,
            Some(code) => Some(format!("the command exited with {code}")),
            None => Some("the command was ended by a signal".to_owned()),
        }
    }

    /// The last lines that it wrote.
    pub(crate) fn output(&self) -> Vec<String> {
        self.last_words().lines().map(ToOwned::to_owned).collect()
    }

    /// The last line that it wrote to its output, or else of its errors.
    pub(crate) fn last_line(&self) -> &str {
        let lines =
            [&self.out, &self.err].into_iter().filter_map(|text| text.trim().lines().last());
        lines.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// What it said last: of its errors, where it wrote any.
    pub(crate) fn last_words(&self) -> &str {
        let said = [&self.err, &self.out].into_iter().map(|text| text.trim());
        said.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }
}

impl Process {
    /// Starts a command for a run; `line` is what the ledger calls it.
    ///
    /// # Errors
    /// There is no such program, or the ledger can't be written.
    pub(crate) async fn start(
        mut command: Command,
        line: &str,
        run: &str,
        ledger: &mut Ledger,
    ) -> Result<Self> {
        command.env(RUN, run);
        let process = Self::alone(command)?;
        let pid = process.child.id().unwrap_or_default();
        let record = Child { pid, started: started(pid).unwrap_or_default() };
        ledger.child(run, &record, line).await?;
        Ok(process)
    }

    /// Starts a command that is of no run.
    ///
    /// # Errors
    /// There is no such program.
    pub(crate) fn alone(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| not_started(&error))?;
        let (out, err) = (Pipe::new(child.stdout.take()), Pipe::new(child.stderr.take()));
        let group = Group::of(&child);
        Ok(Self { child, out, err, group })
    }

    /// Waits until it has exited, and tells each line that it writes. What it started in its group is
    /// ended then.
    ///
    /// # Errors
    /// It can't be waited for.
    pub(crate) async fn ended(&mut self, tell: impl Fn(&str)) -> Result<Ended> {
        let status = {
            let reading = async { tokio::join!(self.out.read(&tell), self.err.read(&tell)) };
            tokio::pin!(reading);
            let mut is_read = false;
            loop {
                tokio::select! {
                    status = self.child.wait() => break status,
                    _ = &mut reading, if !is_read => is_read = true,
                }
            }
        };
        let status = status.map_err(|error| not_started(&error))?;
        if let Some(group) = self.group.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
        // What left its group may hold the pipes open.
        let rest = async { tokio::join!(self.out.read(&tell), self.err.read(&tell)) };
        let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
        Ok(Ended { status, out: self.out.text(), err: self.err.text() })
    }

    /// Asks it to end, as a person at a terminal would, and ends it by force if it does not.
    pub(crate) async fn stop(mut self, tell: impl Fn(&str)) {
        if let Some(group) = self.group.0 {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = tokio::time::timeout(GRACE, self.ended(tell)).await;
    }
}

/// What a process writes, of which the end is kept.
#[derive(Debug)]
struct Pipe<R> {
    from: Option<R>,
    kept: Vec<u8>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn new(from: Option<R>) -> Self {
        Self { from, kept: Vec::new(), line: Vec::new() }
    }

    /// Reads to the end, telling each line; may be dropped and called again.
    async fn read(&mut self, tell: &impl Fn(&str)) {
        let mut buffer = [0; 4096];
        while let Some(from) = &mut self.from {
            let Ok(read @ 1..) = from.read(&mut buffer).await else {
                self.from = None;
                break;
            };
            for byte in &buffer[..read] {
                // A line that is drawn again and again, as a progress is, ends with a return.
                let ends = matches!(byte, b'\n' | b'\r');
                if !ends {
                    self.line.push(*byte);
                }
                if (ends && !self.line.is_empty()) || self.line.len() == KEPT {
                    tell(&String::from_utf8_lossy(&self.line));
                    self.line.clear();
                }
            }
            self.kept.extend_from_slice(&buffer[..read]);
            let too_much = self.kept.len().saturating_sub(KEPT);
            self.kept.drain(..too_much);
        }
        if !self.line.is_empty() {
            tell(&String::from_utf8_lossy(&self.line));
            self.line.clear();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

fn not_started(error: &std::io::Error) -> Error {
    Error::new(Code::CheckErred, "the command could not be started").because(error.to_string())
}

/// When a process started, in the system's own words; none when it is gone.
fn started(pid: u32) -> Option<String> {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The name in brackets may hold anything; the 20th field after it is the start time.
        let (_, rest) = stat.rsplit_once(')')?;
        // One that is dead and waits for its parent to notice is gone.
        if rest.trim_start().starts_with(['Z', 'X']) {
            return None;
        }
        return rest.split_whitespace().nth(19).map(ToOwned::to_owned);
    }
    if std::path::Path::new("/proc/self/stat").exists() {
        return None;
    }
    let ps = std::process::Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    (!said.is_empty()).then_some(said)
}

/// Whether a process with this number is there.
pub(crate) fn lives(pid: u32) -> bool {
    started(pid).is_some()
}

/// Ends what a dead run left running, and waits until it is gone: the groups that the ledger names,
/// and, where the system shows environments, whatever has the run's id in its own. That finds what
/// left its group, and what was started a moment before its owner died.
///
/// # Errors
/// It does not end: a person has to.
pub(crate) async fn end_children(run: &str, children: &[Child]) -> Result<()> {
    for child in children {
        let Some(group) = i32::try_from(child.pid).ok().and_then(Pid::from_raw) else { continue };
        // Another process may have the number by now; its group is left alone.
        let same = started(child.pid).is_some_and(|now| now == child.started);
        if !same {
            continue;
        }
        let _ = kill_process_group(group, Signal::KILL);
        let is_gone = || {
            // One that may not be signalled is there.
            test_kill_process_group(group) == Err(Errno::SRCH)
                || started(child.pid).is_none_or(|now| now != child.started)
        };
        if !within_moments(is_gone).await {
            return Err(not_ended(&format!("-{}", child.pid)));
        }
    }
    let is_gone = || {
        let left = of_run(run);
        for pid in &left {
            let _ = kill_process(*pid, Signal::KILL);
        }
        left.is_empty()
    };
    if within_moments(is_gone).await {
        return Ok(());
    }
    let left: Vec<String> =
        of_run(run).iter().map(|pid| pid.as_raw_nonzero().to_string()).collect();
    Err(not_ended(&left.join(" ")))
}

async fn within_moments(is_done: impl Fn() -> bool) -> bool {
    for _ in 0..100 {
        if is_done() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

fn not_ended(which: &str) -> Error {
    Error::new(Code::StillRunning, format!("process {which} of the run can't be ended"))
        .true_now("as the run left it; nothing is put back while it may be written to")
        .hinted(format!("end it with `kill -9 {which}`, then `migrate recover`"))
}

/// The processes whose environment names this run, but for this one and those that are dead already.
fn of_run(run: &str) -> Vec<Pid> {
    let wanted = format!("{RUN}={run}");
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &i32| u32::try_from(*pid) != Ok(std::process::id()))
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        })
        .filter_map(Pid::from_raw)
        .collect()
}
