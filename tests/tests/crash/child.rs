//! A start as a process of its own, which can be killed: this very test program, told to be one.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use mo_migrate::hooks::{HookAt, Moment, ShellHook};
use mo_migrate::plan::Goal;
use mo_migrate::preflight::Depth;
use mo_migrate::settings::Verify;
use mo_migrate::{Migrator, NewClone, Outcome};
use mo_migrate_tests::Fixture;

use crate::scenario::{IMPORT, IMPORT_CHECK, MASK, What};

const ADDRESS: &str = "MO_MIGRATE_CRASH_ADDRESS";
const DIRECTORY: &str = "MO_MIGRATE_CRASH_DIRECTORY";
const WHAT: &str = "MO_MIGRATE_CRASH_WHAT";
const CLONE: &str = "MO_MIGRATE_CRASH_CLONE";
const SHELL: &str = "MO_MIGRATE_CRASH_SHELL";

/// The process itself: it does what it is told, and fails if that fails.
#[tokio::test]
#[ignore = "it is a process that the others start"]
async fn child() {
    let told = |name: &str| std::env::var(name).expect("started by the others");
    let migrator =
        Migrator::from_dir(told(DIRECTORY)).attended(true).verify_snapshot(Verify::Clone);
    let hook = HookAt { moment: Moment::Switch, hook: Arc::new(ShellHook("true".to_owned())) };
    let migrator = migrator.hook(hook);
    let address = told(ADDRESS);
    let done = match told(WHAT).as_str() {
        "up" => migrator.run(&address).await.map(|report| report.outcome),
        "retry" => migrator.retry(true).run(&address).await.map(|report| report.outcome),
        "down" => migrator.down(&address, None).await.map(|report| report.outcome),
        "restore" => migrator.restore(&address, None).await.map(|report| report.outcome),
        "snapshot" => migrator.snapshot_create(&address, "nightly").await.map(|_| Outcome::Applied),
        "clone" => migrator
            .clone_create(&address, "qa", &NewClone::default())
            .await
            .map(|_| Outcome::Applied),
        "masked" => {
            let wanted = NewClone::default().mask("mask.sql", MASK);
            migrator.clone_create(&address, "qa", &wanted).await.map(|_| Outcome::Applied)
        }
        "refresh" => migrator.clone_refresh(&address, "qa", None).await.map(|_| Outcome::Applied),
        "swap" => {
            let swap = migrator.restore_from_clone_preview(&address, &told(CLONE)).await.unwrap();
            migrator.restore(&address, Some(&swap.snapshot)).await.map(|report| report.outcome)
        }
        "clone_delete" => migrator.clone_delete(&address, "qa").await.map(|()| Outcome::Applied),
        "preflight" => {
            let list = migrator.preflight(&address, Goal::Latest, Depth::Deep).await;
            list.map(|_| Outcome::Applied)
        }
        "upgrade_start" => {
            migrator.upgrade_start(&address, None).await.map(|done| done.report.outcome)
        }
        "upgrade_complete" => done(migrator.upgrade_complete(&address, &[]).await),
        "upgrade_back" => done(migrator.upgrade_back(&address).await),
        "upgrade_abort" => done(migrator.upgrade_abort(&address).await),
        "upgrade_finish" => done(migrator.upgrade_finish(&address).await),
        "guard" | "guard_badly" => {
            let guard = migrator.guard("import");
            let bad = told(WHAT) == "guard_badly";
            let guard = if bad { guard.checks("import.check", IMPORT_CHECK) } else { guard };
            let words = ["sh".to_owned(), "-c".to_owned(), told(SHELL)];
            guard.command(&address, words).await.map(|report| report.outcome)
        }
        other => panic!("nobody can do {other}"),
    };
    done.unwrap();
}

fn done<T>(ended: mo_migrate::Result<T>) -> mo_migrate::Result<Outcome> {
    ended.map(|_| Outcome::Applied)
}

fn command(shop: &Fixture, what: What) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::child", "--ignored", "--nocapture", "--quiet"])
        .env(ADDRESS, shop.address())
        .env(DIRECTORY, shop.migrations())
        .env(WHAT, what.word())
        .env(SHELL, shop.shell(IMPORT))
        .env(CLONE, shop.beside("_test"))
        .stdin(Stdio::null());
    command
}

/// How a process ended, and the fault points that it reached, in their order.
pub(crate) struct Ended {
    pub(crate) output: Output,
    pub(crate) reached: Vec<String>,
}

impl Ended {
    /// It was killed, by itself or by somebody.
    pub(crate) fn killed(&self) -> bool {
        self.output.status.signal() == Some(9)
    }

    pub(crate) fn words(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// Runs it to its end, with a fault or without.
pub(crate) fn run(shop: &Fixture, what: What, fault: Option<&str>) -> Ended {
    let log = shop.folder().join("reached");
    let _ = fs::remove_file(&log);
    let mut command = command(shop, what);
    command.env("MO_MIGRATE_FAULT_LOG", &log);
    if let Some(fault) = fault {
        command.env("MO_MIGRATE_FAULT", fault);
    }
    let output = command.output().unwrap();
    let reached = fs::read_to_string(&log).unwrap_or_default();
    Ended { output, reached: reached.lines().map(ToOwned::to_owned).collect() }
}

/// Starts it and lets it run.
pub(crate) fn start(shop: &Fixture, what: What) -> Child {
    command(shop, what).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
