//! A guard around something else than migrations.

use std::time::Duration;

use crate::error::{BoxError, Code, Error};
use crate::ledger::RunRecord;
use crate::report::Outcome;
use crate::time;

pub(crate) fn nothing_to_guard() -> Error {
    Error::new(Code::Usage, "there is nothing to guard")
        .true_now("nothing was touched")
        .hinted("name a command: `migrate guard -- sh import.sh`")
}

pub(crate) fn no_program(program: &str) -> Error {
    let error = Error::new(Code::Usage, format!("there is no program `{program}`"));
    let error = if program.contains(' ') {
        error.because("it is one word, and has a blank in it")
    } else {
        error
    };
    error.true_now("nothing was touched").hinted(
        "name a program and its arguments, or a line for the shell: `migrate guard -- sh -c '…'`",
    )
}

/// What was meant to be judged would be kept whatever it is.
pub(crate) fn no_check_in(name: &str) -> Error {
    Error::new(Code::BadFile, format!("there is no check in `{name}`"))
        .true_now("nothing was touched")
        .hinted(
            "write `-- check: name` and below it a SELECT for the rows that are wrong; or leave `--check` out",
        )
}

pub(crate) fn guard_needs_a_snapshot() -> Error {
    Error::new(Code::Config, "a guard without a snapshot has no way back")
        .true_now("nothing was touched")
        .hinted("leave `--dangerous-no-snapshot` out")
}

pub(crate) fn guard_in_memory() -> Error {
    Error::new(
        Code::Config,
        "a database in memory can't be guarded while another connection writes to it",
    )
    .true_now("nothing was touched")
    .hinted("give it a file")
}

/// What is guarded may write to what could not be put back.
pub(crate) fn guard_has_no_way_back(name: &str, why: &str) -> Error {
    Error::new(Code::NoWayBack, format!("`{name}` could not be put back: {why}")).hinted(
        "mend or drop it, or name the tables that are written to with `migrate guard --tables …`",
    )
}

/// What was guarded may be alive where it can't be ended from here.
pub(crate) fn guarded_elsewhere(record: &RunRecord) -> Error {
    let (host, pid) = (&record.host, record.pid);
    Error::new(
        Code::Restore,
        format!(
            "what run {} guarded may still be writing, and can't be ended from here",
            record.id
        ),
    )
    .because(format!("process {pid} on {host} ran it"))
    .ended(Outcome::NeedsPerson)
    .true_now("as that run left it; nothing was changed")
    .hinted(format!(
        "look on {host} that nothing of it runs any more, then `migrate recover --retry`; there, \
         `migrate recover` ends it itself"
    ))
}

pub(crate) fn guarded_not_started(line: &str, error: Error) -> Error {
    error.within(Code::Guarded, format!("`{line}` could not be started"))
}

pub(crate) fn guarded_failed(line: &str, problem: String, said: &str) -> Error {
    let error = Error::new(Code::Guarded, format!("`{line}` failed")).because(problem);
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    last.into_iter().rev().fold(error, Error::because).hinted(AGAIN)
}

pub(crate) fn guarded_too_long(what: &str, limit: Duration) -> Error {
    Error::new(Code::TimeLimit, format!("{what} ran longer than {}", time::words(limit)))
        .hinted("give it more time: `migrate guard --time-limit …`")
}

pub(crate) fn guarded_panicked(panic: &str) -> Error {
    Error::new(Code::Panic, "what was guarded panicked").because(panic)
}

pub(crate) fn guarded_erred(error: BoxError) -> Error {
    Error::new(Code::Guarded, "what was guarded failed").caused_by(error)
}

/// The same error, of what is no migration.
pub(crate) fn of_a_guard(error: Error) -> Error {
    match error.code() {
        // What is to be done about the disk stands in its hint.
        Code::CheckFailed | Code::CheckErred | Code::ForeignKeys if error.disk().is_none() => error
            .hinted("mend what it did, or the check, then guard it again: `migrate guard -- …`"),
        Code::Hook => error.hinted(
            "mend it, or leave it out, then guard it again: `migrate guard --no-hooks -- …`",
        ),
        Code::Interrupted | Code::Panic => error.hinted("guard it again: `migrate guard -- …`"),
        Code::Connect => error.hinted(
            "see that the database can be reached, then guard it again: `migrate guard -- …`",
        ),
        _ => error,
    }
}

const AGAIN: &str = "mend what it says, then guard it again: `migrate guard -- …`";
