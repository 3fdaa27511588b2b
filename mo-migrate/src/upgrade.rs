//! A blue-green upgrade: its states, and what each command does in each of them. Pure; the acts are in
//! `operations/upgrade`.
//!
//! ```text
//! start ──▶ making ──▶ ready ──complete──▶ switching ──▶ completed ──finish──▶ finished
//!              │  ▲                            │             │  ▲
//!              ▼  │                          back│           back │ the hook failed
//!            failed                              ▼             ▼  │
//!              │                            went back ◀── switching back
//!              └─── abort ──▶ removing ──▶ aborted ◀── abort ──┘
//! ```
//!
//! Invariants:
//! 1. a state is in blue's ledger before what it names is begun, so that a death leaves a state from
//!    which the same command goes on;
//! 2. green is the active database in `completed`, `switching back` and `finished`, and in no other;
//! 3. green is removed in no state in which it is active, or in which a switch hook may have named it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::migration::Version;

/// Where an upgrade stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpgradeState {
    /// Green is being made or migrated.
    Making,
    /// Green could not be migrated, and is kept to be looked at.
    Failed,
    /// Green is migrated, and blue is active.
    Ready,
    /// The switch to green was begun: its hook may have been told.
    Switching,
    /// Green is active.
    Completed,
    /// The switch back to blue was begun, and green is active still.
    SwitchingBack,
    /// Blue is active again.
    WentBack,
    /// Green is being removed.
    Removing,
    /// Green is gone.
    Aborted,
    /// Green is active for good: there is no way back any more.
    Finished,
}

impl UpgradeState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Making,
        Self::Failed,
        Self::Ready,
        Self::Switching,
        Self::Completed,
        Self::SwitchingBack,
        Self::WentBack,
        Self::Removing,
        Self::Aborted,
        Self::Finished,
    ];

    /// As it stands in the ledger and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Failed => "failed",
            Self::Ready => "ready",
            Self::Switching => "switching",
            Self::Completed => "completed",
            Self::SwitchingBack => "switching_back",
            Self::WentBack => "went_back",
            Self::Removing => "removing",
            Self::Aborted => "aborted",
            Self::Finished => "finished",
        }
    }

    /// The state of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Green is the database to use.
    #[must_use]
    pub const fn is_green_active(self) -> bool {
        matches!(self, Self::Completed | Self::SwitchingBack | Self::Finished)
    }

    /// Green is the one to use, or to be.
    #[must_use]
    pub(crate) const fn needs_green(self) -> bool {
        matches!(self, Self::Ready | Self::Switching | Self::Completed | Self::SwitchingBack)
    }

    /// Somebody has to type another command before all is done.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Aborted | Self::Finished)
    }
}

impl fmt::Display for UpgradeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

/// What somebody wants of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Start,
    Complete,
    Back,
    Abort,
    Finish,
}

impl Wish {
    pub(crate) const ALL: [Self; 5] =
        [Self::Start, Self::Complete, Self::Back, Self::Abort, Self::Finish];

    /// The word behind `migrate upgrade`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Complete => "complete",
            Self::Back => "back",
            Self::Abort => "abort",
            Self::Finish => "finish",
        }
    }
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A new upgrade is begun.
    Begin,
    /// What the last one left is removed, and a new one is begun.
    BeginAnew,
    /// Blue is looked at, what is sure is carried over, and green becomes active.
    Switch,
    /// Blue becomes active again.
    SwitchBack,
    /// Green is removed.
    Remove,
    /// The way back is given up.
    Close,
    /// It is so already.
    Nothing,
    /// It can't be done from here.
    Refuse,
}

/// What a wish leads to from a state; none where there never was an upgrade.
pub(crate) const fn next(state: Option<UpgradeState>, wish: Wish) -> Next {
    use UpgradeState as S;
    match (wish, state) {
        (Wish::Start, None | Some(S::Aborted)) => Next::Begin,
        (Wish::Start, Some(S::Making | S::Failed | S::Removing)) => Next::BeginAnew,
        (Wish::Complete, Some(S::Ready | S::Switching)) => Next::Switch,
        (Wish::Back, Some(S::Switching | S::Completed | S::SwitchingBack)) => Next::SwitchBack,
        (Wish::Abort, Some(S::Making | S::Failed | S::Ready | S::WentBack | S::Removing)) => {
            Next::Remove
        }
        (Wish::Finish, Some(S::Completed)) => Next::Close,
        (Wish::Complete, Some(S::Completed))
        | (Wish::Back, Some(S::WentBack))
        | (Wish::Abort, Some(S::Aborted))
        | (Wish::Finish, Some(S::Finished)) => Next::Nothing,
        _ => Next::Refuse,
    }
}

/// The commands that do something from here, without those that only repeat.
pub(crate) fn wishes(state: Option<UpgradeState>) -> Vec<Wish> {
    let does = |wish: &Wish| !matches!(next(state, *wish), Next::Nothing | Next::Refuse);
    Wish::ALL.into_iter().filter(does).collect()
}

/// An upgrade, as blue's ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpgradeRecord {
    /// Its id, which green has in it as a mark.
    pub id: String,
    /// The name of the set.
    pub set: String,
    /// Where it stands.
    pub state: UpgradeState,
    /// The snapshot of blue that green was made from.
    pub snapshot: String,
    /// The name of green's database.
    pub green: String,
    /// Green as it was migrated, and carried over to.
    pub green_snapshot: Option<String>,
    /// Blue's version.
    pub version_before: Option<Version>,
    /// Green's version.
    pub version_after: Option<Version>,
    /// What was carried over, and what may be.
    pub carrying: Carrying,
    /// What blue has and green could not be given, in words.
    pub left_out: Vec<String>,
    /// When it was begun, in milliseconds since 1970.
    pub started_at: i64,
    /// When it came to this state.
    pub changed_at: i64,
    /// Until when the database that is not active stays.
    pub keep_until: Option<i64>,
    /// Who began it.
    pub created_by: String,
    /// Why it stands where it does.
    pub error: Option<String>,
}

/// What snapshots of blue are for; an upgrade's id is the name of its own.
pub(crate) const PURPOSE: &str = crate::snapshot::UPGRADE;

/// Whether a database with this mark is green of an upgrade.
pub(crate) fn is_mark(mark: &str) -> bool {
    mark.starts_with(PURPOSE)
}

/// What decides whether rows of blue may be carried over to green, and what was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carrying {
    /// The tables that the migrations have used in green, in lower case; none where that can't be told.
    pub used: Option<BTreeSet<String>>,
    /// The tables that were given blue's rows, each with the contents that it was to have, written before
    /// that is committed.
    pub given: BTreeMap<String, BTreeSet<String>>,
    /// Green's own snapshot may be older than what it was given last.
    pub snapshot_is_older: bool,
}

impl Carrying {
    /// As it stands in the ledger, where an older mo-migrate has a list of tables.
    pub(crate) fn of(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| {
            let tables: Vec<String> = serde_json::from_str(text).unwrap_or_default();
            let given = tables.into_iter().map(|table| (table, BTreeSet::new())).collect();
            Self { given, ..Self::default() }
        })
    }

    /// The tables that were carried over.
    pub(crate) fn tables(&self) -> Vec<String> {
        self.given.keys().cloned().collect()
    }

    /// Whether a table has these contents from blue.
    pub(crate) fn has_given(&self, table: &str, contents: &str) -> bool {
        self.given.get(table).is_some_and(|given| given.contains(contents))
    }

    /// Why a table's new rows may not be brought to green, where its migrations did not change it.
    pub(crate) fn why_not(&self, table: &str) -> Option<&'static str> {
        match &self.used {
            Some(used) if !used.contains(&table.to_lowercase()) => None,
            Some(_) => Some("a migration has used it, and would have used its new rows"),
            None => Some("which tables the migrations have used can't be told"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_as_it_is_written() {
        for state in UpgradeState::ALL {
            assert_eq!(UpgradeState::of(state.as_str()), Some(state));
        }
        assert_eq!(UpgradeState::of("lost"), None);
    }

    #[test]
    fn a_list_of_an_older_ledger_says_nothing_of_what_was_used() {
        let old = Carrying::of(r#"["visits"]"#);
        assert_eq!((old.tables(), old.why_not("visits").is_some()), (vec!["visits".into()], true));
        assert!(!old.has_given("visits", "1:a"));
        let used = Some(BTreeSet::from(["visits".to_owned()]));
        let new = Carrying { used, ..Carrying::default() };
        assert_eq!(Carrying::of(&serde_json::to_string(&new).unwrap()), new);
        assert!(new.why_not("Visits").is_some() && new.why_not("notes").is_none());
    }

    #[test]
    fn green_is_never_removed_while_it_is_active_or_may_have_been_named() {
        for state in UpgradeState::ALL {
            let named = state.is_green_active() || state == UpgradeState::Switching;
            for wish in Wish::ALL {
                let removes = matches!(next(Some(state), wish), Next::Remove | Next::BeginAnew);
                assert!(!(named && removes), "{state:?} {wish:?}");
            }
        }
    }

    #[test]
    fn every_open_upgrade_has_a_way_on() {
        for state in UpgradeState::ALL {
            assert_eq!(
                state.is_open(),
                wishes(Some(state)).iter().any(|w| *w != Wish::Start),
                "{state:?}"
            );
        }
        assert_eq!(wishes(None), [Wish::Start]);
    }

    #[test]
    fn a_command_that_died_goes_on_when_it_is_typed_again() {
        for (wish, state) in [
            (Wish::Start, UpgradeState::Making),
            (Wish::Complete, UpgradeState::Switching),
            (Wish::Back, UpgradeState::SwitchingBack),
            (Wish::Abort, UpgradeState::Removing),
        ] {
            assert_ne!(next(Some(state), wish), Next::Refuse, "{wish:?}");
        }
    }
}
