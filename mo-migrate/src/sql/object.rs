//! The names of tables, views and sequences in a statement of MySQL's family.

use super::code::Code;

/// A name and the database that stands before it, both folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectName {
    pub(super) database: Option<String>,
    pub(super) name: String,
}

impl ObjectName {
    /// Whether it is in this database.
    pub(super) fn is_in(&self, database: &str) -> bool {
        self.database.as_ref().is_none_or(|own| *own == fold(database))
    }
}

/// A name as a server with `lower_case_table_names = 1` keeps it, quoted or not; that is the default
/// of MatrixOne. Letter by letter, as that server does it: no letter becomes two.
pub(super) fn fold(name: &str) -> String {
    name.chars().map(|letter| letter.to_lowercase().next().unwrap_or(letter)).collect()
}

/// The object named at this place, and the place behind it; none where no name is certain.
pub(super) fn object_at(code: &Code<'_>, at: usize) -> Option<(ObjectName, usize)> {
    if is_reserved(&code.upper(at)) {
        return None;
    }
    let first = fold(&code.name(at)?);
    let (object, behind) = if code.upper(at + 1) == "." {
        let name = fold(&code.name(at + 2)?);
        (ObjectName { database: Some(first), name }, at + 3)
    } else {
        (ObjectName { database: None, name: first }, at + 1)
    };
    let goes_on = code.tokens.get(behind).is_some_and(|next| next.text(code.text).starts_with('.'));
    (!goes_on).then_some((object, behind))
}

/// The objects of a list with commas, and the place behind it.
pub(super) fn objects_at(code: &Code<'_>, mut at: usize) -> Option<(Vec<ObjectName>, usize)> {
    let mut objects = Vec::new();
    loop {
        let (object, behind) = object_at(code, at)?;
        objects.push(object);
        if code.upper(behind) != "," {
            return Some((objects, behind));
        }
        at = behind + 1;
    }
}

/// A word that is no name where a table or an alias may stand, unless it is quoted.
pub(super) fn is_reserved(word: &str) -> bool {
    const WORDS: [&str; 66] = [
        "ADD",
        "ALL",
        "ALTER",
        "AND",
        "APPLY",
        "AS",
        "BY",
        "CASE",
        "CLONE",
        "CREATE",
        "CROSS",
        "DEDUP",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "EXCEPT",
        "EXISTS",
        "FOR",
        "FORCE",
        "FROM",
        "FULL",
        "GROUP",
        "HAVING",
        "IF",
        "IGNORE",
        "IN",
        "INDEX",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "KEY",
        "LATERAL",
        "LEFT",
        "LIKE",
        "LIMIT",
        "LOCK",
        "MINUS",
        "NATURAL",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PARTITION",
        "RENAME",
        "REPLACE",
        "RIGHT",
        "SELECT",
        "SET",
        "STRAIGHT_JOIN",
        "TABLE",
        "THEN",
        "TO",
        "UNION",
        "UPDATE",
        "USE",
        "USING",
        "VALUES",
        "WHERE",
        "WITH",
    ];
    WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    #[test]
    fn a_name_is_read_with_its_database() {
        for (text, database, name) in [
            ("Shop", None, "shop"),
            ("`Shop`.`Pro ducts`", Some("shop"), "pro ducts"),
            ("`a.b`", None, "a.b"),
            ("\"a\".b", Some("a"), "b"),
            ("a /* */ . /* */ b", Some("a"), "b"),
            ("a.order", Some("a"), "order"),
            ("`select`", None, "select"),
            ("İΣ", None, "iσ"),
        ] {
            let code = Code::read(text, Dialect::MatrixOne, usize::MAX);
            let expected = ObjectName { database: database.map(str::to_owned), name: name.into() };
            assert_eq!(object_at(&code, 0).map(|found| found.0), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in ["", "select", "'a'", "1", "a.", "a.b.c", "a.*", "a.1b", "?"] {
            let code = Code::read(text, Dialect::MatrixOne, usize::MAX);
            assert_eq!(object_at(&code, 0), None, "{text}");
        }
    }
}
