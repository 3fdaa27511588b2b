//! SQLite on a disk that is full, or that nothing can be written to, before a run or from any fault
//! point of it on: what is said is true and names the remedy, and once there is room again the next
//! start goes on by itself.
//!
//! The disk is a file system in memory that the test mounts. Linux lets nobody make a file system
//! read-only that has files open for writing, as a run has; so from a fault point on it is covered by
//! a read-only view of itself, in which nothing can be made or opened for writing. What is open stays so
//! there; a file system in a file can be made to fail under it.

use mo_migrate_tests::{Failing, Fixture, JOURNALS, Place, Small};

use crate::command::{Said, bounded, faulty, reached};
use crate::errors::is_true;
use crate::points::{faults, offset, some};
use crate::scenario::{SCENARIOS, Scenario, headings};
use crate::stopped::Stopped;
use crate::wrong::Wrong;

/// Much more than a run of these databases takes.
const ROOM: u64 = 2 << 20;

const PAGE: u64 = 4096;

/// Pages that are left on a disk that fills while a run goes on.
const LEFT: [u64; 6] = [0, 1, 2, 4, 8, 16];

/// What is on the disk in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Together,
    /// The database is on another one.
    FolderAlone,
    /// The folder is on another one.
    DatabaseAlone,
}

const LAYOUTS: [Layout; 3] = [Layout::Together, Layout::FolderAlone, Layout::DatabaseAlone];

/// A shop on a small disk. What is mounted goes first.
struct Disk {
    _other: Option<Small>,
    small: Small,
    shop: Fixture,
}

impl Disk {
    /// None where nothing can be mounted.
    async fn with(round: Round) -> Option<Self> {
        let Round { scenario, place, head, layout } = round;
        let home = |shop: &Fixture| {
            let home = shop.folder().join("shop.db.mo-migrate");
            std::fs::create_dir(&home).unwrap();
            Small::at(&home, ROOM)
        };
        let (small, other, shop) = if layout == Layout::FolderAlone {
            let shop = Fixture::new(place);
            (home(&shop)?, None, shop)
        } else {
            let small = Small::of(ROOM)?;
            let shop = Fixture::within(place, small.path());
            let other = if layout == Layout::DatabaseAlone { Some(home(&shop)?) } else { None };
            (small, other, shop)
        };
        Some(Self { _other: other, small, shop: scenario.made(shop, head).await })
    }
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
struct Round {
    scenario: Scenario,
    place: Place,
    head: &'static str,
    layout: Layout,
}

/// Every way through the guard on every layout.
fn rounds(scenarios: &[Scenario], layouts: &[Layout]) -> Vec<Round> {
    let mut all = Vec::new();
    for place in JOURNALS.map(Place::Sqlite) {
        for head in headings(place) {
            for scenario in scenarios.iter().copied() {
                let round = |layout| Round { scenario, place, head, layout };
                all.extend(layouts.iter().copied().map(round));
            }
        }
    }
    all
}

/// Whether a message says what is to be done about the disk.
fn has_remedy(said: &Said) -> bool {
    ["room", "written"].iter().any(|word| said.line("hint:").contains(word))
}

/// What a run said while it could not write, and what comes of it when it can.
async fn judged(round: Round, shop: &Fixture, said: &Said) -> Result<(), String> {
    let told = |why: String| format!("{why}: code {}, {}", said.code, said.words);
    if said.words.contains("panicked") || said.words.contains("MM0901") {
        return Err(told("it did not expect that".to_owned()));
    }
    // A file that can't be opened any more is told as one that never could.
    if ![0, 2, 3, 5, 66].contains(&said.code) {
        return Err(told("that is no outcome of a run".to_owned()));
    }
    is_true(round.scenario, shop, said).map_err(told)?;
    // A guarded command says in its own words what it needs.
    let at_fault = !matches!(round.scenario, Scenario::Good | Scenario::Down | Scenario::Restore);
    if said.code > 2 - i32::from(!at_fault) && !has_remedy(said) {
        return Err(told("it does not say what is to be done".to_owned()));
    }
    round.scenario.ends_well(shop, round.head).await.map_err(told)?;
    // One that could not be removed is none that is rolled back, and goes with the next write.
    let _ = shop.sql("PRAGMA user_version = 7");
    let journals = shop.files_with("-journal");
    if journals.is_empty() { Ok(()) } else { Err(told(format!("left over: {journals:?}"))) }
}

/// Says how it went.
fn report(what: &str, count: &std::collections::BTreeMap<i32, u32>, failed: &Wrong) {
    eprintln!("{what}: times by code {count:?}, {} went wrong", failed.len());
    failed.assert_none();
}

/// Lets runs go on from their fault points once `happens` has happened to the disk, which is over when
/// that is dropped.
async fn from_anywhere_on<T>(
    what: &str,
    layouts: &[Layout],
    mut happens: impl FnMut(&Disk) -> T,
    over: impl Fn(&Disk),
) {
    let (mut failed, mut count) = (Wrong::default(), std::collections::BTreeMap::new());
    for round in rounds(&SCENARIOS, layouts) {
        let Some(disk) = Disk::with(round).await else { return };
        let points = faults(&reached(&disk.shop, round.scenario.what()), "stop");
        assert!(points.len() > 20, "{points:?}");
        for point in some(points, 30) {
            let point = point.trim_end_matches("=stop");
            let Some(disk) = Disk::with(round).await else { return };
            let held = Stopped::at(&disk.shop, round.scenario.what(), point);
            let meanwhile = happens(&disk);
            let said = held.goes_on();
            drop(meanwhile);
            over(&disk);
            let done = match said {
                Ok(said) => {
                    *count.entry(said.code).or_insert(0) += 1;
                    judged(round, &disk.shop, &said).await
                }
                Err(why) => Err(why),
            };
            if let Err(why) = done {
                failed.push(format!("{round:?}, {point}: {why}"));
            }
        }
    }
    report(what, &count, &failed);
}

#[tokio::test]
async fn a_disk_that_is_full_from_anywhere_on_leaves_what_the_next_start_goes_on_with() {
    let mut turn = offset(LEFT.len());
    let fills = |disk: &Disk| {
        turn += 1;
        disk.small.leave(LEFT[turn % LEFT.len()] * PAGE);
    };
    from_anywhere_on("full", &LAYOUTS, fills, |disk| disk.small.make_room()).await;
}

#[tokio::test]
async fn a_disk_that_is_read_only_from_anywhere_on_leaves_what_the_next_start_goes_on_with() {
    let covered = |disk: &Disk| disk.small.cover(disk.shop.folder());
    from_anywhere_on("read-only", &[Layout::Together], covered, |_| ()).await;
}

#[tokio::test]
async fn a_disk_that_fails_under_open_files_leaves_what_the_next_start_goes_on_with() {
    let (mut failed, mut count) = (Wrong::default(), std::collections::BTreeMap::new());
    let Some(disk) = Failing::new() else { return };
    let made = async |round: Round| {
        let shop = Fixture::within(round.place, &disk.path());
        let shop = round.scenario.made(shop, round.head).await;
        // The run makes durable what it needs; the files of the set are not its own.
        disk.sync();
        shop
    };
    for round in rounds(&SCENARIOS, &[Layout::Together]) {
        let points = faults(&reached(&made(round).await, round.scenario.what()), "stop");
        for point in some(points, 30) {
            let shop = made(round).await;
            let held = Stopped::at(&shop, round.scenario.what(), point.trim_end_matches("=stop"));
            disk.fail();
            let said = held.goes_on();
            disk.mend();
            let done = match said {
                Ok(said) => {
                    *count.entry(said.code).or_insert(0) += 1;
                    judged(round, &shop, &said).await
                }
                Err(why) => Err(why),
            };
            if let Err(why) = done {
                failed.push(format!("{round:?}, {point}: {why}"));
            }
        }
    }
    report("failed", &count, &failed);
}

/// More pages than a run of these databases takes.
const MOST: u64 = 80;

#[tokio::test]
async fn a_run_with_any_number_of_free_pages_is_done_or_undone() {
    let scenarios = [Scenario::Good, Scenario::BadStatement, Scenario::BadCheck];
    let (mut failed, mut count) = (Wrong::default(), std::collections::BTreeMap::new());
    for round in rounds(&scenarios, &[Layout::Together]) {
        for pages in some((0..MOST).collect(), 16) {
            for is_first in [false, true] {
                let Some(disk) = Disk::with(round).await else { return };
                let Disk { small, shop, .. } = &disk;
                if is_first {
                    // A ledger has to be made as well.
                    std::fs::remove_dir_all(shop.folder().join("shop.db.mo-migrate")).unwrap();
                }
                small.leave(pages * PAGE);
                let said = bounded(&mut faulty(shop, round.scenario.what(), ""));
                small.make_room();
                let done = match said {
                    Ok(said) => {
                        *count.entry(said.code).or_insert(0) += 1;
                        judged(round, shop, &said).await
                    }
                    Err(why) => Err(why),
                };
                if let Err(why) = done {
                    failed.push(format!("{round:?}, {pages} pages, new ledger {is_first}: {why}"));
                }
            }
        }
    }
    report("so many pages", &count, &failed);
}

#[tokio::test]
async fn a_run_on_a_disk_that_is_read_only_is_refused_and_says_so() {
    for round in rounds(&SCENARIOS, &LAYOUTS) {
        let Some(disk) = Disk::with(round).await else { return };
        let Disk { small, shop, .. } = &disk;
        let before = shop.dump();
        small.read_only();
        let said = bounded(&mut faulty(shop, round.scenario.what(), "")).unwrap();
        small.writable();
        // Where only the database is read-only, that shows when its lock is there and its copy made.
        let began = said.code == 2 && round.layout == Layout::DatabaseAlone;
        assert!(said.code == 5 || began, "{round:?}: {}", said.words);
        assert!(has_remedy(&said), "{round:?}: {}", said.words);
        assert_eq!(shop.dump(), before, "{round:?}");
        let well = round.scenario.ends_well(shop, round.head).await;
        well.unwrap_or_else(|why| panic!("{round:?}: {why}"));
    }
}
