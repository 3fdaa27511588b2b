//! `new`: the files of a new migration, numbered or time-stamped as the others are.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::Version;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::{Code, Error, Result, say};
use crate::migration::{FileName, FileRole, MigrationSet};
use crate::time;

/// Versions from here on are timestamps.
const TIMESTAMP: Version = 10_000_000_000_000;

/// Writes the files of a new migration; without a name, the down or check file of the newest one.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What it does, such as `create_products`
    #[arg(required_unless_present_any = ["down", "check"])]
    name: Option<String>,
    /// Prints the Rust function to paste, and writes nothing
    #[arg(long, requires = "name", conflicts_with_all = ["down", "check"])]
    rust: bool,
    /// Writes a down file as well
    #[arg(long)]
    down: bool,
    /// Writes a check file as well
    #[arg(long)]
    check: bool,
}

impl New {
    pub(crate) fn run(&self, context: &Context) -> Result<Answer> {
        let directory = &context.directory;
        let set = match context.set() {
            Err(error) if error.code() == Code::NoDirectory => MigrationSet::default(),
            other => other?,
        };
        let files = names(directory)?;
        let Some(name) = &self.name else { return self.beside_newest(directory, &set, &files) };
        if name.contains("://") {
            return Err(Error::new(Code::Usage, "an address is no name of a migration")
                .hinted("name it by what it does: `migrate new create_products`"));
        }
        let name = snake_case(name).ok_or_else(|| {
            Error::new(Code::Usage, "the name has no letter")
                .hinted("name it by what it does: `migrate new create_products`")
        })?;
        let taken = files
            .iter()
            .filter_map(|file| FileName::parse(file).ok().flatten())
            .map(|file| file.version);
        let versions: Vec<Version> =
            set.migrations.iter().map(|migration| migration.version).chain(taken).collect();
        let version = next(&versions, time::now_ms());
        if self.rust {
            let text = function(version, &name);
            context.printer.say("paste it into your program, and name it in `migrations!(…)`");
            let json = json!({ "version": version, "name": name, "files": [], "function": text });
            return Ok(Answer::new(text, &json));
        }
        let form = Form::of(&files);
        let stem = form.stem(version, &name);
        let mut wanted = vec![(format!("{stem}{}", form.ending), up_text(&name))];
        wanted.extend(self.others(&stem, &name));
        write(directory, version, &name, &wanted)
    }

    fn beside_newest(
        &self,
        directory: &Path,
        set: &MigrationSet,
        files: &[String],
    ) -> Result<Answer> {
        let newest = set.migrations.last().ok_or_else(|| {
            Error::new(Code::Usage, "there is no migration yet")
                .hinted("begin with `migrate new init`")
        })?;
        let of_newest = files.iter().find_map(|file| {
            let parsed = FileName::parse(file).ok().flatten()?;
            (parsed.role == FileRole::Up && parsed.version == newest.version)
                .then_some(file.as_str())
        });
        let stem = of_newest.map_or_else(
            || Form::of(files).stem(newest.version, &newest.name),
            |file| {
                let stem = file.trim_end_matches(".sql");
                stem.strip_suffix(".up").unwrap_or(stem).to_owned()
            },
        );
        write(directory, newest.version, &newest.name, &self.others(&stem, &newest.name))
    }

    fn others(&self, stem: &str, name: &str) -> Vec<(String, String)> {
        let down =
            self.down.then(|| (format!("{stem}.down.sql"), format!("-- Takes {name} back.\n")));
        let check = self.check.then(|| (format!("{stem}.check.sql"), check_text(name)));
        down.into_iter().chain(check).collect()
    }
}

/// How the files of a directory are called.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    /// How many digits a number has at least.
    digits: usize,
    flyway: bool,
    ending: &'static str,
}

impl Form {
    fn of(files: &[String]) -> Self {
        let parsed =
            |file: &&String| matches!(FileName::parse(file), Ok(Some(f)) if f.role == FileRole::Up);
        let mut ups: Vec<&String> = files.iter().filter(parsed).collect();
        ups.sort_by_key(|file| FileName::parse(file).ok().flatten().map(|file| file.version));
        let Some(last) = ups.last() else {
            return Self { digits: 1, flyway: false, ending: ".sql" };
        };
        let number: String =
            last.trim_start_matches('V').chars().take_while(char::is_ascii_digit).collect();
        Self {
            digits: if number.starts_with('0') { number.len() } else { 1 },
            flyway: last.starts_with('V'),
            ending: if last.ends_with(".up.sql") { ".up.sql" } else { ".sql" },
        }
    }

    fn stem(&self, version: Version, name: &str) -> String {
        let number = format!("{version:0width$}", width = self.digits);
        if self.flyway { format!("V{number}__{name}") } else { format!("{number}_{name}") }
    }
}

/// The version after these: a number if they are numbers, the moment if they are moments.
fn next(versions: &[Version], now: i64) -> Version {
    let highest = versions.iter().copied().max().unwrap_or(0);
    if highest < TIMESTAMP {
        return highest.saturating_add(1);
    }
    let moment: Version = time::compact(now).replace('_', "").parse().unwrap_or(highest);
    moment.max(highest.saturating_add(1))
}

/// The name in small letters, digits and `_`; none if nothing is left of it.
fn snake_case(name: &str) -> Option<String> {
    let mut snake = String::new();
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            small = false;
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        if c.is_uppercase() && small {
            snake.push('_');
        }
        small = !c.is_uppercase();
        snake.extend(c.to_lowercase());
    }
    let snake = snake.trim_end_matches('_');
    snake.chars().any(char::is_alphabetic).then(|| snake.to_owned())
}

fn names(directory: &Path) -> Result<Vec<String>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => {
            Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(say::io("read", directory, &error)),
    }
}

/// Writes the files, none if one of them is there.
fn write(
    directory: &Path,
    version: Version,
    name: &str,
    files: &[(String, String)],
) -> Result<Answer> {
    let paths: Vec<PathBuf> = files.iter().map(|(file, _)| directory.join(file)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        return Err(Error::new(
            Code::Io,
            format!("`{}` is there already, and is not written over", there.display()),
        ));
    }
    std::fs::create_dir_all(directory).map_err(|error| say::io("make", directory, &error))?;
    for (path, (_, text)) in paths.iter().zip(files) {
        let failed = |error| say::io("write", path, &error);
        let mut file = std::fs::File::create_new(path).map_err(failed)?;
        if let Err(error) = file.write_all(text.as_bytes()) {
            // A migration without its statements would be applied as it is.
            let _ = std::fs::remove_file(path);
            return Err(failed(error));
        }
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let json = json!({ "version": version, "name": name, "files": shown, "function": null });
    Ok(Answer::new(shown.join("\n"), &json))
}

fn up_text(name: &str) -> String {
    format!("-- {name}\n")
}

fn check_text(name: &str) -> String {
    format!(
        "-- What must hold after {name}: a line with the name of the check, and below it a SELECT for\n\
         -- rows that are wrong. None may come back. `{{{{before.t}}}}` is table t as it was. Such as:\n\
         --\n\
         --     -- check: every product has a name\n\
         --     SELECT id FROM products WHERE name = '';\n"
    )
}

fn function(version: Version, name: &str) -> String {
    format!(
        "use mo_migrate::prelude::*;\n\n\
         #[migration(version = {version})]\n\
         async fn {name}(db: &mut Session<'_>) -> Result<()> {{\n    \
         db.execute(\"UPDATE …\").await?;\n    \
         Ok(())\n}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_snake_case() {
        for (name, expected) in [
            ("create products", Some("create_products")),
            ("AddCategory", Some("add_category")),
            ("../../etc/passwd", Some("etc_passwd")),
            ("add-SKU2", Some("add_sku2")),
            ("Größe", Some("größe")),
            ("--", None),
            ("42", None),
        ] {
            assert_eq!(snake_case(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_next_version_is_of_the_kind_of_the_others() {
        let now = 1_795_337_052_000;
        for (versions, expected) in [
            (vec![], 1),
            (vec![1, 7, 3], 8),
            (vec![20_250_101_000_000], 20_261_122_084_412),
            (vec![20_300_101_000_000], 20_300_101_000_001),
        ] {
            assert_eq!(next(&versions, now), expected);
        }
    }

    #[test]
    fn files_are_called_as_the_others_are() {
        for (files, expected) in [
            (vec![], "12_x.sql"),
            (vec!["1_a.sql"], "12_x.sql"),
            (vec!["0001_a.up.sql", "0001_a.down.sql"], "0012_x.up.sql"),
            (vec!["V1__a.sql", "R__v.sql", "README.md"], "V12__x.sql"),
        ] {
            let files: Vec<String> = files.into_iter().map(ToOwned::to_owned).collect();
            let form = Form::of(&files);
            assert_eq!(format!("{}{}", form.stem(12, "x"), form.ending), expected, "{files:?}");
        }
    }
}
