//! SQL as text: tokens, statements, questions about a statement, and places in a file.
//!
//! No parser for a whole dialect is needed, and none knows them all: what is asked here is answered
//! by tokens, so that a word in a string or in a comment never counts.

mod block;
mod calls;
mod certain;
mod change;
mod classify;
mod code;
mod dialect;
mod extent;
mod form;
mod lexer;
mod name;
mod nearest;
mod object;
mod outside;
mod placeholder;
mod quote;
mod read_only;
mod references;
mod rehearse;
mod session;
mod source;
mod split;
mod touches;
mod transaction;
mod uses;

#[cfg(test)]
mod tests;

pub use calls::breaks_the_lock;
pub(crate) use change::{Change, Column, Key, Name, What, changes};
pub use classify::{drops_table, drops_tables, pragma, renames_table_to, transaction_control};
pub use dialect::Dialect;
pub use lexer::{Lexer, Token, TokenKind, lex};
pub use nearest::{is_slip, nearest, nearest_few};
pub use outside::reaches_outside;
pub use placeholder::{BeforeRef, before_references, substitute, substitute_before};
pub use quote::{quote_word, unquote, unquote_name};
pub use read_only::is_read_only;
pub use rehearse::names_no_database;
pub use session::{session_variables, sets_session};
pub use source::{SourceProblem, text_of};
pub use split::{Piece, Scan, scan, split};
pub use touches::{writes_elsewhere, writes_to};
pub use transaction::{fits_in_transaction_of_its_own, mixes_in_transaction, needs_no_transaction};
pub(crate) use uses::{Uses, names, uses};
