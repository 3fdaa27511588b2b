//! What a statement leaves on the session that it ran on.

use super::Dialect;
use super::code::Code;

/// Whether the statement may change settings of its session, or the database that it is in.
#[must_use]
pub fn sets_session(statement: &str, dialect: Dialect) -> bool {
    let first = Code::read(statement, dialect, 1).upper(0);
    // A procedure may hold a SET.
    let words: &[&str] = match dialect {
        Dialect::Sqlite => &["PRAGMA"],
        Dialect::MatrixOne | Dialect::MySql => &["SET", "USE", "CALL", "EXECUTE"],
        Dialect::Postgres => &["SET", "RESET", "CALL", "DO"],
    };
    words.contains(&first.as_str())
}

/// The session's own variables that the statement names, such as `x` of `@x`, in its order.
#[must_use]
pub fn session_variables(statement: &str, dialect: Dialect) -> Vec<String> {
    if !dialect.is_mysql_family() || !statement.contains('@') {
        return Vec::new();
    }
    let code = Code::read(statement, dialect, usize::MAX);
    let is_at = |at: usize| code.upper(at) == "@";
    let after_one = |at: &usize| is_at(*at - 1) && (*at < 2 || !is_at(*at - 2));
    (1..code.tokens.len()).filter(after_one).filter_map(|at| code.name(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_the_session_is_known_by_its_first_word() {
        for (dialect, statement, sets) in [
            (Dialect::MatrixOne, "SET sql_mode = ''", true),
            (Dialect::MatrixOne, "/* x */ set names utf8", true),
            (Dialect::MatrixOne, "UPDATE t SET a = 1", false),
            (Dialect::Sqlite, "PRAGMA recursive_triggers = ON", true),
            (Dialect::Sqlite, "UPDATE t SET a = 1", false),
        ] {
            assert_eq!(sets_session(statement, dialect), sets, "{statement}");
        }
    }

    #[test]
    fn variables_of_the_session_are_no_settings_of_the_server() {
        let found = |statement| session_variables(statement, Dialect::MatrixOne);
        assert_eq!(found("SET @a = 1, @`b c` := @@sql_mode"), ["a", "b c"]);
        assert_eq!(found("SELECT max(id) INTO @top FROM t WHERE mail = 'me@here'"), ["top"]);
        assert_eq!(found("SELECT @@session.time_zone"), [""; 0]);
    }
}
