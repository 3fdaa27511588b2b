//! The phases on a line of time: a bar for each, at its place.

use maud::{Markup, html};

use super::words::{boxed, rest, words};
use crate::report::story::text::{duration, first, most, phase_words};
use crate::report::story::{PhaseState, RunReport};

/// How long the line is, in units of the picture.
const LINE: u64 = 1000;

/// What a bar is at least.
const LEAST: u64 = 6;

pub(super) fn part(report: &RunReport) -> Markup {
    let total: u64 = report.phases.iter().filter_map(|phase| phase.duration_ms).sum();
    let (shown, left) = first(&report.phases, most::PHASES);
    let mut before = 0;
    let rows = shown.iter().map(|phase| {
        let took = phase.duration_ms.unwrap_or(0);
        let bar = bar(before, took, total);
        before += took;
        (phase, bar)
    });
    let rows: Vec<_> = rows.collect();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Time line" }
                (boxed("time line", &html! {
                    table.line {
                        caption { "The phases in their order, " (duration(total)) " in all" }
                        thead { tr { th scope="col" { "Phase" } th scope="col" { "When" } th.number scope="col" { "Took" } } }
                        tbody {
                            @for (phase, (at, long)) in &rows {
                                tr {
                                    th scope="row" {
                                        (words(&phase.phase.replace('_', " ")))
                                        @let said = phase_words(phase);
                                        @if !said.is_empty() {
                                            " " span.(tone(phase.state)).small { (words(&said)) }
                                        }
                                    }
                                    td.bar {
                                        svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" {
                                            title {
                                                (words(&phase.phase)) " began " (duration(phase.after_ms))
                                                " after the run"
                                            }
                                            rect.track x="0" y="4" width="1000" height="2" {}
                                            rect.(tone(phase.state)) x=(at) y="0" width=(long) height="10" {}
                                        }
                                    }
                                    td.number { (phase.duration_ms.map(duration).unwrap_or_default()) }
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

fn tone(state: PhaseState) -> &'static str {
    match state {
        PhaseState::Done => "dim",
        PhaseState::Failed | PhaseState::Died => "bad",
        PhaseState::Open => "back",
    }
}

/// Where a bar begins and how long it is; never so short that it can't be seen.
fn bar(before: u64, took: u64, total: u64) -> (u64, u64) {
    let share = |part: u64| {
        let share = u128::from(part) * u128::from(LINE) / u128::from(total.max(1));
        u64::try_from(share).unwrap_or(LINE)
    };
    let at = share(before).min(LINE - LEAST);
    (at, share(took).clamp(LEAST, LINE - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stays_on_the_line_and_can_be_seen() {
        for (before, took, total) in
            [(0, 0, 0), (0, 10, 10), (10, 0, 10), (5, 5, 10), (u64::MAX / 2, 1, u64::MAX)]
        {
            let (at, long) = bar(before, took, total);
            assert!(at + long <= LINE && long >= LEAST, "{before} {took} {total}");
        }
        assert_eq!(bar(5, 5, 10), (500, 500));
    }
}
