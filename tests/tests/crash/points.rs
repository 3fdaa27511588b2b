//! SIGKILL at every fault point that a scenario reaches, each time that it reaches it.

use std::collections::{BTreeSet, HashMap};

use mo_migrate::fault::POINTS;
use mo_migrate_tests::{Fixture, Place, engines, places};

use crate::child::run;
use crate::scenario::{SCENARIOS, Scenario, What, headings};
use crate::wrong::Wrong;

/// The faults that kill at each of these points, at each time.
pub(crate) fn kills(reached: &[String]) -> Vec<String> {
    faults(reached, "kill")
}

/// The faults that do this at each of these points, at each time.
pub(crate) fn faults(reached: &[String], action: &str) -> Vec<String> {
    let mut times: HashMap<&str, u32> = HashMap::new();
    let each = reached.iter().map(|point| {
        let time = times.entry(point).or_default();
        *time += 1;
        format!("{point}#{time}={action}")
    });
    each.collect()
}

/// The points that a run reaches, when two in a row reach the same ones: a server may have a restore
/// give way to another session's and be tried again, by chance.
pub(crate) async fn steady(place: Place, mut run: impl AsyncFnMut() -> Vec<String>) -> Vec<String> {
    let mut reached = run().await;
    for _ in 0..if place.is_sqlite() { 0 } else { 5 } {
        let again = run().await;
        if again == reached {
            break;
        }
        reached = again;
    }
    reached
}

/// The same of a scenario.
pub(crate) async fn reached(scenario: Scenario, place: Place, head: &str) -> Vec<String> {
    let reached = steady(place, async || {
        let shop = scenario.shop(place, head).await;
        run(&shop, scenario.what(), None).reached
    });
    let reached = reached.await;
    assert!(reached.len() > 20, "{scenario:?}: {reached:?}");
    reached
}

/// A number below `most`, another one each time.
pub(crate) fn offset(most: usize) -> usize {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    usize::try_from(since.subsec_micros()).unwrap() % most
}

/// What is said of the database is true: an open run is named as such.
async fn status_is_true(shop: &Fixture) -> Result<(), String> {
    let marker = shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'");
    let status = shop.migrator().status(shop.address()).await.map_err(|e| format!("{e:?}"))?;
    if marker != "0\n" && status.state != "open_run" {
        return Err(format!("a run is open, and the status says {}", status.state));
    }
    Ok(())
}

async fn killed_at(
    scenario: Scenario,
    place: Place,
    head: &str,
    fault: &str,
) -> Result<(), String> {
    let shop = scenario.shop(place, head).await;
    let ended = run(&shop, scenario.what(), Some(fault));
    if !ended.killed() {
        return Err(format!("it was not killed: {}", ended.words()));
    }
    status_is_true(&shop).await?;
    scenario.next(&shop).await?;
    scenario.is_whole(&shop).await
}

/// Whether every fault point is wanted, however long that takes.
fn all() -> bool {
    std::env::var_os("MO_MIGRATE_CRASH_ALL").is_some()
}

/// Of the fault points so manieth are taken; on a server, where each takes seconds, fewer.
pub(crate) fn step(place: Place) -> usize {
    place.by(2, 15)
}

/// Every so manieth of a list, from another one each time; or all.
pub(crate) fn some<T>(of: Vec<T>, step: usize) -> impl Iterator<Item = T> {
    let step = if all() { 1 } else { step };
    of.into_iter().skip(offset(step)).step_by(step)
}

async fn everywhere(scenario: Scenario) {
    let mut failed = Wrong::default();
    let mut rounds = 0;
    for place in places() {
        for head in headings(place) {
            let faults = kills(&reached(scenario, place, head).await);
            for fault in some(faults, step(place)) {
                rounds += 1;
                if let Err(why) = killed_at(scenario, place, head, &fault).await {
                    failed.push(format!("{scenario:?}, {place:?}, {head:?}, {fault}: {why}"));
                }
            }
        }
    }
    eprintln!("{scenario:?}: killed {rounds} times, {} went wrong", failed.len());
    failed.assert_none();
}

#[tokio::test]
async fn a_good_run_that_is_killed_anywhere_is_finished_by_the_next_start() {
    everywhere(Scenario::Good).await;
}

#[tokio::test]
async fn a_run_with_a_bad_statement_that_is_killed_anywhere_is_put_back() {
    everywhere(Scenario::BadStatement).await;
}

#[tokio::test]
async fn a_run_with_a_bad_check_that_is_killed_anywhere_is_put_back() {
    everywhere(Scenario::BadCheck).await;
}

#[tokio::test]
async fn a_way_down_that_is_killed_anywhere_is_done_or_not() {
    everywhere(Scenario::Down).await;
}

#[tokio::test]
async fn a_restore_by_hand_that_is_killed_anywhere_is_done_or_not() {
    everywhere(Scenario::Restore).await;
}

#[tokio::test]
async fn a_guard_that_is_killed_anywhere_is_put_back_or_kept() {
    everywhere(Scenario::Guarded).await;
}

#[tokio::test]
async fn a_guard_whose_check_fails_that_is_killed_anywhere_is_put_back() {
    everywhere(Scenario::GuardedBadly).await;
}

/// Every snapshot that it may have left is in the ledger, and goes with the next `prune`, unless it was
/// whole.
#[tokio::test]
async fn a_snapshot_by_hand_that_is_killed_anywhere_is_whole_or_goes_with_the_next_prune() {
    for place in engines() {
        let shop = Scenario::Guarded.shop(place, "").await;
        let names = || shop.files_with("nightly");
        let faults = kills(&run(&shop, What::Snapshot, None).reached);
        let whole = names();
        assert!(faults.len() > 3 && whole.len() == 1, "{faults:?}, {whole:?}");
        for fault in faults {
            let before = names();
            assert!(run(&shop, What::Snapshot, Some(&fault)).killed(), "{fault}");
            shop.migrator().prune(shop.address()).await.unwrap();
            let lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
            let known = |name: &str| lines.iter().any(|line| name.contains(&line.name));
            for name in names().into_iter().filter(|name| !before.contains(name)) {
                assert!(known(&name), "{place:?}, {fault}: {name} is in no ledger");
            }
            assert!(lines.iter().all(|line| !line.gone), "{place:?}, {fault}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn a_checklist_that_is_killed_anywhere_changes_nothing_and_the_next_one_tidies_up() {
    for place in engines() {
        let shop = Scenario::Guarded.shop(place, "").await;
        let before = shop.dump();
        let faults = kills(&run(&shop, What::Preflight, None).reached);
        assert!(faults.iter().any(|fault| fault.contains("clone")), "{faults:?}");
        for fault in faults {
            assert!(run(&shop, What::Preflight, Some(&fault)).killed(), "{fault}");
            shop.assert_dump(&before, &fault);
            let ended = run(&shop, What::Preflight, None);
            assert!(ended.output.status.success(), "{place:?}, {fault}: {}", ended.words());
            assert!(shop.files_with("_verify").is_empty(), "{place:?}, {fault}");
            shop.migrator().prune(shop.address()).await.unwrap();
            assert!(shop.files_with("preflight_").is_empty(), "{place:?}, {fault}");
            let mut lines = shop.migrator().snapshot_list(shop.address()).await.unwrap();
            lines.retain(|line| line.purpose.is_some());
            assert_eq!(lines.len(), 1, "{place:?}, {fault}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn every_fault_point_is_reached() {
    for place in engines() {
        let mut missing: BTreeSet<&str> = POINTS.iter().copied().collect();
        for scenario in SCENARIOS {
            for head in headings(place) {
                let shop = scenario.shop(place, head).await;
                let mut reached = run(&shop, scenario.what(), None).reached;
                // A death before the first change leaves a snapshot that is removed.
                let shop = scenario.shop(place, head).await;
                run(&shop, scenario.what(), Some("after-snapshot=kill"));
                reached.extend(run(&shop, scenario.what(), None).reached);
                for point in reached {
                    missing.remove(point.as_str());
                }
            }
        }
        for what in [What::Masked, What::CloneDelete] {
            let shop = Scenario::Guarded.shop(place, "").await;
            if what == What::CloneDelete {
                run(&shop, What::Clone, None);
            }
            for point in run(&shop, what, None).reached {
                missing.remove(point.as_str());
            }
        }
        for what in crate::upgrade::STEPS {
            let shop = crate::upgrade::before(place, what).await;
            for point in run(&shop, what, None).reached {
                missing.remove(point.as_str());
            }
        }
        // The one commit of a whole run, and the one of a single migration.
        let other =
            place.by(["before-migration", "after-migration"], ["before-commit", "after-commit"]);
        assert_eq!(missing, BTreeSet::from(other), "{place:?}");
    }
}
