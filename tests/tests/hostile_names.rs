//! Names and values that would like to be more than text, on every engine: each is one name or one
//! value in every statement that the guard makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines};

/// What ends a statement or begins a comment, words of the language, other scripts, escapes, and as
/// long as a name may be.
const NAMES: [&str; 15] = [
    "a\\b", "a b", " a", "a;--b", "a\nb", "a\tb", "a%s_b", "select", "a/*b", "${x}", "]", "?",
    "日本é", "$$", "b#",
];

/// Quotes, dots, directions and sequences: MatrixOne itself makes, shows, indexes or drops no such
/// table (docs/matrixone.md), and takes them as values.
const MORE: [&str; 8] =
    ["a\"b", "a`b", "a'b", "a\\'b", "a.b", "{{before.t}}", "日\u{202e}é", "a\u{1b}[31mb"];

fn names(place: Place) -> Vec<String> {
    let long = ["x".repeat(64)];
    let more = if place.is_sqlite() { &MORE[..] } else { &[] };
    NAMES.iter().chain(more).map(|name| (*name).to_owned()).chain(long).collect()
}

fn quoted(place: Place, name: &str) -> String {
    let quote = place.by("\"", "`");
    format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)))
}

fn text(place: Place, value: &str) -> String {
    let value = value.replace('\'', "''");
    format!("'{}'", if place.is_sqlite() { value } else { value.replace('\\', "\\\\") })
}

/// A database with a table of each name, with a column, a key, an index and rows of that name.
async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    let mut sql = "CREATE TABLE t (v VARCHAR(99));\n".to_owned();
    for value in NAMES.iter().chain(&MORE) {
        let _ = writeln!(sql, "INSERT INTO t VALUES ({});", text(place, value));
    }
    for (at, name) in names(place).iter().enumerate() {
        let (table, value) = (quoted(place, name), text(place, name));
        let _ = writeln!(
            sql,
            "CREATE TABLE {table} ({table} VARCHAR(99) PRIMARY KEY, n INT NOT NULL);\n\
             INSERT INTO {table} VALUES ({value}, 1), ('b', 2);\n\
             CREATE INDEX {} ON {table} (n);",
            quoted(place, &format!("{at}{}", name.chars().take(60).collect::<String>())),
        );
    }
    shop.file("1_init.sql", &sql);
    let report = shop.migrator().run(shop.address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    shop
}

/// Changes the form and the rows of each table.
fn changes(place: Place) -> String {
    let mut sql = "UPDATE t SET v = CONCAT(v, 'x');\n".to_owned();
    for name in names(place) {
        let table = quoted(place, &name);
        let _ = writeln!(
            sql,
            "ALTER TABLE {table} ADD COLUMN c INT;\nUPDATE {table} SET n = 3 WHERE {table} = {};\n\
             DELETE FROM {table} WHERE n = 2;",
            text(place, &name)
        );
    }
    sql
}

#[tokio::test]
async fn a_run_with_hostile_names_is_restored_to_the_byte() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let mut checks = String::new();
        for name in names(place).iter().filter(|name| !name.contains('\n')) {
            let name = name.replace('"', "\"\"");
            let _ = writeln!(checks, "-- check: rows_at_least(\"{name}\", 1)");
        }
        let all = quoted(place, "a\\b");
        let _ = writeln!(checks, "-- check(after): fails\nSELECT * FROM {all};");
        shop.file("2_it's \"a\" `b` \\' \u{1b}[31m.sql", &changes(place));
        shop.file("2_x.check.sql", &checks);
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        let report = error.report().unwrap();
        let failed = report.checks.iter().find(|check| check.name == "fails");
        let failed = failed.unwrap_or_else(|| panic!("{error:?}"));
        assert_eq!(failed.rows[0]["a\\b"], "a\\b", "{failed:?}");
        shop.assert_dump(&before, "restored");
    }
}

#[tokio::test]
async fn a_snapshot_gives_hostile_names_back_a_day_later() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let name = "it's \"a\" `b` \\' \u{1b}[31m";
        shop.file(&format!("2_{name}.sql"), &changes(place));
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.migrations[0].name, name);
        let history = shop.migrator().history(shop.address()).await.unwrap();
        assert_eq!(history[1].name, name, "as it was written");
        let run = report.run.unwrap();
        let found = shop.migrator().diff(shop.address(), &run, None).await.unwrap();
        for name in names(place) {
            assert!(found.tables.iter().any(|table| table.name == name), "{name:?}: {found:?}");
        }
        let tables = [names(place).remove(0), names(place).remove(8)];
        shop.migrator().restore_tables(shop.address(), None, &tables).await.unwrap();
        let report = shop.migrator().restore(shop.address(), None).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        shop.assert_dump(&before, "restored by hand");
    }
}
