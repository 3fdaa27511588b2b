//! The preflight checklist.

use std::time::Duration;

use crate::error::{Code, Error};
use crate::preflight::Item;
use crate::settings::Window;
use crate::time;

pub(crate) fn window_closed(window: &Window, opens: Option<i64>, now: i64) -> Error {
    let error =
        Error::new(Code::WindowClosed, format!("the maintenance window `{window}` is closed"));
    let error = match opens {
        Some(opens) => {
            let minutes = u64::try_from((opens - now).div_euclid(60_000)).unwrap_or_default();
            let wait = match minutes {
                0 => "in less than a minute".to_owned(),
                minutes => format!("in {}", time::words(Duration::from_mins(minutes))),
            };
            error.because(format!("it opens next at {}, {wait}", time::rfc3339(opens)))
        }
        None => error,
    };
    error
        .true_now("nothing was touched")
        .hinted("wait for it, or go on all the same with `migrate up --maintenance-window always`")
}

pub(crate) fn own_item_missing(name: &str, problem: String, last: &str) -> Error {
    let error = Error::new(Code::OwnItem, format!("`{name}` is missing")).because(problem);
    let error = if last.is_empty() { error } else { error.because(last) };
    error.true_now("nothing was touched").hinted(
        "see to it, then `migrate up`; `migrate preflight` shows all that is asked before a run",
    )
}

pub(crate) fn own_item_too_long(name: &str, limit: Duration) -> Error {
    let problem = format!("its command ran longer than {}, and was ended", time::words(limit));
    own_item_missing(name, problem, "")
}

/// What `up` asked, and may go on by.
pub(crate) fn item_is_ok(item: &Item) -> String {
    match item.detail.as_str() {
        "" => format!("{}: yes", item.name),
        detail => format!("{}: {detail}", item.name),
    }
}

/// Sessions that a run would wait for.
pub(crate) fn transactions_in_the_way(held: &[String], wait: Duration) -> Error {
    let error = Error::new(Code::Locked, "others have transactions open here");
    held.iter().fold(error, Error::because).true_now("nothing was touched").hinted(format!(
        "let them come to their end, or end them: a run waits for them up to `--lock-timeout`, {}, and \
         is undone then",
        time::words(wait)
    ))
}

/// A run is open, and what the next start does about it.
pub(crate) fn open_run_there(detail: &str) -> Error {
    Error::new(Code::OpenRun, "a run is open in this database")
        .because(detail)
        .hinted("finish it, or have it put back, with `migrate recover`; the next `migrate up` does so first")
}

pub(crate) fn no_rollback() -> Error {
    Error::new(Code::NoWayBack, "what fails would stay half applied: no snapshot is taken")
        .true_now("nothing was touched")
        .hinted("leave `--dangerous-no-snapshot` out")
}

/// A snapshot of a schedule was made, and what is over its time is still there.
pub(crate) fn not_pruned(made: &str, error: Error) -> Error {
    error.because(format!("the snapshot `{made}` itself was made"))
}
