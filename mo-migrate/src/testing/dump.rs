//! All that a database consists of, as text: two equal dumps are two equal databases.

use std::fmt::Write as _;

use crate::engine::{Connection, Counts, Engine, Inventory, Object, RowKey};
use crate::error::Result;
use crate::value::{Row, Value};

/// How many lines of a difference are shown.
const SHOWN: usize = 6;

/// How much of such a line is shown, in characters.
const WIDTH: usize = 160;

/// Definitions in the order of the catalogue, and each row with its row number.
pub(super) async fn dump(engine: &dyn Engine, connection: &mut dyn Connection) -> Result<String> {
    let inventory = engine.inventory(connection, Counts::Without, &Inventory::NOTHING).await?;
    let mut text = String::new();
    for object in &inventory.objects {
        let definition = object.sql.as_deref().unwrap_or("by the engine");
        let _ =
            writeln!(text, "{:?} {} of {}: {definition}", object.kind, object.name, object.table);
        if object.kind.has_rows() {
            for row in connection.fetch(&rows_of(object, engine), &[], None).await? {
                let _ = writeln!(text, "  {}", written(&row));
            }
        }
    }
    Ok(text)
}

fn rows_of(object: &Object, engine: &dyn Engine) -> String {
    let dialect = engine.dialect();
    let row_number = match &object.key {
        RowKey::RowId(name) => Some(name.clone()),
        RowKey::Columns => None,
    };
    let columns = object.columns.iter().map(|column| dialect.quote(&column.name));
    let columns: Vec<String> = row_number.into_iter().chain(columns).collect();
    let places: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
    format!(
        "SELECT {} FROM {} ORDER BY {}",
        columns.join(", "),
        dialect.quote(&object.name),
        places.join(", ")
    )
}

fn written(row: &Row) -> String {
    let cells = row.columns().iter().zip(row.values()).map(|(column, value)| match value {
        // The whole of it, and a number of the one kind never looks like one of the other.
        Value::Blob(bytes) => format!("{column}={bytes:02x?}"),
        Value::Real(number) => format!("{column}={number:?}"),
        other => format!("{column}={other}"),
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// The first lines in which two dumps differ; none when they are equal.
pub(super) fn difference(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let gone = only_in(before, after).map(|line| format!("- {}", cut(line)));
    let came = only_in(after, before).map(|line| format!("+ {}", cut(line)));
    let lines: Vec<String> = gone.take(SHOWN).chain(came.take(SHOWN)).collect();
    if lines.is_empty() { Some("the order differs".to_owned()) } else { Some(lines.join("\n")) }
}

fn cut(line: &str) -> String {
    let mut text: String = line.chars().take(WIDTH).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}

fn only_in<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(|line| !other.lines().any(|found| found == *line))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::params;

    #[test]
    fn values_of_different_kinds_are_written_differently() {
        let row = |value| written(&Row::new(Arc::from(["n".to_owned()]), vec![value]));
        let all = params![1, 1.0, "1", None::<i64>, vec![1u8]];
        let mut texts: Vec<String> = all.into_iter().map(row).collect();
        assert_eq!(texts, ["n=1", "n=1.0", "n=\"1\"", "n=NULL", "n=[01]"]);
        texts.dedup();
        assert_eq!(texts.len(), 5);
        assert_ne!(row(Value::Blob(vec![0; 20])), row(Value::Blob(vec![0; 21])));
    }

    #[test]
    fn a_difference_names_what_went_and_what_came() {
        assert_eq!(difference("a\nb", "a\nb"), None);
        assert_eq!(difference("a\nb", "a\nc").unwrap(), "- b\n+ c");
        assert_eq!(difference("a\nb", "b\na").unwrap(), "the order differs");
    }
}
