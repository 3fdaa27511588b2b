//! A restore that is taken back by its failed state, and killed while it is: it is done or it is not, and
//! the next command brings it to its end.

use std::process::Command;

use mo_migrate_tests::typed::in_shop;
use mo_migrate_tests::{Fixture, Place, engines, program};

use crate::command::bounded;
use crate::points::{kills, some, steady, step};
use crate::scenario::{Scenario, nothing_is_left};

/// A shop whose last run was taken back by hand, with what it was like before that, and the name of what is
/// kept of it.
async fn taken_back(place: Place) -> (Fixture, String, String) {
    let shop = Scenario::Restore.shop(place, "").await;
    let before = shop.dump();
    let back = shop.migrator().attended(true).restore(shop.address(), None).await.unwrap();
    let failed = back.restore.unwrap().failed_state.unwrap();
    (shop, before, failed)
}

fn restore(shop: &Fixture, failed: &str, fault: &str) -> Command {
    let mut command = in_shop(shop, program("migrate_from_dir"));
    command.env("MO_MIGRATE_FAULT", fault).args(["restore", failed, "--yes"]);
    command
}

#[tokio::test]
async fn a_restore_of_a_failed_state_that_is_killed_anywhere_is_done_or_not() {
    for place in engines() {
        let points = steady(place, async || {
            let (shop, _, failed) = taken_back(place).await;
            let log = shop.folder().join("reached");
            let mut command = restore(&shop, &failed, "");
            let said = bounded(command.env("MO_MIGRATE_FAULT_LOG", &log)).unwrap();
            assert_eq!(said.code, 0, "{place:?}: {}", said.words);
            let reached = std::fs::read_to_string(&log).unwrap();
            reached.lines().map(ToOwned::to_owned).collect()
        });
        let faults = kills(&points.await);
        assert!(faults.len() > 15, "{faults:?}");
        for fault in some(faults, step(place)) {
            let (shop, before, failed) = taken_back(place).await;
            let without = shop.dump();
            let said = bounded(&mut restore(&shop, &failed, &fault)).unwrap();
            assert_eq!(said.code, -1, "{place:?}, {fault}: {}", said.words);
            let migrator = shop.migrator().attended(true);
            migrator.recover(shop.address()).await.unwrap();
            let now = shop.dump();
            assert!(now == before || now == without, "{place:?}, {fault}:\n{now}");
            nothing_is_left(&shop).await.unwrap_or_else(|why| panic!("{place:?}, {fault}: {why}"));
            migrator.run(shop.address()).await.unwrap();
            let status = migrator.status(shop.address()).await.unwrap();
            assert_eq!(status.state, "up_to_date", "{place:?}, {fault}");
        }
    }
}
