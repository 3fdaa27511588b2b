//! What goes wrong without an error: the server says OK, and something else is true. What is about
//! foreign keys, views, sequences and rights stands with them.

use std::time::Duration;

use mo_migrate::{Migrator, Outcome, error::Code, migrations, prelude::*};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const T: &str = "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2)";

/// CREATE DATABASE … CLONE of a database that is not in the snapshot makes an empty one.
#[tokio::test]
async fn a_snapshot_without_the_database_is_not_sound() {
    let Some(shop) = Shop::of(T).await else { return };
    let early = shop.named("DB_early");
    server::sql("", &format!("CREATE DATABASE {early}; DROP DATABASE {early}"));
    // Of the account, and older than a database that is made again.
    server::sql("", &format!("CREATE SNAPSHOT {early} FOR ACCOUNT"));
    let later = mo_migrate_tests::Fixture::new(mo_migrate_tests::Place::MatrixOne);
    later.sql(T);
    let verified = later.migrator().snapshot_verify(later.address(), &early).await;
    let gone = server::try_sql("", &format!("DROP SNAPSHOT {early}"));
    assert!(verified.is_err(), "an empty clone was called sound: {verified:?}");
    gone.unwrap();
}

/// RENAME TABLE a.t TO b.t leaves the table in a.
#[tokio::test]
async fn a_rename_into_another_database_is_not_called_applied() {
    let Some(shop) = Shop::of(T).await else { return };
    shop.other("CREATE TABLE there (id INT)");
    let before = shop.dump();
    for sql in ["RENAME TABLE t TO DB_other.t;", "ALTER TABLE t RENAME TO DB_other.t;"] {
        shop.file("2_x.sql", &shop.named(sql));
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert!(error.is_undone() || error.outcome() == Outcome::Refused, "{sql}: {error:?}");
        shop.assert_dump(&before, sql);
    }
}

/// LOCK TABLES keeps nobody out, and commits; so do the others.
#[tokio::test]
async fn statements_that_only_pretend_or_commit_are_refused() {
    let Some(shop) = Shop::of(T).await else { return };
    let before = shop.dump();
    for sql in [
        "LOCK TABLES t WRITE; UPDATE t SET a = 9; UNLOCK TABLES;",
        "START TRANSACTION READ ONLY; INSERT INTO t VALUES (3, 3); COMMIT;",
        "BEGIN; UPDATE t SET a = 9; COMMIT;",
        "SET autocommit = 0; UPDATE t SET a = 9;",
        "UPDATE t SET a = 9; SAVEPOINT s; ROLLBACK TO s;",
        "SELECT RELEASE_ALL_LOCKS();",
        "RESTORE DATABASE DB {SNAPSHOT = 's'};",
        "USE mo_catalog;",
        "SET GLOBAL max_connections = 100;",
    ] {
        let error = shop.fails(sql, Outcome::Refused).await;
        assert!(error.place().is_some(), "{sql}: {error:?}");
        shop.assert_dump(&before, sql);
    }
}

/// A name of 65 characters and more is cut.
#[tokio::test]
async fn a_long_purpose_gives_a_name_that_is_not_cut() {
    let Some(shop) = Shop::of(T).await else { return };
    let purpose = "before the great upgrade of everything that there is ".repeat(3);
    let made = shop.migrator().snapshot_create(shop.address(), &purpose).await.unwrap();
    assert!(made.name.len() <= 64, "{}", made.name);
    assert_eq!(shop.files_with(&made.name).len(), 1);
    assert_eq!(shop.sql_in(&made.name, "SELECT count(*) FROM {t}"), "2\n");
}

/// A session that has read a snapshot may read it still when another one has its name.
#[tokio::test]
async fn no_snapshots_name_is_used_twice() {
    let Some(shop) = Shop::of(T).await else { return };
    let migrator = shop.migrator();
    let mut names = Vec::new();
    for _ in 0..5 {
        let made = migrator.snapshot_create(shop.address(), "daily").await.unwrap();
        assert!(!names.contains(&made.name), "{}", made.name);
        assert_eq!(made.name, made.name.to_lowercase());
        migrator.snapshot_delete(shop.address(), &made.name).await.unwrap();
        names.push(made.name);
    }
}

/// One call with several statements stores all of them as the view.
#[tokio::test]
async fn a_view_is_defined_by_its_own_statement_alone() {
    let Some(shop) = Shop::of(T).await else { return };
    shop.file(
        "2_x.sql",
        "CREATE TABLE u (id INT); CREATE VIEW v AS SELECT id FROM t; INSERT INTO u VALUES (1); CREATE VIEW w AS SELECT id FROM v;",
    );
    shop.migrator().run(shop.address()).await.unwrap();
    assert_eq!(
        shop.run("SELECT count(*) FROM v; SELECT count(*) FROM w; SELECT count(*) FROM u"),
        "2\n2\n1\n"
    );
    assert!(!shop.run("SHOW CREATE VIEW v").contains("INSERT"));
}

#[migration(version = 1)]
async fn several_in_one_call(db: &mut Session<'_>) -> Result<()> {
    db.execute(
        "CREATE TABLE u (id INT); CREATE VIEW v AS SELECT 1 AS one; INSERT INTO u VALUES (1)",
    )
    .await?;
    Ok(())
}

static SEVERAL: Migrator = migrations!(several_in_one_call);

#[tokio::test]
async fn several_statements_in_one_call_of_a_function_are_refused_or_run_one_by_one() {
    if server::url().is_none() {
        return;
    }
    let shop = mo_migrate_tests::Fixture::new(mo_migrate_tests::Place::MatrixOne);
    let before = shop.dump();
    match SEVERAL.run(shop.address()).await {
        Ok(_) => {
            assert_eq!(shop.sql("SELECT one FROM v; SELECT id FROM u"), "1\n1\n");
            assert!(!shop.sql("SHOW CREATE VIEW v").contains("INSERT"));
        }
        Err(error) => {
            assert!(error.is_undone(), "{error:?}");
            shop.assert_dump(&before, "refused");
        }
    }
}

const LARGE: &str = "CREATE TABLE l (id INT PRIMARY KEY, a INT); INSERT INTO l SELECT result, result FROM generate_series(1, 60000) g";
const LARGE_CHANGE: &str = "ALTER TABLE l ADD COLUMN d INT DEFAULT 0; UPDATE l SET d = a;";
const LARGE_RIGHT: &str = "SELECT count(*) FROM l WHERE d = a";

/// In one transaction the server loses every update of a large table, and COMMIT says OK when one
/// more statement failed in between.
#[tokio::test]
async fn an_alter_and_an_update_of_a_large_table_are_both_there_or_neither() {
    let Some(shop) = Shop::of(LARGE).await else { return };
    shop.file("2_x.sql", LARGE_CHANGE);
    shop.migrator().run(shop.address()).await.unwrap();
    assert_eq!(shop.run(LARGE_RIGHT), "60000\n");

    for more in ["", "SELECT count(*) FROM l;"] {
        let Some(shop) = Shop::of(LARGE).await else { return };
        let before = shop.dump();
        shop.file("2_x.sql", &format!("-- mo-migrate: transaction\n{LARGE_CHANGE} {more}")).file(
            "2_x.check.sql",
            "-- check: it has rows\nSELECT 1 WHERE (SELECT count(*) FROM l) = 0;",
        );
        match shop.migrator().run(shop.address()).await {
            Ok(_) => assert_eq!(shop.run(LARGE_RIGHT), "60000\n"),
            Err(error) => {
                assert!(error.is_undone() || error.outcome() == Outcome::Refused, "{error:?}");
                shop.assert_dump(&before, more);
            }
        }
    }
}

#[migration(version = 1)]
async fn first(db: &mut Session<'_>) -> Result<()> {
    db.execute("CREATE TABLE t (id INT PRIMARY KEY)").await?;
    Ok(())
}

#[migration(version = 2, transaction)]
async fn ignores_an_error(db: &mut Session<'_>) -> Result<()> {
    db.execute("INSERT INTO t VALUES (1)").await?;
    let ignored = db.execute("INSERT INTO t VALUES (1)").await;
    assert!(ignored.is_err());
    db.execute("INSERT INTO t VALUES (2)").await?;
    Ok(())
}

static FIRST: Migrator = migrations!(first);
static IGNORES: Migrator = migrations!(first, ignores_an_error);

/// COMMIT after an error says OK and keeps half.
#[tokio::test]
async fn an_error_that_is_ignored_in_a_transaction_does_not_commit_half() {
    if server::url().is_none() {
        return;
    }
    let shop = mo_migrate_tests::Fixture::new(mo_migrate_tests::Place::MatrixOne);
    FIRST.run(shop.address()).await.unwrap();
    let before = shop.dump();
    let error = IGNORES.run(shop.address()).await.unwrap_err();
    assert!(error.is_undone() || error.outcome() == Outcome::Refused, "{error:?}");
    shop.assert_dump(&before, "half");
}

/// In a transaction that has made or altered it a partitioned table reads as empty.
#[tokio::test]
async fn updates_of_a_partitioned_table_are_not_lost_in_a_transaction() {
    let Some(shop) = Shop::of(T).await else { return };
    let before = shop.dump();
    shop.file(
        "2_x.sql",
        "-- mo-migrate: transaction\nCREATE TABLE h (id INT PRIMARY KEY, a INT) PARTITION BY HASH(id) PARTITIONS 2;
         INSERT INTO h VALUES (1, 1), (2, 2); UPDATE h SET a = 9;",
    );
    match shop.migrator().run(shop.address()).await {
        Ok(_) => assert_eq!(shop.run("SELECT id, a FROM h ORDER BY id"), "1|9\n2|9\n"),
        Err(error) => {
            assert!(error.is_undone() || error.outcome() == Outcome::Refused, "{error:?}");
            shop.assert_dump(&before, "refused");
        }
    }
}

/// A snapshot of the database alone does not keep rights and keys from the collector.
#[tokio::test]
async fn the_snapshot_of_a_run_is_of_the_account() {
    let Some(shop) = Shop::of(T).await else { return };
    for name in shop.files_with("pre_upgrade") {
        let sql = format!(
            "SELECT CAST(level AS CHAR) FROM mo_catalog.mo_snapshots WHERE sname = '{name}'"
        );
        assert_eq!(server::sql("", &sql), "account\n", "{name}");
    }
    assert_eq!(shop.files_with("pre_upgrade").len(), 1);
}

/// A clone of one table alone points to the original's parent and keeps its rows.
#[tokio::test]
async fn nothing_is_left_that_holds_rows_of_the_database() {
    let Some(shop) = Shop::of(
        "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2);
         CREATE TABLE c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES p (id)); INSERT INTO c VALUES (1, 1)",
    )
    .await
    else {
        return;
    };
    shop.comes_back_from(&["UPDATE c SET pid = 2"]).await;
    shop.run("DELETE FROM c; DELETE FROM p; DROP TABLE c; DROP TABLE p");
}

/// `max_execution_time` is ignored.
#[tokio::test]
async fn a_statement_past_its_time_does_not_run_on_in_the_server() {
    let Some(shop) = Shop::of(T).await else { return };
    let before = shop.dump();
    let endless = shop.place().endless();
    shop.file("2_x.sql", &format!("UPDATE t SET a = 9; CREATE TABLE n AS {endless}"));
    let migrator =
        shop.migrator().attended(true).statement_timeout(Some(Duration::from_millis(300)));
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Code::TimeLimit, Outcome::Restored), "{error:?}");
    shop.assert_dump(&before, "time limit");
    assert_eq!(shop.run(RUNNING), "0\n");
}

/// Sessions in this database that are asleep in a statement.
const RUNNING: &str = "SELECT count(*) FROM information_schema.processlist WHERE db = 'DB' AND info LIKE 'CREATE TABLE n%' AND command <> ''";

/// A killed client's statement goes on, and commits seconds later.
#[tokio::test]
async fn a_statement_of_a_killed_process_does_not_commit_after_the_recovery() {
    let Some(shop) = Shop::of(T).await else { return };
    // Makes a table that nobody else knows of, after some seconds.
    shop.file(
        "2_x.sql",
        &format!("UPDATE t SET a = 9; CREATE TABLE n AS SELECT sleep(6) AS s; {BAD}"),
    );
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_die_at"))
        .args([&shop.address(), shop.migrations().to_str().unwrap(), "never"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while shop.run(RUNNING) == "0\n" {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its slow statement was seen");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    shop.file("2_x.sql", "INSERT INTO t VALUES (3, 3);");
    let report = shop.migrator().attended(true).run(shop.address()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert_eq!(shop.run(RUNNING), "0\n");
    // Longer than the statement would have taken.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(shop.tries("SELECT * FROM n").is_err(), "the dead run's statement has committed");
    assert_eq!(shop.run("SELECT id, a FROM t ORDER BY id"), "1|1\n2|2\n3|3\n");
}

/// Of two moments in one statement the server reads the first for both. `diff` reads each by itself.
#[tokio::test]
async fn two_moments_in_one_statement_are_read_as_one() {
    let Some(shop) =
        Shop::of("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)").await
    else {
        return;
    };
    let error = shop.fails(&format!("INSERT INTO t VALUES (2); {BAD}"), Outcome::Restored).await;
    let report = error.report().unwrap();
    let (then, failed) = (
        report.snapshot.clone().unwrap().name,
        report.restore.clone().unwrap().failed_state.unwrap(),
    );
    let of = |name: &str| format!("(SELECT count(*) FROM t {{SNAPSHOT = '{name}'}})");
    let both = format!("SELECT {}, {}", of(&then), of(&failed));
    assert_eq!(shop.run(&both), "1|1\n", "the server has learnt to read both");
    assert_eq!(shop.sql_in(&failed, "SELECT count(*) FROM {t}"), "2\n");
    let run = report.run.clone().unwrap();
    let found = shop.migrator().diff(shop.address(), &run, None).await.unwrap();
    assert_eq!(found.tables.iter().map(|table| table.added).collect::<Vec<_>>(), [1], "{found:?}");
}

/// CLONE, and ALTER TABLE … ADD COLUMN, double each quote in a DEFAULT.
#[tokio::test]
async fn a_default_with_a_quote_is_refused_where_it_is_touched_and_in_nobodys_way_elsewhere() {
    let setup = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) DEFAULT 'd''f'); CREATE TABLE o (n INT); \
                 INSERT INTO t (id) VALUES (1); INSERT INTO o VALUES (1)";
    let Some(shop) = Shop::of(setup).await else { return };
    let before = shop.dump();
    let migrator = shop.migrator().attended(true);
    shop.file("2_x.sql", "UPDATE t SET id = 2;");
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Code::NoWayBack, Outcome::Refused), "{error:?}");
    shop.assert_dump(&before, "refused");

    shop.file("2_x.sql", "UPDATE o SET n = 2; SELECT * FROM nowhere;");
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    shop.assert_dump(&before, "restored");

    let wanted = mo_migrate::NewClone::default();
    let error = migrator.clone_create(shop.address(), "qa", &wanted).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Code::Clone, Outcome::Refused), "{error:?}");
    assert!(format!("{error:?}").contains("DEFAULT"), "{error:?}");
}
