//! Ways in which the guard could lie or lose on SQLite alone, each tried out.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use mo_migrate::{Event, Outcome, error::Code};
use mo_migrate_tests::{Fixture, JOURNALS, Journal, sqlite3};
use sqlx::Connection as _;

const BAD: &str = "SELECT * FROM nowhere;";

/// A database with one applied migration that holds this.
async fn with(journal: Journal, sql: &str) -> Fixture {
    let shop = Fixture::new(journal).read_meanwhile();
    shop.file("1_init.sql", sql);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

async fn fails(shop: &Fixture, outcome: Outcome) -> mo_migrate::Error {
    let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), outcome, "{error:?}");
    error
}

/// Every kind of object comes back to the byte, with its row numbers, and nothing fires meanwhile.
const EVERYTHING: &str = "
CREATE TABLE plain (a, b TEXT);
INSERT INTO plain VALUES (1, 'one'), (1.0, 'one'), ('1', NULL), (x'00ff', 'blob'), (2, 'gone');
DELETE FROM plain WHERE a = 2; INSERT INTO plain (rowid, a) VALUES (77, 'late');
CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO keyed VALUES ('b', 2), ('a', 1);
CREATE TABLE strict (id INTEGER PRIMARY KEY, n INT NOT NULL CHECK (n > 0), twice INT GENERATED ALWAYS AS (n * 2) STORED, thrice INT AS (n * 3)) STRICT;
INSERT INTO strict (n) VALUES (1), (2), (3);
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO parent (name) VALUES ('p1'), ('p2'); INSERT INTO child VALUES (1, 1), (2, 2), (3, 2);
CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
CREATE TRIGGER on_parent AFTER INSERT ON parent BEGIN INSERT INTO log (what) VALUES (new.name); END;
CREATE TRIGGER on_child AFTER DELETE ON child BEGIN INSERT INTO log (what) VALUES ('child ' || old.id); END;
CREATE INDEX by_b ON plain (b) WHERE b IS NOT NULL;
CREATE UNIQUE INDEX by_expression ON parent (lower(name));
CREATE VIEW names AS SELECT name FROM parent;
CREATE TRIGGER into_view INSTEAD OF DELETE ON names BEGIN DELETE FROM parent WHERE name = old.name; END;
CREATE VIRTUAL TABLE notes USING fts5 (body);
INSERT INTO notes (body) VALUES ('alpha beta'), ('gamma');
CREATE TABLE docs (body TEXT);
INSERT INTO docs VALUES ('x'), ('beta'), ('gamma'); DELETE FROM docs WHERE rowid = 1;
CREATE VIRTUAL TABLE docs_index USING fts5 (body, content='docs');
INSERT INTO docs_index (docs_index) VALUES ('rebuild');
CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1);
INSERT INTO boxes VALUES (1, 0.0, 1.0);
CREATE TABLE \"odd \"\"name\"\"; DROP TABLE x\" (\"a b\" INT, rowid TEXT);
INSERT INTO \"odd \"\"name\"\"; DROP TABLE x\" VALUES (1, 'not a row number');
ANALYZE;";

const WRECK: [&str; 9] = [
    "DELETE FROM names WHERE name = 'p2'; INSERT INTO parent (name) VALUES ('p3');",
    "UPDATE plain SET a = 9; DELETE FROM keyed; UPDATE strict SET n = n + 1;",
    "DROP TABLE plain; DROP TABLE keyed; DROP TABLE child; DROP TABLE log;",
    "ALTER TABLE parent RENAME TO mother; ALTER TABLE strict ADD COLUMN more TEXT;",
    "DROP INDEX by_b; DROP VIEW names; DROP TRIGGER on_parent; CREATE INDEX other ON parent (id);",
    "INSERT INTO notes (body) VALUES ('delta'); DELETE FROM notes WHERE rowid = 1; DELETE FROM boxes;",
    "DROP TABLE notes; DROP TABLE docs_index; DROP TABLE boxes; CREATE VIRTUAL TABLE new_index USING fts5 (t);",
    "DELETE FROM docs; INSERT INTO docs VALUES ('other'); INSERT INTO docs_index (docs_index) VALUES ('rebuild'); ANALYZE;",
    "DROP TABLE \"odd \"\"name\"\"; DROP TABLE x\"; CREATE TABLE fresh (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO fresh VALUES (5); PRAGMA application_id = 5;",
];

#[tokio::test]
async fn every_kind_of_object_comes_back_to_the_byte() {
    for journal in JOURNALS {
        let shop = with(journal, EVERYTHING).await;
        let before = shop.dump();
        let found = "SELECT docs.body FROM docs_index JOIN docs ON docs.rowid = docs_index.rowid WHERE docs_index MATCH 'beta'";
        assert_eq!(shop.sql(found), "beta\n");
        for wreck in WRECK {
            shop.file("2_wreck.sql", &format!("-- mo-migrate: no-transaction\n{wreck} {BAD}"));
            fails(&shop, Outcome::Restored).await;
            shop.assert_dump(&before, &format!("{journal:?}: {wreck}"));
            assert_eq!(shop.sql("PRAGMA integrity_check"), "ok\n", "{wreck}");
            assert_eq!(shop.sql(found), "beta\n", "{wreck}");
            shop.file("2_wreck.sql", &format!("{wreck} {BAD}"));
            fails(&shop, Outcome::RolledBack).await;
            shop.assert_dump(&before, &format!("{journal:?}: {wreck}"));
        }
    }
}

#[tokio::test]
async fn a_statement_that_rolls_back_by_itself_ends_the_run() {
    for journal in JOURNALS {
        let shop =
            with(journal, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);")
                .await;
        let before = shop.dump();
        for sql in [
            "INSERT INTO t VALUES (2); INSERT OR ROLLBACK INTO t VALUES (1); INSERT INTO t VALUES (3);",
            "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.id = 9 BEGIN SELECT RAISE(ROLLBACK, 'no'); END; INSERT INTO t VALUES (9); INSERT INTO t VALUES (4);",
        ] {
            shop.file("2_rolls.sql", sql);
            let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
            assert!(error.is_undone(), "{error:?}");
            shop.assert_dump(&before, &format!("{journal:?}: {sql}"));
        }
    }
}

#[tokio::test]
async fn a_migration_can_not_empty_the_snapshot() {
    let shop = with(
        Journal::Rollback,
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);",
    )
    .await;
    let before = shop.dump();
    shop.file("2_x.sql", "-- mo-migrate: no-transaction\nDROP TABLE t; DELETE FROM mo_before.t;");
    let error = fails(&shop, Outcome::Restored).await;
    assert!(error.to_string().contains("no such table: mo_before.t"), "{error:?}");
    shop.assert_dump(&before, "dump");
}

#[tokio::test]
async fn a_migration_can_not_end_the_guards_transaction_nor_attach() {
    let shop = with(Journal::Rollback, "CREATE TABLE t (id INTEGER PRIMARY KEY);").await;
    let before = shop.dump();
    for (sql, code) in [
        ("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2);", Code::TransactionControl),
        (
            "-- mo-migrate: no-transaction\nBEGIN; INSERT INTO t VALUES (1);",
            Code::TransactionControl,
        ),
        ("VACUUM;", Code::TransactionControl),
        ("ATTACH 'other.db' AS other;", Code::NoWayBack),
    ] {
        shop.file("2_x.sql", sql);
        let error = fails(&shop, Outcome::Refused).await;
        assert_eq!(error.code(), code, "{sql}: {error:?}");
        assert!(error.place().is_some(), "{sql}");
        shop.assert_dump(&before, sql);
    }
    assert!(!shop.folder().join("other.db").exists());
}

#[tokio::test]
async fn a_vacuum_without_a_transaction_is_run() {
    let shop = with(Journal::Rollback, "CREATE TABLE t (id INTEGER PRIMARY KEY);").await;
    shop.file("2_x.sql", "-- mo-migrate: no-transaction\nVACUUM;");
    assert_eq!(shop.migrator().run(shop.address()).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test]
async fn tables_written_by_triggers_and_views_are_known_to_be_touched() {
    for journal in JOURNALS {
        let shop = with(
            journal,
            "CREATE TABLE products (id INTEGER PRIMARY KEY, n INT); CREATE TABLE audit (what TEXT); CREATE TABLE orders (id INT);
             CREATE VIEW v AS SELECT id FROM orders;
             CREATE TRIGGER p AFTER UPDATE ON products BEGIN INSERT INTO audit VALUES (new.n); END;
             CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM orders; END;
             INSERT INTO products VALUES (1, 1); INSERT INTO orders VALUES (1);",
        )
        .await;
        shop.sql("CREATE TABLE foreign_rows (x)");
        let before = shop.dump();
        let path = shop.path().display().to_string();
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nUPDATE products SET n = 2; DELETE FROM v;").file(
            "2_x.check.sql",
            &format!("-- check: fails\n-- command: sqlite3 -cmd '.timeout 5000' {path} 'INSERT INTO foreign_rows VALUES (1)'; exit 1"),
        );
        let error = fails(&shop, Outcome::Restored).await;
        let tables: Vec<_> =
            error.report().unwrap().tables.iter().map(|table| table.name.clone()).collect();
        assert_eq!(tables, ["audit", "orders", "products"]);
        assert_eq!(shop.sql("SELECT count(*) FROM foreign_rows"), "1\n");
        shop.sql("DELETE FROM foreign_rows");
        shop.assert_dump(&before, &format!("{journal:?}"));
    }
}

#[tokio::test]
async fn a_busy_database_is_copied_once_and_not_again_and_again() {
    let shop = with(Journal::Wal, "CREATE TABLE big (x); CREATE TABLE small (x);").await;
    shop.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO big SELECT zeroblob(2000) FROM n");
    let mut writer = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "while true; do sqlite3 -cmd '.timeout 2000' {} 'INSERT INTO small VALUES (1)'; done",
            shop.path().display()
        ))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..3 {
        shop.migrator().snapshot_create(shop.address(), "daily backup").await.unwrap();
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let listed = shop.migrator().snapshot_list(shop.address()).await.unwrap();
    let manual: Vec<_> =
        listed.iter().filter(|line| line.purpose.as_deref() == Some("daily backup")).collect();
    assert_eq!(manual.len(), 3);
    for line in manual {
        let verified = shop.migrator().snapshot_verify(shop.address(), &line.name).await.unwrap();
        assert!(verified.contains("tables"), "{verified}");
    }
}

/// A log that a reader keeps from being written back is in the snapshot too; and either way the
/// copy is one plain file.
#[tokio::test]
async fn what_is_only_in_the_log_is_in_the_snapshot() {
    for held in [false, true] {
        let shop = Fixture::new(Journal::Wal);
        shop.sql("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)");
        let mut reader = sqlx::SqliteConnection::connect(&shop.address()).await.unwrap();
        sqlx::raw_sql("BEGIN; SELECT * FROM t").execute(&mut reader).await.unwrap();
        let mut reader = Some(reader);
        if !held {
            reader.take().unwrap().close().await.unwrap();
        }
        shop.sql("INSERT INTO t VALUES (2)");
        let in_log =
            std::fs::metadata(shop.folder().join("shop.db-wal")).is_ok_and(|log| log.len() > 0);
        assert_eq!(in_log, held, "the last one to close writes the log back");
        let made = shop.migrator().snapshot_create(shop.address(), "manual").await.unwrap();
        let copy = shop.snapshot(&made.name);
        assert_eq!(sqlite3(&copy, "SELECT group_concat(a) FROM t"), "1,2\n");
        assert_eq!(sqlite3(&copy, "PRAGMA journal_mode"), "delete\n");
        assert_eq!(sqlite3(&copy, "PRAGMA integrity_check"), "ok\n");
        drop(reader);
    }
}

#[tokio::test]
async fn one_database_has_one_lock_and_one_ledger_however_it_is_called() {
    let shop = with(Journal::Rollback, "CREATE TABLE t (x);").await;
    let link = shop.folder().join("link.db");
    std::os::unix::fs::symlink(shop.path(), &link).unwrap();
    shop.file("2_x.sql", "CREATE TABLE x (y);");
    let report = shop.migrator().run(format!("sqlite:{}", link.display())).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert_eq!(shop.files_with(".mo-migrate"), ["shop.db.mo-migrate"]);
    assert_eq!(shop.migrator().runs(shop.address()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_reader_in_a_transaction_is_waited_for_within_the_limit() {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE t (x); INSERT INTO t VALUES (1);").await;
        let before = shop.dump();
        let mut reader = Command::new("sqlite3")
            .arg(shop.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = reader.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"BEGIN; SELECT count(*) FROM t;\n").unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(reader.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        assert_eq!(line, "1\n");
        shop.file("2_x.sql", &format!("DELETE FROM t; {BAD}"));
        fails(&shop, Outcome::RolledBack).await;
        shop.assert_dump(&before, "dump");
        shop.file("2_x.sql", "DELETE FROM t;");
        let done = shop
            .migrator()
            .attended(true)
            .lock_timeout(Duration::from_secs(2))
            .run(shop.address())
            .await;
        match journal {
            // Readers of a log are in nobody's way.
            Journal::Wal => assert_eq!(done.unwrap().outcome, Outcome::Applied),
            Journal::Rollback => {
                let error = done.unwrap_err();
                assert_eq!(
                    (error.code(), error.outcome()),
                    (Code::Commit, Outcome::RolledBack),
                    "{error:?}"
                );
            }
        }
        if journal == Journal::Rollback {
            // One that goes in time is waited for.
            let going = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(1));
                drop(stdin);
            });
            let done = shop.migrator().attended(true).run(shop.address()).await;
            assert_eq!(done.unwrap().outcome, Outcome::Applied);
            going.join().unwrap();
        } else {
            drop(stdin);
        }
        reader.wait().unwrap();
    }
}

#[tokio::test]
async fn reading_changes_no_byte_of_a_database_that_a_killed_application_left() {
    let shop = with(Journal::Wal, "CREATE TABLE t (x);").await;
    // An application that is killed leaves its log behind.
    let wal = shop.folder().join("shop.db-wal");
    let mut application =
        Command::new("sqlite3").arg(shop.path()).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = application.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"INSERT INTO t VALUES (1);\n").unwrap();
    while std::fs::metadata(&wal).map_or(0, |meta| meta.len()) == 0 {
        std::thread::yield_now();
    }
    application.kill().unwrap();
    application.wait().unwrap();
    let bytes = |path: &std::path::Path| std::fs::read(path).unwrap();
    let (database, log) = (bytes(&shop.path()), bytes(&wal));
    shop.file("2_x.sql", "CREATE TABLE x (y);");
    assert_eq!(shop.migrator().status(shop.address()).await.unwrap().state, "pending");
    assert_eq!(shop.migrator().history(shop.address()).await.unwrap().len(), 1);
    shop.migrator().plan(shop.address(), mo_migrate::plan::Goal::Latest).await.unwrap();
    assert_eq!(bytes(&shop.path()), database);
    assert_eq!(bytes(&wal), log);
}

#[tokio::test]
async fn generated_keys_come_back_when_a_full_text_index_is_touched_too() {
    for journal in JOURNALS {
        let shop = with(
            journal,
            "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, n); INSERT INTO p (n) VALUES (1), (2), (3), (4);
             DELETE FROM p WHERE id > 2; CREATE VIRTUAL TABLE f USING fts5 (t);",
        )
        .await;
        let before = shop.dump();
        for sql in [
            "DELETE FROM sqlite_sequence; INSERT INTO f VALUES ('a');",
            "INSERT INTO p (n) VALUES (9); INSERT INTO f VALUES ('a');",
        ] {
            shop.file("2_x.sql", sql).file("2_x.check.sql", "-- check(after): c\nSELECT 1;");
            let error = fails(&shop, Outcome::Restored).await;
            shop.assert_dump(&before, sql);
            assert!(error.report().unwrap().restore.as_ref().unwrap().discarded_writes.is_empty());
        }
    }
}

#[tokio::test]
async fn generated_keys_never_go_back_while_others_write() {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO p VALUES (1), (2); CREATE TABLE o (x);").await;
        let path = shop.path().display().to_string();
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nUPDATE sqlite_sequence SET seq = 1 WHERE name = 'p';").file(
            "2_x.check.sql",
            &format!("-- check: c\n-- command: sqlite3 -cmd '.timeout 5000' {path} 'INSERT INTO o VALUES (1)'; exit 1"),
        );
        fails(&shop, Outcome::Restored).await;
        assert_eq!(shop.sql("SELECT seq FROM sqlite_sequence"), "2\n");
    }
}

/// The first of them makes `sqlite_sequence`, and each that is dropped deletes its row there.
#[tokio::test]
async fn the_first_tables_with_generated_keys_go_again_however_many() {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE t (x);").await;
        let before = shop.dump();
        let key = "(id INTEGER PRIMARY KEY AUTOINCREMENT, x)";
        shop.file(
            "2_x.sql",
            &format!(
                "-- mo-migrate: no-transaction
                 CREATE TABLE a {key}; CREATE TABLE b {key}; CREATE TABLE c {key};
                 INSERT INTO a (x) VALUES (1); INSERT INTO c (x) VALUES (1); {BAD}"
            ),
        );
        fails(&shop, Outcome::Restored).await;
        shop.assert_dump(&before, "dump");
    }
}

/// The connection that did the work is closed then, and the restore has no lock yet.
#[tokio::test]
async fn what_others_commit_while_the_snapshot_is_verified_is_named_and_their_keys_are_not_given_out_again()
 {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, n)").await;
        let theirs = shop.shell("INSERT INTO p (n) VALUES ('theirs')");
        shop.file(
            "2_x.sql",
            "-- mo-migrate: no-transaction\nINSERT INTO p (n) VALUES ('ours'); SELECT * FROM nowhere;",
        );
        let migrator = shop.migrator().attended(true).observer(move |event: &Event| {
            if matches!(event, Event::PhaseStarted { phase, .. } if phase.as_str() == "verify") {
                let done = std::process::Command::new("sh").args(["-c", &theirs]).status();
                assert!(done.unwrap().success());
            }
        });
        let error = migrator.run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        let restore = error.report().unwrap().restore.as_ref().unwrap();
        assert_eq!(restore.discarded_writes, ["p"]);
        shop.sql("INSERT INTO p (n) VALUES ('later')");
        assert_eq!(shop.sql("SELECT id FROM p"), "3\n", "2 was given to somebody");
    }
}

#[tokio::test]
async fn a_table_that_others_made_meanwhile_goes_on_generating_keys() {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE t (x);").await;
        let theirs = shop.shell("CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, x)");
        shop.file(
            "2_x.sql",
            "-- mo-migrate: no-transaction\nCREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (7);",
        );
        shop.file("2_x.check.sql", &format!("-- check: c\n-- command: {theirs}; exit 1"));
        fails(&shop, Outcome::Restored).await;
        shop.sql("INSERT INTO orders (x) VALUES (1), (2)");
        assert_eq!(shop.sql("SELECT max(id) FROM orders"), "2\n");
        assert_eq!(shop.sql("SELECT * FROM sqlite_sequence"), "orders|2\n");
    }
}

#[tokio::test]
async fn statistics_that_are_made_anew_touch_no_table() {
    for journal in JOURNALS {
        let shop = with(journal, "CREATE TABLE t (x); CREATE INDEX i ON t (x); INSERT INTO t VALUES (1); ANALYZE; CREATE TABLE o (x);").await;
        let before = shop.sql("SELECT * FROM sqlite_stat1");
        let writes = shop.shell("INSERT INTO t VALUES (2)");
        shop.file(
            "2_x.sql",
            "-- mo-migrate: no-transaction\nINSERT INTO o VALUES (1), (2); ANALYZE;",
        );
        shop.file("2_x.check.sql", &format!("-- check: c\n-- command: {writes}; exit 1"));
        fails(&shop, Outcome::Restored).await;
        assert_eq!(shop.sql("SELECT x FROM t"), "1\n2\n");
        assert_eq!(shop.sql("SELECT * FROM sqlite_stat1"), before);
    }
}

#[tokio::test]
async fn the_catalogue_can_not_be_written_by_hand() {
    let shop = with(Journal::Wal, "CREATE TABLE p (n);").await;
    let before = shop.dump();
    shop.file("2_x.sql", "-- mo-migrate: no-transaction\nPRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'p';");
    fails(&shop, Outcome::Restored).await;
    shop.assert_dump(&before, "catalogue");
}

#[tokio::test]
async fn what_changes_the_form_of_the_file_is_refused() {
    let shop = with(Journal::Wal, "CREATE TABLE p (n);").await;
    for sql in [
        "PRAGMA journal_mode = DELETE;",
        "PRAGMA main.page_size(8192); VACUUM;",
        "PRAGMA auto_vacuum = FULL;",
    ] {
        shop.file("2_x.sql", &format!("-- mo-migrate: no-transaction\n{sql}"));
        assert_eq!(fails(&shop, Outcome::Refused).await.code(), Code::NoWayBack, "{sql}");
    }
    assert_eq!(shop.sql("PRAGMA journal_mode"), "wal\n");
}

#[tokio::test]
async fn a_database_that_breaks_its_own_rules_is_put_back_all_the_same() {
    let shop =
        with(Journal::Rollback, "CREATE TABLE c (n CHECK (n > 0)); CREATE TABLE t (x);").await;
    shop.sql("PRAGMA ignore_check_constraints = ON; INSERT INTO c VALUES (-1)");
    let before = shop.dump();
    shop.file(
        "2_x.sql",
        &format!("-- mo-migrate: no-transaction\nINSERT INTO t VALUES (1); {BAD}"),
    );
    fails(&shop, Outcome::Restored).await;
    shop.assert_dump(&before, "rules");
}
