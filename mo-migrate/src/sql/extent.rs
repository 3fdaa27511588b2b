//! How far a token reaches.

use super::lexer::is_word_char;

/// The length of a comment that begins the text, if it is closed.
pub(super) fn block_comment(text: &str, nested: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut i) = (1usize, 2);
    while i + 1 < bytes.len() {
        match &bytes[i..i + 2] {
            b"*/" => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return Some(i);
                }
            }
            b"/*" if nested => {
                depth += 1;
                i += 2;
            }
            _ => i += 1,
        }
    }
    None
}

/// The length of what begins with `quote`, in which a doubled quote stands for itself.
pub(super) fn quote_end(text: &str, quote: char, backslash: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = quote as u32;
    let mut i = 1;
    while i < bytes.len() {
        if backslash && bytes[i] == b'\\' {
            i += 2;
        } else if u32::from(bytes[i]) != quote {
            i += 1;
        } else if bytes.get(i + 1).is_some_and(|next| u32::from(*next) == quote) {
            i += 2;
        } else {
            return Some(i + 1);
        }
    }
    None
}

/// For `$tag$…`, the length of the string if it is closed; none if it is no dollar quote.
#[expect(clippy::option_option, reason = "no dollar quote, not closed, closed")]
pub(super) fn dollar_end(text: &str) -> Option<Option<usize>> {
    let tag = text[1..].find(|c: char| !is_word_char(c) || c == '$')?;
    if !text[1 + tag..].starts_with('$') || text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mark = &text[..tag + 2];
    Some(text[mark.len()..].find(mark).map(|i| i + 2 * mark.len()))
}

/// How far `}}` may be from its `{{`, in bytes.
const LONGEST_PLACEHOLDER: usize = 256;

/// The length of `{{…}}` on one line; braces in quoted names do not end it.
pub(super) fn braces_end(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("{{")?;
    let mut quote = None;
    for (i, c) in inner.char_indices() {
        if c == '\n' || i >= LONGEST_PLACEHOLDER {
            return None;
        }
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() {
            match c {
                '"' | '`' => quote = Some(c),
                '[' => quote = Some(']'),
                '{' => return None,
                '}' if inner[i..].starts_with("}}") => return Some(i + 4),
                _ => {}
            }
        }
    }
    None
}

pub(super) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = bytes.len() > 1 && bytes[0] == b'0' && bytes[1].eq_ignore_ascii_case(&b'x');
    let mut i = 1;
    while let Some(byte) = bytes.get(i) {
        let sign = matches!(byte, b'+' | b'-')
            && !hex
            && bytes[i - 1].eq_ignore_ascii_case(&b'e')
            && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || sign) {
            break;
        }
        i += 1;
    }
    i
}
