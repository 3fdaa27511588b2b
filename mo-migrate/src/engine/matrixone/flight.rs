//! A statement that was sent and whose answer was not read.
//!
//! When the future of a run is dropped in the middle of one, its connection goes, and the server works
//! on for nobody: the lock, which is that session's, would be held for as long as that takes. So what
//! is dropped in flight is ended in the server, from a task of its own. Where there is no runtime any
//! more it is as after a crash: the lock is free when the statement has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::MatrixOne;

/// Whether a statement of a session is under way; ends it when it is dropped then.
pub(super) struct Flight {
    engine: MatrixOne,
    /// The server's number of the session; 0 while it was not asked for.
    session: u64,
    under_way: Arc<AtomicBool>,
}

impl Flight {
    /// None is under way. The engine is one without the slot, which may hold this very connection.
    pub(super) fn of(engine: &MatrixOne) -> Self {
        Self { engine: engine.clone(), session: 0, under_way: Arc::default() }
    }

    /// The server's number of the session.
    pub(super) fn session(&mut self, session: u64) {
        self.session = session;
    }

    /// What says whether one is under way.
    pub(super) fn under_way(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.under_way)
    }

    /// Nothing is under way from now on; gives whether something was.
    pub(super) fn ends(&self) -> bool {
        self.under_way.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.ends() || self.session == 0 {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (engine, session) = (self.engine.clone(), self.session);
        runtime.spawn(async move {
            if let Err(error) = engine.end_query(session).await {
                tracing::warn!(session, %error, "a statement in flight could not be ended");
            }
        });
    }
}
