//! The command, with a fault or without, and the commands that it suggests.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

pub(crate) use mo_migrate_tests::typed::Said;
use mo_migrate_tests::typed::in_shop;
use mo_migrate_tests::{Fixture, program};
use rustix::process::{Pid, Signal, kill_process};

use crate::scenario::{IMPORT, MASK, What};

/// Nothing here takes longer: who does so hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// What a process that writes to pipes leaves, unless it hangs.
pub(crate) fn ended(child: Child) -> Result<Said, String> {
    let pid = Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(LIMIT) else {
        let _ = kill_process(pid, Signal::KILL);
        return Err(format!("it did not end within {LIMIT:?}"));
    };
    Ok(Said::of(&output.unwrap()))
}

/// Starts a command and waits for its end, unless it hangs.
pub(crate) fn bounded(command: &mut Command) -> Result<Said, String> {
    ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// The command, to be typed with this fault, without a rehearsal, which would be the first to meet it.
pub(crate) fn faulty(shop: &Fixture, what: What, fault: &str) -> Command {
    let mut command = in_shop(shop, program("migrate_from_dir"));
    command.env("MO_MIGRATE_FAULT", fault).env("MO_MIGRATE_NO_REHEARSE", "true");
    match what {
        What::Retry => command.args(["up", "--retry"]),
        What::Up => command.arg("up"),
        What::Down | What::Restore => command.args([what.word(), "--yes"]),
        What::Snapshot => command.args(["snapshot", "create"]),
        What::Clone => command.args(["clone", "create", "qa"]),
        What::Masked => {
            std::fs::write(shop.folder().join("mask.sql"), MASK).unwrap();
            command.args(["clone", "create", "qa", "--mask", "mask.sql"])
        }
        What::Refresh => command.args(["clone", "refresh", "qa", "--yes"]),
        What::Swap => command.args(["restore", "--yes", "--from-clone"]).arg(shop.beside("_test")),
        What::CloneDelete => command.args(["clone", "delete", "qa", "--yes"]),
        What::Preflight => command.arg("preflight"),
        What::UpgradeStart
        | What::UpgradeComplete
        | What::UpgradeBack
        | What::UpgradeAbort
        | What::UpgradeFinish => {
            let word = what.word().trim_start_matches("upgrade_");
            command.args(["upgrade", word, "--yes"])
        }
        What::Guard => command.args(["guard", "--", "sh", "-c", &shop.shell(IMPORT)]),
        What::GuardBadly => {
            let check = ["guard", "--check", "import.check", "--"];
            command.args(check).args(["sh", "-c", &shop.shell(IMPORT)])
        }
    };
    command
}

/// The fault points that the command reaches when nothing is in its way.
pub(crate) fn reached(shop: &Fixture, what: What) -> Vec<String> {
    let log = shop.folder().join("reached");
    let mut command = faulty(shop, what, "");
    command.env("MO_MIGRATE_FAULT_LOG", &log).output().unwrap();
    let reached = std::fs::read_to_string(&log).unwrap_or_default();
    reached.lines().map(ToOwned::to_owned).collect()
}

/// Types the command with this fault.
pub(crate) fn with_fault(shop: &Fixture, what: What, fault: &str) -> Said {
    Said::of(&faulty(shop, what, fault).output().unwrap())
}

/// Types what a message says, with this fault.
pub(crate) fn typed(shop: &Fixture, words: &str, fault: &str) -> Said {
    let mut command = in_shop(shop, "sh");
    Said::of(&command.args(["-c", words]).env("MO_MIGRATE_FAULT", fault).output().unwrap())
}
