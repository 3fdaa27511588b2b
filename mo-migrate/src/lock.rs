//! One run at a time: the lock, its wait, and who holds it.
//!
//! Invariants:
//! 1. the lock is tried and never blocked on, so that a wait can be ended and told;
//! 2. it is never held by a connection of the application's pool;
//! 3. who holds it is in the message.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, LastHolder, LockAttempt, LockGuard};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::observer::Event;
use crate::process;
use crate::settings::Settings;
use crate::time;

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The user.
    pub user: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// Tells two apart that have all of this in common.
    #[serde(default)]
    pub token: String,
}

impl Holder {
    /// This process, now.
    #[must_use]
    pub(crate) fn here() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let user = ["USER", "LOGNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
        let token = uuid::Uuid::now_v7().simple().to_string();
        Self { host, pid: std::process::id(), user, since: time::now_ms(), token }
    }

    /// It runs a command under a guard, and this process is of that command: its lock is not let go
    /// before we end.
    fn guards_us(&self) -> bool {
        process::is_guarded() && self.host == Self::here().host && process::is_above_us(self.pid)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, pid, user, since, .. } = self;
        write!(f, "process {pid} of {user} on {host}, since {}", time::rfc3339(*since))
    }
}

/// The lock, as long as it is held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) guard: Arc<dyn LockGuard>,
    /// Another one was waited for.
    pub(crate) waited: bool,
    /// Who held it before.
    pub(crate) last: Option<LastHolder>,
}

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(2);

/// Gives a sign of life for as long as the lock is held.
fn beat(guard: &Arc<dyn LockGuard>) {
    let guard = Arc::downgrade(guard);
    tokio::spawn(async move {
        loop {
            // Whoever has just got the lock wrote a first one down with its words.
            tokio::time::sleep(BEAT).await;
            let Some(guard) = guard.upgrade() else { return };
            guard.beat();
        }
    });
}

/// Takes the lock, waiting as long as the settings say at the most.
///
/// # Errors
/// Another one holds it for longer; the error names it.
pub(crate) async fn acquire(engine: &dyn Engine, settings: &Settings) -> Result<Held> {
    let wait = settings.lock_timeout;
    let until = Instant::now() + wait;
    let mut waited = false;
    loop {
        fault::before(Transition::Lock)?;
        match engine.try_lock(&Holder::here()).await? {
            LockAttempt::Held(guard, last) => {
                fault::after(Transition::Lock)?;
                beat(&guard);
                return Ok(Held { guard, waited, last });
            }
            LockAttempt::Taken(Some(holder)) if holder.guards_us() => {
                return Err(say::locked_by_its_guard(engine.database(), &holder.to_string()));
            }
            LockAttempt::Taken(holder) => {
                let holder = holder
                    .map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
                if Instant::now() >= until {
                    return Err(say::locked(engine.database(), &holder, wait));
                }
                if !waited {
                    settings.observer.event(&Event::Waiting { holder });
                    waited = true;
                }
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    () = settings.stop.wait() => return Err(say::interrupted().ended_refused()),
                }
            }
        }
    }
}

/// Who does this, for the history: user and machine.
pub(crate) fn who() -> String {
    let Holder { user, host, .. } = Holder::here();
    format!("{user}@{host}")
}
