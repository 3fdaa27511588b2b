//! Rows that are carried over to green while others write there, and after a death: nobody's row is
//! replaced, and what was carried over is known again.

use mo_migrate::UpgradeState;
use mo_migrate_tests::{Fixture, engines};

use crate::child::run;
use crate::command::with_fault;
use crate::scenario::What;
use crate::stopped::Stopped;
use crate::upgrade::before;

const COMPLETE: What = What::UpgradeComplete;

fn in_green(shop: &Fixture, sql: &str) -> String {
    shop.sql_of(&shop.beside("_green"), sql)
}

async fn state(shop: &Fixture) -> UpgradeState {
    shop.migrator().upgrade(shop.address()).await.unwrap().unwrap().state
}

#[tokio::test]
async fn rows_that_come_to_green_behind_the_look_are_not_replaced() {
    for place in engines() {
        for write in ["INSERT INTO visits VALUES (8)", "INSERT INTO visits VALUES (8), (9)"] {
            let shop = before(place, COMPLETE).await;
            let stopped = Stopped::at(&shop, COMPLETE, "before-carry-begun");
            let _ = in_green(&shop, write);
            let theirs = in_green(&shop, "SELECT id FROM visits ORDER BY id");
            let said = stopped.goes_on().unwrap();
            assert_eq!(said.code, 5, "{place:?}: {}", said.words);
            let rows = if write.contains("(9)") { "2 rows" } else { "1 row" };
            let told = format!("{rows} changed in green since");
            assert!(said.words.contains(&told), "{place:?}: {}", said.words);
            assert_eq!(in_green(&shop, "SELECT id FROM visits ORDER BY id"), theirs, "{place:?}");
            assert_eq!(state(&shop).await, UpgradeState::Ready, "{place:?}");
            let again = shop.migrator().upgrade_complete(shop.address(), &[]).await.unwrap_err();
            assert!(again.render(false).contains(&told), "{place:?}: {again:?}");
            let stays = ["visits".to_owned()];
            shop.migrator().upgrade_complete(shop.address(), &stays).await.unwrap();
            assert_eq!(in_green(&shop, "SELECT id FROM visits ORDER BY id"), theirs, "{place:?}");
        }
    }
}

#[tokio::test]
async fn rows_that_come_to_green_after_a_death_of_complete_are_not_replaced() {
    for place in engines() {
        for point in ["after-carry=kill", "after-snapshot=kill", "before-switch=kill"] {
            let shop = before(place, COMPLETE).await;
            assert!(run(&shop, COMPLETE, Some(point)).killed(), "{place:?}, {point}");
            let _ = in_green(&shop, "INSERT INTO visits VALUES (9)");
            shop.sql("INSERT INTO visits VALUES (8)");
            let said = with_fault(&shop, COMPLETE, "");
            assert_eq!(said.code, 5, "{place:?}, {point}: {}", said.words);
            assert!(said.words.contains("changed in green since"), "{place:?}: {}", said.words);
            let rows = in_green(&shop, "SELECT id FROM visits ORDER BY id");
            assert_eq!(rows, "7\n9\n", "{place:?}, {point}");
        }
    }
}

#[tokio::test]
async fn what_a_killed_complete_has_carried_over_is_its_own_and_carried_over_anew() {
    for place in engines() {
        for point in ["before-carry=kill", "after-carry=kill", "after-snapshot=kill"] {
            let shop = before(place, COMPLETE).await;
            assert!(run(&shop, COMPLETE, Some(point)).killed(), "{place:?}, {point}");
            shop.sql("INSERT INTO visits VALUES (8)");
            let said = with_fault(&shop, COMPLETE, "");
            assert_eq!(said.code, 0, "{place:?}, {point}: {}", said.words);
            let rows = in_green(&shop, "SELECT id FROM visits ORDER BY id");
            assert_eq!(rows, "7\n8\n", "{place:?}, {point}");
            let status = shop.migrator().upgrade_status(shop.address()).await.unwrap();
            assert_eq!(status.green_changes, [], "{place:?}, {point}");
        }
    }
}

#[tokio::test]
async fn what_a_killed_complete_has_carried_over_is_nobodys_write_when_blue_has_no_more() {
    for place in engines() {
        let shop = before(place, COMPLETE).await;
        assert!(run(&shop, COMPLETE, Some("after-carry=kill")).killed(), "{place:?}");
        let said = with_fault(&shop, COMPLETE, "");
        assert_eq!(said.code, 0, "{place:?}: {}", said.words);
        let status = shop.migrator().upgrade_status(shop.address()).await.unwrap();
        assert_eq!(status.green_changes, [], "{place:?}");
        let green = shop.address_of(&shop.beside("_green"));
        let snapshots = shop.migrator().snapshot_list(green).await.unwrap();
        let migrated = snapshots.iter().filter(|line| line.purpose.as_deref() == Some("migrated"));
        assert_eq!(migrated.count(), 1, "{place:?}: {snapshots:?}");
    }
}
