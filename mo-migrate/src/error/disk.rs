//! What a disk has against being written to: it decides what a person is told to do first.

use std::io::ErrorKind;

/// What is the matter with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// There is no room on it.
    Full,
    /// Nothing may be written there.
    ReadOnly,
    /// It fails, or became read-only under a file that is open.
    Failing,
}

impl Disk {
    /// From what the system said.
    pub(crate) fn of_io(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Self::Full),
            ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            _ => None,
        }
    }

    /// From what a server says, whose code is the same for anything that it did not expect.
    #[cfg(feature = "matrixone")]
    pub(crate) fn of_server(message: &str) -> Option<Self> {
        // The words of the system, which its programs pass on.
        [("no space left on device", Self::Full), ("read-only file system", Self::ReadOnly)]
            .into_iter()
            .find_map(|(words, disk)| message.contains(words).then_some(disk))
    }

    /// From an extended code of SQLite's.
    #[cfg(feature = "sqlite")]
    pub(crate) fn of_sqlite(code: i32) -> Option<Self> {
        match code {
            // FULL; IOERR_SHMSIZE: the index of a log needs room too.
            13 | 4874 => Some(Self::Full),
            // READONLY_DBMOVED: the file is another one now.
            1032 => None,
            // CANTOPEN is for a journal that can't be made.
            14 => Some(Self::ReadOnly),
            // READONLY in all its forms.
            code if code & 0xff == 8 => Some(Self::ReadOnly),
            // IOERR: a read, a write or a sync of an open file.
            code if code & 0xff == 10 => Some(Self::Failing),
            _ => None,
        }
    }
}
