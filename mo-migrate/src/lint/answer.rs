//! What is asked of the lint, and what it answers.

use serde::Serialize;

use super::rule::{Level, Rule};
use super::sarif;
use crate::engine::Target;
use crate::migration::Version;

/// What is looked at, and for which engine. By default all of a set, for every engine that this
/// program was built with.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The database that the migrations are for; it is not opened.
    pub target: Option<Target>,
    /// Only migrations above this version; repeatable ones stay.
    pub above: Option<Version>,
    /// Only migrations that these files belong to, where there are any.
    pub files: Vec<String>,
}

/// What was found in a set.
#[derive(Clone, Debug, Serialize)]
pub struct Lint {
    /// The engines by whose rules it was looked at.
    pub engines: Vec<String>,
    /// How many migrations were looked at.
    pub migrations: usize,
    /// Findings and notes, in the order of the set; those that a file allows among them.
    pub findings: Vec<Finding>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code of its rule.
    pub code: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// The engines for which it is true.
    pub engines: Vec<String>,
    /// The migration's version; none for a repeatable one, and for what is said of the whole set.
    pub version: Option<Version>,
    /// Its file, or the place of its function.
    pub place: Option<String>,
    /// The line of the file, the first one being 1.
    pub line: Option<usize>,
    /// What will happen.
    pub message: String,
    /// The safe way, or what to ask before; may have several lines.
    pub instead: Option<String>,
    /// Why the file allows it, where it does.
    pub allowed: Option<String>,
}

impl Finding {
    /// Whether it counts: notes do not, and what a file allows does not.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.level > Level::Note && self.allowed.is_none()
    }

    /// Its rule.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        Rule::of(self.code)
    }
}

impl Lint {
    /// How many findings count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.findings.iter().filter(|finding| finding.counts()).count()
    }

    /// The findings as SARIF 2.1.0, which code hosts show beside the lines.
    #[must_use]
    pub fn to_sarif(&self) -> serde_json::Value {
        sarif::document(self)
    }
}
