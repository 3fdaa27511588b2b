//! The rules for a set: its directories, their files, and the checks attached to them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::LitStr;

use crate::dir::{Directory, File};
use crate::errors::Errors;
use crate::names::Role;
use crate::nearest::nearest;
use crate::set::{DirectoryEntry, Set};

/// Reads the directories of the set and checks everything that can be known without types.
pub(crate) fn directories(set: &Set, root: &Path, errors: &mut Errors) -> Vec<Directory> {
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut read = Vec::new();
    for entry in &set.directories {
        let Some(absolute) = errors.keep(place(&entry.path, root)) else {
            continue;
        };
        let canonical = absolute.canonicalize().unwrap_or_else(|_| absolute.clone());
        if seen.contains(&canonical) {
            errors.on(
                &entry.path,
                format!("`{}` stands here twice; remove one of them", entry.path.value()),
            );
            continue;
        }
        seen.push(canonical);
        let mut problems = Vec::new();
        let directory = Directory::read(&entry.path.value(), absolute, &mut problems);
        problems.extend(pairs(&directory));
        for problem in problems {
            errors.on(&entry.path, problem);
        }
        attached(entry, &directory, errors);
        read.push((&entry.path, directory));
    }
    versions(&read, errors);
    functions(set, errors);
    read.into_iter().map(|(_, directory)| directory).collect()
}

/// Where a directory is, if there is one.
fn place(literal: &LitStr, root: &Path) -> syn::Result<PathBuf> {
    let path = literal.value();
    let absolute = root.join(&path);
    let error = |message: String| Err(syn::Error::new(literal.span(), message));
    if path.trim().is_empty() {
        error("the directory has no name; write it out, such as `\"migrations\"`".to_owned())
    } else if absolute.is_file() {
        error(format!("`{path}` is a file; name the directory that it is in"))
    } else if absolute.is_dir() {
        Ok(absolute)
    } else {
        let remedy = match near(&absolute) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("create it with `mkdir -p {path}`, or correct the name"),
        };
        error(format!("there is no directory `{}`; {remedy}", absolute.display()))
    }
}

/// The directory beside it whose name is nearest.
fn near(absolute: &Path) -> Option<String> {
    let word = absolute.file_name()?.to_str()?;
    let beside: Vec<String> = fs::read_dir(absolute.parent()?)
        .ok()?
        .filter_map(|entry| {
            entry.ok().filter(|entry| entry.path().is_dir())?.file_name().into_string().ok()
        })
        .collect();
    nearest(word, beside.iter().map(String::as_str)).map(str::to_owned)
}

/// Down and check files belong to a migration of their directory.
fn pairs(directory: &Directory) -> Vec<String> {
    let has = |version| directory.with(Role::Up).any(|up| up.name.version == version);
    let lonely = |role, what: &'static str| {
        directory.with(role).filter(|file| !has(file.name.version)).map(move |file| {
            format!(
                "`{}` is {what} version {}, which has no migration here; add it as `{}`, or remove the file",
                file.path,
                file.name.version,
                file.path.replace(".down.sql", ".sql").replace(".check.sql", ".sql"),
            )
        })
    };
    lonely(Role::Down, "the down file of").chain(lonely(Role::Check, "the check file of")).collect()
}

/// Attached checks belong to a migration of their directory, and stand once.
fn attached(entry: &DirectoryEntry, directory: &Directory, errors: &mut Errors) {
    for (at, block) in entry.attached.iter().enumerate() {
        let version = block.version;
        if entry.attached[..at].iter().any(|earlier| earlier.version == version) {
            errors.on(
                &block.key,
                format!("version {version} has checks here twice; write them into one list"),
            );
        } else if !directory.with(Role::Up).any(|up| up.name.version == version) {
            errors.on(
                &block.key,
                format!(
                    "`{}` has no migration {version}; write the version of one of its files \
                     (a function has its checks in `#[migration]`)",
                    directory.path
                ),
            );
        }
    }
}

/// No version, and no repeatable name, stands twice in one role.
fn versions(read: &[(&LitStr, Directory)], errors: &mut Errors) {
    let mut seen: BTreeMap<(&str, i64, &str), (usize, &File)> = BTreeMap::new();
    for (at, (literal, directory)) in read.iter().enumerate() {
        for file in &directory.files {
            let key = match file.name.role {
                Role::Up => ("migration", file.name.version, ""),
                Role::Down => ("down", file.name.version, ""),
                Role::Check => ("check", file.name.version, ""),
                Role::Repeatable => ("repeatable", 0, file.name.name.as_str()),
                Role::Always => continue,
            };
            let Some((first_at, first)) = seen.insert(key, (at, file)) else {
                continue;
            };
            let there =
                if first_at == at { String::new() } else { format!("{}/", read[first_at].1.path) };
            let here = if first_at == at { String::new() } else { format!("{}/", directory.path) };
            errors.on(
                literal,
                twice(&format!("{there}{}", first.path), &format!("{here}{}", file.path), file),
            );
        }
    }
}

fn twice(first: &str, second: &str, file: &File) -> String {
    let version = file.name.version;
    match file.name.role {
        Role::Up if without_up(first) == without_up(second) => {
            format!("`{first}` and `{second}` are one migration twice; remove one of them")
        }
        Role::Up => format!(
            "`{first}` and `{second}` both have version {version}; give one of them another"
        ),
        Role::Down => format!(
            "`{first}` and `{second}` are both the way back from version {version}; remove one"
        ),
        Role::Check => {
            format!("`{first}` and `{second}` both check version {version}; make them one file")
        }
        Role::Repeatable | Role::Always => {
            format!("`{first}` and `{second}` have one name; rename one of them")
        }
    }
}

fn without_up(file: &str) -> String {
    file.replace(".up.sql", ".sql")
}

/// No function stands twice.
fn functions(set: &Set, errors: &mut Errors) {
    let text = |path: &syn::Path| path.to_token_stream().to_string();
    for (at, path) in set.functions.iter().enumerate() {
        if set.functions[..at].iter().any(|earlier| text(earlier) == text(path)) {
            errors.on(
                path,
                format!("`{}` stands here twice; remove one of them", text(path).replace(' ', "")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages about this set, with this directory as that of `Cargo.toml`.
    fn messages(set: &str, root: &Path) -> Vec<String> {
        let mut errors = Errors::default();
        let set = Set::read(set.parse().unwrap(), &mut errors);
        directories(&set, root, &mut errors);
        let found = errors.finish().err();
        found.into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn a_missing_directory_is_named_with_the_place_and_a_near_name() {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str| root.path().join(name).display().to_string();
        assert_eq!(
            messages(r#""migrations""#, root.path()),
            [format!(
                "there is no directory `{}`; create it with `mkdir -p migrations`, or correct the name",
                place("migrations")
            )]
        );
        fs::create_dir(root.path().join("migration")).unwrap();
        assert_eq!(
            messages("", root.path()),
            [format!("there is no directory `{}`; did you mean `migration`?", place("migrations"))]
        );
        fs::create_dir(root.path().join("migrations")).unwrap();
        assert_eq!(messages("", root.path()), [""; 0]);
    }

    #[test]
    fn a_file_that_is_no_text_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("1_init.sql"), b"\xFF\xFE").unwrap();
        fs::create_dir(root.path().join("2_more.sql")).unwrap();
        assert_eq!(
            messages(r#"".""#, root.path()),
            [
                "`1_init.sql` is not UTF-8; save it as such",
                "`2_more.sql` is not a file; rename it if it is not meant to be a migration",
            ]
        );
    }

    #[test]
    fn each_mistake_has_its_own_message() {
        let root = tempfile::tempdir().unwrap();
        for file in ["1_a.sql", "1_b.sql", "2_c.down.sql", "init.sql", "init.sql.bak"] {
            fs::write(root.path().join(file), "SELECT 1;").unwrap();
        }
        let messages = messages(r#""." { 9: checks() }, a, a"#, root.path());
        assert_eq!(messages.len(), 5, "{messages:#?}");
    }
}
