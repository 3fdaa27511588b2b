//! What happens at a fault point.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::error::{Code, Error, Result};

/// Time enough for a signal to be heard by who listens to it.
const HEARD: Duration = Duration::from_millis(20);

/// What was asked for.
struct Fault {
    point: String,
    /// The how manieth time; 0 for each.
    time: u64,
    action: String,
}

static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
    let asked = std::env::var("MO_MIGRATE_FAULT").ok()?;
    let (point, action) = asked.split_once('=')?;
    let (point, time) = point.split_once('#').unwrap_or((point, "1"));
    Some(Fault { point: point.to_owned(), time: time.parse().ok()?, action: action.to_owned() })
});

static REACHED: LazyLock<Mutex<HashMap<&'static str, u64>>> = LazyLock::new(Mutex::default);

/// A point is reached: it is written down, and what was asked for happens.
pub(super) fn reached(point: &'static str) -> Result<()> {
    if let Ok(path) = std::env::var("MO_MIGRATE_FAULT_LOG") {
        let log = OpenOptions::new().create(true).append(true).open(path);
        if let Ok(mut log) = log {
            let _ = writeln!(log, "{point}");
        }
    }
    let time = {
        let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
        let time = reached.entry(point).or_default();
        *time += 1;
        *time
    };
    let Some(fault) = &*FAULT else { return Ok(()) };
    if fault.point != point || (fault.time != 0 && fault.time != time) {
        return Ok(());
    }
    let signals: &[Signal] = match fault.action.as_str() {
        "kill" => &[Signal::KILL],
        "stop" => &[Signal::STOP],
        "int" => &[Signal::INT],
        "term" => &[Signal::TERM],
        "both" => &[Signal::INT, Signal::TERM],
        // As if the database had said no.
        _ => return Err(Error::new(Code::Database, format!("a fault was asked for at {point}"))),
    };
    for signal in signals {
        let _ = kill_process(getpid(), *signal);
    }
    if matches!(fault.action.as_str(), "int" | "term" | "both") {
        // Another thread listens: it hears of it here, and not at a point further on.
        std::thread::sleep(HEARD);
    }
    Ok(())
}
