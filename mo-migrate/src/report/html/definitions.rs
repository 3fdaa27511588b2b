//! Definitions before and after, side by side.

use maud::{Markup, html};

use super::words::{boxed, rest, words};
use crate::report::lines::{Line, side_by_side};
use crate::report::story::RunReport;
use crate::report::story::text::{first, most};
use crate::report::{DefinitionReport, Report};

pub(super) fn part(run: &RunReport, report: &Report) -> Markup {
    let (shown, left) = first(&report.definitions, most::DEFINITIONS);
    html! {
        @if !shown.is_empty() {
            section {
                h2 { "Definitions" }
                @for definition in shown { (one(definition, run.sides())) }
                (rest(left))
            }
        }
    }
}

fn one(definition: &DefinitionReport, [before, after]: [&str; 2]) -> Markup {
    let lines = side_by_side(definition.before.as_deref(), definition.after.as_deref());
    let (shown, left) = first(&lines, most::LINES);
    let name = format!("{} {}", definition.kind, definition.name);
    let gone = |side: &Option<String>| side.is_none().then_some(" (not there)");
    html! {
        h3 { (words(&definition.kind)) " " code { (words(&definition.name)) } }
        (boxed(&name, &html! {
            table.sides {
                caption.unseen { (words(&name)) ", line by line" }
                thead { tr {
                    th scope="col" { "− " (before) (gone(&definition.before).unwrap_or_default()) }
                    th scope="col" { "+ " (after) (gone(&definition.after).unwrap_or_default()) }
                } }
                tbody { @for line in pairs(shown) { (row(line)) } }
            }
        }))
        (rest(left))
    }
}

/// Lines that stand beside each other: a line that went with the one that came in its place.
fn pairs(lines: &[Line]) -> Vec<[Option<&Line>; 2]> {
    let mut found: Vec<[Option<&Line>; 2]> = Vec::new();
    // Where the lines that have nothing beside them yet begin.
    let mut open = 0;
    for line in lines {
        match line {
            Line::Both(_) => {
                found.push([Some(line), Some(line)]);
                open = found.len();
            }
            Line::Before(_) | Line::After(_) => {
                let side = usize::from(matches!(line, Line::After(_)));
                let free = found[open..].iter().position(|pair| pair[side].is_none());
                match free {
                    Some(free) => found[open + free][side] = Some(line),
                    None if side == 0 => found.push([Some(line), None]),
                    None => found.push([None, Some(line)]),
                }
            }
        }
    }
    found
}

fn row([before, after]: [Option<&Line>; 2]) -> Markup {
    let cell = |side: Option<&Line>| {
        let (tone, sign, text) = match side {
            None => ("none", "", ""),
            Some(Line::Both(text)) => ("both", " ", text.as_str()),
            Some(Line::Before(text)) => ("gone", "−", text.as_str()),
            Some(Line::After(text)) => ("came", "+", text.as_str()),
        };
        html! { td class=(tone) { span.sign { (sign) } (words(text)) } }
    };
    html! { tr { (cell(before)) (cell(after)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_stands_beside_what_came_in_its_place() {
        let (both, gone, came) =
            (Line::Both("a".to_owned()), Line::Before("b".to_owned()), Line::After("c".to_owned()));
        let lines = [gone.clone(), came.clone(), came.clone(), both.clone(), came.clone()];
        assert_eq!(
            pairs(&lines),
            [
                [Some(&gone), Some(&came)],
                [None, Some(&came)],
                [Some(&both), Some(&both)],
                [None, Some(&came)]
            ]
        );
    }
}
