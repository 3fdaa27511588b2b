//! The ready checks: how each one is written, and what it is called in reports.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Ident, LitInt, LitStr, Token};

use crate::args::Args;
use crate::attr::millis;

/// Their names.
pub(crate) const NAMES: [&str; 10] = [
    "rows_unchanged",
    "rows_at_least",
    "rows_exactly",
    "not_null",
    "unique",
    "accepted",
    "foreign_keys",
    "columns_unchanged",
    "query_time",
    "command",
];

/// How often `query_time` asks, unless `n = …` says it.
const REPEATS: u32 = 20;

/// A call of a ready check.
pub(crate) enum Ready {
    RowsUnchanged { table: String },
    RowsAtLeast { table: String, rows: u64 },
    RowsExactly { table: String, rows: u64 },
    NotNull { table: String, column: String },
    Unique { table: String, columns: Vec<String> },
    Accepted { table: String, column: String, values: Vec<String> },
    ForeignKeys { table: Option<String> },
    ColumnsUnchanged { table: String, columns: Vec<String> },
    QueryTime(QueryTime),
    Command { line: String },
}

/// The arguments of `query_time`.
pub(crate) struct QueryTime {
    pub(crate) sql: String,
    /// The limit of the median, in milliseconds.
    pub(crate) p50: Option<u64>,
    /// The limit of the 95th percentile, in milliseconds.
    pub(crate) p95: Option<u64>,
    pub(crate) n: u32,
}

/// Reads the arguments of the ready check of this name.
pub(crate) fn read(name: &Ident, input: ParseStream<'_>) -> syn::Result<Ready> {
    let word = name.to_string();
    let mut args = Args::new(name, input);
    let ready = match word.as_str() {
        "rows_unchanged" => Ready::RowsUnchanged { table: args.text("a table")? },
        "rows_at_least" => {
            Ready::RowsAtLeast { table: args.text("a table")?, rows: args.number()? }
        }
        "rows_exactly" => Ready::RowsExactly { table: args.text("a table")?, rows: args.number()? },
        "not_null" => {
            Ready::NotNull { table: args.text("a table")?, column: args.text("a column")? }
        }
        "unique" => Ready::Unique { table: args.text("a table")?, columns: args.texts("columns")? },
        "accepted" => Ready::Accepted {
            table: args.text("a table")?,
            column: args.text("a column")?,
            values: args.texts("values")?,
        },
        "foreign_keys" => Ready::ForeignKeys {
            table: if input.is_empty() { None } else { Some(args.text("a table")?) },
        },
        "columns_unchanged" => Ready::ColumnsUnchanged {
            table: args.text("a table")?,
            columns: if input.is_empty() { Vec::new() } else { args.texts("columns")? },
        },
        "query_time" => Ready::QueryTime(query_time(&mut args)?),
        _ => Ready::Command { line: args.text("a command line")? },
    };
    args.end()?;
    Ok(ready)
}

fn query_time(args: &mut Args<'_>) -> syn::Result<QueryTime> {
    let mut query = QueryTime { sql: args.text("a query")?, p50: None, p95: None, n: REPEATS };
    while args.input.peek(Token![,]) && args.input.peek2(Ident) {
        args.input.parse::<Token![,]>()?;
        let key: Ident = args.input.parse()?;
        args.input.parse::<Token![=]>()?;
        let limit = match key.to_string().as_str() {
            "p50" => &mut query.p50,
            "p95" => &mut query.p95,
            "n" => {
                let n: LitInt = args.input.parse()?;
                query.n = n.base10_parse()?;
                if query.n == 0 {
                    return Err(syn::Error::new(
                        n.span(),
                        "a query that never runs says nothing; write `n = 20`",
                    ));
                }
                continue;
            }
            _ => {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`query_time` has no `{key}`; it has `p50`, `p95` and `n`"),
                ));
            }
        };
        let literal: LitStr = args.input.parse()?;
        *limit = Some(millis(&literal)?);
    }
    if query.p50.or(query.p95).is_none() {
        return Err(args.expected("a limit"));
    }
    Ok(query)
}

impl Ready {
    /// Its name in reports: the check as it is written in a check file, by the same rules as
    /// `mo-migrate/src/validate/check_file/ready.rs`.
    pub(crate) fn name(&self) -> String {
        let list = |names: &[String]| {
            names.iter().flat_map(|name| [", ".to_owned(), word(name)]).collect::<String>()
        };
        match self {
            Self::RowsUnchanged { table } => format!("rows_unchanged({})", word(table)),
            Self::RowsAtLeast { table, rows } => format!("rows_at_least({}, {rows})", word(table)),
            Self::RowsExactly { table, rows } => format!("rows_exactly({}, {rows})", word(table)),
            Self::NotNull { table, column } => {
                format!("not_null({}.{})", word(table), word(column))
            }
            Self::Unique { table, columns } => match columns.as_slice() {
                [column] => format!("unique({}.{})", word(table), word(column)),
                columns => format!("unique({}{})", word(table), list(columns)),
            },
            Self::Accepted { table, column, values } => {
                let values =
                    values.iter().map(|value| format!(", '{}'", value.replace('\'', "''")));
                format!("accepted({}.{}{})", word(table), word(column), values.collect::<String>())
            }
            Self::ForeignKeys { table: None } => "foreign_keys".to_owned(),
            Self::ForeignKeys { table: Some(table) } => format!("foreign_keys({})", word(table)),
            Self::ColumnsUnchanged { table, columns } => {
                format!("columns_unchanged({}{})", word(table), list(columns))
            }
            Self::QueryTime(query) => {
                let limit = |name, millis: Option<u64>| {
                    millis
                        .map(|millis| format!("{name} < {:?}, ", Duration::from_millis(millis)))
                        .unwrap_or_default()
                };
                format!(
                    "query_time({}{}n = {})",
                    limit("p50", query.p50),
                    limit("p95", query.p95),
                    query.n
                )
            }
            Self::Command { line } => format!("command({line})"),
        }
    }
}

/// A name, quoted where it is not a plain word.
fn word(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
        && !name.starts_with(|c: char| c.is_ascii_digit() || c == '$')
        && !name.is_empty();
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
