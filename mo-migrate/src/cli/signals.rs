//! Ctrl-C and SIGTERM: the first one undoes the run, the second one ends the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::printer::Printer;
use crate::error::{Result, say};
use crate::settings::Stop;

/// What is said when a run is asked to stop.
pub(super) const OF_A_RUN: &str = "interrupted: the run stops at the next safe point, and is undone unless it is kept already; once more \
     ends it here";

/// From now on the first signal asks what goes on to stop, and says so in these words, and the second
/// one ends the process.
///
/// # Errors
/// The system takes no handler.
pub(super) fn watch(stop: Stop, printer: Printer, words: &'static str) -> Result<()> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        for number in 1.. {
            signals.next().await;
            if number == 1 {
                printer.say(words);
                stop.ask();
            } else {
                end(&printer);
            }
        }
    });
    Ok(())
}

/// Ends with the next signal, which does not end the process.
///
/// # Errors
/// The system takes no handler.
pub(super) fn interruption() -> Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

/// Ctrl-C and SIGTERM, whichever comes.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let failed = |error: std::io::Error| say::io("listen to", "signals".as_ref(), &error);
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[expect(
    clippy::exit,
    reason = "the run may be in the middle of a statement that nothing else ends"
)]
fn end(printer: &Printer) -> ! {
    crate::process::end_all();
    // The run can't report any more; what reads documents gets one all the same.
    let code = printer.error(&say::ended_here(), true);
    std::process::exit(code.0.into())
}
