//! The findings of a set: which of its files are looked at, and by which dialects.

use std::collections::BTreeSet;
use std::path::Path;

use super::answer::{Finding, Lint, Scope};
use super::columns::Columns;
use super::file::{Around, Found, look};
use super::rule::Rule;
use super::say::{self, Words};
use crate::engine::{self, Target};
use crate::error::{Result, say as errors};
use crate::migration::{
    FileName, FileRole, Kind, Migration, MigrationSet, SetSource, SqlFile, Version, Work,
};
use crate::sql::{Dialect, SourceProblem, changes, nearest};

/// Looks at a set.
pub(crate) fn lint(set: &MigrationSet, scope: &Scope) -> Result<Lint> {
    let engine = scope.target.as_ref().map(Target::open).transpose()?;
    let dialects = match &engine {
        Some(engine) => vec![engine.dialect()],
        None => engine::dialects().to_vec(),
    };
    let database = engine.as_ref().map(|engine| engine.ledger_key());
    let chosen = chosen(set, scope)?;
    let mut findings = look_at(set, &chosen, &dialects, database);
    findings.extend(no_check(set, &chosen, &dialects));
    let engines = dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect();
    Ok(Lint { engines, migrations: chosen.len(), findings })
}

/// What is found in these migrations of the set, by each of the dialects.
pub(crate) fn look_at(
    set: &MigrationSet,
    chosen: &[&Migration],
    dialects: &[Dialect],
    database: Option<&str>,
) -> Vec<Finding> {
    let mut known: Vec<Known> = dialects
        .iter()
        .map(|dialect| Known { dialect: *dialect, columns: Columns::default() })
        .collect();
    let mut findings = Vec::new();
    for migration in set.migrations.iter().chain(&set.repeatables) {
        if chosen.iter().any(|chosen| std::ptr::eq(*chosen, migration)) {
            findings.extend(of_migration(migration, &known, database));
        }
        for known in &mut known {
            known.learn(migration);
        }
    }
    findings
}

/// A dialect, and what its statements have said about columns so far.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) dialect: Dialect,
    pub(super) columns: Columns,
}

impl Known {
    fn learn(&mut self, migration: &Migration) {
        let file = match &migration.work {
            Work::Sql(source) => source.parse(self.dialect).ok(),
            Work::Rust(_) => None,
        };
        let Some(file) = file else { return self.columns.forget() };
        for statement in &file.statements {
            self.columns.learn(changes(file.sql(statement), self.dialect).as_deref());
        }
    }

    fn name(&self) -> String {
        name_of(self.dialect).to_owned()
    }
}

/// The engine's name, as reports have it.
fn name_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::MatrixOne => "matrixone",
        Dialect::MySql => "mysql",
        Dialect::Postgres => "postgres",
    }
}

fn chosen<'a>(set: &'a MigrationSet, scope: &Scope) -> Result<Vec<&'a Migration>> {
    let mut all: Vec<&Migration> = set.migrations.iter().chain(&set.repeatables).collect();
    for file in &scope.files {
        if !is_beside(file) && !all.iter().any(|migration| has_file(migration, file)) {
            let known: Vec<&str> =
                all.iter().flat_map(|migration| files(migration)).filter_map(name).collect();
            return Err(errors::no_file_of_the_set(file, name(file).unwrap_or(file), &known));
        }
    }
    let above = scope.above.unwrap_or(Version::MIN);
    all.retain(|migration| migration.kind == Kind::Repeatable || migration.version > above);
    if !scope.files.is_empty() {
        all.retain(|migration| scope.files.iter().any(|file| has_file(migration, file)));
    }
    Ok(all)
}

/// Whether it may stand among the migrations and is none, as `git diff` names it too.
fn is_beside(file: &str) -> bool {
    match name(file).map(FileName::parse) {
        Some(Ok(parsed)) => {
            parsed.is_none_or(|name| name.role == FileRole::Always) && Path::new(file).is_file()
        }
        _ => false,
    }
}

/// Whether the file is one of the migration's: by its name, for a set that was compiled in knows other
/// paths than the shell.
fn has_file(migration: &Migration, file: &str) -> bool {
    name(file).is_some() && files(migration).any(|own| name(own) == name(file))
}

fn name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}

/// The paths of a migration's files.
fn files(migration: &Migration) -> impl Iterator<Item = &str> {
    let up = match &migration.work {
        Work::Sql(source) => Some(source),
        Work::Rust(_) => None,
    };
    let files = [up, migration.down.as_ref(), migration.check_file.as_ref()];
    files.into_iter().flatten().map(|own| &*own.path)
}

fn of_migration(migration: &Migration, known: &[Known], database: Option<&str>) -> Vec<Finding> {
    let version = (migration.kind != Kind::Repeatable).then_some(migration.version);
    match &migration.work {
        Work::Rust(function) => {
            let found = finding(Rule::NotRead, say::rust(&migration.title()));
            let engines = known.iter().map(Known::name).collect();
            vec![Finding { engines, version, place: Some(function.location.to_owned()), ..found }]
        }
        Work::Sql(source) => {
            let found = of_file(source, migration.kind == Kind::Repeatable, known, database);
            found.into_iter().map(|finding| Finding { version, ..finding }).collect()
        }
    }
}

/// The findings of a file by all dialects: what two of them find alike is one. A file that only one of
/// them can read, or a statement of it, is the other one's to leave alone.
pub(super) fn of_file(
    source: &SetSource,
    repeatable: bool,
    known: &[Known],
    database: Option<&str>,
) -> Vec<Finding> {
    let parse = |known: &Known| SqlFile::parse(&source.path, &source.bytes, known.dialect);
    let parsed: Vec<_> = known.iter().map(|known| (known, parse(known))).collect();
    let read = parsed.iter().filter_map(|(known, file)| Some((known, file.as_ref().ok()?)));
    let read: Vec<(&SqlFile, Dialect, Vec<Found>)> = read
        .map(|(known, file)| {
            let (dialect, columns) = (known.dialect, &known.columns);
            (file, dialect, look(file, Around { dialect, database, columns, repeatable }))
        })
        .collect();
    let Some((file, ..)) = read.first() else {
        let problems = parsed.iter().filter_map(|(_, file)| file.as_ref().err());
        return problems.take(1).map(|problem| unreadable(source, problem, known)).collect();
    };
    let unread = |found: &[Found]| found.iter().filter(|found| found.rule == Rule::NotRead).count();
    let least = read.iter().map(|(.., found)| unread(found)).min();
    let mut all: Vec<(Found, Vec<Dialect>)> = Vec::new();
    for (_, dialect, found) in read.iter().filter(|(.., found)| Some(unread(found)) == least) {
        for found in found {
            match all.iter_mut().find(|(known, _)| known.is_like(found)) {
                Some((known, dialects)) => {
                    known.add(found, name_of(*dialect));
                    dialects.push(*dialect);
                }
                None => all.push((found.clone(), vec![*dialect])),
            }
        }
    }
    all.sort_by_key(|(found, _)| (found.at, found.rule));
    let dialects: Vec<Dialect> = read.iter().map(|(_, dialect, _)| *dialect).collect();
    let unused = unused_allows(file, &all).into_iter().map(|found| (found, dialects.clone()));
    let unused: Vec<_> = unused.collect();
    all.into_iter().chain(unused).map(|(found, by)| in_file(file, found, &by)).collect()
}

fn finding(rule: Rule, words: Words) -> Finding {
    Finding {
        code: rule.code(),
        level: rule.level(),
        engines: Vec::new(),
        version: None,
        place: None,
        line: None,
        message: words.message,
        instead: words.instead,
        allowed: None,
    }
}

fn in_file(file: &SqlFile, found: Found, dialects: &[Dialect]) -> Finding {
    let rule = found.rule;
    let before = file.text.get(..found.at).unwrap_or_default();
    let allow = file.directives.allows.iter().find(|allow| allow.code == rule.code());
    Finding {
        engines: dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect(),
        place: Some(file.path.clone()),
        line: Some(1 + before.matches('\n').count()),
        allowed: allow.filter(|_| rule.can_be_allowed()).map(|allow| allow.reason.clone()),
        ..finding(rule, found.words)
    }
}

fn unreadable(source: &SetSource, problem: &SourceProblem, known: &[Known]) -> Finding {
    let words = say::unreadable(&problem.message, problem.help.as_deref());
    Finding {
        engines: known.iter().map(Known::name).collect(),
        place: Some(source.path.clone()),
        line: Some(problem.line()),
        ..finding(Rule::Unreadable, words)
    }
}

/// The `allow`s of a file that override nothing. What `NO_WAY_BACK` and `NO_CHECK` are for is not
/// known from the file alone.
fn unused_allows(file: &SqlFile, found: &[(Found, Vec<Dialect>)]) -> Vec<Found> {
    let used: BTreeSet<&str> = found.iter().map(|(found, _)| found.rule.code()).collect();
    let known: Vec<&str> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    let elsewhere = [Rule::NoWayBack.code(), Rule::NoCheck.code()];
    let allows = file.directives.allows.iter().filter(|allow| {
        let code = allow.code.as_str();
        !used.contains(code) && !elsewhere.contains(&code)
    });
    allows
        .map(|allow| {
            let code = &allow.code;
            let words =
                say::unused_allow(code, nearest(code, &known), known.contains(&code.as_str()));
            Found { rule: Rule::UnusedAllow, at: place_of_allow(file, code), words }
        })
        .collect()
}

/// Where the directive stands that names this code.
fn place_of_allow(file: &SqlFile, code: &str) -> usize {
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        let words = line.to_ascii_uppercase();
        if words.contains("ALLOW") && words.contains(code) {
            return at;
        }
        at += line.len();
    }
    0
}

/// The note about migrations that nothing judges; none where `always.check.sql` judges every run.
fn no_check(set: &MigrationSet, chosen: &[&Migration], dialects: &[Dialect]) -> Option<Finding> {
    if !set.always.is_empty() {
        return None;
    }
    let allows = |migration: &Migration| match &migration.work {
        Work::Sql(source) => dialects.iter().any(|dialect| {
            source.parse(*dialect).is_ok_and(|file| {
                file.directives.allows.iter().any(|allow| allow.code == Rule::NoCheck.code())
            })
        }),
        Work::Rust(_) => false,
    };
    let judged = |migration: &Migration| {
        migration.check_file.is_some()
            || dialects
                .iter()
                .any(|dialect| migration.checks(*dialect).is_ok_and(|c| !c.is_empty()))
    };
    let unjudged: Vec<&Migration> = chosen
        .iter()
        .copied()
        .filter(|migration| migration.kind != Kind::Repeatable)
        .filter(|migration| !judged(migration) && !allows(migration))
        .collect();
    let titles: Vec<String> = unjudged.iter().map(|migration| migration.title()).collect();
    // The one whose check file the command for it writes.
    let newest = set.migrations.last().map(|newest| newest.version);
    let newest = unjudged.iter().any(|migration| Some(migration.version) == newest);
    let file = unjudged.first().filter(|_| !newest).map(|first| check_file(first));
    let engines = dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect();
    (!titles.is_empty()).then(|| {
        let words = say::no_check(&titles, file.as_deref());
        Finding { engines, ..finding(Rule::NoCheck, words) }
    })
}

/// Where the checks of a migration would be.
fn check_file(migration: &Migration) -> String {
    let Work::Sql(source) = &migration.work else { return "always.check.sql".to_owned() };
    let stem = source.path.trim_end_matches(".sql");
    format!("{}.check.sql", stem.strip_suffix(".up").unwrap_or(stem))
}

#[cfg(test)]
mod tests;
