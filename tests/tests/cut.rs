//! The connection to a server is cut, by a proxy between, while a statement is under way that the server
//! goes on with, and while it commits: what is said is true, and the next start ends right.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines, server};
use sqlx::mysql::MySqlConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// When the connection of a client is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// It sends a statement that begins so.
    statement: &'static str,
    /// The how manieth one of all.
    time: u32,
    /// The server gets it, and the client does not hear of it.
    arrives: bool,
    /// From then on nobody gets through any more.
    for_good: bool,
}

/// What all connections through a proxy share.
#[derive(Clone)]
struct Wire {
    cut: Cut,
    seen: Arc<AtomicU32>,
    done: Arc<AtomicBool>,
}

impl Wire {
    /// A statement passes; whether it is the one at which the connection is cut.
    fn is_cut_at(&self, packet: &[u8]) -> bool {
        let text = packet.get(1..).unwrap_or_default();
        if !text.starts_with(self.cut.statement.as_bytes()) {
            return false;
        }
        let now = self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.cut.time;
        self.done.fetch_or(now, Ordering::SeqCst);
        now
    }

    fn lets_nobody_through(&self) -> bool {
        self.cut.for_good && self.done.load(Ordering::SeqCst)
    }
}

/// Stands before the server; gives its port.
async fn proxy(wire: Wire) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = server::url().unwrap();
    let (_, place) = url.split_once("://").unwrap();
    let options = MySqlConnectOptions::from_str(&format!("mysql://{place}")).unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if wire.lets_nobody_through() {
                continue;
            }
            let server = TcpStream::connect((options.get_host(), options.get_port())).await;
            let (mut from_server, to_server) = server.unwrap().into_split();
            let (from_client, mut to_client) = client.into_split();
            let answers = tokio::spawn(async move {
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            });
            let wire = wire.clone();
            tokio::spawn(async move {
                pass(from_client, to_server, &wire, || answers.abort()).await;
            });
        }
    });
    port
}

/// Passes packets on until the client goes or is cut off.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire, cut: impl Fn()) {
    let mut head = [0; 4];
    while from.read_exact(&mut head).await.is_ok() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let mut body = vec![0; length as usize];
        if from.read_exact(&mut body).await.is_err() {
            return;
        }
        let ends = wire.is_cut_at(&body) || wire.lets_nobody_through();
        if ends {
            cut();
        }
        if !ends || wire.cut.arrives {
            let _ = to.write_all(&[&head[..], &body].concat()).await;
        }
        if ends {
            return;
        }
    }
}

const V1: &str =
    "CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), price INT);
CREATE TABLE other (n BIGINT);
INSERT INTO products (name, price) VALUES ('Laptop', 1500), ('Mouse', 30);";

/// Its second statement takes about a second.
const V2: &str = "UPDATE products SET price = price + 1;
INSERT INTO other SELECT count(*) FROM generate_series(1, 3000000) g;
ALTER TABLE products ADD COLUMN z INT DEFAULT 5;";

/// What the database says of the run.
fn is_open(shop: &Fixture) -> bool {
    shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'") != "0\n"
}

/// Runs it through a proxy that cuts, and then again without one.
async fn cut(cut: Cut, bad: bool) -> Result<bool, String> {
    let shop = Fixture::new(Place::MatrixOne);
    shop.file("1_init.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    let before = shop.dump();
    shop.file("2_x.sql", &format!("{V2}{}", if bad { " SELECT * FROM nowhere;" } else { "" }));
    let wire = Wire { cut, seen: Arc::default(), done: Arc::default() };
    let port = proxy(wire.clone()).await;
    let address = shop.address();
    let (head, tail) = address.rsplit_once(':').unwrap();
    let through = format!("{head}:{port}/{}", tail.split_once('/').unwrap().1);
    let migrator = shop.migrator().attended(true);
    let ended = migrator.run(&through).await;
    let told = format!("{ended:?}");
    let outcome = ended.map_or_else(|error| error.outcome(), |report| report.outcome);
    // Whoever says that it is undone or untouched says so of what is there.
    let undone = matches!(outcome, Outcome::RolledBack | Outcome::Restored | Outcome::Refused);
    if undone && shop.dump() != before {
        return Err(format!("it says {outcome}, and the database is another: {told}"));
    }
    if matches!(outcome, Outcome::Applied) && is_open(&shop) {
        return Err(format!("it says {outcome}, and the run is open: {told}"));
    }
    let next = migrator.run(&address).await;
    let right = match &next {
        Ok(report) => !bad && matches!(report.outcome, Outcome::Applied | Outcome::UpToDate),
        Err(error) => bad && error.outcome() == Outcome::Restored,
    };
    if !right {
        return Err(format!("the next start: {next:?}, after {told}"));
    }
    if bad && shop.dump() != before {
        return Err(format!("it is not as it was, after {told}"));
    }
    let rows = shop.sql("SELECT price FROM products ORDER BY id; SELECT * FROM other");
    if rows != if bad { "1500\n30\n" } else { "1501\n31\n3000000\n" } {
        return Err(format!("{rows:?}, after {told}"));
    }
    let left = shop.files_with("_verify");
    if is_open(&shop) || !left.is_empty() {
        return Err(format!("left over: {left:?}, after {told}"));
    }
    Ok(wire.done.load(Ordering::SeqCst))
}

/// Cuts at each of these statements, once and for good, in a good run and in a bad one.
async fn everywhere(statements: &[(&'static str, u32)], arrives: bool) {
    if !engines().contains(&Place::MatrixOne) {
        return;
    }
    let (mut failed, mut reached) = (Vec::new(), 0);
    for (at, (statement, time)) in statements.iter().enumerate() {
        for bad in [false, true] {
            let for_good = (at % 2 == 0) == bad;
            let one = Cut { statement, time: *time, arrives, for_good };
            match cut(one, bad).await {
                Ok(done) => reached += u32::from(done),
                Err(why) => failed.push(format!("{one:?}, bad: {bad}: {why}")),
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(reached > 3, "the connection was cut {reached} times");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_looked_up() {
    everywhere(
        &[("COMMIT", 1), ("COMMIT", 2), ("COMMIT", 3), ("COMMIT", 4), ("COMMIT", 5), ("COMMIT", 6)],
        true,
    )
    .await;
}

#[tokio::test]
async fn a_commit_that_is_lost_is_not_taken_for_done() {
    everywhere(&[("COMMIT", 1), ("COMMIT", 2), ("COMMIT", 5)], false).await;
}

#[tokio::test]
async fn a_statement_that_the_server_goes_on_with_does_not_come_after_the_next_start() {
    everywhere(
        &[
            ("UPDATE products", 1),
            ("INSERT INTO other", 1),
            ("ALTER TABLE products", 1),
            ("CREATE SNAPSHOT", 1),
        ],
        true,
    )
    .await;
}
