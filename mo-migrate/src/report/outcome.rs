//! How a run ends.

use std::fmt;

/// How a run ended. Each is said only after a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was nothing to do, and no run is open.
    UpToDate,
    /// All that was pending is applied, judged and kept.
    Applied,
    /// It failed before anything was committed.
    RolledBack,
    /// It failed, and every object that it touched equals the snapshot, compared before the
    /// restore was committed.
    Restored,
    /// A person has to decide.
    NeedsPerson,
    /// Nothing was touched.
    Refused,
    /// Another one holds the lock; nothing was touched.
    Locked,
}

impl Outcome {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Applied => "applied",
            Self::RolledBack => "rolled_back",
            Self::Restored => "restored",
            Self::NeedsPerson => "needs_person",
            Self::Refused => "refused",
            Self::Locked => "locked",
        }
    }

    /// The outcome with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::UpToDate,
            Self::Applied,
            Self::RolledBack,
            Self::Restored,
            Self::NeedsPerson,
            Self::Refused,
            Self::Locked,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UpToDate => "up to date",
            Self::RolledBack => "rolled back",
            Self::NeedsPerson => "needs a person",
            other => other.as_str(),
        })
    }
}
