//! Who is in the way: connections that have the file in an open transaction.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::SqliteConnection;

use super::connection::{AGAIN, SqliteLink};
use super::files::with_suffix;
use super::{Sqlite, needs_writing};
use crate::engine::Connection as _;
use crate::error::{Result, say};

/// Where SQLite locks a file: the pending byte, the reserved one, and those of readers.
const FILE_LOCKS: std::ops::RangeInclusive<u64> = 0x4000_0000..=0x4000_01ff;

/// Where it locks the index of a log: for writing, and for what keeps everybody out.
const LOG_LOCKS: std::ops::RangeInclusive<u64> = 120..=122;

impl Sqlite {
    /// Those that keep others from writing, or from a commit, for longer than this.
    ///
    /// A lock that needs the file alone is taken and let go again: that is what a commit needs, and with a
    /// log what a writer needs. It changes nothing.
    pub(super) async fn blockers(&self, wait: Duration) -> Result<Vec<String>> {
        if self.memory {
            return Ok(Vec::new());
        }
        let options = self.options.clone().create_if_missing(false).busy_timeout(AGAIN);
        let mut link = SqliteLink::plain(self.open(options).await?);
        if let Some(connection) = link.raw().downcast_mut::<SqliteConnection>() {
            needs_writing(connection).await?;
        }
        link.patience(AGAIN);
        let until = Instant::now() + wait;
        let tried = loop {
            match link.execute("BEGIN EXCLUSIVE", &[]).await {
                Err(error) if say::is_busy(&error) && Instant::now() < until => {}
                tried => break tried,
            }
        };
        // Who holds it is asked while it is held.
        let held = match tried {
            Ok(_) => link.rollback().await.map(|()| Vec::new()),
            Err(error) if say::is_busy(&error) => Ok(self.holders()),
            Err(error) => Err(error),
        };
        Box::new(link).close().await;
        held
    }

    fn holders(&self) -> Vec<String> {
        let database = self.files.database();
        let log = with_suffix(database, "-shm");
        let found =
            if log.exists() { locks(&log, &LOG_LOCKS) } else { locks(database, &FILE_LOCKS) };
        match found.as_slice() {
            [] => vec!["another connection has the file in a transaction".to_owned()],
            _ => found,
        }
    }
}

/// The processes that lock these bytes of a file, where the system shows them.
fn locks(file: &Path, bytes: &std::ops::RangeInclusive<u64>) -> Vec<String> {
    let Ok(inode) = std::fs::metadata(file).map(|meta| meta.ino()) else { return Vec::new() };
    let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut pids: Vec<u32> = text.lines().filter_map(|line| holder(line, inode, bytes)).collect();
    pids.sort_unstable();
    pids.dedup();
    let name = |pid: u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        format!("process {pid} (`{}`) has the file in a transaction", name.trim())
    };
    pids.into_iter().map(name).collect()
}

/// Whose lock a line of `/proc/locks` is: `1: POSIX ADVISORY WRITE 812 fe:00:131 120 120`.
fn holder(line: &str, inode: u64, bytes: &std::ops::RangeInclusive<u64>) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // One that waits has an arrow before its kind.
    let [_, "POSIX", _, _, pid, place, from, to] = words.as_slice() else { return None };
    let of_file = place.rsplit(':').next()?.parse() == Ok(inode);
    let from: u64 = from.parse().ok()?;
    let to = to.parse().unwrap_or(u64::MAX);
    let within = from <= *bytes.end() && *bytes.start() <= to;
    pid.parse().ok().filter(|_| of_file && within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_of_the_process_the_file_and_the_bytes_that_its_line_names() {
        for (line, expected) in [
            ("1: POSIX  ADVISORY  WRITE 812 fe:00:131 120 120", Some(812)),
            ("2: POSIX  ADVISORY  READ 9 fe:00:131 0 EOF", Some(9)),
            ("3: POSIX  ADVISORY  READ 9 fe:00:131 128 128", None),
            ("4: POSIX  ADVISORY  WRITE 812 fe:00:132 120 120", None),
            ("4: -> POSIX  ADVISORY  WRITE 7 fe:00:131 120 120", None),
            ("5: FLOCK  ADVISORY  WRITE 7 fe:00:131 0 EOF", None),
            ("", None),
        ] {
            assert_eq!(holder(line, 131, &LOG_LOCKS), expected, "{line}");
        }
    }
}
