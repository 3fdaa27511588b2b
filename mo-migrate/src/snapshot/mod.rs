//! Snapshots: their names, and how long they are kept.

mod keep;
mod moment;
mod retention;

pub use keep::Keep;
pub(crate) use moment::{MOMENT, moment_name, moment_of, moment_of_run, typed_moment};
pub(crate) use retention::{Deletable, deletable, prunable};

use crate::migration::Version;
use crate::time;

/// The purpose of a snapshot to which a run can go back.
pub(crate) const PRE_UPGRADE: &str = "pre_upgrade";

/// The purpose of a snapshot of what went wrong.
pub(crate) const FAILED: &str = "failed";

/// What a snapshot that is made by hand is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SnapshotOf {
    /// What the settings say: the database, or all of its account.
    #[default]
    Usual,
    /// The whole account, on a server that has accounts.
    Account,
    /// The database alone.
    Database,
    /// One table, on a server that can.
    Table(String),
}

/// What a snapshot is for that is of a clone, and from which the original is restored. The clone's name
/// stands behind it in the ledger.
pub(crate) const FROM_CLONE: &str = "from_clone";

/// The clone that a snapshot with this purpose is of.
pub(crate) fn clone_of(purpose: &str) -> Option<&str> {
    purpose.strip_prefix(FROM_CLONE)?.strip_prefix(' ')
}

/// The purpose of one that is made for a clone alone, and goes with it.
pub(crate) const CLONE: &str = "clone";

/// The purpose of one that the checklist makes and removes.
pub(crate) const PREFLIGHT: &str = "preflight";

/// The purpose of blue's snapshot, from which an upgrade makes green.
pub(crate) const UPGRADE: &str = "upgrade";

/// The purpose of green's, as it was before anybody used it.
pub(crate) const MIGRATED: &str = "migrated";

/// What nobody else may make a snapshot for: what becomes of it would be what becomes of ours.
const OURS: [&str; 8] =
    [PRE_UPGRADE, FAILED, MOMENT, FROM_CLONE, CLONE, PREFLIGHT, UPGRADE, MIGRATED];

/// What a purpose may be: a word that can stand in a name on every engine, and is not one of ours.
pub(crate) fn is_purpose(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=24).contains(&text.len()) && text.chars().all(plain) && !is_ours(text)
}

/// What mo-migrate itself makes snapshots for.
pub(crate) fn is_ours(purpose: &str) -> bool {
    OURS.contains(&purpose) || clone_of(purpose).is_some()
}

/// What a purpose has to be, in words.
pub(crate) fn purpose_words() -> String {
    format!(
        "up to 24 small letters, digits and `_`, and none of what mo-migrate makes its own for: `{}`",
        OURS.join("`, `")
    )
}

/// A name that is never used twice: `pre_upgrade_v2_20261122_084412_1b0c7f3a`, of lower case letters,
/// digits and `_`, at most 64 characters.
pub(crate) fn name(purpose: &str, version: Option<Version>, now: i64) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    let version = version.map(|version| format!("_v{version}")).unwrap_or_default();
    let purpose: String = purpose
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(16)
        .collect();
    format!("{purpose}{version}_{}_{}", time::compact(now), &random[24..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_short_and_never_the_same() {
        let one =
            name("pre upgrade: of everything there is", Some(Version::MAX), 1_795_337_052_000);
        assert!(one.starts_with("pre_upgrade__of__v9223372036854775807_20261122_084412_"), "{one}");
        assert!(one.len() <= 64);
        assert_ne!(
            one,
            name("pre upgrade: of everything there is", Some(Version::MAX), 1_795_337_052_000)
        );
    }

    #[test]
    fn a_thousand_names_of_one_second_differ() {
        let names: std::collections::HashSet<_> =
            (0..1000).map(|_| name("failed", Some(2), 0)).collect();
        assert_eq!(names.len(), 1000);
    }
}
