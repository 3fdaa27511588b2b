//! Comments of tables: the server keeps two of each, and a clone has the first.
//!
//! What a table got with CREATE stays in its definition, and is what SHOW CREATE and every clone show;
//! what ALTER TABLE … COMMENT gives stands in the catalogue alone, where applications read it.

use super::link::Link;
use super::{literal, quote};
use crate::engine::Object;
use crate::error::Result;

const OPTION: &str = " COMMENT='";

/// The table with the comment that applications read, which its definition may not have. `comment` is
/// as the catalogue has it: quotes are doubled in it.
pub(super) fn of(table: Object, comment: String) -> Object {
    let shown = table.sql.as_deref().unwrap_or_default();
    match with_comment(shown, &comment) {
        Some(sql) if sql != shown => Object { sql: Some(sql), comment: Some(comment), ..table },
        _ => table,
    }
}

/// A definition as SHOW CREATE gives it, with this comment in the place of its own; none without one.
fn with_comment(sql: &str, comment: &str) -> Option<String> {
    let options = sql.rfind("\n)")?;
    let begins = options + sql.get(options..)?.find(OPTION)? + OPTION.len();
    let rest = sql.get(begins..)?;
    let mut ends = None;
    let mut signs = rest.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        if sign == '\'' && signs.next_if(|(_, next)| *next == '\'').is_none() {
            ends = Some(at);
            break;
        }
    }
    Some(format!("{}{comment}{}", sql.get(..begins)?, rest.get(ends?..)?))
}

/// Gives a table that was made by a clone, in `database`, the comment that the original had.
///
/// # Errors
/// What the server says.
pub(super) async fn give(link: &mut Link, table: &Object, database: &str) -> Result<()> {
    let Some(comment) = &table.comment else { return Ok(()) };
    let name = format!("{}.{}", quote(database), quote(&table.name));
    let comment = literal(&comment.replace("''", "'"));
    link.send(&format!("ALTER TABLE {name} COMMENT {comment}")).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_has_the_comment_that_applications_read() {
        let table = "CREATE TABLE `t` (\n  `id` int COMMENT 'col'\n)";
        for (shown, comment, expected) in [
            (" COMMENT='it''s'", "more", Some(" COMMENT='more'")),
            (" COMMENT='a' CLUSTER BY (`d`)", "b", Some(" COMMENT='b' CLUSTER BY (`d`)")),
            (" COMMENT='a'", "", Some(" COMMENT=''")),
            ("", "x", None),
        ] {
            let found = with_comment(&format!("{table}{shown}"), comment);
            assert_eq!(found, expected.map(|expected| format!("{table}{expected}")), "{shown}");
        }
    }
}
