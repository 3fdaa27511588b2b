//! Defaults that the server does not bring to a clone as they are: each quote in one is doubled there, as
//! it is in what SHOW CREATE says.

use crate::engine::{Inventory, Object};

/// Why such a table can't come back.
pub(super) const WHY: &str =
    "a DEFAULT of it has a quote or a backquote, which the server doubles in every clone";

/// The tables that have such a default.
pub(super) fn tables(then: &Inventory) -> impl Iterator<Item = &Object> {
    then.tables().filter(|table| table.sql.as_deref().is_some_and(is_in))
}

/// Whether one is in this definition, as SHOW CREATE gives it, a line for each column.
fn is_in(definition: &str) -> bool {
    let mut defaults = definition.lines().filter_map(|line| line.split_once(" DEFAULT '"));
    defaults.any(|(_, text)| {
        let mut rest = text.chars();
        loop {
            match rest.next() {
                Some('`') => break true,
                // A second one is in the text, and a single one ends it.
                Some('\'') => break rest.next() == Some('\''),
                Some(_) => {}
                None => break false,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_in_a_default_or_ends_it() {
        let of = |default: &str| {
            is_in(&format!("CREATE TABLE `t` (\n  `a` text{default},\n  `b` int\n)"))
        };
        assert!(of(" DEFAULT 'd''''f'") && of(" DEFAULT ''''''") && of(" DEFAULT 'x``y'"));
        assert!(!of(" DEFAULT 'plain'") && !of(" DEFAULT ''") && !of(" DEFAULT NULL") && !of(""));
        assert!(!of(" DEFAULT 'x' COMMENT 'it''s'"));
    }
}
