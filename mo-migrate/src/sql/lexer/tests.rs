use proptest::prelude::*;

use super::*;
use crate::sql::unquote;

const ALL: [Dialect; 4] = [Dialect::Sqlite, Dialect::MatrixOne, Dialect::MySql, Dialect::Postgres];

/// The tokens of code as their texts, one that is not closed with `…` behind it.
fn code(text: &str, dialect: Dialect) -> Vec<String> {
    lex(text, dialect)
        .filter(|token| token.is_code())
        .map(|token| format!("{}{}", token.text(text), if token.closed { "" } else { "…" }))
        .collect()
}

#[track_caller]
fn only_in(dialects: &[Dialect], text: &str, expected: &[&str]) {
    for dialect in ALL {
        let same = code(text, dialect) == expected;
        assert_eq!(
            same,
            dialects.contains(&dialect),
            "{text:?} in {dialect:?}: {:?}",
            code(text, dialect)
        );
    }
}

use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

#[test]
fn comments_differ() {
    only_in(&[MySql, MatrixOne], "a # b\nc", &["a", "c"]);
    only_in(&[MatrixOne], "a // b\nc", &["a", "c"]);
    only_in(&[Sqlite, Postgres], "a --b\nc", &["a", "c"]);
    only_in(&ALL, "a -- b\nc", &["a", "c"]);
    only_in(&ALL, "a --", &["a"]);
    only_in(&[Postgres], "/* a /* b */ c */ d", &["d"]);
    only_in(&[Postgres], "a -- b\rc", &["a", "c"]);
    only_in(&[MySql, MatrixOne], "/*!50003 a */", &["/*!50003 a */"]);
    only_in(&[MySql], "/*M!100100 a */", &["/*M!100100 a */"]);
    only_in(&[Sqlite, MySql, MatrixOne], "/* /* */ a", &["a"]);
    only_in(&ALL, "/*/ a */ b", &["b"]);
}

#[test]
fn quotes_differ() {
    only_in(&[MySql, MatrixOne], r"'a\' b' c", &[r"'a\' b'", "c"]);
    only_in(&[Sqlite, Postgres], r"'a\' b", &[r"'a\'", "b"]);
    only_in(&[Postgres], r"E'a\' b' c", &[r"E'a\' b'", "c"]);
    only_in(&[Sqlite, MySql, MatrixOne], "`a b`", &["`a b`"]);
    only_in(&[Sqlite], "[a ' b]", &["[a ' b]"]);
    only_in(&[Postgres, MatrixOne], "$x$ a $$ ; $x$ b", &["$x$ a $$ ; $x$", "b"]);
    only_in(&ALL, "'it''s' \"a\"\"b\"", &["'it''s'", "\"a\"\"b\""]);
    only_in(&ALL, "'é", &["'é…"]);
    only_in(&ALL, "'a", &["'a…"]);
}

#[test]
fn a_double_quote_is_a_name_or_a_string() {
    for dialect in ALL {
        let kind = lex("\"a\"", dialect).next().map(|token| token.kind);
        let string = dialect.is_mysql_family();
        let expected = if string { TokenKind::String } else { TokenKind::QuotedName };
        assert_eq!(kind, Some(expected), "{dialect:?}");
    }
}

#[test]
fn parameters_and_numbers_are_one_token() {
    only_in(&[Sqlite], "?1 :a @b $c ?", &["?1", ":a", "@b", "$c", "?"]);
    only_in(&ALL, "1.5e-3+0x1f-.5", &["1.5e-3", "+", "0x1f", "-", ".5"]);
    let kind = |dialect| lex("$1", dialect).next().map(|token| token.kind);
    assert_eq!(kind(Postgres), Some(TokenKind::Placeholder));
    assert_eq!(kind(MySql), Some(TokenKind::Word));
    only_in(&ALL, "{{before.\"a}};b\"}} {{x", &["{{before.\"a}};b\"}}", "{", "{", "x"]);
}

#[test]
fn quotes_are_taken_off() {
    for (text, dialect, expected) in [
        ("'it''s'", Sqlite, "it's"),
        (r"'a\'b\n\%'", MatrixOne, "a'b\n\\%"),
        (r"'a\'''b'", MySql, "a''b"),
        (r"'a\n'", Sqlite, r"a\n"),
        ("[a b]", Sqlite, "a b"),
        ("`a``b`", MatrixOne, "a`b"),
        ("plain", Sqlite, "plain"),
    ] {
        let token = lex(text, dialect).next().unwrap();
        assert_eq!(unquote(token, text, dialect), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn tokens_cover_the_text(text in "([\\[\\]'\"`$#/*!;:@?{}.eE0x\\\\ \n\r-]|[a-c]|\\PC|é|\\x00){0,60}", which in 0usize..4) {
        let mut at = 0;
        for token in lex(&text, ALL[which]) {
            prop_assert_eq!(token.start, at);
            prop_assert!(token.end > token.start);
            prop_assert!(text.get(token.span()).is_some());
            let _ = unquote(token, &text, ALL[which]);
            at = token.end;
        }
        prop_assert_eq!(at, text.len());
    }

    #[test]
    fn any_text_is_covered(text in any::<String>(), which in 0usize..4) {
        let joined: String = lex(&text, ALL[which]).map(|token| token.text(&text)).collect();
        prop_assert_eq!(joined, text);
    }
}
