//! The list of all settings.

use super::{Format, Kind, Setting};
use crate::settings::{
    ForeignWrites, Policy, Rehearse, RestoreMethod, SnapshotPolicy, SnapshotScope, Unit, Verify,
};

const CONNECTION: &str = "Connection";
const GUARD: &str = "Guard";
const POLICIES: &str = "Policies";
const OUTPUT: &str = "Output";

const fn setting(
    name: &'static str,
    heading: &'static str,
    kind: Kind,
    help: &'static str,
) -> Setting {
    Setting { name, heading, help, once: false, kind }
}

/// Every setting, in the order of the help.
pub(crate) const ALL: &[Setting] = &[
    setting(
        "url",
        CONNECTION,
        Kind::Text(|c, url| c.url = Some(url)),
        "sqlite:FILE or matrixone://USER@HOST:6001/NAME [env: DATABASE_URL too]",
    ),
    setting(
        "dir",
        CONNECTION,
        Kind::Paths(|c, dirs| c.dirs = dirs),
        "Directory of the migrations; several make one list",
    ),
    setting(
        "set",
        CONNECTION,
        Kind::Text(|c, name| c.settings.set = name),
        "Name of the set, where a database has several [default: main]",
    ),
    setting(
        "history-table",
        CONNECTION,
        Kind::Text(|c, name| c.settings.history_table = name),
        "Name of the history table [default: mo_migrate_history]",
    ),
    setting(
        "lock-timeout",
        CONNECTION,
        Kind::Duration(|c, limit| c.settings.lock_timeout = limit),
        "How long another run is waited for [default: 60s]",
    ),
    setting(
        "statement-timeout",
        GUARD,
        Kind::Duration(|c, limit| c.settings.statement_timeout = Some(limit)),
        "How long one statement may run [default: no limit]",
    ),
    setting(
        "check-timeout",
        GUARD,
        Kind::Duration(|c, limit| c.settings.check_timeout = limit),
        "How long one check or hook may run [default: 60s]",
    ),
    setting(
        "foreign-writes",
        GUARD,
        Kind::OneOf(&[
            ("keep", |c| c.settings.foreign_writes = ForeignWrites::Keep),
            ("discard", |c| c.settings.foreign_writes = ForeignWrites::Discard),
            ("refuse", |c| c.settings.foreign_writes = ForeignWrites::Refuse),
        ]),
        "What a restore does about what others wrote meanwhile [default: keep]",
    ),
    setting(
        "keep",
        GUARD,
        Kind::Keep(|c, keep| c.settings.keep = keep),
        "How long snapshots are kept, by what they are for [default: 7d, import=24h]",
    ),
    setting(
        "unit",
        GUARD,
        Kind::OneOf(&[
            ("run", |c| c.settings.unit = Unit::Run),
            ("migration", |c| c.settings.unit = Unit::Migration),
        ]),
        "How much one snapshot guards [default: run]",
    ),
    setting(
        "snapshot",
        GUARD,
        Kind::OneOf(&[
            ("always", |c| c.settings.snapshot = SnapshotPolicy::Always),
            ("when-needed", |c| c.settings.snapshot = SnapshotPolicy::WhenNeeded),
        ]),
        "When a snapshot is taken; when-needed leaves it out where a transaction is enough [default: always]",
    ),
    setting(
        "dangerous-no-snapshot",
        GUARD,
        Kind::Switch(|c| c.settings.snapshot = SnapshotPolicy::DangerousNever),
        "Takes no snapshot: what fails outside of a transaction stays half applied",
    ),
    setting(
        "verify",
        GUARD,
        Kind::OneOf(&[
            ("inventory", |c| c.settings.verify = Verify::Inventory),
            ("clone", |c| c.settings.verify = Verify::Clone),
        ]),
        "How a snapshot is verified when it is made [default: inventory]",
    ),
    setting(
        "no-rehearse",
        GUARD,
        Kind::Switch(|c| c.rehearse = Rehearse::Never),
        "Does not try the migrations on a clone of the snapshot first, as is done on MatrixOne",
    ),
    setting(
        "snapshot-scope",
        GUARD,
        Kind::OneOf(&[
            ("account", |c| c.settings.snapshot_scope = SnapshotScope::Account),
            ("database", |c| c.settings.snapshot_scope = SnapshotScope::Database),
        ]),
        "What a snapshot is of, on MatrixOne [default: account]",
    ),
    setting(
        "proof-limit",
        GUARD,
        Kind::Number(|c, rows| c.settings.proof_limit = u64::try_from(rows).unwrap_or(u64::MAX)),
        "Up to how many rows of a table a restore is proved by contents, and not by counts [default: 10000000]",
    ),
    setting(
        "restore-method",
        GUARD,
        Kind::OneOf(&[
            ("tables", |c| c.settings.restore_method = RestoreMethod::Tables),
            ("database", |c| c.settings.restore_method = RestoreMethod::Database),
        ]),
        "How a restore is made, on MatrixOne: of what was touched, or by RESTORE DATABASE [default: tables]",
    ),
    setting(
        "terminate-blockers",
        GUARD,
        Kind::Switch(|c| c.settings.terminate_blockers = true),
        "Ends sessions that hold a table which has to come back",
    ),
    setting(
        "recover-within",
        GUARD,
        Kind::Duration(|c, time| c.settings.recover_within = time),
        "How old a dead run may be for its recovery to take later rows back [default: 15m]",
    ),
    setting(
        "maintenance-window",
        GUARD,
        Kind::Window(|c, window| c.settings.window = window),
        "When `up` may begin a run: days and times in UTC, as `Sat,Sun 02:00-04:00 UTC`, several with `;` between them [default: always]",
    ),
    setting(
        "preflight",
        GUARD,
        Kind::Items(|c, items| c.settings.preflight = items),
        "Is asked before a run begins: a name, `=`, and a command that has to exit with 0; several may be",
    ),
    setting(
        "hook",
        GUARD,
        Kind::Hooks(|c, hooks| c.settings.hooks = hooks),
        "Is told of each run: before, after, failed, restored or needs_person, of one to come: announce, of an upgrade: switch, or of a schedule: snapshot_failed; `=`, and a command or a webhook's address, which may take as long as `--check-timeout`; several may be",
    ),
    setting("no-hooks", GUARD, Kind::Switch(|c| c.settings.hooks.clear()), "Tells nobody"),
    setting(
        "out-of-order",
        POLICIES,
        Kind::OneOf(&[
            ("refuse", |c| c.settings.out_of_order = Policy::Refuse),
            ("apply", |c| c.settings.out_of_order = Policy::Allow),
        ]),
        "A migration older than one that was applied [default: refuse]",
    ),
    setting(
        "missing",
        POLICIES,
        Kind::OneOf(&[
            ("refuse", |c| c.settings.missing = Policy::Refuse),
            ("ignore", |c| c.settings.missing = Policy::Allow),
        ]),
        "An applied migration that is not in the set [default: refuse]",
    ),
    setting(
        "changed",
        POLICIES,
        Kind::OneOf(&[
            ("refuse", |c| c.settings.changed = Policy::Refuse),
            ("ignore", |c| c.settings.changed = Policy::Allow),
        ]),
        "An applied migration whose text changed [default: refuse]",
    ),
    setting(
        "newer",
        POLICIES,
        Kind::OneOf(&[
            ("refuse", |c| c.settings.newer = Policy::Refuse),
            ("ignore", |c| c.settings.newer = Policy::Allow),
        ]),
        "A database that is newer than the set [default: refuse]",
    ),
    setting(
        "evidence",
        OUTPUT,
        Kind::Number(|c, rows| c.settings.evidence = rows),
        "How many rows a failed check shows [default: 10]",
    ),
    setting(
        "no-evidence",
        OUTPUT,
        Kind::Switch(|c| c.settings.evidence = 0),
        "Shows no row of the database",
    ),
    setting(
        "format",
        OUTPUT,
        Kind::OneOf(&[
            ("text", |c| c.format = Format::Text),
            ("json", |c| c.format = Format::Json),
            ("sarif", |c| c.format = Format::Sarif),
            ("html", |c| c.format = Format::Html),
        ]),
        "What standard output holds; json is one document, errors included; sarif is of lint alone, html of report alone [default: text]",
    ),
    Setting {
        name: "yes",
        heading: OUTPUT,
        once: true,
        kind: Kind::Switch(|c| c.yes = true),
        help: "Answers yes to every question",
    },
];
