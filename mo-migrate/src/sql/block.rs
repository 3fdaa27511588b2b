//! Bodies: the statements inside of a trigger or routine, whose `;` do not end it.
//!
//! SQLite's rule is its own (`sqlite3_complete`): a trigger ends at the `;` behind an END that stands
//! behind a `;`. `END` and `BEGIN` are allowed as names there, so counting them would be wrong. The
//! other dialects nest blocks, and a word opens or closes one only where a statement may begin.

use super::{Dialect, Token, TokenKind};

/// A block that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// BEGIN, IF, LOOP, WHILE or REPEAT; also CASE as a statement.
    Statements,
    /// CASE inside of an expression: its THEN and ELSE begin no statement.
    Expression,
}

/// How far the definition has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing yet.
    Start,
    /// CREATE was read; what it creates was not.
    Create,
    /// It has a body, which has not begun.
    Header,
    /// Inside of the body's blocks; or in a SQLite trigger.
    Body,
    /// No `;` is special any more.
    Plain,
}

/// Follows one statement and knows whether a `;` ends it.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    dialect: Dialect,
    stage: Stage,
    blocks: Vec<Block>,
    /// How many parentheses are open.
    depth: usize,
    /// The last token of code in upper case; a `;` inside of the body is `;`.
    last: String,
    /// SQLite: an END behind a `;` was the last token.
    ended: bool,
    /// A word that counts although no statement may begin there: END behind UNTIL, BEGIN behind
    /// HANDLER FOR.
    awaited: &'static str,
    /// Where the body's first word is.
    opened: Option<Token>,
}

impl Follower {
    /// At the beginning of a statement.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            stage: Stage::Start,
            blocks: Vec::new(),
            depth: 0,
            last: String::new(),
            ended: false,
            awaited: "",
            opened: None,
        }
    }

    /// Whether a terminator here is inside of a body.
    pub(super) fn is_inside(&self) -> bool {
        self.stage == Stage::Body && !self.ended
    }

    /// Where the body began that is not ended yet.
    pub(super) fn unfinished(&self) -> Option<Token> {
        if self.is_inside() { self.opened } else { None }
    }

    /// Takes the statement's next token, blanks and comments left out.
    pub(super) fn push(&mut self, token: Token, text: &str) {
        if self.stage == Stage::Plain {
            return;
        }
        let word = match token.kind {
            TokenKind::Word | TokenKind::Punctuation => token.text(text).to_ascii_uppercase(),
            TokenKind::Terminator => ";".to_owned(),
            _ => String::new(),
        };
        match word.as_str() {
            "(" => self.depth += 1,
            ")" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        match self.stage {
            Stage::Start => self.start(&word),
            Stage::Create => self.create(&word, token),
            Stage::Header => self.header(&word, token),
            Stage::Body if self.dialect == Dialect::Sqlite => {
                self.ended = word == "END" && self.last == ";";
            }
            Stage::Body => self.body(&word),
            Stage::Plain => {}
        }
        self.last = word;
    }

    fn start(&mut self, word: &str) {
        self.stage = match word {
            "CREATE" | "ALTER" => Stage::Create,
            "EXPLAIN" | "QUERY" | "PLAN" => Stage::Start,
            _ => Stage::Plain,
        };
    }

    fn create(&mut self, word: &str, token: Token) {
        const OTHERS: [&str; 9] =
            ["TABLE", "VIEW", "INDEX", "DATABASE", "SCHEMA", "USER", "ROLE", "SEQUENCE", "TYPE"];
        if self.dialect.kinds_with_a_body().contains(&word) {
            self.opened = Some(token);
            self.stage = if self.dialect == Dialect::Sqlite { Stage::Body } else { Stage::Header };
        } else if OTHERS.contains(&word) {
            self.stage = Stage::Plain;
        }
    }

    fn header(&mut self, word: &str, token: Token) {
        const SIMPLE: [&str; 11] = [
            "SET", "SELECT", "INSERT", "UPDATE", "DELETE", "CALL", "REPLACE", "RETURN", "WITH",
            "SIGNAL", "AS",
        ];
        const NAME_FOLLOWS: [&str; 8] =
            [".", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "ON", "EXISTS", "="];
        let last = self.last.as_str();
        if self.depth > 0 || NAME_FOLLOWS.contains(&last) {
            return;
        }
        let of_header = matches!(last, "BEFORE" | "AFTER" | "OR" | "CHARACTER" | "RETURNS");
        match word {
            "IF" if matches!(last, "FUNCTION" | "PROCEDURE" | "TRIGGER" | "EVENT") => {}
            "BEGIN" | "IF" | "LOOP" | "WHILE" | "REPEAT" | "CASE" => {
                self.blocks.push(Block::Statements);
                self.opened = Some(token);
                self.stage = Stage::Body;
            }
            _ if SIMPLE.contains(&word) && !of_header => self.stage = Stage::Plain,
            _ => {}
        }
    }

    fn body(&mut self, word: &str) {
        let begins = self.begins_statement() || (word == self.awaited && !word.is_empty());
        let in_expression = self.blocks.last() == Some(&Block::Expression);
        match word {
            ";" => self.awaited = "",
            "UNTIL" if begins => self.awaited = "END",
            "HANDLER" => self.awaited = "BEGIN",
            "CASE" if self.last != "END" && self.last != "." => {
                self.blocks.push(if begins { Block::Statements } else { Block::Expression });
            }
            "BEGIN" | "IF" | "LOOP" | "WHILE" | "REPEAT" if begins => {
                self.blocks.push(Block::Statements);
                self.awaited = "";
            }
            "END" if self.last != "." && (begins || in_expression) => {
                self.blocks.pop();
                if !in_expression {
                    self.awaited = "";
                }
            }
            _ => {}
        }
        if self.blocks.is_empty() {
            self.stage = Stage::Plain;
        }
    }

    fn begins_statement(&self) -> bool {
        match self.last.as_str() {
            ";" | "DO" | "LOOP" | "REPEAT" | "BEGIN" | ":" | "ATOMIC" => true,
            "THEN" | "ELSE" => self.blocks.last() != Some(&Block::Expression),
            _ => false,
        }
    }
}
