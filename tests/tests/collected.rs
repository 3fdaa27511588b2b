//! The way back from a snapshot long after the server's collector has removed what no snapshot keeps.
//!
//! `MATRIXONE_GC_URL` names a server that collects after seconds and not after an hour (`gc-ttl` and
//! `scan-gc-interval` of its `[tn.GCCfg]`), and on which nobody else takes snapshots: one of the
//! account would keep what these tests want to see gone.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::str::FromStr as _;
use std::time::Duration;

use mo_migrate::settings::SnapshotScope;
use mo_migrate::{Event, Migrator, NewClone, Outcome, Phase};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _, ValueRef as _,
};
use tokio::sync::Mutex;

/// One at a time: the snapshots of one keep what another wants to see gone.
static ALONE: Mutex<()> = Mutex::const_new(());

const VARIABLE: &str = "MATRIXONE_GC_URL";

/// How often the server is asked whether it has collected, and how long apart.
const LOOKS: usize = 80;
const APART: Duration = Duration::from_secs(5);

/// What the server answers about a file that was collected.
const GONE: u16 = 20405;

const SHOP: &str = "
CREATE TABLE products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL, price INT NOT NULL, UNIQUE KEY by_name (name));
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, product INT NOT NULL, amount INT NOT NULL, KEY by_amount (amount), CONSTRAINT of_product FOREIGN KEY (product) REFERENCES products (id));
CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT KEY words (body));
CREATE TABLE visits (id INT PRIMARY KEY AUTO_INCREMENT, page VARCHAR(40));
CREATE VIEW dear AS SELECT name FROM products WHERE price > 5000;
INSERT INTO products (name, price) SELECT concat('product ', result), result FROM generate_series(1, 9000) g;
INSERT INTO orders (product, amount) SELECT result % 9000 + 1, result % 7 FROM generate_series(1, 9000) g;
INSERT INTO notes SELECT result, concat('alpha beta ', result) FROM generate_series(1, 900) g;
INSERT INTO visits (page) SELECT concat('/', result) FROM generate_series(1, 900) g;
";

/// The same with what only a snapshot of the account keeps whole.
const PARTS: &str = "
CREATE TABLE parts (id INT PRIMARY KEY, name VARCHAR(40)) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parts SELECT result, concat('part ', result) FROM generate_series(1, 900) g;
";

const WRECK: &str = "
ALTER TABLE products ADD COLUMN category VARCHAR(20);
UPDATE products SET price = price * 2, category = 'none';
DELETE FROM orders WHERE id > 100;
DROP TABLE notes;
CREATE OR REPLACE VIEW dear AS SELECT id FROM products;
CREATE TABLE extra (id INT PRIMARY KEY);
";

const WRECK_PARTS: &str = "UPDATE parts SET name = 'other' WHERE id < 100;";

#[derive(Clone, Debug)]
struct Server(String);

impl Server {
    /// The server that the variable names; says so when there is none.
    fn named() -> Option<Self> {
        let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty());
        let Some(url) = url else {
            let line = format!("no test after a collection: {VARIABLE} is not set\n");
            // Not by a macro, whose words the test harness would keep to itself.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            return None;
        };
        let (scheme, place) = url.split_once("://").unwrap();
        Some(Self(format!("{scheme}://{}", place.split(['/', '?']).next().unwrap())))
    }

    fn address(&self, database: &str) -> String {
        format!("{}/{database}", self.0)
    }

    async fn connect(&self, user: Option<&str>) -> MySqlConnection {
        let (_, place) = self.0.split_once("://").unwrap();
        let mut options = MySqlConnectOptions::from_str(&format!("mysql://{place}/")).unwrap();
        if let Some(user) = user {
            options = options.username(user).password("111");
        }
        options.disable_statement_logging().connect().await.unwrap()
    }

    async fn try_ask(&self, user: Option<&str>, sql: &str) -> sqlx::Result<Vec<MySqlRow>> {
        let mut connection = self.connect(user).await;
        let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
        let _ = connection.close().await;
        rows
    }

    async fn ask(&self, sql: &str) -> Vec<MySqlRow> {
        let rows = self.try_ask(None, sql).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Rows as text, in an order of their own.
    async fn texts(&self, sql: &str) -> Vec<String> {
        let mut texts: Vec<String> = self.ask(sql).await.iter().map(text).collect();
        texts.sort();
        texts
    }

    async fn flush(&self, table: &str) {
        self.ask(&format!("SELECT mo_ctl('dn', 'flush', '{table}')")).await;
    }
}

fn text(row: &MySqlRow) -> String {
    let cells = (0..row.len()).map(|at| {
        let null = row.try_get_raw(at).unwrap().is_null();
        if null { "NULL".to_owned() } else { row.get_unchecked::<String, _>(at) }
    });
    cells.collect::<Vec<_>>().join("|")
}

/// Tables with a past that nothing keeps. Each is looked at once: what was read stays in a cache.
struct Witnesses {
    server: Server,
    database: String,
    then: i64,
}

impl Witnesses {
    async fn made(server: &Server, database: &str) -> Self {
        let database = format!("{database}_seen");
        server.ask(&format!("CREATE DATABASE {database}")).await;
        for number in 0..LOOKS {
            let table = format!("{database}.w{number}");
            server.ask(&format!("CREATE TABLE {table} (id INT PRIMARY KEY, a INT)")).await;
            let rows = "SELECT result, result FROM generate_series(1, 100) g";
            server.ask(&format!("INSERT INTO {table} {rows}")).await;
            server.flush(&table).await;
        }
        let clock =
            "SELECT timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6)) * 1000";
        let then = server.ask(clock).await[0].get_unchecked(0);
        for number in 0..LOOKS {
            server.ask(&format!("TRUNCATE TABLE {database}.w{number}")).await;
        }
        Self { server: server.clone(), database, then }
    }

    /// Waits until the past of a witness can't be read any more, and the server answers about the past
    /// of all others from its files.
    async fn collected(&self) {
        for number in 0..LOOKS {
            tokio::time::sleep(APART).await;
            self.server.ask("SELECT mo_ctl('dn', 'diskcleaner', 'force_gc')").await;
            let sql =
                format!("SELECT sum(a) FROM {}.w{number} {{MO_TS = {}}}", self.database, self.then);
            if let Err(error) = self.server.try_ask(None, &sql).await {
                let number = error
                    .as_database_error()
                    .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
                    .map(MySqlDatabaseError::number);
                assert_eq!(number, Some(GONE), "{error}");
                self.server.ask("SELECT mo_ctl('cn', 'GCCatalogCache', '1')").await;
                return;
            }
        }
        panic!("the server has collected nothing: is its gc-ttl short?");
    }
}

/// A shop with a role that may read one table.
struct Shop {
    server: Server,
    name: String,
    files: tempfile::TempDir,
    before: Vec<String>,
}

impl Shop {
    async fn made(server: &Server, name: &str, scope: SnapshotScope) -> Self {
        let files = tempfile::tempdir().unwrap();
        let parts = if scope == SnapshotScope::Account { PARTS } else { "" };
        std::fs::write(files.path().join("1_shop.sql"), format!("{SHOP}{parts}")).unwrap();
        server.ask(&format!("CREATE DATABASE {name}")).await;
        let mut shop =
            Self { server: server.clone(), name: name.to_owned(), files, before: Vec::new() };
        shop.migrator(scope).run(shop.address()).await.unwrap();
        for sql in [
            format!("CREATE ROLE {name}_role"),
            format!("CREATE USER {name}_user IDENTIFIED BY '111' DEFAULT ROLE {name}_role"),
            format!("GRANT SELECT ON TABLE {name}.products TO {name}_role"),
        ] {
            server.ask(&sql).await;
        }
        shop.before = shop.dump().await;
        let wreck = if scope == SnapshotScope::Account { WRECK_PARTS } else { "" };
        std::fs::write(shop.files.path().join("2_wreck.sql"), format!("{WRECK}{wreck}")).unwrap();
        shop.flush().await;
        shop
    }

    fn address(&self) -> String {
        self.server.address(&self.name)
    }

    fn migrator(&self, scope: SnapshotScope) -> Migrator {
        Migrator::from_dir(self.files.path()).attended(true).snapshot_scope(scope)
    }

    async fn flush(&self) {
        for table in ["products", "orders", "visits"] {
            self.server.flush(&format!("{}.{table}", self.name)).await;
        }
        for table in ["mo_tables", "mo_columns", "mo_database", "mo_role_privs", "mo_foreign_keys"]
        {
            self.server.flush(&format!("mo_catalog.{table}")).await;
        }
    }

    /// What others do meanwhile, in a table that no run touches and to the role.
    async fn others(&self) {
        let name = &self.name;
        self.server.ask(&format!("INSERT INTO {name}.visits (page) VALUES ('/late')")).await;
        self.flush().await;
    }

    /// Definitions, contents and grants of all but the table of the others.
    async fn dump(&self) -> Vec<String> {
        let name = &self.name;
        let tables = self
            .server
            .texts(&format!(
                "SELECT relname, relkind FROM mo_catalog.mo_tables WHERE account_id = current_account_id() \
                 AND reldatabase = '{name}' AND relkind IN ('r', 'v')"
            ))
            .await;
        let mut lines = Vec::new();
        for table in tables.iter().filter_map(|table| table.split_once('|')) {
            if ["visits", "mo_migrate_history"].contains(&table.0) {
                continue;
            }
            let whole = format!("{name}.{}", table.0);
            let kind = if table.1 == "v" { "VIEW" } else { "TABLE" };
            lines.extend(self.server.texts(&format!("SHOW CREATE {kind} {whole}")).await);
            lines.extend(self.server.texts(&format!("SELECT * FROM {whole}")).await);
        }
        let grants = format!(
            "SELECT p.role_name, p.privilege_name, t.relname FROM mo_catalog.mo_role_privs p \
             JOIN mo_catalog.mo_tables t ON t.rel_logical_id = p.obj_id \
             WHERE p.privilege_level = 'd.t' AND t.reldatabase = '{name}'"
        );
        lines.extend(self.server.texts(&grants).await);
        lines
    }

    /// Everything is as it was, and works; what the others wrote is there.
    async fn assert_back(&self) {
        let now = self.dump().await;
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|line| !b.contains(line)).take(5).cloned().collect()
        };
        assert!(
            now == self.before,
            "only now {:#?}, only before {:#?}",
            only(&now, &self.before),
            only(&self.before, &now)
        );
        let name = &self.name;
        for (sql, rows) in [
            (format!("SELECT count(*) FROM {name}.visits"), "901"),
            (
                format!("SELECT count(*) FROM {name}.notes WHERE MATCH (body) AGAINST ('beta')"),
                "900",
            ),
            (format!("SELECT count(*) FROM {name}.dear"), "4000"),
        ] {
            assert_eq!(self.server.texts(&sql).await, [rows], "{sql}");
        }
        let user = format!("{name}_user");
        let read = format!("SELECT count(*) FROM {name}.products");
        let seen = self.server.try_ask(Some(&user), &read).await.unwrap();
        assert_eq!(text(&seen[0]), "9000");
        for sql in [
            format!("INSERT INTO {name}.products (name, price) VALUES ('product 1', 1)"),
            format!("INSERT INTO {name}.orders (product, amount) VALUES (99999, 1)"),
            format!("DELETE FROM {name}.products WHERE id = 1"),
        ] {
            let refused = self.server.try_ask(None, &sql).await;
            assert!(refused.is_err(), "a key is no longer enforced: {sql}");
        }
    }

    /// Removes it with all that was made for it.
    async fn forget(self) {
        let name = &self.name;
        let made = format!("SELECT name FROM mo_migrate.snapshots WHERE guarded = '{name}'");
        for snapshot in self.server.texts(&made).await {
            self.server.ask(&format!("DROP SNAPSHOT IF EXISTS `{snapshot}`")).await;
        }
        self.server.ask(&format!("DROP DATABASE {name}")).await;
        self.server.ask(&format!("DROP USER {name}_user")).await;
        self.server.ask(&format!("DROP ROLE {name}_role")).await;
        let runs = format!("SELECT id FROM mo_migrate.runs WHERE guarded = '{name}'");
        for table in ["phases", "statements", "children"] {
            self.server.ask(&format!("DELETE FROM mo_migrate.{table} WHERE run IN ({runs})")).await;
        }
        for table in ["runs", "snapshots", "fence", "holders", "sessions"] {
            self.server
                .ask(&format!("DELETE FROM mo_migrate.{table} WHERE guarded = '{name}'"))
                .await;
        }
    }
}

/// One shop's run was applied and is taken back by hand; the other's fails when it is judged. Between
/// their snapshots and their restores the server collects.
async fn comes_back(server: &Server, scope: SnapshotScope) {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let name = format!("mmt_gc_{since:x}");
    let applied = Shop::made(server, &format!("{name}_a"), scope).await;
    let failing = Shop::made(server, &format!("{name}_b"), scope).await;
    let run = applied.migrator(scope).run(applied.address()).await.unwrap();
    assert_eq!(run.outcome, Outcome::Applied);

    let (begun, judging) = tokio::sync::oneshot::channel();
    let (go_on, wait) = std::sync::mpsc::channel();
    let begun = std::sync::Mutex::new(Some((begun, wait)));
    let judge = failing.files.path().join("2_wreck.check.sql");
    std::fs::write(judge, "-- check: there is no row\nSELECT 1 FROM products LIMIT 1;").unwrap();
    let held = failing.migrator(scope).observer(move |event: &Event| {
        if matches!(event, Event::PhaseStarted { phase: Phase::Validate, .. })
            && let Some((begun, wait)) = begun.lock().unwrap().take()
        {
            begun.send(()).unwrap();
            // The others on this runtime go on.
            tokio::task::block_in_place(|| wait.recv().unwrap());
        }
    });
    let address = failing.address();
    let running = tokio::spawn(async move { held.run(address).await });
    judging.await.unwrap();

    for shop in [&applied, &failing] {
        shop.others().await;
    }
    let witnesses = Witnesses::made(server, &name).await;
    witnesses.collected().await;

    go_on.send(()).unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{scope:?}: {error:?}");
    failing.assert_back().await;

    let back = applied.migrator(scope).restore(applied.address(), run.run.as_deref()).await;
    assert_eq!(back.unwrap().outcome, Outcome::Restored);
    applied.assert_back().await;

    applied.forget().await;
    failing.forget().await;
    server.ask(&format!("DROP DATABASE {}", witnesses.database)).await;
}

/// One after the other: the account's snapshots would keep what the database's do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_way_back_outlives_the_collector() {
    let Some(server) = Server::named() else { return };
    let _alone = ALONE.lock().await;
    for scope in [SnapshotScope::Account, SnapshotScope::Database] {
        Box::pin(comes_back(&server, scope)).await;
    }
}

/// The original has changed since, and no snapshot keeps what it was: the clone has it still.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_outlives_its_snapshot_and_the_collector() {
    let Some(server) = Server::named() else { return };
    let _alone = ALONE.lock().await;
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let shop = Shop::made(&server, &format!("mmt_gc_{since:x}_c"), SnapshotScope::Account).await;
    let migrator = shop.migrator(SnapshotScope::Account);
    let snapshot = migrator.snapshot_create(shop.address(), "nightly").await.unwrap().name;
    let wanted = NewClone::default().from(snapshot);
    let clone = migrator.clone_create(shop.address(), "qa", &wanted).await.unwrap().database;
    for line in migrator.snapshot_list(shop.address()).await.unwrap() {
        migrator.snapshot_delete(shop.address(), &line.name).await.unwrap();
    }
    for table in ["orders", "notes", "visits"] {
        server.ask(&format!("DELETE FROM {}.{table}", shop.name)).await;
    }
    server.ask(&format!("UPDATE {}.products SET price = 0", shop.name)).await;
    shop.flush().await;
    let witnesses = Witnesses::made(&server, &shop.name).await;
    witnesses.collected().await;
    for (sql, expected) in [
        ("SELECT count(*), sum(price) FROM products", "9000|40504500"),
        ("SELECT count(*) FROM orders", "9000"),
        ("SELECT count(*) FROM notes WHERE MATCH (body) AGAINST ('beta')", "900"),
        ("SELECT count(*) FROM visits", "900"),
        ("SELECT count(*) FROM parts", "900"),
        ("SELECT count(*) FROM dear", "4000"),
    ] {
        let sql = sql.replace("FROM ", &format!("FROM {clone}."));
        assert_eq!(server.texts(&sql).await, [expected], "{sql}");
    }
    migrator.clone_delete(shop.address(), "qa").await.unwrap();
    shop.forget().await;
    server.ask(&format!("DROP DATABASE {}", witnesses.database)).await;
}
