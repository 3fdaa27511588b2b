//! Sets, histories and the differences between them.

use std::path::Path;
use std::time::Duration;

use super::with_nearest;
use crate::error::{Code, Error};
use crate::ledger::RunRecord;
use crate::migration::{Checksum, Migration, MigrationSet, Version};
use crate::plan::Finding;
use crate::printable::quoted;
use crate::{sql, time};

fn short(checksum: &str) -> String {
    Checksum::from_stored(checksum).to_string()
}

/// So many versions are listed whole.
const VERSIONS_LISTED: usize = 8;

fn list(versions: impl Iterator<Item = Version>) -> String {
    versions.map(|version| version.to_string()).collect::<Vec<_>>().join(", ")
}

/// A difference that no policy allows.
pub(crate) fn finding(finding: &Finding) -> Error {
    let error = match finding {
        Finding::Changed { version, name, place, applied, now, .. } => Error::new(
            Code::Changed,
            format!("migration {version} `{name}` was changed after it was applied"),
        )
        .because(format!("{place} has {} now, and had {} when it was applied", short(now), short(applied)))
        .hinted("put the file back and write a new migration; or accept the edit with `migrate repair`"),
        Finding::Missing { version, name } => Error::new(
            Code::Missing,
            format!("migration {version} `{name}` was applied and is not in the set"),
        )
        .hinted("bring its file back; or allow it with `--missing ignore`"),
        Finding::OutOfOrder { version, name, latest } => Error::new(
            Code::OutOfOrder,
            format!("migration {version} `{name}` was not applied, and {latest} was"),
        )
        .hinted(format!("give it a version above {latest}; or allow it with `--out-of-order apply`")),
        Finding::Newer { version, name, latest } => Error::new(
            Code::Newer,
            format!(
                "the database has version {version} `{name}`, and the set ends at {}",
                latest.map_or_else(|| "nothing".to_owned(), |latest| latest.to_string())
            ),
        )
        .hinted("deploy the newer program; or go back with `migrate restore`; or allow it with `--newer ignore`"),
        Finding::Unjudged { version, name } => Error::new(
            Code::Unjudged,
            format!("the history does not say that migration {version} `{name}` was judged, and no run is open"),
        )
        .because("no run leaves it so: a row or the marker was changed by hand")
        .hinted("see whether its checks hold with `migrate verify`; then accept it with `migrate repair`"),
        Finding::Duplicate { version } => {
            Error::new(Code::DuplicateVersion, format!("the history has version {version} twice"))
                .hinted("remove the row that is wrong; see `migrate history`")
        }
    };
    error.true_now("nothing was touched")
}

pub(crate) fn tolerated(found: &Finding) -> String {
    format!("warning: {}", finding(found).message())
}

pub(crate) fn unknown_version(version: Version, set: &MigrationSet) -> Error {
    let mut known: Vec<Version> = set.migrations.iter().map(|found| found.version).collect();
    let said = match known.len() {
        0 => "no migrations".to_owned(),
        n if n <= VERSIONS_LISTED => list(known.iter().copied()),
        n => {
            known.sort_by_key(|known| known.abs_diff(version));
            known.truncate(2);
            known.sort_unstable();
            format!("{n}, the nearest are {}", list(known.into_iter()))
        }
    };
    Error::new(Code::UnknownVersion, format!("there is no version {version}; the set has {said}"))
        .true_now("nothing was touched")
        .hinted("see `migrate plan`")
}

pub(crate) fn duplicate(version: Version, first: &str, second: &str) -> Error {
    Error::new(
        Code::DuplicateVersion,
        format!("version {version} is there twice: `{first}` and `{second}`"),
    )
    .hinted("give one of them another version")
}

pub(crate) fn orphan(place: &str, version: Version) -> Error {
    Error::new(
        Code::OrphanCheck,
        format!("`{place}` is for version {version}, which is not in the set"),
    )
    .hinted(format!("add a migration with version {version}, or remove it"))
}

pub(crate) fn no_file_of_the_set(file: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::new(Code::Usage, format!("`{file}` belongs to no migration of the set"));
    with_nearest(error, name, known, ["file", "files"])
        .hinted("name the directory with `--dir`, or leave the file out")
}

/// The database has sets, and none of this name: it is a new one, or mistyped. Nothing where it has none.
pub(crate) fn new_set(set: &str, others: &[&str]) -> Option<String> {
    let [first, more @ ..] = others else { return None };
    let names = more.iter().fold(format!("`{first}`"), |names, name| format!("{names}, `{name}`"));
    let near = sql::nearest(set, others)
        .map_or_else(String::new, |near| format!(": did you mean `--set {}`?", quoted(near)));
    let word = if more.is_empty() { "set" } else { "sets" };
    Some(format!("nothing of set `{set}` is applied; the database has the {word} {names}{near}"))
}

pub(crate) fn set_name(name: &str, longest: usize) -> Error {
    Error::new(
        Code::Config,
        format!("`{name}` can't be a set's name: at most {longest} characters"),
    )
    .true_now("nothing was touched")
    .hinted("give it a shorter one with `--set`")
}

pub(crate) fn no_directory(directory: &Path) -> Error {
    Error::new(Code::NoDirectory, format!("there is no directory `{}`", directory.display()))
        .hinted("name it with `--dir`, or begin with `migrate new init`")
}

/// It has the name of a migration.
pub(crate) fn folder_as_migration(path: &Path) -> Error {
    Error::new(
        Code::BadFile,
        format!("`{}` is a folder, and has the name of a migration", path.display()),
    )
    .hinted("name it without `.sql`, or move it away")
}

pub(crate) fn stale_binary(missing: &[String]) -> String {
    format!(
        "warning: this program was compiled without {}; build it again \
         (`println!(\"cargo::rerun-if-changed=migrations\")` in build.rs does that by itself)",
        missing.join(", ")
    )
}

/// The down file is there and was never written.
pub(crate) fn empty_down(path: &str) -> Error {
    Error::new(Code::NoDown, format!("`{path}` has no statement, and takes nothing back"))
        .hinted("write what takes the migration back into it")
}

pub(crate) fn no_down(migration: &Migration) -> Error {
    let (version, name) = (migration.version, &migration.name);
    Error::new(Code::NoDown, format!("migration {} has no down file", migration.title()))
        .true_now("nothing was touched")
        .hinted(format!(
            "go back to its snapshot with `migrate restore`; or write what takes it back into \
             {version}_{name}.down.sql"
        ))
}

pub(crate) fn down_missing(version: Version) -> Error {
    Error::new(
        Code::NoDown,
        format!("version {version} was applied and is not in the set, so it can't be taken back"),
    )
    .true_now("nothing was touched")
    .hinted("go back to its snapshot with `migrate restore`")
}

pub(crate) fn nothing_applied() -> Error {
    Error::new(Code::NoDown, "nothing is applied that could be taken back")
        .true_now("nothing was touched")
        .hinted("see `migrate status`")
}

pub(crate) fn not_applied(version: Version, applied: &[Version]) -> Error {
    Error::new(
        Code::UnknownVersion,
        format!(
            "version {version} is not applied; the database has {}",
            list(applied.iter().copied())
        ),
    )
    .true_now("nothing was touched")
    .hinted("see `migrate history`")
}

pub(crate) fn realigned(finding: &Finding) -> String {
    match finding {
        Finding::Changed { version, name, applied, now, .. } => {
            format!("accepted {} for {version} `{name}`, which had {}", short(now), short(applied))
        }
        Finding::Unjudged { version, name } => {
            format!("accepted {version} `{name}` as judged")
        }
        other => format!("left version {} as it is", other.version()),
    }
}

/// The error of a run, as the ledger kept it.
fn stored_message(run: &RunRecord) -> String {
    let stored: Option<serde_json::Value> =
        run.error.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let message =
        stored.as_ref().and_then(|error| error.get("message")).and_then(|message| message.as_str());
    message.unwrap_or("its error was not written down").to_owned()
}

pub(crate) fn failed_while_waiting(run: &RunRecord) -> Error {
    Error::new(Code::RetryLater, "the run that was waited for failed, and was undone")
        .because(stored_message(run))
        .true_now("nothing was touched by this start")
        .hinted("fix the migration, then `migrate up`")
}

pub(crate) fn retry_later(run: &RunRecord, pause: Duration) -> Error {
    let pause = Duration::from_secs(pause.as_secs().max(1));
    Error::new(
        Code::RetryLater,
        "these migrations failed a short while ago and are not tried again by themselves",
    )
    .because(stored_message(run))
    .true_now("nothing was touched by this start")
    .hinted(format!(
        "fix them; a person can try now with `migrate up`, this program does in {}",
        time::words(pause)
    ))
}

pub(crate) fn deaths(title: &str, place: &str, times: usize) -> Error {
    Error::new(
        Code::Deaths,
        format!("the process died {times} times while it applied migration {title}"),
    )
    .because(format!("it stands in {place}"))
    .true_now("put back to what it was before that migration")
    .hinted("find out why (memory? a time limit of the platform?), then `migrate up --retry`")
}

pub(crate) fn open_run_first() -> Error {
    Error::new(Code::OpenRun, "a run is open in this database")
        .hinted("finish it with `migrate recover`")
}
