//! SQL as text: tokens, statements, questions about a statement, and places in a file.
//!
//! No parser for a whole dialect is needed, and none knows them all: what is asked here is answered
//! by tokens, so that a word in a string or in a comment never counts.

mod block;
mod classify;
mod code;
mod dialect;
mod extent;
mod lexer;
mod name;
mod nearest;
mod outside;
mod placeholder;
mod quote;
mod read_only;
mod source;
mod split;

pub use classify::{
    drops_table, drops_tables, needs_no_transaction, pragma, renames_table_to, transaction_control,
};
pub use dialect::Dialect;
pub use lexer::{Lexer, Token, TokenKind, lex};
pub use nearest::{is_slip, nearest};
pub use outside::reaches_outside;
pub use placeholder::{BeforeRef, before_references, substitute, substitute_before};
pub use quote::{quote_word, unquote};
pub use read_only::is_read_only;
pub use source::{SourceProblem, text_of};
pub use split::{Piece, Scan, scan, split};
