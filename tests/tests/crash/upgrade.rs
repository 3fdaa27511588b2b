//! SIGKILL at every fault point of an upgrade: one database is active all the while, blue is as it was,
//! and the same command typed again ends well.

use mo_migrate::UpgradeState;
use mo_migrate_tests::{Fixture, Place, engines, server};

use crate::child::run;
use crate::command::{bounded, faulty, reached};
use crate::points::{faults, some, steady, step};
use crate::scenario::What;
use crate::stopped::Stopped;
use crate::wrong::Wrong;

const V1: &str = "CREATE TABLE products (id $KEY, name VARCHAR(100)); CREATE TABLE visits (id INT);
INSERT INTO products (name) VALUES ('Laptop'), ('Mouse');";

const V2: &str = "ALTER TABLE products ADD COLUMN price INT; UPDATE products SET price = 30;";

/// Interrupted, with the active database as it was.
const INTERRUPTED: i32 = 130;

pub(crate) const STEPS: [What; 5] = [
    What::UpgradeStart,
    What::UpgradeComplete,
    What::UpgradeBack,
    What::UpgradeAbort,
    What::UpgradeFinish,
];

/// A shop just before this step.
pub(crate) async fn before(place: Place, what: What) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_products.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop.file("2_price.sql", V2);
    if what == What::UpgradeStart {
        return shop;
    }
    shop.migrator().upgrade_start(shop.address(), None).await.unwrap();
    // What is to be carried over.
    shop.sql("INSERT INTO visits VALUES (7)");
    if matches!(what, What::UpgradeBack | What::UpgradeFinish) {
        shop.migrator().upgrade_complete(shop.address(), &[]).await.unwrap();
    }
    shop
}

/// The database that an application would use now is there, and is of the version that it should be.
async fn one_is_active(shop: &Fixture) -> Result<(), String> {
    let active = shop.migrator().active(&shop.address()).await.map_err(|e| format!("{e:?}"))?;
    let applied = shop.migrator().history(&active).await.map_err(|e| format!("{e:?}"))?;
    let expected = if active.expose() == shop.address() { 1 } else { 2 };
    if applied.len() != expected || applied.iter().any(|version| !version.kept) {
        return Err(format!("the active database has {applied:?}"));
    }
    Ok(())
}

async fn again(shop: &Fixture, what: What) -> mo_migrate::Result<UpgradeState> {
    let (migrator, address) = (shop.migrator().attended(true), shop.address());
    Ok(match what {
        What::UpgradeStart => migrator.upgrade_start(address, None).await?.upgrade.state,
        What::UpgradeComplete => migrator.upgrade_complete(address, &[]).await?.state,
        What::UpgradeBack => migrator.upgrade_back(address).await?.state,
        What::UpgradeAbort => migrator.upgrade_abort(address).await?.state,
        _ => migrator.upgrade_finish(address).await?.state,
    })
}

async fn hit_at(place: Place, what: What, fault: &str) -> Result<(), String> {
    let shop = before(place, what).await;
    let dump = shop.dump();
    let ended = run(&shop, what, Some(fault));
    if fault.ends_with("kill") && !ended.killed() {
        return Err(format!("it was not killed: {}", ended.words()));
    }
    goes_on(&shop, what, &dump).await
}

/// The same command is typed again and ends well, whatever became of the first.
async fn goes_on(shop: &Fixture, what: What, dump: &str) -> Result<(), String> {
    one_is_active(shop).await?;
    let status = shop.migrator().upgrade(shop.address()).await.map_err(|e| format!("{e:?}"))?;
    let state = match again(shop, what).await {
        Ok(state) => state,
        // It was ready when it died, and says that it is.
        Err(error) if what == What::UpgradeStart && status.is_some() => {
            let status = shop.migrator().upgrade(shop.address()).await.unwrap().unwrap();
            if status.state != UpgradeState::Ready {
                return Err(format!("typed again: {error:?}"));
            }
            status.state
        }
        Err(error) => return Err(format!("typed again: {error:?}")),
    };
    let expected = match what {
        What::UpgradeStart => UpgradeState::Ready,
        What::UpgradeComplete => UpgradeState::Completed,
        What::UpgradeBack => UpgradeState::WentBack,
        What::UpgradeAbort => UpgradeState::Aborted,
        _ => UpgradeState::Finished,
    };
    if state != expected {
        return Err(format!("it ended as {state}"));
    }
    one_is_active(shop).await?;
    if shop.dump() != dump {
        return Err("blue is not as it was".to_owned());
    }
    is_tidy(shop, what).await
}

/// What was interrupted says so, in words that do not lead to migrating blue.
async fn signalled_at(place: Place, what: What, fault: &str) -> Result<(), String> {
    let shop = before(place, what).await;
    let dump = shop.dump();
    let said = bounded(&mut faulty(&shop, what, fault))?;
    let told = |why: &str| format!("{why}: code {}, {}", said.code, said.words);
    if said.code != 0 && said.code != INTERRUPTED {
        return Err(told("that is no outcome of what was interrupted"));
    }
    if said.words.contains("migrate_from_dir up`") {
        return Err(told("it is told to migrate blue"));
    }
    goes_on(&shop, what, &dump).await.map_err(|why| told(&why))
}

#[tokio::test]
async fn an_upgrade_that_a_signal_comes_to_anywhere_goes_on_when_it_is_typed_again() {
    let mut failed = Wrong::default();
    for place in engines() {
        for what in STEPS {
            let shop = before(place, what).await;
            let points = reached(&shop, what);
            assert!(points.len() > 3, "{place:?}, {what:?}: {points:?}");
            for word in ["int", "term"] {
                for fault in some(faults(&points, word), 2 * step(place)) {
                    if let Err(why) = signalled_at(place, what, &fault).await {
                        failed.push(format!("{place:?}, {what:?}, {fault}: {why}"));
                    }
                }
            }
        }
    }
    failed.assert_none();
}

async fn is_tidy(shop: &Fixture, what: What) -> Result<(), String> {
    if what == What::UpgradeComplete {
        let visits = shop.sql_of(&shop.beside("_green"), "SELECT id FROM visits");
        if visits != "7\n" {
            return Err(format!("carried over: {visits:?}"));
        }
    }
    let mut parts = vec!["_verify", ".partial"];
    if what == What::UpgradeAbort {
        parts.push("green");
    }
    for part in parts {
        let left = shop.files_with(part);
        if !left.is_empty() {
            return Err(format!("left over: {left:?}"));
        }
    }
    let pinned = !matches!(what, What::UpgradeAbort | What::UpgradeFinish);
    let lines = shop.migrator().snapshot_list(shop.address()).await;
    let lines = lines.map_err(|error| format!("{error:?}"))?;
    if lines.iter().any(|line| line.gone)
        || lines.iter().filter(|line| line.pinned).count() != usize::from(pinned)
    {
        return Err(format!("snapshots: {lines:?}"));
    }
    Ok(())
}

async fn everywhere(action: &str, places: Vec<Place>) {
    let mut failed = Wrong::default();
    let mut rounds = 0;
    for place in places {
        for what in STEPS {
            let points = steady(place, async || {
                let ended = run(&before(place, what).await, what, None);
                assert!(ended.output.status.success(), "{what:?}: {}", ended.words());
                ended.reached
            });
            let faults = faults(&points.await, action);
            assert!(faults.len() > 3, "{what:?}: {faults:?}");
            for fault in some(faults, step(place)) {
                rounds += 1;
                if let Err(why) = hit_at(place, what, &fault).await {
                    failed.push(format!("{place:?}, {what:?}, {fault}: {why}"));
                }
            }
        }
    }
    eprintln!("upgrade, {action}: {rounds} rounds, {} went wrong", failed.len());
    failed.assert_none();
}

#[tokio::test]
async fn an_upgrade_that_is_killed_anywhere_goes_on_when_it_is_typed_again() {
    everywhere("kill", engines()).await;
}

#[tokio::test]
async fn an_upgrade_that_fails_anywhere_goes_on_when_it_is_typed_again() {
    everywhere("fail", engines()).await;
}

/// A run would make it anew, with nothing in it.
#[tokio::test]
async fn green_that_goes_while_it_is_made_is_told_and_made_by_the_next_start() {
    for place in engines() {
        for point in ["after-own-history", "before-version", "after-keep"] {
            let shop = before(place, What::UpgradeStart).await;
            let stopped = Stopped::at(&shop, What::UpgradeStart, point);
            let green = shop.beside("_green");
            match place {
                Place::Sqlite(_) => std::fs::remove_file(shop.folder().join(&green)).unwrap(),
                Place::MatrixOne => {
                    server::sql("", &format!("DROP DATABASE {green}"));
                }
            }
            let said = stopped.goes_on().unwrap();
            let gone = ["green is gone", "nothing of green is left"];
            let told = gone.iter().any(|gone| said.words.contains(gone))
                && said.words.contains("upgrade start");
            assert!(said.code != 0 && told, "{place:?}, {point}: {} {}", said.code, said.words);
            one_is_active(&shop).await.unwrap();
            // What is kept beside green may be there still.
            let (all, other) = (shop.migrator(), shop.beside("_other"));
            let next = all.upgrade_start(shop.address(), Some(&other)).await.unwrap();
            assert_eq!(next.upgrade.state, UpgradeState::Ready, "{place:?}, {point}");
            assert_eq!(shop.sql_of(&other, "SELECT count(*) FROM products"), "2\n");
        }
    }
}
