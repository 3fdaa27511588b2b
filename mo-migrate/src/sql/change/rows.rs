//! Statements about rows.

use super::{Change, What, column, name_at, tables_read};
use crate::sql::code::Code;
use crate::sql::read_only::{hides_a_write, main_verb, top};

/// Statements about rows, a WITH or a parenthesis before them.
pub(super) fn read(code: &Code<'_>) -> Option<Vec<Change>> {
    let first = (0..code.tokens.len()).find(|at| code.upper(*at) != "(")?;
    let verb = if code.upper(first) == "WITH" { main_verb(code, first)? } else { first };
    match code.upper(verb).as_str() {
        _ if hides_a_write(code) => None,
        "SELECT" | "VALUES" => Some(Vec::new()),
        "INSERT" | "REPLACE" => insert(code, verb),
        "UPDATE" => update(code, verb),
        "DELETE" => delete(code, verb),
        _ => None,
    }
}

/// LOAD DATA … INTO TABLE.
pub(super) fn load(code: &Code<'_>) -> Option<Vec<Change>> {
    let into = (2..code.tokens.len()).find(|at| code.has(*at, "INTO TABLE"))?;
    let replaces = code.upper(into - 1) == "REPLACE";
    let (table, _) = name_at(code, into + 2)?;
    Some(vec![code.change(table, What::Inserts { named: true, replaces, from: Vec::new() })])
}

fn insert(code: &Code<'_>, verb: usize) -> Option<Vec<Change>> {
    const OPTIONS: [&str; 5] = ["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE", "OVERWRITE"];
    let mut replaces = code.upper(verb) == "REPLACE";
    let mut at = verb + 1;
    if code.upper(at) == "OR" {
        replaces |= code.upper(at + 1) == "REPLACE";
        at += 2;
    }
    at = behind_words(code, at, &OPTIONS);
    at = behind_words(code, at, &["INTO"]);
    let (table, mut behind) = name_at(code, at)?;
    if code.upper(behind) == "PARTITION" {
        behind = column::list(code, behind + 1)?.1 + 1;
    }
    if code.upper(behind) == "AS" {
        behind = name_at(code, behind + 1)?.1;
    }
    let query =
        |at| matches!(code.upper(at).as_str(), "SELECT" | "WITH" | "VALUES" | "TABLE" | "(");
    let listed = code.upper(behind) == "(" && !query(behind + 1);
    let named = listed || code.upper(behind) == "SET" || code.has(behind, "DEFAULT VALUES");
    let from = tables_read(code, behind)?;
    Some(vec![code.change(table, What::Inserts { named, replaces, from })])
}

fn update(code: &Code<'_>, verb: usize) -> Option<Vec<Change>> {
    let mut at = verb + 1;
    if code.upper(at) == "OR" {
        at += 2;
    }
    at = behind_words(code, at, &["LOW_PRIORITY", "IGNORE"]);
    if code.upper(at) == "(" {
        return Some(Vec::new());
    }
    let (table, behind) = name_at(code, at)?;
    let places: Vec<usize> = top(code).filter(|at| *at >= behind).collect();
    let set = *places.iter().find(|at| code.upper(**at) == "SET")?;
    let joined = (behind..set).any(|at| matches!(code.upper(at).as_str(), "," | "JOIN"));
    let all = !joined && !narrowed(code, &places, &["WHERE", "LIMIT", "FROM"]);
    let starts = places
        .iter()
        .filter(|at| **at > set && matches!(code.upper(**at - 1).as_str(), "SET" | ","));
    let columns = starts.filter_map(|at| Some(name_at(code, *at)?.0.key)).collect();
    Some(vec![code.change(table, What::Updates { all, columns })])
}

fn delete(code: &Code<'_>, verb: usize) -> Option<Vec<Change>> {
    let at = behind_words(code, verb + 1, &["LOW_PRIORITY", "QUICK", "IGNORE"]);
    if code.upper(at) != "FROM" {
        // DELETE a, b FROM …: its join says which rows.
        return Some(Vec::new());
    }
    let (table, behind) = name_at(code, at + 1)?;
    let places: Vec<usize> = top(code).filter(|at| *at >= behind).collect();
    let all = !narrowed(code, &places, &["WHERE", "LIMIT", "USING", "JOIN"]);
    Some(vec![code.change(table, What::Deletes { all })])
}

fn narrowed(code: &Code<'_>, places: &[usize], words: &[&str]) -> bool {
    places.iter().any(|at| words.contains(&code.upper(*at).as_str()))
}

fn behind_words(code: &Code<'_>, at: usize, words: &[&str]) -> usize {
    let mut at = at;
    while words.contains(&code.upper(at).as_str()) {
        at += 1;
    }
    at
}
