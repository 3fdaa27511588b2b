//! A small file system of a test's own, which can be filled, and made read-only.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// A small file system. It goes, with what is in it, when this is dropped.
#[derive(Debug)]
pub struct Small {
    at: PathBuf,
    /// The folder that was made for it.
    _own: Option<tempfile::TempDir>,
}

impl Small {
    /// One of so many bytes in a folder of its own; none where it can't be mounted.
    #[must_use]
    pub fn of(bytes: u64) -> Option<Self> {
        let own = tempfile::tempdir().unwrap();
        let at = own.path().to_owned();
        mounted(&at, bytes).then_some(Self { at, _own: Some(own) })
    }

    /// The same in this folder.
    #[must_use]
    pub fn at(folder: &Path, bytes: u64) -> Option<Self> {
        mounted(folder, bytes).then(|| Self { at: folder.to_owned(), _own: None })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Bytes that are free.
    #[must_use]
    pub fn free(&self) -> u64 {
        let now = statvfs(&self.at).unwrap();
        now.f_bavail * now.f_frsize
    }

    /// Fills it until so many bytes are left, where there are more.
    pub fn leave(&self, bytes: u64) {
        let ballast = File::create(self.ballast()).unwrap();
        loop {
            let over = self.free().saturating_sub(bytes);
            if over == 0 {
                return;
            }
            match fallocate(&ballast, FallocateFlags::empty(), 0, over) {
                // Who lives in it has written something meanwhile.
                Err(Errno::NOSPC) => {}
                done => return done.unwrap(),
            }
        }
    }

    /// Takes away what it was filled with.
    pub fn make_room(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }

    /// Nothing can be written to it any more, until it is [`writable`](Self::writable) again.
    ///
    /// # Panics
    /// A file of it stays open for writing.
    pub fn read_only(&self) {
        remounted("remount,ro", &self.at);
    }

    /// Undoes [`read_only`](Self::read_only).
    pub fn writable(&self) {
        assert!(mount(&["-o", "remount,rw"], &[&self.at]));
    }

    /// Nothing can be made or opened for writing in this folder of it any more; what is open stays so.
    /// Gives what undoes it.
    #[must_use]
    pub fn cover(&self, folder: &Path) -> Cover {
        assert!(mount(&["--bind"], &[folder, folder]));
        let cover = Cover(folder.to_owned());
        remounted("remount,bind,ro", folder);
        cover
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        unmount(&self.at);
    }
}

/// A folder that is read-only as long as this is there.
#[derive(Debug)]
pub struct Cover(PathBuf);

impl Drop for Cover {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Mounts one, or says once that it can't be done.
fn mounted(folder: &Path, bytes: u64) -> bool {
    let size = format!("size={bytes}");
    let is_there = mount(&["-t", "tmpfs", "-o", &size, "none"], &[folder]);
    if !is_there {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let line = b"what a full or read-only disk does is skipped: none can be mounted\n";
            // Not by a macro, whose words the test harness would keep to itself.
            let _ = std::io::stderr().write_all(line);
        });
    }
    is_there
}

/// Once nobody writes to a file of it any more: SQLite's threads may still be closing theirs.
fn remounted(how: &str, folder: &Path) {
    let until = Instant::now() + Duration::from_secs(10);
    while !mount(&["-o", how], &[folder]) {
        assert!(Instant::now() < until, "a file of {} stays open", folder.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn mount(words: &[&str], folders: &[&Path]) -> bool {
    let words = words.iter().map(OsStr::new).chain(folders.iter().map(|folder| folder.as_os_str()));
    Command::new("mount").args(words).output().is_ok_and(|out| out.status.success())
}

/// At once, whoever has a file of it open.
pub(crate) fn unmount(folder: &Path) {
    let _ = Command::new("umount").arg("-l").arg(folder).output();
}
