//! Blue-green upgrades.

#[cfg(feature = "matrixone")]
use std::time::Duration;

use crate::error::{Code, Error};
use crate::operations::UpgradeChange;
use crate::report::Outcome;
use crate::report::text::count;
#[cfg(feature = "matrixone")]
use crate::time;
use crate::upgrade::{UpgradeRecord, UpgradeState, Wish, wishes};

const BLUE_AS_IT_WAS: &str = "the active database is the same as before, and was not written to";

pub(crate) fn upgrade_in_memory() -> Error {
    Error::new(Code::Upgrade, "a database in memory has none beside it")
        .true_now("nothing was touched")
        .hinted("give it a file, or migrate it in place: `migrate up`")
}

pub(crate) fn no_upgrade() -> Error {
    Error::new(Code::Upgrade, "this database has no upgrade")
        .true_now("nothing was touched")
        .hinted("begin one with `migrate upgrade start`")
}

pub(crate) fn nothing_to_upgrade() -> Error {
    Error::new(Code::Upgrade, "nothing is pending, so that green would be the same as blue")
        .true_now("nothing was touched")
        .hinted("see `migrate status`")
}

pub(crate) fn upgrade_refused(upgrade: &UpgradeRecord, wish: Wish) -> Error {
    let (green, state) = (&upgrade.green, upgrade.state);
    let what = match (state, wish) {
        (UpgradeState::Finished, _) => format!("`{green}` is the active database for good"),
        (UpgradeState::Completed | UpgradeState::SwitchingBack, _) => {
            format!("`{green}` is the active database")
        }
        (UpgradeState::Switching, _) => {
            format!("the switch to `{green}` was begun, and its hook may have been told")
        }
        (UpgradeState::Ready, Wish::Start) => {
            format!("an upgrade is open: `{green}` is ready, and not active yet")
        }
        (UpgradeState::WentBack, _) => format!("this upgrade went back; `{green}` has stayed"),
        (UpgradeState::Aborted, _) => "there is no open upgrade".to_owned(),
        _ => format!("`{green}` is not there to be used: the upgrade is in the state `{state}`"),
    };
    let mut commands: Vec<String> = wishes(Some(state))
        .iter()
        .map(|wish| format!("`migrate upgrade {}`", wish.as_str()))
        .collect();
    if state == UpgradeState::Finished {
        let hint = format!("put the address of `{green}` in the place of this one, and use that");
        return refused(what, wish).hinted(hint);
    }
    commands.insert(0, "`migrate upgrade status`".to_owned());
    refused(what, wish).hinted(format!("what can be done from here: {}", commands.join(", ")))
}

fn refused(what: String, wish: Wish) -> Error {
    Error::new(Code::Upgrade, format!("`upgrade {}` can't be done now", wish.as_str()))
        .because(what)
        .true_now("nothing was touched")
}

pub(crate) fn green_is_there(green: &str) -> Error {
    Error::new(
        Code::Upgrade,
        format!("there is a database `{green}` already, which is never replaced"),
    )
    .true_now("nothing was touched")
    .hinted("move it away, or choose another name: `migrate upgrade start --green NAME`")
}

pub(crate) fn no_name_for_green(error: Error) -> Error {
    error.hinted(
        "choose another name: `migrate upgrade start --green NAME`; or move away what is in the way",
    )
}

/// Somebody migrates blue while green is the one to use: it would be no way back any more, and what uses
/// it by mistake would go on doing so.
pub(crate) fn blue_is_not_active(blue: &str, green: &str) -> Error {
    Error::new(Code::Upgrade, format!("`{blue}` is not the active database, that is `{green}`"))
        .true_now(BLUE_AS_IT_WAS)
        .hinted(format!(
            "go to `{green}` by its own address, which `migrate upgrade status` shows; `migrate upgrade back` \
             makes `{blue}` the active one again, and `migrate upgrade finish` ends the upgrade: both are \
             databases like others then"
        ))
        .ended_refused()
}

/// Somebody migrates the database of which green was made, or that was given up.
pub(crate) fn blue_is_migrated(blue: &str, upgrade: &UpgradeRecord) -> Option<String> {
    let green = &upgrade.green;
    match upgrade.state {
        UpgradeState::Ready | UpgradeState::Switching => Some(format!(
            "warning: `{green}` is migrated and was to take the place of `{blue}`; after this run it can't \
             without leaving something behind: {} make it anew",
            anew(upgrade.state)
        )),
        state if state.is_green_active() => Some(format!(
            "warning: `{blue}` is not the active database any more, that is `{green}`: see `migrate upgrade status`"
        )),
        _ => None,
    }
}

/// The same, by what can be done about it.
pub(crate) fn green_missed(upgrade: &UpgradeRecord) -> Error {
    let gone = green_gone(&upgrade.green);
    if !upgrade.state.is_green_active() {
        return gone;
    }
    gone.true_now("nothing was changed; blue stays as the way back")
        .hinted("put it back, or return to blue with `migrate upgrade back`")
}

pub(crate) fn green_gone(green: &str) -> Error {
    Error::new(
        Code::Upgrade,
        format!("green is gone: there is no database `{green}` that this upgrade has made"),
    )
    .true_now(BLUE_AS_IT_WAS)
    .hinted("give this upgrade up with `migrate upgrade abort`, then `migrate upgrade start`")
}

/// An error of a run, where that was in green: what its hint would have typed would migrate blue.
pub(crate) fn in_green(error: Error) -> Error {
    let start = |hint: &str| {
        hint.replace("`migrate up`", "`migrate upgrade start`")
            .replace("`migrate up --", "`migrate upgrade start --")
    };
    match error.hint().map(start) {
        Some(hint) => error.hinted(hint),
        None => error,
    }
}

/// Green could not be made; what had been begun is removed, unless that failed too.
pub(crate) fn green_not_made(error: Error, left: Option<Error>) -> Error {
    let start = "`migrate upgrade start`";
    let error = in_green(error);
    let hint = match error.hint() {
        Some(hint) if hint.contains(start) => hint.to_owned(),
        Some(hint) => format!("{hint}; then {start}"),
        None => format!("remove the cause, then {start}"),
    };
    let error = error.ended(Outcome::Refused).hinted(hint);
    match left {
        None => error.true_now("blue was not touched, and nothing of green is left"),
        Some(left) => {
            error.because(format!("what was begun could not be removed: {left}")).true_now(
                "blue was not touched; what is left of green goes with `migrate upgrade abort`",
            )
        }
    }
}

/// Green went while it was migrated, whatever that led to.
pub(crate) fn green_went(error: &Error, green: &str) -> Error {
    let gone = green_gone(green);
    if error.code() == Code::Upgrade { gone } else { gone.because(error.to_string()) }
}

/// The run in green failed, and was undone there.
pub(crate) fn green_not_migrated(error: Error, blue: &str, green: &str) -> Error {
    let error =
        error.true_now(format!("`{blue}` was not touched; green is kept to be looked at: {green}"));
    if error.code() == Code::Interrupted {
        return error.hinted(
            "begin again with `migrate upgrade start`, which makes green anew; or `migrate upgrade abort`",
        );
    }
    error
        .hinted(format!(
            "look at it with `migrate upgrade status` and `migrate --url {green} status`; mend the migration or its check, \
             then `migrate upgrade start`, which makes green anew; or `migrate upgrade abort`"
        ))
}

/// Its ledger does not know whose green it is.
pub(crate) fn is_green(database: &str) -> Error {
    Error::new(Code::Taken, format!("`{database}` is green of an upgrade: another database leads to it"))
        .because("an application that asks for the active database may be using it")
        .true_now("nothing was touched")
        .hinted(
            "with blue's address in the place of this one `upgrade status` says more; `upgrade abort` removes green, unless \
             it is active; after `migrate upgrade finish` it is a database like others",
        )
}

pub(crate) fn open_run_in(address: &str) -> Error {
    Error::new(Code::OpenRun, format!("a run is open in {address}"))
        .true_now(BLUE_AS_IT_WAS)
        .hinted("finish it there with `migrate recover`, then type this again")
}

/// A table of blue is held by another session, so that its writers can't be kept out.
#[cfg(feature = "matrixone")]
pub(crate) fn blue_is_held(table: &str, wait: Duration, error: Error) -> Error {
    let waited = time::words(wait);
    error.within(Code::Locked, format!("`{table}` is held by others; waited {waited}"))
}

pub(crate) fn switch_outside_of_the_window(error: Error) -> Error {
    error.hinted(
        "wait for it, or go on all the same with `migrate upgrade complete --maintenance-window always`",
    )
}

/// Another session is in the way of the switch.
pub(crate) fn not_kept_out(error: Error) -> Error {
    match error.code() {
        Code::Locked => error.true_now(BLUE_AS_IT_WAS).hinted(
            "end that session's transaction, or wait longer with `--lock-timeout`; then type this again",
        ),
        _ => error.true_now(BLUE_AS_IT_WAS),
    }
}

/// What makes green anew. Where a hook may have been told of it, blue is made the active one first.
pub(crate) const fn anew(state: UpgradeState) -> &'static str {
    match state {
        UpgradeState::Switching => {
            "`migrate upgrade back`, `migrate upgrade abort` and `migrate upgrade start`"
        }
        _ => "`migrate upgrade abort` and `migrate upgrade start`",
    }
}

/// Blue has changed in what can't be carried over.
pub(crate) fn blue_changed(changes: &[UpgradeChange], state: UpgradeState) -> Error {
    let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
    let error = Error::new(
        Code::BlueChanged,
        format!(
            "blue has changed since its snapshot, and green can't be given that: {}",
            names.join(", ")
        ),
    );
    let error = changes.iter().fold(error, |error, change| {
        let rows = change.rows.map_or_else(String::new, |rows| format!("{}: ", count(rows, "row")));
        let why = change.why.as_deref().unwrap_or("it was not named when it was asked");
        error.because(format!("`{}`: {rows}{why}", change.name))
    });
    error.true_now(BLUE_AS_IT_WAS).hinted(format!(
        "{} take it along; `migrate upgrade complete --discard-changes` leaves it behind in blue",
        anew(state)
    ))
}

pub(crate) fn not_carried(table: &str, state: UpgradeState, error: Error) -> Error {
    error
        .within(
            Code::BlueChanged,
            format!("the rows of `{table}` could not be carried over to green"),
        )
        .ended(Outcome::Refused)
        .true_now(BLUE_AS_IT_WAS)
        .hinted(format!("{} take them along", anew(state)))
}

pub(crate) fn carried_differs(table: &str, state: UpgradeState) -> Error {
    Error::new(
        Code::BlueChanged,
        format!("`{table}` was carried over and does not equal blue's; it was not committed"),
    )
    .true_now(BLUE_AS_IT_WAS)
    .hinted(format!("type `migrate upgrade complete` again; if it stays so, {}", anew(state)))
}

/// What was written there is not there any more.
pub(crate) fn written_in_green(table: &str) -> Error {
    Error::new(
        Code::BlueChanged,
        format!("somebody wrote to `{table}` of green while its rows were to be carried over"),
    )
    .true_now(BLUE_AS_IT_WAS)
    .hinted("stop who writes to green, then type this again")
}

pub(crate) fn carried_without_parents(rows: usize, state: UpgradeState) -> Error {
    Error::new(
        Code::BlueChanged,
        format!("{rows} of the rows to be carried over would find no parent in green"),
    )
    .true_now(BLUE_AS_IT_WAS)
    .hinted(format!("{} take all of blue along", anew(state)))
}

pub(crate) fn switch_failed(hook: &str, to: &str, problem: String) -> Error {
    Error::new(Code::Switch, format!("the hook `{hook}` could not switch to `{to}`"))
        .because(problem)
        .true_now("not switched: the ledger names the same active database as before")
        .hinted("mend the hook, then type the same command again; `migrate upgrade status` says where it stands")
}

/// The ledger names another database, and nobody else was told.
pub(crate) fn switched_untold(active: &str) -> String {
    format!(
        "no hook was told of the switch: an application that does not ask by `Migrator::active()` has to be \
         pointed to {active} by hand, or by the same command once more with `--switch` and what tells it"
    )
}

/// The same of a command that was typed once more, after the switch was done.
pub(crate) fn only_the_hook(error: Error, active: &str) -> Error {
    error.true_now(format!("`{active}` is the active database already: only the hook was not told"))
}

pub(crate) fn switch_interrupted(to: &str) -> Error {
    Error::new(Code::Interrupted, format!("the switch to `{to}` was interrupted"))
        .true_now("not switched: the ledger names the same active database as before")
        .hinted("type the same command again; `migrate upgrade status` says where it stands")
}

pub(crate) fn unknown_upgrade_state(state: &str) -> Error {
    Error::new(Code::SchemaNewer, format!("the ledger has an upgrade in the state `{state}`"))
        .because("a newer mo-migrate wrote it, or a hand has changed it")
        .hinted("use that mo-migrate; see `migrate help`")
}

pub(crate) fn upgrades_in_a_circle(most: usize) -> Error {
    Error::new(
        Code::Upgrade,
        format!("{most} upgrades lead from this address to others, and none of them ends"),
    )
    .hinted("look at each with `migrate upgrade status`")
}
