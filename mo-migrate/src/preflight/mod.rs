//! The preflight checklist: what has to be so before a run, each with what to do where it is not.
//!
//! Invariants:
//! 1. what `up` asks of the engine before it begins, and what `preflight` shows of it, are items made
//!    by the same code, and an item that is missing is the very error that `up` would end with;
//! 2. what was not asked is said to be so, and never counts as fine by itself: where it could not be
//!    asked, what was in its way is missing.

mod own;
mod window;

use serde::Serialize;

pub use own::OwnItem;
pub use window::Window;

use crate::error::{Error, Result};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $key:literal, $words:literal;)*) => {
        /// Which item of the checklist it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ItemKind {
            $($(#[doc = $doc])+ $name,)*
        }

        impl ItemKind {
            /// Every kind, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in JSON, which never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// Its name for people.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

kinds! {
    /// The database can be reached, or made.
    Database = "database", "database";
    /// The files agree with the history.
    Files = "files", "files and history";
    /// The files can be read, and every statement in them has a way back.
    Statements = "statements", "statements";
    /// Nobody else runs.
    Lock = "lock", "lock";
    /// No run is open.
    OpenRun = "open_run", "open run";
    /// What is pending did not fail a moment ago, nor kill its process.
    LastTry = "last_try", "last try";
    /// There is room for the copies.
    Space = "space", "free space";
    /// A restore can be made by the method of the settings.
    Method = "method", "restore method";
    /// Nothing is touched that could not be put back.
    ComesBack = "comes_back", "what comes back";
    /// No transaction of others would be waited for.
    Blockers = "blockers", "open transactions";
    /// A snapshot can be made.
    Snapshot = "snapshot", "snapshot";
    /// A clone of it is sound.
    Verified = "verified", "snapshot verified";
    /// The clones that there are.
    Clones = "clones", "clones";
    /// How the run would be undone.
    Rollback = "rollback", "rollback plan";
    /// The maintenance window is open.
    Window = "window", "maintenance window";
    /// One of the settings' own.
    Own = "own", "own item";
    /// Those who want to know were told.
    Notified = "notified", "notifications";
}

/// What was found of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It is as it has to be.
    Ok,
    /// It is not; the remedy says what to do.
    Missing,
    /// Nobody wants to know it, or something before it is missing.
    NotAsked,
}

/// An item of the checklist.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Which one.
    pub item: ItemKind,
    /// Its name for people.
    pub name: String,
    /// What was found.
    pub state: ItemState,
    /// The same in words.
    pub detail: String,
    /// The stable name of the error that it is, where it is missing.
    pub code: Option<String>,
    /// What to do where it is missing.
    pub remedy: Option<String>,
    #[serde(skip)]
    error: Option<Error>,
}

/// What asking for an item gave; an error is what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is so.
    Ok(String),
    /// It was not asked, and why.
    Not(String),
}

impl Asked {
    #[expect(clippy::unnecessary_wraps, reason = "reads as the answer that it is")]
    pub(crate) fn ok(words: impl Into<String>) -> Result<Self> {
        Ok(Self::Ok(words.into()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads as the answer that it is")]
    pub(crate) fn not(why: impl Into<String>) -> Result<Self> {
        Ok(Self::Not(why.into()))
    }
}

impl Item {
    pub(crate) fn of(item: ItemKind, asked: Result<Asked>) -> Self {
        Self::named(item, item.words(), asked)
    }

    pub(crate) fn named(item: ItemKind, name: &str, asked: Result<Asked>) -> Self {
        let (state, detail, error) = match asked {
            Ok(Asked::Ok(detail)) => (ItemState::Ok, detail, None),
            Ok(Asked::Not(why)) => (ItemState::NotAsked, why, None),
            Err(error) => (ItemState::Missing, error.to_string(), Some(error)),
        };
        Self {
            item,
            name: name.to_owned(),
            state,
            detail,
            code: error.as_ref().map(|error| error.code().to_string()),
            remedy: error.as_ref().and_then(|error| error.hint()).map(ToOwned::to_owned),
            error,
        }
    }

    /// The error that it is.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Goes on unless it is missing.
    pub(crate) fn demanded(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

/// How a run would be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// 1: one transaction holds everything; 2: the snapshot undoes what was committed.
    pub ring: u8,
    /// A snapshot is taken first.
    pub snapshot: bool,
    /// How long it is kept afterwards.
    pub kept: String,
    /// How a restore is made: `tables` or `database`.
    pub method: &'static str,
    /// The tables that come back, as far as the statements show it.
    pub tables: Vec<String>,
    /// There may be more: a statement or a function does not show what it writes to.
    pub unknown: bool,
    /// What stays as it is, whatever happens.
    pub stays: Vec<String>,
    /// The commands that go back later.
    pub commands: Vec<String>,
}

/// The whole checklist.
#[derive(Debug, Serialize)]
pub struct Preflight {
    /// Nothing is missing.
    pub ready: bool,
    /// The database, without credentials.
    pub database: String,
    /// Every item, in the order of a run.
    pub items: Vec<Item>,
    /// How the run would be undone; none where nothing is pending or the files can't be read.
    pub rollback: Option<Rollback>,
}

impl Preflight {
    /// The items that are missing.
    pub fn missing(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.state == ItemState::Missing)
    }
}

/// How much is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// A snapshot is made, tested on a clone, and removed again: rights, quotas and room are known by
    /// nothing less.
    #[default]
    Deep,
    /// No snapshot is made.
    Quick,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn what_is_missing_is_the_error_with_its_remedy() {
        let error = || Error::new(Code::NoSpace, "no room").because("full").hinted("free some");
        let item = Item::of(ItemKind::Space, Err(error()));
        assert_eq!((item.state, item.detail.as_str()), (ItemState::Missing, "no room: full"));
        assert_eq!(
            (item.code.as_deref(), item.remedy.as_deref()),
            (Some("MM0504"), Some("free some"))
        );
        assert_eq!(item.demanded().unwrap_err().code(), Code::NoSpace);
        for asked in [Asked::ok("much"), Asked::not("nobody asked")] {
            assert!(Item::of(ItemKind::Space, asked).demanded().is_ok());
        }
    }

    #[test]
    fn the_name_in_json_is_the_one_of_the_kind() {
        let item = Item::named(ItemKind::Own, "ticket", Asked::ok("yes"));
        let document = serde_json::to_value(&item).unwrap();
        assert_eq!((&document["item"], &document["name"]), (&"own".into(), &"ticket".into()));
        for kind in [ItemKind::OpenRun, ItemKind::ComesBack, ItemKind::LastTry, ItemKind::Files] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
