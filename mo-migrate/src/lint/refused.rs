//! What a run would refuse, before anybody has a database to run it on.

use super::file::Found;
use super::rule::Rule;
use super::say;
use crate::migration::{SqlFile, TransactionMode};
use crate::sql::{self, Dialect};

/// The first statement that the run refuses, as it would say it.
pub(super) fn refused(file: &SqlFile, dialect: Dialect) -> Option<Found> {
    let found = |at, why: &str, help: Option<&str>| Found {
        rule: Rule::Transaction,
        at,
        words: say::refused(why, help),
    };
    if let Some(problem) = file.transaction_control(dialect) {
        return Some(found(problem.span.start, &problem.message, problem.help.as_deref()));
    }
    let transactional = match file.directives.transaction {
        TransactionMode::Transaction => true,
        TransactionMode::NoTransaction => false,
        TransactionMode::Default => dialect == Dialect::Sqlite,
    };
    for statement in &file.statements {
        let text = file.sql(statement);
        if let Some(why) = sql::breaks_the_lock(text, dialect) {
            return Some(found(statement.span.start, why, Some("take it out")));
        }
        if transactional && let Some(why) = sql::needs_no_transaction(text, dialect) {
            let help = "write `-- mo-migrate: no-transaction` at the head of the file";
            return Some(found(statement.span.start, why, Some(help)));
        }
    }
    let texts: Vec<&str> = file.statements.iter().map(|statement| file.sql(statement)).collect();
    let (at, why) = transactional.then(|| sql::mixes_in_transaction(&texts, dialect)).flatten()?;
    let help = "leave `-- mo-migrate: transaction` out, or put it into a file of its own";
    Some(found(file.statements[at].span.start, why, Some(help)))
}
