//! Texts and boxes that all parts of the page have.

use maud::{Markup, html};

use crate::report::story::text::and_more;
use crate::report::text::table::one_line;

/// A text from outside, in one line, without anything that could not be seen.
pub(super) fn words(text: &str) -> String {
    one_line(text)
}

/// A name or a command.
pub(super) fn code(text: &str) -> Markup {
    html! { code { (words(text)) } }
}

/// A sentence, in which names and commands stand in backquotes.
pub(super) fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // Without its end a backquote is one.
    let paired = parts.len() % 2 == 1;
    html! {
        @if paired {
            @for (number, part) in parts.iter().enumerate() {
                @if number % 2 == 1 { (code(part)) } @else { (words(part)) }
            }
        } @else { (words(text)) }
    }
}

/// Names with their values, as many beside each other as there is room for.
pub(super) fn cards(lines: &[(&str, &String)]) -> Markup {
    html! {
        dl.cards { @for (name, value) in lines { div { dt { (name) } dd { (words(value)) } } } }
    }
}

/// What may be wider than the page scrolls within its box, which the keyboard reaches too.
pub(super) fn boxed(name: &str, inner: &Markup) -> Markup {
    html! { div.box role="region" aria-label=(words(name)) tabindex="0" { (inner) } }
}

/// What is said of those that are left out.
pub(super) fn rest(left: usize) -> Markup {
    html! { @if let Some(more) = and_more(left) { p.note { (prose(&more)) } } }
}
