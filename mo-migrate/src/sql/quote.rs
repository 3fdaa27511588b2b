//! Quotes put on and taken off.

use super::lexer::is_word_char;
use super::{Dialect, Token, TokenKind};

/// The name or string that a token stands for, without its quotes.
#[must_use]
pub fn unquote(token: Token, source: &str, dialect: Dialect) -> String {
    let text = token.text(source);
    let escapes = token.kind == TokenKind::String && dialect.backslash_escapes();
    if token.kind == TokenKind::Word || text.len() < 2 || !token.closed {
        return text.to_owned();
    }
    match text.chars().next() {
        Some('[') => text[1..text.len() - 1].to_owned(),
        Some(quote @ ('\'' | '"' | '`')) => unescape(&text[1..text.len() - 1], quote, escapes),
        _ => text.to_owned(),
    }
}

/// The name that a token stands for where a name belongs: in `"…"` too, which is a string elsewhere,
/// a backslash is a backslash.
#[must_use]
pub fn unquote_name(token: Token, source: &str, dialect: Dialect) -> String {
    unquote(Token { kind: TokenKind::QuotedName, ..token }, source, dialect)
}

/// Undoubles quotes, and undoes MySQL's backslash escapes where there are any; `\%` and `\_` keep
/// their backslash, which LIKE needs.
fn unescape(text: &str, quote: char, backslash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == quote {
            characters.next_if_eq(&quote);
        }
        match (c, if backslash && c == '\\' { characters.next() } else { None }) {
            (_, None) => out.push(c),
            (_, Some('n')) => out.push('\n'),
            (_, Some('t')) => out.push('\t'),
            (_, Some('r')) => out.push('\r'),
            (_, Some('b')) => out.push('\u{8}'),
            (_, Some('0')) => out.push('\0'),
            (_, Some('Z')) => out.push('\u{1a}'),
            (_, Some(wild @ ('%' | '_'))) => out.extend(['\\', wild]),
            (_, Some(other)) => out.push(other),
        }
    }
    out
}

/// A name as a person would write it: plain where it can be, else in double quotes.
#[must_use]
pub fn quote_word(name: &str) -> String {
    let plain = name.chars().all(is_word_char)
        && !name.starts_with(|c: char| c.is_ascii_digit() || c == '$')
        && !name.is_empty();
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
