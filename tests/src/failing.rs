//! A file system of a test's own that fails: from then on nothing can be written to it, by files that are
//! open neither. What was not made durable before is lost.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::fastest;
use crate::small::{mount, unmount};

/// Room for many copies of the tests' databases.
const BYTES: u64 = 32 << 20;

/// A file system in a file. It goes, with what is in it, when this is dropped.
#[derive(Debug)]
pub struct Failing {
    folder: tempfile::TempDir,
}

impl Failing {
    /// None where it can't be made or mounted.
    #[must_use]
    pub fn new() -> Option<Self> {
        let failing = Self { folder: tempfile::tempdir_in(fastest()).unwrap() };
        std::fs::create_dir(failing.path()).unwrap();
        File::create(failing.image()).unwrap().set_len(BYTES).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(failing.image()).output();
        let made = made.is_ok_and(|out| out.status.success());
        (made && failing.mounted()).then_some(failing)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mounted(&self) -> bool {
        mount(&["-o", "loop"], &[&self.image(), &self.path()])
    }

    /// Makes durable what is on it.
    pub fn sync(&self) {
        rustix::fs::syncfs(File::open(self.path()).unwrap()).unwrap();
    }

    /// It fails, as when its disk is gone.
    ///
    /// # Panics
    /// It does not.
    pub fn fail(&self) {
        assert!(mount(&["-o", "remount,abort"], &[&self.path()]));
    }

    /// It is looked through, and can be written to again, once nobody has a file of it open.
    ///
    /// # Panics
    /// Somebody has.
    pub fn mend(&self) {
        let until = Instant::now() + Duration::from_secs(10);
        while !ran("umount", &self.path()) {
            assert!(Instant::now() < until, "a file stays open");
            std::thread::sleep(Duration::from_millis(10));
        }
        // It ends with 1 when it has mended something.
        let _ = Command::new("e2fsck").args(["-f", "-y"]).arg(self.image()).output();
        assert!(self.mounted());
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        unmount(&self.path());
    }
}

fn ran(program: &str, path: &Path) -> bool {
    Command::new(program).arg(path).output().is_ok_and(|out| out.status.success())
}
