//! Keys and conditions that come to a table with rows: the query for the rows that would break them.

use super::{Words, only, tick, words};
use crate::sql::{Dialect, Key, Name};

/// A key that rows have to keep which are there already.
pub(in crate::lint) fn key(table: &Name, key: &Key, dialect: Dialect) -> Words {
    match key {
        Key::Unique { columns, only } => unique(table, columns, only.as_deref(), dialect),
        Key::Primary { columns } => primary(table, columns),
        Key::Foreign { columns, parent, referred } => foreign(table, columns, parent, referred),
        Key::Check { condition } => words(
            format!(
                "a row of {} that does not keep {} stops the run",
                tick(&table.shown),
                tick(condition)
            ),
            format!("ask before:\nSELECT * FROM {} WHERE NOT ({condition});", table.shown),
        ),
    }
}

fn unique(table: &Name, columns: &[String], only: Option<&str>, dialect: Dialect) -> Words {
    let items: Vec<String> = columns.iter().map(|item| compared(item, dialect)).collect();
    let mut conditions: Vec<String> =
        items.iter().map(|item| format!("{item} IS NOT NULL")).collect();
    conditions.extend(only.map(|only| format!("({only})")));
    let (list, conditions) = (items.join(", "), conditions.join(" AND "));
    words(
        alike(table, columns),
        format!(
            "ask before:\nSELECT {list}, count(*) FROM {} WHERE {conditions} GROUP BY {list} HAVING count(*) > 1;",
            table.shown
        ),
    )
}

fn primary(table: &Name, columns: &[String]) -> Words {
    let list = columns.join(", ");
    let nulls: Vec<String> = columns.iter().map(|column| format!("{column} IS NULL")).collect();
    words(
        format!("{}, and so does NULL there", alike(table, columns)),
        format!(
            "ask before:\nSELECT {list}, count(*) FROM {} GROUP BY {list} HAVING count(*) > 1 OR {};",
            table.shown,
            nulls.join(" OR ")
        ),
    )
}

fn alike(table: &Name, columns: &[String]) -> String {
    let list = columns.join(", ");
    format!("two rows of {} that are alike in {} stop the run", tick(&table.shown), tick(&list))
}

/// `name(10)` of MySQL's family is the beginning of `name`.
fn compared(item: &str, dialect: Dialect) -> String {
    let prefix = item.strip_suffix(')').and_then(|item| item.split_once('('));
    match prefix {
        Some((name, length))
            if dialect.is_mysql_family()
                && !length.is_empty()
                && length.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("left({}, {length})", name.trim())
        }
        _ => item.to_owned(),
    }
}

fn foreign(table: &Name, columns: &[String], parent: &Name, referred: &[String]) -> Words {
    let message = format!(
        "a row of {} whose {} is not in {} stops the run",
        tick(&table.shown),
        tick(&columns.join(", ")),
        tick(&parent.shown)
    );
    if columns.len() != referred.len() || referred.is_empty() {
        return only(message);
    }
    let pairs: Vec<String> = referred
        .iter()
        .zip(columns)
        .map(|(up, down)| format!("parent.{up} = child.{down}"))
        .collect();
    let given: Vec<String> =
        columns.iter().map(|column| format!("child.{column} IS NOT NULL")).collect();
    words(
        message,
        format!(
            "ask before:\nSELECT child.* FROM {} AS child LEFT JOIN {} AS parent ON {} WHERE {} AND parent.{} IS NULL;",
            table.shown,
            parent.shown,
            pairs.join(" AND "),
            given.join(" AND "),
            referred[0]
        ),
    )
}

pub(in crate::lint) fn no_such_key(
    table: &Name,
    columns: &[String],
    parent: &Name,
    referred: &[String],
) -> Words {
    words(
        format!(
            "the server makes no foreign key of {} to {}",
            tick(&table.shown),
            tick(&parent.shown)
        ),
        format!(
            "ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({});",
            table.shown,
            columns.join(", "),
            parent.shown,
            referred.join(", ")
        ),
    )
}
