//! Databases of their own beside this one, made from its snapshots: files with a table in them that says
//! whose they are.
//!
//! Invariants:
//! 1. a database has its name only when it is whole, durable and marked, and never takes another's, nor
//!    what SQLite left beside another's;
//! 2. only a file whose mark is the one that is asked for is ever removed.

use std::fs;
use std::path::{Path, PathBuf};

use super::clone::mark;
use super::connection::SqliteLink;
use super::files::{self, COMPANIONS, Files, with_suffix};
use super::{Source, Sqlite, catalog, last_write, snapshot};
use crate::engine::{CLONE_MARK, Connection, Counts, Inventory, SnapshotFacts};
use crate::error::{Result, say};
use crate::observer::Progress;

/// A file's name with an ending behind its stem: `shop.db` and `_qa` give `shop_qa.db`.
pub(super) fn with_ending(name: &str, ending: &str) -> String {
    let path = Path::new(name);
    match (path.file_stem(), path.extension()) {
        (Some(stem), Some(extension)) => {
            format!("{}{ending}.{}", stem.to_string_lossy(), extension.to_string_lossy())
        }
        _ => format!("{name}{ending}"),
    }
}

impl Sqlite {
    pub(super) fn file_name(&self) -> String {
        let name = self.files.database().file_name();
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The file of this name in the database's folder, with the application's own options.
    pub(super) fn file_beside(&self, name: &str) -> Result<Self> {
        let hidden =
            name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0', '?']);
        let companion = COMPANIONS.iter().chain(&[".mo-migrate", ".partial"]);
        if hidden || companion.into_iter().any(|ending| name.ends_with(ending)) {
            return Err(say::no_name_for_a_clone(name, "the name of a file, without its folder"));
        }
        let place = self.files.database().with_file_name(name);
        let path = self.as_written(&place);
        Ok(Self {
            source: Source::Address,
            options: self.options.clone().filename(&path),
            last_write: last_write(&place),
            files: Files::beside(&place),
            shown: path.display().to_string(),
            memory: false,
            _home: None,
        })
    }

    /// A file beside the database as the application writes the database, unless the folder in that is a
    /// link's and not the database's.
    pub(super) fn as_written(&self, place: &Path) -> PathBuf {
        let near = Path::new(&self.shown).with_file_name(place.file_name().unwrap_or_default());
        if files::canonical(&near) == place { near } else { place.to_owned() }
    }

    /// Where a clone is made before it has its name.
    fn unfinished(&self, database: &str, mark: &str) -> PathBuf {
        self.files.database().with_file_name(format!("{database}.{mark}.partial"))
    }

    /// Copies a snapshot into a file of this name.
    pub(super) async fn copy_beside(&self, snapshot: &str, database: &str, id: &str) -> Result<()> {
        let clone = self.file_beside(database)?;
        let from = self.files.snapshot(snapshot)?;
        if !from.is_file() {
            return Err(say::no_snapshot(snapshot, &snapshot::list(&self.files)?));
        }
        let path = clone.files.database();
        clone.files.is_free()?;
        let partial = self.unfinished(database, id);
        Files::remove_database(&partial)?;
        self.files.create_like_database(&partial)?;
        let to = partial.clone();
        let copied = tokio::task::spawn_blocking(move || files::copy(&from, &to)).await;
        copied.map_err(|error| say::internal(&error))??;
        let mode = self.journal_mode().await?;
        let mut link = Box::new(self.open_file(&partial, true).await?);
        let marked = mark(&mut *link, id).await;
        let marked = match marked {
            Ok(()) => set_journal_mode(&mut link, &mode).await,
            failed => failed,
        };
        link.close().await;
        marked?;
        files::sync(&partial)?;
        // What came meanwhile; and a link fails where the name is taken: nobody's database is replaced.
        clone.files.is_free()?;
        match fs::hard_link(&partial, path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(say::database_is_there(database));
            }
            Err(error) => return Err(say::io("make", path, &error)),
        }
        files::sync_entry(path)?;
        Files::remove_database(&partial)
    }

    /// Whether the file of this name is there and has this mark.
    pub(super) async fn has_mark(&self, database: &str, id: &str) -> Result<bool> {
        let clone = self.file_beside(database)?;
        Ok(clone.files.database().is_file() && clone.whose().await?.as_deref() == Some(id))
    }

    /// Removes the file of this name with all that is beside it, if it has this mark.
    pub(super) async fn remove_beside(&self, database: &str, id: &str) -> Result<bool> {
        Files::remove_database(&self.unfinished(database, id))?;
        let clone = self.file_beside(database)?;
        let path = clone.files.database().to_owned();
        if !path.is_file() {
            // Whose it is nobody can tell any more.
            let left = files::left_behind(&path);
            return left.map_or(Ok(false), |left| Err(say::left_behind(database, &left)));
        }
        if clone.whose().await?.as_deref() != Some(id) {
            return Err(say::not_our_database(database));
        }
        Files::remove_database(&anew(&path))?;
        // The file last: without it nobody would know whose the folder is.
        let home = clone.files.home();
        match fs::remove_dir_all(home) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(say::io("remove", home, &error));
            }
            _ => {}
        }
        Files::remove_database(&path)?;
        files::sync_entry(&path)?;
        Ok(true)
    }

    /// Copies the file of this name into a snapshot of this database, without its mark.
    pub(super) async fn take_over(
        &self,
        database: &str,
        name: &str,
    ) -> Result<(SnapshotFacts, Inventory)> {
        let clone = self.file_beside(database)?;
        clone.need_file()?;
        // The clone's file, and the folder of this database.
        let both = Self { files: self.files.clone(), ..clone };
        let source = both.work().await?;
        let (source, facts) = both.copy_into_snapshot(source, name, Progress::silent()).await?;
        Box::new(source).close().await;
        let mut link = Box::new(self.open_file(&self.files.snapshot(name)?, true).await?);
        let sql = format!("DROP TABLE IF EXISTS {CLONE_MARK}");
        let found = match link.execute(&sql, &[]).await {
            Ok(_) => catalog::inventory(&mut *link, "main", Counts::With).await,
            Err(error) => Err(error),
        };
        link.close().await;
        Ok((facts, found?))
    }

    /// Whose clone this is.
    pub(super) async fn whose(&self) -> Result<Option<String>> {
        let mut link = Box::new(self.read().await?);
        let sql = format!("SELECT run FROM {CLONE_MARK}");
        let rows = link.fetch(&sql, &[], Some(1)).await;
        link.close().await;
        match rows {
            Ok(rows) => rows.first().map(|row| row.at(0)).transpose(),
            Err(error) if say::is_missing_table(&error, CLONE_MARK) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn journal_mode(&self) -> Result<String> {
        let mut link = Box::new(self.read().await?);
        let rows = link.fetch("PRAGMA journal_mode", &[], Some(1)).await;
        link.close().await;
        rows?.first().map_or_else(|| Ok(String::new()), |row| row.at(0))
    }

    /// Writes the file anew, with what is in its tables alone: what an UPDATE or a DELETE left behind
    /// could be read from the free places of its pages. Row numbers stay.
    pub(super) async fn write_anew(&self) -> Result<()> {
        let path = self.files.database();
        let anew = anew(path);
        Files::remove_database(&anew)?;
        let mode = self.journal_mode().await?;
        let mut link = Box::new(self.work().await?);
        let written = async {
            set_journal_mode(&mut link, "delete").await?;
            link.execute("VACUUM INTO ?", &[anew.to_string_lossy().as_ref().into()]).await
        };
        let written = written.await;
        link.close().await;
        written?;
        let mut link = Box::new(self.open_file(&anew, true).await?);
        let set = set_journal_mode(&mut link, &mode).await;
        link.close().await;
        set?;
        fs::set_permissions(
            &anew,
            fs::metadata(path).map_err(|e| say::io("read", path, &e))?.permissions(),
        )
        .map_err(|error| say::io("write", &anew, &error))?;
        files::sync(&anew)?;
        fs::rename(&anew, path).map_err(|error| say::io("rename", &anew, &error))?;
        files::sync_entry(path)
    }
}

/// Where a file is written anew before it takes its own place.
fn anew(path: &Path) -> PathBuf {
    with_suffix(path, ".anew.partial")
}

/// As the original has it, for whom the clone is to stand: a log is kept by the file itself.
async fn set_journal_mode(link: &mut SqliteLink, mode: &str) -> Result<()> {
    let mode = if mode.eq_ignore_ascii_case("wal") { "WAL" } else { "DELETE" };
    link.fetch(&format!("PRAGMA journal_mode = {mode}"), &[], Some(1)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_comes_before_the_kind_of_the_file() {
        for (name, expected) in
            [("shop.db", "shop_qa.db"), ("shop", "shop_qa"), ("a.b.sqlite", "a.b_qa.sqlite")]
        {
            assert_eq!(with_ending(name, "_qa"), expected);
        }
    }
}
