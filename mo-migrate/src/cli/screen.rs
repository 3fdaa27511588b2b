//! The last look at what is printed: whatever a command has put into its text, no password of an
//! address goes out, and nothing that a terminal would obey but our own colours.

use std::fmt::Write as _;

use crate::printable::{picture, printable, without_passwords};

/// A text with its control characters made visible, which may have our own colours: `ESC [ … m` stays, and nothing else does.
pub(super) fn coloured(text: &str) -> String {
    let text = without_passwords(text);
    let mut parts = text.split('\u{1b}');
    let mut out = printable(parts.next().unwrap_or_default());
    for part in parts {
        let colour = part.strip_prefix('[').and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            rest[end..].starts_with('m').then_some(end + 2)
        });
        let (kept, rest) = part.split_at(colour.unwrap_or(0));
        out.push(if colour.is_some() { '\u{1b}' } else { picture('\u{1b}') });
        out.push_str(kept);
        out.push_str(&printable(rest));
    }
    out
}

/// A JSON document in which such characters are escaped too; to a program it is the same one.
pub(super) fn json(document: &str) -> String {
    let document = without_passwords(document);
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || picture(c) == c {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours, a title for the window, a bell, a C1 sequence, directions, a byte order mark, a tag.
    const HOSTILE: &str =
        "a\u{1b}[31mb\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{2066}\u{61c}\u{feff}\u{e0041}\r\0\u{7f}";

    #[test]
    fn our_own_colours_stay_and_no_other_sequence_does() {
        assert_eq!(coloured("\u{1b}[1;31mx\u{1b}[0m"), "\u{1b}[1;31mx\u{1b}[0m");
        let shown = coloured(HOSTILE).replace("\u{1b}[31m", "");
        assert!(shown.chars().all(|c| c == '\n' || picture(c) == c), "{shown:?}");
        for other in
            ["\u{1b}[2J", "\u{1b}[31", "\u{1b}", "\u{1b}]8;;http://x\u{1b}\\", "\u{1b}[?1m"]
        {
            assert!(!coloured(other).contains('\u{1b}'), "{other:?}");
        }
    }

    #[test]
    fn a_document_stays_the_same_to_a_program() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "é"] });
        let written = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(written.chars().all(|c| c == '\n' || picture(c) == c), "{written:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }
}
