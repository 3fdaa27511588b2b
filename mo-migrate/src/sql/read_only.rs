//! Whether a statement changes anything.

use super::code::Code;
use super::{Dialect, TokenKind};

/// Whether the statement only reads: SELECT, VALUES, EXPLAIN, or WITH that ends in one of them.
///
/// SELECT … INTO writes, as do a statement in a WITH's parentheses and what EXPLAIN ANALYZE runs.
#[must_use]
pub fn is_read_only(statement: &str, dialect: Dialect) -> bool {
    let code = Code::read(statement, dialect, usize::MAX);
    let first = (0..code.tokens.len()).find(|at| code.upper(*at) != "(").unwrap_or(0);
    if code.tokens.iter().any(|token| token.kind == TokenKind::Terminator) || hides_a_write(&code) {
        return false;
    }
    match code.upper(first).as_str() {
        "SELECT" | "VALUES" => !has_at_top(&code, "INTO"),
        "WITH" => {
            let list = main_verb(&code, first);
            list.is_some_and(|at| is_reading_verb(&code.upper(at))) && !has_at_top(&code, "INTO")
        }
        "EXPLAIN" => {
            let runs = (first..first + 12).any(|at| code.upper(at) == "ANALYZE");
            !runs || !(first..code.tokens.len()).any(|at| is_write(&code, at))
        }
        _ => false,
    }
}

fn is_reading_verb(word: &str) -> bool {
    matches!(word, "SELECT" | "VALUES" | "TABLE")
}

/// A word that writes; with a parenthesis behind it, it is a function such as `replace(…)`.
fn is_write(code: &Code<'_>, at: usize) -> bool {
    let word = code.upper(at);
    matches!(word.as_str(), "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "MERGE")
        && code.upper(at + 1) != "("
        && (at == 0 || !matches!(code.upper(at - 1).as_str(), "." | "FOR" | "KEY"))
}

fn hides_a_write(code: &Code<'_>) -> bool {
    (1..code.tokens.len())
        .any(|at| code.upper(at - 1) == "(" && code.upper(at) != "REPLACE" && is_write(code, at))
}

/// The places of the tokens that are in no parentheses.
fn top<'c>(code: &'c Code<'_>) -> impl Iterator<Item = usize> + use<'c> {
    let mut depth = 0usize;
    (0..code.tokens.len()).filter(move |at| {
        let token = code.tokens[*at];
        if token.is_sign(code.text, "(") {
            depth += 1;
        } else if token.is_sign(code.text, ")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    })
}

fn has_at_top(code: &Code<'_>, word: &str) -> bool {
    top(code).any(|at| code.tokens[at].is_word(code.text, word))
}

/// The verb behind the list of a WITH.
fn main_verb(code: &Code<'_>, with: usize) -> Option<usize> {
    let mut listed = false;
    let places: Vec<usize> = top(code).filter(|at| *at > with).collect();
    places.into_iter().find(|at| {
        let word = code.upper(*at);
        listed |= word == ")";
        listed && (is_reading_verb(&word) || is_write(code, *at))
    })
}

#[cfg(test)]
mod tests {
    use Dialect::{MySql, Postgres, Sqlite};

    use super::*;

    #[test]
    fn a_question_is_told_from_a_change() {
        for (dialect, statement, reads) in [
            (Sqlite, "SELECT replace(a, 'b', 'c') FROM t", true),
            (Sqlite, "(SELECT 1)", true),
            (Sqlite, "values (1)", true),
            (
                Sqlite,
                "WITH a(x) AS (SELECT 1), b AS (SELECT 2) SELECT replace(x, 1, 2) FROM a",
                true,
            ),
            (Sqlite, "WITH a AS (SELECT 1) DELETE FROM t", false),
            (Sqlite, "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", false),
            (Sqlite, "WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a", false),
            (Sqlite, "EXPLAIN QUERY PLAN DELETE FROM t", true),
            (Postgres, "EXPLAIN ANALYZE DELETE FROM t", false),
            (Postgres, "EXPLAIN (ANALYZE) SELECT 1", true),
            (Postgres, "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", false),
            (Postgres, "SELECT * INTO new FROM t", false),
            (MySql, "SELECT 1 INTO OUTFILE 'x'", false),
            (MySql, "SELECT 'INTO' FROM t", true),
            (MySql, "SELECT (INSERT('abc', 1, 1, 'x'))", true),
            (MySql, "/*! DELETE FROM t */", false),
            (MySql, "/* SELECT */ DELETE FROM t", false),
            (Sqlite, "PRAGMA x", false),
            (Sqlite, "SELECT 1; DELETE FROM t", false),
            (Sqlite, "", false),
            (Sqlite, "(", false),
        ] {
            assert_eq!(is_read_only(statement, dialect), reads, "{statement}");
        }
    }
}
