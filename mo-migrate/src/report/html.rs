//! The run as one page: no script, nothing from elsewhere, readable on a phone, in dark mode and
//! printed.
//!
//! Invariants:
//! 1. every text goes through [`words`], which leaves nothing that a reader could not see, and is
//!    escaped by maud;
//! 2. the page forbids itself, by its own policy, to load anything.

mod checks;
mod definitions;
mod phases;
mod rows;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::words::{boxed, cards, code, prose, rest, words};
use super::story::RunReport;
use super::story::text::{duration, first, most};
use super::text::state;
use super::{ErrorReport, MigrationReport, MigrationState, Outcome, Report, RestoreReport};

const STYLE: &str = include_str!("html/style.css");

/// Neither scripts nor anything that would have to be fetched; the style stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

impl RunReport {
    /// The run as one page of HTML.
    #[must_use]
    pub fn to_html(&self) -> String {
        let none = Report::new(&self.set, &self.engine, &self.database);
        let report = self.report.as_ref().unwrap_or(&none);
        let title = format!("{}: {}", self.outcome_words(), self.run);
        let page = html! {
            (DOCTYPE)
            html lang="en" class=(tone(self.outcome)) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    link rel="icon" href="data:,";
                    title { (words(&title)) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        (self.head())
                        @if let Some(error) = &self.error { (error_part(error)) }
                        (self.go_on())
                        (phases::part(self))
                        (self.work(report))
                        (rows::part(report))
                        (definitions::part(self, report))
                        (checks::part(report))
                        @if let Some(restore) = &report.restore { (foreign(restore, report.whose_kept())) }
                        (kept(report))
                    }
                    footer { p { "Written by mo-migrate " (env!("CARGO_PKG_VERSION")) ". Times are in UTC." } }
                }
            }
        };
        page.into_string()
    }

    fn head(&self) -> Markup {
        let what = format!("{}, ring {}", self.purpose.replace('_', " "), self.ring);
        let took = self.duration_ms.map_or_else(|| "has no end yet".to_owned(), duration);
        let set = format!("{}, set {}", self.engine, self.set);
        html! {
            header {
                p.run { (words(&self.database)) }
                h1 { (words(&capital(&self.outcome_words()))) }
                p.summary { (words(&self.summary())) }
                @if let Some(detail) = &self.detail { p.note { (prose(detail)) } }
                (cards(&[
                    ("Run", &self.run), ("What", &what), ("Engine", &set), ("Began", &self.started_at),
                    ("Took", &took), ("By", &self.by),
                ]))
            }
        }
    }

    fn go_on(&self) -> Markup {
        html! {
            @if !self.next.is_empty() {
                section {
                    h2 { "To go on" }
                    dl.commands {
                        @for step in &self.next {
                            dt { (code(&step.command)) }
                            dd { (words(&step.why)) }
                        }
                    }
                }
            }
        }
    }

    /// What it did: migrations or something guarded, and the statements that are known one by one.
    fn work(&self, report: &Report) -> Markup {
        html! {
            @if !report.migrations.is_empty() { (migrations(&report.migrations)) }
            @if let Some(guarded) = &report.guarded {
                section {
                    h2 { "Guarded" }
                    p { @match &guarded.command { Some(command) => (code(command)), None => "a function" } }
                    p.note {
                        "For " (words(&guarded.purpose)) ", " (duration(guarded.duration_ms))
                        @if let Some(exit) = guarded.exit_code { ", exited with " (exit) }
                    }
                    @if !guarded.tables.is_empty() {
                        p.note { "Only what was named was looked at: " (words(&guarded.tables.join(", "))) }
                    }
                    @if !guarded.output.is_empty() {
                        (boxed("what the command wrote", &html! {
                            pre { @for line in &guarded.output { (words(line)) "\n" } }
                        }))
                    }
                }
            }
            @if !self.own_statements().is_empty() { (self.statements()) }
        }
    }

    fn statements(&self) -> Markup {
        let (shown, left) = first(self.own_statements(), most::STATEMENTS);
        html! {
            section {
                h2 { "Statements" }
                (boxed("statements", &html! {
                    table {
                        caption { "Each was written down before it was sent" }
                        thead { tr { th scope="col" { "Statement" } th scope="col" { "Tables" } th.number scope="col" { "Took" } } }
                        tbody {
                            @for statement in shown {
                                tr {
                                    th scope="row" { (statement.title()) }
                                    td {
                                        (words(&statement.tables.join(", ")))
                                        @if statement.unknown { " " span.dim { "and what can't be told" } }
                                        @if let Some(error) = &statement.error { p.bad { (words(error)) } }
                                    }
                                    td.number { (statement.duration_ms.map_or("never ended".to_owned(), duration)) }
                                }
                            }
                        }
                    }
                }))
                (rest(left))
            }
        }
    }
}

fn kept(report: &Report) -> Markup {
    let failed = report.restore.as_ref().and_then(|restore| restore.failed_state.as_ref());
    let snapshot = report.kept_snapshot();
    html! {
        @if snapshot.is_some() || failed.is_some() {
            section {
                h2 { "Kept" }
                dl.facts {
                    @if let Some(snapshot) = snapshot {
                        dt { "Snapshot" }
                        dd {
                            (code(&snapshot.name)) " of the " (words(&snapshot.scope)) ", "
                            @match &snapshot.delete_after {
                                Some(until) => { "until " (words(until)) }
                                None => "until it is let go",
                            }
                        }
                    }
                    @if let Some(failed) = failed { dt { "Failed state" } dd { (code(failed)) } }
                }
            }
        }
    }
}

fn error_part(error: &ErrorReport) -> Markup {
    html! {
        section.error {
            h2 { "What went wrong " span.dim { (words(&error.code)) } }
            p.message { (prose(&error.message)) }
            dl.facts {
                @if let Some(database) = &error.database { dt { "Database" } dd { (prose(database)) } }
                @if let Some(hint) = &error.hint { dt { "Hint" } dd { (prose(hint)) } }
            }
        }
    }
}

fn migrations(lines: &[MigrationReport]) -> Markup {
    let (shown, left) = first(lines, most::CHECKS);
    html! {
        section {
            h2 { "Migrations" }
            (boxed("migrations", &html! {
                table {
                    thead { tr {
                        th scope="col" { "Migration" } th scope="col" { "State" }
                        th.number scope="col" { "Statements" } th.number scope="col" { "Took" }
                    } }
                    tbody {
                        @for line in shown {
                            tr {
                                th scope="row" {
                                    @if line.kind == "repeatable" { "R" } @else { (line.version) }
                                    " " (words(&line.name)) " " span.dim { (words(&line.kind)) }
                                }
                                td { span.tag.(tone_of(line.state)) { (state(line.state).0) } }
                                td.number { (line.statements) }
                                td.number { (duration(line.duration_ms)) }
                            }
                        }
                    }
                }
            }))
            (rest(left))
        }
    }
}

/// What others wrote: what went back with a table, and what was left alone.
fn foreign(restore: &RestoreReport, whose_kept: &str) -> Markup {
    let list = |title: &str, names: &[String]| {
        let (shown, left) = first(names, most::TABLES);
        html! {
            @if !names.is_empty() {
                h3 { (title) }
                ul.names { @for name in shown { li { (code(name)) } } }
                (rest(left))
            }
        }
    };
    let none = restore.discarded_writes.is_empty()
        && restore.kept_writes.is_empty()
        && restore.discarded_rows.is_empty()
        && restore.late_rows.is_none();
    let tables = restore.tables.len();
    html! {
        section {
            h2 { "Restore" }
            p {
                (tables) @if tables == 1 { " table" } @else { " tables" } " came back in "
                (duration(restore.duration_ms)) ". " (restore.rows_compared)
                " rows were compared with the snapshot, by " (words(&restore.proof)) "."
            }
            @if none { p.note { "Others were not seen to write meanwhile." } }
            (list("Went back with the table, and may be others'; it is in the failed state", &restore.discarded_writes))
            (list(&capital(whose_kept), &restore.kept_writes))
            @for taken in &restore.discarded_rows {
                (checks::evidence(
                    &format!("{} of others' in {} went back", super::text::count(taken.count, "row"), taken.table),
                    &taken.rows,
                ))
            }
            @if let Some(late) = &restore.late_rows {
                p { "What was written just before the restore is in " (code(late)) "." }
            }
        }
    }
}

/// The one colour of the outcome.
fn tone(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::UpToDate | Outcome::Applied) => "kept",
        Some(Outcome::RolledBack | Outcome::Restored) => "undone",
        Some(Outcome::NeedsPerson) => "person",
        Some(Outcome::Refused | Outcome::Locked) | None => "nothing",
    }
}

fn tone_of(state: MigrationState) -> &'static str {
    match state {
        MigrationState::Applied | MigrationState::Reverted => "good",
        MigrationState::Undone => "back",
        MigrationState::Failed => "bad",
        MigrationState::Pending => "dim",
    }
}

/// With its first letter as at the beginning of a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use crate::report::story::samples;

    /// The tags of a page, each with its attributes.
    fn tags(page: &str) -> Vec<&str> {
        let after_style = page.split("</style>").nth(1).unwrap();
        let parts = after_style.split('<').skip(1);
        parts.map(|part| part.split('>').next().unwrap()).collect()
    }

    #[test]
    fn a_hostile_name_is_text_and_nothing_else() {
        let page = samples::hostile().to_html();
        let tame = samples::restored().to_html();
        assert!(!page.to_lowercase().contains("<script"), "{page}");
        assert_eq!(page.matches("<title>").count(), tame.matches("<title>").count());
        let names = |page: &str| -> Vec<String> {
            let name = |tag: &&str| tag.split([' ', '=']).next().unwrap().to_owned();
            let mut names: Vec<String> = tags(page).iter().map(name).collect();
            names.sort();
            names.dedup();
            names
        };
        assert_eq!(names(&page), names(&tame), "no tag of its own");
        let harmless = |c: char| c == '\n' || crate::printable::picture(c) == c;
        assert!(page.chars().all(harmless), "{page:?}");
        assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;"), "{page}");
    }

    #[test]
    fn a_page_asks_for_nothing() {
        for report in [samples::restored(), samples::hostile(), samples::large()] {
            let page = report.to_html();
            assert!(page.contains("default-src 'none'"));
            for tag in tags(&page) {
                let asks = ["src=", "href=", "url(", "srcset=", "onload", "action="];
                assert!(asks.iter().all(|word| !tag.contains(word)), "{tag}");
            }
            let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
            assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
        }
    }

    #[test]
    fn the_page_says_what_the_text_says() {
        let page = samples::restored().to_html();
        for part in [
            "<html lang=\"en\" class=\"undone\">",
            "<h1>Restored</h1>",
            "MM0204",
            "<code>migrate up</code>",
            "<span class=\"null\">NULL</span>",
            "category TEXT",
            "1 row of others' in products went back",
            "<code>migrate diff run_1</code>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn a_large_run_is_cut_and_says_so() {
        let page = samples::large().to_html();
        assert!(page.contains("and 460 more"), "{page}");
        assert!(page.contains("check 499"));
        assert!(page.len() < 300_000, "{}", page.len());
    }
}
