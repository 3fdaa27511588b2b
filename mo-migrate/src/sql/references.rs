//! The tables that a statement names in its lists: FROM, JOIN, UPDATE, USING and TABLE.

use std::collections::BTreeSet;

use super::code::Code;
use super::object::{ObjectName, fold, is_reserved, object_at};

/// A table in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) object: ObjectName,
    pub(super) alias: Option<String>,
    /// The place of its first token.
    pub(super) at: usize,
    /// It is in a SELECT, and so only read.
    pub(super) inner: bool,
}

/// The tables of all lists, and the names by which the statement may call them.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) tables: Vec<Reference>,
    /// Aliases, those of subqueries and the names of a WITH among them.
    pub(super) aliases: BTreeSet<String>,
}

/// What may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// No list.
    Elsewhere,
    /// A table, or a parenthesis with tables or a query in it.
    Table,
    /// What belongs to the table before: its alias, its partitions, its point in time.
    Alias,
    /// The condition of a join.
    Condition,
}

/// A parenthesis that is open, or the statement itself.
#[derive(Clone, Copy, Debug)]
struct Level {
    place: Place,
    query: bool,
    /// Its FROM is part of a function's arguments, as in `EXTRACT(YEAR FROM d)`.
    arguments: bool,
    /// It is the statement itself.
    outermost: bool,
    /// Which of the tables has had no alias yet.
    table: Option<usize>,
}

impl Level {
    fn new(place: Place) -> Self {
        Self { place, query: false, arguments: false, outermost: false, table: None }
    }

    /// The parenthesis that opens in this one, behind the word `before`.
    fn open(&mut self, before: &str) -> Self {
        const FUNCTIONS: [&str; 6] = ["EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "MID", "POSITION"];
        let arguments = FUNCTIONS.contains(&before);
        if self.place == Place::Table {
            (self.place, self.table) = (Place::Alias, None);
            return Self { arguments, ..Self::new(Place::Table) };
        }
        Self { arguments, ..Self::new(Place::Elsewhere) }
    }
}

/// Reads the lists; none where one is not read with certainty.
pub(super) fn references(code: &Code<'_>) -> Option<References> {
    let mut found = References { aliases: names_of_with(code), ..References::default() };
    let mut levels = vec![Level { outermost: true, ..Level::new(Place::Elsewhere) }];
    let mut at = 0;
    while at < code.tokens.len() {
        let here = at;
        at += 1;
        let word = code.upper(here);
        let before = if here == 0 { String::new() } else { code.upper(here - 1) };
        if before == "." {
            continue;
        }
        let inner = levels.iter().any(|level| level.query);
        let level = levels.last_mut()?;
        match word.as_str() {
            "(" => {
                let opened = level.open(&before);
                levels.push(opened);
            }
            ")" if !level.outermost => {
                levels.pop();
            }
            "{" if level.place == Place::Table => return None,
            "{" => at = (at..code.tokens.len()).find(|at| code.upper(*at) == "}")? + 1,
            _ => match next_place(code, here, &before, *level) {
                Some(place) => {
                    level.query |= word == "SELECT";
                    (level.place, level.table) = (place, None);
                }
                None if is_reserved(&word) || code.name(here).is_none() => {}
                None if level.place == Place::Table => {
                    let (object, behind) = object_at(code, here)?;
                    (level.place, level.table) = (Place::Alias, Some(found.tables.len()));
                    found.tables.push(Reference { object, alias: None, at: here, inner });
                    at = behind;
                }
                None if level.place == Place::Alias => found.call(code, here, &mut level.table),
                None => {}
            },
        }
    }
    Some(found)
}

/// The place behind a word that begins or ends a list.
fn next_place(code: &Code<'_>, at: usize, before: &str, level: Level) -> Option<Place> {
    let listed = level.place != Place::Elsewhere;
    match code.upper(at).as_str() {
        "," | "STRAIGHT_JOIN" if listed => Some(Place::Table),
        "FROM" if !level.arguments => Some(Place::Table),
        "JOIN" | "APPLY" | "TABLE" => Some(Place::Table),
        "UPDATE" if !matches!(before, "FOR" | "KEY" | "ON") => Some(Place::Table),
        "USING" if level.outermost && code.upper(at + 1) != "(" => Some(Place::Table),
        "ON" | "USING" if level.place == Place::Alias => Some(Place::Condition),
        // An index hint: `USE INDEX FOR ORDER BY (i)`.
        "GROUP" | "ORDER" if before == "FOR" => None,
        "SELECT" | "WHERE" | "GROUP" | "ORDER" | "HAVING" | "LIMIT" | "SET" | "VALUES"
        | "UNION" | "EXCEPT" | "INTERSECT" | "MINUS" | "WINDOW" | "RETURNING" | "INTO" | "WITH" => {
            Some(Place::Elsewhere)
        }
        _ => None,
    }
}

impl References {
    /// Takes an alias in, of `table` if there is one; a name with a dot or a parenthesis behind it is none.
    fn call(&mut self, code: &Code<'_>, at: usize, table: &mut Option<usize>) {
        let Some(name) =
            code.name(at).filter(|_| !matches!(code.upper(at + 1).as_str(), "." | "("))
        else {
            return;
        };
        if let Some(table) = table.take().and_then(|table| self.tables.get_mut(table)) {
            table.alias = Some(fold(&name));
        }
        self.aliases.insert(fold(&name));
    }

    /// Whether the statement may call a table so.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.aliases.contains(name) || self.tables.iter().any(|table| table.object.name == name)
    }
}

/// The names that a WITH gives: `name AS (` and `name (columns) AS (`.
pub(super) fn names_of_with(code: &Code<'_>) -> BTreeSet<String> {
    let named = (1..code.tokens.len()).filter(|at| code.has(*at, "AS (")).filter_map(|at| {
        let end = at - 1;
        if code.upper(end) != ")" {
            return code.name(end);
        }
        let open = (0..end).rev().find(|at| code.upper(*at) == "(")?;
        code.name(open.checked_sub(1)?)
    });
    named.map(|name| fold(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    fn read(text: &str) -> Option<Vec<String>> {
        let code = Code::read(text, Dialect::MatrixOne, usize::MAX);
        let tables = references(&code)?.tables;
        let show = |table: Reference| {
            let database = table.object.database.map(|database| database + ".").unwrap_or_default();
            let alias = table.alias.map(|alias| format!(" {alias}")).unwrap_or_default();
            format!("{}{database}{}{alias}", if table.inner { "~" } else { "" }, table.object.name)
        };
        Some(tables.into_iter().map(show).collect())
    }

    #[test]
    fn tables_are_found_in_their_lists() {
        for (text, expected) in [
            ("UPDATE a SET x = 1", vec!["a"]),
            ("UPDATE a AS y JOIN d.b ON y.i = b.i, c SET x = 1", vec!["a y", "d.b", "c"]),
            ("UPDATE (a JOIN b USING (i)) SET x = 1", vec!["a", "b"]),
            ("UPDATE a SET x = b.x FROM b", vec!["a", "b"]),
            ("SELECT EXTRACT(YEAR FROM d.x) FROM t d", vec!["~t d"]),
            ("SELECT 1 FROM a USE INDEX FOR ORDER BY (i), d.b", vec!["~a", "~d.b"]),
            ("SELECT 1 FROM a WHERE x IN (SELECT y FROM b c), d", vec!["~a", "~b c"]),
            ("SELECT 1 FROM a{SNAPSHOT = 's'} b, c", vec!["~a b", "~c"]),
            ("UPDATE a JOIN (SELECT 1 FROM b) c SET x = 1", vec!["a", "~b"]),
            ("DELETE FROM a USING a JOIN b y", vec!["a", "a", "b y"]),
            ("SELECT 1 FROM a FOR UPDATE", vec!["~a"]),
            ("INSERT INTO a TABLE b", vec!["b"]),
            ("SELECT 1 FROM a PARTITION (p) b", vec!["~a b"]),
            ("SELECT t.from FROM `from` `b.c`", vec!["~from b.c"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(read(text), Some(expected), "{text}");
        }
        assert_eq!(read("SELECT 1 FROM {OJ a LEFT JOIN b ON 1}"), None);
        assert_eq!(read("SELECT 1 FROM a.b.c"), None);
    }

    #[test]
    fn the_names_of_a_with_are_known() {
        let text = "WITH A AS (SELECT 1), b (x, y) AS (SELECT 2) SELECT 1 FROM (SELECT 1) c";
        let code = Code::read(text, Dialect::MatrixOne, usize::MAX);
        let found = references(&code).unwrap();
        assert!(["a", "b", "c"].iter().all(|name| found.knows(name)), "{found:?}");
    }
}
