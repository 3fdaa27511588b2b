//! `lint`: what can go wrong with the migrations, by their texts alone.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::Version;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::error::Result;
use crate::lint::{Finding, Level, Lint as Linted, Rule, Scope};
use crate::report::text::count;
use crate::report::text::table::{BOLD, DIM, GREEN, RED, YELLOW, one_line, paint};

/// Finds what can go wrong with the migrations.
#[derive(Debug, Args)]
#[command(after_help = "\
Says which changes lose rows, make writers wait, break programs that run now, or have no way back, and
what to write instead. No database is asked: an address says for which engine, and without one the rules
of each are asked. A file that is right all the same says so at its head:
  -- mo-migrate: allow DROP_COLUMN because no program names it any more
Ends with 1 when there are errors or warnings; notes are neither.")]
pub(crate) struct Lint {
    /// Files of migrations, as `git diff --name-only` names them; all without any
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Looks only at what is above this version
    #[arg(long, value_name = "VERSION")]
    above: Option<Version>,
}

impl Lint {
    pub(crate) fn run(&self, context: &Context) -> Result<Answer> {
        let scope = Scope {
            target: context.target_if_named(),
            above: self.above,
            files: self.files.clone(),
        };
        let lint = context.migrator().lint(&scope)?;
        let json = json!({
            "engines": lint.engines,
            "migrations": lint.migrations,
            "count": lint.count(),
            "findings": lint.findings,
        });
        Ok(Answer::new(text(&lint), &json).sarif(lint.to_sarif()).findings(lint.count() > 0))
    }
}

fn text(lint: &Linted) -> String {
    let mut text = String::new();
    for finding in lint.findings.iter().filter(|finding| finding.allowed.is_none()) {
        let _ = writeln!(text, "{}", headline(finding, lint.engines.len()));
        if let Some(instead) = &finding.instead {
            text.push_str(&beside("instead:", instead));
        }
        if finding.rule().is_some_and(Rule::can_be_allowed) && finding.level > Level::Note {
            let allow = format!("-- mo-migrate: allow {} because …", finding.code);
            text.push_str(&beside("or allow:", &allow));
        }
        text.push('\n');
    }
    if lint.findings.iter().any(|finding| finding.engines.len() < lint.engines.len()) {
        let engines = lint.engines.join(" and ");
        let _ =
            writeln!(text, "asked by the rules of {engines}; an address (`--url`) names the one");
    }
    text + &last_line(lint)
}

/// Where, what and what will happen, in one line; which engine, where several were asked.
pub(super) fn headline(finding: &Finding, engines: usize) -> String {
    let style = match finding.level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Note => DIM,
    };
    let place = match (&finding.place, finding.line) {
        (Some(place), Some(line)) => format!("{}:{line}: ", one_line(place)),
        (Some(place), None) => format!("{}: ", one_line(place)),
        _ => String::new(),
    };
    let level = format!("{}[{}]", finding.level.as_str(), finding.code);
    let of = if finding.engines.len() < engines {
        format!(" ({})", finding.engines.join(", "))
    } else {
        String::new()
    };
    let place = paint(!place.is_empty(), BOLD, &place);
    format!("{place}{}{of}: {}", paint(true, style, &level), one_line(&finding.message))
}

/// Lines behind a word, below each other.
fn beside(word: &str, lines: &str) -> String {
    let mut text = String::new();
    for (i, line) in lines.lines().enumerate() {
        let word = if i == 0 { word } else { "" };
        let _ = writeln!(text, "  {} {}", paint(true, DIM, &format!("{word:<9}")), one_line(line));
    }
    text
}

fn last_line(lint: &Linted) -> String {
    let long = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let said = || lint.findings.iter().filter(|finding| finding.allowed.is_none());
    let of = |level| said().filter(|finding| finding.level == level).count();
    let allowed = lint.findings.len() - said().count();
    let said: Vec<String> =
        [(of(Level::Error), "error"), (of(Level::Warning), "warning"), (of(Level::Note), "note")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| count(long(n), word))
            .chain((allowed > 0).then(|| format!("{allowed} allowed")))
            .collect();
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    let of = format!("in {}{said}", count(long(lint.migrations), "migration"));
    match lint.count() {
        0 => paint(true, GREEN, &format!("no findings {of}")),
        n => format!("{} {of}", count(long(n), "finding")),
    }
}
