//! A directory of migrations as it is when the crate is compiled.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::names::{FileName, Role};
use crate::tokens;

/// A directory that was read.
#[derive(Debug)]
pub(crate) struct Directory {
    /// As it was written in the macro.
    pub(crate) path: String,
    /// Where it is.
    pub(crate) absolute: PathBuf,
    /// Its files, sorted by version and name.
    pub(crate) files: Vec<File>,
}

/// A file of it that is ours.
#[derive(Debug)]
pub(crate) struct File {
    /// Its name in the directory.
    pub(crate) path: String,
    /// What the name says.
    pub(crate) name: FileName,
    /// SHA-256 over its normalised text, as lower case hex.
    pub(crate) checksum: String,
}

impl Directory {
    /// Reads the directory; messages about its files go into `problems`.
    pub(crate) fn read(path: &str, absolute: PathBuf, problems: &mut Vec<String>) -> Self {
        let mut files = Vec::new();
        match entries(&absolute) {
            Ok(entries) => {
                for entry in entries {
                    match file(&entry) {
                        Ok(file) => files.extend(file),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            Err(error) => problems.push(format!(
                "`{}` cannot be read: {error}; look at its rights",
                absolute.display()
            )),
        }
        files.sort_by(|a: &File, b: &File| {
            (a.name.version, &a.path).cmp(&(b.name.version, &b.path))
        });
        Self { path: path.to_owned(), absolute, files }
    }

    /// Its files with this role.
    pub(crate) fn with(&self, role: Role) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.name.role == role)
    }
}

/// The paths in it, sorted, so that messages come in the same order everywhere.
fn entries(absolute: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries =
        fs::read_dir(absolute)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

/// One of its files; none if it is not ours.
fn file(path: &Path) -> Result<Option<File>, String> {
    let Some(name) = path.file_name() else {
        return Ok(None);
    };
    let Some(file) = name.to_str() else {
        let shown = name.to_string_lossy();
        let ours = shown.ends_with(".sql") && !shown.starts_with('.');
        return if ours {
            Err(format!("the file name `{shown}` is not UTF-8; rename it"))
        } else {
            Ok(None)
        };
    };
    let Some(name) = FileName::parse(file)? else {
        return Ok(None);
    };
    if !path.is_file() {
        return Err(format!(
            "`{file}` is not a file; rename it if it is not meant to be a migration"
        ));
    }
    let text = fs::read(path)
        .map_err(|error| format!("`{file}` cannot be read: {error}; look at its rights"))?;
    if std::str::from_utf8(&text).is_err() {
        return Err(format!("`{file}` is not UTF-8; save it as such"));
    }
    Ok(Some(File { path: file.to_owned(), name, checksum: tokens::of_text(&text) }))
}

/// The directory of `Cargo.toml`, which relative paths start from.
pub(crate) fn manifest_dir() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default()
}
