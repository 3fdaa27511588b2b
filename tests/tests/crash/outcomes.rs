//! What fails on the way there or back ends in an outcome of its own, and the commands of its message
//! work when typed.

use mo_migrate_tests::{Place, engines};

use crate::command::{typed, with_fault};
use crate::scenario::{Scenario, What, nothing_is_left};

/// A failure, and how the command ends.
struct Case {
    fault: &'static str,
    scenario: Scenario,
    code: i32,
    /// The stable name of the error, and what it says of the database.
    says: [&'static str; 2],
    /// The command of the hint fails in the same way once more.
    again: bool,
}

const CASES: [Case; 7] = [
    Case {
        fault: "before-snapshot#0=fail",
        scenario: Scenario::Good,
        code: 5,
        says: ["MM0501", "nothing was touched"],
        again: false,
    },
    // Its first clone is the one by which it is verified.
    Case {
        fault: "before-clone#0=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["MM0502", "the restore changed nothing"],
        again: true,
    },
    Case {
        fault: "before-failed-state#0=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["MM0507", "the restore changed nothing"],
        again: true,
    },
    Case {
        fault: "before-restore-step#1=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["MM0505", "the restore changed nothing"],
        again: false,
    },
    Case {
        fault: "before-restore-step#0=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["MM0505", "the restore changed nothing"],
        again: true,
    },
    Case {
        fault: "before-proof#0=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["before-proof", "the restore changed nothing"],
        again: true,
    },
    Case {
        fault: "before-afterwards#0=fail",
        scenario: Scenario::BadStatement,
        code: 3,
        says: ["MM0201", "restored and compared"],
        again: true,
    },
];

async fn tried(case: &Case, place: Place) {
    // Without a transaction of its own, so that there is something to restore.
    let head = place.by("-- mo-migrate: no-transaction\n", "");
    let shop = case.scenario.shop(place, head).await;
    let what = format!("{} in {place:?}", case.fault);
    let said = with_fault(&shop, What::Up, case.fault);
    assert_eq!(said.code, case.code, "{what}: {}", said.words);
    for words in case.says {
        assert!(said.words.contains(words), "{what}: {}", said.words);
    }
    if case.code == 3 {
        let fault = if case.again { case.fault } else { "" };
        let mut said = said;
        for (fault, code) in [(fault, if case.again { 3 } else { 0 }), ("", 0)] {
            let commands = said.suggested();
            assert!(said.code == 0 || !commands.is_empty(), "{what}: {}", said.words);
            let Some((first, others)) = commands.split_first() else { break };
            for other in others {
                let looked = typed(&shop, other, "");
                assert_eq!(looked.code, 0, "{what}, then `{other}`: {}", looked.words);
            }
            said = typed(&shop, first, fault);
            assert_eq!(said.code, code, "{what}, then `{first}`: {}", said.words);
        }
    }
    case.scenario.is_at(&shop, true).unwrap_or_else(|why| panic!("{what}: {why}"));
    nothing_is_left(&shop).await.unwrap_or_else(|why| panic!("{what}: {why}"));
}

#[tokio::test]
async fn each_failure_has_its_outcome_and_a_command_that_works() {
    for place in engines() {
        for case in &CASES {
            tried(case, place).await;
        }
    }
}
