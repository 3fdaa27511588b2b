//! The way back of one table among many, against the server's own command.

use std::time::Duration;

use mo_migrate_benches::{median, row_with_goal, timed};
use sqlx::MySqlPool;

use super::restore::way_back;
use super::server::{PREFIX, Server, send, try_send};
use super::table::fails;

const ROUNDS: usize = 3;

/// How often the server's own command is given again where it fails.
const TRIES: usize = 3;

/// Restores one touched table of so many by ours, and the database by RESTORE DATABASE.
pub(crate) async fn one_of(server: &Server, count: u64) {
    let database = format!("{PREFIX}many");
    let pool = server.make(&database).await;
    for number in 1..=count {
        send(
            &pool,
            &format!(
                "CREATE TABLE t{number} (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL)"
            ),
        )
        .await;
        send(&pool, &format!("INSERT INTO t{number} (name) VALUES ('one'), ('two')")).await;
    }
    let files = tempfile::tempdir().unwrap();
    let (mut proved, mut whole, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut phases = String::new();
    for round in 0..ROUNDS {
        let sql = "UPDATE t7 SET name = 'other'";
        let report = fails(files.path(), &server.address(&database), sql, u64::MAX).await;
        let restore = report.restore.as_ref().unwrap();
        assert_eq!(restore.proof, "contents");
        proved.push(Duration::from_millis(restore.duration_ms));
        let after = report.timings_ms.get("afterwards").copied().unwrap_or_default();
        whole.push(Duration::from_millis(restore.duration_ms + after));
        phases = way_back(&report);
        let name = format!("{database}_{round}_{}", std::process::id());
        send(&pool, &format!("CREATE SNAPSHOT {name} FOR DATABASE {database}")).await;
        send(&pool, "UPDATE t7 SET name = 'other'").await;
        let sql = format!("RESTORE DATABASE {database} {{SNAPSHOT = '{name}'}}");
        theirs.push(restored(&pool, &sql).await);
    }
    let (proved, whole, theirs) = (median(proved), median(whole), median(theirs));
    let what = format!("restore and proof, 1 of {count} tables");
    row_with_goal(&what, proved, "RESTORE DATABASE", theirs, 1.0 / 30.0);
    let what = format!("with all that comes after, 1 of {count}");
    row_with_goal(&what, whole, "RESTORE DATABASE", theirs, 1.0 / 30.0);
    println!("    the last of ours, in ms: {phases}");
    pool.close().await;
}

/// How long the server's own command took. One of so many tables may end with an unknown commit.
async fn restored(pool: &MySqlPool, sql: &str) -> Duration {
    for _ in 1..TRIES {
        let (took, sent) = timed(try_send(pool, sql)).await;
        match sent {
            Ok(()) => return took,
            Err(error) => {
                println!("    once more after {took:?}, for the server's own failed: {error}");
            }
        }
    }
    timed(send(pool, sql)).await.0
}
