//! The tables that a statement may have used, by the names that stand in it.
//!
//! 1. More may be named than is used: a column counts as the table that is called like it.
//! 2. What a text does not show, as a routine or a prepared statement, is unknown and not left out.

use std::collections::BTreeSet;

use super::calls::calls_server;
use super::change::{What, changes};
use super::code::Code;
use super::form::{Form, Kind};
use super::object::fold;
use super::{Dialect, TokenKind, unquote, unquote_name};

/// What a statement may have read or written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// No row of any table.
    Nothing,
    /// All these, in lower case.
    Names(BTreeSet<String>),
    /// Nothing yet: a view of this name uses them when it is used.
    View(String, BTreeSet<String>),
    /// That can't be told.
    Unknown,
}

/// What the statement may have used.
pub(crate) fn uses(statement: &str, dialect: Dialect) -> Uses {
    let code = Code::read(statement, dialect, usize::MAX);
    if dialect.is_mysql_family() {
        let form = Form::read(&code).filter(|form| form.kind != Kind::Routine);
        if form.is_none() || calls_server(&code) {
            return Uses::Unknown;
        }
    }
    let has = |word: &str| (0..code.tokens.len()).any(|at| code.upper(at) == word);
    let names = names(statement, dialect);
    match changes(statement, dialect).as_deref() {
        Some([change]) => match &change.what {
            What::MakesView { .. } => Uses::View(fold(&change.table.key), names),
            What::Makes { from, .. }
                if from.is_empty() && !has("SELECT") && !has("VIRTUAL") && !has("EXTERNAL") =>
            {
                Uses::Nothing
            }
            _ => Uses::Names(names),
        },
        _ => Uses::Names(names),
    }
}

/// Every name that stands in a text, in lower case, and what may be one: SQLite takes a string for a name
/// where one has to be.
pub(crate) fn names(text: &str, dialect: Dialect) -> BTreeSet<String> {
    let code = Code::read(text, dialect, usize::MAX);
    let named = code.tokens.iter().filter_map(|token| {
        if token.is_name(text) {
            return Some(unquote_name(*token, text, dialect));
        }
        let string = token.kind == TokenKind::String && dialect == Dialect::Sqlite;
        string.then(|| unquote(*token, text, dialect))
    });
    named.map(|name| fold(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(statement: &str, dialect: Dialect, table: &str) -> bool {
        match uses(statement, dialect) {
            Uses::Names(names) => names.contains(table),
            other => panic!("{statement}: {other:?}"),
        }
    }

    #[test]
    fn what_a_statement_reads_or_writes_is_named() {
        for statement in [
            "INSERT INTO summary SELECT count(*) FROM orders",
            "CREATE TABLE totals AS SELECT * FROM Orders",
            "UPDATE orders SET x = 1 WHERE 1 = 0",
            "UPDATE a SET x = (SELECT max(x) FROM `orders`)",
            "DELETE FROM a WHERE id IN (SELECT a FROM \"orders\")",
            "WITH o AS (SELECT 1 FROM orders) SELECT * FROM o",
            "ALTER TABLE orders RENAME TO o",
        ] {
            for dialect in [Dialect::Sqlite, Dialect::MatrixOne] {
                assert!(has(statement, dialect, "orders"), "{dialect:?}: {statement}");
                assert!(!has(statement, dialect, "visits"), "{dialect:?}: {statement}");
            }
        }
        assert!(has("INSERT INTO a SELECT * FROM 'orders'", Dialect::Sqlite, "orders"));
        assert!(has(
            "CREATE VIRTUAL TABLE f USING fts5(x, content='orders')",
            Dialect::Sqlite,
            "orders"
        ));
        assert!(has("SET @n = (SELECT count(*) FROM orders)", Dialect::MatrixOne, "orders"));
        assert!(has("CREATE TABLE o CLONE orders", Dialect::MatrixOne, "orders"));
        assert!(!has("INSERT INTO a VALUES ('orders')", Dialect::MatrixOne, "orders"));
    }

    #[test]
    fn a_table_without_rows_uses_none_and_a_view_uses_them_later() {
        for dialect in [Dialect::Sqlite, Dialect::MatrixOne] {
            let table = "CREATE TABLE a (id INT, o INT, FOREIGN KEY (o) REFERENCES orders (id))";
            assert_eq!(uses(table, dialect), Uses::Nothing);
            let Uses::View(name, names) = uses("CREATE VIEW V AS SELECT 1 FROM orders", dialect)
            else {
                panic!("{dialect:?}")
            };
            assert!(name == "v" && names.contains("orders"), "{dialect:?}: {name}, {names:?}");
        }
    }

    #[test]
    fn what_a_text_does_not_show_is_unknown() {
        for statement in [
            "CALL totals()",
            "PREPARE s FROM 'INSERT INTO a SELECT * FROM orders'",
            "EXECUTE s",
            "CREATE FUNCTION f (x INT) RETURNS INT LANGUAGE SQL AS 'SELECT count(*) FROM orders'",
        ] {
            assert_eq!(uses(statement, Dialect::MatrixOne), Uses::Unknown, "{statement}");
        }
    }
}
