//! Where the dialects differ in how a text becomes tokens.

/// The SQL that a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MatrixOne: MySQL's words, with `//` comments and dollar quotes of its own.
    MatrixOne,
    /// MySQL and its forks.
    MySql,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// MySQL and what follows it.
    #[must_use]
    pub fn is_mysql_family(self) -> bool {
        matches!(self, Self::MySql | Self::MatrixOne)
    }

    /// `/* a /* b */ c */` is one comment.
    #[must_use]
    pub fn nested_comments(self) -> bool {
        self == Self::Postgres
    }

    /// `#` begins a comment.
    #[must_use]
    pub fn hash_comments(self) -> bool {
        self.is_mysql_family()
    }

    /// `//` begins a comment.
    #[must_use]
    pub fn slash_comments(self) -> bool {
        self == Self::MatrixOne
    }

    /// `--` begins a comment only with a blank behind it.
    #[must_use]
    pub fn dashes_need_a_blank(self) -> bool {
        self.is_mysql_family()
    }

    /// A carriage return ends a line comment, as a line feed does.
    #[must_use]
    pub fn return_ends_comment(self) -> bool {
        self == Self::Postgres
    }

    /// `/*! … */` is code that other servers skip.
    #[must_use]
    pub fn executable_comments(self) -> bool {
        self.is_mysql_family()
    }

    /// `\'` in a string is a quote.
    #[must_use]
    pub fn backslash_escapes(self) -> bool {
        self.is_mysql_family()
    }

    /// `E'…'` is a string with backslash escapes.
    #[must_use]
    pub fn escape_strings(self) -> bool {
        self == Self::Postgres
    }

    /// `"…"` is a string and not a name.
    #[must_use]
    pub fn double_quoted_strings(self) -> bool {
        self.is_mysql_family()
    }

    /// `` `…` `` is a name.
    #[must_use]
    pub fn backquotes(self) -> bool {
        self != Self::Postgres
    }

    /// `[…]` is a name.
    #[must_use]
    pub fn bracketed_names(self) -> bool {
        self == Self::Sqlite
    }

    /// `$tag$…$tag$` is a string.
    #[must_use]
    pub fn dollar_quotes(self) -> bool {
        matches!(self, Self::Postgres | Self::MatrixOne)
    }

    /// The characters that begin a named or numbered parameter.
    #[must_use]
    pub fn parameter_marks(self) -> &'static str {
        match self {
            Self::Sqlite => "?:@$",
            Self::MatrixOne | Self::MySql => "?",
            Self::Postgres => "$",
        }
    }

    /// The kinds of object whose definition may hold statements with their own `;`.
    #[must_use]
    pub fn kinds_with_a_body(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["TRIGGER"],
            Self::MatrixOne | Self::MySql => &["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"],
            Self::Postgres => &["PROCEDURE", "FUNCTION"],
        }
    }
}
