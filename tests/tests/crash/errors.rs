//! An error at every fault point: what is said of the database is true, and the next start goes on.

use mo_migrate_tests::{Place, engines};

use crate::command::{Said, faulty, typed};
use crate::points::{faults, reached, some, step};
use crate::scenario::{SCENARIOS, Scenario, headings};
use crate::wrong::Wrong;

/// What a command said is what is true of the database.
pub(crate) fn is_true(
    scenario: Scenario,
    shop: &mo_migrate_tests::Fixture,
    said: &Said,
) -> Result<(), String> {
    let marker = shop.sql("SELECT count(*) FROM mo_migrate_history WHERE kind = 'marker'");
    let is_open = marker != "0\n";
    let database = said.line("database:");
    let undone = [2, 5, 66].contains(&said.code) || database.starts_with("restored");
    let done = said.code == 0 || database.starts_with("applied");
    if (undone || done) && is_open {
        return Err("the marker is there".to_owned());
    }
    // A way back that was taken ends where it was to go.
    let undone = undone || database.starts_with("as it was");
    let as_before = undone && !(database.starts_with("restored") && scenario == Scenario::Restore);
    if as_before || done {
        return scenario.is_at(shop, as_before);
    }
    if said.code != 3 && !undone {
        return Err("that is no outcome of a run".to_owned());
    }
    if database.is_empty() {
        return Err("it does not say what is true".to_owned());
    }
    if (database.contains("changed nothing") || database.contains("left it")) && !is_open {
        return Err("the marker is gone".to_owned());
    }
    Ok(())
}

async fn failed_at(
    scenario: Scenario,
    place: Place,
    head: &str,
    fault: &str,
) -> Result<(), String> {
    let shop = scenario.shop(place, head).await;
    let mut command = faulty(&shop, scenario.what(), fault);
    let said = Said::of(&command.env("MO_MIGRATE_VERIFY", "clone").output().unwrap());
    let told = |why: String| format!("{why}: code {}, {}", said.code, said.words);
    is_true(scenario, &shop, &said).map_err(told)?;
    if said.code == 3 {
        let commands = said.suggested();
        let Some(first) = commands.first() else {
            return Err(told("it suggests no command".to_owned()));
        };
        let again = typed(&shop, first, "");
        if again.code > 2 {
            return Err(told(format!("`{first}` ended with {}: {}", again.code, again.words)));
        }
    }
    scenario.next(&shop).await.map_err(told)?;
    scenario.is_whole(&shop).await.map_err(told)
}

/// Of the points at which the suite kills every so manieth is taken here, from another one each time.
const SHARE: usize = 3;

async fn everywhere(scenario: Scenario) {
    let (mut rounds, mut failed) = (0, Wrong::default());
    for place in engines() {
        for head in headings(place) {
            let points = faults(&reached(scenario, place, head).await, "fail");
            for fault in some(points, SHARE * step(place)) {
                rounds += 1;
                if let Err(why) = failed_at(scenario, place, head, &fault).await {
                    failed.push(format!("{scenario:?}, {place:?}, {head:?}, {fault}: {why}"));
                }
            }
        }
    }
    eprintln!("{scenario:?}: failed {rounds} times, {} went wrong", failed.len());
    failed.assert_none();
}

#[tokio::test]
async fn what_is_said_after_an_error_anywhere_is_true() {
    for scenario in SCENARIOS {
        everywhere(scenario).await;
    }
}
