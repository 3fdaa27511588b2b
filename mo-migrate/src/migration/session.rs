//! What a migration or a validator talks to.

use std::any::Any;
use std::fmt;

use crate::engine::Connection;
use crate::error::{Code, Error, Result, say};
use crate::sql::Dialect;
use crate::value::{FromValue, Row, Value};

/// A connection to the guarded database, in the hands of a migration or a validator.
///
/// It records what is touched. A validator's can't write.
///
/// ```
/// # use mo_migrate::prelude::*;
/// async fn add(db: &mut Session<'_>) -> Result<()> {
///     db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)").await?;
///     db.execute_with("INSERT INTO t (name) VALUES (?)", params!["one"]).await?;
///     let names: Vec<String> =
///         db.fetch_all("SELECT name FROM t").await?.iter().map(|row| row.get("name")).collect::<Result<_>>()?;
///     assert_eq!(names, ["one"]);
///     Ok(())
/// }
/// ```
pub struct Session<'c> {
    connection: &'c mut dyn Connection,
    statements: u64,
    failed: Option<String>,
    raw_used: bool,
    /// The statement with this number is refused: the kit for tests lets each one fail.
    pub(crate) fail_at: Option<u64>,
}

/// What a failure says that a test asked for.
pub(crate) const INJECTED: &str = "mo_migrate_injected_failure";

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// A text or a sea-query statement.
pub trait Statement: Send {
    /// The SQL for this dialect, and its parameters.
    ///
    /// # Errors
    /// The statement can't be built for this dialect.
    fn build(&self, dialect: Dialect) -> Result<(String, Vec<Value>)>;
}

impl Statement for str {
    fn build(&self, _: Dialect) -> Result<(String, Vec<Value>)> {
        Ok((self.to_owned(), Vec::new()))
    }
}

impl Statement for String {
    fn build(&self, _: Dialect) -> Result<(String, Vec<Value>)> {
        Ok((self.clone(), Vec::new()))
    }
}

impl<T: Statement + ?Sized + Sync> Statement for &T {
    fn build(&self, dialect: Dialect) -> Result<(String, Vec<Value>)> {
        (**self).build(dialect)
    }
}

/// A panic of sea-query's (it has no other way to say that an engine lacks something) as an error.
fn guarded<T>(build: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)).map_err(|panic| {
        Error::new(Code::Build, "sea-query can't build this statement for this engine")
            .because(crate::panics::message(&*panic))
            .hinted("write it as SQL, or rebuild the table; then `migrate plan`")
    })
}

macro_rules! schema_statements {
    ($($type:ident),*) => {$(
        impl Statement for sea_query::$type {
            fn build(&self, dialect: Dialect) -> Result<(String, Vec<Value>)> {
                guarded(|| match dialect {
                    #[cfg(feature = "sqlite")]
                    Dialect::Sqlite => Some(self.to_string(sea_query::SqliteQueryBuilder)),
                    #[cfg(feature = "matrixone")]
                    Dialect::MatrixOne => Some(self.to_string(sea_query::MysqlQueryBuilder)),
                    _ => None,
                })?
                .map(|sql| (sql, Vec::new()))
                .ok_or_else(say::no_builder)
            }
        }
    )*};
}

macro_rules! query_statements {
    ($($type:ident),*) => {$(
        impl Statement for sea_query::$type {
            fn build(&self, dialect: Dialect) -> Result<(String, Vec<Value>)> {
                let built: Option<(String, sea_query::Values)> = guarded(|| match dialect {
                    #[cfg(feature = "sqlite")]
                    Dialect::Sqlite => Some(self.build(sea_query::SqliteQueryBuilder)),
                    #[cfg(feature = "matrixone")]
                    Dialect::MatrixOne => Some(self.build(sea_query::MysqlQueryBuilder)),
                    _ => None,
                })?;
                let (sql, values) = built.ok_or_else(say::no_builder)?;
                Ok((sql, values.0.into_iter().map(from_sea_query).collect::<Result<_>>()?))
            }
        }
    )*};
}

schema_statements!(
    TableCreateStatement,
    TableAlterStatement,
    TableDropStatement,
    TableRenameStatement,
    TableTruncateStatement,
    IndexCreateStatement,
    IndexDropStatement
);
query_statements!(InsertStatement, UpdateStatement, DeleteStatement, SelectStatement);

#[allow(
    clippy::match_wildcard_for_single_variants,
    reason = "another crate may switch on more types"
)]
fn from_sea_query(value: sea_query::Value) -> Result<Value> {
    use sea_query::Value as Sea;
    Ok(match value {
        Sea::Bool(v) => v.into(),
        Sea::TinyInt(v) => v.map(i64::from).into(),
        Sea::SmallInt(v) => v.into(),
        Sea::Int(v) => v.into(),
        Sea::BigInt(v) => v.into(),
        Sea::TinyUnsigned(v) => v.into(),
        Sea::SmallUnsigned(v) => v.into(),
        Sea::Unsigned(v) => v.into(),
        Sea::BigUnsigned(v) => match v.map(i64::try_from).transpose() {
            Ok(v) => v.into(),
            Err(_) => {
                return Err(Error::new(
                    Code::Build,
                    "a number is larger than this engine's largest",
                ));
            }
        },
        Sea::Float(v) => v.into(),
        Sea::Double(v) => v.into(),
        Sea::String(v) => v.into(),
        Sea::Char(v) => v.map(|c| c.to_string()).into(),
        Sea::Bytes(v) => v.into(),
        _ => {
            return Err(Error::new(
                Code::Build,
                "this type of value is not supported in a statement",
            )
            .hinted("bind it as text, a number or bytes"));
        }
    })
}

impl<'c> Session<'c> {
    pub(crate) fn new(connection: &'c mut dyn Connection) -> Self {
        Self { connection, statements: 0, failed: None, raw_used: false, fail_at: None }
    }

    /// The dialect of the database's SQL.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    /// Runs one statement, a text or one of sea-query's; gives the number of rows that it changed.
    ///
    /// # Errors
    /// What the database says. A session whose statement failed takes no other: what it did is
    /// undone.
    pub async fn execute<S: Statement>(&mut self, statement: S) -> Result<u64> {
        let (sql, params) = statement.build(self.dialect())?;
        self.run(&sql, &params).await
    }

    /// Runs one statement with parameters, `?` on every engine.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_with(&mut self, sql: &str, params: Vec<Value>) -> Result<u64> {
        self.run(sql, &params).await
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn fetch_all<S: Statement>(&mut self, statement: S) -> Result<Vec<Row>> {
        self.query(statement, None).await
    }

    /// All rows, with parameters.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn fetch_all_with(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        self.ready()?;
        self.statements += 1;
        let answer = self.connection.fetch(sql, &params, None).await;
        self.judged(answer)
    }

    /// The first row.
    ///
    /// # Errors
    /// There is none, or as [`execute`](Self::execute).
    pub async fn fetch_one<S: Statement>(&mut self, statement: S) -> Result<Row> {
        let row = self.fetch_optional(statement).await?;
        row.ok_or_else(|| Error::new(Code::RowValue, "the query gave no row"))
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn fetch_optional<S: Statement>(&mut self, statement: S) -> Result<Option<Row>> {
        Ok(self.query(statement, Some(1)).await?.into_iter().next())
    }

    /// The first value of the first row.
    ///
    /// # Errors
    /// There is none, it is of another type, or as [`execute`](Self::execute).
    pub async fn fetch_scalar<T: FromValue>(&mut self, statement: impl Statement) -> Result<T> {
        self.fetch_one(statement).await?.at(0)
    }

    /// The driver's own connection, such as `sqlx::SqliteConnection`; none when it is of another
    /// type.
    ///
    /// What is done with it is not recorded on every engine, not split, and not limited in time:
    /// where the touched tables can't be told, a restore is of everything that differs. Beginning
    /// or ending a transaction through it breaks the guard's.
    pub fn dangerous_raw<C: Any>(&mut self) -> Option<&mut C> {
        self.raw_used = true;
        self.connection.raw().downcast_mut()
    }

    pub(crate) fn raw_was_used(&self) -> bool {
        self.raw_used
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements
    }

    async fn query<S: Statement>(
        &mut self,
        statement: S,
        limit: Option<usize>,
    ) -> Result<Vec<Row>> {
        let (sql, params) = statement.build(self.dialect())?;
        self.ready()?;
        self.statements += 1;
        let answer = self.connection.fetch(&sql, &params, limit).await;
        self.judged(answer)
    }

    async fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.ready()?;
        self.statements += 1;
        let answer = self.connection.execute(sql, params).await;
        self.judged(answer)
    }

    fn ready(&mut self) -> Result<()> {
        if let Some(first) = &self.failed {
            return Err(say::poisoned(first));
        }
        if self.fail_at == Some(self.statements + 1) {
            return self.judged(Err(Error::new(Code::Statement, INJECTED)));
        }
        Ok(())
    }

    fn judged<T>(&mut self, answer: Result<T>) -> Result<T> {
        if let Err(error) = &answer {
            self.failed = Some(error.to_string());
        }
        answer
    }

    /// The first error, which a migration may have swallowed.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}
