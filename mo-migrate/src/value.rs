//! Values and rows, the same for every engine.
//!
//! A migration that reads a row gets these instead of a driver's own types, so that it runs on
//! any engine and a report can show any row.

use std::fmt;
use std::sync::Arc;

use crate::error::{Code, Error, Result};

/// One value of a row or of a parameter.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// A whole number; booleans are 0 and 1.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text, and every type that an engine sends as text (decimals, dates).
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Real(n) => write!(f, "{n}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Blob(bytes) => {
                f.write_str("x'")?;
                for byte in bytes.iter().take(16) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(if bytes.len() > 16 { "…'" } else { "'" })
            }
        }
    }
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $to:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($v: $type) -> Self {
                $to
            }
        }
    )*};
}

value_from! {
    i64 => |v| Value::Integer(v),
    i32 => |v| Value::Integer(v.into()),
    i16 => |v| Value::Integer(v.into()),
    u32 => |v| Value::Integer(v.into()),
    u16 => |v| Value::Integer(v.into()),
    u8 => |v| Value::Integer(v.into()),
    bool => |v| Value::Integer(v.into()),
    f64 => |v| Value::Real(v),
    f32 => |v| Value::Real(v.into()),
    &str => |v| Value::Text(v.to_owned()),
    String => |v| Value::Text(v),
    &String => |v| Value::Text(v.clone()),
    Vec<u8> => |v| Value::Blob(v),
    &[u8] => |v| Value::Blob(v.to_vec()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A type that can be read from a [`Value`].
pub trait FromValue: Sized {
    /// The value as this type, or what it is instead.
    ///
    /// # Errors
    /// The name of the type that was wanted, when the value is of another.
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str>;
}

macro_rules! integer_from_value {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
                const WANTED: &str = stringify!($type);
                match value {
                    Value::Integer(n) => <$type>::try_from(*n).map_err(|_| WANTED),
                    Value::Text(text) => text.parse().map_err(|_| WANTED),
                    _ => Err(WANTED),
                }
            }
        }
    )*};
}

integer_from_value!(i64, i32, i16, u64, u32, u16, u8, usize);

impl FromValue for bool {
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Integer(n) => Ok(*n != 0),
            _ => Err("bool"),
        }
    }
}

impl FromValue for f64 {
    #[expect(clippy::cast_precision_loss, reason = "what SQL's own conversion does")]
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Real(n) => Ok(*n),
            Value::Integer(n) => Ok(*n as f64),
            Value::Text(text) => text.parse().map_err(|_| "f64"),
            _ => Err("f64"),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Integer(n) => Ok(n.to_string()),
            Value::Real(n) => Ok(n.to_string()),
            _ => Err("String"),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Blob(bytes) => Ok(bytes.clone()),
            Value::Text(text) => Ok(text.clone().into_bytes()),
            _ => Err("Vec<u8>"),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        Ok(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// A row of an answer, its values by the names of their columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// A row of these columns; there are as many values as columns.
    #[must_use]
    pub fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns, in the order of the answer.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the answer.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values alone, to be taken.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The value of the column with this name.
    ///
    /// # Errors
    /// No column has this name, or its value is of another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let index = self.columns.iter().position(|name| name == column).ok_or_else(|| {
            Error::new(
                Code::RowValue,
                format!("the row has no column `{column}`; it has {}", self.columns.join(", ")),
            )
        })?;
        self.at(index)
    }

    /// The value at this place, the first one being 0.
    ///
    /// # Errors
    /// The row is shorter, or the value is of another type.
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T> {
        let (Some(value), Some(column)) = (self.values.get(index), self.columns.get(index)) else {
            return Err(Error::new(
                Code::RowValue,
                format!("the row has {} columns, none at {index}", self.columns.len()),
            ));
        };
        T::from_value(value).map_err(|wanted| {
            Error::new(Code::RowValue, format!("column `{column}` is {value}, not a {wanted}"))
        })
    }
}

/// Parameters of a statement: `params![1, "two", 3.0, None::<i64>]`.
#[macro_export]
macro_rules! params {
    () => { ::std::vec::Vec::<$crate::Value>::new() };
    ($($value:expr),+ $(,)?) => { ::std::vec![$($crate::Value::from($value)),+] };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new(
            Arc::from(["id".to_owned(), "name".to_owned(), "note".to_owned()]),
            params![7, "mouse", None::<String>],
        )
    }

    #[test]
    fn values_are_read_by_name_and_by_place() {
        let row = row();
        assert_eq!(row.get::<i64>("id").unwrap(), 7);
        assert_eq!(row.at::<String>(1).unwrap(), "mouse");
        assert_eq!(row.get::<Option<String>>("note").unwrap(), None);
    }

    #[test]
    fn a_wrong_name_or_type_says_what_is_there() {
        let row = row();
        assert!(row.get::<i64>("price").unwrap_err().to_string().contains("id, name, note"));
        assert!(row.get::<i64>("name").unwrap_err().to_string().contains("\"mouse\", not a i64"));
        assert!(row.get::<u8>("note").is_err());
    }

    #[test]
    fn a_number_that_does_not_fit_is_an_error_and_not_cut() {
        let row = Row::new(Arc::from(["n".to_owned()]), params![300]);
        assert!(row.get::<u8>("n").is_err());
    }
}
