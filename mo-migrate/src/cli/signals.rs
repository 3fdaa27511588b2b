//! Ctrl-C and SIGTERM: the first one undoes the run, the second one ends the process.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::printer::Printer;
use crate::error::{ExitCode, Result, say};
use crate::settings::Stop;

/// What is said when a run is asked to stop.
pub(super) const OF_A_RUN: &str = "interrupted: the run stops at the next safe point, and is undone unless it is kept already; once more \
     ends it here";

/// Those that do something of their own about a signal.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

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

/// Ctrl-C and SIGTERM, whichever comes.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they do not end the process.
    ///
    /// # Errors
    /// The system takes no handler.
    pub(super) fn listen() -> Result<Self> {
        let failed = |error: std::io::Error| say::io("listen to", "signals".as_ref(), &error);
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { interrupt, terminate })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// They end the process again, as they do where nobody listens, unless somebody else does.
    pub(super) fn end_the_process(mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
        tokio::spawn(async move {
            loop {
                self.next().await;
                if LISTENERS.load(Ordering::Relaxed) == 0 {
                    exit(ExitCode::INTERRUPTED);
                }
            }
        });
    }
}

fn end(printer: &Printer) -> ! {
    crate::process::end_all();
    // The run can't report any more; what reads documents gets one all the same.
    exit(printer.error(&say::ended_here(), true))
}

#[expect(clippy::exit, reason = "a run may be in the middle of a statement that nothing else ends")]
fn exit(code: ExitCode) -> ! {
    std::process::exit(code.0.into())
}
