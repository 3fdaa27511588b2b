//! Something that a line for the shell starts, and that lasts until somebody ends it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Fixture;

/// How long something is waited for that has to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a line for the shell leaves running in the background.
#[derive(Debug)]
pub struct Lasting(PathBuf);

impl Lasting {
    /// Of a shop, in whose folder it writes down its number.
    #[must_use]
    pub fn new(shop: &Fixture) -> Self {
        Self(shop.folder().join("lasting.pid"))
    }

    /// The line that starts it.
    #[must_use]
    pub fn line(&self) -> String {
        let path = self.0.display();
        format!("sleep 600 & echo $! > {path}.new; mv {path}.new {path}")
    }

    /// Waits until it was started.
    pub fn is_there(&self) {
        until("it was started", || self.0.exists());
    }

    /// Waits until it was ended; the line may be used again then.
    pub fn is_gone(&self) {
        let pid = self.pid();
        until("it is gone", || !lives(pid));
        std::fs::remove_file(&self.0).unwrap();
    }

    /// It runs still, and is ended now; the line may be used again then.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn lives_on(&self) {
        let pid = self.pid();
        assert!(lives(pid), "it was ended");
        kill_process(pid, Signal::KILL).unwrap();
        self.is_gone();
    }

    fn pid(&self) -> Pid {
        let pid = std::fs::read_to_string(&self.0).unwrap();
        Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
    }
}

/// Whether a process runs; one whose parent has not noticed its end does not.
fn lives(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z"))
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
