//! Definitions of columns and keys.

use super::{Column, Key, Name, name_at};
use crate::sql::code::Code;

/// The words behind a column's type.
const BEHIND_TYPE: [&str; 18] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "UNIQUE",
    "PRIMARY",
    "KEY",
    "CHECK",
    "REFERENCES",
    "CONSTRAINT",
    "COLLATE",
    "GENERATED",
    "AS",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "COMMENT",
    "FIRST",
    "AFTER",
    "ON",
];

/// The column defined from one token up to another.
pub(super) fn read(code: &Code<'_>, at: usize, until: usize) -> Option<Column> {
    let (name, at) = name_at(code, at)?;
    (at <= until).then(|| of_type(code, name, at, until))
}

/// The column with this name whose type begins here.
pub(super) fn of_type(code: &Code<'_>, name: Name, at: usize, until: usize) -> Column {
    let places = outside(code, at, until);
    let is_end = |at: &&usize| BEHIND_TYPE.contains(&code.upper(**at).as_str());
    let end = places.iter().find(is_end).copied().unwrap_or(until);
    let behind: Vec<usize> = places.into_iter().filter(|at| *at >= end).collect();
    let says = |words: &str| behind.iter().any(|at| code.has(*at, words));
    let has_default =
        behind.iter().any(|at| code.upper(*at) == "DEFAULT" && code.upper(at + 1) != "NULL");
    let generated = ["AS (", "AUTO_INCREMENT", "AUTOINCREMENT"].iter().any(|words| says(words));
    let itself = || vec![name.shown.clone()];
    let mut keys = Vec::new();
    for at in &behind {
        match code.upper(*at).as_str() {
            "UNIQUE" => keys.push(Key::Unique { columns: itself(), only: None }),
            "PRIMARY" => keys.push(Key::Primary { columns: itself() }),
            "CHECK" => keys.extend(key(code, *at, until)),
            "REFERENCES" => keys.extend(foreign(code, itself(), *at)),
            _ => {}
        }
    }
    Column {
        of_type: code.slice(at, end),
        definition: format!("{} {}", name.shown, code.slice(at, until)),
        not_null: says("NOT NULL"),
        filled: has_default || generated,
        name,
        keys,
    }
}

/// The key that stands here, behind a `CONSTRAINT name` or without it.
pub(super) fn key(code: &Code<'_>, at: usize, until: usize) -> Option<Key> {
    let kinds = ["UNIQUE", "PRIMARY", "FOREIGN", "CHECK"];
    let at = (at..at + 3).find(|at| kinds.contains(&code.upper(*at).as_str()))?;
    let open = (at..until).find(|at| code.upper(*at) == "(")?;
    if code.upper(at) == "CHECK" {
        let close = close_of(code, open)?;
        return Some(Key::Check { condition: code.slice(open + 1, close) });
    }
    let (columns, close) = list(code, open)?;
    match code.upper(at).as_str() {
        "UNIQUE" => Some(Key::Unique { columns, only: None }),
        "PRIMARY" => Some(Key::Primary { columns }),
        _ => foreign(code, columns, close + 1),
    }
}

fn foreign(code: &Code<'_>, columns: Vec<String>, at: usize) -> Option<Key> {
    if code.upper(at) != "REFERENCES" {
        return None;
    }
    let (parent, open) = name_at(code, at + 1)?;
    let referred = list(code, open).map(|found| found.0).unwrap_or_default();
    Some(Key::Foreign { columns, parent, referred })
}

/// The items in the parentheses that open here, without ASC and DESC, and the place that closes them.
pub(super) fn list(code: &Code<'_>, open: usize) -> Option<(Vec<String>, usize)> {
    if code.upper(open) != "(" {
        return None;
    }
    let close = close_of(code, open)?;
    let mut items = Vec::new();
    let mut from = open + 1;
    while from < close {
        let until = end_of_item(code, from).min(close);
        let sorted = matches!(code.upper(until - 1).as_str(), "ASC" | "DESC");
        items.push(code.slice(from, if sorted { until - 1 } else { until }));
        from = until + 1;
    }
    Some((items, close))
}

/// The next comma in no parentheses, the parenthesis that closes what it is in, or the end.
pub(super) fn end_of_item(code: &Code<'_>, from: usize) -> usize {
    let mut depth = 0usize;
    for at in from..code.tokens.len() {
        match code.upper(at).as_str() {
            ")" | "," if depth == 0 => return at,
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
    }
    code.tokens.len()
}

fn close_of(code: &Code<'_>, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    (open..code.tokens.len()).find(|at| {
        match code.upper(*at).as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

/// The places from one token up to another that are in no parentheses.
fn outside(code: &Code<'_>, from: usize, until: usize) -> Vec<usize> {
    let mut depth = 0usize;
    (from..until)
        .filter(|at| {
            let closes = code.upper(*at) == ")";
            depth = if closes { depth.saturating_sub(1) } else { depth };
            let counts = depth == 0 && !closes;
            depth += usize::from(code.upper(*at) == "(");
            counts
        })
        .collect()
}
