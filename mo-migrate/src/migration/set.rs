//! The set: all migrations in their order, and how it is put together from files and functions.
//!
//! Texts are read when they are needed: a start with nothing to do parses none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Checksum, EmbeddedDir, FileName, FileRole, RustMigration, SqlFile, StaticSet, TransactionMode,
    Version,
};
use crate::error::{Code, Error, Result, say};
use crate::sql::Dialect;
use crate::validate::{Check, check_file};

/// What kind of migration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sql,
    /// A function.
    Rust,
    /// A file that runs again when its text changed.
    Repeatable,
}

impl Kind {
    /// As it stands in the history and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Rust => "rust",
            Self::Repeatable => "repeatable",
        }
    }
}

/// A file of a set: where it was, and its bytes.
#[derive(Clone, Debug)]
pub struct SetSource {
    /// Its path, for messages.
    pub path: String,
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
}

impl SetSource {
    /// The file, parsed.
    ///
    /// # Errors
    /// It can't be parsed; the place is marked.
    pub fn parse(&self, dialect: Dialect) -> Result<SqlFile> {
        SqlFile::parse(&self.path, &self.bytes, dialect).map_err(Error::from)
    }

    fn checks(&self, dialect: Dialect) -> Result<Vec<Check>> {
        check_file::parse(&self.path, &self.bytes, dialect).map_err(Error::from)
    }
}

/// What a migration does.
#[derive(Clone, Debug)]
pub enum Work {
    /// It runs the statements of a file.
    Sql(SetSource),
    /// It calls a function.
    Rust(&'static RustMigration),
}

/// One version of a set.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Its place in the order; 0 for a repeatable one.
    pub version: Version,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What kind it is.
    pub kind: Kind,
    /// The checksum of its text or tokens.
    pub checksum: Checksum,
    /// What it does.
    pub work: Work,
    /// What takes it back, where there is something.
    pub down: Option<SetSource>,
    pub(crate) check_file: Option<SetSource>,
    pub(crate) attached: &'static [Check],
}

impl Migration {
    /// Its version and name, as people write them: 2 `add_category`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.kind {
            Kind::Repeatable => format!("repeatable `{}`", self.name),
            _ => format!("{} `{}`", self.version, self.name),
        }
    }

    /// The checks that judge it.
    ///
    /// # Errors
    /// Its check file can't be parsed.
    pub fn checks(&self, dialect: Dialect) -> Result<Vec<Check>> {
        let mut checks = self.attached.to_vec();
        if let Work::Rust(function) = &self.work {
            checks.extend_from_slice(function.checks);
        }
        if let Some(file) = &self.check_file {
            checks.extend(file.checks(dialect)?);
        }
        Ok(checks)
    }

    /// Where it stands, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        match &self.work {
            Work::Sql(file) => &file.path,
            Work::Rust(function) => function.location,
        }
    }

    /// What it says about transactions.
    ///
    /// # Errors
    /// Its file can't be parsed.
    pub fn transaction(&self, dialect: Dialect) -> Result<TransactionMode> {
        match &self.work {
            Work::Sql(file) => Ok(file.parse(dialect)?.directives.transaction),
            Work::Rust(function) => Ok(function.transaction),
        }
    }
}

/// All migrations in their order.
#[derive(Clone, Debug, Default)]
pub struct MigrationSet {
    /// Those with a version, sorted by it.
    pub migrations: Vec<Migration>,
    /// Those that run again when their text changed, sorted by name.
    pub repeatables: Vec<Migration>,
    /// Directories that the set came from, where they are known.
    pub directories: Vec<PathBuf>,
    pub(crate) always: Vec<SetSource>,
}

/// A file on its way into a set.
struct Found {
    name: FileName,
    checksum: Checksum,
    source: SetSource,
}

impl MigrationSet {
    /// The set that the macro compiled in.
    ///
    /// # Errors
    /// A check is attached to a version that is no file.
    pub fn embedded(known: &'static StaticSet) -> Result<Self> {
        let found = known.dirs.iter().flat_map(embedded_files).collect();
        let mut set = Self::build(found, known.functions)?;
        for attached in known.attached {
            let migration =
                set.migrations.iter_mut().find(|found| found.version == attached.version);
            migration.ok_or_else(|| say::orphan("checks", attached.version))?.attached =
                attached.checks;
        }
        set.directories = known.dirs.iter().map(|dir| PathBuf::from(dir.absolute)).collect();
        Ok(set)
    }

    /// The set in these directories, read now.
    ///
    /// # Errors
    /// A directory is missing, a file can't be read or has a bad name, or two have one version.
    pub fn from_dirs(directories: &[PathBuf]) -> Result<Self> {
        let mut found = Vec::new();
        for directory in directories {
            found.extend(read_directory(directory)?);
        }
        let mut set = Self::build(found, &[])?;
        set.directories = directories.to_vec();
        Ok(set)
    }

    /// The checks of `always.check.sql`, which run after every run.
    ///
    /// # Errors
    /// The file can't be parsed.
    pub fn always_checks(&self, dialect: Dialect) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for file in &self.always {
            checks.extend(file.checks(dialect)?);
        }
        Ok(checks)
    }

    /// The migration with this version.
    #[must_use]
    pub fn find(&self, version: Version) -> Option<&Migration> {
        let at = self.migrations.binary_search_by_key(&version, |found| found.version).ok()?;
        self.migrations.get(at)
    }

    /// The highest version.
    #[must_use]
    pub fn latest(&self) -> Option<Version> {
        self.migrations.last().map(|found| found.version)
    }

    /// Files of the directories that this set was put together without: the program is stale.
    #[must_use]
    pub fn not_compiled_in(&self) -> Vec<String> {
        let known: Vec<&str> = self.files().map(|file| file_name(&file.path)).collect();
        let mut missing = Vec::new();
        for directory in &self.directories {
            let Ok(entries) = std::fs::read_dir(directory) else { continue };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            missing.extend(names.filter(|name| {
                matches!(FileName::parse(name), Ok(Some(_))) && !known.contains(&name.as_str())
            }));
        }
        missing.sort();
        missing
    }

    fn files(&self) -> impl Iterator<Item = &SetSource> {
        self.migrations
            .iter()
            .chain(&self.repeatables)
            .flat_map(|migration| {
                let up = match &migration.work {
                    Work::Sql(file) => Some(file),
                    Work::Rust(_) => None,
                };
                [up, migration.down.as_ref(), migration.check_file.as_ref()]
            })
            .flatten()
            .chain(&self.always)
    }

    fn build(found: Vec<Found>, functions: &'static [RustMigration]) -> Result<Self> {
        let mut set = Self::default();
        let mut by_version: BTreeMap<Version, Migration> = BTreeMap::new();
        for function in functions {
            add(&mut by_version, from_function(function))?;
        }
        let (ups, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|file| matches!(file.name.role, FileRole::Up | FileRole::Repeatable));
        for file in ups {
            if file.name.role == FileRole::Repeatable {
                set.repeatables.push(from_file(file, Kind::Repeatable));
            } else {
                add(&mut by_version, from_file(file, Kind::Sql))?;
            }
        }
        for file in others {
            if file.name.role == FileRole::Always {
                set.always.push(file.source);
                continue;
            }
            let migration = by_version
                .get_mut(&file.name.version)
                .ok_or_else(|| say::orphan(&file.source.path, file.name.version))?;
            let place = if file.name.role == FileRole::Down {
                &mut migration.down
            } else {
                &mut migration.check_file
            };
            if let Some(first) = place {
                return Err(say::duplicate(file.name.version, &first.path, &file.source.path));
            }
            *place = Some(file.source);
        }
        set.migrations = by_version.into_values().collect();
        set.repeatables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(set)
    }
}

fn add(all: &mut BTreeMap<Version, Migration>, migration: Migration) -> Result<()> {
    let version = migration.version;
    match all.entry(version) {
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(migration);
            Ok(())
        }
        std::collections::btree_map::Entry::Occupied(first) => {
            Err(say::duplicate(version, first.get().place(), migration.place()))
        }
    }
}

fn from_function(function: &'static RustMigration) -> Migration {
    Migration {
        version: function.version,
        name: Cow::Borrowed(function.name),
        kind: Kind::Rust,
        checksum: Checksum::from_hex(function.checksum),
        work: Work::Rust(function),
        down: function.down.map(|(path, text)| SetSource {
            path: path.to_owned(),
            bytes: Cow::Borrowed(text.as_bytes()),
        }),
        check_file: None,
        attached: &[],
    }
}

fn from_file(file: Found, kind: Kind) -> Migration {
    Migration {
        version: file.name.version,
        name: Cow::Owned(file.name.name),
        kind,
        checksum: file.checksum,
        work: Work::Sql(file.source),
        down: None,
        check_file: None,
        attached: &[],
    }
}

fn embedded_files(dir: &'static EmbeddedDir) -> impl Iterator<Item = Found> {
    dir.files.iter().map(|file| {
        let text = dir.texts.get_file(file.file).map_or(&[][..], include_dir::File::contents);
        Found {
            name: FileName { role: file.role, version: file.version, name: file.name.to_owned() },
            checksum: Checksum::from_hex(file.checksum),
            source: SetSource {
                path: format!("{}/{}", dir.path, file.file),
                bytes: Cow::Borrowed(text),
            },
        }
    })
}

fn read_directory(directory: &Path) -> Result<Vec<Found>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(say::no_directory(directory));
        }
        Err(error) => return Err(say::io("read", directory, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| say::io("read", directory, &error))?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        let name = FileName::parse(&file).map_err(|problem| Error::new(Code::BadFile, problem))?;
        let Some(name) = name else { continue };
        let path = entry.path();
        if path.is_dir() {
            return Err(say::folder_as_migration(&path));
        }
        let bytes = std::fs::read(&path).map_err(|error| say::io("read", &path, &error))?;
        found.push(Found {
            name,
            checksum: Checksum::of_text(&bytes),
            source: SetSource { path: path.display().to_string(), bytes: Cow::Owned(bytes) },
        });
    }
    found.sort_by(|a, b| a.source.path.cmp(&b.source.path));
    Ok(found)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
