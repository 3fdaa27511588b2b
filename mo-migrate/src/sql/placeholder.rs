//! `${name}` of migration files and `{{before.t}}` of checks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::{Dialect, SourceProblem, TokenKind, lex, nearest};

/// A `{{before.t}}` and the table that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeRef {
    /// All of it, braces included.
    pub span: Range<usize>,
    /// The table, without quotes.
    pub table: String,
}

/// Puts values in the place of `${name}`, in strings too; comments are left alone, and `$${` is `${`.
///
/// The values are SQL and go in as they are.
///
/// # Errors
/// A name that has no value, or that is not closed.
pub fn substitute<'t>(
    text: &'t str,
    values: &BTreeMap<String, String>,
    dialect: Dialect,
) -> Result<Cow<'t, str>, SourceProblem> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let comments = lex(text, dialect).filter(|token| token.kind == TokenKind::Comment);
    let mut comments = comments.peekable();
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices("${") {
        while comments.next_if(|comment| comment.end <= at).is_some() {}
        if comments.peek().is_some_and(|comment| comment.start <= at) || at < copied {
            continue;
        }
        if text[copied..at].ends_with('$') {
            out.push_str(&text[copied..at - 1]);
            copied = at;
            continue;
        }
        let name = text[at + 2..].split(['}', '\n']).next().unwrap_or_default();
        let end = at + 2 + name.len();
        let Some(value) = values.get(name).filter(|_| text[end..].starts_with('}')) else {
            return Err(no_value(text, at..end, name, values));
        };
        out.push_str(&text[copied..at]);
        out.push_str(value);
        copied = end + 1;
    }
    out.push_str(&text[copied..]);
    Ok(Cow::Owned(out))
}

fn no_value(
    text: &str,
    span: Range<usize>,
    name: &str,
    values: &BTreeMap<String, String>,
) -> SourceProblem {
    if !text[span.end..].starts_with('}') {
        return SourceProblem::new(
            text,
            span.start..span.start + 2,
            "this placeholder is not closed",
        )
        .with_help("write `${name}`, or `$${` for the signs themselves");
    }
    let known: Vec<&str> = values.keys().map(String::as_str).collect();
    let help = match (nearest(name, &known), known.is_empty()) {
        (Some(near), _) => format!("did you mean `${{{near}}}`?"),
        (None, true) => {
            "no placeholder has a value; write `$${` for the signs themselves".to_owned()
        }
        (None, false) => {
            format!("known are `{}`; write `$${{` for the signs themselves", known.join("`, `"))
        }
    };
    let message = format!("the placeholder `{name}` has no value");
    SourceProblem::new(text, span.start..span.end + 1, message).with_help(help)
}

/// Every `{{before.t}}` outside of strings and comments.
///
/// # Errors
/// Any other text in double braces, with what is known.
pub fn before_references(sql: &str, dialect: Dialect) -> Result<Vec<BeforeRef>, SourceProblem> {
    let mut found = Vec::new();
    let mut brace = None;
    for token in lex(sql, dialect) {
        let text = token.text(sql);
        if let Some(inner) = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")) {
            let Some(table) = before_table(inner) else {
                let message = format!("`{text}` is not known");
                return Err(SourceProblem::new(sql, token.span(), message).with_help(FORM));
            };
            found.push(BeforeRef { span: token.span(), table });
        } else if token.is_sign(sql, "{") {
            if brace == Some(token.start) {
                let span = token.start - 1..token.end;
                return Err(SourceProblem::new(sql, span, "`{{` has no `}}`").with_help(FORM));
            }
            brace = Some(token.end);
        }
    }
    Ok(found)
}

const FORM: &str =
    "known is `{{before.t}}`, table `t` as it was; a name with blanks is `{{before.\"my table\"}}`";

/// The table in ` before . t `.
fn before_table(inner: &str) -> Option<String> {
    let name = inner.trim().strip_prefix("before")?.trim_start().strip_prefix('.')?.trim();
    let close = match name.chars().next()? {
        '[' => ']',
        quote @ ('"' | '`') => quote,
        _ => {
            let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
            return plain.then(|| name.to_owned());
        }
    };
    let quoted = name.get(1..)?.strip_suffix(close)?;
    let doubled = close.to_string().repeat(2);
    let single = quoted.replace(&doubled, "");
    let whole = close != ']' && !single.contains(close) || close == ']' && !quoted.contains(']');
    (whole && !quoted.is_empty()).then(|| quoted.replace(&doubled, &close.to_string()))
}

/// Puts the SQL that `sql_of` gives for a table in the place of each `{{before.t}}`.
///
/// # Errors
/// As [`before_references`].
pub fn substitute_before(
    sql: &str,
    dialect: Dialect,
    mut sql_of: impl FnMut(&str) -> String,
) -> Result<String, SourceProblem> {
    let mut out = String::with_capacity(sql.len());
    let mut copied = 0;
    for reference in before_references(sql, dialect)? {
        out.push_str(&sql[copied..reference.span.start]);
        out.push_str(&sql_of(&reference.table));
        copied = reference.span.end;
    }
    out.push_str(&sql[copied..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> BTreeMap<String, String> {
        BTreeMap::from([("schema".to_owned(), "shop".to_owned())])
    }

    fn substituted(text: &str) -> Result<String, String> {
        substitute(text, &values(), Dialect::Sqlite)
            .map(Cow::into_owned)
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn placeholders_are_replaced_and_can_be_escaped() {
        for (text, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("${schema}.a, '${schema}'${schema}", "shop.a, 'shop'shop"),
            ("-- ${other}\n${schema}", "-- ${other}\nshop"),
            ("a $${schema} b", "a ${schema} b"),
            ("$1 $ {x}", "$1 $ {x}"),
        ] {
            assert_eq!(substituted(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_unknown_placeholder_is_shown_with_what_is_known() {
        let problem = substitute("a\n ${shema}", &values(), Dialect::Sqlite).unwrap_err();
        assert_eq!((problem.line(), problem.column()), (2, 2));
        assert_eq!(problem.help.as_deref(), Some("did you mean `${schema}`?"));
        assert!(substituted("${schema").unwrap_err().contains("not closed"));
        assert!(substituted("${}").unwrap_err().contains("no value"));
    }

    fn before(sql: &str) -> Result<String, String> {
        substitute_before(sql, Dialect::Sqlite, |table| format!("<{table}>"))
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn before_names_a_table_in_any_quotes() {
        for (sql, expected) in [
            ("FROM {{before.products}} b", "FROM <products> b"),
            ("{{ before . products }}", "<products>"),
            ("{{before.\"my }} \"\"t\"}}", "<my }} \"t>"),
            ("{{before.[my t]}}{{before.`a``b`}}", "<my t><a`b>"),
            ("'{{before.x}}' -- {{nothing}}", "'{{before.x}}' -- {{nothing}}"),
            ("json '{{}}' { x }", "json '{{}}' { x }"),
        ] {
            assert_eq!(before(sql).as_deref(), Ok(expected), "{sql}");
        }
    }

    #[test]
    fn any_other_braces_are_a_problem_that_shows_the_form() {
        for sql in [
            "{{}}",
            "{{after.t}}",
            "{{before}}",
            "{{before.}}",
            "{{before.a.b}}",
            "{{before.\"a}}",
            "{{before.\"a\"b\"}}",
            "{{beforet}}",
            "{{before.\"\"}}",
            "{{before.a\n}}",
            "{{",
        ] {
            assert!(before(sql).is_err(), "{sql}");
        }
        let problem = before_references("x {{after.t}}", Dialect::MatrixOne).unwrap_err();
        assert_eq!(problem.span, 2..13);
        assert!(problem.help.unwrap().contains("{{before.t}}"));
    }

    proptest! {
        #[test]
        fn no_text_makes_either_fail_otherwise(text in "[${}a-z.\"' \n`\\[\\]é-]{0,40}") {
            let _ = substituted(&text);
            let _ = before(&text);
        }
    }
}
