//! How fast the guard is, as ratios against a peer in the same run: `cargo bench`.
//!
//! Every figure is a median of several runs in turn with its peer, so that a slow moment of the
//! machine hits both. `MO_MIGRATE_BENCH_MB=10,1000` sets the sizes of the databases.
#![allow(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mo_migrate::prelude::*;
use mo_migrate_benches::{median, row};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

static OURS: Migrator = migrations!("migrations");

async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

/// A start that finds nothing to do, on an open pool.
async fn no_op(folder: &Path) {
    let (ours, theirs) =
        (pool(&folder.join("ours.db")).await, pool(&folder.join("theirs.db")).await);
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let peer = sqlx::migrate::Migrator::new(files).await.unwrap();
    OURS.run(&ours).await.unwrap();
    peer.run(&theirs).await.unwrap();
    let (mut a, mut b, mut limit) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..500 {
        let began = Instant::now();
        OURS.run(&ours).await.unwrap();
        a.push(began.elapsed());
        let began = Instant::now();
        sqlx::query("SELECT 1").execute(&ours).await.unwrap();
        limit.push(began.elapsed());
        let began = Instant::now();
        peer.run(&theirs).await.unwrap();
        b.push(began.elapsed());
    }
    let (a, b) = (median(a), median(b));
    row("no-op start, 20 migrations", a, "sqlx::migrate", b);
    row("no-op start, 20 migrations", a, "SELECT 1 through the pool", median(limit));
}

/// Small migrations on a new database, snapshot and ledger included.
async fn apply(folder: &Path, count: usize) {
    let files = folder.join(format!("files{count}"));
    std::fs::create_dir(&files).unwrap();
    for version in 1..=count {
        let sql = format!("CREATE TABLE a{version} (id INTEGER PRIMARY KEY);");
        std::fs::write(files.join(format!("{version}_a.sql")), sql).unwrap();
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..7 {
        let (ours, theirs) = (
            pool(&folder.join(format!("o{count}_{round}.db"))).await,
            pool(&folder.join(format!("t{count}_{round}.db"))).await,
        );
        let began = Instant::now();
        Migrator::from_dir(&files).run(&ours).await.unwrap();
        a.push(began.elapsed());
        let peer = sqlx::migrate::Migrator::new(files.clone()).await.unwrap();
        let began = Instant::now();
        peer.run(&theirs).await.unwrap();
        b.push(began.elapsed());
    }
    row(&format!("apply of {count}, guarded"), median(a), "sqlx::migrate, unguarded", median(b));
}

fn sqlite3(path: &Path, words: &str) {
    let done = Command::new("sqlite3").arg(path).arg(words).status().unwrap();
    assert!(done.success(), "{words}");
}

fn database(folder: &Path, megabytes: u64) -> PathBuf {
    let path = folder.join(format!("big{megabytes}.db"));
    let rows = megabytes * 1000;
    sqlite3(
        &path,
        &format!(
            "PRAGMA journal_mode = WAL; CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT, body BLOB); \
             CREATE INDEX by_name ON big (name); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             INSERT INTO big SELECT i, 'name ' || i, randomblob(900) FROM n; PRAGMA wal_checkpoint(TRUNCATE);"
        ),
    );
    path
}

/// Lets the disk finish what came before, or the next one measured pays for it.
fn settle() {
    assert!(Command::new("sync").status().unwrap().success());
}

fn timed(work: impl FnOnce()) -> Duration {
    settle();
    let began = Instant::now();
    work();
    began.elapsed()
}

fn synced_copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    File::open(to).unwrap().sync_all().unwrap();
}

async fn snapshot_and_restore(folder: &Path, megabytes: u64) {
    let path = database(folder, megabytes);
    let address = format!("sqlite:{}", path.display());
    let files = folder.join(format!("restore{megabytes}"));
    std::fs::create_dir(&files).unwrap();
    std::fs::write(
        files.join("1_bad.sql"),
        "-- mo-migrate: no-transaction\nUPDATE big SET name = name || '!'; SELECT * FROM nowhere;",
    )
    .unwrap();
    let migrator = Migrator::from_dir(&files).attended(true);
    let (mut ours, mut backup, mut copy, mut restores) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let copied = folder.join("copy.db");
    // Each removes what it made, so that the next one finds as much memory that is warm.
    for _ in 0..5 {
        settle();
        let began = Instant::now();
        let made = migrator.snapshot_create(address.as_str(), "bench").await.unwrap();
        ours.push(began.elapsed());
        migrator.snapshot_delete(address.as_str(), &made.name).await.unwrap();
        backup.push(timed(|| sqlite3(&path, &format!(".backup {}", copied.display()))));
        std::fs::remove_file(&copied).unwrap();
        copy.push(timed(|| synced_copy(&path, &copied)));
        std::fs::remove_file(&copied).unwrap();
    }
    for _ in 0..3 {
        let error = migrator.run(address.as_str()).await.unwrap_err();
        let restore = error.report().unwrap().restore.clone().unwrap();
        restores.push(Duration::from_millis(restore.duration_ms));
    }
    let (ours, backup, copy) = (median(ours), median(backup), median(copy));
    row(&format!("snapshot of {megabytes} MB, read back"), ours, "sqlite3 .backup", backup);
    row(&format!("snapshot of {megabytes} MB, read back"), ours, "copy with fsync", copy);
    row(&format!("restore of {megabytes} MB, proved"), median(restores), "sqlite3 .backup", backup);
    // The next size begins with as much free memory as this one did.
    std::fs::remove_dir_all(path.with_extension("db.mo-migrate")).unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = std::env::var("MO_MIGRATE_BENCH_MB").unwrap_or_else(|_| "10,1000".to_owned());
    no_op(folder.path()).await;
    for count in [1, 100] {
        apply(folder.path(), count).await;
    }
    for size in sizes.split(',').filter_map(|size| size.trim().parse().ok()) {
        snapshot_and_restore(folder.path(), size).await;
    }
}
