//! A start with nothing to do on a server: what really goes over the wire, seen by a proxy between.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mo_migrate::{Migrator, Outcome};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The command of the protocol that is one statement as text, with its answer.
const QUERY: u8 = 3;

/// The one by which a client goes, for which nobody waits.
const QUIT: u8 = 1;

/// By which the pool tries a connection that was given back to it, when the start is over.
const PING: u8 = 14;

/// The commands that clients sent, each with its text; a new connection is none of the protocol.
type Commands = Arc<Mutex<Vec<(u8, String)>>>;

/// Stands before a server; gives its port and what passes.
async fn proxy(host: String, port: u16) -> (u16, Commands) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let seen = Commands::default();
    let passing = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            passing.lock().unwrap().push((u8::MAX, "a new connection".to_owned()));
            let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
            let (mut from_server, to_server) = server.into_split();
            let (from_client, mut to_client) = client.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(pass(from_client, to_server, Arc::clone(&passing)));
        }
    });
    (here, seen)
}

/// Passes packets on. The first of a command has the number 0; those of the greeting have others.
async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    seen: Commands,
) {
    let mut head = [0; 4];
    while from.read_exact(&mut head).await.is_ok() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let mut body = vec![0; length as usize];
        from.read_exact(&mut body).await.unwrap();
        if head[3] == 0 && body[0] != QUIT {
            let text = String::from_utf8_lossy(&body[1..]).into_owned();
            seen.lock().unwrap().push((body[0], text));
        }
        to.write_all(&[&head[..], &body].concat()).await.unwrap();
    }
}

/// Waits until the pool has its connections again, which it takes back in its own time.
async fn given_back(pool: &MySqlPool) {
    for _ in 0..500 {
        if pool.num_idle() == pool.size() as usize {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a connection was not given back");
}

#[tokio::test]
async fn a_start_with_nothing_to_do_is_one_statement_and_one_round_trip() {
    let Some(url) = std::env::var("MATRIXONE_URL").ok().filter(|url| !url.is_empty()) else {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"MatrixOne is skipped: MATRIXONE_URL is not set\n",
        );
        return;
    };
    let (_, place) = url.split_once("://").unwrap();
    let host = place.split(['/', '?']).next().unwrap();
    let options = MySqlConnectOptions::from_str(&format!("mysql://{host}")).unwrap();
    let options = options.disable_statement_logging();
    let name = format!("mmt_one_{:x}", std::process::id());
    let mut own = options.connect().await.unwrap();
    own.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))).await.unwrap();

    let (port, seen) = proxy(options.get_host().to_owned(), options.get_port()).await;
    let through = options.clone().host("127.0.0.1").port(port).database(&name);
    let pool = MySqlPool::connect_with(through).await.unwrap();
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("1_t.sql"), "CREATE TABLE t (id INT PRIMARY KEY);").unwrap();
    let migrator = Migrator::from_dir(files.path());
    assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::Applied);

    for _ in 0..3 {
        given_back(&pool).await;
        seen.lock().unwrap().clear();
        assert_eq!(migrator.run(&pool).await.unwrap().outcome, Outcome::UpToDate);
        let sent = seen.lock().unwrap().clone();
        let ([(QUERY, statement)] | [(QUERY, statement), (PING, _)]) = sent.as_slice() else {
            panic!("{sent:#?}")
        };
        assert!(statement.contains("mo_migrate_history"), "{statement}");
    }
    pool.close().await;

    let snapshots = format!("SELECT name FROM mo_migrate.snapshots WHERE guarded = '{name}'");
    let made: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(snapshots)).fetch_all(&mut own).await.unwrap();
    let mut forget: Vec<String> =
        made.iter().map(|snapshot| format!("DROP SNAPSHOT `{snapshot}`")).collect();
    forget.push(format!("DROP DATABASE {name}"));
    let runs = format!("SELECT id FROM mo_migrate.runs WHERE guarded = '{name}'");
    for table in ["phases", "statements", "children"] {
        forget.push(format!("DELETE FROM mo_migrate.{table} WHERE run IN ({runs})"));
    }
    for table in ["runs", "snapshots", "fence", "holders", "sessions"] {
        forget.push(format!("DELETE FROM mo_migrate.{table} WHERE guarded = '{name}'"));
    }
    for sql in forget {
        own.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }
    own.close().await.unwrap();
}
