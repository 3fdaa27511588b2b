//! The lock: a file beside the database, locked by the system, with the holder's words in it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use super::files::{self as paths, Files};
use crate::engine::{LastHolder, LockAttempt, LockGuard};
use crate::error::{Result, say};
use crate::lock::Holder;
use crate::time;

/// A lock on the file `lock`; the file stays when it is let go, or two could hold "it".
#[derive(Debug)]
struct FileLock(File);

impl LockGuard for FileLock {
    fn beat(&self) {
        // The file's time is the heartbeat: it needs no statement while a long one runs.
        let _ = self.0.set_modified(SystemTime::now());
    }
}

/// A database in memory has nobody else to lock out.
#[derive(Debug)]
pub(super) struct NoLock;

impl LockGuard for NoLock {
    fn beat(&self) {}
}

/// Who left its words in the lock, and when that was last heard of.
pub(super) fn last_holder(files: &Files) -> Option<LastHolder> {
    let words = std::fs::read(files.lock()).ok()?;
    heard(files, serde_json::from_slice(&words).ok()?)
}

/// Since its last sign of life.
fn heard(files: &Files, holder: Holder) -> Option<LastHolder> {
    let beat = paths::modified_ms(&files.lock())?;
    Some(LastHolder { holder, beat, silent: time::now_ms().saturating_sub(beat) })
}

/// Tries the lock once, and leaves our words in it when it is ours.
pub(super) fn attempt(files: &Files, ours: &Holder) -> Result<LockAttempt> {
    let path = files.lock();
    if !path.exists() {
        // Another starter may make it first; then it is there, which is all that is wanted.
        let _ = files.create_like_database(&path);
    }
    let failed = |error: &std::io::Error| say::io("lock", &path, error);
    let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(|e| failed(&e))?;
    let taken = match file.try_lock() {
        Ok(()) => false,
        Err(std::fs::TryLockError::WouldBlock) => true,
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(&error)),
    };
    let mut words = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut words));
    let holder: Option<Holder> = read.ok().and_then(|_| serde_json::from_str(&words).ok());
    if taken {
        return Ok(LockAttempt::Taken(holder));
    }
    let last = holder.and_then(|holder| heard(files, holder));
    let words = serde_json::to_vec(ours).unwrap_or_default();
    // Over the last holder's words, which stay where there is no room for ours.
    let length = u64::try_from(words.len()).unwrap_or(0);
    let written =
        file.rewind().and_then(|()| file.write_all(&words)).and_then(|()| file.set_len(length));
    written.map_err(|error| failed(&error))?;
    Ok(LockAttempt::Held(Arc::new(FileLock(file)), last))
}
