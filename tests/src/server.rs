//! The MatrixOne server of `MATRIXONE_URL`, asked synchronously and on a connection of its own each
//! time: what the tests see of it is not what mo-migrate sees.

use std::str::FromStr as _;
use std::sync::{Once, OnceLock};

use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySqlConnection, Row as _,
    ValueRef as _,
};

/// The variable that names the server.
const VARIABLE: &str = "MATRIXONE_URL";

/// The server that this test has started by itself.
static OWN: OnceLock<String> = OnceLock::new();

/// Has everything here mean this server, whatever the variable says.
pub fn is_at(url: &str) {
    let _ = OWN.set(url.to_owned());
}

/// One answer: rows of texts, none for NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// The server's address without a database; none when the variable is not set.
#[must_use]
pub fn url() -> Option<String> {
    if let Some(own) = OWN.get() {
        return Some(own.clone());
    }
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let line = format!("MatrixOne is skipped: {VARIABLE} is not set\n");
            // Not by a macro, whose words the test harness would keep to itself.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        });
    }
    url
}

/// The address of a database of the server.
///
/// # Panics
/// The variable is not set.
#[must_use]
pub fn address(database: &str) -> String {
    let url = url().unwrap();
    let (scheme, place) = url.split_once("://").unwrap();
    let host = place.split(['/', '?']).next().unwrap();
    format!("{scheme}://{host}/{database}")
}

/// How to reach a database of the server as somebody; as the address says when it is nobody.
fn options(database: &str, user: Option<(&str, &str)>) -> MySqlConnectOptions {
    let address = address(database);
    let (_, place) = address.split_once("://").unwrap();
    let options = MySqlConnectOptions::from_str(&format!("mysql://{place}")).unwrap();
    let options = options
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .disable_statement_logging();
    match user {
        Some((name, password)) => options.username(name).password(password),
        None => options,
    }
}

/// A connection to a database of the server, for a test that needs one to stay open.
///
/// # Errors
/// The server does not answer, or not to this user.
pub async fn connect(database: &str, user: Option<(&str, &str)>) -> sqlx::Result<MySqlConnection> {
    options(database, user).connect().await
}

/// Runs one statement on a connection; gives its rows.
///
/// # Errors
/// The server refuses it.
pub async fn ask(connection: &mut MySqlConnection, statement: &str) -> sqlx::Result<Rows> {
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await?;
    Ok(rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect())
}

fn cell(row: &MySqlRow, at: usize) -> Option<String> {
    if row.try_get_raw(at).unwrap().is_null() {
        return None;
    }
    Some(row.try_get_unchecked::<String, _>(at).unwrap_or_else(|_| {
        let bytes: Vec<u8> = row.try_get_unchecked(at).unwrap();
        format!("{bytes:02x?}")
    }))
}

/// Does something with a connection, wherever it is called from.
///
/// # Errors
/// It fails.
///
/// # Panics
/// It panics.
pub fn with<T: Send>(
    database: &str,
    user: Option<(&str, &str)>,
    work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T> + Send,
) -> sqlx::Result<T> {
    // A thread of its own, for the caller may be inside a runtime.
    std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = connect(database, user).await?;
                let done = work(&mut connection).await;
                let _ = connection.close().await;
                done
            })
        });
        working.join().unwrap()
    })
}

/// Runs statements one by one; gives their rows as the `sqlite3` program would print them.
///
/// # Errors
/// One fails; the later ones were not run.
pub fn try_sql(database: &str, sql: &str) -> sqlx::Result<String> {
    try_sql_as(database, None, sql)
}

/// The same as somebody.
///
/// # Errors
/// One fails; the later ones were not run.
pub fn try_sql_as(database: &str, user: Option<(&str, &str)>, sql: &str) -> sqlx::Result<String> {
    with(database, user, async |connection| {
        let mut text = String::new();
        for statement in statements(sql) {
            for row in ask(connection, statement).await? {
                let cells: Vec<_> = row.into_iter().map(Option::unwrap_or_default).collect();
                text.push_str(&cells.join("|"));
                text.push('\n');
            }
        }
        Ok(text)
    })
}

/// Runs statements one by one, as [`try_sql`] does.
///
/// # Panics
/// One fails.
#[track_caller]
pub fn sql(database: &str, sql: &str) -> String {
    match try_sql(database, sql) {
        Ok(text) => text,
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// The statements of a text: what is between semicolons that are in no quotes.
fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, c) in sql.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if c == ';' => {
                found.push(&sql[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&sql[start..]);
    found.into_iter().map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

/// Everything in a database: definitions, rows, grants, routines, and keys of others into it.
///
/// # Panics
/// It can't be read.
#[must_use]
pub fn dump(database: &str) -> String {
    with("", None, async |connection| dump_on(connection, database).await).unwrap()
}

fn lookup(database: &str) -> String {
    format!(
        "SELECT count(*) FROM mo_catalog.mo_database WHERE account_id = current_account_id() AND datname = '{database}'"
    )
}

/// Whether a database is there.
#[must_use]
pub fn exists(database: &str) -> bool {
    sql("", &lookup(database)) != "0\n"
}

async fn dump_on(connection: &mut MySqlConnection, database: &str) -> sqlx::Result<String> {
    let mut lines = Vec::new();
    if ask(connection, &lookup(database)).await?[0][0].as_deref() == Some("0") {
        return Ok("no such database\n".to_owned());
    }
    let objects = ask(
        connection,
        &format!(
            "SELECT relname, relkind FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
             AND reldatabase = '{database}' AND relkind IN ('r', 'v', 'S', 'e') ORDER BY relname"
        ),
    )
    .await?;
    for object in objects {
        let (name, kind) = (object[0].clone().unwrap(), object[1].clone().unwrap());
        let whole = format!("`{database}`.`{}`", name.replace('`', "``"));
        lines.push(format!("-- {name}"));
        let definition = match kind.as_str() {
            "v" => format!("SHOW CREATE VIEW {whole}"),
            "S" => format!(
                "SELECT min_value, max_value, start_value, increment_value, cycle FROM {whole}"
            ),
            _ => format!("SHOW CREATE TABLE {whole}"),
        };
        lines.extend(ask(connection, &definition).await?.iter().map(|row| shown(row)));
        if kind != "S" {
            lines.extend(contents(connection, &whole).await);
        }
    }
    for (what, sql) in belongings(database) {
        lines.push(format!("-- {what}"));
        let mut rows: Vec<_> = ask(connection, &sql).await?.iter().map(|row| shown(row)).collect();
        rows.sort();
        lines.extend(rows);
    }
    Ok(lines.join("\n") + "\n")
}

/// A table's or a view's rows in the order of their texts; why a view has none when it can't be read.
async fn contents(connection: &mut MySqlConnection, whole: &str) -> Vec<String> {
    match ask(connection, &format!("SELECT * FROM {whole}")).await {
        Ok(rows) => {
            let mut rows: Vec<_> = rows.iter().map(|row| shown(row)).collect();
            rows.sort();
            rows
        }
        Err(error) => vec![format!("can't be read: {error}")],
    }
}

/// What belongs to a database and is in none of its tables.
fn belongings(database: &str) -> [(&'static str, String); 5] {
    [
        (
            // SHOW CREATE has another one.
            "comments",
            format!(
                "SELECT relname, rel_comment FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
                 AND reldatabase = '{database}' AND relkind = 'r' AND rel_comment <> ''"
            ),
        ),
        (
            "grants",
            format!(
                "SELECT rp.role_name, rp.obj_type, rp.privilege_name, rp.privilege_level, rp.with_grant_option, \
                 coalesce(d.datname, t.reldatabase), t.relname FROM mo_catalog.mo_role_privs rp \
                 LEFT JOIN mo_catalog.mo_database d ON rp.privilege_level IN ('d', 'd.*') AND d.dat_id = rp.obj_id \
                 LEFT JOIN mo_catalog.mo_tables t ON rp.privilege_level = 'd.t' AND t.rel_logical_id = rp.obj_id \
                 WHERE d.datname = '{database}' OR t.reldatabase = '{database}'"
            ),
        ),
        (
            "functions",
            format!(
                "SELECT name, args, rettype, body, language FROM mo_catalog.mo_user_defined_function WHERE db = '{database}'"
            ),
        ),
        (
            "procedures",
            format!(
                "SELECT name, args, body, lang FROM mo_catalog.mo_stored_procedure WHERE db = '{database}'"
            ),
        ),
        (
            "keys of others",
            format!(
                "SELECT db_name, table_name, constraint_name, column_name, refer_table_name, refer_column_name, on_delete, on_update \
                 FROM mo_catalog.mo_foreign_keys WHERE refer_db_name = '{database}' AND db_name <> '{database}'"
            ),
        ),
    ]
}

/// A row in which NULL, an empty text and a bar in a text are told apart.
fn shown(row: &[Option<String>]) -> String {
    let cells: Vec<_> = row
        .iter()
        .map(|cell| cell.as_ref().map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'")))
        .collect();
    cells.join("|")
}

/// The databases whose names begin as this one's, and the snapshots that were made for it.
///
/// # Panics
/// They can't be listed.
#[must_use]
pub fn beside(database: &str) -> Vec<String> {
    let sql = format!(
        "SELECT datname FROM mo_catalog.mo_database WHERE account_id = current_account_id() AND left(datname, {}) = '{database}_'",
        database.len() + 1
    );
    let mut names: Vec<String> = self::sql("", &sql).lines().map(ToOwned::to_owned).collect();
    names.extend(snapshots(database));
    names
}

/// What in the ledger is of a database, or of one that was made from it.
fn of(database: &str) -> String {
    let most = database.len() + 1;
    format!("(guarded = '{database}' OR left(guarded, {most}) = '{database}_')")
}

/// The snapshots that were made for a database, or for one that was made from it, and are there.
fn snapshots(database: &str) -> Vec<String> {
    let sql = format!(
        "SELECT s.sname FROM mo_catalog.mo_snapshots s JOIN mo_migrate.snapshots l ON l.name = s.sname WHERE {}",
        of(database)
    );
    // No ledger, no snapshots.
    let names = try_sql("", &sql).unwrap_or_default();
    names.lines().map(ToOwned::to_owned).collect()
}

/// Gives the ledger's rows of one database to another.
pub fn rename_in_ledger(from: &str, to: &str) {
    for table in ["runs", "snapshots"] {
        sql("mo_migrate", &format!("UPDATE {table} SET guarded = '{to}' WHERE guarded = '{from}'"));
    }
}

/// Makes the last sign of life of a database's runs so much older.
pub fn age(database: &str, by: std::time::Duration) {
    let by = by.as_millis();
    sql(
        "mo_migrate",
        &format!(
            "UPDATE runs SET heartbeat_at = heartbeat_at - {by} WHERE guarded = '{database}';
             UPDATE holders SET beat = beat - {by} WHERE guarded = '{database}'"
        ),
    );
}

/// Drops a test's database with all that was made for it; what is not there is left out.
pub fn forget(database: &str) {
    let mut statements: Vec<String> = vec!["SET foreign_key_checks = 0".to_owned()];
    for name in beside(database) {
        // A clone has rows of its own in the ledger.
        for table in ["runs", "snapshots", "fence", "holders"] {
            statements.push(format!("DELETE FROM mo_migrate.{table} WHERE guarded = '{name}'"));
        }
        statements.push(format!("DROP DATABASE IF EXISTS `{name}`"));
        statements.push(format!("DROP SNAPSHOT IF EXISTS `{name}`"));
    }
    statements.push(format!("DROP DATABASE IF EXISTS `{database}`"));
    for table in ["phases", "statements", "children"] {
        statements.push(format!(
            "DELETE FROM mo_migrate.{table} WHERE run IN (SELECT id FROM mo_migrate.runs WHERE {})",
            of(database)
        ));
    }
    for table in ["runs", "snapshots", "fence", "holders", "clones", "upgrades"] {
        statements.push(format!("DELETE FROM mo_migrate.{table} WHERE {}", of(database)));
    }
    let _ = with("", None, async |connection| {
        for statement in &statements {
            let _ = ask(connection, statement).await;
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_in_quotes_ends_no_statement() {
        assert_eq!(statements("a; b ';' \"x;\" ; ;`;`"), ["a", "b ';' \"x;\"", "`;`"]);
    }
}
