//! The findings of a set: which of its files are looked at, and by which dialects.

use std::collections::BTreeSet;
use std::path::Path;

use super::answer::{Finding, Lint, Scope};
use super::file::{Around, Found, look};
use super::rule::Rule;
use super::say::{self, Words};
use crate::engine::{self, Target};
use crate::error::{Result, say as errors};
use crate::migration::{Kind, Migration, MigrationSet, SetSource, SqlFile, Version, Work};
use crate::sql::{Dialect, SourceProblem, nearest};

/// Looks at a set.
pub(crate) fn lint(set: &MigrationSet, scope: &Scope) -> Result<Lint> {
    let engine = scope.target.as_ref().map(Target::open).transpose()?;
    let dialects = match &engine {
        Some(engine) => vec![engine.dialect()],
        None => engine::dialects().to_vec(),
    };
    let database = engine.as_ref().map(|engine| engine.ledger_key());
    let chosen = chosen(set, scope)?;
    let mut findings = look_at(&chosen, &dialects, database);
    findings.extend(no_check(set, &chosen, &dialects));
    let engines = dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect();
    Ok(Lint { engines, migrations: chosen.len(), findings })
}

/// What is found in these migrations, by each of the dialects.
pub(crate) fn look_at(
    migrations: &[&Migration],
    dialects: &[Dialect],
    database: Option<&str>,
) -> Vec<Finding> {
    migrations.iter().flat_map(|migration| of_migration(migration, dialects, database)).collect()
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
        if !all.iter().any(|migration| has_file(migration, file)) {
            return Err(errors::no_file_of_the_set(file));
        }
    }
    let above = scope.above.unwrap_or(Version::MIN);
    all.retain(|migration| migration.kind == Kind::Repeatable || migration.version > above);
    if !scope.files.is_empty() {
        all.retain(|migration| scope.files.iter().any(|file| has_file(migration, file)));
    }
    Ok(all)
}

/// Whether the file is one of the migration's: by its name, for a set that was compiled in knows other
/// paths than the shell.
fn has_file(migration: &Migration, file: &str) -> bool {
    let name = |path: &str| Path::new(path).file_name().map(ToOwned::to_owned);
    let up = match &migration.work {
        Work::Sql(source) => Some(source),
        Work::Rust(_) => None,
    };
    let files = [up, migration.down.as_ref(), migration.check_file.as_ref()];
    name(file).is_some() && files.into_iter().flatten().any(|own| name(&own.path) == name(file))
}

fn of_migration(
    migration: &Migration,
    dialects: &[Dialect],
    database: Option<&str>,
) -> Vec<Finding> {
    let version = (migration.kind != Kind::Repeatable).then_some(migration.version);
    let engines = || dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect();
    match &migration.work {
        Work::Rust(function) => {
            let found = finding(Rule::NotRead, say::rust(&migration.title()));
            let place = Some(function.location.to_owned());
            vec![Finding { engines: engines(), version, place, ..found }]
        }
        Work::Sql(source) => {
            let found = of_file(source, migration.kind == Kind::Repeatable, dialects, database);
            found.into_iter().map(|finding| Finding { version, ..finding }).collect()
        }
    }
}

/// The findings of a file by all dialects: what two of them find alike is one. A text that only one of
/// them can read, a statement or the whole file, is the other one's to leave alone.
pub(super) fn of_file(
    source: &SetSource,
    repeatable: bool,
    dialects: &[Dialect],
    database: Option<&str>,
) -> Vec<Finding> {
    let parsed: Vec<_> = dialects
        .iter()
        .map(|dialect| (*dialect, SqlFile::parse(&source.path, &source.bytes, *dialect)))
        .collect();
    let files: Vec<(Dialect, &SqlFile)> =
        parsed.iter().filter_map(|(dialect, file)| Some((*dialect, file.as_ref().ok()?))).collect();
    let Some((_, file)) = files.first() else {
        let problems = parsed.iter().filter_map(|(_, file)| file.as_ref().err());
        return problems.take(1).map(|problem| unreadable(source, problem, dialects)).collect();
    };
    let mut found: Vec<(Found, Vec<Dialect>)> = Vec::new();
    for (dialect, file) in &files {
        for new in look(file, Around { dialect: *dialect, database, repeatable }) {
            match found.iter_mut().find(|(known, _)| *known == new) {
                Some((_, dialects)) => dialects.push(*dialect),
                None => found.push((new, vec![*dialect])),
            }
        }
    }
    found.retain(|(found, known)| found.rule != Rule::NotRead || known.len() == files.len());
    found.sort_by_key(|(found, _)| (found.at, found.rule));
    let unused = unused_allows(file, &found);
    let all = files.iter().map(|(dialect, _)| *dialect).collect::<Vec<_>>();
    let found = found.into_iter().chain(unused.into_iter().map(|found| (found, all.clone())));
    found.map(|(found, dialects)| in_file(file, found, &dialects)).collect()
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

fn unreadable(source: &SetSource, problem: &SourceProblem, dialects: &[Dialect]) -> Finding {
    let words = say::unreadable(&problem.message, problem.help.as_deref());
    Finding {
        engines: dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect(),
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
    let titles: Vec<String> = chosen
        .iter()
        .filter(|migration| migration.kind != Kind::Repeatable)
        .filter(|migration| !judged(migration) && !allows(migration))
        .map(|migration| migration.title())
        .collect();
    let engines = dialects.iter().map(|dialect| name_of(*dialect).to_owned()).collect();
    (!titles.is_empty())
        .then(|| Finding { engines, ..finding(Rule::NoCheck, say::no_check(&titles)) })
}

#[cfg(test)]
mod tests;
