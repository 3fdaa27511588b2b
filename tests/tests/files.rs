//! The files beside a database: their room, their mode, and that none is left over.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use mo_migrate::{Migrator, Outcome, error::Code};
use mo_migrate_tests::{Fixture, Journal, sqlite3};

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

/// A small file system of our own; none where it can't be mounted.
struct Small(tempfile::TempDir);

impl Small {
    fn of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|out| out.status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
async fn too_little_room_is_refused_with_the_numbers_before_anything_is_touched() {
    let Some(small) = Small::of(16) else {
        eprintln!("left out: no small file system can be mounted here");
        return;
    };
    let path = small.0.path().join("shop.db");
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
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
async fn a_disk_that_fills_while_a_migration_runs_is_undone() {
    let Some(small) = Small::of(24) else {
        eprintln!("left out: no small file system can be mounted here");
        return;
    };
    let path = small.0.path().join("shop.db");
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
