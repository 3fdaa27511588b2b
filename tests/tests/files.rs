//! The files beside a database: their room, their mode, and that none is left over.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use mo_migrate::{Migrator, Outcome, error::Code};
use mo_migrate_tests::{Fixture, Journal, Small, sqlite3};

#[tokio::test]
async fn copies_of_a_private_database_are_private_too() {
    let shop = Fixture::new(Journal::Wal);
    std::fs::set_permissions(shop.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    shop.file("1_init.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1);")
        .file("2_bad.sql", "-- mo-migrate: no-transaction\nDELETE FROM t; SELECT * FROM nowhere;");
    let error = shop.migrator().run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    let home = shop.folder().join("shop.db.mo-migrate");
    assert_eq!(std::fs::metadata(&home).unwrap().mode() & 0o077, 0);
    let mut seen = 0;
    for folder in [home.clone(), home.join("snapshots")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let meta = entry.unwrap().metadata().unwrap();
            assert_eq!(meta.mode() & 0o077, 0);
            seen += 1;
        }
    }
    assert!(seen >= 5, "lock, ledger, folder, snapshot and failed state; saw {seen}");
}

#[tokio::test]
async fn too_little_room_is_refused_with_the_numbers_before_anything_is_touched() {
    let Some(small) = Small::of(16 << 20) else { return };
    let path = small.path().join("shop.db");
    let _ = sqlite3(&path, "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(6000000))");
    let before = std::fs::read(&path).unwrap();
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("1_x.sql"), "CREATE TABLE u (y);").unwrap();
    let migrator = Migrator::from_dir(files.path()).attended(true);
    let error = migrator.run(format!("sqlite:{}", path.display())).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Code::NoSpace, Outcome::Refused), "{error:?}");
    assert!(error.message().contains("18.0 MB are needed and 10."), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_disk_that_fills_while_a_migration_runs_is_undone() {
    let Some(small) = Small::of(24 << 20) else { return };
    let path = small.path().join("shop.db");
    let _ = sqlite3(&path, "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(3000000))");
    let before = sqlite3(&path, ".dump");
    let files = tempfile::tempdir().unwrap();
    for head in ["", "-- mo-migrate: no-transaction\n"] {
        let grow = "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT zeroblob(1000000) AS b FROM n;";
        std::fs::write(files.path().join("1_x.sql"), format!("{head}{grow}")).unwrap();
        let migrator = Migrator::from_dir(files.path()).attended(true);
        let error = migrator.run(format!("sqlite:{}", path.display())).await.unwrap_err();
        assert!(error.is_undone(), "{error:?}");
        assert!(error.to_string().contains("full"), "{error:?}");
        assert_eq!(sqlite3(&path, ".dump"), before);
    }
}

/// A database whose folder is on a small disk of its own, which goes first.
fn apart(bytes: u64) -> Option<(Fixture, Small)> {
    let shop = Fixture::new(Journal::Rollback);
    let home = shop.folder().join("shop.db.mo-migrate");
    std::fs::create_dir(&home).unwrap();
    let small = Small::at(&home, bytes)?;
    Some((shop, small))
}

#[tokio::test]
async fn a_folder_on_another_disk_keeps_no_run_from_being_restored() {
    let Some((shop, _small)) = apart(2 << 20) else { return };
    shop.file("1_init.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1);")
        .file("2_bad.sql", "-- mo-migrate: no-transaction\nDELETE FROM t; SELECT * FROM nowhere;");
    let error = shop.migrator().run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
}

#[tokio::test]
async fn room_is_looked_for_on_the_disk_that_the_copies_are_made_on() {
    let Some((shop, _small)) = apart(2 << 20) else { return };
    let _ = shop.sql("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(1500000))");
    shop.file("1_more.sql", "CREATE TABLE u (y);");
    let error = shop.migrator().run(shop.address()).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSpace, "{error:?}");
    assert!(error.message().contains("shop.db.mo-migrate`: 3."), "{error:?}");
}
