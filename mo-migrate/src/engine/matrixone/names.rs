//! Names that the server takes and can't keep: it writes SQL of its own for definitions, clones and
//! drops, and puts names into it in a form that it does not read back.
//!
//! Each was tried on a live server: docs/matrixone.md has the list.

/// The longest name of a guarded database: the server has no limit, and the ledger's columns have.
pub(super) const LONGEST: usize = 64;

/// Why a table, a view or a sequence of this name could not be put back; none when it could.
pub(super) fn unfit(name: &str) -> Option<&'static str> {
    unshown(name).or(undroppable(name).then_some(
        "the server can't drop what has a character in its name that can't be seen \
         (a control character, a direction, a space that is none)",
    ))
}

/// Why the server can't show the definition of what has this name.
pub(super) fn unshown(name: &str) -> Option<&'static str> {
    name.contains('"').then_some(
        "the server can't show the definition of what has a double quote in its name, \
         so that nothing could be compared with it",
    )
}

/// The server panics when it drops a table of this name, or one in a database of this name. It writes
/// every sign that is not printed as an escape that it does not know, but for four of them.
pub(super) fn undroppable(name: &str) -> bool {
    name.chars().any(|c| !matches!(c, '\n' | '\r' | '\t' | '\u{8}') && !is_printed(c))
}

/// Letters, marks, numbers, punctuation, symbols, and the one space.
fn is_printed(c: char) -> bool {
    // Behind a letter, so that a mark is no escape.
    let text = String::from_iter(['a', c]);
    matches!(c, '\\' | '\'' | '"') || text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_keeps_is_fit() {
        for name in
            ["a b", " a ", "a\nb\r\t\u{8}", "it's", "a`b", "a\\b", "é☃😀", "e\u{301}", "日本"]
        {
            assert_eq!(unfit(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_it_can_not_show_or_drop_is_not() {
        for c in [
            '"', '\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{9b}', '\u{a0}', '\u{ad}', '\u{200b}',
            '\u{202e}', '\u{3000}', '\u{feff}',
        ] {
            assert!(unfit(&format!("a{c}b")).is_some(), "{c:?}");
        }
    }
}
