//! Commands as checks: another process, which has to exit 0.
//!
//! Invariants:
//! 1. a process is in the ledger, with the moment of its start, as soon as it runs;
//! 2. it is the head of a process group, so that what it starts is ended with it;
//! 3. what a dead run left running is ended before anything is restored.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Context, Verdict};
use crate::error::{Code, Error, Result};
use crate::ledger::{Child, Ledger};

/// How much of a command's output is kept: its end, where the error is.
const KEPT: usize = 4096;

/// Ends a process group when the check is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself; then there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a command by the shell; it passes when it exits 0.
pub(super) async fn run(line: &str, context: &Context<'_>, ledger: &mut Ledger) -> Result<Verdict> {
    let failed = |error: &std::io::Error| {
        Error::new(Code::CheckErred, "the command could not be started").because(error.to_string())
    };
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", line])
        .env("MO_MIGRATE_RUN", &context.run)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(&error))?;
    let pid = child.id().unwrap_or_default();
    let group = Group(i32::try_from(pid).ok().and_then(Pid::from_raw));
    let record = Child { pid, started: started(pid).unwrap_or_default() };
    ledger.child(&context.run, &record, line).await?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = tokio::join!(tail(out), tail(err), child.wait());
    let status = status.map_err(|error| failed(&error))?;
    // What it left running in the background would write on after the verdict.
    drop(group);
    if status.success() {
        return Ok(Verdict::Pass);
    }
    let said = [err, out].into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default();
    let said = said.trim();
    let detail = match status.code() {
        Some(code) => format!("the command exited with {code}"),
        None => "the command was ended by a signal".to_owned(),
    };
    Ok(Verdict::fail(if said.is_empty() { detail } else { format!("{detail}: {said}") }))
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read) = pipe.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..read]);
        let too_much = kept.len().saturating_sub(KEPT);
        kept.drain(..too_much);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// When a process started, in the system's own words; none when it is gone.
fn started(pid: u32) -> Option<String> {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The name in brackets may hold anything; the 20th field after it is the start time.
        let (_, rest) = stat.rsplit_once(')')?;
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

/// Ends what a dead run left running, and waits until it is gone.
///
/// # Errors
/// It does not end: a person has to.
pub(crate) async fn end_children(children: &[Child]) -> Result<()> {
    for child in children {
        let Some(group) = i32::try_from(child.pid).ok().and_then(Pid::from_raw) else { continue };
        // Another process may have the number by now; its group is left alone.
        let same = started(child.pid).is_some_and(|now| now == child.started);
        if !same {
            continue;
        }
        let _ = kill_process_group(group, Signal::KILL);
        let mut gone = false;
        for _ in 0..100 {
            gone = test_kill_process_group(group).is_err()
                || started(child.pid).is_none_or(|now| now != child.started);
            if gone {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if !gone {
            return Err(Error::new(
                Code::Restore,
                format!("process {} of a dead run can't be ended", child.pid),
            )
            .hinted(format!("end it with `kill -9 -{}`, then `migrate recover`", child.pid)));
        }
    }
    Ok(())
}
