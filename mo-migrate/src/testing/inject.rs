//! Sets in which one migration is made to fail at one place; the guard that runs them is the real
//! one and knows nothing of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{BoxError, Result};
use crate::migration::{
    INJECTED, Migration, MigrationFn, MigrationSet, RustMigration, Session, SqlFile, Work,
};
use crate::sql::Dialect;
use crate::validate::{Body, Check, Verdict, When};

/// Which migration of a set is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// The one at this place among those with a version.
    Versioned(usize),
    /// The one at this place among the repeatable ones.
    Repeatable(usize),
}

impl Which {
    pub(super) fn of(self, set: &MigrationSet) -> Option<&Migration> {
        match self {
            Self::Versioned(at) => set.migrations.get(at),
            Self::Repeatable(at) => set.repeatables.get(at),
        }
    }

    fn change(self, set: &MigrationSet, change: impl FnOnce(&mut Migration)) -> MigrationSet {
        let mut set = set.clone();
        let found = match self {
            Self::Versioned(at) => set.migrations.get_mut(at),
            Self::Repeatable(at) => set.repeatables.get_mut(at),
        };
        if let Some(migration) = found {
            change(migration);
        }
        set
    }
}

/// The set with a statement that fails behind the first `done` ones of a file.
pub(super) fn statement(
    set: &MigrationSet,
    which: Which,
    file: &SqlFile,
    done: usize,
) -> MigrationSet {
    let text = &file.text;
    let failing = format!("SELECT {INJECTED}()");
    let text = match (done.checked_sub(1), file.statements.first()) {
        (Some(last), _) if last < file.statements.len() => {
            let (head, tail) = text.split_at(file.statements[last].span.end);
            format!("{head};\n{failing}{tail}")
        }
        (None, Some(first)) => {
            let (head, tail) = text.split_at(first.span.start);
            format!("{head}{failing};\n{tail}")
        }
        _ => format!("{text}\n{failing};\n"),
    };
    which.change(set, |migration| {
        if let Work::Sql(source) = &mut migration.work {
            source.bytes = text.into_bytes().into();
        }
    })
}

/// What a function that is called to fail has to know.
pub(super) struct Call {
    function: MigrationFn,
    fail_at: u64,
    ended: AtomicBool,
}

tokio::task_local! {
    static CALL: Call;
}

/// The set with the function of a migration called through [`failing`].
pub(super) fn function(set: &MigrationSet, which: Which, function: &RustMigration) -> MigrationSet {
    let failing = leaked(RustMigration { run: failing, ..*function });
    which.change(set, |migration| migration.work = Work::Rust(failing))
}

/// Runs `work`, in which the function's statement with this number is refused. Gives with it
/// whether the function sent fewer; then it was made to fail at its end.
pub(super) async fn calling<T>(
    function: &RustMigration,
    fail_at: u64,
    work: impl Future<Output = T>,
) -> (T, bool) {
    let call = Call { function: function.run, fail_at, ended: AtomicBool::new(false) };
    CALL.scope(call, async {
        let done = work.await;
        (done, CALL.with(|call| call.ended.load(Ordering::Relaxed)))
    })
    .await
}

/// A function pointer can't carry what it has to call, so that the task does.
fn failing<'a>(
    session: &'a mut Session<'_>,
) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
    Box::pin(async move {
        let (function, fail_at) = CALL.with(|call| (call.function, call.fail_at));
        session.fail_at = Some(fail_at);
        function(session).await?;
        // A failure that the function has swallowed is the guard's to notice.
        if session.failure().is_none() {
            CALL.with(|call| call.ended.store(true, Ordering::Relaxed));
            return Err(INJECTED.into());
        }
        Ok(())
    })
}

/// The checks that judge a migration, one after the other made to fail. Before and after the commit
/// there is one at least, so that both ways back are gone.
pub(super) fn checks(
    set: &MigrationSet,
    which: Which,
    dialect: Dialect,
) -> Result<Vec<(Check, MigrationSet)>> {
    let mut checks = match which.of(set) {
        Some(migration) => migration.checks(dialect)?,
        None => Vec::new(),
    };
    checks.extend(set.always_checks(dialect)?);
    for (when, name) in
        [(When::Before, "a check before the commit"), (When::After, "a check after the commit")]
    {
        if checks.iter().all(|check| check.when != when) {
            checks.push(Check {
                name: name.into(),
                when,
                timeout: None,
                body: Body::Rust(passing),
            });
        }
    }
    let judging = checks.iter().enumerate().filter(|(_, check)| check.when != When::Snapshot);
    Ok(judging
        .map(|(at, check)| (check.clone(), with_checks(set, which, failing_at(&checks, at))))
        .collect())
}

fn failing_at(checks: &[Check], at: usize) -> Vec<Check> {
    let mut checks = checks.to_vec();
    checks[at].body = Body::Rust(wrong);
    checks
}

/// The set with these checks in the place of all that judge the migration.
fn with_checks(set: &MigrationSet, which: Which, checks: Vec<Check>) -> MigrationSet {
    let mut set = which.change(set, |migration| {
        migration.attached = leaked(checks).as_slice();
        migration.check_file = None;
        if let Work::Rust(function) = migration.work {
            migration.work = Work::Rust(leaked(RustMigration { checks: &[], ..*function }));
        }
    });
    set.always.clear();
    set
}

fn wrong<'a>(
    _: &'a mut Session<'_>,
) -> Pin<Box<dyn Future<Output = Result<Verdict, BoxError>> + Send + 'a>> {
    Box::pin(async { Ok(Verdict::fail(INJECTED)) })
}

fn passing<'a>(
    _: &'a mut Session<'_>,
) -> Pin<Box<dyn Future<Output = Result<Verdict, BoxError>> + Send + 'a>> {
    Box::pin(async { Ok(Verdict::Pass) })
}

/// A set holds what was compiled in, and lives as long as the program; a test's is short.
fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::SetSource;

    fn set_of(text: &str) -> (tempfile::TempDir, MigrationSet) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1_init.sql"), text).unwrap();
        let set = MigrationSet::from_dirs(&[folder.path().to_owned()]).unwrap();
        (folder, set)
    }

    fn source(set: &MigrationSet) -> &SetSource {
        match &set.migrations[0].work {
            Work::Sql(source) => source,
            Work::Rust(_) => panic!("it is a file"),
        }
    }

    /// The statements of the changed file, the injected one as `!`.
    fn injected(text: &str, done: usize) -> Vec<String> {
        let (_folder, set) = set_of(text);
        let file = source(&set).parse(Dialect::Sqlite).unwrap();
        let changed = statement(&set, Which::Versioned(0), &file, done);
        assert_eq!(changed.migrations[0].checksum.as_str(), set.migrations[0].checksum.as_str());
        let file = source(&changed).parse(Dialect::Sqlite).unwrap();
        let texts = file.statements.iter().map(|statement| file.sql(statement).to_owned());
        texts.map(|text| if text.contains(INJECTED) { "!".to_owned() } else { text }).collect()
    }

    #[test]
    fn the_failing_statement_stands_where_it_is_wanted_and_the_others_are_as_they_were() {
        for text in [
            "-- mo-migrate: no-transaction\nSELECT 1; -- one\nSELECT 2 -- two",
            "SELECT 1;SELECT 2;",
            "SELECT 1 /* a; */;\n\nSELECT 2\n",
        ] {
            assert_eq!(injected(text, 0), ["!", "SELECT 1", "SELECT 2"]);
            assert_eq!(injected(text, 1), ["SELECT 1", "!", "SELECT 2"]);
            assert_eq!(injected(text, 2), ["SELECT 1", "SELECT 2", "!"]);
        }
        assert_eq!(injected("-- nothing yet", 0), ["!"]);
    }

    #[test]
    fn a_directive_is_still_in_the_head() {
        let (_folder, set) = set_of("-- mo-migrate: no-transaction\nSELECT 1;");
        let file = source(&set).parse(Dialect::Sqlite).unwrap();
        let changed = statement(&set, Which::Versioned(0), &file, 0);
        let directives = source(&changed).parse(Dialect::Sqlite).unwrap().directives;
        assert_eq!(directives.transaction, file.directives.transaction);
        assert_ne!(directives.transaction, crate::migration::TransactionMode::default());
    }

    #[test]
    fn a_migration_without_checks_is_judged_before_and_after_the_commit() {
        let (_folder, set) = set_of("SELECT 1;");
        let all = checks(&set, Which::Versioned(0), Dialect::Sqlite).unwrap();
        let whens: Vec<When> = all.iter().map(|(check, _)| check.when).collect();
        assert_eq!(whens, [When::Before, When::After]);
    }
}
