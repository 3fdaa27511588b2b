//! A start that finds nothing to do, on an open pool.

use std::path::Path;

use mo_migrate::prelude::*;
use mo_migrate_benches::{median, row, row_with_goal, timed};

use super::server::Server;

static OURS: Migrator = migrations!("migrations");

/// Against `sqlx::migrate` on the same server, and against the least that a question costs.
pub(crate) async fn no_op(server: &Server) {
    let ours = server.make("mo_migrate_bench_ours").await;
    let theirs = server.make("mo_migrate_bench_theirs").await;
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let peer = sqlx::migrate::Migrator::new(files).await.unwrap();
    OURS.run(&ours).await.unwrap();
    peer.run(&theirs).await.unwrap();
    let (mut a, mut b, mut limit) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..300 {
        a.push(timed(async { OURS.run(&ours).await.unwrap() }).await.0);
        limit.push(timed(sqlx::query("SELECT 1").execute(&ours)).await.0);
        b.push(timed(async { peer.run(&theirs).await.unwrap() }).await.0);
    }
    let (a, b) = (median(a), median(b));
    row_with_goal("no-op start, 20 migrations", a, "sqlx::migrate", b, 0.2);
    row("no-op start, 20 migrations", a, "SELECT 1 through the pool", median(limit));
    ours.close().await;
    theirs.close().await;
}
