//! Functions that do more than give a value.

use super::code::Code;
use super::{Dialect, TokenKind, unquote};

/// Functions of MatrixOne that change the server itself or write a file.
const OF_THE_SERVER: [&str; 12] = [
    "MO_CTL",
    "SAVE_FILE",
    "PURGE_LOG",
    "MO_FEATURE_LIMIT_UPSERT",
    "MO_FEATURE_REGISTRY_UPSERT",
    "ENABLE_FAULT_INJECTION",
    "DISABLE_FAULT_INJECTION",
    "ADD_FAULT_POINT",
    "REMOVE_FAULT_POINT",
    "TRIGGER_FAULT_POINT",
    "FAULT_INJECT",
    "MOPLUGIN",
];

const OF_LOCKS: [&str; 3] = ["GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS"];

const OF_SEQUENCES: [&str; 2] = ["NEXTVAL", "SETVAL"];

/// Whether the function is called, by whatever spelling.
pub(super) fn calls(code: &Code<'_>, function: &str) -> bool {
    places(code, &[function]).next().is_some()
}

/// Whether a function is called that changes anything: the server, its locks or a sequence.
pub(super) fn calls_a_change(code: &Code<'_>) -> bool {
    calls_server(code) || calls_locks(code) || places(code, &OF_SEQUENCES).next().is_some()
}

/// Whether a function is called that takes or frees locks of the session.
pub(super) fn calls_locks(code: &Code<'_>) -> bool {
    places(code, &OF_LOCKS).next().is_some()
}

/// Whether a function is called that changes the server itself.
pub(super) fn calls_server(code: &Code<'_>) -> bool {
    places(code, &OF_THE_SERVER).next().is_some()
}

/// The sequences that the statement moves; none where one of them is not told by a literal.
pub(super) fn sequences(code: &Code<'_>) -> Option<Vec<String>> {
    places(code, &OF_SEQUENCES)
        .map(|at| {
            let name = code.tokens.get(at + 2)?;
            let alone = matches!(code.upper(at + 3).as_str(), "," | ")");
            (name.kind == TokenKind::String && alone)
                .then(|| unquote(*name, code.text, code.dialect))
        })
        .collect()
}

/// The places of the names of these functions, where they are called.
fn places<'c>(code: &'c Code<'_>, functions: &'c [&str]) -> impl Iterator<Item = usize> + 'c {
    (0..code.tokens.len().saturating_sub(1)).filter(move |at| {
        let (token, next) = (code.tokens[*at], code.tokens[at + 1]);
        let name = token.text(code.text).trim_matches(['"', '`', '[', ']']);
        next.is_sign(code.text, "(")
            && token.is_name(code.text)
            && functions.iter().any(|function| name.eq_ignore_ascii_case(function))
    })
}

/// Why the statement would drop the lock that keeps other runs out; none when it would not.
///
/// The lock is the session's own, and so whatever frees the session's locks, ends a session or takes
/// others frees it. No policy allows it: without the lock two runs change one database. What a
/// routine does is seen where the routine is made, and in the text that PREPARE is given.
#[must_use]
pub fn breaks_the_lock(statement: &str, dialect: Dialect) -> Option<&'static str> {
    const FREES: &str = "it takes or frees locks of the session, and with them the lock of the run";
    if !dialect.is_mysql_family() {
        return None;
    }
    let code = Code::read(statement, dialect, usize::MAX);
    match code.upper(0).as_str() {
        "KILL" => return Some("it ends a session, which may be the one that holds the lock"),
        "LOCK" | "UNLOCK" => return Some("it locks tables or frees them for the whole session"),
        "DO" | "PERFORM" => return Some("it calls functions for their effect alone"),
        _ => {}
    }
    let has_a_body = match code.upper(0).as_str() {
        "CREATE" => (1..4).any(|at| matches!(code.upper(at).as_str(), "FUNCTION" | "PROCEDURE")),
        "PREPARE" => true,
        _ => false,
    };
    let frees = calls_locks(&code)
        || (has_a_body
            && (frees_within(&code) || strings(&code).any(|body| frees_in_text(&body, dialect))));
    frees.then_some(FREES)
}

/// The strings of the statement, which may be code themselves.
fn strings<'c>(code: &'c Code<'_>) -> impl Iterator<Item = String> + 'c {
    let strings = code.tokens.iter().filter(|token| token.kind == TokenKind::String);
    strings.map(|token| unquote(*token, code.text, code.dialect))
}

/// The text of a string, whose dollar quotes are still on.
fn frees_in_text(text: &str, dialect: Dialect) -> bool {
    let body = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    let body = Code::read(body.map_or(text, |(_, body)| body), dialect, usize::MAX);
    calls_locks(&body) || frees_within(&body)
}

/// Whether a statement within a body ends a session or locks tables.
fn frees_within(body: &Code<'_>) -> bool {
    (0..body.tokens.len()).any(|at| {
        let begins = at == 0
            || matches!(body.upper(at - 1).as_str(), "BEGIN" | "THEN" | "ELSE" | "DO" | "LOOP")
            || body.tokens[at - 1].kind == TokenKind::Terminator;
        begins && matches!(body.upper(at).as_str(), "KILL" | "LOCK" | "UNLOCK" | "PERFORM")
    })
}

#[cfg(test)]
mod tests {
    use Dialect::{MatrixOne, MySql, Sqlite};

    use super::*;

    #[test]
    fn the_lock_of_the_run_is_not_broken() {
        for (statement, breaks) in [
            ("SELECT release_all_locks()", true),
            ("SELECT Get_Lock /* */ ('a', 0)", true),
            ("INSERT INTO t VALUES (RELEASE_LOCK('a'))", true),
            ("/*! SELECT RELEASE_ALL_LOCKS() */", true),
            ("PERFORM release_all_locks()", true),
            ("DO release_all_locks()", true),
            ("KILL 5", true),
            ("kill query 5", true),
            ("LOCK TABLES t WRITE", true),
            ("unlock tables", true),
            ("CREATE PROCEDURE p () 'begin select release_all_locks(); end'", true),
            ("CREATE PROCEDURE p () BEGIN SELECT 1; KILL 5; END", true),
            ("CREATE FUNCTION f () RETURNS INT LANGUAGE sql AS 'get_lock(\"a\", 1)'", true),
            ("PREPARE s FROM 'select release_all_locks()'", true),
            ("CREATE PROCEDURE p () 'begin select 1; end'", false),
            ("SELECT is_free_lock('a'), is_used_lock('a')", false),
            ("SELECT release_lock FROM t", false),
            ("SELECT 'release_lock(1)' -- get_lock(", false),
            ("INSERT INTO t VALUES ('KILL 5')", false),
            ("", false),
        ] {
            assert_eq!(breaks_the_lock(statement, MatrixOne).is_some(), breaks, "{statement}");
            assert_eq!(breaks_the_lock(statement, MySql).is_some(), breaks, "{statement}");
            assert_eq!(breaks_the_lock(statement, Sqlite), None, "{statement}");
        }
        for statement in [
            "CREATE OR REPLACE PROCEDURE p () $$begin kill 5; end$$",
            "CREATE PROCEDURE p () $q$begin select 1; unlock tables; end$q$",
        ] {
            assert!(breaks_the_lock(statement, MatrixOne).is_some(), "{statement}");
        }
    }

    #[test]
    fn a_sequence_is_told_by_a_literal() {
        for (statement, expected) in [
            ("SELECT nextval('s'), SETVAL(\"t\", 5)", Some(vec!["s", "t"])),
            ("SELECT nextval(concat('a', 'b'))", None),
            ("SELECT nextval('a' || 'b')", None),
            ("SELECT nextval(?)", None),
            ("SELECT currval('s')", Some(vec![])),
            ("SELECT 'nextval(x)'", Some(vec![])),
        ] {
            let code = Code::read(statement, MatrixOne, usize::MAX);
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(sequences(&code), expected, "{statement}");
        }
    }
}
