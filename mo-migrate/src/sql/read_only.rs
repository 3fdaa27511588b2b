//! Whether a statement changes anything.

use super::calls::calls_a_change;
use super::certain::is_certain;
use super::code::Code;
use super::{Dialect, TokenKind};

/// Whether the statement only reads: SELECT, VALUES, EXPLAIN, or WITH that ends in one of them.
///
/// SELECT … INTO writes, as do a statement in a WITH's parentheses and what EXPLAIN ANALYZE runs.
/// In MySQL's family SHOW and DESCRIBE read as well, and neither a query that locks its rows nor one
/// that calls a function with an effect does: one that moves a sequence, takes or frees a lock, or
/// changes the server.
#[must_use]
pub fn is_read_only(statement: &str, dialect: Dialect) -> bool {
    let code = Code::read(statement, dialect, usize::MAX);
    let first = (0..code.tokens.len()).find(|at| code.upper(*at) != "(").unwrap_or(0);
    if dialect.is_mysql_family() && does_more_than_read(&code, first) {
        return false;
    }
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
        "SHOW" | "DESC" | "DESCRIBE" => dialect.is_mysql_family(),
        _ => false,
    }
}

/// What a query of MySQL's family may do besides: lock rows, write a file, call what has an effect.
fn does_more_than_read(code: &Code<'_>, first: usize) -> bool {
    let explains = code.upper(first) == "EXPLAIN";
    let shows = matches!(code.upper(first).as_str(), "SHOW" | "DESC" | "DESCRIBE");
    let locks_or_writes = (0..code.tokens.len()).any(|at| {
        ["INTO", "FOR UPDATE", "FOR SHARE", "LOCK IN"].iter().any(|words| code.has(at, words))
    });
    !is_certain(code.text, code.dialect)
        || calls_a_change(code)
        || (locks_or_writes && !explains && !shows)
}

fn is_reading_verb(word: &str) -> bool {
    matches!(word, "SELECT" | "VALUES" | "TABLE")
}

/// A word that writes; with a parenthesis behind it, it is a function such as `replace(…)`.
pub(super) fn is_write(code: &Code<'_>, at: usize) -> bool {
    let word = code.upper(at);
    matches!(word.as_str(), "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "MERGE")
        && code.upper(at + 1) != "("
        && (at == 0 || !matches!(code.upper(at - 1).as_str(), "." | "FOR" | "KEY"))
}

pub(super) fn hides_a_write(code: &Code<'_>) -> bool {
    (1..code.tokens.len())
        .any(|at| code.upper(at - 1) == "(" && code.upper(at) != "REPLACE" && is_write(code, at))
}

/// The places of the tokens that are in no parentheses.
pub(super) fn top<'c>(code: &'c Code<'_>) -> impl Iterator<Item = usize> + use<'c> {
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
pub(super) fn main_verb(code: &Code<'_>, with: usize) -> Option<usize> {
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
    use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

    use super::*;

    #[test]
    fn matrixone_reads_without_an_effect() {
        for (statement, reads) in [
            ("SHOW CREATE TABLE t", true),
            ("DESC t", true),
            ("describe `t`", true),
            ("EXPLAIN UPDATE t SET a = 1", true),
            ("EXPLAIN SELECT * FROM t FOR UPDATE", true),
            ("EXPLAIN ANALYZE SELECT 1", true),
            ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", false),
            ("SELECT * FROM t {SNAPSHOT = 's'} x JOIN u{MO_TS = 5}", true),
            ("SELECT * FROM {{before.t}}", true),
            ("SELECT currval('s'), is_free_lock('a')", true),
            ("SELECT nextval FROM t", true),
            ("SELECT `into` FROM t", true),
            ("VALUES ROW(1, 2)", true),
            ("SELECT * FROM t FOR UPDATE", false),
            ("SELECT * FROM t for share", false),
            ("SELECT * FROM t LOCK IN SHARE MODE", false),
            ("SELECT 1 INTO OUTFILE 'x'", false),
            ("(SELECT 1 INTO OUTFILE 'x')", false),
            ("SELECT * FROM (SELECT 1 INTO OUTFILE 'x') t", false),
            ("SELECT nextval('s')", false),
            ("WITH a AS (SELECT SetVal ('s', 1)) SELECT * FROM a", false),
            ("EXPLAIN ANALYZE SELECT nextval('s')", false),
            ("SELECT get_lock('a', 0)", false),
            ("SELECT release_all_locks()", false),
            ("SELECT mo_ctl('dn', 'flush', 'a.b')", false),
            ("SELECT save_file('x', 'y')", false),
            ("/*! SELECT 1 # */ , 2", false),
            ("PERFORM nextval('s')", false),
            ("DO 1", false),
            ("SHOW TABLES; DROP TABLE t", false),
        ] {
            assert_eq!(is_read_only(statement, MatrixOne), reads, "{statement}");
        }
        assert!(!is_read_only("SHOW x", Postgres) && !is_read_only("DESC x", Sqlite));
    }

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
