//! The command as a person types it in a shop's folder, and the commands that its messages suggest.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use crate::{Fixture, program};

/// What a command left.
#[derive(Debug)]
pub struct Said {
    /// What it ended with.
    pub code: i32,
    /// All that it wrote.
    pub words: String,
}

impl Said {
    /// What is in this output.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
        Self { code: output.status.code().unwrap_or(-1), words }
    }

    /// The last line with this label, without it; empty where there is none.
    #[must_use]
    pub fn line(&self, label: &str) -> &str {
        let lines = self.words.lines().rev();
        lines
            .filter_map(|line| line.trim_start().strip_prefix(label))
            .map(str::trim)
            .next()
            .unwrap_or_default()
    }

    /// Every command of this program in the hint.
    #[must_use]
    pub fn suggested(&self) -> Vec<String> {
        let called = program("migrate_from_dir").display().to_string();
        let quoted = self.line("hint:").split('`').skip(1).step_by(2);
        quoted.filter(|words| words.starts_with(&called)).map(ToOwned::to_owned).collect()
    }

    /// The same, once its code was looked at.
    ///
    /// # Panics
    /// It ended with another one.
    #[must_use]
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.words);
        self
    }
}

/// A program, to be started in the shop's folder for the shop's database.
pub fn in_shop(shop: &Fixture, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(shop.folder()).env("DATABASE_URL", shop.address()).stdin(Stdio::null());
    command
}

/// Types the command with these words.
#[must_use]
pub fn migrate(shop: &Fixture, words: &str) -> Said {
    let mut command = in_shop(shop, program("migrate_from_dir"));
    Said::of(&command.args(words.split_whitespace()).output().unwrap())
}

/// Types what a message says.
#[must_use]
pub fn typed(shop: &Fixture, words: &str) -> Said {
    Said::of(&in_shop(shop, "sh").args(["-c", words]).output().unwrap())
}
