//! A clone that is killed while it is made, made anew or removed: the original is as it was, and the
//! next command finds what is left.

use mo_migrate::NewClone;
use mo_migrate_tests::{Fixture, engines, places};

use crate::child::run;
use crate::command::{bounded, faulty, reached};
use crate::points::{faults, kills, some, steady, step};
use crate::scenario::{Scenario, What, nothing_is_left};

const NAMES: &str = "SELECT name FROM products ORDER BY id";

/// What is in the clone, where it is there.
fn names(shop: &Fixture) -> Option<String> {
    let qa = shop.beside("_qa");
    shop.is_beside(&qa).then(|| shop.sql_of(&qa, NAMES))
}

/// Everywhere it is killed: `prepared` before, and afterwards one of these is what is there.
async fn everywhere(what: What, prepared: Option<NewClone>, ends: &[Option<&str>]) {
    for place in engines() {
        let shop = Scenario::Guarded.shop(place, "").await;
        let migrator = shop.migrator();
        let before = shop.dump();
        let prepare = async || {
            let _ = migrator.clone_delete(shop.address(), "qa").await;
            if let Some(wanted) = &prepared {
                migrator.clone_create(shop.address(), "qa", wanted).await.unwrap();
                let _ = shop.sql_of(&shop.beside("_qa"), "UPDATE products SET name = 'old'");
            }
        };
        let points = steady(place, async || {
            prepare().await;
            let ended = run(&shop, what, None);
            assert!(ended.output.status.success(), "{}", ended.words());
            ended.reached
        });
        let faults = kills(&points.await);
        assert!(faults.len() > 5, "{faults:?}");
        for fault in some(faults, step(place)) {
            prepare().await;
            let ended = run(&shop, what, Some(&fault));
            assert!(ended.killed(), "{place:?}, {fault}: {}", ended.words());
            is_whole(&shop, ends, &fault).await;
            shop.assert_dump(&before, "the original");
        }
    }
}

/// After the next command one of these is in the clone, or it is not there, and nothing is left.
async fn is_whole(shop: &Fixture, ends: &[Option<&str>], fault: &str) {
    let (migrator, place) = (shop.migrator(), shop.place());
    migrator.prune_clones(shop.address()).await.unwrap();
    migrator.prune(shop.address()).await.unwrap();
    let (found, lines) = (names(shop), migrator.clone_list(shop.address()).await.unwrap());
    assert!(ends.contains(&found.as_deref()), "{place:?}, {fault}: {found:?}");
    let known = lines.iter().filter(|line| line.state == "ready" && !line.gone).count();
    assert_eq!(known, usize::from(found.is_some()), "{place:?}, {fault}: {lines:?}");
    assert_eq!(lines.len(), known, "{place:?}, {fault}");
    assert!(shop.files_with("_new").is_empty(), "{place:?}, {fault}");
    nothing_is_left(shop).await.unwrap_or_else(|why| panic!("{place:?}, {fault}: {why}"));
}

/// A signal undoes what is being made, unless it is whole by then; it is a death to what removes a clone.
#[tokio::test]
async fn a_command_of_clones_that_a_signal_comes_to_anywhere_leaves_what_the_next_one_finds() {
    let masked = || NewClone::default().mask("mask.sql", crate::scenario::MASK);
    for place in places() {
        for (what, prepared, undone, done) in [
            (What::Clone, None, None, NOW),
            (What::Masked, None, None, MASKED),
            (What::Refresh, Some(masked()), OLD, MASKED),
            (What::CloneDelete, Some(NewClone::default()), OLD, None),
        ] {
            let shop = Scenario::Guarded.shop(place, "").await;
            let (migrator, before) = (shop.migrator(), shop.dump());
            let prepare = async || {
                let _ = migrator.clone_delete(shop.address(), "qa").await;
                if let Some(wanted) = &prepared {
                    migrator.clone_create(shop.address(), "qa", wanted).await.unwrap();
                    let _ = shop.sql_of(&shop.beside("_qa"), "UPDATE products SET name = 'old'");
                }
            };
            prepare().await;
            let reached = reached(&shop, what);
            for word in ["int", "term"] {
                for fault in some(faults(&reached, word), step(place)) {
                    prepare().await;
                    let said = bounded(&mut faulty(&shop, what, &fault)).unwrap();
                    let ends = match (said.code, what) {
                        (0, _) => [done; 2],
                        (130, What::Clone | What::Masked | What::Refresh) => [undone; 2],
                        (-1 | 130, _) => [undone, done],
                        _ => panic!("{what:?}, {fault}: {}", said.words),
                    };
                    is_whole(&shop, &ends, &fault).await;
                    shop.assert_dump(&before, "the original");
                }
            }
        }
    }
}

const NOW: Option<&str> = Some("Gaming Laptop\nWireless Mouse\n");
const MASKED: Option<&str> = Some("masked\nmasked\n");
const OLD: Option<&str> = Some("old\nold\n");

#[tokio::test]
async fn a_clone_that_is_killed_anywhere_is_whole_or_goes_with_the_next_command() {
    everywhere(What::Clone, None, &[NOW, None]).await;
}

#[tokio::test]
async fn a_masked_clone_that_is_killed_anywhere_is_masked_or_goes_with_the_next_command() {
    everywhere(What::Masked, None, &[MASKED, None]).await;
}

#[tokio::test]
async fn a_clone_that_is_killed_anywhere_while_it_is_made_anew_is_the_old_one_or_the_new_one() {
    let masked = NewClone::default().mask("mask.sql", crate::scenario::MASK);
    everywhere(What::Refresh, Some(masked), &[OLD, MASKED]).await;
}

#[tokio::test]
async fn a_clone_that_is_killed_anywhere_while_it_is_removed_is_there_or_gone() {
    everywhere(What::CloneDelete, Some(NewClone::default()), &[OLD, None]).await;
}

/// The original is as it was, or what the clone is; nothing in between, and nothing is left.
#[tokio::test]
async fn a_restore_from_a_clone_that_is_killed_anywhere_is_done_or_not() {
    for place in engines() {
        let made = async || {
            let shop = Scenario::Guarded.shop(place, "").await;
            let migrator = shop.migrator();
            let snapshot = migrator.snapshot_create(shop.address(), "nightly").await.unwrap().name;
            let clone = shop.beside("_test");
            migrator.restore_into(shop.address(), Some(&snapshot), &clone).await.unwrap();
            let _ = shop.sql_of(&clone, "UPDATE products SET name = 'tried'");
            shop
        };
        let id = "SELECT detail FROM mo_migrate_history WHERE kind = 'head'";
        let faults =
            kills(&steady(place, async || run(&made().await, What::Swap, None).reached).await);
        assert!(faults.len() > 20, "{faults:?}");
        for fault in some(faults, step(place)) {
            let shop = made().await;
            let (before, own) = (shop.dump(), shop.sql(id));
            let ended = run(&shop, What::Swap, Some(&fault));
            assert!(ended.killed(), "{place:?}, {fault}: {}", ended.words());
            let migrator = shop.migrator().attended(true);
            migrator.recover(shop.address()).await.unwrap();
            if shop.sql(NAMES) == "tried\ntried\n" {
                assert_eq!(shop.sql(id), own, "{place:?}, {fault}");
            } else {
                shop.assert_dump(&before, &fault);
            }
            migrator.prune(shop.address()).await.unwrap();
            nothing_is_left(&shop).await.unwrap_or_else(|why| panic!("{place:?}, {fault}: {why}"));
            let status = migrator.status(shop.address()).await.unwrap();
            assert_eq!(status.version, Some(1), "{place:?}, {fault}");
        }
    }
}
