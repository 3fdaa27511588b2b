//! What happens while a run goes on, and how it ends.

use std::time::Duration;

use super::remedy;
use crate::error::{BoxError, Code, Error};
use crate::hooks::Moment;
use crate::report::{CheckReport, Outcome};
use crate::sql::SourceProblem;
use crate::time;
use crate::value::Row;

pub(crate) fn interrupted() -> Error {
    Error::new(Code::Interrupted, "interrupted").hinted("begin again with `migrate up`")
}

#[cfg(feature = "cli")]
pub(crate) fn ended_here() -> Error {
    Error::new(Code::Interrupted, "interrupted twice, and ended here")
        .ended(Outcome::NeedsPerson)
        .true_now("as it is at this moment: what was begun is brought to its end by the next start")
        .hinted("see what was left with `migrate status`, then `migrate recover`")
}

pub(crate) fn statement_time_limit(limit: Duration) -> Error {
    Error::new(Code::TimeLimit, format!("the statement ran longer than {}", time::words(limit)))
}

pub(crate) fn check_time_limit(name: &str, limit: Duration) -> Error {
    Error::new(Code::TimeLimit, format!("check `{name}` ran longer than {}", time::words(limit)))
}

pub(crate) fn statement_failed(
    title: &str,
    number: u64,
    total: usize,
    place: SourceProblem,
    error: Error,
) -> Error {
    let code = if error.code() == Code::Database { Code::Statement } else { error.code() };
    let path = place.path.clone();
    let message = format!("statement {number} of {total} of migration {title} failed");
    let fix = format!("fix {path}");
    let hint = format!("{}, then `migrate up`", remedy(&error, &fix));
    error.within(code, message).placed(place).hinted(hint)
}

pub(crate) fn migration_failed(title: &str, place: &str, error: BoxError) -> Error {
    Error::new(Code::Migration, format!("migration {title} failed"))
        .caused_by(error)
        .hinted(format!("fix {place}, then `migrate up`"))
}

pub(crate) fn migration_panicked(title: &str, place: &str, panic: &str) -> Error {
    Error::new(Code::Panic, format!("migration {title} panicked"))
        .because(panic)
        .hinted(format!("fix {place}, then `migrate up`"))
}

pub(crate) fn error_swallowed(title: &str, place: &str, first: &str) -> Error {
    Error::new(Code::Migration, format!("migration {title} went on after a statement had failed"))
        .because(first)
        .hinted(format!("return the error in {place}, then `migrate up`"))
}

pub(crate) fn poisoned(first: &str) -> Error {
    Error::new(Code::Statement, "this session takes no statement after one has failed")
        .because(first)
}

pub(crate) fn transaction_lost(title: &str) -> Error {
    Error::new(Code::TransactionLost, format!("a statement of migration {title} ended the transaction that it ran in"))
        .hinted("take out what rolls back by itself (`OR ROLLBACK`, `RAISE(ROLLBACK, …)`), then `migrate up`")
}

pub(crate) fn transaction_left_open(title: &str) -> Error {
    Error::new(
        Code::TransactionLost,
        format!("migration {title} began a transaction and left it open"),
    )
    .hinted("let the guard do it: take `no_transaction` out, then `migrate up`")
}

pub(crate) fn no_builder() -> Error {
    Error::new(Code::Build, "sea-query builds no statements for this engine")
        .hinted("write it as SQL")
}

pub(crate) fn check_erred(name: &str, error: BoxError) -> Error {
    Error::new(Code::CheckErred, format!("check `{name}` returned an error")).caused_by(error)
}

pub(crate) fn check_panicked(name: &str, panic: &str) -> Error {
    Error::new(Code::Panic, format!("check `{name}` panicked")).because(panic)
}

pub(crate) fn check_needs_snapshot(name: &str) -> Error {
    Error::new(
        Code::CheckErred,
        format!("check `{name}` compares with before, and no snapshot is taken"),
    )
    .true_now("nothing was touched")
    .hinted("take the check out, or leave the snapshot on")
}

pub(crate) fn check_failed(line: &CheckReport, code: Option<Code>) -> Error {
    let after =
        line.version.map(|version| format!(" after migration {version}")).unwrap_or_default();
    let name = &line.name;
    let error = match code {
        None => Error::new(Code::CheckFailed, format!("check `{name}` failed{after}")),
        Some(code @ (Code::TimeLimit | Code::Panic)) => {
            Error::new(code, format!("check `{name}` could not be carried out{after}"))
        }
        Some(code) => {
            let message = format!("check `{name}` could not be carried out{after}");
            let error = Error::new(Code::CheckErred, message);
            if code == Code::Connect { error.lost() } else { error }
        }
    };
    let rows = line
        .rows
        .iter()
        .take(3)
        .map(|row| row.values().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let rows: Vec<String> = rows.collect();
    let detail = if rows.is_empty() {
        line.detail.clone()
    } else {
        format!("{}: {}", line.detail, rows.join("; "))
    };
    let fix = if code == Some(Code::TimeLimit) {
        "make the check quicker, or give it more time with `--check-timeout`"
    } else {
        "fix the migration or the check"
    };
    error.because(detail).hinted(format!("{fix}, then `migrate up`"))
}

pub(crate) fn foreign_keys_broken(now: &[Row], rebuilds: bool) -> Error {
    let word = |row: &Row, at: usize| row.at::<String>(at).unwrap_or_else(|_| "?".to_owned());
    let mut pairs: Vec<String> =
        now.iter().map(|row| format!("`{}` refers to `{}`", word(row, 0), word(row, 2))).collect();
    pairs.sort();
    pairs.dedup();
    let error = Error::new(Code::ForeignKeys, format!("{} rows have lost their parent", now.len()))
        .because(pairs.join(", "));
    if rebuilds {
        error.hinted(
            "foreign keys are off while a run rebuilds a table, so that nothing cascades: delete the children \
             yourself, or do it in a migration of its own; then `migrate up`",
        )
    } else {
        error.hinted("fix the migration, then `migrate up`")
    }
}

pub(crate) fn hook_failed(hook: &str, moment: Moment, problem: &str) -> Error {
    Error::new(Code::Hook, format!("the hook `{hook}` ({}) failed", moment.as_str()))
        .because(problem)
        .hinted("mend it, or leave it out with `--no-hooks`, and begin again")
}

pub(crate) fn commit_failed(error: Error) -> Error {
    error.within(Code::Commit, "the commit failed")
}

pub(crate) fn rolled_back(failure: Error) -> Error {
    failure.ended(Outcome::RolledBack).true_now("rolled back; nothing had been committed")
}

pub(crate) fn half_applied(failure: Error, run: &str) -> Error {
    failure
        .ended(Outcome::NeedsPerson)
        .true_now("half applied: it was run without a snapshot, so there is no way back")
        .hinted(super::mend_by_hand(run))
}

/// What is left to do once a run is final.
pub(crate) fn kept_but_failed(failure: &Error) -> String {
    format!(
        "warning: applied, judged and kept; what comes after that is left to the next command: {failure}"
    )
}

pub(crate) fn commit_unknown(failure: Error) -> Error {
    let first = remedy(&failure, "wait until the database answers again");
    let hint = format!("{first}, then `migrate recover`");
    failure
        .ended(Outcome::NeedsPerson)
        .true_now("whole; whether the last commit was done is not known")
        .hinted(hint)
}

/// Another start has this run now, and what is true is the other's to say.
pub(crate) fn run_taken_over(taken: Error, failure: &Error) -> Error {
    taken
        .because(format!("it was noticed when {failure}"))
        .ended(Outcome::Locked)
        .true_now("as the start that took this run over leaves it; this one changed nothing since")
}

/// The rehearsal failed, so that nothing was begun.
pub(crate) fn rehearsal_failed(error: Error, clones_leave_out: bool) -> Error {
    let error = error.within(Code::Rehearsal, "the rehearsal on a clone of the snapshot failed");
    let error = if clones_leave_out {
        error.because("a clone has no sequences, functions and grants, which may be why")
    } else {
        error
    };
    error.hinted("mend it, or go on without a rehearsal with `migrate up --no-rehearse`")
}
