//! Rows as the server sends them: texts, or MySQL's binary forms in the answers to prepared
//! statements (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>).

use std::sync::Arc;

use sqlx::mysql::MySqlRow;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::error::{Result, say};
use crate::value::{Row, Value};

/// How an answer was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Every value is text.
    Text,
    /// Numbers and dates are in binary.
    Binary,
}

/// The names of the columns; none when there is no row.
pub(super) fn columns(rows: &[MySqlRow]) -> Arc<[String]> {
    rows.first().map_or_else(
        || Arc::from([]),
        |row| row.columns().iter().map(|column| column.name().to_owned()).collect(),
    )
}

/// One row.
pub(super) fn row(row: &MySqlRow, columns: &Arc<[String]>, protocol: Protocol) -> Result<Row> {
    let values = (0..columns.len())
        .map(|at| value(row, at, protocol))
        .collect::<Result<_, _>>()
        .map_err(say::driver)?;
    Ok(Row::new(Arc::clone(columns), values))
}

fn value(row: &MySqlRow, at: usize, protocol: Protocol) -> sqlx::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    let text = |row: &MySqlRow| -> sqlx::Result<Value> {
        match row.try_get_unchecked::<String, _>(at) {
            Ok(text) => Ok(Value::Text(text)),
            Err(_) => Ok(Value::Blob(row.try_get_unchecked(at)?)),
        }
    };
    match kind.trim_end_matches(" UNSIGNED") {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "YEAR" => {
            match protocol {
                Protocol::Text => {
                    let text: String = row.try_get_unchecked(at)?;
                    let truth = match text.as_str() {
                        "true" => Some(1),
                        "false" => Some(0),
                        number => number.parse().ok(),
                    };
                    // Larger than a signed one: as text, and not as another number.
                    Ok(truth.map_or(Value::Text(text), Value::Integer))
                }
                Protocol::Binary if kind.ends_with("UNSIGNED") => {
                    let number: u64 = row.try_get_unchecked(at)?;
                    Ok(i64::try_from(number)
                        .map_or_else(|_| Value::Text(number.to_string()), Value::Integer))
                }
                Protocol::Binary => Ok(Value::Integer(row.try_get_unchecked(at)?)),
            }
        }
        "FLOAT" | "DOUBLE" => match protocol {
            Protocol::Text => {
                let text: String = row.try_get_unchecked(at)?;
                Ok(text.parse().map_or(Value::Text(text), Value::Real))
            }
            Protocol::Binary if kind == "FLOAT" => {
                let number: f32 = row.try_get_unchecked(at)?;
                Ok(Value::Real(number.into()))
            }
            Protocol::Binary => Ok(Value::Real(row.try_get_unchecked(at)?)),
        },
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BIT"
        | "GEOMETRY" => Ok(Value::Blob(row.try_get_unchecked(at)?)),
        "DATE" | "DATETIME" | "TIMESTAMP" | "TIME" if protocol == Protocol::Binary => {
            let bytes: Vec<u8> = row.try_get_unchecked(at)?;
            Ok(moment(&kind, &bytes).map_or(Value::Blob(bytes), Value::Text))
        }
        _ => text(row),
    }
}

/// A date or time in its binary form: a length, then as many of its fields as are not zero.
fn moment(kind: &str, bytes: &[u8]) -> Option<String> {
    let (length, fields) = bytes.split_first()?;
    let fields = fields.get(..usize::from(*length))?;
    let byte = |at: usize| fields.get(at).copied().unwrap_or(0);
    let number =
        |at: usize| u32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
    if kind == "TIME" {
        let sign = if byte(0) == 1 { "-" } else { "" };
        let hours = number(1).checked_mul(24)?.checked_add(byte(5).into())?;
        let micros = if fields.len() > 8 { format!(".{:06}", number(8)) } else { String::new() };
        return Some(format!("{sign}{hours:02}:{:02}:{:02}{micros}", byte(6), byte(7)));
    }
    let year = u16::from_le_bytes([byte(0), byte(1)]);
    let date = format!("{year:04}-{:02}-{:02}", byte(2), byte(3));
    if kind == "DATE" {
        return Some(date);
    }
    let micros = if fields.len() > 7 { format!(".{:06}", number(7)) } else { String::new() };
    Some(format!("{date} {:02}:{:02}:{:02}{micros}", byte(4), byte(5), byte(6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_moments_are_read() {
        for (kind, bytes, text) in [
            ("DATE", &[4, 0xea, 7, 11, 22][..], "2026-11-22"),
            ("DATE", &[0], "0000-00-00"),
            ("DATETIME", &[7, 0xea, 7, 11, 22, 8, 4, 12], "2026-11-22 08:04:12"),
            ("TIMESTAMP", &[11, 0xea, 7, 1, 2, 3, 4, 5, 1, 0, 0, 0], "2026-01-02 03:04:05.000001"),
            ("TIME", &[8, 1, 1, 0, 0, 0, 2, 3, 4], "-26:03:04"),
            ("TIME", &[0], "00:00:00"),
        ] {
            assert_eq!(moment(kind, bytes).as_deref(), Some(text));
        }
        assert_eq!(moment("DATE", &[]), None);
        assert_eq!(moment("DATE", &[9, 1]), None);
    }
}
