//! The rules: each with its code, how much it weighs, and what it is for.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is said, and is no finding: the answer stays "no findings".
    Note,
    /// It may fail on the rows that are there, or break programs that run now.
    Warning,
    /// Rows or values go, or the run would be refused.
    Error,
}

impl Level {
    /// As it is written in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! rules {
    ($($name:ident = $code:literal, $level:ident, $finds:literal, $why:literal;)*) => {
        /// A rule of the lint.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!("`", $code, "`: ", $finds, ".")] $name,)*
        }

        impl Rule {
            /// Every rule, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its stable name, which `allow` takes.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How much its findings weigh.
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// What it finds.
            #[must_use]
            pub fn finds(self) -> &'static str {
                match self { $(Self::$name => $finds,)* }
            }

            /// Why that is worth a look, and what to do.
            #[must_use]
            pub fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }
        }
    };
}

rules! {
    DropTable = "DROP_TABLE", Error,
        "a table is dropped that the same file has not copied to another one of its name",
        "its rows are in the run's snapshot alone, and programs that still name it fail: deploy programs that do not name it, and drop it then";
    DropColumn = "DROP_COLUMN", Error,
        "a column is dropped",
        "its values are in the run's snapshot alone, and programs that still name it fail: deploy programs that do not name it, and drop it then";
    DeleteAll = "DELETE_ALL", Error,
        "DELETE without a WHERE, or TRUNCATE",
        "every row goes: name the rows";
    UpdateAll = "UPDATE_ALL", Error,
        "UPDATE without a WHERE, of columns that the same file has not added",
        "what stood in every row is overwritten: name the rows, or put the new values into a column of their own";
    NoWayBack = "NO_WAY_BACK", Error,
        "a statement has an effect that no restore takes back, such as ATTACH, SET GLOBAL or CREATE USER",
        "the run refuses it unless the file allows it, and after a failure what it did stays";
    Transaction = "TRANSACTION", Error,
        "a statement that the run refuses: it begins or ends a transaction, can't run inside of one, or on MatrixOne is a change of definitions beside a change of rows in one transaction",
        "nothing can allow it: take it out, or change the file's `transaction` directive";
    Unreadable = "UNREADABLE", Error,
        "a file that can't be read: SQL that is not closed, an unknown directive",
        "the run refuses it, and nothing of it was looked at";

    Empty = "EMPTY", Warning,
        "a file without a statement",
        "it is applied and does nothing, and a statement that is written into it later is refused as a change: write it now, or take the file out until it is written";
    RenameTable = "RENAME_TABLE", Warning,
        "a table gets another name, and the same file makes nothing of the old one",
        "programs that run now name the old one and fail until each of them is replaced: leave a view of the old name for those that read, or let both tables live for a while";
    RenameColumn = "RENAME_COLUMN", Warning,
        "a column gets another name",
        "programs that run now name the old one and fail until each of them is replaced: add a column, have both written, and drop the old one later";
    ChangeType = "CHANGE_TYPE", Warning,
        "a column of MatrixOne gets another type, or loses its NOT NULL or DEFAULT, by MODIFY, CHANGE or ALTER COLUMN. What earlier files of the set said of it is known; a VARCHAR or CHAR that grows is none",
        "the server rounds and cuts values without a word, 1.7 to 2 and a time to its day; those that it can't put in stop the run; and writers wait while it copies the table: add a column of the new type, fill it, and drop the old one later";
    AddRequired = "ADD_REQUIRED", Warning,
        "a column is added that takes no NULL and has no default",
        "SQLite refuses it where the table has rows, MatrixOne puts zeros and empty texts into them, and programs that run now and insert without it fail: give it a default";
    SetNotNull = "SET_NOT_NULL", Warning,
        "a column takes no NULL any more",
        "a row that has NULL there stops the run, and so does the database those programs that still write it: look for such rows before";
    AddUnique = "ADD_UNIQUE", Warning,
        "a unique index, a unique key or a primary key comes to a table that has rows",
        "two rows that are alike stop the run: look for them before";
    AddForeignKey = "ADD_FOREIGN_KEY", Warning,
        "a foreign key comes to a table that has rows",
        "a row without a parent stops the run: look for such rows before";
    AddCheck = "ADD_CHECK", Warning,
        "a CHECK comes to a table that has rows",
        "a row that does not keep it stops the run: look for such rows before";
    RepeatedCopy = "REPEATED_COPY", Warning,
        "several ALTER TABLEs of one table, for each of which MatrixOne copies it",
        "writers wait for each of the copies, and one statement with all parts is one copy. A single ADD COLUMN is no finding: there is no cheaper way";
    AddAndDrop = "ADD_AND_DROP", Error,
        "an ALTER TABLE of MatrixOne that adds and drops columns",
        "the server refuses it where a snapshot covers the table (20105), and the run's own does: write two statements";
    NoSuchKey = "NO_SUCH_KEY", Warning,
        "REFERENCES beside a column, on MatrixOne",
        "the server takes it and makes no foreign key: write FOREIGN KEY (…) REFERENCES … as a part of its own";
    InsertByPosition = "INSERT_BY_POSITION", Warning,
        "INSERT without a list of columns into a table that was there before",
        "a column that came or went since puts the values into the wrong ones, or stops the run: name the columns";
    ReplaceRows = "REPLACE_ROWS", Warning,
        "REPLACE, or INSERT OR REPLACE",
        "a row with the same key is deleted first: columns that are not named fall back to their defaults, and what refers to it by ON DELETE CASCADE goes: say which columns change";
    ViewStar = "VIEW_STAR", Warning,
        "a view of `SELECT *`",
        "it gets and loses columns with the tables below it, and nothing says so: name the columns";

    IfNotExists = "IF_NOT_EXISTS", Note,
        "IF NOT EXISTS in a migration that runs once",
        "something else of that name stays as it is, and the migration counts as applied. A run that failed is put back, so that the next try finds nothing in its way: leave it out";
    NotRead = "NOT_READ", Note,
        "a Rust migration, or a statement of a form that is not known",
        "nothing was looked for in it";
    NoCheck = "NO_CHECK", Note,
        "migrations that no check judges; said once",
        "a migration that is wrong without an error is applied and kept: `migrate new --check` writes the file";
    UnusedAllow = "UNUSED_ALLOW", Note,
        "an `allow` that overrides nothing, or names no rule",
        "it says something that is not so";
}

impl Rule {
    /// The rule with this code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code)
    }

    /// Whether `-- mo-migrate: allow CODE because …` overrides it.
    #[must_use]
    pub fn can_be_allowed(self) -> bool {
        !matches!(self, Self::Transaction | Self::Unreadable | Self::UnusedAllow)
    }
}
