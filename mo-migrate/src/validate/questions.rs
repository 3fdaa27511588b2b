//! The ready checks as SQL: each is a SELECT for what is wrong.

use super::{Ready, Text};
use crate::engine::Object;
use crate::error::{Code, Error, Result};
use crate::sql::Dialect;

use super::Context;

/// A SELECT that gives rows when something is wrong, and the words for it.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) sql: String,
    pub(super) wrong: String,
}

/// The question of a ready check.
///
/// # Errors
/// The check names a table that was not there before, where it compares with before.
pub(super) fn question(ready: &Ready, context: &Context<'_>) -> Result<Question> {
    let dialect = context.engine.dialect();
    let name = |name: &str| dialect.quote(name);
    Ok(match ready {
        Ready::RowsUnchanged { table } => {
            then(context, table)?;
            let (now, before) = (name(table), context.before(table));
            Question {
                sql: format!(
                    "SELECT * FROM (SELECT (SELECT count(*) FROM {before}) AS rows_before, \
                     (SELECT count(*) FROM {now}) AS rows_after) AS counts WHERE rows_before <> rows_after"
                ),
                wrong: format!("the number of rows of `{table}` changed"),
            }
        }
        Ready::RowsAtLeast { table, rows } => Question {
            sql: counts(&name(table), &format!("< {rows}")),
            wrong: format!("`{table}` has fewer than {rows} rows"),
        },
        Ready::RowsExactly { table, rows } => Question {
            sql: counts(&name(table), &format!("<> {rows}")),
            wrong: format!("`{table}` does not have exactly {rows} rows"),
        },
        Ready::NotNull { table, column } => Question {
            sql: format!("SELECT * FROM {} AS t WHERE t.{} IS NULL", name(table), name(column)),
            wrong: format!("`{table}.{column}` is NULL"),
        },
        Ready::Unique { table, columns } => {
            let list = columns.iter().map(|column| format!("t.{}", name(column)));
            let list = list.collect::<Vec<_>>().join(", ");
            let given = columns.iter().map(|column| format!("t.{} IS NOT NULL", name(column)));
            Question {
                sql: format!(
                    "SELECT {list}, count(*) AS times FROM {} AS t WHERE {} GROUP BY {list} HAVING count(*) > 1",
                    name(table),
                    given.collect::<Vec<_>>().join(" AND ")
                ),
                wrong: format!("`{table}` has rows that are alike in {}", columns.join(", ")),
            }
        }
        Ready::Accepted { table, column, values } => {
            let list = values
                .iter()
                .map(|value| text_literal(value, dialect))
                .collect::<Vec<_>>()
                .join(", ");
            let (table_name, column_name) = (name(table), name(column));
            // With a length, MatrixOne takes 255 at the most; without one, PostgreSQL takes 1.
            let text = if dialect.is_mysql_family() { "CHAR" } else { "CHAR(1000)" };
            Question {
                sql: format!(
                    "SELECT * FROM {table_name} AS t WHERE t.{column_name} IS NOT NULL \
                     AND CAST(t.{column_name} AS {text}) NOT IN ({list})"
                ),
                wrong: format!("`{table}.{column}` has values that are not accepted"),
            }
        }
        Ready::ColumnsUnchanged { table, columns } => columns_unchanged(context, table, columns)?,
        Ready::ForeignKeys { .. } | Ready::QueryTime { .. } => {
            return Err(Error::new(Code::Internal, "this check is not a question in SQL"));
        }
    })
}

fn counts(table: &str, wrong: &str) -> String {
    format!(
        "SELECT * FROM (SELECT count(*) AS row_count FROM {table}) AS counts WHERE row_count {wrong}"
    )
}

fn text_literal(value: &str, dialect: Dialect) -> String {
    let value = value.replace('\'', "''");
    let value = if dialect.backslash_escapes() { value.replace('\\', "\\\\") } else { value };
    format!("'{value}'")
}

fn then<'a>(context: &'a Context<'_>, table: &str) -> Result<&'a Object> {
    context.then.table(table).ok_or_else(|| {
        Error::new(
            Code::CheckErred,
            format!("there was no table `{table}` before, so nothing can be compared"),
        )
    })
}

/// Rows of before that are gone or otherwise now. A row is known by all compared columns together;
/// rows that are alike are counted.
fn columns_unchanged(context: &Context<'_>, table: &str, columns: &[Text]) -> Result<Question> {
    let dialect = context.engine.dialect();
    let known = then(context, table)?;
    let columns: Vec<String> = if columns.is_empty() {
        known.columns.iter().map(|column| column.name.clone()).collect()
    } else {
        columns.iter().map(ToString::to_string).collect()
    };
    // With the table in front, a name that is no column is an error; alone, SQLite takes it for text.
    let list = columns.iter().map(|column| format!("t.{}", dialect.quote(column)));
    let list = list.collect::<Vec<_>>().join(", ");
    let (now, before) = (dialect.quote(table), context.before(table));
    let side =
        |table: &str| format!("SELECT {list}, count(*) AS times FROM {table} AS t GROUP BY {list}");
    let shared = columns.iter().map(|column| {
        let column = dialect.quote(column);
        format!("(b.{column} = n.{column} OR (b.{column} IS NULL AND n.{column} IS NULL))")
    });
    let shown = columns
        .iter()
        .map(|column| format!("b.{}", dialect.quote(column)))
        .collect::<Vec<_>>()
        .join(", ");
    Ok(Question {
        sql: format!(
            "SELECT {shown} FROM ({}) AS b LEFT JOIN ({}) AS n ON {} WHERE n.times IS NULL OR n.times < b.times",
            side(&before),
            side(&now),
            shared.collect::<Vec<_>>().join(" AND ")
        ),
        wrong: format!("rows of `{table}` are gone or changed in {}", columns.join(", ")),
    })
}
