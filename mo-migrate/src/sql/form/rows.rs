//! The forms of statements that change rows.

use super::{Form, Kind};
use crate::sql::code::Code;
use crate::sql::object::{ObjectName, fold, object_at};
use crate::sql::read_only::{hides_a_write, main_verb, top};
use crate::sql::references::{References, names_of_with, references};

/// Statements about rows, a WITH or a parenthesis before them.
pub(super) fn read(code: &Code<'_>) -> Option<Form> {
    let first = (0..code.tokens.len()).find(|at| code.upper(*at) != "(")?;
    let verb = if code.upper(first) == "WITH" { main_verb(code, first)? } else { first };
    let writes = match code.upper(verb).as_str() {
        "SELECT" | "VALUES" if hides_a_write(code) => return None,
        "SELECT" | "VALUES" => return Some(Form::of(Kind::Query, Vec::new())),
        _ if first > 0 => return None,
        "INSERT" | "REPLACE" => vec![inserted(code, verb)?],
        "UPDATE" => updated(code, verb)?,
        "DELETE" => deleted(code, verb)?,
        _ => return None,
    };
    Some(Form::of(Kind::Rows, writes))
}

fn inserted(code: &Code<'_>, verb: usize) -> Option<ObjectName> {
    const OPTIONS: [&str; 5] = ["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE", "OVERWRITE"];
    let mut at = behind_words(code, verb + 1, &OPTIONS);
    if code.upper(at) == "INTO" {
        at += 1;
    }
    Some(object_at(code, at)?.0)
}

/// Every table of the list counts: which of them SET names is not asked.
fn updated(code: &Code<'_>, verb: usize) -> Option<Vec<ObjectName>> {
    let found = references(code)?;
    let set = top(code).find(|at| *at > verb && code.upper(*at) == "SET")?;
    let named = names_of_with(code);
    let listed = found.tables.into_iter().filter(|table| {
        let with = table.object.database.is_none() && named.contains(&table.object.name);
        !table.inner && !with && (verb..set).contains(&table.at)
    });
    let listed: Vec<ObjectName> = listed.map(|table| table.object).collect();
    (!listed.is_empty()).then_some(listed)
}

fn deleted(code: &Code<'_>, verb: usize) -> Option<Vec<ObjectName>> {
    const OPTIONS: [&str; 5] = ["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE"];
    let mut at = behind_words(code, verb + 1, &OPTIONS);
    let from_first = code.upper(at) == "FROM";
    if from_first {
        at += 1;
    }
    let (targets, list) = targets_at(code, at)?;
    match code.upper(list).as_str() {
        "USING" if from_first && code.upper(list + 1) != "(" => {}
        "FROM" if !from_first => {}
        "USING" | "FROM" => return None,
        _ if from_first && targets.len() == 1 => return Some(targets),
        _ => return None,
    }
    let found = references(code)?;
    let named = names_of_with(code);
    targets
        .into_iter()
        .map(|target| resolve(target, &found, list))
        .map(|target| {
            let with = target.database.is_none() && named.contains(&target.name);
            (!with).then_some(target)
        })
        .collect()
}

/// The table that DELETE calls by an alias of the list behind `list`.
fn resolve(target: ObjectName, found: &References, list: usize) -> ObjectName {
    if target.database.is_some() {
        return target;
    }
    let listed = || found.tables.iter().filter(|table| table.at > list && !table.inner);
    let called = listed().find(|table| table.alias.as_ref() == Some(&target.name)).or_else(|| {
        listed().find(|table| table.alias.is_none() && table.object.name == target.name)
    });
    called.map_or(target, |table| table.object.clone())
}

/// The tables of `DELETE a, b.*`.
fn targets_at(code: &Code<'_>, mut at: usize) -> Option<(Vec<ObjectName>, usize)> {
    let mut targets = Vec::new();
    loop {
        let parts = if code.upper(at + 1) == "." && code.upper(at + 2) != "*" { 3 } else { 1 };
        let wild = code.has(at + parts, ". *");
        let (target, behind) = if wild {
            let name = |at| code.name(at).map(|name| fold(&name));
            let database = if parts == 3 { Some(name(at)?) } else { None };
            (ObjectName { database, name: name(at + parts - 1)? }, at + parts + 2)
        } else {
            object_at(code, at)?
        };
        targets.push(target);
        if code.upper(behind) != "," {
            return Some((targets, behind));
        }
        at = behind + 1;
    }
}

fn behind_words(code: &Code<'_>, at: usize, words: &[&str]) -> usize {
    let mut at = at;
    while words.contains(&code.upper(at).as_str()) {
        at += 1;
    }
    at
}
