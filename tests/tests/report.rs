//! A run told to somebody who was not there: what its report says, on both engines.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use mo_migrate::error::Code;
use mo_migrate::report::PhaseState;
use mo_migrate::{Outcome, RunReport};
use mo_migrate_tests::{Fixture, Place, engines, server};

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100));
CREATE TABLE orders (id $KEY, product INT);
INSERT INTO products (name) VALUES ('Laptop'), ('Mouse'), (NULL);";

/// Adds a column, and loses the row that has no name.
const LOSES_ONE: &str =
    "ALTER TABLE products ADD COLUMN category VARCHAR(20);\nDELETE FROM products WHERE id = 3;";

const NONE_LOST: &str = "-- check(after): three products
SELECT count(*) AS found, NULL AS why FROM products HAVING count(*) <> 3;";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

async fn last(shop: &Fixture) -> RunReport {
    shop.migrator().report(shop.address(), None).await.unwrap()
}

fn commands(report: &RunReport) -> Vec<&str> {
    report.next.iter().map(|step| step.command.as_str()).collect()
}

#[tokio::test]
async fn a_run_that_was_restored_is_told_from_its_beginning_to_its_end() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_category.sql", LOSES_ONE).file("2_category.check.sql", NONE_LOST);
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        let before = shop.dump();
        let report = last(&shop).await;
        shop.assert_dump(&before, "after a report");

        assert_eq!((report.outcome, report.open), (Some(Outcome::Restored), false));
        assert_eq!((report.from, report.to), (Some(1), Some(1)));
        assert_eq!(report.error.as_ref().unwrap().code, error.code().as_str());
        let failed: Vec<_> = report.phases.iter().filter(|p| p.state != PhaseState::Done).collect();
        assert_eq!(failed.len(), 1, "{:?}", report.phases);
        assert_eq!(
            (failed[0].phase.as_str(), failed[0].state),
            ("validate_after", PhaseState::Failed)
        );
        assert!(report.phases.iter().all(|phase| !phase.later && phase.duration_ms.is_some()));

        let told = report.report.as_ref().unwrap();
        let products = told.tables.iter().find(|table| table.name == "products").unwrap();
        let rows = (products.rows_before, products.rows_failed, products.rows_after);
        assert_eq!(rows, (Some(3), Some(2), Some(3)));
        let definition = told.definitions.iter().find(|d| d.name == "products").unwrap();
        let has = |side: &Option<String>| side.as_ref().unwrap().contains("category");
        assert_eq!((has(&definition.before), has(&definition.after)), (false, true));
        assert_eq!(told.checks[0].rows[0]["why"], serde_json::Value::Null);

        let run = report.run.as_str();
        assert_eq!(commands(&report)[0], format!("migrate diff {run}"));
        let named = shop.migrator().report(shop.address(), Some(run)).await.unwrap();
        assert_eq!(named.to_text(false), report.to_text(false));
        let text = report.to_text(false);
        assert!(text.starts_with("restored: version 1; "), "{text}");
    }
}

#[tokio::test]
async fn a_run_that_was_applied_names_its_way_back_until_its_snapshot_is_gone() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file(
            "2_category.sql",
            "ALTER TABLE products ADD COLUMN category VARCHAR(20);
             CREATE VIEW named AS SELECT name FROM products WHERE name IS NOT NULL;",
        );
        shop.migrator().run(shop.address()).await.unwrap();
        let report = last(&shop).await;
        let snapshot = report.report.as_ref().unwrap().snapshot.as_ref().unwrap().name.clone();
        assert_eq!((report.outcome, report.to), (Some(Outcome::Applied), Some(2)));
        assert!(commands(&report).contains(&format!("migrate restore {snapshot}").as_str()));
        let definitions = &report.report.as_ref().unwrap().definitions;
        let view = definitions.iter().find(|definition| definition.kind == "view").unwrap();
        assert_eq!((view.name.as_str(), &view.before), ("named", &None));
        assert!(!definitions.iter().any(|definition| definition.name == "orders"));

        shop.migrator().snapshot_delete(shop.address(), &snapshot).await.unwrap();
        assert!(commands(&last(&shop).await).is_empty());
    }
}

#[tokio::test]
async fn a_run_that_died_is_told_with_what_a_later_start_did() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_category.sql", &format!("-- mo-migrate: no-transaction\n{LOSES_ONE}"));
        let died = Command::new(env!("CARGO_BIN_EXE_die_at"))
            .args([&shop.address(), shop.migrations().to_str().unwrap(), "applied:2"])
            .output();
        assert!(died.unwrap().stdout.is_empty());

        let open = last(&shop).await;
        assert_eq!((open.outcome, open.open), (None, true));
        assert!(open.report.is_none() && open.finished_at.is_none());
        assert_eq!(open.phases.last().unwrap().state, PhaseState::Open);
        assert!(open.detail.as_ref().unwrap().contains("puts the database back"), "{open:?}");
        assert_eq!(commands(&open), ["migrate status", "migrate recover"]);
        assert_eq!(open.statements.len(), 2, "{:?}", open.statements);
        assert!(open.to_text(false).starts_with("open: it began at version 1"));

        shop.time_passes(true);
        shop.migrator().recover(shop.address()).await.unwrap().unwrap();
        let report = last(&shop).await;
        assert_eq!((report.outcome, report.open), (Some(Outcome::Restored), false));
        assert!(report.detail.as_ref().unwrap().contains("it died in phase `apply`"), "{report:?}");
        let died = report.phases.iter().position(|p| p.state == PhaseState::Died).unwrap();
        assert_eq!(report.phases[died].phase, "apply");
        assert_eq!(report.phases[died + 1].phase, "recover");
        assert_eq!(report.phases[died].duration_ms, None);
        assert!(report.report.as_ref().unwrap().snapshot.is_some(), "it is kept, and named");
        let later: Vec<bool> = report.phases.iter().map(|phase| phase.later).collect();
        let after: Vec<bool> = (0..later.len()).map(|number| number > died).collect();
        assert_eq!(later, after, "{:?}", report.phases);
    }
}

#[tokio::test]
async fn a_restore_by_hand_that_failed_says_why_in_its_report() {
    for place in engines() {
        let shop = shop(place).await;
        let guard = shop.migrator().guard("import");
        let write = shop.shell("INSERT INTO products (name) VALUES ('Hub')");
        let applied = guard.command(shop.address(), ["sh", "-c", &write]).await.unwrap();
        let told = last(&shop).await;
        assert_eq!((told.purpose.as_str(), told.outcome), ("guard", Some(Outcome::Applied)));
        assert!(told.to_text(false).contains("exited with 0"), "{}", told.to_text(false));

        shop.sql("INSERT INTO orders (product) VALUES (1)");
        let snapshot = applied.snapshot.unwrap().name;
        let error = shop.migrator().restore(shop.address(), Some(&snapshot)).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignWrites);
        let report = last(&shop).await;
        assert_eq!((report.purpose.as_str(), report.outcome), ("restore", Some(error.outcome())));
        let why = report.error.as_ref().unwrap();
        assert_eq!((why.code.as_str(), why.hint.as_deref()), (error.code().as_str(), error.hint()));
    }
}

#[tokio::test]
async fn a_restore_by_hand_is_told_with_what_it_took_back() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_category.sql", "ALTER TABLE products ADD COLUMN category VARCHAR(20);");
        shop.migrator().run(shop.address()).await.unwrap();
        shop.migrator().restore(shop.address(), None).await.unwrap();
        let report = last(&shop).await;
        assert_eq!((report.purpose.as_str(), report.outcome), ("restore", Some(Outcome::Restored)));
        let definitions = &report.report.as_ref().unwrap().definitions;
        assert!(definitions[0].after.as_ref().unwrap().contains("category"), "{definitions:?}");
        assert!(report.to_text(false).contains("before this restore"));
    }
}

#[tokio::test]
async fn a_run_that_is_not_there_is_said_with_the_nearest() {
    for place in engines() {
        let empty = Fixture::new(place);
        let error = empty.migrator().report(empty.address(), None).await.unwrap_err();
        assert_eq!(error.code(), Code::NoSnapshot);
        assert!(error.to_string().contains("no run was made"), "{error:?}");
        let shop = shop(place).await;
        let run = last(&shop).await.run;
        let wrong = format!("{run}0");
        let error = shop.migrator().report(shop.address(), Some(&wrong)).await.unwrap_err();
        assert!(error.to_string().contains(&run), "{error:?}");
    }
}

/// SQLite's read-only files are tested with the other questions.
#[tokio::test]
async fn who_may_only_read_gets_a_report() {
    let Some(place) = engines().into_iter().find(|place| !place.is_sqlite()) else { return };
    let shop = shop(place).await;
    let name = shop.database();
    server::sql(
        "",
        &format!(
            "CREATE ROLE {name}_role; CREATE USER {name}_user IDENTIFIED BY 'secret' DEFAULT ROLE {name}_role;
             GRANT CONNECT ON ACCOUNT * TO {name}_role; GRANT SELECT ON TABLE {name}.* TO {name}_role;
             GRANT SELECT ON TABLE mo_migrate.* TO {name}_role;"
        ),
    );
    let address = shop.address();
    let (scheme, place) = address.split_once("://").unwrap();
    let place = place.split_once('@').unwrap().1;
    let reader = format!("{scheme}://{name}_user:secret@{place}");
    let report = shop.migrator().report(&reader, None).await;
    server::sql("", &format!("DROP USER {name}_user; DROP ROLE {name}_role"));
    assert_eq!(report.unwrap().outcome, Some(Outcome::Applied));
}
