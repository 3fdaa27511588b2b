//! A MatrixOne server of a test's own, which can be killed, and whose disk can be filled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::server;

/// How long a start of the server may take.
const ANSWERS_WITHIN: Duration = Duration::from_mins(2);

/// A server that goes with the test.
#[derive(Debug)]
pub struct OwnServer {
    home: PathBuf,
}

fn script(word: &str, home: &Path) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/matrixone");
    let done = Command::new(script).arg(word).arg(home).status().unwrap();
    assert!(done.success(), "{word} of the server");
}

/// The process of the server that runs in this folder.
fn pid_in(home: &Path) -> rustix::process::Pid {
    let pid = std::fs::read_to_string(home.join("pid")).unwrap().trim().parse().unwrap();
    rustix::process::Pid::from_raw(pid).unwrap()
}

impl OwnServer {
    /// Starts one with its data in this folder; none without a `mo-service`.
    pub fn start(home: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join("mo-service").is_file()) {
            let line = "a server of a test's own is left out: there is no mo-service on PATH\n";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            return None;
        }
        let server = Self { home: home.to_owned() };
        server.again();
        Some(server)
    }

    /// Starts it on its data, and waits until it answers.
    pub fn again(&self) {
        script("start", &self.home);
        server::is_at(std::fs::read_to_string(self.home.join("url")).unwrap().trim());
        let begun = Instant::now();
        while let Err(error) = server::try_sql("", "SELECT 1") {
            let runs = rustix::process::test_kill_process(self.pid()).is_ok();
            assert!(
                runs && begun.elapsed() < ANSWERS_WITHIN,
                "the server {}: {error}; it said last:\n{}",
                if runs { "does not answer" } else { "has ended" },
                self.said_last(),
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn pid(&self) -> rustix::process::Pid {
        pid_in(&self.home)
    }

    /// The end of its log.
    fn said_last(&self) -> String {
        let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    /// What kills it at once, and once.
    pub fn killer(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let home = self.home.clone();
        let killed = Arc::new(AtomicBool::new(false));
        move || {
            if !killed.swap(true, Ordering::SeqCst) {
                rustix::process::kill_process(pid_in(&home), rustix::process::Signal::KILL)
                    .unwrap();
            }
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        script("stop", &self.home);
    }
}
