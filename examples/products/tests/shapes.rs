//! The kit over everything that a set can hold, on tables of many shapes: files with and without a
//! transaction, repeatable ones, checks of a file, of the set and after the commit.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io;
use std::path::Path;

use mo_migrate::prelude::*;
use mo_migrate::testing::{Restores, Tried};

const FILES: [(&str, &str); 8] = [
    (
        "1_shapes.sql",
        "CREATE TABLE makers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
         CREATE TABLE parts (
             maker INTEGER REFERENCES makers (id) ON DELETE CASCADE, label TEXT, photo BLOB, weight REAL,
             shout TEXT GENERATED ALWAYS AS (upper(label)) STORED
         );
         CREATE TABLE codes (code TEXT PRIMARY KEY, n INT) WITHOUT ROWID;
         CREATE INDEX parts_by_label ON parts (label COLLATE NOCASE);
         CREATE TABLE log (line TEXT);
         CREATE TRIGGER parts_logged AFTER UPDATE ON parts BEGIN
             INSERT INTO log VALUES ('part ' || new.label); INSERT INTO log VALUES (';');
         END;",
    ),
    ("1_shapes.check.sql", "-- check(after): the log is empty\nSELECT * FROM log;"),
    (
        "2_touch_all.sql",
        "-- mo-migrate: no-transaction
         UPDATE parts SET label = label || '!';
         DELETE FROM codes WHERE n > 1;
         INSERT INTO makers (name) VALUES ('new');",
    ),
    ("2_touch_all.check.sql", "-- check: rows_unchanged(parts)\n-- check(after): true\nSELECT 1 WHERE 1 = 2;"),
    (
        "3_rebuild_makers.sql",
        "CREATE TABLE makers_new (id INTEGER PRIMARY KEY AUTOINCREMENT, country TEXT, name TEXT UNIQUE);
         INSERT INTO makers_new (id, name) SELECT id, name FROM makers;
         DROP TABLE makers;
         ALTER TABLE makers_new RENAME TO makers;",
    ),
    ("R__labels.sql", "DROP VIEW IF EXISTS labels;\nCREATE VIEW labels AS SELECT label FROM parts;"),
    ("R__names.sql", "DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT name FROM makers;"),
    ("always.check.sql", "-- check: foreign_keys()\n-- check(after): no part without a label\nSELECT * FROM parts WHERE label IS NULL;"),
];

const SEED: &str = "
    INSERT INTO makers (id, name) VALUES (3, 'three'), (9, 'nine');
    DELETE FROM makers WHERE id = 9;
    INSERT INTO parts (rowid, maker, label, photo, weight) VALUES
        (5, 3, 'five', x'00ff', 1.5), (7, NULL, 'sieben ; ''7''', NULL, 1), (70, 3, 'seventy', zeroblob(5000), -0.0);
    INSERT INTO codes VALUES ('a', 1), ('b', 2), ('c', 3);";

fn write(folder: &Path) -> io::Result<()> {
    FILES.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}

async fn tried(migrator: &Migrator) -> Result<Tried> {
    Restores::of(migrator).seed(1, SEED).run().await
}

#[tokio::test]
async fn every_failure_of_every_shape_is_undone() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).unwrap();
    let tried = tried(&Migrator::from_dir(folder.path())).await?;
    let has = |migration: &str, failure: &str, outcome: Outcome| {
        tried.cases.iter().any(|case| {
            case.migration.contains(migration)
                && case.failure.contains(failure)
                && case.outcome == outcome
        })
    };
    assert!(has("1 `shapes`", "after the last statement", Outcome::RolledBack), "{tried}");
    assert!(has("1 `shapes`", "check `the log is empty` after", Outcome::Restored), "{tried}");
    assert!(has("2 `touch_all`", "before statement 3", Outcome::Restored), "{tried}");
    assert!(
        has("2 `touch_all`", "check `rows_unchanged(parts)` before", Outcome::Restored),
        "{tried}"
    );
    assert!(has("3 `rebuild_makers`", "before statement 4", Outcome::RolledBack), "{tried}");
    assert!(
        has("3 `rebuild_makers`", "check `no part without a label` after", Outcome::Restored),
        "{tried}"
    );
    assert!(has("`names`", "after the last statement", Outcome::RolledBack), "{tried}");
    assert!(has("`labels`", "check `foreign_keys` before", Outcome::RolledBack), "{tried}");
    Ok(())
}
