//! Two deaths in a row, and a death during the recovery.

use mo_migrate::{Outcome, error::Code};
use mo_migrate_tests::engines;

use crate::child::run;
use crate::points::{kills, offset, reached};
use crate::scenario::{Scenario, What, headings};
use crate::wrong::Wrong;

/// Of each death every so manieth point is taken, from another one each time; on a server fewer.
const STRIDE: usize = 20;

/// Kills a run, and then its recovery, at many pairs of points; the third start ends it, and asks
/// for a person only after two deaths in one apply.
async fn twice(scenario: Scenario) {
    let (mut rounds, mut failed) = (0, Wrong::default());
    for place in engines() {
        for head in headings(place) {
            let first = kills(&reached(scenario, place, head).await);
            let stride = place.by(STRIDE, 3 * STRIDE);
            for (at, one) in first.iter().enumerate().skip(offset(stride)).step_by(stride) {
                let shop = scenario.shop(place, head).await;
                run(&shop, scenario.what(), Some(one));
                let second = kills(&run(&shop, What::Up, None).reached);
                for other in second.iter().skip(at % stride).step_by(stride) {
                    rounds += 1;
                    let what = format!("{place:?}, {head:?}, {one}, then {other}");
                    if let Err(why) = both(scenario, place, head, one, other).await {
                        failed.push(format!("{what}: {why}"));
                    }
                }
            }
        }
    }
    eprintln!("{scenario:?}: killed twice {rounds} times, {} went wrong", failed.len());
    failed.assert_none();
}

async fn both(
    scenario: Scenario,
    place: mo_migrate_tests::Place,
    head: &str,
    one: &str,
    other: &str,
) -> Result<(), String> {
    let shop = scenario.shop(place, head).await;
    let dead = run(&shop, scenario.what(), Some(one));
    if !dead.killed() {
        return Err(format!("it was not killed: {}", dead.words()));
    }
    // The second one may find less to do than the first time, and come to an end.
    run(&shop, What::Up, Some(other));
    let third = shop.migrator().attended(true).run(shop.address()).await;
    match (scenario, third) {
        (Scenario::Good, Ok(_)) => {}
        (Scenario::BadStatement | Scenario::BadCheck, Err(error))
            if matches!(error.outcome(), Outcome::RolledBack | Outcome::Restored) => {}
        (_, Err(error)) if error.code() == Code::Deaths => {
            if error.outcome() != Outcome::NeedsPerson {
                return Err(format!("{error:?}"));
            }
            // What the message says, typed.
            let ended = run(&shop, What::Retry, None);
            let good = scenario == Scenario::Good;
            if ended.output.status.success() != good {
                return Err(format!("`migrate up --retry`: {}", ended.words()));
            }
        }
        (_, third) => return Err(format!("the third start: {third:?}")),
    }
    scenario.is_whole(&shop).await
}

#[tokio::test]
async fn a_good_run_that_is_killed_twice_is_finished_by_the_third_start() {
    twice(Scenario::Good).await;
}

#[tokio::test]
async fn a_bad_run_that_is_killed_twice_is_put_back_by_the_third_start() {
    twice(Scenario::BadStatement).await;
    twice(Scenario::BadCheck).await;
}
