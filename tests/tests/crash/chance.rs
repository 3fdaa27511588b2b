//! Deaths at times of chance: between the fault points as well.
//!
//! | variable | means | default |
//! | --- | --- | --- |
//! | `MO_MIGRATE_CRASH_ROUNDS` | deaths on each engine | 200 on SQLite, 15 on MatrixOne |
//! | `MO_MIGRATE_CRASH_SEED` | the seed, to see a failure again | the time |

use std::time::{Duration, Instant};

use mo_migrate_tests::{engines, places};

use crate::child::{run, start};
use crate::scenario::{Scenario, headings};

/// A generator that is good enough for times: splitmix64, by Sebastiano Vigna.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most.max(1)
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_time_is_finished_or_put_back() {
    let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let seed = number("MO_MIGRATE_CRASH_SEED").unwrap_or(time);
    eprintln!("MO_MIGRATE_CRASH_SEED={seed}");
    let mut chance = Chance(seed);
    let mut failed = Vec::new();
    let all = [Scenario::Good, Scenario::BadStatement, Scenario::BadCheck];
    for place in engines() {
        let rounds = number("MO_MIGRATE_CRASH_ROUNDS").unwrap_or(place.by(200, 15));
        for scenario in all {
            let shop = scenario.shop(place, headings(place)[0]).await;
            let began = Instant::now();
            run(&shop, scenario.what(), None);
            let took = u64::try_from(began.elapsed().as_micros()).unwrap();
            let mut died = 0;
            for round in 0..rounds / 3 {
                let here = if place.is_sqlite() {
                    places()[usize::try_from(round % 2).unwrap()]
                } else {
                    place
                };
                let head = headings(place)[usize::try_from(chance.below(2)).unwrap()];
                let shop = scenario.shop(here, head).await;
                let after = Duration::from_micros(chance.below(took + took / 10));
                let mut child = start(&shop, scenario.what());
                tokio::time::sleep(after).await;
                let _ = child.kill();
                died += u32::from(!child.wait().unwrap().success());
                let done = async {
                    scenario.next(&shop).await?;
                    scenario.is_whole(&shop).await
                };
                if let Err(why) = done.await {
                    failed
                        .push(format!("{here:?}, {scenario:?}, {head:?}, after {after:?}: {why}"));
                }
            }
            eprintln!("{place:?}, {scenario:?}: {died} deaths within {took} µs");
        }
    }
    assert!(failed.is_empty(), "seed {seed}:\n{}", failed.join("\n"));
}
