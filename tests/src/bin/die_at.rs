//! Runs `up` and kills itself with SIGKILL at a moment: `die_at ADDRESS DIRECTORY MOMENT
//! [restore [TABLE …]]`, which goes back instead, or brings these tables back.
//!
//! A moment is the name of an event with its phase, migration or check, such as `start:commit`,
//! `finish:snapshot`, `applied:2` or `checked:five products`. With the moment `never` it runs to
//! its end and prints the outcome.

use std::process::ExitCode;

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
    let (address, directory, when, restore) = match words.as_slice() {
        [address, directory, when] => (address, directory, when, None),
        [address, directory, when, word, tables @ ..] if word == "restore" => {
            (address, directory, when, Some(tables))
        }
        _ => return ExitCode::from(64),
    };
    let when = when.clone();
    let migrator = Migrator::from_dir(directory).attended(true).observer(move |event: &Event| {
        if moment(event).is_some_and(|now| now == when) {
            let me = rustix::process::getpid();
            let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        }
    });
    let done = match restore {
        Some(tables) => migrator.restore_tables(address, None, tables).await,
        None => migrator.run(address).await,
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
