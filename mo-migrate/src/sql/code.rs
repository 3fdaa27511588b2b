//! One statement as tokens, for the questions about it.

use std::ops::Range;

use super::{Dialect, Lexer, Token, TokenKind, lex, unquote_name};

/// One statement as tokens of code, the contents of `/*! … */` among them.
pub(super) struct Code<'a> {
    pub(super) text: &'a str,
    pub(super) dialect: Dialect,
    pub(super) tokens: Vec<Token>,
}

impl<'a> Code<'a> {
    /// The first `limit` tokens: questions about the beginning need not read a dump to its end.
    pub(super) fn read(text: &'a str, dialect: Dialect, limit: usize) -> Self {
        let mut tokens = Vec::new();
        for token in lex(text, dialect).filter(|token| token.is_code()) {
            if tokens.len() >= limit {
                break;
            }
            if token.kind == TokenKind::ExecutableComment {
                tokens.extend(executable(text, token, dialect).take(limit - tokens.len()));
            } else {
                tokens.push(token);
            }
        }
        Self { text, dialect, tokens }
    }

    /// The token at this place in upper case, if it is a word or a sign.
    pub(super) fn upper(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(token) if matches!(token.kind, TokenKind::Word | TokenKind::Punctuation) => {
                token.text(self.text).to_ascii_uppercase()
            }
            _ => String::new(),
        }
    }

    /// Whether the tokens from `at` on are these words and signs.
    pub(super) fn has(&self, at: usize, words: &str) -> bool {
        words.split(' ').enumerate().all(|(i, word)| self.upper(at + i) == word)
    }

    pub(super) fn name(&self, at: usize) -> Option<String> {
        let token = *self.tokens.get(at)?;
        token.is_name(self.text).then(|| unquote_name(token, self.text, self.dialect))
    }

    pub(super) fn span(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.tokens.get(from).map_or(0, |token| token.start);
        let end = self.tokens.get(to).or(self.tokens.last()).map_or(start, |token| token.end);
        start..end.max(start)
    }
}

/// The tokens inside of `/*!50003 … */`.
fn executable(text: &str, comment: Token, dialect: Dialect) -> impl Iterator<Item = Token> {
    let end = if comment.closed { comment.end - 2 } else { comment.end };
    let mark = text[comment.start..end].find('!').map_or(0, |i| i + 1);
    let start = comment.start + mark;
    let digits = text[start..end].bytes().take(6).take_while(u8::is_ascii_digit).count();
    let digits = if digits >= 5 { digits } else { 0 };
    Lexer::starting_at(&text[..end], dialect, start + digits).filter(|token| token.is_code())
}
