//! What is begun and killed, and the two states that it may end in.

use mo_migrate::{Outcome, Report};
use mo_migrate_tests::{Fixture, Place};

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100) NOT NULL, price INT);
INSERT INTO products (name, price) VALUES ('Gaming Laptop', 1500), ('Wireless Mouse', 30);";

const V2: &str = "ALTER TABLE products ADD COLUMN category TEXT;
UPDATE products SET category = 'Electronics';
INSERT INTO products (name, price, category) VALUES ('Smart Watch', 250, 'Wearables');";

const V2_CHECKS: &str = "-- check: prices are positive
SELECT * FROM products WHERE price <= 0;
-- check: no product is lost
SELECT b.id FROM {{before.products}} b LEFT JOIN products p ON p.id = b.id WHERE p.id IS NULL;
-- check(after): three products
SELECT 1 WHERE (SELECT count(*) FROM products) < 3;
-- check(snapshot): two products then
SELECT 1 WHERE (SELECT count(*) FROM products) <> 2;";

const V2_DOWN: &str = "DELETE FROM products WHERE name = 'Smart Watch';
ALTER TABLE products DROP COLUMN category;";

const V3: &str = "CREATE TABLE orders (id $KEY, product INT, quantity INT);
INSERT INTO orders (product, quantity) VALUES (1, 2);
UPDATE products SET price = price + 1;";

/// What a process is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Up,
    Retry,
    Down,
    Restore,
    Guard,
    GuardBadly,
    Snapshot,
    Clone,
    Masked,
    Refresh,
    CloneDelete,
    Swap,
    Preflight,
    UpgradeStart,
    UpgradeComplete,
    UpgradeBack,
    UpgradeAbort,
    UpgradeFinish,
}

impl What {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Retry => "retry",
            Self::Down => "down",
            Self::Restore => "restore",
            Self::Guard => "guard",
            Self::GuardBadly => "guard_badly",
            Self::Snapshot => "snapshot",
            Self::Clone => "clone",
            Self::Masked => "masked",
            Self::Refresh => "refresh",
            Self::CloneDelete => "clone_delete",
            Self::Swap => "swap",
            Self::Preflight => "preflight",
            Self::UpgradeStart => "upgrade_start",
            Self::UpgradeComplete => "upgrade_complete",
            Self::UpgradeBack => "upgrade_back",
            Self::UpgradeAbort => "upgrade_abort",
            Self::UpgradeFinish => "upgrade_finish",
        }
    }
}

/// An upgrade of a shop, or a way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Two migrations that succeed.
    Good,
    /// The last statement fails.
    BadStatement,
    /// A check fails after the commit.
    BadCheck,
    /// The last version is taken back by its down file.
    Down,
    /// The last run is taken back by its snapshot.
    Restore,
    /// Another process writes, and its check holds.
    Guarded,
    /// Another process writes, and its check fails.
    GuardedBadly,
}

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario::Good,
    Scenario::BadStatement,
    Scenario::BadCheck,
    Scenario::Down,
    Scenario::Restore,
    Scenario::Guarded,
    Scenario::GuardedBadly,
];

/// What a guarded process must not write.
pub(crate) const IMPORT_CHECK: &str =
    "-- check: nothing is cheap\nSELECT * FROM products WHERE price < 10;";

/// What a guarded process writes.
pub(crate) const IMPORT: &str = "INSERT INTO products (name, price) VALUES ('Cable', 5)";

/// What is run in a clone before anybody has it.
pub(crate) const MASK: &str = "UPDATE products SET name = 'masked'";

/// The headings that lead to different ways through the guard.
pub(crate) fn headings(place: Place) -> [&'static str; 2] {
    place.by(["", "-- mo-migrate: no-transaction\n"], ["", "-- mo-migrate: transaction\n"])
}

impl Scenario {
    /// A shop just before, and what it is like.
    pub(crate) async fn shop(self, place: Place, head: &str) -> Fixture {
        self.made(Fixture::new(place), head).await
    }

    /// The same in an empty database.
    pub(crate) async fn made(self, shop: Fixture, head: &str) -> Fixture {
        shop.file("1_products.sql", V1);
        shop.migrator().run(shop.address()).await.unwrap();
        if matches!(self, Self::Guarded | Self::GuardedBadly) {
            std::fs::write(shop.folder().join("import.check"), IMPORT_CHECK).unwrap();
            return shop;
        }
        // MatrixOne has no definitions and rows of one table in one transaction.
        let (second, third) = match head {
            "-- mo-migrate: transaction\n" => (
                V2.to_owned(),
                format!("{head}INSERT INTO products (name, price) VALUES ('Cable', 5);"),
            ),
            _ => (format!("{head}{V2}"), format!("{head}{V3}")),
        };
        let checks = match self {
            Self::BadCheck => format!(
                "{V2_CHECKS}\n-- check(after): nothing is cheap\nSELECT * FROM products WHERE price < 100;"
            ),
            _ => V2_CHECKS.to_owned(),
        };
        let second = match self {
            Self::BadStatement => format!("{second} INSERT INTO nowhere VALUES (1);"),
            _ => second,
        };
        shop.file("2_more.sql", &second).file("2_more.check.sql", &checks);
        match self {
            Self::Good => {
                shop.file("3_orders.sql", &third);
            }
            Self::Down | Self::Restore => {
                shop.file("2_more.down.sql", V2_DOWN);
                shop.migrator().run(shop.address()).await.unwrap();
            }
            _ => {}
        }
        shop
    }

    /// Somebody has corrected the migration that is wrong.
    pub(crate) fn mend(self, shop: &Fixture, head: &str) {
        if matches!(self, Self::BadStatement | Self::BadCheck) {
            shop.file("2_more.sql", &format!("{head}{V2}")).file("2_more.check.sql", V2_CHECKS);
        }
    }

    pub(crate) const fn what(self) -> What {
        match self {
            Self::Down => What::Down,
            Self::Restore => What::Restore,
            Self::Guarded => What::Guard,
            Self::GuardedBadly => What::GuardBadly,
            _ => What::Up,
        }
    }

    /// The next start finds what is left, and goes on by itself.
    pub(crate) async fn next(self, shop: &Fixture) -> Result<(), String> {
        let migrator = shop.migrator().attended(true);
        let ended: mo_migrate::Result<Option<Report>> = match self {
            // `up` would go up again.
            Self::Down | Self::Restore | Self::Guarded | Self::GuardedBadly => {
                migrator.recover(shop.address()).await
            }
            _ => migrator.run(shop.address()).await.map(Some),
        };
        match (self, ended) {
            (Self::Good, Ok(Some(report)))
                if matches!(report.outcome, Outcome::Applied | Outcome::UpToDate) =>
            {
                Ok(())
            }
            (Self::Down | Self::Restore | Self::Guarded | Self::GuardedBadly, Ok(_)) => Ok(()),
            // It was put back, and fails when it is tried again.
            (Self::BadStatement | Self::BadCheck, Err(error))
                if matches!(error.outcome(), Outcome::RolledBack | Outcome::Restored) =>
            {
                Ok(())
            }
            (_, ended) => Err(format!("the next start: {ended:?}")),
        }
    }

    /// What was in the way is gone, and what was wrong is corrected: the next start goes on by itself,
    /// and nothing is lost or left over.
    pub(crate) async fn ends_well(self, shop: &Fixture, head: &str) -> Result<(), String> {
        let expected = match self {
            Self::Good => State::Third,
            Self::BadStatement | Self::BadCheck => State::Second,
            Self::Down | Self::Restore | Self::Guarded | Self::GuardedBadly => {
                self.next(shop).await?;
                return self.is_whole(shop).await;
            }
        };
        self.mend(shop, head);
        let next = shop.migrator().attended(true).run(shop.address()).await;
        next.map_err(|error| format!("the next start: {error:?}"))?;
        let now = State::of(shop)?;
        if now != expected {
            return Err(format!("the next start left {now:?} and not {expected:?}"));
        }
        nothing_is_left(shop).await
    }

    /// The states that it may end in.
    const fn ends(self) -> &'static [State] {
        match self {
            Self::Good => &[State::Third],
            Self::BadStatement | Self::BadCheck | Self::GuardedBadly => &[State::First],
            Self::Guarded => &[State::First, State::Imported],
            Self::Down | Self::Restore => &[State::First, State::Second],
        }
    }

    /// The database is as it was before, if `before`, or else as the scenario leaves it when all goes
    /// well.
    pub(crate) fn is_at(self, shop: &Fixture, before: bool) -> Result<(), String> {
        let expected = match (self, before) {
            (Self::Good, false) => State::Third,
            (Self::Guarded, false) => State::Imported,
            (Self::Down | Self::Restore, true) => State::Second,
            _ => State::First,
        };
        let now = State::of(shop)?;
        if now == expected { Ok(()) } else { Err(format!("it is {now:?} and not {expected:?}")) }
    }

    /// The database is one of the states that the scenario may end in, and nothing is left.
    pub(crate) async fn is_whole(self, shop: &Fixture) -> Result<(), String> {
        let now = State::of(shop)?;
        if !self.ends().contains(&now) {
            return Err(format!("the database is in the state {now:?}"));
        }
        nothing_is_left(shop).await
    }
}

/// Nothing is open, nothing is left over, and nothing waits for anybody.
pub(crate) async fn nothing_is_left(shop: &Fixture) -> Result<(), String> {
    let marker = shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'");
    if marker != "0\n" {
        return Err("the marker is still there".to_owned());
    }
    let judging = shop.sql("SELECT count(*) FROM mo_migrate_history WHERE state = 'judging'");
    if judging != "0\n" {
        return Err("rows of the history are not judged".to_owned());
    }
    for part in ["_verify", ".partial"] {
        let left = shop.files_with(part);
        if !left.is_empty() {
            return Err(format!("left over: {left:?}"));
        }
    }
    let status = shop.migrator().status(shop.address()).await.map_err(|e| format!("{e:?}"))?;
    if status.state == "open_run" {
        return Err("a run is still open".to_owned());
    }
    let snapshots = shop.migrator().snapshot_list(shop.address()).await;
    for line in snapshots.map_err(|error| format!("{error:?}"))? {
        if line.gone {
            return Err(format!("the snapshot {} is in the ledger and gone", line.name));
        }
        // On a server there are others' as well.
        if shop.place().is_sqlite() && line.purpose.is_none() {
            return Err(format!("the snapshot {} is in no ledger", line.name));
        }
        if line.pinned {
            return Err(format!("the snapshot {} is pinned for nobody", line.name));
        }
    }
    if shop.place().is_sqlite() {
        shop.assert_sound();
    }
    Ok(())
}

/// What a shop is like, told by its rows alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    First,
    Second,
    Third,
    Imported,
}

impl State {
    fn of(shop: &Fixture) -> Result<Self, String> {
        let versions =
            shop.sql("SELECT version FROM mo_migrate_history WHERE kind = 'sql' ORDER BY version");
        let plain = "SELECT name, price FROM products ORDER BY id";
        let more = "SELECT name, price, category FROM products ORDER BY id";
        let rows = shop.try_sql(more).or_else(|_| shop.try_sql(plain))?;
        let orders = shop.try_sql("SELECT product, quantity FROM orders").ok();
        let third = "Gaming Laptop|1501|Electronics\nWireless Mouse|31|Electronics\nSmart Watch|251|Wearables\n";
        let cable = "Gaming Laptop|1500|Electronics\nWireless Mouse|30|Electronics\nSmart Watch|250|Wearables\nCable|5|NULL\n";
        match (versions.as_str(), rows.as_str(), orders.as_deref()) {
            ("1\n", "Gaming Laptop|1500\nWireless Mouse|30\n", None) => Ok(Self::First),
            ("1\n", "Gaming Laptop|1500\nWireless Mouse|30\nCable|5\n", None) => Ok(Self::Imported),
            (
                "1\n2\n",
                "Gaming Laptop|1500|Electronics\nWireless Mouse|30|Electronics\nSmart Watch|250|Wearables\n",
                None,
            ) => Ok(Self::Second),
            ("1\n2\n3\n", rows, Some("1|2\n")) if rows == third => Ok(Self::Third),
            ("1\n2\n3\n", rows, None)
                if rows.replace("|NULL", "|").replace("|\n", "|NULL\n") == cable =>
            {
                Ok(Self::Third)
            }
            _ => Err(format!(
                "neither one nor the other: versions {versions:?}, products {rows:?}, orders {orders:?}"
            )),
        }
    }
}
