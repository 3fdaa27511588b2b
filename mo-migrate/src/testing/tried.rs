//! What was tried, and how each run ended.

use std::fmt;

use crate::report::Outcome;

/// What was tried; every one of them left the database as it was.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tried {
    /// Each failure.
    pub cases: Vec<Case>,
}

/// A failure that was tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// The migration, by its version and name.
    pub migration: String,
    /// Where it was made to fail.
    pub failure: String,
    /// How the run ended.
    pub outcome: Outcome,
}

impl Tried {
    /// How many runs were rolled back.
    #[must_use]
    pub fn rolled_back(&self) -> usize {
        self.count(Outcome::RolledBack)
    }

    /// How many runs had committed, and were restored.
    #[must_use]
    pub fn restored(&self) -> usize {
        self.count(Outcome::Restored)
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            writeln!(f, "migration {}, {}: {}", case.migration, case.failure, case.outcome)?;
        }
        write!(f, "{} failures, each undone", self.cases.len())
    }
}
