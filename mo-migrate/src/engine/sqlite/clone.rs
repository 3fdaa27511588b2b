//! Clones of snapshots, for testing them: files with a table in them that says whose they are.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{self, Files, with_suffix};
use super::{Sqlite, snapshot};
use crate::engine::{CLONE_MARK, Clone, Connection};
use crate::error::{Result, say};

/// Says in a clone whose it is, whatever it said of the database that it was made from.
pub(super) async fn mark(link: &mut dyn Connection, run: &str) -> Result<()> {
    let mark = CLONE_MARK;
    link.execute(&format!("DROP TABLE IF EXISTS {mark}"), &[]).await?;
    link.execute(&format!("CREATE TABLE {mark} AS SELECT ? AS run"), &[run.into()]).await.map(drop)
}

impl Sqlite {
    fn clone_paths(&self, run: &str) -> [PathBuf; 2] {
        let verify = self.files.verify();
        let tail = run.rsplit('_').next().unwrap_or(run);
        let other = with_suffix(&verify, &format!("_{tail}"));
        [verify, other]
    }

    async fn clone_mark(&self, path: &Path) -> Option<String> {
        let mut link = Box::new(self.open_file(path, false).await.ok()?);
        let sql = format!("SELECT run FROM {CLONE_MARK}");
        let rows = link.fetch(&sql, &[], Some(1)).await.ok();
        link.close().await;
        rows?.first()?.at(0).ok()
    }

    pub(super) async fn make_clone(&self, name: &str, run: &str) -> Result<Clone> {
        let from = self.files.snapshot(name)?;
        if !from.is_file() {
            return Err(say::no_snapshot(name, &snapshot::list(&self.files)?));
        }
        self.remove_clone(run).await?;
        // Beside the database, for a link stays on one disk.
        let [verify, other] = self.clone_paths(run);
        let partial = with_suffix(&other, ".partial");
        Files::remove_database(&partial)?;
        self.files.create_like_database(&partial)?;
        files::copy(&from, &partial)?;
        let mut link = Box::new(self.open_file(&partial, true).await?);
        mark(&mut *link, run).await?;
        link.close().await;
        // A link fails where the name is taken: a database of somebody else's is never replaced.
        for path in [verify, other] {
            if files::left_behind(&path).is_some() {
                continue;
            }
            match fs::hard_link(&partial, &path) {
                Ok(()) => {
                    Files::remove_database(&partial)?;
                    let connection = Box::new(self.open_file(&path, true).await?);
                    let name = self.as_written(&path).display().to_string();
                    return Ok(Clone { name, only: None, connection });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(say::io("make", &path, &error)),
            }
        }
        Files::remove_database(&partial)?;
        Err(say::clone_name_taken(&self.files.verify()))
    }

    /// The clones for verification, each with the run that made it.
    pub(super) async fn list_clones(&self) -> Result<Vec<(String, String)>> {
        let verify = self.files.verify();
        let (Some(folder), Some(begins)) = (verify.parent(), verify.file_name()) else {
            return Ok(Vec::new());
        };
        let begins = begins.to_string_lossy();
        let entries = fs::read_dir(folder).map_err(|error| say::io("list", folder, &error))?;
        let mut found = Vec::new();
        for entry in entries.filter_map(std::result::Result::ok) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ending = name.strip_prefix(&*begins);
            if ending.is_none_or(|ending| !ending.is_empty() && !ending.starts_with('_')) {
                continue;
            }
            if let Some(run) = self.clone_mark(&entry.path()).await {
                found.push((entry.path().display().to_string(), run));
            }
        }
        found.sort();
        Ok(found)
    }

    pub(super) async fn remove_clone(&self, run: &str) -> Result<()> {
        self.files.remove_partials()?;
        for path in self.clone_paths(run) {
            if path.is_file() && self.clone_mark(&path).await.as_deref() == Some(run) {
                Files::remove_database(&path)?;
            }
        }
        Ok(())
    }
}
