//! The files beside a database: where they are, and that nobody else may read them who may not
//! read the database.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::engine::{Room, Space};
use crate::error::{Code, Error, Result, say};

/// The endings of the files that SQLite puts beside a database.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The files of one database.
#[derive(Clone, Debug)]
pub(super) struct Files {
    database: PathBuf,
    home: PathBuf,
}

/// Copies a file into one that is there; the error is about the one that has it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::File::open(from).map_err(|error| say::io("read", from, &error))?;
    fs::copy(from, to).map(drop).map_err(|error| say::io("write", to, &error))
}

impl Files {
    /// Beside the database, in `<database>.mo-migrate`.
    pub(super) fn beside(database: &Path) -> Self {
        let database = canonical(database);
        let home = with_suffix(&database, ".mo-migrate");
        Self { database, home }
    }

    /// In a folder of their own, for a database in memory.
    pub(super) fn inside(home: &Path) -> Self {
        Self { database: home.join("memory"), home: home.to_owned() }
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// The name of the database's file.
    pub(super) fn name(&self) -> String {
        let name = self.database.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The files in its folder. None is opened: it may be a database of this process, whose locks would
    /// go when it is closed.
    pub(super) fn neighbours(&self) -> Vec<String> {
        let Some(Ok(entries)) = self.database.parent().map(fs::read_dir) else { return Vec::new() };
        let files = entries.filter_map(Result::ok).filter(|entry| entry.path().is_file());
        let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !COMPANIONS.iter().any(|ending| name.ends_with(ending))).collect()
    }

    /// The logs that are beside the database.
    pub(super) fn companions(&self) -> Vec<PathBuf> {
        companions_of(&self.database).filter(|path| path.exists()).collect()
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.home.join("ledger.db")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.home.join("lock")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.home.join("snapshots")
    }

    /// Where a snapshot is. Names are checked before they get here; a path in one is refused.
    pub(super) fn snapshot(&self, name: &str) -> Result<PathBuf> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return Err(say::no_snapshot(name, &[]));
        }
        Ok(self.snapshots().join(format!("{name}.db")))
    }

    /// The database that a snapshot is tested in.
    pub(super) fn verify(&self) -> PathBuf {
        with_suffix(&self.database, "_verify")
    }

    /// Nothing has the database's name, and nothing is left there that SQLite would read as a part of it.
    pub(super) fn is_free(&self) -> Result<()> {
        let path = &self.database;
        if fs::symlink_metadata(path).is_ok() {
            return Err(say::database_is_there(&self.name()));
        }
        left_behind(path).map_or(Ok(()), |left| Err(say::left_behind(&self.name(), &left)))
    }

    /// Makes the folders.
    pub(super) fn prepare(&self) -> Result<()> {
        for folder in [self.home.clone(), self.snapshots()] {
            if !folder.is_dir() {
                fs::create_dir_all(&folder).map_err(|error| say::io("make", &folder, &error))?;
                self.folder_like_database(&folder);
            }
        }
        Ok(())
    }

    /// Makes an empty file with the database's mode and owner, which must not be there yet.
    pub(super) fn create_like_database(&self, path: &Path) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| say::io("make", path, &error))?;
        self.like_database(path);
        Ok(())
    }

    /// Gives a file the database's owner and mode; where the owner can't be given, the file stays
    /// ours alone, for it holds the database's data.
    fn like_database(&self, path: &Path) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
            let Ok(database) = fs::metadata(&self.database) else { return };
            let Ok(file) = fs::metadata(path) else { return };
            let same = file.uid() == database.uid() && file.gid() == database.gid();
            if same || chown(path, Some(database.uid()), Some(database.gid())).is_ok() {
                let mode = database.permissions().mode() & 0o666;
                let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o600));
            }
        }
    }

    fn folder_like_database(&self, path: &Path) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
            let Ok(database) = fs::metadata(&self.database) else { return };
            let mode = database.permissions().mode() & 0o666;
            // Who may read the database may enter the folder.
            let mode = 0o700 | mode | ((mode & 0o044) >> 2);
            let _ = chown(path, Some(database.uid()), Some(database.gid()));
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        }
    }

    /// How large the database is with its log, and how much room is left beside it.
    pub(super) fn space(&self) -> Result<Space> {
        let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        let database = size(&self.database) + size(&with_suffix(&self.database, "-wal"));
        let folder = self.database.parent().unwrap_or(&self.database);
        // The snapshot and the failed state are in our folder, the clone is beside the database.
        if !self.home.is_dir() || device(&self.home) == device(folder) {
            return Ok(Space { database, rooms: vec![room(folder, 3)?] });
        }
        Ok(Space { database, rooms: vec![room(&self.home, 2)?, room(folder, 1)?] })
    }

    /// Removes copies that a dead run left unfinished. The caller holds the lock, so that nobody is
    /// making one.
    pub(super) fn remove_partials(&self) -> Result<()> {
        let verify = self.verify();
        let beside = verify.parent().unwrap_or(&verify);
        // Beside the database only what begins as its clones is ours.
        let clones = verify.file_name().unwrap_or_default().to_string_lossy();
        for (folder, begins) in [(&*self.home, ""), (&*self.snapshots(), ""), (beside, &*clones)] {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.filter_map(Result::ok) {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(begins) && name.ends_with(".partial") {
                    Self::remove_database(&entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Removes a database file and what SQLite put beside it; what is gone already is no error.
    pub(super) fn remove_database(path: &Path) -> Result<()> {
        for file in companions_of(path).chain([path.to_owned()]) {
            match fs::remove_file(&file) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Where nothing may be removed, what is not there says so too.
                Err(_) if !file.exists() => {}
                Err(error) => return Err(say::io("remove", &file, &error)),
            }
        }
        Ok(())
    }
}

/// What SQLite put beside a database that is not there: a new one of its name would be changed by it.
pub(super) fn left_behind(path: &Path) -> Option<PathBuf> {
    companions_of(path).find(|companion| fs::symlink_metadata(companion).is_ok())
}

/// Where SQLite puts what belongs to a database.
fn companions_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    COMPANIONS.iter().map(move |ending| with_suffix(path, ending))
}

/// The room on the disk that this folder is on.
fn room(folder: &Path, copies: u64) -> Result<Room> {
    let stat =
        rustix::fs::statvfs(folder).map_err(|error| say::io("look at", folder, &error.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    Ok(Room { place: folder.display().to_string(), copies, free })
}

/// Which disk a folder is on.
fn device(folder: &Path) -> Option<u64> {
    rustix::fs::stat(folder).ok().map(|stat| stat.st_dev)
}

/// When a file was last written to, in milliseconds since 1970.
pub(super) fn modified_ms(path: &Path) -> Option<i64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// Makes what is in a file durable.
pub(super) fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| say::io("write", path, &error))
}

/// Makes a file's name durable: its entry in the folder.
pub(super) fn sync_entry(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), sync)
}

/// The path with an ending put behind the whole of it: `shop.db` and `-wal` give `shop.db-wal`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The path without links, so that one database has one lock and one ledger, however it is called.
pub(super) fn canonical(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// A path as the URI that SQLite takes, with these parameters.
pub(super) fn uri(path: &Path, parameters: &str) -> Result<String> {
    let Some(text) = path.to_str() else {
        return Err(Error::new(Code::Address, "the database's path is not valid UTF-8")
            .hinted("move the database to a path of plain text"));
    };
    let mut uri = String::from("file:");
    for c in text.chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            c => uri.push(c),
        }
    }
    Ok(format!("{uri}?{parameters}"))
}
