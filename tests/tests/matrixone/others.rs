//! Others who write all the while: what the server has acknowledged to them is never in neither.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mo_migrate::{AsOf, Outcome};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const SHOP: &str = "CREATE TABLE products (id BIGINT PRIMARY KEY, a INT); INSERT INTO products VALUES (1, 1), (2, 2), (3, 3);
    CREATE TABLE orders (id BIGINT PRIMARY KEY, a INT)";

/// How often a race is run: `MO_MIGRATE_ROUNDS`.
fn rounds() -> u32 {
    let rounds = std::env::var("MO_MIGRATE_ROUNDS").ok().and_then(|word| word.parse().ok());
    rounds.unwrap_or(5)
}

/// What a writer was told.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<i64>,
    errors: Vec<String>,
}

/// Four sessions that insert rows of their own, one by one, until they are asked to stop.
struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Told>>,
}

impl Writers {
    fn start(on: &Shop, table: &'static str, round: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let write = |writer: i64| {
            let (stop, database) = (Arc::clone(&stop), on.database().to_owned());
            std::thread::spawn(move || {
                let mut told = Told::default();
                let connected = server::with(&database, None, async |connection| {
                    let mut id = i64::from(round) * 100_000_000 + writer * 10_000_000;
                    while !stop.load(Ordering::Relaxed) {
                        id += 1;
                        let sql = format!("INSERT INTO {table} (id, a) VALUES ({id}, {writer})");
                        match server::ask(connection, &sql).await {
                            Ok(_) => drop(told.acknowledged.insert(id)),
                            Err(error) => told.errors.push(error.to_string()),
                        }
                    }
                    Ok(())
                });
                connected.unwrap();
                told
            })
        };
        let threads = (1..=4).map(write).collect();
        Self { stop, threads }
    }

    /// Stops them; what all of them were told.
    fn told(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for thread in self.threads {
            let told = thread.join().unwrap();
            all.acknowledged.extend(told.acknowledged);
            all.errors.extend(told.errors);
        }
        all
    }
}

/// Waits until others have written this many rows.
fn after_rows(shop: &Shop, table: &str, rows: u64) {
    let count = format!("SELECT count(*) FROM {table}");
    while shop.run(&count).trim().parse::<u64>().unwrap() < rows {}
}

fn ids(text: &str) -> BTreeSet<i64> {
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_another_table_are_all_kept_and_their_writers_see_no_error() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    for round in 1..=rounds() {
        shop.run("DELETE FROM orders WHERE id > 0");
        let writers = Writers::start(&shop, "orders", round);
        after_rows(&shop, "orders", 20);
        let change = "ALTER TABLE products ADD COLUMN x INT; UPDATE products SET a = 9, x = 1";
        let error = shop
            .fails(
                &format!("{change}; DELETE FROM products WHERE id = 2; {BAD}"),
                Outcome::Restored,
            )
            .await;
        let told = writers.told();
        assert_eq!(told.errors, [""; 0], "round {round}");
        let lost: Vec<_> = told
            .acknowledged
            .difference(&ids(&shop.run("SELECT id FROM orders")))
            .copied()
            .collect();
        assert!(
            lost.is_empty(),
            "round {round}: {} of {} lost: {lost:?}; {error:?}",
            lost.len(),
            told.acknowledged.len()
        );
        assert_eq!(
            shop.run("SELECT id, a FROM products ORDER BY id"),
            "1|1\n2|2\n3|3\n",
            "round {round}"
        );
        assert_eq!(error.report().unwrap().restore.as_ref().unwrap().kept_writes, ["orders"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_acknowledged_in_a_touched_table_is_in_it_or_in_the_failed_state() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    for round in 1..=rounds() {
        let writers = Writers::start(&shop, "products", round);
        after_rows(&shop, "products", 20);
        let change =
            "UPDATE products SET a = 9 WHERE id <= 3; ALTER TABLE products ADD COLUMN x INT";
        let error = shop.fails(&format!("{change}; {BAD}"), Outcome::Restored).await;
        let told = writers.told();
        let restore = error.report().unwrap().restore.clone().unwrap();
        let mut found = ids(&shop.run("SELECT id FROM products"));
        found
            .extend(ids(&shop.sql_in(&restore.failed_state.unwrap(), "SELECT id FROM {products}")));
        let lost: Vec<_> = told.acknowledged.difference(&found).copied().collect();
        assert!(
            lost.is_empty(),
            "round {round}: {} of {} lost: {lost:?}; {error:?}",
            lost.len(),
            told.acknowledged.len()
        );
        assert_eq!(restore.discarded_writes, ["products"], "round {round}");
        // The moment of the commit is told from that of the first row that waited for it.
        let run = error.report().unwrap().run.clone().unwrap();
        let proof = shop.migrator().verify_run(shop.address(), &run).await.unwrap();
        assert!(proof.holds && proof.as_of == AsOf::Commit, "round {round}: {proof:?}");
        assert_eq!(
            shop.run("SELECT id, a FROM products WHERE id <= 3 ORDER BY id"),
            "1|1\n2|2\n3|3\n",
            "round {round}"
        );
        shop.run("DELETE FROM products WHERE id > 3");
    }
}

/// A row that was written between two statements of the migration is listed, and none of its own.
#[tokio::test]
async fn rows_of_others_in_a_touched_table_are_told_from_the_migrations_own() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let writes = shop.shell("INSERT INTO products VALUES (9876543210, 7)");
    shop.file("2_x.sql", "UPDATE products SET a = a + 1; INSERT INTO products VALUES (4, 4);")
        .file(
            "2_x.check.sql",
            &format!("-- check: somebody writes, and this fails\n-- command: {writes}; exit 1"),
        );
    let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    let restore = error.report().unwrap().restore.clone().unwrap();
    assert_eq!(restore.discarded_writes, ["products"]);
    let failed = restore.failed_state.unwrap();
    assert_eq!(shop.sql_in(&failed, "SELECT a FROM {products} WHERE id = 9876543210"), "7\n");
    assert_eq!(shop.run("SELECT id, a FROM products ORDER BY id"), "1|1\n2|2\n3|3\n");
    let shown = error.report().unwrap().to_json().to_string();
    assert!(shown.contains("9876543210"), "the row is not listed: {shown}");
}

/// Nobody else wrote: nothing is said to have been taken from them.
#[tokio::test]
async fn what_the_migration_wrote_is_not_called_somebody_elses() {
    let Some(shop) = Shop::of(SHOP).await else { return };
    let error = shop
        .fails(&format!("UPDATE products SET a = 9; ALTER TABLE products ADD COLUMN x INT; INSERT INTO orders VALUES (1, 1); {BAD}"), Outcome::Restored)
        .await;
    let restore = error.report().unwrap().restore.clone().unwrap();
    assert!(restore.discarded_writes.is_empty() && restore.kept_writes.is_empty(), "{restore:?}");
}
