//! A temporary folder that stays when the test fails.

use std::path::{Path, PathBuf};

use crate::error::{Result, say};

/// A folder that is removed when it is dropped, unless the thread panics then.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    pub(super) fn new() -> Result<Self> {
        let name = format!("mo-migrate-test-{}", uuid::Uuid::now_v7().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|error| say::io("make", &path, &error))?;
        Ok(Self { path, keep: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder stays.
    pub(super) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Folder {
    #[expect(clippy::print_stderr, reason = "a test's output is where its author looks")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test's database is kept in {}", self.path.display());
        } else if !self.keep {
            // What can't be removed is in the folder for temporary files, and no reason to fail.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_the_value_and_stays_in_a_panic() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());

        let panicked = std::thread::spawn(|| {
            let folder = Folder::new().unwrap();
            std::panic::panic_any(folder.path().to_owned());
        });
        let path = *panicked.join().unwrap_err().downcast::<PathBuf>().unwrap();
        assert!(path.is_dir());
        std::fs::remove_dir(&path).unwrap();
    }
}
