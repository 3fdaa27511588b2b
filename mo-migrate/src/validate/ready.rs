//! The ready checks, for sets that are made at run time.
//!
//! The macros write the same values out, with the names that [`Ready`]'s `Display` gives; the call
//! in `checks(…)` and the function here have the same arguments.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use super::check::Ready;
use super::check::{Body, Check, Text, When};

/// The table has as many rows as before.
pub fn rows_unchanged(table: impl Into<Text>) -> Check {
    check(Ready::RowsUnchanged { table: table.into() })
}

/// The table has this many rows or more.
pub fn rows_at_least(table: impl Into<Text>, rows: u64) -> Check {
    check(Ready::RowsAtLeast { table: table.into(), rows })
}

/// The table has just this many rows.
pub fn rows_exactly(table: impl Into<Text>, rows: u64) -> Check {
    check(Ready::RowsExactly { table: table.into(), rows })
}

/// No row has NULL in this column.
pub fn not_null(table: impl Into<Text>, column: impl Into<Text>) -> Check {
    check(Ready::NotNull { table: table.into(), column: column.into() })
}

/// No two rows are alike in these columns together.
pub fn unique<T: Into<Text>>(
    table: impl Into<Text>,
    columns: impl IntoIterator<Item = T>,
) -> Check {
    check(Ready::Unique { table: table.into(), columns: texts(columns) })
}

/// The column has these values alone; NULL passes.
pub fn accepted<T: Into<Text>>(
    table: impl Into<Text>,
    column: impl Into<Text>,
    values: impl IntoIterator<Item = T>,
) -> Check {
    check(Ready::Accepted { table: table.into(), column: column.into(), values: texts(values) })
}

/// Every foreign key of every table finds its parent.
#[must_use]
pub fn foreign_keys() -> Check {
    check(Ready::ForeignKeys { table: None })
}

/// Every foreign key of this table finds its parent.
pub fn foreign_keys_of(table: impl Into<Text>) -> Check {
    check(Ready::ForeignKeys { table: Some(table.into()) })
}

/// Every row that was there before is there still, the same in these columns; without columns, in
/// all that both sides have.
pub fn columns_unchanged<T: Into<Text>>(
    table: impl Into<Text>,
    columns: impl IntoIterator<Item = T>,
) -> Check {
    check(Ready::ColumnsUnchanged { table: table.into(), columns: texts(columns) })
}

/// The 95th percentile of `n` runs of a query stays below a limit; it runs after the commit.
pub fn query_time(sql: impl Into<Text>, p95: Duration, n: u32) -> Check {
    check(Ready::QueryTime { sql: sql.into(), p50: None, p95: Some(p95), n })
}

/// A command exits with 0; it runs after the commit.
pub fn command(line: impl Into<Text>) -> Check {
    let line = line.into();
    Check {
        name: format!("command({line})").into(),
        when: When::After,
        timeout: None,
        body: Body::Command(line),
    }
}

/// The check under its own name. A measurement can only run after the commit.
fn check(ready: Ready) -> Check {
    let when = if matches!(ready, Ready::QueryTime { .. }) { When::After } else { When::Before };
    Check { name: ready.to_string().into(), when, timeout: None, body: Body::Ready(ready) }
}

fn texts<T: Into<Text>>(list: impl IntoIterator<Item = T>) -> Cow<'static, [Text]> {
    list.into_iter().map(Into::into).collect::<Vec<Text>>().into()
}

/// As it is called in reports: as it is written in a check file.
impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::check_file::ready_form(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_name_that_a_check_file_gives_it() {
        for (check, name) in [
            (rows_unchanged("products"), "rows_unchanged(products)"),
            (rows_at_least("products", 5), "rows_at_least(products, 5)"),
            (rows_exactly("products", 7), "rows_exactly(products, 7)"),
            (not_null("products", "category"), "not_null(products.category)"),
            (unique("products", ["name", "maker"]), "unique(products, name, maker)"),
            (
                accepted("orders", "state", ["open", "paid"]),
                "accepted(orders.state, 'open', 'paid')",
            ),
            (foreign_keys(), "foreign_keys"),
            (foreign_keys_of("orders"), "foreign_keys(orders)"),
            (columns_unchanged("products", ["name"]), "columns_unchanged(products, name)"),
            (columns_unchanged("products", [""; 0]), "columns_unchanged(products)"),
        ] {
            assert_eq!(check.name, name);
            assert_eq!(check.when, When::Before, "{name}");
        }
    }

    #[test]
    fn what_measures_or_leaves_the_process_runs_after_the_commit() {
        for (check, name) in [
            (
                query_time("SELECT 1", Duration::from_millis(50), 20),
                "query_time(p95 < 50ms, n = 20)",
            ),
            (command("true"), "command(true)"),
        ] {
            assert_eq!(check.name, name);
            assert_eq!(check.when, When::After, "{name}");
        }
    }
}
