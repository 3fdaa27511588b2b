//! A problem at a place in a file, shown as rustc shows its own.
//!
//! The text may be anybody's: control characters and marks that turn the direction of writing are
//! shown as pictures, and a long line is cut around the place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::printable::{picture, printable};

/// How wide the lines of a picture are; a longer one is cut around the mark.
const WIDTH: usize = 140;

/// Something in a file that cannot be used, with its place and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceProblem {
    /// The file, as it is shown.
    pub path: String,
    /// The whole text of the file.
    pub text: Arc<str>,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl SourceProblem {
    /// A problem in a text whose file is not known yet.
    #[must_use]
    pub fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            text: Arc::from(text),
            span,
            message: message.into(),
            help: None,
        }
    }

    /// The same problem with a remedy.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same problem in this file, in whose `text` the former text begins at byte `offset`.
    #[must_use]
    pub fn in_file(self, path: &str, text: &Arc<str>, offset: usize) -> Self {
        let span = self.span.start + offset..self.span.end + offset;
        Self { path: path.to_owned(), text: Arc::clone(text), span, ..self }
    }

    /// The line, the first one being 1.
    #[must_use]
    pub fn line(&self) -> usize {
        1 + self.before().matches('\n').count()
    }

    /// The column in characters, the first one being 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let before = self.before();
        1 + before[before.rfind('\n').map_or(0, |i| i + 1)..].chars().count()
    }

    /// The problem with its line, marked, as a terminal shows it.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let message = printable(&self.message);
        let path = printable(self.shown_path());
        let (line, mark) = self.excerpt();
        let title = Level::ERROR.primary_title(message);
        let snippet = Snippet::source(line)
            .path(path)
            .line_start(self.line())
            .annotation(AnnotationKind::Primary.span(mark));
        let mut group = title.element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(WIDTH).render(&[group])
    }

    fn shown_path(&self) -> &str {
        if self.path.is_empty() { "<sql>" } else { &self.path }
    }

    fn before(&self) -> &str {
        &self.text[..self.text.floor_char_boundary(self.span.start)]
    }

    /// The first line of the place, made harmless, and what to mark in it.
    fn excerpt(&self) -> (String, Range<usize>) {
        let from = self.before().len();
        let start = self.before().rfind('\n').map_or(0, |i| i + 1);
        let line = self.text[from..].split('\n').next().unwrap_or_default();
        let end = from + line.trim_end_matches('\r').len();
        let until = self.text.ceil_char_boundary(self.span.end).clamp(from, end);
        let before = pictures(&self.text[start..from]);
        let marked = pictures(&self.text[from..until]);
        let mark = before.len()..before.len() + marked.len();
        (before + &marked + &pictures(&self.text[until..end]), mark)
    }
}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line(), self.column());
        write!(f, "{}:{line}:{column}: {}", printable(self.shown_path()), printable(&self.message))
    }
}

impl std::error::Error for SourceProblem {}

/// The text of a file, its byte order mark dropped.
///
/// # Errors
/// Bytes that are not UTF-8, with their line.
pub fn text_of<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str, SourceProblem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let text: Arc<str> = Arc::from(String::from_utf8_lossy(bytes));
        let message = match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the file is UTF-16, and not UTF-8".to_owned(),
            _ => format!("the byte 0x{:02x} is not UTF-8", bytes[at]),
        };
        SourceProblem::new(&text, at..at + '\u{fffd}'.len_utf8(), message)
            .with_help("save the file as UTF-8")
            .in_file(path, &text, 0)
    })
}

/// One line with a picture for each character that a terminal would obey; tabs stay.
fn pictures(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { c } else { picture(c) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(text: &str, span: Range<usize>) -> SourceProblem {
        SourceProblem::new(text, span, "`x` is wrong").with_help("write `y`").in_file(
            "migrations/1_a.sql",
            &Arc::from(text),
            0,
        )
    }

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let problem = problem("é;\nüö x\n", 9..10);
        assert_eq!((problem.line(), problem.column()), (2, 4));
        assert_eq!(problem.to_string(), "migrations/1_a.sql:2:4: `x` is wrong");
    }

    #[test]
    fn it_looks_like_rustc() {
        let rendered = problem("a;\nDROP x y;\n", 8..9).render(false);
        assert_eq!(
            rendered,
            "error: `x` is wrong\n --> migrations/1_a.sql:2:6\n  |\n2 | DROP x y;\n  |      ^\n  |\n  = help: write `y`"
        );
        assert!(problem("x", 0..1).render(true).contains('\u{1b}'));
    }

    #[test]
    fn an_escape_sequence_is_a_picture() {
        let text = "SELECT '\u{1b}[31m\u{202e}\u{7}\u{9b}\t' x";
        let rendered = problem(text, text.len() - 1..text.len()).render(false);
        assert!(rendered.contains("'␛[31m\u{fffd}␇\u{fffd}    ' x"), "{rendered}");
        let mut hostile = problem("x", 0..1);
        hostile.message = "a\u{1b}b".to_owned();
        assert!(hostile.to_string().contains("a␛b"));
        assert!(hostile.render(false).contains("a␛b"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "a".repeat(100_000), "b".repeat(100_000));
        let problem = problem(&text, 100_000..100_004);
        let rendered = problem.render(false);
        assert!(rendered.len() < 800, "{rendered}");
        assert!(
            rendered.contains("...aaa")
                && rendered.contains("aHEREb")
                && rendered.contains("b...\n")
        );
        assert!(rendered.contains(":1:100001"), "{rendered}");
        assert!(rendered.contains("^^^^\n"), "{rendered}");
    }

    #[test]
    fn a_long_mark_is_cut_too() {
        let text = format!("a {}", "'".repeat(50_000));
        assert!(problem(&text, 2..text.len()).render(false).len() < 1_000);
    }

    #[test]
    fn a_place_over_many_lines_or_behind_the_end_is_shown_by_its_first_line() {
        assert!(problem("ab\ncd\n", 1..5).render(false).contains("1 | ab\n  |  ^"));
        assert!(problem("ab", 2..2).render(false).contains(":1:3"));
        assert!(problem("", 0..0).render(false).contains(":1:1"));
    }

    proptest! {
        #[test]
        fn no_text_and_no_span_breaks_the_picture(text in ".{0,300}", a in 0usize..320, b in 0usize..320) {
            let problem = problem(&text, a.min(b)..a.max(b));
            let rendered = problem.render(false);
            prop_assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", rendered);
        }
    }
}
