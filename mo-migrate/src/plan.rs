//! The plan: what would be done. Pure: set × history × target × policies.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::{Error, Result, say};
use crate::history::History;
use crate::migration::{Kind, Migration, MigrationSet, Version};
use crate::settings::{Policy, Settings};

/// How far to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// All that is pending.
    #[default]
    Latest,
    /// Up to and with this version.
    Version(Version),
    /// The next so many.
    Steps(usize),
}

impl Goal {
    /// The words of `up` that have it.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Latest => "up".to_owned(),
            Self::Version(version) => format!("up --to {version}"),
            Self::Steps(steps) => format!("up --steps {steps}"),
        }
    }
}

/// A difference between the set and the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// An applied migration's text is another one now.
    Changed {
        /// Its version.
        version: Version,
        /// Its name.
        name: String,
        /// Where it stands.
        place: String,
        /// The checksum that was applied.
        applied: String,
        /// The checksum that it has now.
        now: String,
        /// It is a Rust migration: its tokens may change without its meaning, so it only warns.
        warning: bool,
    },
    /// An applied migration is not in the set, although later ones are.
    Missing {
        /// Its version.
        version: Version,
        /// Its name, as it was applied.
        name: String,
    },
    /// A migration was not applied, although a later one was.
    OutOfOrder {
        /// Its version.
        version: Version,
        /// Its name.
        name: String,
        /// The highest version that was applied.
        latest: Version,
    },
    /// The database has a version above all of the set's: another program is newer.
    Newer {
        /// Its version.
        version: Version,
        /// Its name, as it was applied.
        name: String,
        /// The highest version of the set.
        latest: Option<Version>,
    },
    /// The history has one version twice, which only a hand can have done.
    Duplicate {
        /// The version.
        version: Version,
    },
    /// The history does not say of a version that it was judged, and no run is open; only a hand can
    /// have done that.
    Unjudged {
        /// Its version; 0 for a repeatable one.
        version: Version,
        /// Its name, as it was applied.
        name: String,
    },
}

impl Finding {
    /// The version that it is about.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::Changed { version, .. }
            | Self::Missing { version, .. }
            | Self::OutOfOrder { version, .. }
            | Self::Newer { version, .. }
            | Self::Unjudged { version, .. }
            | Self::Duplicate { version } => *version,
        }
    }

    /// The error that it is, unless a policy allows it.
    #[must_use]
    pub fn refused(&self, settings: &Settings) -> Option<Error> {
        let policy = match self {
            Self::Changed { warning: true, .. } => Policy::Allow,
            Self::Changed { .. } => settings.changed,
            Self::Missing { .. } => settings.missing,
            Self::OutOfOrder { .. } => settings.out_of_order,
            Self::Newer { .. } => settings.newer,
            Self::Duplicate { .. } | Self::Unjudged { .. } => Policy::Refuse,
        };
        (policy == Policy::Refuse).then(|| say::finding(self))
    }
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The highest version that the database has.
    pub from: Option<Version>,
    /// What runs, in its order; repeatable ones last.
    pub pending: Vec<&'a Migration>,
    /// Differences that a policy allows.
    pub tolerated: Vec<Finding>,
}

impl Plan<'_> {
    /// The version that the database has afterwards.
    #[must_use]
    pub fn to(&self) -> Option<Version> {
        let versions = self.pending.iter().filter(|migration| migration.kind != Kind::Repeatable);
        versions.map(|migration| migration.version).max().max(self.from)
    }

    /// One text for what is pending, by which a set that failed is known again.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let parts: Vec<_> = self
            .pending
            .iter()
            .map(|migration| {
                format!("{}:{}:{}", migration.version, migration.name, migration.checksum.as_str())
            })
            .collect();
        crate::migration::Checksum::of_text(parts.join("\n").as_bytes()).as_str().to_owned()
    }
}

/// Every difference between the set and the history, in the order of the versions.
#[must_use]
pub fn findings(set: &MigrationSet, history: Option<&History>, name: &str) -> Vec<Finding> {
    let Some(history) = history else { return Vec::new() };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for applied in history.of_set(name).filter(|applied| applied.kind != "repeatable") {
        if !seen.insert(applied.version) {
            found.push(Finding::Duplicate { version: applied.version });
            continue;
        }
        match set.find(applied.version) {
            Some(migration)
                if applied.kind != "baseline"
                    && migration.checksum.as_str() != applied.checksum =>
            {
                found.push(Finding::Changed {
                    version: applied.version,
                    name: migration.name.to_string(),
                    place: migration.place().to_owned(),
                    applied: applied.checksum.clone(),
                    now: migration.checksum.as_str().to_owned(),
                    warning: migration.kind == Kind::Rust && applied.kind == "rust",
                });
            }
            Some(_) => {}
            None if set.latest().is_none_or(|latest| applied.version > latest) => {
                found.push(Finding::Newer {
                    version: applied.version,
                    name: applied.name.clone(),
                    latest: set.latest(),
                });
            }
            None => found
                .push(Finding::Missing { version: applied.version, name: applied.name.clone() }),
        }
    }
    if let Some(latest) = history.latest(name) {
        let late =
            set.migrations.iter().filter(|m| m.version < latest && !seen.contains(&m.version));
        found.extend(late.map(|migration| Finding::OutOfOrder {
            version: migration.version,
            name: migration.name.to_string(),
            latest,
        }));
    }
    if history.marker.is_none() {
        let open = history.of_set(name).filter(|applied| !applied.kept);
        found.extend(open.map(|applied| Finding::Unjudged {
            version: applied.version,
            name: applied.name.clone(),
        }));
    }
    found.sort_by_key(Finding::version);
    found
}

/// What would be done to reach `goal`.
///
/// # Errors
/// A difference that the policies refuse, or a version that the set does not have.
pub fn plan<'a>(
    set: &'a MigrationSet,
    history: Option<&History>,
    goal: Goal,
    settings: &Settings,
) -> Result<Plan<'a>> {
    let findings = findings(set, history, &settings.set);
    if let Some(error) = findings.iter().find_map(|finding| finding.refused(settings)) {
        return Err(error);
    }
    tolerant(set, history, goal, &settings.set)
}

/// The same whatever the differences are, for who asks and for who goes back.
///
/// # Errors
/// A version that the set does not have.
pub(crate) fn tolerant<'a>(
    set: &'a MigrationSet,
    history: Option<&History>,
    goal: Goal,
    name: &str,
) -> Result<Plan<'a>> {
    let applied = history.into_iter().flat_map(|history| history.of_set(name));
    let (again, once): (Vec<_>, Vec<_>) = applied.partition(|applied| applied.kind == "repeatable");
    let versions: HashSet<Version> = once.iter().map(|applied| applied.version).collect();
    let has = |migration: &Migration| match migration.kind {
        Kind::Repeatable => again.iter().any(|applied| {
            applied.name == migration.name && applied.checksum == migration.checksum.as_str()
        }),
        _ => versions.contains(&migration.version),
    };
    let mut pending: Vec<_> = set.migrations.iter().filter(|migration| !has(migration)).collect();
    match goal {
        Goal::Latest => {}
        Goal::Version(version) => {
            if set.find(version).is_none() {
                return Err(say::unknown_version(version, set));
            }
            pending.retain(|migration| migration.version <= version);
        }
        Goal::Steps(steps) => pending.truncate(steps),
    }
    if goal == Goal::Latest {
        pending.extend(set.repeatables.iter().filter(|migration| !has(migration)));
    }
    let from = history.and_then(|history| history.latest(name));
    Ok(Plan { from, pending, tolerated: findings(set, history, name) })
}
