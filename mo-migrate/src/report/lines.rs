//! Definitions line by line, and two of them side by side.
//!
//! An engine keeps a definition as somebody wrote it, often in one line: a table is shown with a line
//! for each of its columns, so that what differs can be seen.

/// More lines than this are not held against each other one by one.
const COMPARED: usize = 2_000;

/// A line of two definitions: in both, or in one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// In both.
    Both(String),
    /// In the first alone.
    Before(String),
    /// In the second alone.
    After(String),
}

/// The lines of two definitions in one order, each said once where both have it.
pub(crate) fn side_by_side(before: Option<&str>, after: Option<&str>) -> Vec<Line> {
    let (before, after) = (before.map_or_else(Vec::new, lines), after.map_or_else(Vec::new, lines));
    if before.len().saturating_mul(after.len()) > COMPARED * COMPARED {
        let before = before.into_iter().map(Line::Before);
        return before.chain(after.into_iter().map(Line::After)).collect();
    }
    let common = common(&before, &after);
    let (mut at, mut other, mut found) = (0, 0, Vec::new());
    while at < before.len() || other < after.len() {
        let both = at < before.len() && other < after.len() && same(&before[at], &after[other]);
        if both {
            found.push(Line::Both(after[other].clone()));
            (at, other) = (at + 1, other + 1);
        } else if other >= after.len()
            || (at < before.len() && common[at + 1][other] >= common[at][other + 1])
        {
            found.push(Line::Before(before[at].clone()));
            at += 1;
        } else {
            found.push(Line::After(after[other].clone()));
            other += 1;
        }
    }
    found
}

/// A comma more is no difference: the last column has none.
fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches(',') == other.trim_end_matches(',')
}

/// How many lines the rests of both have in common, from each place in each.
fn common(before: &[String], after: &[String]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; after.len() + 1]; before.len() + 1];
    for (at, one) in before.iter().enumerate().rev() {
        for (other, two) in after.iter().enumerate().rev() {
            table[at][other] = if same(one, two) {
                table[at + 1][other + 1] + 1
            } else {
                table[at + 1][other].max(table[at][other + 1])
            };
        }
    }
    table
}

/// A definition in lines: those that it has, and of a table one for each column.
fn lines(definition: &str) -> Vec<String> {
    let head = definition.trim_start().get(..12).unwrap_or_default();
    let is_table = head.eq_ignore_ascii_case("CREATE TABLE");
    if !is_table {
        return definition.lines().map(|line| line.trim_end().to_owned()).collect();
    }
    let mut lines = Splitter::default();
    for c in definition.chars() {
        lines.take(c);
    }
    lines.end(false);
    lines.found
}

/// Reads the definition of a table: what is in quotes, in comments or within inner brackets is left
/// together.
#[derive(Default)]
struct Splitter {
    found: Vec<String>,
    line: String,
    depth: usize,
    within: Within,
    last: char,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Within {
    #[default]
    Nothing,
    /// Until this quote.
    Quote(char),
    /// Until the end of the line.
    Line,
    /// Until `*/`.
    Block,
}

impl Splitter {
    fn take(&mut self, c: char) {
        let last = std::mem::replace(&mut self.last, c);
        match self.within {
            Within::Quote(end) => {
                self.line.push(c);
                if c == end {
                    self.within = Within::Nothing;
                }
            }
            Within::Line if c != '\n' => self.line.push(c),
            Within::Block => {
                self.line.push(c);
                if (last, c) == ('*', '/') {
                    self.within = Within::Nothing;
                }
            }
            Within::Line | Within::Nothing => self.plain(last, c),
        }
    }

    fn plain(&mut self, last: char, c: char) {
        self.within = match (last, c) {
            (_, '\'' | '"' | '`') => Within::Quote(c),
            (_, '[') => Within::Quote(']'),
            ('-', '-') => Within::Line,
            ('/', '*') => Within::Block,
            _ => Within::Nothing,
        };
        match c {
            '\n' => self.end(self.depth > 0),
            '(' => {
                self.line.push(c);
                self.depth += 1;
                if self.depth == 1 {
                    self.end(false);
                }
            }
            ')' => {
                if self.depth == 1 {
                    self.end(true);
                }
                self.depth = self.depth.saturating_sub(1);
                self.line.push(c);
            }
            ',' if self.depth == 1 => {
                self.line.push(c);
                self.end(true);
            }
            _ => self.line.push(c),
        }
    }

    /// The line is at its end; `inner` is one within the brackets.
    fn end(&mut self, inner: bool) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim();
        match (line, self.found.last_mut()) {
            ("", _) => {}
            // SQLite puts a new column behind a comma in a line of its own.
            (",", Some(last)) if !last.contains("--") => last.push(','),
            (line, _) => self.found.push(if inner { format!("  {line}") } else { line.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_column() {
        let one = "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(10,2) DEFAULT 'a,(b',\n  \"x,y\" TEXT -- a, b\n, c TEXT) STRICT";
        assert_eq!(
            lines(one),
            [
                "CREATE TABLE t (",
                "  id INTEGER PRIMARY KEY,",
                "  price DECIMAL(10,2) DEFAULT 'a,(b',",
                "  \"x,y\" TEXT -- a, b",
                "  ,",
                "  c TEXT",
                ") STRICT"
            ]
        );
        assert_eq!(lines("CREATE VIEW v AS\nSELECT a, b"), ["CREATE VIEW v AS", "SELECT a, b"]);
    }

    #[test]
    fn a_new_column_is_the_only_difference() {
        let found = side_by_side(
            Some("CREATE TABLE t (id INTEGER, name TEXT)"),
            Some("CREATE TABLE t (id INTEGER, name TEXT, category TEXT)"),
        );
        let after: Vec<_> = found.iter().filter(|line| !matches!(line, Line::Both(_))).collect();
        assert_eq!(after, [&Line::After("  category TEXT".to_owned())]);
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn what_is_new_or_gone_is_on_one_side() {
        let sides = |before, after| side_by_side(before, after);
        assert_eq!(sides(None, Some("CREATE VIEW v")), [Line::After("CREATE VIEW v".to_owned())]);
        assert_eq!(sides(Some("CREATE VIEW v"), None), [Line::Before("CREATE VIEW v".to_owned())]);
    }

    #[test]
    fn nothing_of_a_definition_is_lost_whatever_it_is() {
        let solid = |text: &str| text.split_whitespace().collect::<String>();
        for odd in [
            "CREATE TABLE \"a(b\" (x TEXT DEFAULT 'it''s', y)",
            "CREATE TABLE t (/* a, ( */ x, y))",
            "create table t (x [a,b], y",
            "CREATE TABLE t AS SELECT 1",
            "CREATE TABLE größe (ä TEXT)",
            "",
        ] {
            let shown = lines(odd).concat();
            assert_eq!(solid(&shown), solid(odd), "{odd}");
        }
    }
}
