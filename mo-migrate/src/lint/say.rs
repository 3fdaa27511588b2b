//! What is said of a finding: what will happen, and the safe way with the user's own names.

mod keys;

pub(super) use self::keys::{key, no_such_key};
use crate::sql::{Dialect, Name};

/// The two texts of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// What will happen, in one line.
    pub(super) message: String,
    /// What to write or to ask instead; may have several lines.
    pub(super) instead: Option<String>,
}

fn words(message: impl Into<String>, instead: impl Into<String>) -> Words {
    Words { message: message.into(), instead: Some(instead.into()) }
}

fn only(message: impl Into<String>) -> Words {
    Words { message: message.into(), instead: None }
}

/// A name or an expression in backquotes, unless it has its own; in one line.
fn tick(name: &str) -> String {
    let name = name.replace(['\n', '\r'], " ");
    if name.contains('`') { name } else { format!("`{name}`") }
}

fn of_table(column: &Name, table: &Name) -> String {
    format!("{} of {}", tick(&column.shown), tick(&table.shown))
}

/// A statement in one line, where it is short enough to be repeated.
fn repeated(statement: &str) -> Option<String> {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let comments = ["--", "/*", "#"].iter().any(|mark| line.contains(mark));
    (line.len() <= 160 && !comments).then_some(line)
}

pub(super) fn drop_table(table: &Name) -> Words {
    let name = tick(&table.shown);
    words(
        format!("{name} goes with all its rows, and programs that still name it fail"),
        format!(
            "deploy programs that do not name {name} first; its rows are then in the run's snapshot, for as \
             long as that is kept"
        ),
    )
}

pub(super) fn drop_column(table: &Name, column: &Name) -> Words {
    words(
        format!(
            "the values in {} go, and programs that still name it fail",
            of_table(column, table)
        ),
        format!(
            "deploy programs that do not name {} first; its values are then in the run's snapshot, for as \
             long as that is kept",
            tick(&column.shown)
        ),
    )
}

pub(super) fn delete_all(table: &Name) -> Words {
    words(
        format!("every row of {} goes", tick(&table.shown)),
        format!("DELETE FROM {} WHERE …;", table.shown),
    )
}

pub(super) fn update_all(table: &Name, statement: &str) -> Words {
    let narrowed = repeated(statement).map_or_else(
        || format!("UPDATE {} SET … WHERE …;", table.shown),
        |line| format!("{line} WHERE …;"),
    );
    words(
        format!("every row of {} is overwritten", tick(&table.shown)),
        format!(
            "{narrowed}\nor, where every row is meant, put the new values into a column that the file adds"
        ),
    )
}

pub(super) fn no_way_back(why: &str) -> Words {
    only(format!("{why}, which no restore takes back"))
}

pub(super) fn refused(why: &str, help: Option<&str>) -> Words {
    Words { message: format!("the run refuses it: {why}"), instead: help.map(ToOwned::to_owned) }
}

pub(super) fn unreadable(why: &str, help: Option<&str>) -> Words {
    Words {
        message: format!("the file can't be read: {why}"),
        instead: help.map(ToOwned::to_owned),
    }
}

pub(super) fn empty() -> Words {
    words(
        "the file has no statement: it is applied and does nothing, and a statement that is written into it \
         later is refused as a change",
        "write it now, or take the file out until it is written",
    )
}

pub(super) fn rename_table(table: &Name, to: &Name) -> Words {
    words(
        format!(
            "programs that run now name {} and fail, until each of them is replaced",
            tick(&table.shown)
        ),
        format!(
            "for programs that only read, leave a view behind:\n\
             CREATE VIEW {old} AS SELECT … FROM {new};\n\
             for those that write, make {new} beside it, have both written, copy the rows, and drop {old} in \
             a later migration",
            old = table.shown,
            new = to.shown
        ),
    )
}

pub(super) fn rename_column(table: &Name, column: &Name, to: &Name) -> Words {
    let (t, old, new) = (&table.shown, &column.shown, &to.shown);
    words(
        format!(
            "programs that run now name {} and fail, until each of them is replaced",
            of_table(column, table)
        ),
        format!(
            "ALTER TABLE {t} ADD COLUMN {new} …;\nUPDATE {t} SET {new} = {old};\n\
             deploy programs that write both and read {new}; a later migration then drops the old one:\n\
             ALTER TABLE {t} DROP COLUMN {old};"
        ),
    )
}

pub(super) fn change_type(table: &Name, column: &Name, of_type: &str) -> Words {
    let (t, c) = (&table.shown, &column.shown);
    words(
        format!(
            "values in {} that {} does not hold are rounded or cut without a word, or stop the run, \
             and writers wait while the server copies the table",
            of_table(column, table),
            tick(of_type)
        ),
        format!(
            "ALTER TABLE {t} ADD COLUMN {c}_new {of_type};\nUPDATE {t} SET {c}_new = {c};\n\
             deploy programs that write both and read the new one; a later migration then drops the old one:\n\
             ALTER TABLE {t} DROP COLUMN {c};",
            c = bare(c)
        ),
    )
}

pub(super) fn loses(table: &Name, column: &Name, what: &[&str]) -> Words {
    words(
        format!(
            "{} {}: the statement says all of the column anew, and has left that out",
            of_table(column, table),
            what.join(" and ")
        ),
        "repeat what is to stay: NOT NULL, DEFAULT …",
    )
}

/// A name to which something is added, without its quotes.
fn bare(name: &str) -> &str {
    name.trim_matches(['`', '"', '[', ']'])
}

pub(super) fn add_required(table: &Name, column: &Name, of_type: &str) -> Words {
    let (t, c) = (&table.shown, &column.shown);
    words(
        format!(
            "where {} has rows, SQLite refuses it and MatrixOne fills in a zero or an empty text; programs \
             that run now and insert without {} fail",
            tick(t),
            tick(c)
        ),
        format!("ALTER TABLE {t} ADD COLUMN {c} {of_type} NOT NULL DEFAULT …;"),
    )
}

pub(super) fn set_not_null(table: &Name, column: &Name) -> Words {
    words(
        format!(
            "a row with NULL in {} stops the run, and programs that still write NULL there fail",
            of_table(column, table)
        ),
        format!(
            "ask before, and fill what it finds:\nSELECT * FROM {} WHERE {} IS NULL;",
            table.shown, column.shown
        ),
    )
}

pub(super) fn repeated_copy(table: &Name, lines: &[usize], parts: &[String]) -> Words {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    words(
        format!(
            "the server copies {} for each of the statements in lines {}, and writers wait each time",
            tick(&table.shown),
            lines.join(", ")
        ),
        format!("one copy for all:\nALTER TABLE {}\n  {};", table.shown, parts.join(",\n  ")),
    )
}

pub(super) fn add_and_drop(table: &Name, added: &[String], dropped: &[String]) -> Words {
    words(
        "the server refuses to add and drop columns in one statement where a snapshot covers the table, and \
         the run's own does (20105)",
        format!(
            "ALTER TABLE {t} {};\nALTER TABLE {t} {};",
            added.join(", "),
            dropped.join(", "),
            t = table.shown
        ),
    )
}

pub(super) fn insert_by_position(table: &Name) -> Words {
    words(
        format!(
            "the values go into the columns of {} by their position, wherever a column came or went since",
            tick(&table.shown)
        ),
        format!("INSERT INTO {} (…) …;", table.shown),
    )
}

pub(super) fn replace_rows(table: &Name, dialect: Dialect) -> Words {
    let behind = if dialect == Dialect::Sqlite {
        "ON CONFLICT (…) DO UPDATE SET … = excluded.…"
    } else {
        "ON DUPLICATE KEY UPDATE … = VALUES(…)"
    };
    words(
        format!(
            "a row of {} with the same key is deleted first: its other columns fall back to their defaults, \
             and what refers to it by ON DELETE CASCADE goes",
            tick(&table.shown)
        ),
        format!("INSERT INTO {} (…) VALUES (…) {behind};", table.shown),
    )
}

pub(super) fn view_star(view: &Name) -> Words {
    words(
        format!(
            "{} gets and loses columns with the tables below it, and nothing says so",
            tick(&view.shown)
        ),
        format!("name the columns:\nCREATE VIEW {} AS SELECT …, … FROM …;", view.shown),
    )
}

pub(super) fn if_not_exists(what: &str) -> Words {
    words(
        format!(
            "{what} of that name that is there stays as it is, and the migration counts as applied"
        ),
        "leave IF NOT EXISTS out: a run that failed is put back, so that the next try finds nothing in its way",
    )
}

pub(super) fn not_read() -> Words {
    only("nothing was looked for in this statement: its form is not known")
}

pub(super) fn rust(title: &str) -> Words {
    only(format!("nothing was looked for in migration {title}: it is a Rust function"))
}

/// How many migrations are named before they are counted.
const NAMED: usize = 10;

/// `file` is where the checks of the first would be; none where a command writes it.
pub(super) fn no_check(titles: &[String], file: Option<&str>) -> Words {
    let which = match titles {
        [title] => format!("migration {title}"),
        titles if titles.len() > NAMED => format!("{} migrations", titles.len()),
        titles => format!("migrations {}", titles.join(", ")),
    };
    words(
        format!("no check judges {which}: what is wrong without an error is applied and kept"),
        match file {
            None => {
                "`migrate new --check` writes the check file of the newest migration".to_owned()
            }
            Some(file) => format!("write queries for what would be wrong to {}", tick(file)),
        },
    )
}

pub(super) fn unused_allow(code: &str, near: Option<&str>, known: bool) -> Words {
    if known {
        return only(format!("`allow {code}` overrides nothing in this file"));
    }
    Words {
        message: format!("`allow {code}` overrides nothing: there is no such rule"),
        instead: near.map(|near| format!("did you mean `{near}`?")),
    }
}
