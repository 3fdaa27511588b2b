//! SIGINT and SIGTERM, once and twice, at every fault point: after one the run is undone or was over
//! already, and none is left open; after two the next start recovers by itself.

use mo_migrate::error::Code;
use mo_migrate_tests::{Fixture, Place, engines};

use crate::child::run;
use crate::command::{Said, bounded, faulty};
use crate::points::{faults, reached, some, steady, step};
use crate::scenario::{SCENARIOS, Scenario, What, headings, nothing_is_left};
use crate::wrong::Wrong;

/// A signal's name, and the one that may come after it.
const ONCE: [&str; 2] = ["int", "term"];
const TWICE: &str = "both";

/// Interrupted, and undone.
const INTERRUPTED: i32 = 130;

impl Scenario {
    /// The code of a run that no signal comes to.
    const fn code(self) -> i32 {
        match self {
            Self::BadStatement | Self::BadCheck | Self::GuardedBadly => 2,
            Self::Good | Self::Down | Self::Restore | Self::Guarded => 0,
        }
    }
}

/// What a run says after one signal is true, and nothing of it is open.
async fn is_over(scenario: Scenario, shop: &Fixture, said: &Said) -> Result<(), String> {
    if said.code != INTERRUPTED && said.code != scenario.code() {
        return Err("that is no outcome of a run that was interrupted".to_owned());
    }
    let as_before = said.code == INTERRUPTED || scenario.code() != 0;
    scenario.is_at(shop, as_before)?;
    nothing_is_left(shop).await
}

async fn signalled_at(
    scenario: Scenario,
    place: Place,
    head: &str,
    fault: &str,
) -> Result<i32, String> {
    let shop = scenario.shop(place, head).await;
    let mut command = faulty(&shop, scenario.what(), fault);
    let said = bounded(command.env("MO_MIGRATE_VERIFY", "clone"))?;
    let told = |why: String| format!("{why}: code {}, {}", said.code, said.words);
    if !(fault.ends_with(TWICE) && said.code == 3) {
        is_over(scenario, &shop, &said).await.map_err(told)?;
    }
    scenario.next(&shop).await.map_err(told)?;
    scenario.is_whole(&shop).await.map_err(told)?;
    Ok(said.code)
}

/// Of the points at which the suite kills every so manieth is taken here, from another one each time.
const SHARE: usize = 4;

/// Does this at many points of the scenarios, and counts how the runs ended.
async fn everywhere(words: &[&str]) {
    let mut failed = Wrong::default();
    for place in engines() {
        for scenario in SCENARIOS {
            let mut ends = std::collections::BTreeMap::new();
            for head in headings(place) {
                let reached = reached(scenario, place, head).await;
                for word in words {
                    for fault in some(faults(&reached, word), SHARE * step(place)) {
                        match signalled_at(scenario, place, head, &fault).await {
                            Ok(code) => *ends.entry(code).or_insert(0) += 1,
                            Err(why) => {
                                failed.push(format!(
                                    "{place:?}, {scenario:?}, {head:?}, {fault}: {why}"
                                ));
                            }
                        }
                    }
                }
            }
            let wrong = failed.len();
            eprintln!(
                "{words:?}, {place:?}, {scenario:?}: times by code {ends:?}, {wrong} went wrong"
            );
        }
    }
    failed.assert_none();
}

#[tokio::test]
async fn a_run_that_a_signal_comes_to_anywhere_is_undone_or_was_over() {
    everywhere(&ONCE).await;
}

#[tokio::test]
async fn a_run_that_is_ended_by_a_second_signal_anywhere_is_recovered_by_the_next_start() {
    everywhere(&[TWICE]).await;
}

/// Points of a way back. Where one session does all, a signal once ended what put the run back.
const WAY_BACK: [&str; 5] = [
    "before-clone",
    "before-restore-locks",
    "after-restore-step",
    "before-restore",
    "after-restore",
];

#[tokio::test]
async fn a_signal_on_the_way_back_does_not_end_it() {
    for place in engines() {
        // Without a transaction of its own, so that there is something to put back.
        let head = place.by("-- mo-migrate: no-transaction\n", "");
        for point in WAY_BACK {
            let shop = Scenario::BadStatement.shop(place, head).await;
            let mut command = faulty(&shop, What::Up, &format!("{point}=int"));
            let said = bounded(&mut command).unwrap();
            assert_eq!(said.code, 2, "{place:?}, {point}: {}", said.words);
            let over = is_over(Scenario::BadStatement, &shop, &said).await;
            over.unwrap_or_else(|why| panic!("{place:?}, {point}: {why}: {}", said.words));
        }
    }
}

/// A run died, and the start that recovers it is interrupted: the one after it goes on.
async fn signalled_in_recovery(
    scenario: Scenario,
    place: Place,
    head: &str,
    fault: &str,
) -> Result<(), String> {
    let shop = died(scenario, place, head).await;
    let mut command = faulty(&shop, What::Up, fault);
    let said = bounded(command.env("MO_MIGRATE_VERIFY", "clone"))?;
    let told = |why: String| format!("{why}: code {}, {}", said.code, said.words);
    let second = fault.ends_with(TWICE) && said.code == 3;
    if said.code != INTERRUPTED && said.code != scenario.code() && !second {
        return Err(told("that is no outcome of a start that was interrupted".to_owned()));
    }
    // Ended in the apply that killed the run before, it has died there twice.
    let third = shop.migrator().attended(true).run(shop.address()).await;
    if second && third.is_err_and(|error| error.code() == Code::Deaths) {
        run(&shop, What::Retry, None);
    } else {
        scenario.next(&shop).await.map_err(told)?;
    }
    scenario.is_whole(&shop).await.map_err(told)
}

/// A shop whose run died before it was judged.
async fn died(scenario: Scenario, place: Place, head: &str) -> Fixture {
    let shop = scenario.shop(place, head).await;
    let dead = run(&shop, What::Up, Some("after-statement#1=kill"));
    assert!(dead.killed(), "{}", dead.words());
    shop
}

#[tokio::test]
async fn a_recovery_that_a_signal_comes_to_is_gone_on_with_by_the_next_start() {
    let mut failed = Wrong::default();
    for place in engines() {
        for scenario in [Scenario::Good, Scenario::BadStatement] {
            // Without a transaction of its own, so that there is something to put back.
            let head = place.by("-- mo-migrate: no-transaction\n", "");
            let reached = steady(place, async || {
                let shop = died(scenario, place, head).await;
                run(&shop, What::Up, None).reached
            });
            let reached = reached.await;
            assert!(reached.len() > 20, "{reached:?}");
            for word in ["int", TWICE] {
                for fault in some(faults(&reached, word), SHARE * step(place)) {
                    if let Err(why) = signalled_in_recovery(scenario, place, head, &fault).await {
                        failed.push(format!("{place:?}, {scenario:?}, {fault}: {why}"));
                    }
                }
            }
        }
    }
    failed.assert_none();
}
