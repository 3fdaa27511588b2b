//! How fast the guard is on a MatrixOne server, as ratios against a peer in the same run:
//! `MATRIXONE_URL=matrixone://root:111@127.0.0.1:6001 cargo bench --bench matrixone`.
//!
//! Every figure is a median of several runs in turn with its peer, so that a slow moment of the
//! machine hits both. It makes databases whose names begin with `mo_migrate_bench_`, and removes them
//! with their snapshots and what the ledger has of them.
//!
//! | variable | means | default |
//! | --- | --- | --- |
//! | `MATRIXONE_URL` | the server; without it nothing is measured | |
//! | `MATRIXONE_DATA` | the server's data directory, to see how it grows | |
//! | `MO_MIGRATE_BENCH_ROWS` | sizes of the one table | `100000,1000000,10000000` |
//! | `MO_MIGRATE_BENCH_TABLES` | how many tables the other database has; 0 for none | `400` |
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and fails loudly"
)]

mod growth;
mod guard;
mod restore;
mod server;
mod start;
mod table;
mod tables;

use self::server::Server;
use self::table::Table;

fn sizes(variable: &str, default: &str) -> Vec<u64> {
    let sizes = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect()
}

#[tokio::main]
async fn main() {
    let Some(server) = Server::named() else {
        println!("MatrixOne: nothing is measured, for MATRIXONE_URL is not set");
        return;
    };
    if server.data().is_none() {
        println!("MatrixOne: growth is not measured, for MATRIXONE_DATA is not set");
    }
    server.clean().await;
    start::no_op(&server).await;
    let mut tables = Vec::new();
    for rows in sizes("MO_MIGRATE_BENCH_ROWS", "100000,1000000,10000000") {
        tables.push(Table::filled(&server, rows).await);
    }
    guard::overhead(&tables).await;
    for table in &tables {
        growth::snapshot_and_clone(table).await;
        restore::of_the_table(table).await;
    }
    server.clean().await;
    for count in sizes("MO_MIGRATE_BENCH_TABLES", "400").into_iter().filter(|count| *count > 0) {
        tables::one_of(&server, count).await;
        server.clean().await;
    }
}
