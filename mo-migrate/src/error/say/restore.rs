//! Restores and recoveries.

use std::time::Duration;

use super::{remedy, with_nearest};
use crate::engine::Between;
use crate::error::{Code, Error};
use crate::guard::{Recovery, Stage};
use crate::history::{History, Marker};
use crate::ledger::{Outside, RunRecord};
use crate::observer::Phase;
use crate::report::{Outcome, Report};
use crate::settings::Keep;
use crate::snapshot::typed_moment;
use crate::{snapshot, time};

pub(crate) fn restored(failure: Error, report: &Report, record: &RunRecord, keep: &Keep) -> Error {
    let until = keep.until(snapshot::FAILED, time::now_ms());
    let snapshot = record.snapshot.as_deref().unwrap_or("its snapshot");
    let restore = report.restore.as_ref();
    // Where a lost connection kept it from hearing of the commit, it has no numbers of it.
    let numbers = restore.map_or_else(String::new, |restore| {
        let (tables, rows) = (restore.tables.len(), restore.rows_compared);
        let word = if tables == 1 { "table" } else { "tables" };
        let of_rows = if rows == 1 { "row" } else { "rows" };
        format!(": {tables} {word}, {rows} {of_rows}, identical")
    });
    let now = format!("restored to snapshot `{snapshot}` and compared{numbers}");
    let mut error = failure.ended(Outcome::Restored).true_now(now);
    if let Some(restore) = restore {
        let failed_state = restore.failed_state.as_deref().unwrap_or("?");
        let mut kept = format!("the failed state in `{failed_state}` until {}", time::day(until));
        if !restore.kept_writes.is_empty() {
            // What is guarded may have written to more than was named; nobody saw who it was.
            kept.push_str(match &report.guarded {
                Some(_) => "; what was not named was left alone, whoever wrote to it: ",
                None => "; what others wrote was left alone in ",
            });
            kept.push_str(&restore.kept_writes.join(", "));
        }
        if !restore.discarded_writes.is_empty() {
            kept.push_str(match &report.guarded {
                Some(_) => "; whatever others may have written meanwhile to ",
                None => "; others wrote meanwhile, and what they wrote to ",
            });
            kept.push_str(&restore.discarded_writes.join(", "));
            kept.push_str(" is in it");
        }
        if let Some(late) = &restore.late_rows {
            kept.push_str("; what they wrote after it is in the database `");
            kept.push_str(late);
            kept.push('`');
        }
        error = error.keeping(kept);
    }
    error
}

const IN_THE_WAY: &str = "remove what is in the way";

/// What an error says is to be done, or else a recovery once its cause is gone.
fn recover_after(error: &Error) -> String {
    if error.code() == Code::NoDatabase {
        return "put it back, or its snapshot: `migrate recover` says how, and changes nothing"
            .to_owned();
    }
    let first = || format!("{}, then `migrate recover`", remedy(error, IN_THE_WAY));
    error.hint().filter(|_| error.code() != Code::Io).map_or_else(first, ToOwned::to_owned)
}

pub(crate) fn not_restored(error: Error, failure: &Error, record: &RunRecord) -> Error {
    let snapshot = record.snapshot.clone().unwrap_or_default();
    let kept = match &record.failed_state {
        Some(failed) => format!("the snapshot `{snapshot}` and the failed state `{failed}`"),
        None => format!("the snapshot `{snapshot}`"),
    };
    let hint = recover_after(&error);
    let database = error.database().map_or_else(
        || "as the failed run left it; the restore changed nothing".to_owned(),
        ToOwned::to_owned,
    );
    error
        .because(format!("the run was to be put back, since {failure}"))
        .ended(Outcome::NeedsPerson)
        .true_now(database)
        .keeping(kept)
        .hinted(hint)
}

pub(crate) fn restore_failed(error: Error) -> Error {
    match error.code() {
        // It says itself what is true.
        Code::Proof => error,
        _ => error.within(Code::Restore, "the restore failed and was rolled back"),
    }
}

pub(crate) fn restore_commit_failed(error: Error) -> Error {
    error.within(Code::Restore, "the restore could not be committed")
}

pub(crate) fn failed_state(error: Error) -> Error {
    error.within(Code::FailedState, "the failed state could not be kept, so nothing was restored")
}

pub(crate) fn proof_failed(what: &str) -> Error {
    Error::new(
        Code::Proof,
        "what was restored does not equal the snapshot, so it was not committed",
    )
    .because(what)
    .hinted("test the snapshot with `migrate snapshot verify`, then `migrate recover`")
}

/// A dead run was undone, as an error that more can be said of.
pub(crate) fn recovered_error(record: &RunRecord, outcome: Outcome) -> Error {
    let database = match outcome {
        Outcome::Restored => "put back, and compared with its snapshot",
        _ => "as it was before the run",
    };
    Error::new(Code::NoWayBack, found_dead_run(record)).ended(outcome).true_now(database)
}

/// The database is undone, and what statements did outside of it stays.
pub(crate) fn remains_outside(undone: Error, outside: &[Outside]) -> Error {
    let said: Vec<String> =
        outside.iter().map(|line| format!("{}: {}", line.place, line.what)).collect();
    let database = format!(
        "{}; what has no way back was done and stays: {}",
        undone.database().unwrap_or("undone"),
        said.join("; ")
    );
    undone.ended(Outcome::NeedsPerson).true_now(database).hinted(
        "undo by hand what these statements did, or let them find it done (IF EXISTS, IF NOT EXISTS); \
         fix the migration, then `migrate up`",
    )
}

/// The method that was asked for would go wrong here.
pub(crate) fn method_refused(reasons: &[String]) -> Error {
    let error = Error::new(Code::NoWayBack, "a restore by the method `database` would go wrong");
    reasons
        .iter()
        .fold(error, Error::because)
        .hinted("take the default instead: `--restore-method tables`")
}

/// The server's own command is done, and what it did is not known to be right.
pub(crate) fn restored_unproved(error: Error) -> Error {
    let hint = "bring back what the run touched, and nothing else, with `migrate recover --restore-method tables`";
    error
        .within(
            Code::Proof,
            "what RESTORE DATABASE brought back was not shown to equal the snapshot",
        )
        .true_now("what RESTORE DATABASE made of it, and what others wrote since")
        .hinted(hint)
}

pub(crate) fn written_between(late: &Between) -> String {
    format!(
        "others wrote to `{}` between the failed state and the restore: that is kept in the database `{}`",
        late.tables.join("`, `"),
        late.kept
    )
}

pub(crate) fn orphans(count: usize, tables: Vec<String>) -> Error {
    let (rows, their) = if count == 1 { ("row", "its") } else { ("rows", "their") };
    let error = Error::new(
        Code::ForeignWrites,
        format!("{count} {rows} that others wrote would lose {their} parent"),
    );
    tables
        .into_iter()
        .fold(error, |error, table| error.because(format!("there are some in `{table}`")))
        .hinted("take them back as well with `migrate recover --foreign-writes discard`")
}

/// The same, before a restore by hand is begun.
#[cfg(feature = "cli")]
pub(crate) fn restore_undecided(why: &str, words: &str) -> Error {
    Error::new(Code::ForeignWrites, why)
        .ended_refused()
        .true_now("nothing was touched")
        .hinted(format!(
            "take all of it back with `migrate {words} --yes --foreign-writes discard`, which keeps what is \
             there now as the failed state; or single tables with `--tables`"
        ))
}

pub(crate) fn foreign_writes(why: &str, record: &RunRecord, failed_state: &str) -> Error {
    Error::new(Code::ForeignWrites, why)
        .because(format!("run {} touched {}", record.id, words(record)))
        .keeping(format!("what was there when this was asked first, in `{failed_state}`"))
        .hinted(
            "take the whole database back with `migrate recover --foreign-writes discard`, or look at the rows first",
        )
}

fn words(record: &RunRecord) -> String {
    let tables: Vec<&str> = record.touched.tables.iter().map(String::as_str).collect();
    let unknown = if record.touched.unknown { ", and more that can't be told" } else { "" };
    format!("{}{unknown}", tables.join(", "))
}

pub(crate) fn no_way_back(record: &RunRecord) -> Error {
    Error::new(Code::NoSnapshot, "the run has no snapshot, so there is no way back")
        .hinted(mend_by_hand(&record.id))
}

/// The way on from a run that is half applied and has no snapshot.
pub(crate) fn mend_by_hand(run: &str) -> String {
    format!(
        "see its statements with `migrate report {run}`, and take back by hand what they did; \
         then close the run with `migrate recover --retry`"
    )
}

/// A person has said that a run without a snapshot is to be closed.
pub(crate) fn closed_by_hand(record: &RunRecord) -> Error {
    Error::new(Code::NoSnapshot, format!("run {} was closed as it is", record.id))
        .ended(Outcome::NeedsPerson)
        .true_now(NOTHING_PUT_BACK)
        .hinted("the next `migrate up` begins with its migrations again")
}

const NOTHING_PUT_BACK: &str =
    "as the run and whoever mended it left it: it has no snapshot, so that nothing was put back";

pub(crate) fn restore_by_hand_failed(error: Error, record: &RunRecord) -> Error {
    let kept = record.snapshot.clone().unwrap_or_default();
    let outcome = error.outcome();
    let database = error
        .database()
        .map_or_else(|| "as it was; the restore changed nothing".to_owned(), ToOwned::to_owned);
    let error = error.ended(outcome).true_now(database).keeping(format!("the snapshot `{kept}`"));
    let mut again = match typed_moment(&kept) {
        Some(at) => format!("`migrate restore --at {at} --yes"),
        None => format!("`migrate restore {kept} --yes"),
    };
    if record.is_of_tables() {
        let tables: Vec<&str> = record.touched.tables.iter().map(String::as_str).collect();
        again = format!("{again} --tables {}", tables.join(","));
    }
    if error.code() == Code::Interrupted {
        return error.hinted(format!("begin again with {again}`"));
    }
    let remedied = || format!("{}, then `migrate recover`", remedy(&error, IN_THE_WAY));
    // No run is open any more, so that there is nothing to recover.
    let said = error.hint().filter(|_| error.code() != Code::Io);
    let hint = said.map_or_else(remedied, ToOwned::to_owned).replace("`migrate recover", &again);
    error.hinted(hint)
}

/// It changed nothing, and what says so in the database can't be written either.
pub(crate) fn restore_by_hand_open(error: Error, why: &Error, record: &RunRecord) -> Error {
    let kept = record.snapshot.clone().unwrap_or_default();
    let disk = error.disk().or(why.disk());
    let error = error
        .because(format!("and its marker could not be taken away: {why}"))
        .on_disk(disk)
        .ended(Outcome::NeedsPerson)
        .true_now("as it was; the restore changed nothing, and its run is still open")
        .keeping(format!("the snapshot `{kept}`"));
    let hint = format!("{}, then `migrate recover`", remedy(&error, IN_THE_WAY));
    error.hinted(hint)
}

/// How a run ended, in words.
fn ended(run: &RunRecord) -> String {
    run.outcome.map_or_else(|| "is open".to_owned(), |outcome| format!("ended: {outcome}"))
}

pub(crate) fn no_run(wanted: &str, known: &[&str]) -> Error {
    let error = Error::new(Code::NoSnapshot, format!("there is no run `{wanted}`"));
    with_nearest(error, wanted, known, ["id", "runs"])
        .true_now("nothing was touched")
        .hinted("see `migrate history`")
}

/// A report of the last run was asked for, and there is none.
pub(crate) fn no_run_yet() -> Error {
    Error::new(Code::NoSnapshot, "no run was made on this database yet")
        .true_now("nothing was touched")
        .hinted("see what would run with `migrate plan`")
}

/// The proof of a run can be completed only where a restore was made.
pub(crate) fn run_not_restored(run: &RunRecord) -> Error {
    let error = Error::new(
        Code::NothingToCompare,
        format!("run {} brought nothing back, so that there is no proof to complete", run.id),
    )
    .because(ended(run));
    match run.snapshot {
        Some(_) => error.hinted(format!("see what it changed with `migrate diff {}`", run.id)),
        None => error.hinted("run the checks on the database as it is with `migrate verify`"),
    }
}

pub(crate) fn snapshot_of_run_gone(run: &RunRecord, snapshot: &str) -> Error {
    Error::new(
        Code::NoSnapshot,
        format!("snapshot `{snapshot}` of run {} is gone, and nothing else can prove it", run.id),
    )
    .because("its time was over, or it was deleted")
    .hinted("keep the next one for longer with `--keep`; see `migrate snapshot list`")
}

/// The failed state is gone, and with it the rows; the report has some of them.
pub(crate) fn failed_state_gone(run: &RunRecord, failed: &str) -> Error {
    let report: serde_json::Value =
        run.report.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let listed = report["restore"]["discarded_rows"].as_array().cloned().unwrap_or_default();
    let listed: Vec<String> = listed
        .iter()
        .map(|table| {
            format!("{} of `{}`: {}", table["count"], text(&table["table"]), table["rows"])
        })
        .collect();
    let error = Error::new(
        Code::NoSnapshot,
        format!("the failed state `{failed}` of run {} is gone, and its rows with it", run.id),
    )
    .because("its time was over, or it was deleted");
    let error = if listed.is_empty() {
        error
    } else {
        error.because(format!("the run's report has of others' rows {}", listed.join("; ")))
    };
    error.hinted(
        "keep the next one for longer with `--keep`, or with `migrate snapshot pin`; see `migrate snapshot list`",
    )
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or("?")
}

pub(crate) fn nothing_to_compare(run: &RunRecord) -> Error {
    let why = match &run.snapshot {
        Some(snapshot) => format!("its snapshot `{snapshot}` is gone"),
        None => "it has no snapshot".to_owned(),
    };
    Error::new(
        Code::NothingToCompare,
        format!("run {} has left nothing to compare with: {why}", run.id),
    )
    .because(ended(run))
    .hinted("see the runs with `migrate history`, and what is kept with `migrate snapshot list`")
}

/// What decides was committed, and not all that follows it was done.
pub(crate) fn not_yet_finished(error: Error, stage: Stage) -> Error {
    let done = if stage == Stage::Kept { "applied and judged" } else { "restored and compared" };
    let database = error
        .database()
        .map_or_else(|| format!("{done}; not all that comes after it was done"), ToOwned::to_owned);
    let hint = format!("{}, then `migrate recover`", remedy(&error, IN_THE_WAY));
    error.ended(Outcome::NeedsPerson).true_now(database).hinted(hint)
}

pub(crate) fn found_dead_run(record: &RunRecord) -> String {
    format!(
        "run {} of process {} on {} ended in phase `{}` without saying how",
        record.id, record.pid, record.host, record.phase
    )
}

pub(crate) fn recovered(record: &RunRecord, outcome: Outcome, report: &Report) -> String {
    let what = match outcome {
        Outcome::RolledBack => "had changed nothing; what it left was removed",
        Outcome::Restored => "was put back, and compared with its snapshot",
        Outcome::Applied => "had been applied; it was judged and is kept",
        Outcome::NeedsPerson => {
            return format!("run {} is closed; the database is {NOTHING_PUT_BACK}", record.id);
        }
        _ => "was looked at",
    };
    let run = &record.id;
    if let Some(restore) = &report.restore
        && !restore.discarded_writes.is_empty()
        && let Some(failed) = &restore.failed_state
    {
        let tables = restore.discarded_writes.join(", ");
        return format!(
            "run {run} {what}; what others wrote to {tables} went back too, and is in `{failed}`: \
             see `migrate diff {run}`"
        );
    }
    format!("run {run} {what}")
}

pub(crate) fn recovery_failed(error: Error, record: &RunRecord) -> Error {
    let refused = matches!(error.code(), Code::OtherDatabase | Code::Interrupted | Code::Locked);
    let outcome = if refused { error.outcome() } else { Outcome::NeedsPerson };
    let database = error.database().map_or_else(
        || {
            format!(
                "as run {} left it in phase `{}`; the recovery changed nothing",
                record.id, record.phase
            )
        },
        ToOwned::to_owned,
    );
    let hint = recover_after(&error);
    let error = error.ended(outcome).true_now(database).hinted(hint);
    match &record.snapshot {
        Some(snapshot) => error.keeping(format!("the snapshot `{snapshot}`")),
        None => error,
    }
}

pub(crate) fn recover_late(record: &RunRecord, silent: Duration) -> Error {
    let silent = Duration::from_secs(silent.as_secs());
    Error::new(
        Code::RecoverLate,
        format!("run {} died {} ago, and rows in what it touched have changed since", record.id, time::words(silent)),
    )
    .because(format!("it touched {}", words(record)))
    .hinted("they may be honest work: look first, then put back all the same with `migrate recover --retry`")
}

/// The last sign of life is still to come, so that nothing can be told from it.
pub(crate) fn recover_cannot_tell(record: &RunRecord, alive: i64) -> Error {
    Error::new(
        Code::RecoverLate,
        format!(
            "when run {} died can't be told: its last sign of life is of {}",
            record.id,
            time::rfc3339(alive)
        ),
    )
    .because("the clock was set back, so that rows in what it touched may have changed since")
    .because(format!("it touched {}", words(record)))
    .hinted("look at them first, then put them back all the same with `migrate recover --retry`")
}

pub(crate) fn ledger_gone(marker: &Marker, ledger: &str) -> Error {
    let snapshot = marker.snapshot.as_deref().unwrap_or("none");
    Error::new(
        Code::LedgerGone,
        format!("run {} is open in the database, and the ledger does not know it", marker.run),
    )
    .because(format!("its snapshot is `{snapshot}`, begun {}", time::rfc3339(marker.since)))
    .true_now("as that run left it; nothing was touched")
    .hinted(format!("bring {ledger} back as it was, then `migrate recover`"))
}

/// The marker of a run that is over: the database is of the time when it was open.
pub(crate) fn open_again(record: &RunRecord) -> Error {
    let error = Error::new(
        Code::LedgerGone,
        format!(
            "run {} is open in the database, and the ledger says that it {}",
            record.id,
            ended(record)
        ),
    )
    .because(
        "the marker was put there by hand, or an older copy of the database was put in its place",
    )
    .true_now("nothing was touched");
    match &record.snapshot {
        Some(snapshot) => error.keeping(format!("the snapshot `{snapshot}`")).hinted(
            "put the right database back; or go back to that snapshot with `migrate recover --retry`",
        ),
        None => error.hinted("put the right database back, then `migrate status`"),
    }
}

/// The run is open in the ledger, and what it wrote into the database to say so is not there.
pub(crate) fn marker_gone(record: &RunRecord) -> Error {
    let error = Error::new(
        Code::OtherDatabase,
        format!("run {} is open in the ledger, and the database does not say so any more", record.id),
    )
    .because(format!(
        "it was in phase `{}`: since then its marker was removed by hand, or an older copy of the database was put in its place",
        record.phase
    ))
    .true_now("nothing was touched");
    match &record.snapshot {
        Some(snapshot) => error.keeping(format!("the snapshot `{snapshot}`")).hinted(
            "put the right database back; or go back to that snapshot with `migrate recover --retry`",
        ),
        None => error.hinted("put the right database back, then `migrate recover`"),
    }
}

pub(crate) fn other_database(
    record: &RunRecord,
    history: Option<&History>,
    ledger: &str,
    copy: Option<&str>,
) -> Error {
    let marker = history.and_then(|history| history.marker.as_ref());
    let id = history.map_or("none", |history| history.database_id.as_str());
    let marker = marker
        .map_or_else(|| "no open run".to_owned(), |marker| format!("run {} open", marker.run));
    Error::new(Code::OtherDatabase, "the ledger is of another database than the one in its place")
        .because(format!(
            "the ledger has run {} open in database {}; the database there has id {id} and {marker}",
            record.id,
            if record.database_id.is_empty() { "without id" } else { &record.database_id },
        ))
        .true_now("nothing was touched")
        .hinted(match copy {
            Some(copy) => format!(
                "put the right database back, or its snapshot: move away what is in its place, `{copy}`, then \
                 `migrate recover --retry`; or move {ledger} away, then `migrate status`"
            ),
            None => format!("put the right database back; or move {ledger} away, then `migrate status`"),
        })
}

/// The database is gone, and a run is open in it.
pub(crate) fn gone_with_an_open_run(
    no_database: Error,
    record: &RunRecord,
    copy: Option<&str>,
) -> Error {
    let error = no_database.because(format!("run {} was open in it", record.id));
    match copy {
        Some(copy) => error.hinted(format!(
            "put it back, or its snapshot: `{copy}`, then `migrate recover --retry`"
        )),
        None => error,
    }
}

pub(crate) fn run_of_another_set(record: &RunRecord) -> Error {
    Error::new(
        Code::OpenRun,
        format!("run {} of the set `{}` is open in this database", record.id, record.set),
    )
    .true_now("nothing was touched")
    .hinted(format!("finish it first with `migrate --set {} recover`", record.set))
}

pub(crate) fn step_missing(record: &RunRecord, version: i64) -> Error {
    Error::new(
        Code::Missing,
        format!("migration {version} of the open run {} is not in this set", record.id),
    )
    .ended(Outcome::NeedsPerson)
    .hinted("bring its files back, then `migrate recover`")
}

/// `up` would make it with what the migrations alone put into it.
pub(crate) fn nothing_to_restore_into(no_database: Error, is_open: bool) -> Error {
    if is_open {
        return no_database.because("a run is open, which found it there").hinted(
            "check the address; `migrate recover` says what brings it back, and ends that run",
        );
    }
    no_database.hinted(
        "check the address, or make it empty with `migrate database create`; then restore into it",
    )
}

/// What is true of an open run, for `status`.
pub(crate) fn open_run(record: &RunRecord, last: Option<(i64, u64)>, what: Recovery) -> String {
    // A guard has no migrations, and perhaps there are no files by which `up` could be typed.
    let is_guard = record.is_of_a_guard();
    let (done, by) =
        if is_guard { ("done", "`migrate recover`") } else { ("applied", "the next `migrate up`") };
    let next = match what {
        Recovery::Keep | Recovery::Finish(Outcome::Applied) => {
            format!("it is {done} and judged; {by} finishes it")
        }
        Recovery::Finish(_) => format!("it was put back; {by} finishes it"),
        Recovery::CleanUp | Recovery::Nothing => {
            let then = if is_guard { "closes it" } else { "starts afresh" };
            format!("nothing of it is in the database; {by} {then}")
        }
        Recovery::Judge => format!("it is {done} and not judged; {by} judges it"),
        Recovery::Restore if record.is_of_a_moment() => {
            format!("it had changed nothing; {by} closes it")
        }
        Recovery::Restore if record.phase == Phase::RestoreDatabase => {
            format!("its RESTORE DATABASE was not compared; {by} does it again")
        }
        Recovery::Restore if record.snapshot.is_none() => format!(
            "it may be half {done}, and has no snapshot: once it is mended by hand, `migrate recover --retry` \
             closes it"
        ),
        Recovery::Restore if record.goes_back() => {
            format!("it is a restore, which may be half done; {by} carries it out")
        }
        Recovery::Restore => format!("it may be half {done}; {by} puts the database back"),
        Recovery::LedgerGone | Recovery::OtherDatabase => {
            "the database is not as that run left it: `migrate recover` says what to do, and changes nothing"
                .to_owned()
        }
    };
    let guard = if is_guard { " is a guard," } else { "" };
    let statement = last
        .filter(|_| !is_guard)
        .map(|(version, number)| format!(", at statement {number} of migration {version}"))
        .unwrap_or_default();
    let (id, phase) = (&record.id, record.phase);
    format!("run {id}{guard} is in phase `{phase}` or died there{statement}: {next}")
}

/// The last sign of life of an open run, for `status`: whether it lives is for the reader to tell.
pub(crate) fn last_heard(record: &RunRecord, silent: i64) -> String {
    let process = format!("its process {} on {}", record.pid, record.host);
    match u64::try_from(silent) {
        Ok(silent) => {
            let ago = time::words(Duration::from_millis(silent));
            format!("{process} was last heard of {ago} ago")
        }
        Err(_) => format!("{process} was last heard of at a time that is still to come"),
    }
}

/// MatrixOne's number for a deadlock.
pub(crate) const DEADLOCK: &str = "20701";

/// The server rolled a transaction back to let others go on: it may be tried again as a whole.
#[must_use]
pub(crate) fn gave_way(error: &Error) -> bool {
    // The other one: a transaction needs a retry that the server can't make by itself.
    matches!(error.database_code(), Some(DEADLOCK | "20628"))
}
