//! What a transaction can hold.

use super::calls::{calls_a_change, calls_locks, calls_server};
use super::code::Code;
use super::form::{Form, Kind};
use super::{Dialect, pragma};

/// How many tokens the questions about a statement's beginning read.
const BEGINNING: usize = 64;

/// Why the statement cannot do its work inside of a transaction; none when it can.
#[must_use]
pub fn needs_no_transaction(statement: &str, dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => sqlite(statement),
        Dialect::MatrixOne => matrixone(&Code::read(statement, dialect, BEGINNING)),
        Dialect::Postgres => postgres(&Code::read(statement, dialect, BEGINNING)),
        Dialect::MySql => None,
    }
}

fn sqlite(statement: &str) -> Option<&'static str> {
    let code = Code::read(statement, Dialect::Sqlite, BEGINNING);
    match code.upper(0).as_str() {
        "VACUUM" => return Some("SQLite refuses VACUUM inside a transaction"),
        "DETACH" => return Some("SQLite cannot detach a database that the transaction has used"),
        _ => {}
    }
    let (name, value) = pragma(statement, Dialect::Sqlite)?;
    match (name.as_str(), value) {
        ("foreign_keys", Some(_)) => {
            Some("PRAGMA foreign_keys does nothing inside a transaction, and says nothing")
        }
        ("journal_mode", Some(_)) => {
            Some("SQLite does not change the journal mode inside a transaction")
        }
        ("synchronous" | "temp_store", Some(_)) => {
            Some("SQLite refuses to change this setting inside a transaction")
        }
        ("wal_checkpoint", _) => Some("SQLite cannot checkpoint inside a transaction"),
        _ => None,
    }
}

const REFUSED: &str = "MatrixOne refuses this statement inside a transaction";

fn matrixone(code: &Code<'_>) -> Option<&'static str> {
    const OBJECTS: [&str; 17] = [
        "SEQUENCE",
        "USER",
        "ROLE",
        "ACCOUNT",
        "SNAPSHOT",
        "PITR",
        "FUNCTION",
        "PROCEDURE",
        "PUBLICATION",
        "SUBSCRIPTION",
        "STAGE",
        "CDC",
        "CONNECTOR",
        "SOURCE",
        "EXTENSION",
        "TASK",
        "MONGODB",
    ];
    const SHOWN: [&str; 8] =
        ["SNAPSHOTS", "PITR", "STAGES", "CDC", "ROLES", "RULES", "TASKS", "RECOVERY_WINDOW"];
    let second = code.upper(1);
    let refused = match code.upper(0).as_str() {
        "CREATE" | "DROP" | "ALTER" => {
            let object = if code.has(1, "OR REPLACE") { code.upper(3) } else { second };
            OBJECTS.contains(&object.as_str())
        }
        "RENAME" | "GRANT" | "REVOKE" | "RESTORE" | "KILL" | "BACKUP" | "UPGRADE" | "DO"
        | "DECLARE" | "PAUSE" | "RESUME" | "RESTART" | "CANCEL" | "REMOVE" => true,
        "SHOW" => SHOWN.contains(&second.as_str()),
        "USE" => matches!(second.as_str(), "ROLE" | "SECONDARY"),
        "LOAD" => !matches!(second.as_str(), "DATA" | "TABLE"),
        "EXECUTE" => second == "TASK",
        "DATA" => code.has(1, "BRANCH PICK"),
        "SET" => return Some(setting(code)),
        "LOCK" | "UNLOCK" => {
            return Some("locking tables commits the open transaction on MatrixOne");
        }
        "BEGIN" => return Some("a BEGIN commits the open transaction on MatrixOne"),
        "START" if second == "TRANSACTION" => {
            return Some("a START TRANSACTION commits the open transaction on MatrixOne");
        }
        _ => false,
    };
    refused.then_some(REFUSED)
}

fn setting(code: &Code<'_>) -> &'static str {
    let refused = match code.upper(1).as_str() {
        "ROLE" | "DEFAULT" | "SECONDARY" | "PASSWORD" | "TRANSACTION" | "CONNECTION" => true,
        "SESSION" | "GLOBAL" => code.upper(2) == "TRANSACTION",
        _ => false,
    };
    if refused { REFUSED } else { "a SET commits the open transaction on MatrixOne" }
}

fn postgres(code: &Code<'_>) -> Option<&'static str> {
    const REFUSED: &str = "PostgreSQL refuses this statement inside a transaction";
    let second = code.upper(1);
    let refused = match code.upper(0).as_str() {
        "VACUUM" => true,
        "CREATE" | "DROP" if matches!(second.as_str(), "DATABASE" | "TABLESPACE") => true,
        "ALTER" => second == "SYSTEM",
        "CREATE" | "DROP" | "REINDEX" => (1..5).any(|at| code.upper(at) == "CONCURRENTLY"),
        _ => false,
    };
    refused.then_some(REFUSED)
}

/// What a statement brings into a transaction on MatrixOne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Nothing,
    Rows,
    Definitions,
}

/// The first of the statements that one transaction of MatrixOne must not hold together with those
/// before it, and why; none when it may hold them all.
///
/// It may hold one change of definitions, or any number of changes of rows, and never both: above
/// some 50,000 rows the server loses the changes of rows, and its COMMIT says OK. That is asked of
/// the whole transaction and not of each table, for a foreign key or a view ties one to another.
#[must_use]
pub fn mixes_in_transaction(
    statements: &[&str],
    dialect: Dialect,
) -> Option<(usize, &'static str)> {
    if dialect != Dialect::MatrixOne {
        return None;
    }
    let mut before = Share::Nothing;
    for (i, statement) in statements.iter().enumerate() {
        let share = match share(statement, dialect) {
            Ok(share) => share,
            Err(why) => return Some((i, why)),
        };
        match (before, share) {
            (_, Share::Nothing) => {}
            (Share::Nothing, _) | (Share::Rows, Share::Rows) => before = share,
            (Share::Definitions, Share::Definitions) => {
                return Some((i, "a transaction on MatrixOne holds one change of definitions"));
            }
            (Share::Definitions, Share::Rows) => {
                return Some((i, "MatrixOne loses changes of rows behind a change of definitions"));
            }
            (Share::Rows, Share::Definitions) => {
                return Some((i, "MatrixOne loses changes of rows before a change of definitions"));
            }
        }
    }
    None
}

fn share(statement: &str, dialect: Dialect) -> Result<Share, &'static str> {
    if let Some(why) = needs_no_transaction(statement, dialect) {
        return Err(why);
    }
    let code = Code::read(statement, dialect, usize::MAX);
    match Form::read(&code).map(|form| form.kind) {
        Some(Kind::Query) if calls_a_change(&code) => Ok(Share::Rows),
        Some(Kind::Query) => Ok(Share::Nothing),
        Some(Kind::Rows | Kind::Load) => Ok(Share::Rows),
        Some(Kind::Definition | Kind::External) => Ok(Share::Definitions),
        _ => Err("what this statement changes is not known, and so not what it may stand with"),
    }
}

/// Whether the statement may run as `BEGIN; SELECT … FOR UPDATE; statement; COMMIT` on MatrixOne.
///
/// True only for forms of which that is known: ALTER, CREATE and DROP of tables, views and indexes,
/// TRUNCATE, INSERT, REPLACE, UPDATE and DELETE. An ALTER of a table that is part of a data branch is
/// refused in a transaction, which its text does not show.
#[must_use]
pub fn fits_in_transaction_of_its_own(statement: &str, dialect: Dialect) -> bool {
    if dialect != Dialect::MatrixOne || needs_no_transaction(statement, dialect).is_some() {
        return false;
    }
    let code = Code::read(statement, dialect, usize::MAX);
    let to_account = (0..code.tokens.len()).any(|at| code.has(at, "TO ACCOUNT"));
    let own = Form::read(&code).filter(|form| matches!(form.kind, Kind::Rows | Kind::Definition));
    own.is_some() && !to_account && !calls_server(&code) && !calls_locks(&code)
}

#[cfg(test)]
mod tests;
