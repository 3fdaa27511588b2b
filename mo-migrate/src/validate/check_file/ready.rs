//! The ready checks in a check's first line: `rows_unchanged(products)`.

use std::borrow::Cow;
use std::ops::Range;

use super::header::duration;
use crate::sql::{
    Dialect, Lexer, SourceProblem, Token, TokenKind, nearest, quote_word, unquote, unquote_name,
};
use crate::validate::check::{Ready, Text};

/// A ready check, and what stands behind it on its line.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The check; a measurement has no query yet.
    pub(super) ready: Ready,
    /// What follows, an explanation left out.
    pub(super) rest: Range<usize>,
}

/// Each ready check with its right form.
const KNOWN: [(&str, &str); 9] = [
    ("rows_unchanged", "rows_unchanged(products)"),
    ("rows_at_least", "rows_at_least(products, 5)"),
    ("rows_exactly", "rows_exactly(products, 7)"),
    ("not_null", "not_null(products.category)"),
    ("unique", "unique(products, name, maker)"),
    ("accepted", "accepted(products.category, 'Electronics', 'Wearables')"),
    ("foreign_keys", "foreign_keys` or `foreign_keys(products)"),
    ("columns_unchanged", "columns_unchanged(products, price, stock)"),
    ("query_time", "query_time(p95 < 50ms, n = 20) SELECT …"),
];

/// How often a query runs where it is not said.
const DEFAULT_RUNS: u32 = 20;

/// Reads a ready check; none if the line has a name of the user's own.
///
/// # Errors
/// Arguments that do not fit, with the right form; a name that is nearly a ready one.
pub(super) fn read(
    text: &str,
    span: Range<usize>,
    dialect: Dialect,
) -> Result<Option<Call>, SourceProblem> {
    let line = &text[span.clone()];
    let length = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
    let (word, behind) = line.split_at(length);
    let Some((_, form)) = KNOWN.iter().find(|(known, _)| *known == word) else {
        return not_known(text, &span, word, behind);
    };
    let reader = Reader { line: &text[..span.end], dialect };
    let arguments = match behind.trim_start().chars().next() {
        Some('(') => {
            let open = span.end - behind.trim_start().len();
            reader.arguments(open + 1)
        }
        _ if explains(behind) => Some((Vec::new(), span.start + length)),
        _ => return Ok(None),
    };
    let read = arguments.and_then(|(arguments, end)| Some((reader.ready(word, &arguments)?, end)));
    let Some((ready, end)) = read else {
        let written = line.split(" --").next().unwrap_or(line).trim_end();
        let message = format!("`{written}` is not a form of `{word}`");
        let problem = SourceProblem::new(text, span.start..span.start + written.len(), message);
        return Err(problem.with_help(format!("write `-- check: {form}`")));
    };
    let rest = &text[end..span.end];
    let rest = if explains(rest) { span.end..span.end } else { end..span.end };
    let blanks = text[rest.clone()].len() - text[rest.clone()].trim_start().len();
    Ok(Some(Call { ready, rest: rest.start + blanks..rest.end }))
}

/// Whether nothing or an explanation stands here.
fn explains(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with("--")
}

/// `rows_unchangd(products)` is a slip, and no name.
fn not_known(
    text: &str,
    span: &Range<usize>,
    word: &str,
    behind: &str,
) -> Result<Option<Call>, SourceProblem> {
    let names = KNOWN.map(|(name, _)| name);
    match nearest(word, &names).filter(|_| behind.starts_with('(')) {
        Some(near) => {
            let message = format!("there is no ready check `{word}`");
            let span = span.start..span.start + word.len();
            let help = format!("did you mean `{near}`?");
            Err(SourceProblem::new(text, span, message).with_help(help))
        }
        None => Ok(None),
    }
}

struct Reader<'a> {
    line: &'a str,
    dialect: Dialect,
}

type Argument = Vec<Token>;

impl Reader<'_> {
    /// The arguments up to the closing parenthesis, and where that ends.
    fn arguments(&self, from: usize) -> Option<(Vec<Argument>, usize)> {
        let mut arguments = vec![Vec::new()];
        for token in Lexer::starting_at(self.line, self.dialect, from) {
            if token.is_sign(self.line, ")") {
                if arguments.len() == 1 && arguments[0].is_empty() {
                    arguments.clear();
                }
                return Some((arguments, token.end));
            }
            if token.is_sign(self.line, ",") {
                arguments.push(Vec::new());
            } else if token.is_code() {
                arguments.last_mut()?.push(token);
            }
        }
        None
    }

    fn ready(&self, word: &str, arguments: &[Argument]) -> Option<Ready> {
        Some(match (word, arguments) {
            ("rows_unchanged", [table]) => Ready::RowsUnchanged { table: self.name(table)? },
            ("rows_at_least", [table, rows]) => {
                Ready::RowsAtLeast { table: self.name(table)?, rows: self.number(rows)? }
            }
            ("rows_exactly", [table, rows]) => {
                Ready::RowsExactly { table: self.name(table)?, rows: self.number(rows)? }
            }
            ("not_null", arguments) => {
                let (table, column, []) = self.column(arguments)? else {
                    return None;
                };
                Ready::NotNull { table, column }
            }
            ("unique", arguments) => {
                let (table, first, others) = self.column(arguments)?;
                let mut columns = vec![first];
                columns.extend(self.names(others)?);
                Ready::Unique { table, columns: Cow::Owned(columns) }
            }
            ("accepted", arguments) => {
                let (table, column, values) = self.column(arguments)?;
                let values: Vec<Text> =
                    values.iter().map(|value| self.value(value)).collect::<Option<_>>()?;
                if values.is_empty() {
                    return None;
                }
                Ready::Accepted { table, column, values: Cow::Owned(values) }
            }
            ("foreign_keys", []) => Ready::ForeignKeys { table: None },
            ("foreign_keys", [table]) => Ready::ForeignKeys { table: Some(self.name(table)?) },
            ("columns_unchanged", [table, columns @ ..]) => Ready::ColumnsUnchanged {
                table: self.name(table)?,
                columns: Cow::Owned(self.names(columns)?),
            },
            ("query_time", limits) => self.limits(limits)?,
            _ => return None,
        })
    }

    /// `table.column` or `table, column`, and the arguments behind it.
    fn column<'b>(&self, arguments: &'b [Argument]) -> Option<(Text, Text, &'b [Argument])> {
        let (first, others) = arguments.split_first()?;
        if let [table, dot, column] = first.as_slice() {
            let dotted = dot.is_sign(self.line, ".");
            let table = self.name(std::slice::from_ref(table))?;
            return dotted.then_some((table, self.name(std::slice::from_ref(column))?, others));
        }
        let (column, others) = others.split_first()?;
        Some((self.name(first)?, self.name(column)?, others))
    }

    fn name(&self, argument: &[Token]) -> Option<Text> {
        let [token] = argument else { return None };
        let name = unquote_name(*token, self.line, self.dialect);
        (token.is_name(self.line) && token.closed && !name.is_empty()).then(|| name.into())
    }

    fn names(&self, arguments: &[Argument]) -> Option<Vec<Text>> {
        arguments.iter().map(|argument| self.name(argument)).collect()
    }

    fn number<T: std::str::FromStr>(&self, argument: &[Token]) -> Option<T> {
        let [token] = argument else { return None };
        if token.kind == TokenKind::Number { token.text(self.line).parse().ok() } else { None }
    }

    /// A string without its quotes, or a number as it is written.
    fn value(&self, argument: &[Token]) -> Option<Text> {
        let quoted = |token: Token| token.text(self.line).starts_with(['\'', '"']) && token.closed;
        match argument {
            [token] if token.kind == TokenKind::String && quoted(*token) => {
                Some(unquote(*token, self.line, self.dialect).into())
            }
            [token] if token.kind == TokenKind::Number => {
                Some(token.text(self.line).to_owned().into())
            }
            [minus, token] if minus.is_sign(self.line, "-") && token.kind == TokenKind::Number => {
                Some(format!("-{}", token.text(self.line)).into())
            }
            _ => None,
        }
    }

    fn limits(&self, arguments: &[Argument]) -> Option<Ready> {
        let (mut p50, mut p95, mut n) = (None, None, None);
        for argument in arguments {
            let [word, sign, value @ ..] = argument.as_slice() else {
                return None;
            };
            let written = value.first()?.start..value.last()?.end;
            let twice = match (word.text(self.line), sign.text(self.line)) {
                ("p50", "<") => p50.replace(duration(&self.line[written])?).is_some(),
                ("p95", "<") => p95.replace(duration(&self.line[written])?).is_some(),
                ("n", "=") => n.replace(self.number::<u32>(value).filter(|n| *n > 0)?).is_some(),
                _ => true,
            };
            if twice {
                return None;
            }
        }
        let n = n.unwrap_or(DEFAULT_RUNS);
        (p50.is_some() || p95.is_some()).then_some(Ready::QueryTime {
            sql: Cow::Borrowed(""),
            p50,
            p95,
            n,
        })
    }
}

/// A ready check as it is written; of a measurement without the query.
pub(super) fn form(ready: &Ready) -> String {
    let list = |words: &[Text]| {
        words.iter().flat_map(|word| [", ".to_owned(), quote_word(word)]).collect::<String>()
    };
    match ready {
        Ready::RowsUnchanged { table } => format!("rows_unchanged({})", quote_word(table)),
        Ready::RowsAtLeast { table, rows } => {
            format!("rows_at_least({}, {rows})", quote_word(table))
        }
        Ready::RowsExactly { table, rows } => {
            format!("rows_exactly({}, {rows})", quote_word(table))
        }
        Ready::NotNull { table, column } => {
            format!("not_null({}.{})", quote_word(table), quote_word(column))
        }
        Ready::Unique { table, columns } => match columns.as_ref() {
            [column] => format!("unique({}.{})", quote_word(table), quote_word(column)),
            columns => format!("unique({}{})", quote_word(table), list(columns)),
        },
        Ready::Accepted { table, column, values } => {
            let values = values.iter().map(|value| format!(", '{}'", value.replace('\'', "''")));
            let values: String = values.collect();
            format!("accepted({}.{}{values})", quote_word(table), quote_word(column))
        }
        Ready::ForeignKeys { table: None } => "foreign_keys".to_owned(),
        Ready::ForeignKeys { table: Some(table) } => format!("foreign_keys({})", quote_word(table)),
        Ready::ColumnsUnchanged { table, columns } => {
            format!("columns_unchanged({}{})", quote_word(table), list(columns))
        }
        Ready::QueryTime { p50, p95, n, .. } => {
            let limits = [("p50", p50), ("p95", p95)].into_iter();
            let limits =
                limits.filter_map(|(name, limit)| Some(format!("{name} < {:?}, ", (*limit)?)));
            format!("query_time({}n = {n})", limits.collect::<String>())
        }
    }
}
