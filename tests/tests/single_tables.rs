//! Single tables: brought back from a snapshot of more, and snapshots of one table.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::{Migrator, Outcome, SnapshotOf, error::Code};
use mo_migrate_tests::{Fixture, Place, engines};

const SHOP: &str = "CREATE TABLE products (id $KEY, name VARCHAR(40));
CREATE INDEX by_name ON products (name);
CREATE TABLE orders (id INT PRIMARY KEY, product INT, FOREIGN KEY (product) REFERENCES products (id));
CREATE TABLE visits (id INT PRIMARY KEY, page VARCHAR(9));
CREATE VIEW names AS SELECT name FROM products;
INSERT INTO products (name) VALUES ('Laptop'), ('Mouse'), ('Keyboard');
INSERT INTO orders VALUES (1, 1), (2, 2); INSERT INTO visits VALUES (1, 'a'), (2, 'b');";

const CHANGE: &str =
    "ALTER TABLE products ADD COLUMN price INT; UPDATE products SET name = 'x' WHERE id = 3;
UPDATE visits SET page = 'z'; DELETE FROM orders WHERE id = 2;";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_shop.sql", SHOP);
    migrator(&shop).run(shop.address()).await.unwrap();
    shop
}

fn migrator(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

fn tables(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

const VISITS: &str = "SELECT id, page FROM visits ORDER BY id";
const PRODUCTS: &str = "SELECT * FROM products ORDER BY id";

#[tokio::test]
async fn one_table_comes_back_and_all_else_stays() {
    for place in engines() {
        let shop = shop(place).await;
        let (before, view) = (shop.sql(PRODUCTS), "SELECT count(*) FROM names");
        shop.file("2_change.sql", CHANGE);
        let run = migrator(&shop).run(shop.address()).await.unwrap().run.unwrap();
        let (changed, orders) = (shop.sql(VISITS), shop.sql("SELECT * FROM orders"));
        let wanted = tables(&["products"]);
        let shown =
            migrator(&shop).restore_tables_preview(shop.address(), Some(&run), &wanted).await;
        let shown = shown.unwrap();
        assert!(shown.alone && shown.runs.is_empty() && shown.version == Some(2), "{shown:?}");
        let report =
            migrator(&shop).restore_tables(shop.address(), Some(&run), &wanted).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Restored, Some(2)), "{place:?}");
        assert_eq!(report.restore.unwrap().tables, ["products"]);
        assert_eq!(shop.sql(PRODUCTS), before, "{place:?}");
        assert_eq!((shop.sql(VISITS), shop.sql("SELECT * FROM orders")), (changed, orders));
        assert_eq!(shop.sql(view), "3\n");
        shop.sql("INSERT INTO products (name) VALUES ('new')");
        shop.assert_sound();
        // The history did not go back, and no run is open.
        let again = migrator(&shop).run(shop.address()).await.unwrap();
        assert_eq!((again.outcome, again.to), (Outcome::UpToDate, Some(2)), "{place:?}");
        assert_eq!(shop.files_with("_verify"), [""; 0]);
    }
}

#[tokio::test]
async fn a_table_that_was_dropped_comes_back_with_what_hangs_on_it() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.sql(VISITS);
        shop.file("2_change.sql", "CREATE INDEX by_page ON visits (page);");
        migrator(&shop).run(shop.address()).await.unwrap();
        let line = migrator(&shop).snapshot_create(shop.address(), "manual").await.unwrap();
        shop.sql("DROP TABLE visits; DELETE FROM orders WHERE id = 1");
        let report = migrator(&shop)
            .restore_tables(shop.address(), Some(&line.name), &tables(&["VISITS"]))
            .await
            .unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        assert_eq!(shop.sql(VISITS), before, "{place:?}");
        assert_eq!(shop.sql("SELECT id FROM orders"), "2\n");
        assert!(shop.dump().contains("by_page"), "{place:?}");
    }
}

/// A child without its parent would refer to nothing: nothing is changed, and the two together go.
#[tokio::test]
async fn tables_that_belong_together_come_back_together() {
    for place in engines() {
        let shop = shop(place).await;
        let line = migrator(&shop).snapshot_create(shop.address(), "manual").await.unwrap();
        shop.sql("DELETE FROM orders WHERE id = 2; DELETE FROM products WHERE id = 2");
        let before = shop.sql("SELECT id FROM orders");
        let alone = tables(&["orders"]);
        let name = Some(line.name.as_str());
        let error = migrator(&shop).restore_tables(shop.address(), name, &alone).await.unwrap_err();
        assert!(error.is_refused(), "{error:?}");
        assert!(error.message().contains("1 rows that find no parent"), "{error:?}");
        assert_eq!(shop.sql("SELECT id FROM orders"), before, "{place:?}");
        let both = tables(&["orders", "products"]);
        let report = migrator(&shop).restore_tables(shop.address(), name, &both).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored);
        assert_eq!(shop.sql("SELECT id FROM orders ORDER BY id"), "1\n2\n");
        assert_eq!(shop.sql("SELECT count(*) FROM products"), "3\n");
    }
}

#[tokio::test]
async fn what_the_snapshot_does_not_have_is_refused() {
    for place in engines() {
        let shop = shop(place).await;
        let line = migrator(&shop).snapshot_create(shop.address(), "manual").await.unwrap();
        let before = shop.dump();
        for (table, code, words) in [
            ("product", Code::NoTable, "the nearest name is `products`"),
            ("names", Code::NoTable, "does not have the table `names`"),
            ("mo_migrate_history", Code::Usage, "is the history"),
        ] {
            let wanted = tables(&["visits", table]);
            let name = Some(line.name.as_str());
            let error =
                migrator(&shop).restore_tables(shop.address(), name, &wanted).await.unwrap_err();
            assert_eq!(error.code(), code, "{place:?}: {error:?}");
            assert!(error.to_string().contains(words), "{table}: {error:?}");
        }
        shop.assert_dump(&before, "refused");
    }
}

/// On a server a snapshot can be of one table: it says so, and brings back that table alone.
#[tokio::test]
async fn a_snapshot_is_of_one_table() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let of = SnapshotOf::Table("Visits".to_owned());
        let made = all.snapshot_create_of(shop.address(), "manual", &of).await;
        if place.is_sqlite() {
            let error = made.unwrap_err();
            assert_eq!(error.code(), Code::Snapshot, "{error:?}");
            assert!(error.is_refused() && error.hint().unwrap().contains("--tables"), "{error:?}");
            let error =
                all.snapshot_create_of(shop.address(), "manual", &SnapshotOf::Account).await;
            assert!(error.unwrap_err().is_refused());
            continue;
        }
        let made = made.unwrap();
        assert_eq!((made.level.as_str(), made.table.as_deref()), ("table", Some("visits")));
        let listed = all.snapshot_show(shop.address(), &made.name).await.unwrap();
        assert_eq!(listed.table.as_deref(), Some("visits"));
        assert_eq!(
            all.snapshot_verify(shop.address(), &made.name).await.unwrap(),
            "1 table, 2 rows"
        );
        assert_eq!(shop.files_with("_verify"), [""; 0]);
        let before = shop.sql(VISITS);
        shop.sql("UPDATE visits SET page = 'z'; UPDATE products SET name = 'y'");
        let other = tables(&["products"]);
        let name = Some(made.name.as_str());
        let error = all.restore_tables(shop.address(), name, &other).await.unwrap_err();
        assert_eq!(error.code(), Code::NoTable, "{error:?}");
        let report = all.restore(shop.address(), name).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Restored, Some(1)));
        assert_eq!(shop.sql(VISITS), before);
        assert_eq!(shop.sql("SELECT DISTINCT name FROM products"), "y\n");
        shop.sql("DROP TABLE visits");
        all.restore(shop.address(), name).await.unwrap();
        assert_eq!(shop.sql(VISITS), before);
        // Without a name it is the snapshot of a run that is meant.
        let shown = all.restore_preview(shop.address(), None).await.unwrap();
        assert!(shown.snapshot != made.name && !shown.alone, "{shown:?}");
        for table in ["visit", "names"] {
            let of = SnapshotOf::Table(table.to_owned());
            let error = all.snapshot_create_of(shop.address(), "manual", &of).await.unwrap_err();
            assert_eq!(error.code(), Code::NoTable, "{error:?}");
        }
        for (of, level) in [(SnapshotOf::Account, "account"), (SnapshotOf::Database, "database")] {
            let made = all.snapshot_create_of(shop.address(), "manual", &of).await.unwrap();
            assert_eq!((made.level.as_str(), made.table), (level, None));
        }
    }
}

/// From a snapshot of a table that was rebuilt before, the server takes no table back.
#[tokio::test]
async fn a_table_that_was_altered_or_emptied_comes_back_from_a_snapshot_made_of_it() {
    for place in engines() {
        let shop = shop(place).await;
        if place.is_sqlite() {
            continue;
        }
        let all = "SELECT * FROM visits ORDER BY id";
        for change in [
            "ALTER TABLE visits ADD COLUMN n INT",
            "TRUNCATE TABLE visits; INSERT INTO visits VALUES (1, 'c', 7)",
        ] {
            shop.sql(change);
            let of = SnapshotOf::Table("visits".to_owned());
            let made =
                migrator(&shop).snapshot_create_of(shop.address(), "manual", &of).await.unwrap();
            assert_eq!((made.level.as_str(), made.table), ("database", None), "{change}");
            migrator(&shop).snapshot_verify(shop.address(), &made.name).await.unwrap();
            let (before, products) = (shop.sql(all), shop.sql(PRODUCTS));
            shop.sql("UPDATE visits SET page = 'z'");
            let wanted = tables(&["visits"]);
            let name = Some(made.name.as_str());
            let report =
                migrator(&shop).restore_tables(shop.address(), name, &wanted).await.unwrap();
            assert_eq!(report.outcome, Outcome::Restored, "{change}");
            assert_eq!((shop.sql(all), shop.sql(PRODUCTS)), (before, products), "{change}");
        }
    }
}

/// It is closed, and nothing goes back to it any more.
#[tokio::test]
async fn a_snapshot_from_which_a_restore_by_hand_failed_can_be_deleted() {
    for place in engines() {
        let shop = shop(place).await;
        if place.is_sqlite() {
            continue;
        }
        let of = SnapshotOf::Table("visits".to_owned());
        let made = migrator(&shop).snapshot_create_of(shop.address(), "manual", &of).await.unwrap();
        // As one that was made of a table that had been altered.
        let again = format!(
            "DROP SNAPSHOT {0}; ALTER TABLE visits ADD COLUMN n INT; CREATE SNAPSHOT {0} FOR TABLE {1} visits",
            made.name,
            shop.database()
        );
        shop.sql(&again);
        let name = made.name.as_str();
        let error = migrator(&shop).restore(shop.address(), Some(name)).await.unwrap_err();
        assert_eq!(error.database(), Some("as it was; the restore changed nothing"), "{error:?}");
        assert!(migrator(&shop).recover(shop.address()).await.unwrap().is_none());
        migrator(&shop).snapshot_delete(shop.address(), name).await.unwrap();
        let listed = migrator(&shop).snapshot_list(shop.address()).await.unwrap();
        assert!(listed.iter().all(|line| line.name != name));
    }
}
