//! Text from files, flags and databases, as a terminal or a log may be given it.
//!
//! 1. Nothing of it moves the cursor, colours, rings, or turns the direction of writing: each such
//!    character is shown as a picture.
//! 2. One character is one character, so that columns stay what they are.

use std::fmt::Write as _;

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

/// The text with each of its commands in backquotes that begins with this word, as `typed` makes it of
/// what follows that.
pub(crate) fn commands_as(text: &str, word: &str, typed: impl Fn(&str) -> String) -> String {
    let head = format!("`migrate {word}");
    let mut parts = text.split(&*head);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let command = part.split_once('`').filter(|_| part.starts_with([' ', '`']));
        match command {
            Some((rest, behind)) => {
                let _ = write!(out, "`migrate {}`{behind}", typed(rest.trim()));
            }
            None => {
                let _ = write!(out, "{head}{part}");
            }
        }
    }
    out
}

/// The text with `…` for each password of an address in it, wherever that was typed or came from: what
/// stands between `://user:` and the last `@` of its word.
pub(crate) fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        let end = |c: char| c.is_whitespace() || "\"'`<>\u{1b}".contains(c);
        let word = &behind[..behind.find(end).unwrap_or(behind.len())];
        out.push_str(before);
        out.push_str("://");
        let at = word.rfind('@');
        match word.find(':').zip(at).filter(|(colon, at)| colon < at) {
            Some((colon, at)) => {
                out.push_str(&word[..=colon]);
                out.push('…');
                rest = &behind[at..];
            }
            None => rest = behind,
        }
    }
    out + rest
}

/// The word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.chars().any(|c| picture(c) != c) {
        return escaped(word);
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The word in the form of a shell that can write what a terminal would obey.
fn escaped(word: &str) -> String {
    let mut out = "$'".to_owned();
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.extend(['\\', c]);
        } else if picture(c) == c {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password_wherever_it_stands() {
        for (text, shown) in [
            (
                "`matrixone://root:hunter2@h:6001/db` is new",
                "`matrixone://root:…@h:6001/db` is new",
            ),
            ("/a/mysql://root:p@ss/w:rd@h, then x://y:z@h", "/a/mysql://root:…@h, then x://y:…@h"),
            ("http://host:80/path and a@b", "http://host:80/path and a@b"),
            ("matrixone://root@h/db", "matrixone://root@h/db"),
            ("://", "://"),
            ("\"a://b:c@d\"", "\"a://b:…@d\""),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn a_word_that_a_terminal_would_obey_is_written_so_that_a_shell_reads_it() {
        let hostile = "a'b\\\n\u{1b}[31m\u{202e}é";
        let written = quoted(hostile);
        assert!(written.chars().all(|c| picture(c) == c), "{written:?}");
        let read = std::process::Command::new("bash")
            .args(["-c", &format!("printf %s {written}")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), hostile);
    }

    #[test]
    fn a_word_reaches_the_program_as_it_was() {
        for (word, expected) in
            [("a-b.c", "a-b.c"), ("", "''"), ("it's", r"'it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }

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
