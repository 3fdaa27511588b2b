//! Snapshots: whole copies, each a file.
//!
//! Where the database's file holds all of it (no log, or one that is wholly written back), its bytes
//! are copied as they are; else the online backup API puts file and log together.
//!
//! Invariants:
//! 1. the source reads one moment while it is copied: nobody can write to the file, nor write the
//!    log back beyond that moment, and the backup API never starts again;
//! 2. a snapshot has its final name only when it is whole and durable;
//! 3. the live file is opened by SQLite alone: closing any other descriptor of it would drop this
//!    process's locks on it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
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
use crate::observer::{Counted, Progress};
use crate::time;

/// Bytes per read of a plain copy.
const CHUNK: u64 = 1 << 20;

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
    /// Copies the database into the snapshot `name`, as `source` sees it at this moment.
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
            files::sync_entry(&path)?;
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

    async fn copy(
        &self,
        mut source: SqliteLink,
        to: &Path,
        progress: Progress,
    ) -> Result<SqliteLink> {
        self.files.create_like_database(to)?;
        source.execute("BEGIN", &[]).await?;
        source.fetch("SELECT count(*) FROM sqlite_master", &[], Some(1)).await?;
        let whole = self.file_is_whole().await?;
        let target = if whole { None } else { Some(self.open_copy(to).await?) };
        let stop = Arc::new(AtomicBool::new(false));
        let _stop = StopOnDrop(Arc::clone(&stop));
        let runtime = tokio::runtime::Handle::current();
        let file = to.to_owned();
        let copied = tokio::task::spawn_blocking(move || -> Result<_> {
            let Some(mut target) = target else {
                let plain =
                    runtime.block_on(copy_bytes(source.owner(), &file, &stop, &progress))?;
                return Ok((source, Copied::File { plain }));
            };
            runtime.block_on(source.execute(&format!("PRAGMA mmap_size = {MAPPED}"), &[]))?;
            runtime.block_on(backup(source.owner(), &mut target, &stop, &progress))?;
            Ok((source, Copied::Open(target)))
        });
        let (source, copied) = copied.await.map_err(|error| say::internal(&error))??;
        match copied {
            Copied::File { plain: true } => {}
            Copied::File { plain: false } => close_copy(self.open_copy(to).await?).await?,
            Copied::Open(target) => close_copy(target).await?,
        }
        Ok(source)
    }

    /// Whether the database's file alone is all that a reader sees now. A reader that began before
    /// this keeps it so.
    async fn file_is_whole(&self) -> Result<bool> {
        let options = self.options.clone().create_if_missing(false);
        let mut link = SqliteLink::plain(self.open(options).await?);
        // Busy or not; frames in the log; frames written back. Without a log, -1 twice.
        let log = link.fetch("PRAGMA wal_checkpoint(PASSIVE)", &[], Some(1)).await;
        Box::new(link).close().await;
        let Some(log) = log?.into_iter().next() else { return Ok(false) };
        Ok(log.at::<i64>(0)? == 0 && log.at::<i64>(1)? == log.at::<i64>(2)?)
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

/// A copy that was just made.
enum Copied {
    /// A file, which says of itself that it has no log, or not.
    File { plain: bool },
    /// It is still open.
    Open(SqliteConnection),
}

/// Where a file says which journal it has, and how much of each page belongs to an extension such
/// as encryption: <https://sqlite.org/fileformat2.html#the_database_header>.
fn without_log(header: &mut [u8]) -> bool {
    if !header.starts_with(b"SQLite format 3\0") || header.len() < 100 || header[20] != 0 {
        return false;
    }
    header[18..20].fill(1);
    true
}

/// The plain copy; it blocks. Gives whether the copy says of itself that it has no log.
async fn copy_bytes(
    source: &mut SqliteConnection,
    to: &Path,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<bool> {
    let failed = |error: raw::RawError| say::sqlite(&error.message, error.code, error.offset);
    let written = |error: io::Error| say::io("write", to, &error);
    let mut locked = source.lock_handle().await.map_err(say::driver)?;
    let file = raw::Handle::new(locked.as_raw_handle()).file().map_err(failed)?;
    let total = file.length().map_err(failed)?;
    let mut copy = OpenOptions::new().write(true).open(to).map_err(written)?;
    let mut buffer = vec![0; usize::try_from(CHUNK).unwrap_or(0)];
    let (mut done, mut plain) = (0, false);
    while done < total {
        if stop.load(Ordering::Relaxed) {
            return Err(say::interrupted());
        }
        let length = usize::try_from(CHUNK.min(total - done)).unwrap_or(0);
        file.read(&mut buffer[..length], done).map_err(failed)?;
        plain = if done == 0 { without_log(&mut buffer[..length]) } else { plain };
        copy.write_all(&buffer[..length]).map_err(written)?;
        done = (done + CHUNK).min(total);
        progress.tell(Counted::Bytes, done, Some(total));
    }
    Ok(plain)
}

/// The copy by the backup API; it blocks.
async fn backup(
    source: &mut SqliteConnection,
    target: &mut SqliteConnection,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<()> {
    let size = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *source).await;
    let page = size.map_err(say::driver).map(|size: i64| size.unsigned_abs())?;
    let mut from = source.lock_handle().await.map_err(say::driver)?;
    let mut to = target.lock_handle().await.map_err(say::driver)?;
    let copied = raw::Handle::new(from.as_raw_handle()).backup(
        raw::Handle::new(to.as_raw_handle()),
        BATCH,
        |done, total| {
            progress.tell(Counted::Bytes, done * page, Some(total * page));
            !stop.load(Ordering::Relaxed)
        },
    );
    copied.map_err(|error| say::sqlite(&error.message, error.code, None))
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
        level: "database".to_owned(),
        table: None,
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
