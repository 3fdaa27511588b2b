//! The kinds of errors, each with a name that never changes.

use std::fmt;

use crate::report::Outcome;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal => $exit:ident),* $(,)?) => {
        /// The kind of an error. A kind exists where a caller can do something different.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// The stable name, such as `MM0204`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!("MM", $number),)* }
            }

            /// The code that a command ends with when nothing was touched.
            pub(super) fn exit_code(self) -> ExitCode {
                match self { $(Self::$name => ExitCode::$exit,)* }
            }

            /// Every kind, in the order of the names.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    /// A migration, down, check or directive that cannot be read.
    BadFile = "0101" => BAD_FILE,
    /// Two migrations with one version.
    DuplicateVersion = "0102" => BAD_FILE,
    /// The directory of migrations is not there.
    NoDirectory = "0103" => NO_INPUT,
    /// A file has a statement that begins or ends a transaction.
    TransactionControl = "0104" => REFUSED,
    /// A statement has effects that no restore takes back.
    NoWayBack = "0105" => REFUSED,
    /// A check file or an attached check has no migration.
    OrphanCheck = "0106" => BAD_FILE,
    /// The directory has files that this program was compiled without.
    StaleBinary = "0107" => REFUSED,

    /// A statement failed.
    Statement = "0201" => UNDONE,
    /// A Rust migration returned an error.
    Migration = "0202" => UNDONE,
    /// A migration or a validator panicked.
    Panic = "0203" => UNDONE,
    /// A check found something wrong.
    CheckFailed = "0204" => UNDONE,
    /// A check could not be carried out.
    CheckErred = "0205" => UNDONE,
    /// A check or a statement ran past its time limit.
    TimeLimit = "0206" => UNDONE,
    /// Foreign keys do not hold any more.
    ForeignKeys = "0207" => UNDONE,
    /// The run was interrupted.
    Interrupted = "0208" => INTERRUPTED,
    /// The commit failed.
    Commit = "0209" => UNDONE,
    /// A statement ended the transaction that it ran in.
    TransactionLost = "0210" => UNDONE,
    /// What was guarded failed.
    Guarded = "0211" => UNDONE,

    /// An applied migration's text is another one now.
    Changed = "0301" => REFUSED,
    /// An applied migration is not in the set.
    Missing = "0302" => REFUSED,
    /// A migration is older than one that was applied.
    OutOfOrder = "0303" => REFUSED,
    /// The database has versions that the set does not know yet.
    Newer = "0304" => REFUSED,
    /// The version asked for is not in the set.
    UnknownVersion = "0305" => USAGE,
    /// There is no down file.
    NoDown = "0306" => REFUSED,
    /// The same set failed a short while ago.
    RetryLater = "0307" => REFUSED,
    /// The database has tables and no history.
    NotBaselined = "0308" => REFUSED,

    /// The rehearsal on a clone failed.
    Rehearsal = "0309" => REFUSED,

    /// The history does not say that a migration was judged, and no run is open.
    Unjudged = "0310" => REFUSED,
    /// A hook that is told before a run failed.
    Hook = "0311" => REFUSED,
    /// The maintenance window is closed.
    WindowClosed = "0312" => REFUSED,
    /// An own item of the preflight checklist is missing.
    OwnItem = "0313" => REFUSED,

    /// The upgrade is not where this can be done.
    Upgrade = "0331" => REFUSED,
    /// Blue has changed in what green can't be given.
    BlueChanged = "0332" => REFUSED,
    /// A hook that switches failed.
    Switch = "0333" => REFUSED,

    /// Another one holds the lock.
    Locked = "0401" => LOCKED,

    /// The snapshot could not be made.
    Snapshot = "0501" => REFUSED,
    /// The snapshot does not hold what it should.
    SnapshotBad = "0502" => NEEDS_PERSON,
    /// There is no such snapshot or run.
    NoSnapshot = "0503" => NO_INPUT,
    /// There is not enough room.
    NoSpace = "0504" => REFUSED,
    /// The restore failed; nothing was changed by it.
    Restore = "0505" => NEEDS_PERSON,
    /// What was restored does not equal the snapshot; it was not committed.
    Proof = "0506" => NEEDS_PERSON,
    /// The failed state could not be kept, so nothing was restored.
    FailedState = "0507" => NEEDS_PERSON,
    /// Others wrote, and the policy says that a person decides.
    ForeignWrites = "0508" => NEEDS_PERSON,
    /// The snapshot is the only way back and is not removed.
    Pinned = "0509" => REFUSED,
    /// The run has not what was asked of it: it was not restored, or has left nothing to compare.
    NothingToCompare = "0510" => REFUSED,
    /// The moment can't be read: the engine has no past, or not as far back.
    NoMoment = "0511" => REFUSED,

    /// There is no such clone.
    NoClone = "0520" => NO_INPUT,
    /// There is a database or a clone of this name, or it is not ours.
    Taken = "0521" => REFUSED,
    /// The masking of a clone can't be run, or failed.
    Mask = "0522" => REFUSED,
    /// A clone could not be made.
    Clone = "0523" => REFUSED,

    /// The address cannot be read.
    Address = "0601" => CONFIG,
    /// The address is of an engine that this program was built without.
    NoEngine = "0602" => CONFIG,
    /// There is no such database.
    NoDatabase = "0603" => NO_INPUT,
    /// The database cannot be reached or opened.
    Connect = "0604" => NO_INPUT,
    /// A setting or the configuration file is wrong.
    Config = "0605" => CONFIG,
    /// The command was given wrong words.
    Usage = "0606" => USAGE,
    /// It was asked, and the answer was no, or nobody could be asked.
    NotConfirmed = "0607" => REFUSED,
    /// The database answered with an error outside of a migration.
    Database = "0608" => REFUSED,
    /// A file could not be read or written.
    Io = "0609" => REFUSED,
    /// The state cannot be read truthfully without writing.
    CannotTell = "0610" => REFUSED,
    /// There is no such table.
    NoTable = "0611" => NO_INPUT,

    /// History or ledger were written by a newer mo-migrate.
    SchemaNewer = "0701" => REFUSED,
    /// The ledger is of another database.
    OtherDatabase = "0702" => REFUSED,
    /// The ledger is gone, and a run is open.
    LedgerGone = "0703" => NEEDS_PERSON,
    /// A migration's process has died too often.
    Deaths = "0704" => NEEDS_PERSON,
    /// An old recovery would take honest writes back.
    RecoverLate = "0705" => NEEDS_PERSON,
    /// An open run has to be recovered first.
    OpenRun = "0706" => REFUSED,

    /// What a run started goes on, and can't be ended.
    StillRunning = "0707" => NEEDS_PERSON,

    /// A row was asked for a column or a type that it does not have.
    RowValue = "0801" => REFUSED,
    /// A sea-query statement cannot be built for this engine.
    Build = "0802" => REFUSED,
    /// Something that should not happen; please report it.
    Internal = "0901" => NEEDS_PERSON,
}

impl Code {
    /// How a run ends that this error stopped before anything was begun.
    pub(super) fn outcome(self) -> Outcome {
        match self.exit_code() {
            ExitCode::LOCKED => Outcome::Locked,
            ExitCode::NEEDS_PERSON => Outcome::NeedsPerson,
            _ => Outcome::Refused,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a command ends with; the same on every platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// Up to date, or applied.
    pub const OK: Self = Self(0);
    /// The answer to what was asked is "pending", "differences" or "findings".
    pub const FINDINGS: Self = Self(1);
    /// It failed, and was undone.
    pub const UNDONE: Self = Self(2);
    /// A person has to decide.
    pub const NEEDS_PERSON: Self = Self(3);
    /// Another one holds the lock.
    pub const LOCKED: Self = Self(4);
    /// Refused; nothing was touched.
    pub const REFUSED: Self = Self(5);
    /// Wrong words on the command line (`EX_USAGE`).
    pub const USAGE: Self = Self(64);
    /// A file with something wrong in it (`EX_DATAERR`).
    pub const BAD_FILE: Self = Self(65);
    /// No such file, directory or database (`EX_NOINPUT`).
    pub const NO_INPUT: Self = Self(66);
    /// What was done was done, and the answer could not be written (`EX_IOERR`).
    pub const UNTOLD: Self = Self(74);
    /// Wrong settings (`EX_CONFIG`).
    pub const CONFIG: Self = Self(78);
    /// Interrupted, and undone.
    pub const INTERRUPTED: Self = Self(130);
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_kinds_share_a_name() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
