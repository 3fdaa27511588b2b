//! A process that is stopped in the middle of a run and goes on later: where its lock can be taken
//! over it is fenced off and changes nothing, and where it can't be the others wait.

use std::process::{Child, Stdio};
use std::time::Duration;

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Journal, Place, engines, server};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{Said, ended, faulty};
use crate::scenario::{Scenario, What, headings, nothing_is_left};
use crate::wrong::Wrong;

/// A process that has stopped itself, and goes on or ends with this.
pub(crate) struct Stopped(Option<Child>);

impl Stopped {
    /// Starts the command, and returns when it has stopped at this point.
    pub(crate) fn at(shop: &Fixture, what: What, point: &str) -> Self {
        let mut command = faulty(shop, what, &format!("{point}=stop"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        loop {
            assert!(child.try_wait().unwrap().is_none(), "it ended before {point}");
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
                return Self(Some(child));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    /// What it says when it has gone on to its end.
    pub(crate) fn goes_on(mut self) -> Result<Said, String> {
        let child = self.0.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
        ended(child)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where a run stops that another one takes over.
const POINTS: [(Scenario, &str); 18] = [
    (Scenario::Good, "after-lock"),
    (Scenario::Good, "before-snapshot"),
    (Scenario::Good, "before-marker"),
    (Scenario::Good, "after-marker"),
    (Scenario::Good, "before-statement#2"),
    (Scenario::Good, "before-ledger#12"),
    (Scenario::Good, "before-keep"),
    (Scenario::Good, "after-keep"),
    (Scenario::BadStatement, "before-restore-locks"),
    (Scenario::BadStatement, "before-restore"),
    (Scenario::BadStatement, "after-restore"),
    (Scenario::Restore, "after-lock"),
    (Scenario::Restore, "before-marker"),
    (Scenario::Restore, "after-marker"),
    (Scenario::Restore, "after-clone"),
    (Scenario::Restore, "before-restore-locks"),
    (Scenario::Restore, "before-restore"),
    (Scenario::Restore, "after-restore"),
];

async fn taken_over(scenario: Scenario, point: &str) -> Result<(), String> {
    let shop = scenario.shop(Place::MatrixOne, headings(Place::MatrixOne)[0]).await;
    let first = Stopped::at(&shop, scenario.what(), point);
    // Longer than the time after which a silent holder is taken over.
    server::age(shop.database(), Duration::from_mins(2));
    if scenario == Scenario::Restore {
        scenario.next(&shop).await?;
    } else {
        // It waited for the lock, so that a bad run's failure is the answer.
        let next = shop.migrator().attended(true).run(shop.address()).await;
        if let (Scenario::Good, Err(error)) = (scenario, &next) {
            return Err(format!("the next start: {error:?}"));
        }
    }
    scenario.is_whole(&shop).await?;
    let before = shop.dump();
    let said = first.goes_on()?;
    let told = |why: &str| format!("{why}: code {}, {}", said.code, said.words);
    // Before it began it has nothing to do any more, and once it was final it is.
    let is_content = scenario != Scenario::Restore && matches!(point, "after-lock" | "after-keep");
    if said.code != if is_content { 0 } else { 4 } {
        return Err(told("the first one says something else"));
    }
    if shop.dump() != before {
        return Err(told("it changed the database"));
    }
    scenario.is_whole(&shop).await.map_err(|why| told(&why))?;
    scenario.next(&shop).await.map_err(|why| told(&why))?;
    scenario.is_whole(&shop).await.map_err(|why| told(&why))
}

#[tokio::test]
async fn a_stopped_run_or_restore_that_was_taken_over_is_fenced_off_and_changes_nothing() {
    let mut failed = Wrong::default();
    if engines().contains(&Place::MatrixOne) {
        for (scenario, point) in POINTS {
            if let Err(why) = taken_over(scenario, point).await {
                failed.push(format!("{scenario:?}, {point}: {why}"));
            }
        }
    }
    failed.assert_none();
}

#[tokio::test]
async fn a_stopped_run_that_holds_a_file_is_waited_for_named_and_goes_on() {
    let place = Place::Sqlite(Journal::Wal);
    for (scenario, point) in [
        (Scenario::Good, "before-statement#2"),
        (Scenario::Good, "before-keep"),
        (Scenario::BadStatement, "before-restore"),
        (Scenario::BadStatement, "after-marker"),
        (Scenario::Restore, "before-marker"),
        (Scenario::Restore, "after-marker"),
        (Scenario::Restore, "before-restore"),
    ] {
        let shop = scenario.shop(place, headings(place)[1]).await;
        let first = Stopped::at(&shop, scenario.what(), point);
        let other = shop.migrator().attended(true).lock_timeout(Duration::from_millis(200));
        let error = other.run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Locked, "{point}: {error:?}");
        let named = format!("process {}", first.id());
        assert!(error.message().contains(&named), "{point}: {error:?}");
        let good = scenario != Scenario::BadStatement;
        let said = first.goes_on().unwrap_or_else(|why| panic!("{point}: {why}"));
        assert_eq!(said.code, if good { 0 } else { 2 }, "{point}: {}", said.words);
        scenario.is_at(&shop, !good).unwrap_or_else(|why| panic!("{point}: {why}"));
        nothing_is_left(&shop).await.unwrap_or_else(|why| panic!("{point}: {why}"));
    }
}
