//! Tokens with byte spans.
//!
//! 1. The spans of the tokens cover the text without gap or overlap.
//! 2. No text makes the lexer fail: what nothing knows is [`TokenKind::Unknown`], and what is not
//!    closed says so.

use std::ops::Range;

use super::Dialect;
use super::extent::{block_comment, braces_end, dollar_end, number_length, quote_end};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Spaces and line ends.
    Blank,
    /// A comment.
    Comment,
    /// `/*! … */`: code that MySQL runs and others skip.
    ExecutableComment,
    /// A keyword or a plain name.
    Word,
    /// A number.
    Number,
    /// A string, in whatever quotes.
    String,
    /// A name in quotes.
    QuotedName,
    /// A parameter of a statement, or `{{…}}` of a check.
    Placeholder,
    /// What ends a statement: `;`, or what DELIMITER made of it.
    Terminator,
    /// One sign of any other kind that SQL has.
    Punctuation,
    /// A character that SQL does not have.
    Unknown,
}

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last one.
    pub end: usize,
    /// False when its closing quote or mark is missing.
    pub closed: bool,
}

impl Token {
    /// Its place.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.start..self.end
    }

    /// Its text in `source`, which is the text that it was read from.
    #[must_use]
    pub fn text(self, source: &str) -> &str {
        source.get(self.span()).unwrap_or_default()
    }

    /// Whether it is this keyword.
    #[must_use]
    pub fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(source).eq_ignore_ascii_case(word)
    }

    /// Whether it is this sign.
    #[must_use]
    pub fn is_sign(self, source: &str, sign: &str) -> bool {
        self.kind == TokenKind::Punctuation && self.text(source) == sign
    }

    /// Whether it belongs to a statement, as blanks and comments do not.
    #[must_use]
    pub fn is_code(self) -> bool {
        !matches!(self.kind, TokenKind::Blank | TokenKind::Comment)
    }

    /// Whether it names something: a plain word, or a name in quotes.
    ///
    /// `"…"` counts in every dialect: whoever writes it where a name belongs means a name.
    #[must_use]
    pub fn is_name(self, source: &str) -> bool {
        match self.kind {
            TokenKind::Word | TokenKind::QuotedName => true,
            TokenKind::String => self.text(source).starts_with('"'),
            _ => false,
        }
    }
}

/// The tokens of a whole text.
#[must_use]
pub fn lex(text: &str, dialect: Dialect) -> Lexer<'_> {
    Lexer::starting_at(text, dialect, 0)
}

/// Reads a text token by token.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    dialect: Dialect,
    at: usize,
    delimiter: String,
}

impl<'a> Lexer<'a> {
    /// Begins at a byte of the text; one that is no boundary of a character counts as the end.
    #[must_use]
    pub fn starting_at(text: &'a str, dialect: Dialect, at: usize) -> Self {
        let at = if text.is_char_boundary(at) { at } else { text.len() };
        Self { text, dialect, at, delimiter: ";".to_owned() }
    }

    /// Where the next token begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// What ends a statement at present.
    #[must_use]
    pub fn delimiter(&self) -> &str {
        &self.delimiter
    }

    /// Goes on behind the next line end or at `at`, with another delimiter; an empty one is ignored.
    pub(super) fn delimit(&mut self, delimiter: &str, at: usize) {
        if !delimiter.is_empty() && self.text.is_char_boundary(at) && at >= self.at {
            delimiter.clone_into(&mut self.delimiter);
            self.at = at;
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn token(&self, kind: TokenKind, length: usize) -> Token {
        Token { kind, start: self.at, end: self.at + length, closed: true }
    }

    /// `length` is none for what has no end.
    fn closing(&self, kind: TokenKind, length: Option<usize>) -> Token {
        let closed = length.is_some();
        Token { closed, ..self.token(kind, length.unwrap_or(self.rest().len())) }
    }

    /// As long as the characters fit; a delimiter ends a run, for `END//` is two tokens.
    fn run(&self, fits: impl Fn(char) -> bool) -> usize {
        let rest = self.rest();
        let sign = !self.delimiter.starts_with(is_word_start);
        rest.char_indices()
            .find(|(i, c)| !fits(*c) || (sign && self.delimits(&rest[*i..])))
            .map_or(rest.len(), |(i, _)| i)
    }

    /// Whether what ends a statement begins this rest of the text; one that is a word, such as `go`,
    /// does not end `gold`.
    fn delimits(&self, rest: &str) -> bool {
        let Some(behind) = rest.strip_prefix(&self.delimiter) else {
            return false;
        };
        !(self.delimiter.ends_with(is_word_start) && behind.starts_with(is_word_char))
    }

    fn next_token(&self, first: char) -> Token {
        if self.delimits(self.rest()) {
            return self.token(TokenKind::Terminator, self.delimiter.len());
        }
        if is_blank(first) {
            return self.token(TokenKind::Blank, self.run(is_blank));
        }
        self.comment(first)
            .or_else(|| self.quoted(first))
            .or_else(|| self.placeholder(first))
            .unwrap_or_else(|| self.plain(first))
    }

    fn comment(&self, first: char) -> Option<Token> {
        let (rest, dialect) = (self.rest(), self.dialect);
        let after_dashes = rest.strip_prefix("--").map(|rest| rest.chars().next());
        let line = match first {
            '#' => dialect.hash_comments(),
            '/' => dialect.slash_comments() && rest.starts_with("//"),
            _ => after_dashes.is_some_and(|next| {
                !dialect.dashes_need_a_blank()
                    || next.is_none_or(|next| next.is_ascii_whitespace() || next.is_control())
            }),
        };
        if line {
            let end = rest.find(|c| c == '\n' || (c == '\r' && dialect.return_ends_comment()));
            return Some(self.token(TokenKind::Comment, end.unwrap_or(rest.len())));
        }
        if !rest.starts_with("/*") {
            return None;
        }
        let code = dialect.executable_comments()
            && (rest.starts_with("/*!") || (rest.starts_with("/*M!") && dialect == Dialect::MySql));
        let kind = if code { TokenKind::ExecutableComment } else { TokenKind::Comment };
        Some(self.closing(kind, block_comment(rest, dialect.nested_comments())))
    }

    fn quoted(&self, first: char) -> Option<Token> {
        let (rest, dialect) = (self.rest(), self.dialect);
        let (kind, length) = match first {
            '\'' => (TokenKind::String, quote_end(rest, '\'', dialect.backslash_escapes())),
            '"' if dialect.double_quoted_strings() => {
                (TokenKind::String, quote_end(rest, '"', dialect.backslash_escapes()))
            }
            '"' => (TokenKind::QuotedName, quote_end(rest, '"', false)),
            '`' if dialect.backquotes() => (TokenKind::QuotedName, quote_end(rest, '`', false)),
            '[' if dialect.bracketed_names() => {
                (TokenKind::QuotedName, rest.find(']').map(|i| i + 1))
            }
            'e' | 'E' if dialect.escape_strings() && rest[1..].starts_with('\'') => {
                (TokenKind::String, quote_end(&rest[1..], '\'', true).map(|length| length + 1))
            }
            '$' if dialect.dollar_quotes() => (TokenKind::String, dollar_end(rest)?),
            _ => return None,
        };
        Some(self.closing(kind, length))
    }

    fn placeholder(&self, first: char) -> Option<Token> {
        let rest = self.rest();
        if let Some(length) = braces_end(rest) {
            return Some(self.token(TokenKind::Placeholder, length));
        }
        if !self.dialect.parameter_marks().contains(first) {
            return None;
        }
        let name = rest[1..].find(|c| !is_word_char(c)).unwrap_or(rest.len() - 1);
        let known = match first {
            '?' => true,
            '$' if self.dialect == Dialect::Postgres => {
                rest[1..].starts_with(|c: char| c.is_ascii_digit())
            }
            _ => name > 0,
        };
        let length = if first == '?' {
            rest[1..].bytes().take_while(u8::is_ascii_digit).count()
        } else {
            name
        };
        known.then(|| self.token(TokenKind::Placeholder, 1 + length))
    }

    fn plain(&self, first: char) -> Token {
        let rest = self.rest();
        let dotted = rest
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if first.is_ascii_digit() || dotted {
            return self.token(TokenKind::Number, number_length(rest));
        }
        if is_word_char(first) && (first != '$' || self.dialect.is_mysql_family()) {
            return self.token(TokenKind::Word, self.run(is_word_char));
        }
        let known = first.is_ascii_punctuation() && first != '\\';
        let kind = if known { TokenKind::Punctuation } else { TokenKind::Unknown };
        self.token(kind, first.len_utf8())
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let first = self.rest().chars().next()?;
        let token = self.next_token(first);
        self.at = token.end;
        Some(token)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn is_word_start(c: char) -> bool {
    is_word_char(c) && c != '$'
}

pub(super) fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests;
