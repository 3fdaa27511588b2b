//! The connection to a server is cut, by a proxy between, while a statement is under way that the server
//! goes on with, and while it commits; or the server says that it has committed, and has not. What is said
//! is true, and the next start ends right.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines, server};
use sqlx::mysql::MySqlConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// When the connection of a client is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// It sends a statement with these words.
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
struct Wire(Arc<Mutex<Passing>>);

/// The cuts, one after the other, and what has passed.
#[derive(Default)]
struct Passing {
    cuts: Vec<Cut>,
    done: usize,
    /// Statements of the next cut's kind, since the last cut.
    seen: u32,
    /// Of any kind.
    sent: u32,
    /// Transactions that were to be committed.
    commits: u32,
    /// From this commit on nothing is kept, until so much later.
    forgets: Option<(u32, Duration)>,
    /// When the first was forgotten.
    since: Option<Instant>,
}

impl Wire {
    fn with(cuts: &[Cut]) -> Self {
        Self(Arc::new(Mutex::new(Passing { cuts: cuts.to_vec(), ..Passing::default() })))
    }

    fn that_forgets(from: u32, during: Duration) -> Self {
        let passing = Passing { forgets: Some((from, during)), ..Passing::default() };
        Self(Arc::new(Mutex::new(passing)))
    }

    /// What is sent in the place of this statement: one that forgets rolls back instead.
    fn sent_for(&self, packet: Vec<u8>) -> Vec<u8> {
        let mut wire = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&packet);
        if !(text.ends_with("COMMIT") || text.contains("; COMMIT; ")) {
            return packet;
        }
        wire.commits += 1;
        let commits = wire.commits;
        let forgotten = wire.forgets.is_some_and(|(from, during)| {
            commits >= from && wire.since.get_or_insert_with(Instant::now).elapsed() < during
        });
        if forgotten { text.replace("COMMIT", "ROLLBACK").into_bytes() } else { packet }
    }

    /// A statement passes; the cut that it is for, if it is for one.
    fn cut_at(&self, packet: &[u8]) -> Option<Cut> {
        let mut wire = self.0.lock().unwrap();
        wire.sent += 1;
        let next = *wire.cuts.get(wire.done)?;
        let text = packet.get(1..).unwrap_or_default();
        wire.seen += u32::from(has(text, next.statement));
        if wire.seen != next.time {
            return None;
        }
        (wire.done, wire.seen) = (wire.done + 1, 0);
        Some(next)
    }

    /// The cut after which nobody gets through any more, if it was made.
    fn shut(&self) -> Option<Cut> {
        let wire = self.0.lock().unwrap();
        wire.cuts[..wire.done].iter().find(|cut| cut.for_good).copied()
    }

    /// Whether all cuts were made and what was to be forgotten was, and what was sent.
    fn passed(&self) -> (bool, u32) {
        let wire = self.0.lock().unwrap();
        let forgot = wire.forgets.is_none() || wire.since.is_some();
        (wire.done == wire.cuts.len() && forgot, wire.sent)
    }
}

fn has(text: &[u8], words: &str) -> bool {
    String::from_utf8_lossy(text).contains(words)
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
            if wire.shut().is_some() {
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
        let ends = wire.cut_at(&body).or_else(|| wire.shut());
        if ends.is_some() {
            cut();
        }
        if ends.is_none_or(|end| end.arrives) {
            let sent = wire.sent_for(body);
            let [low, middle, high, _] = u32::try_from(sent.len()).unwrap().to_le_bytes();
            let _ = to.write_all(&[&[low, middle, high, head[3]], &sent[..]].concat()).await;
        }
        if ends.is_some() {
            return;
        }
    }
}

const V1: &str =
    "CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), price INT);
CREATE TABLE other (n BIGINT);
INSERT INTO products (name, price) VALUES ('Laptop', 1500), ('Mouse', 30);";

/// How a run through a proxy that cuts ended.
struct Ended {
    outcome: Outcome,
    told: String,
    /// It came to where the connection is cut.
    reached: bool,
    /// What was sent, all in all.
    sent: u32,
}

/// Its second statement takes about a second.
const V2: &str = "UPDATE products SET price = price + 1;
INSERT INTO other SELECT count(*) FROM generate_series(1, 3000000) g;
ALTER TABLE products ADD COLUMN z INT DEFAULT 5;";

/// What the database says of the run.
fn is_open(shop: &Fixture) -> bool {
    shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'") != "0\n"
}

/// One start through a proxy that cuts: how it ended, and what it said.
async fn run_through(wire: &Wire, shop: &Fixture) -> (Outcome, String) {
    let port = proxy(wire.clone()).await;
    let address = shop.address();
    let (head, tail) = address.rsplit_once(':').unwrap();
    let through = format!("{head}:{port}/{}", tail.split_once('/').unwrap().1);
    let ended = shop.migrator().attended(true).run(&through).await;
    let told = format!("{ended:?}");
    (ended.map_or_else(|error| error.outcome(), |report| report.outcome), told)
}

/// Runs it through a proxy that cuts, and then again without one.
async fn cut(cuts: &[Cut], bad: bool, numbers: u32) -> Result<Ended, String> {
    through(&Wire::with(cuts), bad, numbers).await
}

async fn through(wire: &Wire, bad: bool, numbers: u32) -> Result<Ended, String> {
    let shop = Fixture::new(Place::MatrixOne);
    shop.file("1_init.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    let before = shop.dump();
    let v2 = V2.replace("3000000", &numbers.to_string());
    shop.file("2_x.sql", &format!("{v2}{}", if bad { " SELECT * FROM nowhere;" } else { "" }));
    let (outcome, told) = run_through(wire, &shop).await;
    // Whoever says that it is undone or untouched says so of what is there.
    let undone = matches!(outcome, Outcome::RolledBack | Outcome::Restored | Outcome::Refused);
    if undone && shop.dump() != before {
        return Err(format!("it says {outcome}, and the database is another: {told}"));
    }
    if matches!(outcome, Outcome::Applied) && is_open(&shop) {
        return Err(format!("it says {outcome}, and the run is open: {told}"));
    }
    let next = shop.migrator().attended(true).run(shop.address()).await;
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
    let good = format!("1501\n31\n{numbers}\n");
    if rows != if bad { "1500\n30\n" } else { &good } {
        return Err(format!("{rows:?}, after {told}"));
    }
    let left = shop.files_with("_verify");
    if is_open(&shop) || !left.is_empty() {
        return Err(format!("left over: {left:?}, after {told}"));
    }
    let (reached, sent) = wire.passed();
    Ok(Ended { outcome, told, reached, sent })
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
            match cut(&[one], bad, 3_000_000).await {
                Ok(ended) => reached += u32::from(ended.reached),
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

#[tokio::test]
async fn a_lock_whose_connection_is_lost_again_while_it_is_had_again_is_still_the_runs() {
    if !engines().contains(&Place::MatrixOne) {
        return;
    }
    let at = |statement, arrives| Cut { statement, time: 1, arrives, for_good: false };
    // The first commit after that is the one of the lock.
    for arrives in [true, false] {
        let cuts = [at("ALTER TABLE products", true), at("COMMIT", arrives)];
        let ended = cut(&cuts, false, 3).await.unwrap();
        assert!(ended.reached, "{}", ended.told);
        assert_eq!(ended.outcome, Outcome::Restored, "{}", ended.told);
    }
}

/// Between two of the places at which a connection is cut; all of them are tried when all is.
const STEP: u32 = 9;

#[tokio::test]
async fn one_connection_that_is_lost_anywhere_asks_for_nobody() {
    if !engines().contains(&Place::MatrixOne) {
        return;
    }
    let step = if std::env::var_os("MO_MIGRATE_CRASH_ALL").is_some() { 1 } else { STEP };
    let (mut failed, mut outcomes) = (Vec::new(), std::collections::BTreeMap::new());
    for bad in [false, true] {
        let all = cut(&[], bad, 3).await.unwrap().sent;
        assert!(all > 100, "{all} are sent");
        for (at, time) in (1 + std::process::id() % step..=all).step_by(step as usize).enumerate() {
            let arrives = at % 2 == 0;
            let one = Cut { statement: "", time, arrives, for_good: false };
            match cut(&[one], bad, 3).await {
                Ok(Ended { outcome: Outcome::NeedsPerson, told, .. }) => {
                    failed.push(format!("{one:?}, bad: {bad}: it needs a person: {told}"));
                }
                Ok(Ended { outcome, told, .. })
                    if outcome != Outcome::Applied
                        && !(told.contains("database:") && told.contains("hint:")) =>
                {
                    failed.push(format!("{one:?}, bad: {bad}: what is true is not said: {told}"));
                }
                Ok(Ended { outcome, .. }) => *outcomes.entry(outcome.to_string()).or_insert(0) += 1,
                Err(why) => failed.push(format!("{one:?}, bad: {bad}: {why}")),
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(outcomes.len() > 1, "{outcomes:?}");
}

/// How long a server forgets: one that has just been started does so for up to ten seconds.
const FORGETS: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_commit_of_which_the_server_keeps_nothing_is_not_believed() {
    if !engines().contains(&Place::MatrixOne) {
        return;
    }
    let step = if std::env::var_os("MO_MIGRATE_CRASH_ALL").is_some() { 1 } else { 4 };
    let (mut failed, mut outcomes) = (Vec::new(), std::collections::BTreeMap::new());
    for bad in [false, true] {
        for from in (1 + std::process::id() % step..).step_by(step as usize) {
            let what = format!("from commit {from} on, bad: {bad}");
            match through(&Wire::that_forgets(from, FORGETS), bad, 3).await {
                Ok(ended) if !ended.reached => break,
                Ok(Ended { outcome: Outcome::NeedsPerson, told, .. }) => {
                    failed.push(format!("{what}: it needs a person: {told}"));
                }
                Ok(Ended { outcome, .. }) => *outcomes.entry(outcome.to_string()).or_insert(0) += 1,
                Err(why) => failed.push(format!("{what}: {why}")),
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(outcomes.len() > 1, "{outcomes:?}");
}

/// Leaves a run open, and has it recovered through a proxy that cuts; gives what that one sent.
async fn recovered(left: Cut, cuts: &[Cut]) -> Result<u32, String> {
    let shop = Fixture::new(Place::MatrixOne);
    shop.file("1_init.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop.file("2_x.sql", &V2.replace("3000000", "3"));
    let (outcome, told) = run_through(&Wire::with(&[left]), &shop).await;
    if outcome != Outcome::NeedsPerson && !told.contains("warning") && !is_open(&shop) {
        return Err(format!("nothing is left to recover: {told}"));
    }
    let wire = Wire::with(cuts);
    let (outcome, told) = run_through(&wire, &shop).await;
    if outcome == Outcome::NeedsPerson {
        return Err(format!("it needs a person: {told}"));
    }
    let next = shop.migrator().attended(true).run(shop.address()).await;
    if let Err(error) = next {
        return Err(format!("the next start: {error:?}, after {told}"));
    }
    let rows = shop.sql("SELECT price FROM products ORDER BY id; SELECT * FROM other");
    if rows != "1501\n31\n3\n" || is_open(&shop) || !shop.files_with("_verify").is_empty() {
        return Err(format!("{rows:?}, {:?}, after {told}", shop.files_with("_verify")));
    }
    Ok(wire.passed().1)
}

#[tokio::test]
async fn a_recovery_whose_connection_is_lost_anywhere_asks_for_nobody() {
    if !engines().contains(&Place::MatrixOne) {
        return;
    }
    let step = if std::env::var_os("MO_MIGRATE_CRASH_ALL").is_some() { 1 } else { 2 * STEP };
    let mut failed = Vec::new();
    // In apply, and when it was to be kept.
    for (statement, arrives) in [("ALTER TABLE products", true), ("UPDATE `mmt_", false)] {
        let left = Cut { statement, time: 1, arrives, for_good: true };
        let all = recovered(left, &[]).await.unwrap();
        assert!(all > 40, "{all} are sent");
        for (at, time) in (1 + std::process::id() % step..=all).step_by(step as usize).enumerate() {
            let one = Cut { statement: "", time, arrives: at % 2 == 0, for_good: false };
            if let Err(why) = recovered(left, &[one]).await {
                failed.push(format!("left at {statement}, {one:?}: {why}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
