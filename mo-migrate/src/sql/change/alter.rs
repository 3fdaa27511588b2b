//! The parts of an ALTER TABLE, and RENAME TABLE.

use super::{Change, Name, What, column, name_at, unless_there};
use crate::sql::code::Code;

pub(super) fn read(code: &Code<'_>) -> Option<Vec<Change>> {
    let at = if code.has(2, "IF EXISTS") { 4 } else { 2 };
    let (table, mut from) = name_at(code, at)?;
    let mut changes = Vec::new();
    while from < code.tokens.len() {
        let until = column::end_of_item(code, from);
        for what in read_part(code, from, until)? {
            changes.push(code.part(table.clone(), what, from..until));
        }
        from = until + 1;
    }
    Some(changes)
}

/// What one part says; none where it is not known.
fn read_part(code: &Code<'_>, at: usize, until: usize) -> Option<Vec<What>> {
    let next = code.upper(at + 1);
    match code.upper(at).as_str() {
        "ADD" => add(code, at + 1, until),
        "DROP" => match next.as_str() {
            "INDEX" | "KEY" | "PRIMARY" | "FOREIGN" | "CONSTRAINT" | "CHECK" => Some(Vec::new()),
            "PARTITION" => None,
            _ => {
                let at = behind_column(code, at + 1);
                let at = if code.has(at, "IF EXISTS") { at + 2 } else { at };
                Some(vec![What::DropsColumn { column: name_at(code, at)?.0 }])
            }
        },
        "RENAME" => renames(code, at + 1),
        "MODIFY" => {
            let to = column::read(code, behind_column(code, at + 1), until)?;
            Some(vec![What::ChangesColumn { column: to.name.clone(), to }])
        }
        "CHANGE" => {
            let (column, at) = name_at(code, behind_column(code, at + 1))?;
            let to = column::read(code, at, until)?;
            let renamed = (column.key != to.name.key)
                .then(|| What::RenamesColumn { column: column.clone(), to: to.name.clone() });
            let changed = What::ChangesColumn { column, to };
            Some(renamed.into_iter().chain([changed]).collect())
        }
        "ALTER" if matches!(next.as_str(), "INDEX" | "REINDEX") => Some(Vec::new()),
        "ALTER" => alters_column(code, behind_column(code, at + 1), until),
        "COMMENT" | "AUTO_INCREMENT" | "ENGINE" | "CHARSET" | "CHARACTER" | "DEFAULT"
        | "COLLATE" | "ORDER" | "ALGORITHM" | "LOCK" | "ENABLE" | "DISABLE" => Some(Vec::new()),
        _ => None,
    }
}

fn add(code: &Code<'_>, at: usize, until: usize) -> Option<Vec<What>> {
    match code.upper(at).as_str() {
        "INDEX" | "KEY" | "FULLTEXT" | "SPATIAL" => return Some(Vec::new()),
        "PARTITION" => return None,
        "CONSTRAINT" | "UNIQUE" | "PRIMARY" | "FOREIGN" | "CHECK" => {
            return Some(vec![What::AddsKey(column::key(code, at, until)?)]);
        }
        _ => {}
    }
    let (unless_there, at) = unless_there(code, behind_column(code, at));
    if code.upper(at) != "(" {
        let column = column::read(code, at, until)?;
        return Some(vec![What::AddsColumn { unless_there, column }]);
    }
    let mut columns = Vec::new();
    let mut from = at + 1;
    while from < until {
        let end = column::end_of_item(code, from);
        columns.push(What::AddsColumn { unless_there, column: column::read(code, from, end)? });
        if code.upper(end) != "," {
            break;
        }
        from = end + 1;
    }
    Some(columns)
}

fn renames(code: &Code<'_>, at: usize) -> Option<Vec<What>> {
    let at = match code.upper(at).as_str() {
        "INDEX" | "KEY" => return Some(Vec::new()),
        "TO" | "AS" | "=" => {
            return Some(vec![What::Renames { to: name_at(code, at + 1)?.0 }]);
        }
        "COLUMN" => at + 1,
        _ => at,
    };
    let (column, behind) = name_at(code, at)?;
    if code.upper(behind) == "TO" {
        let to = name_at(code, behind + 1)?.0;
        return Some(vec![What::RenamesColumn { column, to }]);
    }
    Some(vec![What::Renames { to: column }])
}

/// `ALTER [COLUMN] c …`.
fn alters_column(code: &Code<'_>, at: usize, until: usize) -> Option<Vec<What>> {
    let (column, at) = name_at(code, at)?;
    if code.has(at, "SET NOT NULL") {
        return Some(vec![What::RequiresColumn { column }]);
    }
    let of_type = if code.has(at, "SET DATA TYPE") {
        at + 3
    } else if code.upper(at) == "TYPE" {
        at + 1
    } else {
        return matches!(code.upper(at).as_str(), "SET" | "DROP").then(Vec::new);
    };
    let to = column::of_type(code, column.clone(), of_type, until);
    Some(vec![What::ChangesColumn { column, to }])
}

pub(super) fn rename(code: &Code<'_>) -> Option<Vec<Change>> {
    let (mut at, mut changes) = (2, Vec::new());
    loop {
        let (table, to) = name_at(code, at)?;
        if code.upper(to) != "TO" {
            return None;
        }
        let (new, behind): (Name, usize) = name_at(code, to + 1)?;
        changes.push(code.change(table, What::Renames { to: new }));
        if code.upper(behind) != "," {
            return Some(changes);
        }
        at = behind + 1;
    }
}

fn behind_column(code: &Code<'_>, at: usize) -> usize {
    if code.upper(at) == "COLUMN" { at + 1 } else { at }
}
