//! What a snapshot and a clone take: time, and room on the server's disk.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use mo_migrate_benches::{median, row, timed};
use sqlx::Row as _;

use super::server::{PREFIX, ask, send};
use super::table::Table;

const ROUNDS: usize = 5;

/// How long the server is given to write what it still has to.
const SETTLE: Duration = Duration::from_secs(15);

/// A name that was never used.
fn snapshot_name() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("{PREFIX}{:x}", now.as_nanos())
}

/// Ours against the server's bare statements, and the data directory before and after.
pub(crate) async fn snapshot_and_clone(table: &Table) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut ours_cloned, mut bare_cloned) = (Vec::new(), Vec::new());
    let migrator = table.migrator();
    let clone = format!("{PREFIX}clone");
    for _ in 0..ROUNDS {
        let made =
            timed(async { migrator.snapshot_create(table.address(), "bench").await.unwrap() });
        let (took, made) = made.await;
        ours.push(took);
        let verified = migrator.snapshot_verify(table.address(), &made.name);
        ours_cloned.push(timed(async { verified.await.unwrap() }).await.0);
        let name = snapshot_name();
        bare.push(timed(make_snapshot(table, &name)).await.0);
        let cloned = timed(make_clone(table, &clone, &name)).await;
        bare_cloned.push(cloned.0);
        send(&table.pool, &format!("DROP DATABASE {clone}")).await;
    }
    let what = |what: &str| format!("{what}, {} rows", table.rows);
    row(&what("snapshot, written down"), median(ours), "CREATE SNAPSHOT", median(bare));
    let (ours, bare) = (median(ours_cloned), median(bare_cloned));
    row(&what("snapshot cloned, tested"), ours, "CREATE DATABASE … CLONE", bare);
    if let Some(data) = table.server.data() {
        room(table, &data).await;
    }
}

/// How much a snapshot with a clone of it adds to the directory, and how much nothing does.
async fn room(table: &Table, data: &Path) {
    let size = size(table).await;
    let clone = format!("{PREFIX}clone");
    tokio::time::sleep(SETTLE).await;
    let idle = disk_use(data);
    tokio::time::sleep(SETTLE).await;
    let before = disk_use(data);
    let name = snapshot_name();
    make_snapshot(table, &name).await;
    make_clone(table, &clone, &name).await;
    tokio::time::sleep(SETTLE).await;
    let after = disk_use(data);
    send(&table.pool, &format!("DROP DATABASE {clone}")).await;
    let percent = |from: i64, to: i64| {
        #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
        let percent = (to - from) as f64 * 100.0 / size as f64;
        format!("{} bytes ({percent:.2} %)", to - from)
    };
    println!(
        "growth, table of {} rows, {size} bytes: du {before} before, {after} after snapshot and clone: {}; \
         by itself in as long: {}",
        table.rows,
        percent(before, after),
        percent(idle, before)
    );
}

/// The bytes of the table's columns in the server's files.
async fn size(table: &Table) -> i64 {
    let mut size = 0;
    for column in ["id", "name", "price", "stock", "note"] {
        let sql = format!(
            "SELECT CAST(sum(compress_size) AS SIGNED) FROM metadata_scan('{}.big', '{column}') g",
            table.database
        );
        size += ask(&table.pool, &sql).await[0].get_unchecked::<i64, _>(0);
    }
    size
}

async fn make_snapshot(table: &Table, name: &str) {
    send(&table.pool, &format!("CREATE SNAPSHOT {name} FOR ACCOUNT")).await;
}

async fn make_clone(table: &Table, clone: &str, snapshot: &str) {
    let sql =
        format!("CREATE DATABASE {clone} CLONE {} {{SNAPSHOT = '{snapshot}'}}", table.database);
    send(&table.pool, &sql).await;
}

/// What `du` says, in bytes. Files that go meanwhile count for nothing.
fn disk_use(folder: &Path) -> i64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => disk_use(&entry.path()),
            Ok(facts) => i64::try_from(facts.blocks() * 512).unwrap_or(i64::MAX),
            Err(_) => 0,
        })
        .sum()
}
