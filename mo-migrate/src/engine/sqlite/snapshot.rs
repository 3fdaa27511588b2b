//! Snapshots: whole copies by the online backup API, each a file.
//!
//! Invariants:
//! 1. the source holds a transaction while it is copied, so that the copy is of one moment and
//!    never starts again;
//! 2. a snapshot has its final name only when it is whole and durable;
//! 3. the live file is opened by SQLite alone: closing any other descriptor of it would drop this
//!    process's locks on it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::sqlite::{SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::connection::{Owner, SqliteLink};
use super::files::{self, Files, with_suffix};
use super::{Sqlite, raw};
use crate::engine::{Connection, SnapshotFacts};
use crate::error::{Code, Error, Result, say};
use crate::observer::Progress;
use crate::time;

/// Pages per batch: 40 MB of 4 KiB pages, large enough that the copy runs at the disk's speed and
/// small enough that progress is seen.
const BATCH: i32 = 10_000;

/// Up to 2 GB of both sides are read through the kernel's own pages: a third less time than through
/// SQLite's cache.
const MAPPED: &str = "2147418112";

/// Ends a copy when the future that waits for it is dropped.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Sqlite {
    /// Copies what `source` sees into the snapshot `name`. The source is in a transaction.
    pub(super) async fn copy_into_snapshot(
        &self,
        source: SqliteLink,
        name: &str,
        progress: Progress,
    ) -> Result<(SqliteLink, SnapshotFacts)> {
        self.files.prepare()?;
        let path = self.files.snapshot(name)?;
        if path.exists() {
            return Err(Error::new(
                Code::Snapshot,
                format!("there is a snapshot `{name}` already"),
            ));
        }
        let partial = with_suffix(&path, ".partial");
        Files::remove_database(&partial)?;
        let copied = self.copy(source, &partial, progress).await;
        let finished = copied.and_then(|source| {
            files::sync(&partial)?;
            fs::rename(&partial, &path).map_err(|error| say::io("rename", &partial, &error))?;
            files::sync(&path)?;
            Ok(source)
        });
        match finished {
            Ok(source) => Ok((source, facts(&path, name)?)),
            Err(error) => {
                let _ = Files::remove_database(&partial);
                Err(error)
            }
        }
    }

    async fn copy(&self, source: SqliteLink, to: &Path, progress: Progress) -> Result<SqliteLink> {
        self.files.create_like_database(to)?;
        let mut target = self.open_copy(to).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let _stop = StopOnDrop(Arc::clone(&stop));
        let runtime = tokio::runtime::Handle::current();
        let copied = tokio::task::spawn_blocking(move || {
            let mut source = source;
            runtime.block_on(source.execute(&format!("PRAGMA mmap_size = {MAPPED}"), &[]))?;
            let done = runtime.block_on(backup(source.owner(), &mut target, &stop, &progress));
            done.map(|()| (source, target))
        });
        let (source, target) = copied.await.map_err(|error| say::internal(&error))??;
        close_copy(target).await?;
        Ok(source)
    }

    /// The same for a database in memory, whose one connection is the caller's.
    pub(super) async fn copy_memory(
        &self,
        source: &mut SqliteConnection,
        name: &str,
        progress: &Progress,
    ) -> Result<SnapshotFacts> {
        self.files.prepare()?;
        let path = self.files.snapshot(name)?;
        let mut target = self.open_copy(&path).await?;
        backup(source, &mut target, &AtomicBool::new(false), progress).await?;
        close_copy(target).await?;
        facts(&path, name)
    }

    /// A file that is only written, once: without a journal of its own, and made durable at the
    /// end in one go.
    async fn open_copy(&self, path: &Path) -> Result<SqliteConnection> {
        let options = self
            .options_for(path)
            .read_only(false)
            .immutable(false)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .locking_mode(SqliteLockingMode::Exclusive)
            .pragma("mmap_size", MAPPED);
        options.connect().await.map_err(say::driver)
    }
}

/// The copy itself; it blocks.
async fn backup(
    source: &mut SqliteConnection,
    target: &mut SqliteConnection,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<()> {
    let mut from = source.lock_handle().await.map_err(say::driver)?;
    let mut to = target.lock_handle().await.map_err(say::driver)?;
    let copied = raw::Handle::new(from.as_raw_handle()).backup(
        raw::Handle::new(to.as_raw_handle()),
        BATCH,
        |done, total| {
            progress.tell(done, total);
            !stop.load(Ordering::Relaxed)
        },
    );
    copied.map_err(|error| say::database(&error.message, Some(error.code.to_string()), None))
}

/// A copy of a WAL database says WAL in its header; as one plain file it can be read without
/// writing anything beside it.
async fn close_copy(target: SqliteConnection) -> Result<()> {
    let mut target = Box::new(SqliteLink::plain(Owner::Ours(target)));
    target.fetch("PRAGMA journal_mode = DELETE", &[], Some(1)).await?;
    target.close().await;
    Ok(())
}

/// What is known of a snapshot from its file.
pub(super) fn facts(path: &Path, name: &str) -> Result<SnapshotFacts> {
    let meta = fs::metadata(path).map_err(|error| say::io("read", path, &error))?;
    Ok(SnapshotFacts {
        name: name.to_owned(),
        created_at: files::modified_ms(path).unwrap_or_else(time::now_ms),
        bytes: Some(meta.len()),
    })
}

/// The snapshots in the folder, the oldest first.
pub(super) fn list(files: &Files) -> Result<Vec<SnapshotFacts>> {
    let folder = files.snapshots();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(say::io("read", &folder, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| say::io("read", &folder, &error))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".db"));
        if let Some(name) = name {
            found.push(facts(&path, name)?);
        }
    }
    found.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
    Ok(found)
}
