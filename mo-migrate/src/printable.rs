//! Text from files, flags and databases, as a terminal or a log may be given it.
//!
//! 1. Nothing of it moves the cursor, colours, rings, or turns the direction of writing: each such
//!    character is shown as a picture.
//! 2. One character is one character, so that columns stay what they are.

/// The text with its control characters made visible; its lines stay lines.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => c,
            '\t' => ' ',
            c => picture(c),
        })
        .collect()
}

/// The character, or what is shown in its place.
pub(crate) fn picture(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours, a title for the window, a bell, a C1 sequence, directions, a byte order mark, a tag.
    const HOSTILE: &str =
        "a\u{1b}[31mb\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{2066}\u{61c}\u{feff}\u{e0041}\r\0\u{7f}";

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let shown = printable(HOSTILE);
        assert!(shown.chars().all(|c| picture(c) == c), "{shown:?}");
        assert_eq!(printable("a\n\u{1b}[31m\tb"), "a\n\u{241b}[31m b");
    }
}
