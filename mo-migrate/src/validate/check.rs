//! What a check is: a question whose answer decides whether a run is kept.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::BoxError;
use crate::migration::Session;
use crate::value::Row;

/// A text that is either compiled in or read from a file.
pub type Text = Cow<'static, str>;

/// A validator written in Rust, as a set stores it.
pub type ValidatorFn = for<'a, 'c> fn(
    &'a mut Session<'c>,
) -> Pin<
    Box<dyn Future<Output = std::result::Result<Verdict, BoxError>> + Send + 'a>,
>;

/// Implemented by `#[validator]` for the function that it stands on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a validator",
    note = "write `#[validator]` above the function"
)]
pub trait ValidatorDef {
    /// What the attribute said.
    const DEF: Check;
}

/// What a validator found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All is well.
    Pass,
    /// It is not; the run is undone.
    Fail {
        /// What is wrong, in one sentence.
        detail: String,
        /// The rows that show it.
        rows: Vec<Row>,
    },
}

impl Verdict {
    /// A failure without rows.
    #[must_use]
    pub fn fail(detail: impl Into<String>) -> Self {
        Self::Fail { detail: detail.into(), rows: Vec::new() }
    }

    /// Passes when there are no rows; else they are the evidence.
    #[must_use]
    pub fn no_rows(detail: impl Into<String>, rows: Vec<Row>) -> Self {
        if rows.is_empty() { Self::Pass } else { Self::Fail { detail: detail.into(), rows } }
    }

    /// Passes when `holds`; else fails with this detail.
    #[must_use]
    pub fn ensure(holds: bool, detail: impl Into<String>) -> Self {
        if holds { Self::Pass } else { Self::fail(detail) }
    }
}

/// When a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the commit: it sees what the run wrote, and others do not yet.
    Before,
    /// After the commit: it sees what the application will see.
    After,
    /// On the clone of the snapshot, before that is restored.
    Snapshot,
}

impl When {
    /// As it stands in JSON and in check files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A check with its name and its moment.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it is called in reports.
    pub name: Text,
    /// When it runs.
    pub when: When,
    /// How long it may run; none takes the setting `check_timeout`.
    pub timeout: Option<Duration>,
    /// What it asks.
    pub body: Body,
}

/// What a check asks.
#[derive(Clone, Debug)]
pub enum Body {
    /// A SELECT for rows that are wrong: none may come back. `{{before.t}}` stands for table `t`
    /// as it was in the snapshot.
    Sql(Text),
    /// A command that must exit 0, run by the shell.
    Command(Text),
    /// One of the ready ones.
    Ready(Ready),
    /// A function.
    Rust(ValidatorFn),
}

/// The ready checks.
#[derive(Clone, Debug, PartialEq)]
pub enum Ready {
    /// The table has as many rows as before.
    RowsUnchanged {
        /// The table.
        table: Text,
    },
    /// The table has this many rows or more.
    RowsAtLeast {
        /// The table.
        table: Text,
        /// The least number.
        rows: u64,
    },
    /// The table has just this many rows.
    RowsExactly {
        /// The table.
        table: Text,
        /// The number.
        rows: u64,
    },
    /// No row has NULL in this column.
    NotNull {
        /// The table.
        table: Text,
        /// The column.
        column: Text,
    },
    /// No two rows are alike in these columns.
    Unique {
        /// The table.
        table: Text,
        /// The columns, together.
        columns: Cow<'static, [Text]>,
    },
    /// The column has these values alone; NULL passes, as in a CHECK constraint.
    Accepted {
        /// The table.
        table: Text,
        /// The column.
        column: Text,
        /// The values, compared as text.
        values: Cow<'static, [Text]>,
    },
    /// Every foreign key of the table, or of all tables, finds its parent.
    ForeignKeys {
        /// The table; none means every table.
        table: Option<Text>,
    },
    /// Every row that was there before is there still, the same in these columns.
    ColumnsUnchanged {
        /// The table.
        table: Text,
        /// The columns; empty means all that both sides have.
        columns: Cow<'static, [Text]>,
    },
    /// A query stays below its limits; always after the commit.
    QueryTime {
        /// The query.
        sql: Text,
        /// The limit of the median.
        p50: Option<Duration>,
        /// The limit of the 95th percentile.
        p95: Option<Duration>,
        /// How often it runs.
        n: u32,
    },
}
