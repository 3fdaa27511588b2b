//! Runs `up` and kills itself with SIGKILL at a moment: `die_at ADDRESS DIRECTORY MOMENT
//! [up|restore] [tables|database] [run_…] [TABLE …]`: what is run, by which method it goes back, and
//! to which run or which tables by hand.
//!
//! A moment is the name of an event with its phase, migration or check, such as `start:keep`,
//! `finish:snapshot`, `applied:2` or `checked:five products`. With the moment `never` it runs to
//! its end and prints the outcome.

use std::process::ExitCode;

use mo_migrate::settings::RestoreMethod;
use mo_migrate::{Event, Migrator};

fn moment(event: &Event) -> Option<String> {
    Some(match event {
        Event::PhaseStarted { phase, .. } => format!("start:{phase}"),
        Event::PhaseFinished { phase, .. } => format!("finish:{phase}"),
        Event::MigrationStarted { version, .. } => format!("applying:{version}"),
        Event::MigrationFinished { version, .. } => format!("applied:{version}"),
        Event::Checked(check) => format!("checked:{}", check.name),
        _ => return None,
    })
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "its answer to the test")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, when, options @ ..] = words.as_slice() else {
        return ExitCode::from(64);
    };
    let is = |word: &str| options.iter().any(|option| option == word);
    let words = ["up", "restore", "tables", "database"];
    let (runs, tables): (Vec<String>, Vec<String>) = options
        .iter()
        .filter(|option| !words.contains(&option.as_str()))
        .cloned()
        .partition(|option| option.starts_with("run_"));
    let method = if is("database") { RestoreMethod::Database } else { RestoreMethod::Tables };
    let when = when.clone();
    let migrator = Migrator::from_dir(directory).attended(true).restore_method(method);
    let migrator = migrator.observer(move |event: &Event| {
        if moment(event).is_some_and(|now| now == when) {
            let me = rustix::process::getpid();
            let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        }
    });
    let done = if is("restore") {
        migrator.restore_tables(address, runs.first().map(String::as_str), &tables).await
    } else {
        migrator.run(address).await
    };
    match done {
        Ok(report) => {
            println!("{}", report.outcome.as_str());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", error.outcome().as_str());
            error.exit_code().into()
        }
    }
}
