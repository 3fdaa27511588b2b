//! `mo-migrate.toml`: settings for a project, looked for upwards until the project ends.

use std::path::{Path, PathBuf};

use super::setting::{self, Setting};
use crate::error::{Code, Error, Result, say};
use crate::sql;

const NAME: &str = "mo-migrate.toml";

/// A configuration file that was read: settings with their values.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Where it is; empty where that is the current directory.
    pub(super) folder: PathBuf,
    pub(super) values: Vec<(&'static Setting, Vec<String>)>,
}

impl ConfigFile {
    /// The file named, or the one of the project that `directory` is in.
    ///
    /// # Errors
    /// It can't be read, or has a key that is not known.
    pub(super) fn find(directory: &Path, named: Option<&Path>) -> Result<Option<Self>> {
        match named {
            Some(path) => Self::read(directory, &directory.join(path)).map(Some),
            None => search(directory).map(|path| Self::read(directory, &path)).transpose(),
        }
    }

    fn read(directory: &Path, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            say::io("read", path, &error)
                .within(Code::Config, "the configuration file can't be read")
        })?;
        // Beside the file that is read, paths are shown as they were written.
        let base = path.parent().filter(|parent| *parent != directory).unwrap_or(Path::new(""));
        let values = parse(&text, base)
            .map_err(|problem| problem.because(format!("it stands in {}", path.display())))?;
        Ok(Self { path: path.to_owned(), folder: base.to_owned(), values })
    }
}

/// The nearest file, up to the root of the workspace or the repository.
fn search(directory: &Path) -> Option<PathBuf> {
    for place in directory.ancestors() {
        let file = place.join(NAME);
        if file.is_file() {
            return Some(file);
        }
        if place.join(".git").exists() || is_workspace(&place.join("Cargo.toml")) {
            return None;
        }
    }
    None
}

fn is_workspace(manifest: &Path) -> bool {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with("[workspace"))
}

pub(super) fn parse(text: &str, base: &Path) -> Result<Vec<(&'static Setting, Vec<String>)>> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        // The parser's own picture shows the line, which may hold a password.
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        Error::new(
            Code::Config,
            format!("line {line} of the configuration file can't be read as TOML"),
        )
        .hinted("write `key = \"value\"`")
    })?;
    let mut values = Vec::new();
    for (key, value) in &table {
        let setting = find(key)?;
        let texts = texts(value).ok_or_else(|| {
            Error::new(Code::Config, format!("the setting `{key}` can't have a value of this kind"))
                .hinted(format!("write {}", setting.example()))
        })?;
        let from_here = |text: String| setting.placed_in(text, base);
        values.push((setting, texts.into_iter().map(from_here).collect()));
    }
    Ok(values)
}

fn find(key: &str) -> Result<&'static Setting> {
    let known: Vec<String> =
        setting::ALL.iter().filter(|setting| !setting.once).map(Setting::key).collect();
    let at =
        setting::ALL.iter().find(|setting| !setting.once && setting.key() == key.replace('-', "_"));
    at.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = match sql::nearest(key, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are `{}`", names.join("`, `")),
        };
        Error::new(Code::Config, format!("there is no setting `{key}`")).hinted(hint)
    })
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(yes) => Some(vec![yes.to_string()]),
        toml::Value::Array(list) => {
            list.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect::<Option<Vec<_>>>()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_either_sign_between_words() {
        let values =
            parse("lock-timeout = \"5s\"\nevidence = 3\ndir = [\"a\", \"/b\"]\n", Path::new("/p"))
                .unwrap();
        let found = |name: &str| {
            values.iter().find(|(s, _)| s.name == name).map(|(_, values)| values.clone())
        };
        assert_eq!(found("lock-timeout"), Some(vec!["5s".to_owned()]));
        assert_eq!(found("evidence"), Some(vec!["3".to_owned()]));
        assert_eq!(found("dir"), Some(vec!["/p/a".to_owned(), "/b".to_owned()]));
    }

    #[test]
    fn a_slip_in_a_key_is_told_with_the_nearest_one() {
        let error = parse("lock_timeot = \"5s\"", Path::new("")).unwrap_err();
        assert_eq!(error.hint(), Some("did you mean `lock_timeout`?"));
        assert!(
            parse("yes = true", Path::new("")).is_err(),
            "an answer is given once, not for ever"
        );
    }

    #[test]
    fn an_address_is_never_shown() {
        for text in [
            "url = hunter2",
            "url = \"hunter2",
            "url = { a = \"hunter2\" }",
            "[url]\na = \"hunter2\"",
        ] {
            let error = parse(text, Path::new("")).unwrap_err();
            assert!(!error.render(false).contains("hunter2"), "{}", error.render(false));
        }
    }

    #[test]
    fn the_search_ends_with_the_project() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("project/crate");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(dir.path().join(NAME), "").unwrap();
        std::fs::write(dir.path().join("project/Cargo.toml"), "[workspace]\n").unwrap();
        assert_eq!(search(&inner), None);
        std::fs::write(dir.path().join("project").join(NAME), "").unwrap();
        assert_eq!(search(&inner), Some(dir.path().join("project").join(NAME)));
    }
}
