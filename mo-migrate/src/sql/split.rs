//! A text into its statements.
//!
//! 1. The pieces cover the text: joined they are the text again, to the byte.
//! 2. A `;` in a string, a name, a comment or a body ends nothing.

use std::ops::Range;

use super::block::Follower;
use super::{Dialect, Lexer, SourceProblem, Token, TokenKind, lex};

/// A part of a text with one statement or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// All of it: blanks and comments in front, the statement, what ends it.
    pub whole: Range<usize>,
    /// The statement alone, from its first to its last token; none for blanks, comments, a lone `;`
    /// and a DELIMITER line.
    pub statement: Option<Range<usize>>,
}

/// The pieces of a text and its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// Every comment, in order, those inside of statements too.
    pub comments: Vec<Range<usize>>,
}

/// Splits a text into its statements.
///
/// # Errors
/// A string, a name, a comment or a body that is not closed; a DELIMITER without a text; a NUL
/// character.
pub fn split(text: &str, dialect: Dialect) -> Result<Vec<Piece>, SourceProblem> {
    scan(text, dialect).map(|scan| scan.pieces)
}

/// Splits a text into its statements and tells where its comments are.
///
/// # Errors
/// As [`split`].
pub fn scan(text: &str, dialect: Dialect) -> Result<Scan, SourceProblem> {
    if let Some(at) = text.find('\0') {
        return Err(SourceProblem::new(text, at..at + 1, "the text has a NUL character")
            .with_help("save the file as UTF-8; a database stops reading at this character"));
    }
    Splitter::new(text, dialect).run()
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    lexer: Lexer<'a>,
    follower: Follower,
    /// Where the present piece begins.
    start: usize,
    /// Its statement so far.
    statement: Option<Range<usize>>,
    /// Only blanks were read since the line began.
    line_is_blank: bool,
    scan: Scan,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            lexer: lex(text, dialect),
            follower: Follower::new(dialect),
            start: 0,
            statement: None,
            line_is_blank: true,
            scan: Scan::default(),
        }
    }

    fn run(mut self) -> Result<Scan, SourceProblem> {
        while let Some(token) = self.lexer.next() {
            if !token.closed {
                return Err(not_closed(self.text, token));
            }
            let first_of_line = self.line_is_blank;
            match token.kind {
                TokenKind::Blank => {
                    self.line_is_blank |= token.text(self.text).contains(['\n', '\r']);
                    continue;
                }
                TokenKind::Comment => self.scan.comments.push(token.span()),
                TokenKind::Terminator if self.ends_here() => self.end_piece(token.end),
                _ if first_of_line && self.statement.is_none() && self.is_delimiter(token) => {
                    self.delimiter_line(token)?;
                    continue;
                }
                _ => self.take(token),
            }
            self.line_is_blank = false;
        }
        if let Some(body) = self.follower.unfinished().filter(|_| self.lexer.delimiter() == ";") {
            return Err(SourceProblem::new(self.text, body.span(), "this body has no end")
                .with_help("end it with `END;` on a line of its own"));
        }
        if self.start < self.text.len() {
            self.end_piece(self.text.len());
        }
        Ok(self.scan)
    }

    /// With a delimiter of the file's own, only that one counts: that is what it is for.
    fn ends_here(&self) -> bool {
        self.lexer.delimiter() != ";" || !self.follower.is_inside()
    }

    fn take(&mut self, token: Token) {
        self.follower.push(token, self.text);
        let start = self.statement.as_ref().map_or(token.start, |statement| statement.start);
        self.statement = Some(start..token.end);
    }

    fn end_piece(&mut self, end: usize) {
        let statement = self.statement.take();
        self.scan.pieces.push(Piece { whole: self.start..end, statement });
        self.start = end;
        self.follower = Follower::new(self.dialect);
    }

    /// A word `DELIMITER` with a blank or nothing behind it.
    fn is_delimiter(&self, token: Token) -> bool {
        token.is_word(self.text, "DELIMITER")
            && self.text[token.end..].chars().next().is_none_or(char::is_whitespace)
    }

    fn delimiter_line(&mut self, token: Token) -> Result<(), SourceProblem> {
        let line = self.text[token.end..].split(['\n', '\r']).next().unwrap_or_default();
        let end = token.end + line.len();
        let delimiter = line.split_whitespace().next().unwrap_or_default();
        if delimiter.is_empty() || delimiter.contains(['\\', '\'', '"', '`']) {
            let wrong = if delimiter.is_empty() {
                "has no text"
            } else {
                "cannot have a quote or a backslash"
            };
            return Err(SourceProblem::new(
                self.text,
                token.start..end,
                format!("this DELIMITER {wrong}"),
            )
            .with_help("write `DELIMITER //` before the body and `DELIMITER ;` behind it"));
        }
        self.lexer.delimit(delimiter, end);
        self.end_piece(end);
        Ok(())
    }
}

fn not_closed(text: &str, token: Token) -> SourceProblem {
    let written = token.text(text);
    let first = written.chars().next().unwrap_or_default();
    let dollar = || format!("${}$", written[1..].split('$').next().unwrap_or_default());
    let (what, close) = match (token.kind, first) {
        (TokenKind::String, '$') => ("string", dollar()),
        (TokenKind::String, 'e' | 'E') => ("string", "'".to_owned()),
        (TokenKind::String, quote) => ("string", quote.to_string()),
        (TokenKind::QuotedName, '[') => ("name", "]".to_owned()),
        (TokenKind::QuotedName, quote) => ("name", quote.to_string()),
        _ => ("comment", "*/".to_owned()),
    };
    let ticks = if close.contains('`') { "``" } else { "`" };
    let pad = if close.contains('`') { " " } else { "" };
    let line_end = written.find(['\n', '\r']).unwrap_or(written.len());
    let span = token.start..token.start + line_end;
    SourceProblem::new(text, span, format!("this {what} is not closed"))
        .with_help(format!("add {ticks}{pad}{close}{pad}{ticks} where it ends"))
}

#[cfg(test)]
mod tests;
