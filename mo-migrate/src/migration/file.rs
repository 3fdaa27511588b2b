//! A migration file: what its head says, and its statements one by one.

mod directive;

use std::ops::Range;
use std::sync::Arc;

pub use self::directive::{Allow, Directives, TransactionMode};
use crate::sql::{Dialect, Scan, SourceProblem, pragma, scan, text_of, transaction_control};

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlStatement {
    /// Its bytes in the text, without what ends it.
    pub span: Range<usize>,
    /// Its first line, the file's first one being 1.
    pub line: usize,
}

/// A migration file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlFile {
    /// Where it is, for messages.
    pub path: String,
    /// Its text, without a byte order mark.
    pub text: Arc<str>,
    /// What its head says.
    pub directives: Directives,
    /// Its statements, in order; a file may have none.
    pub statements: Vec<SqlStatement>,
}

impl SqlFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, SQL that is not closed, a directive that is not known or stands
    /// below the head.
    pub fn parse(path: &str, bytes: &[u8], dialect: Dialect) -> Result<Self, SourceProblem> {
        let text: Arc<str> = Arc::from(text_of(path, bytes)?);
        let located = |problem: SourceProblem| problem.in_file(path, &text, 0);
        let scan = scan(&text, dialect).map_err(located)?;
        let mut directives = directive::read_head(&text, &scan, dialect).map_err(located)?;
        let mut statements = statements(&text, &scan);
        take_foreign_keys(&text, dialect, &mut directives, &mut statements);
        Ok(Self { path: path.to_owned(), text, directives, statements })
    }

    /// The text of one of its statements.
    #[must_use]
    pub fn sql(&self, statement: &SqlStatement) -> &str {
        self.text.get(statement.span.clone()).unwrap_or_default()
    }

    /// The first statement that begins or ends a transaction, which is the guard's to do.
    #[must_use]
    pub fn transaction_control(&self, dialect: Dialect) -> Option<SourceProblem> {
        self.statements.iter().find_map(|statement| {
            let sql = self.sql(statement);
            let span = transaction_control(sql, dialect)?;
            let words = sql.get(span.clone()).unwrap_or_default().to_ascii_uppercase();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let help = if self.directives.transaction == TransactionMode::NoTransaction {
                "take it out; the file runs one statement at a time, and its snapshot undoes them all"
            } else {
                "take it out; a file runs as a whole or not at all. To run it outside of a transaction, \
                 begin it with `-- mo-migrate: no-transaction`"
            };
            let message = format!("`{words}` cannot stand in a migration: transactions are the guard's");
            Some(SourceProblem::new(sql, span, message).with_help(help).in_file(
                &self.path,
                &self.text,
                statement.span.start,
            ))
        })
    }
}

fn statements(text: &str, scan: &Scan) -> Vec<SqlStatement> {
    let (mut line, mut counted) = (1, 0);
    let spans = scan.pieces.iter().filter_map(|piece| piece.statement.clone());
    spans
        .map(|span| {
            line += text[counted..span.start].matches('\n').count();
            counted = span.start;
            SqlStatement { span, line }
        })
        .collect()
}

/// Takes `PRAGMA foreign_keys = OFF` and the ON that belongs to it out of the statements.
fn take_foreign_keys(
    text: &str,
    dialect: Dialect,
    directives: &mut Directives,
    statements: &mut Vec<SqlStatement>,
) {
    let switch = |statement: &SqlStatement| {
        let (name, value) = pragma(&text[statement.span.clone()], dialect)?;
        let value = value.filter(|_| name == "foreign_keys")?.to_ascii_lowercase();
        match value.as_str() {
            "off" | "0" | "false" | "no" => Some(false),
            "on" | "1" | "true" | "yes" => Some(true),
            _ => None,
        }
    };
    directives.foreign_keys_off =
        statements.iter().any(|statement| switch(statement) == Some(false));
    if directives.foreign_keys_off {
        statements.retain(|statement| switch(statement).is_none());
    }
}

#[cfg(test)]
mod tests;
