//! Commands as checks: another process, which has to exit 0.

use std::process::Stdio;

use super::{Context, Verdict};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::process::Process;

/// Runs a command by the shell; it passes when it exits 0.
pub(super) async fn run(line: &str, context: &Context<'_>, ledger: &mut Ledger) -> Result<Verdict> {
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", line]).stdin(Stdio::null());
    let mut process = Process::start(shell, line, &context.run, ledger).await?;
    let ended = process.ended(|_| {}).await?;
    // What it left running in the background would write on after the verdict.
    drop(process);
    let Some(problem) = ended.problem() else { return Ok(Verdict::Pass) };
    Ok(Verdict::fail(match ended.last_words() {
        "" => problem,
        said => format!("{problem}: {said}"),
    }))
}
