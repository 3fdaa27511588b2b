//! The text protocol, both ways: parameters as literals, and answers as values.
//!
//! Everything is sent as text. A prepared statement is no way out on this server: one that was first
//! run with NULL for a parameter stores NULL for it ever after and says OK; much can't be prepared;
//! and each costs two more messages. Names are quoted by [`quote`](super::quote), values here.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::mysql::MySqlRow;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::error::{Code, Error, Result, say};
use crate::sql::{self, Dialect, TokenKind};
use crate::value::{Row, Value};

/// A text for SQL, whatever the server takes a backslash for.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', "\\0"))
}

/// The statement with its parameters in place.
///
/// # Errors
/// There are more or fewer parameters than marks, or one has no form in SQL.
pub(super) fn with_params(text: &str, params: &[Value]) -> Result<String> {
    let mut params = params.iter();
    let mut whole = String::with_capacity(text.len());
    for token in sql::lex(text, Dialect::MatrixOne) {
        let words = &text[token.start..token.end];
        if token.kind == TokenKind::Placeholder && words == "?" {
            write_value(&mut whole, params.next().ok_or_else(count)?)?;
        } else {
            whole.push_str(words);
        }
    }
    if params.next().is_some() { Err(count()) } else { Ok(whole) }
}

fn count() -> Error {
    Error::new(Code::Build, "the statement has not as many `?` as there are parameters")
}

fn write_value(whole: &mut String, value: &Value) -> Result<()> {
    match value {
        Value::Null => whole.push_str("NULL"),
        Value::Integer(number) => _ = write!(whole, "{number}"),
        Value::Real(number) if number.is_finite() => _ = write!(whole, "{number:?}"),
        Value::Real(_) => {
            return Err(Error::new(Code::Build, "a number that is not finite has no form in SQL"));
        }
        Value::Text(text) => whole.push_str(&literal(text)),
        Value::Blob(bytes) => {
            whole.push_str("x'");
            for byte in bytes {
                _ = write!(whole, "{byte:02x}");
            }
            whole.push('\'');
        }
    }
    Ok(())
}

/// The names of the columns; none when there is no row.
pub(super) fn columns(rows: &[MySqlRow]) -> Arc<[String]> {
    rows.first().map_or_else(
        || Arc::from([]),
        |row| row.columns().iter().map(|column| column.name().to_owned()).collect(),
    )
}

/// One row.
pub(super) fn row(row: &MySqlRow, columns: &Arc<[String]>) -> Result<Row> {
    let values = (0..columns.len())
        .map(|at| value(row, at))
        .collect::<Result<_, _>>()
        .map_err(say::driver)?;
    Ok(Row::new(Arc::clone(columns), values))
}

fn value(row: &MySqlRow, at: usize) -> sqlx::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    if matches!(
        kind.as_str(),
        "BINARY"
            | "VARBINARY"
            | "TINYBLOB"
            | "BLOB"
            | "MEDIUMBLOB"
            | "LONGBLOB"
            | "BIT"
            | "GEOMETRY"
    ) {
        return Ok(Value::Blob(row.try_get_unchecked(at)?));
    }
    let Ok(text) = row.try_get_unchecked::<String, _>(at) else {
        return Ok(Value::Blob(row.try_get_unchecked(at)?));
    };
    Ok(match kind.trim_end_matches(" UNSIGNED") {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "YEAR" => {
            let number = match text.as_str() {
                "true" => Some(1),
                "false" => Some(0),
                number => number.parse().ok(),
            };
            // A number larger than a signed one stays text, and becomes no other number.
            number.map_or(Value::Text(text), Value::Integer)
        }
        "FLOAT" | "DOUBLE" => text.parse().map_or(Value::Text(text), Value::Real),
        _ => Value::Text(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_can_not_break_out() {
        let params = ["it's \\' -- ?", "\\"].map(Value::from);
        assert_eq!(
            with_params("SELECT ?, '?' /* ? */, `?`, ?", &params).unwrap(),
            r"SELECT 'it''s \\'' -- ?', '?' /* ? */, `?`, '\\'"
        );
    }

    #[test]
    fn every_value_has_its_form() {
        let params = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(0.1),
            Value::Real(1e300),
            Value::Blob(vec![0, 255]),
        ];
        assert_eq!(
            with_params("VALUES (?, ?, ?, ?, ?)", &params).unwrap(),
            "VALUES (NULL, -9223372036854775808, 0.1, 1e300, x'00ff')"
        );
        assert_eq!(with_params("?", &[Value::Real(f64::NAN)]).unwrap_err().code(), Code::Build);
    }

    #[test]
    fn a_parameter_too_few_or_too_many_is_refused() {
        assert!(with_params("SELECT ?, ?", &[Value::Null]).is_err());
        assert!(with_params("SELECT '?'", &[Value::Null]).is_err());
    }
}
