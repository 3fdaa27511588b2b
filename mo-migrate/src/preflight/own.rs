//! Items of the settings' own: commands that say yes by exiting with 0.

use std::process::Stdio;

use super::Asked;
use crate::error::{Result, say};
use crate::observer::Event;
use crate::process::Process;
use crate::settings::Settings;

/// An item of the checklist that a command answers.
///
/// The command is a line for the shell, is ended with all that it started when it exits, and may take as
/// long as a check.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnItem {
    /// What it is called, such as `ticket is approved`.
    pub name: String,
    /// The line for the shell.
    pub command: String,
}

/// Without its command, in which a token may stand.
impl std::fmt::Debug for OwnItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnItem").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OwnItem {
    /// An item of this name that is fine when the command exits with 0.
    #[must_use]
    pub fn new(name: impl Into<String>, command: impl Into<String>) -> Self {
        Self { name: name.into(), command: command.into() }
    }

    /// Asks it; gives the last line that it wrote.
    pub(crate) async fn ask(&self, settings: &Settings) -> Result<Asked> {
        settings.observer.event(&Event::Busy(format!("preflight: {}", self.name)));
        let mut shell = tokio::process::Command::new("sh");
        shell.args(["-c", &self.command]).stdin(Stdio::null());
        let mut process = Process::alone(shell)?;
        let limit = settings.check_timeout;
        let ended = tokio::select! {
            biased;
            ended = tokio::time::timeout(limit, process.ended(|_| {})) => ended,
            () = settings.stop.wait() => return Err(say::interrupted().ended_refused()),
        };
        // What it left running in the background would go on beside the run.
        drop(process);
        let Ok(ended) = ended else { return Err(say::own_item_too_long(&self.name, limit)) };
        let ended = ended?;
        let last = ended.last_line().to_owned();
        match ended.problem() {
            Some(problem) => Err(say::own_item_missing(&self.name, problem, &last)),
            None => Asked::ok(last),
        }
    }
}
