//! `verify RUN` and `diff RUN`: the proof that is completed later, and the rows that differ.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::{
    AsOf, Change, Difference, Migrator, Outcome, TableDifference, Whose, error::Code,
};
use mo_migrate_tests::{Fixture, Place, engines, server};

const SHOP: &str = "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(40), note TEXT);
INSERT INTO products VALUES (1, 'Laptop', 'a'), (2, 'Mouse', NULL), (3, 'Keyboard', 'c');
CREATE TABLE pairs (a INT, b VARCHAR(9), n INT, PRIMARY KEY (a, b));
INSERT INTO pairs VALUES (1, 'x', 1), (1, 'y', 2);
CREATE TABLE bare (n INT, t TEXT); INSERT INTO bare VALUES (1, 'one'), (1, 'one'), (2, NULL);";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_shop.sql", SHOP);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

fn migrator(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

/// Runs this as a second migration that fails and is restored; gives the run's id.
async fn restored(shop: &Fixture, migrator: &Migrator, sql: &str) -> String {
    shop.file("2_x.sql", &format!("-- mo-migrate: no-transaction\n{sql} SELECT * FROM nowhere;"));
    let error = migrator.run(shop.address()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
    error.report().unwrap().run.clone().unwrap()
}

/// Runs this as a second migration that is applied; gives the run's id.
async fn applied(shop: &Fixture, sql: &str) -> String {
    shop.file("2_x.sql", sql);
    migrator(shop).run(shop.address()).await.unwrap().run.unwrap()
}

/// What the ledger says of the run's proof.
async fn proof_of(shop: &Fixture, run: &str) -> String {
    let runs = migrator(shop).runs(shop.address()).await.unwrap();
    let report = runs.into_iter().find(|found| found.id == run).unwrap().report.unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["restore"]["proof"].as_str().unwrap().to_owned()
}

const CHANGES: &str = "UPDATE products SET name = 'x' WHERE id = 1; DELETE FROM products WHERE id = 2; UPDATE bare SET n = 9;";

#[tokio::test]
async fn a_proof_by_counts_is_completed_later() {
    for place in engines() {
        let shop = shop(place).await;
        let run = restored(&shop, &migrator(&shop).proof_limit(1), CHANGES).await;
        assert_eq!(proof_of(&shop, &run).await, "counts");
        let proof = migrator(&shop).verify_run(shop.address(), &run).await.unwrap();
        assert!(proof.holds, "{place:?}: {proof:?}");
        assert_eq!(proof.as_of, place.by(AsOf::Now, AsOf::Commit));
        let names: Vec<_> = proof.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["bare", "products"]);
        assert_eq!((proof.proof.as_str(), proof.tables[1].rows), ("contents", Some(3)));
        assert_eq!(proof_of(&shop, &run).await, "contents");
    }
}

/// Where the past can be read, honest later writes do not count; elsewhere a difference is said, with
/// how many rows, and the ledger stays as it was.
#[tokio::test]
async fn later_writes_are_not_taken_for_a_restore_that_failed() {
    for place in engines() {
        let shop = shop(place).await;
        let run = restored(&shop, &migrator(&shop).proof_limit(1), CHANGES).await;
        shop.sql("INSERT INTO products VALUES (7, 'later', NULL); UPDATE products SET note = 'later' WHERE id = 1; UPDATE bare SET t = 'two' WHERE n = 2");
        if place == Place::MatrixOne {
            let proof = migrator(&shop).verify_run(shop.address(), &run).await.unwrap();
            assert!(proof.holds && proof.as_of == AsOf::Commit, "{proof:?}");
            // As if the server had lost the moment.
            server::sql(
                "mo_migrate",
                &format!(
                    "UPDATE runs SET report = replace(replace(report, 'committed_between', 'gone'), '\"contents\"', '\"counts\"') WHERE id = '{run}'"
                ),
            );
        }
        let proof = migrator(&shop).verify_run(shop.address(), &run).await.unwrap();
        assert!(!proof.holds && proof.as_of == AsOf::Now, "{place:?}: {proof:?}");
        let differing: Vec<_> = proof.tables.iter().map(|table| table.differing).collect();
        assert_eq!(differing, [place.by(Some(1), Some(2)), Some(2)], "{proof:?}");
        assert_eq!((proof.proof, proof_of(&shop, &run).await), ("counts".into(), "counts".into()));
        shop.sql("DELETE FROM products WHERE id = 7; UPDATE products SET note = 'a' WHERE id = 1; UPDATE bare SET t = NULL WHERE n = 2");
        let proof = migrator(&shop).verify_run(shop.address(), &run).await.unwrap();
        assert!(proof.holds && proof.as_of == AsOf::Now, "{place:?}: {proof:?}");
    }
}

#[tokio::test]
async fn only_a_restored_run_whose_snapshot_is_there_can_be_proved() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let first = all.runs(shop.address()).await.unwrap()[0].id.clone();
        let error = all.verify_run(shop.address(), &first).await.unwrap_err();
        assert_eq!(error.code(), Code::NothingToCompare, "{error:?}");
        assert!(
            error.is_refused() && error.message().contains("brought nothing back"),
            "{error:?}"
        );
        let error = all.verify_run(shop.address(), &format!("{first}x")).await.unwrap_err();
        assert!(error.to_string().contains(&format!("nearest id is `{first}`")), "{error:?}");
        let run = restored(&shop, &all, CHANGES).await;
        let snapshot = all.runs(shop.address()).await.unwrap()[0].snapshot.clone().unwrap();
        all.snapshot_delete(shop.address(), &snapshot).await.unwrap();
        let error = all.verify_run(shop.address(), &run).await.unwrap_err();
        assert_eq!(error.code(), Code::NoSnapshot, "{error:?}");
        assert!(error.message().contains(&snapshot), "{error:?}");
    }
}

fn of<'a>(found: &'a Difference, name: &str, whose: Whose) -> &'a TableDifference {
    let table = found.tables.iter().find(|table| table.name == name && table.whose == whose);
    table.unwrap_or_else(|| panic!("nothing of {name} {whose:?}: {found:?}"))
}

fn counts(table: &TableDifference) -> (u64, u64, u64) {
    (table.added, table.removed, table.changed)
}

/// Rows of others are all shown, with their texts, and told from the run's own where that can be.
#[tokio::test]
async fn the_rows_that_a_restore_took_back_are_shown() {
    for place in engines() {
        let shop = shop(place).await;
        let insert: Vec<String> =
            (10..30).map(|id| format!("({id}, 'theirs', 'of {id}')")).collect();
        let writes = shop.shell(&format!("INSERT INTO products VALUES {}", insert.join(", ")));
        let changes = shop.shell("UPDATE products SET note = 'theirs' WHERE id = 3");
        shop.file("2_x.sql", "-- mo-migrate: no-transaction\nUPDATE products SET name = 'ours' WHERE id = 1; INSERT INTO products VALUES (4, 'ours', NULL);")
            .file("2_x.check.sql", &format!("-- check(after): this fails\n-- command: {writes}; {changes}; exit 1"));
        let error = migrator(&shop).run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        let run = error.report().unwrap().run.clone().unwrap();
        let found = migrator(&shop).diff(shop.address(), &run, None).await.unwrap();
        assert_eq!(found.told_apart, !place.is_sqlite());
        assert_eq!(found.tables.len(), place.by(1, 2), "{found:?}");
        let theirs = of(&found, "products", place.by(Whose::Unknown, Whose::Others));
        assert_eq!(counts(theirs), place.by((21, 0, 2), (20, 0, 1)), "{place:?}: {found:?}");
        assert!(theirs.rows.iter().any(|row| row.row["note"] == "of 29"), "{found:?}");
        let other = theirs.rows.iter().find(|row| row.row["id"] == 3).unwrap();
        assert_eq!(
            (other.change, &other.was.as_ref().unwrap()["note"]),
            (Change::Changed, &"c".into())
        );
        if !place.is_sqlite() {
            assert_eq!(counts(of(&found, "products", Whose::Undecided)), (1, 0, 1), "{found:?}");
        }
        let some = migrator(&shop).diff(shop.address(), &run, Some(3)).await.unwrap();
        for table in &some.tables {
            let json = serde_json::to_value(table).unwrap();
            let counted = table.added + table.removed + table.changed;
            let listed = u64::try_from(table.rows.len()).unwrap();
            assert_eq!(json["left_out"], counted - listed, "{json}");
        }
        assert_eq!((some.tables[0].rows.len(), some.tables[0].added >= 20), (3, true));
    }
}

/// What changed while a statement ran is undecided: with a key, without one, and across a change of
/// the definition, which the server can't compare.
#[tokio::test]
async fn a_runs_own_changes_are_undecided() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = shop(place).await;
        let sql = "UPDATE pairs SET n = n + 1; DELETE FROM bare WHERE n = 2; INSERT INTO bare VALUES (1, 'one');
            UPDATE products SET name = 'x' WHERE id = 1; ALTER TABLE products DROP COLUMN note; DROP TABLE bare;";
        let run = restored(&shop, &migrator(&shop), sql).await;
        let found = migrator(&shop).diff(shop.address(), &run, None).await.unwrap();
        assert!(found.told_apart && found.tables.len() == 3, "{found:?}");
        let undecided = |name| counts(of(&found, name, Whose::Undecided));
        assert_eq!(undecided("pairs"), (0, 0, 2), "{found:?}");
        assert_eq!(undecided("bare"), (1, 1, 0), "{found:?}");
        assert_eq!(undecided("products"), (0, 0, 1), "{found:?}");
    }
}

#[tokio::test]
async fn a_run_that_was_applied_is_compared_with_the_database_as_it_is() {
    for place in engines() {
        let shop = shop(place).await;
        let run = applied(
            &shop,
            "ALTER TABLE products ADD COLUMN price INT DEFAULT 5; UPDATE products SET name = 'Lap' WHERE id = 1;
             DELETE FROM pairs WHERE b = 'y'; INSERT INTO pairs VALUES (2, 'z', 3); DELETE FROM bare WHERE n = 2;
             INSERT INTO bare VALUES (1, 'one'); CREATE TABLE fresh (id INT PRIMARY KEY); INSERT INTO fresh VALUES (1);
             CREATE VIEW cheap AS SELECT * FROM products;",
        )
        .await;
        let found = migrator(&shop).diff(shop.address(), &run, None).await.unwrap();
        assert!(!found.told_apart && found.to.is_none());
        let table = |name| of(&found, name, Whose::Unknown);
        assert_eq!(counts(table("products")), (0, 0, 1), "{place:?}: {found:?}");
        assert_eq!(table("products").columns_added, ["price"]);
        assert_eq!(counts(table("pairs")), (1, 1, 0), "{found:?}");
        // Without a key a row of SQLite is its row number, which the new one has taken over.
        assert_eq!(counts(table("bare")), place.by((0, 0, 1), (1, 1, 0)), "{found:?}");
        assert_eq!((table("fresh").change, table("fresh").added), (Some(Change::Added), 1));
        let objects: Vec<_> = found
            .objects
            .iter()
            .map(|object| (object.kind.as_str(), object.name.as_str()))
            .collect();
        assert_eq!(objects, [("view", "cheap")], "{place:?}");
        let first = migrator(&shop).runs(shop.address()).await.unwrap()[1].id.clone();
        let found = migrator(&shop).diff(shop.address(), &first, None).await.unwrap();
        let made = |table: &TableDifference| table.change == Some(Change::Added);
        assert!(found.tables.len() == 4 && found.tables.iter().all(made), "{found:?}");
    }
}

/// The server compares no rows across a change of a column; they are compared all the same.
#[tokio::test]
async fn rows_are_compared_by_the_columns_that_both_sides_have() {
    for place in engines() {
        let shop = shop(place).await;
        let run = applied(
            &shop,
            "ALTER TABLE products DROP COLUMN note; UPDATE products SET name = 'M' WHERE id = 2;",
        )
        .await;
        let found = migrator(&shop).diff(shop.address(), &run, None).await.unwrap();
        let products = of(&found, "products", Whose::Unknown);
        assert_eq!(
            (counts(products), &products.columns_removed[..]),
            ((0, 0, 1), &["note".to_owned()][..])
        );
        assert_eq!(products.rows[0].row["name"], "M", "{place:?}");
    }
}

#[tokio::test]
async fn nothing_differs_after_a_run_that_changed_nothing() {
    for place in engines() {
        let shop = shop(place).await;
        let run = applied(&shop, "UPDATE products SET name = name;").await;
        let found = migrator(&shop).diff(shop.address(), &run, None).await.unwrap();
        assert!(found.is_empty(), "{place:?}: {found:?}");
    }
}

#[tokio::test]
async fn what_is_gone_is_said_with_what_to_do() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let run = restored(&shop, &all, CHANGES).await;
        let record = all.runs(shop.address()).await.unwrap().remove(0);
        all.snapshot_delete(shop.address(), &record.failed_state.unwrap()).await.unwrap();
        let error = all.diff(shop.address(), &run, None).await.unwrap_err();
        assert_eq!(error.code(), Code::NoSnapshot, "{error:?}");
        assert!(error.hint().unwrap().contains("--keep"), "{error:?}");
        shop.remove("2_x.sql");
        let first = all.runs(shop.address()).await.unwrap().remove(1);
        all.snapshot_delete(shop.address(), &first.snapshot.unwrap()).await.unwrap();
        let error = all.diff(shop.address(), &first.id, None).await.unwrap_err();
        assert_eq!(error.code(), Code::NothingToCompare, "{place:?}: {error:?}");
    }
}
