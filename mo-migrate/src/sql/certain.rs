//! Whether a statement's tokens are the server's.

use super::{Dialect, TokenKind, lex};

/// Whether this text is one statement, and the server is sure to read the same tokens in it.
///
/// MatrixOne reads `/*! … */` in a way of its own: a quote there may be skipped, and a comment in it
/// goes on past its `*/`. So only plain words, numbers and signs are certain in it.
pub(super) fn is_certain(text: &str, dialect: Dialect) -> bool {
    let mut ended = false;
    lex(text, dialect).all(|token| match token.kind {
        TokenKind::Blank => true,
        TokenKind::Comment => token.closed && begins_as_comment(token.text(text)),
        TokenKind::Terminator => {
            ended = true;
            true
        }
        TokenKind::Unknown => false,
        _ if ended => false,
        TokenKind::ExecutableComment => token.closed && is_plain(token.text(text)),
        _ => token.closed,
    })
}

/// MatrixOne wants a blank or a line end behind `--`, and no other control character.
fn begins_as_comment(comment: &str) -> bool {
    comment
        .strip_prefix("--")
        .and_then(|rest| rest.chars().next())
        .is_none_or(|next| matches!(next, ' ' | '\t' | '\r' | '\n'))
}

fn is_plain(comment: &str) -> bool {
    let inner = comment.get(3..comment.len().saturating_sub(2)).unwrap_or_default();
    !inner.contains(['\'', '"', '`', '\\', ';', '#', '{'])
        && ["--", "//", "/*", "*/"].iter().all(|mark| !inner.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_certain_or_not() {
        for (text, certain) in [
            ("DROP TABLE a", true),
            ("DROP TABLE a;", true),
            ("DROP TABLE a; -- the end\n;", true),
            ("/*!50003 DROP TABLE a */", true),
            ("SELECT '/*!' , 'x*/y'", true),
            ("", true),
            ("DROP TABLE a; DROP TABLE b", false),
            ("/*! DROP TABLE a; DROP TABLE b */", false),
            ("/*! DROP TABLE a # */, b", false),
            ("/*! INSERT INTO a VALUES ('*/ b') */", false),
            ("/*!50003 DROP TABLE a", false),
            ("DROP TABLE a /*", false),
            ("INSERT INTO a VALUES ('b", false),
            ("DROP TABLE a --\u{1} b", false),
            ("DROP TABLE a \u{0}", false),
        ] {
            assert_eq!(is_certain(text, Dialect::MatrixOne), certain, "{text:?}");
        }
    }
}
