//! Check files: `-- check: …` comments, each with what it asks below it.
//!
//! A check that is not understood would be a check that never fails, so whatever looks like one and
//! is none is a problem.

mod header;
mod ready;

use std::ops::Range;
use std::sync::Arc;

use self::header::Header;
use self::ready::Call;
use super::check::{Body, Check, Ready, When};
use crate::sql::{
    Dialect, SourceProblem, TokenKind, before_references, is_read_only, is_slip, lex,
    reaches_outside, split, text_of,
};

/// Reads a check file.
///
/// # Errors
/// Bytes that are not UTF-8, SQL that is not closed, and anything that is no check: the message
/// shows the right form.
pub fn parse(path: &str, bytes: &[u8], dialect: Dialect) -> Result<Vec<Check>, SourceProblem> {
    let text: Arc<str> = Arc::from(text_of(path, bytes)?);
    let file = File { text: &text, dialect };
    file.checks().map_err(|problem| problem.in_file(path, &text, 0))
}

/// A ready check as it is written in a check file, where it reads back as the same.
pub(super) fn ready_form(check: &super::Ready) -> String {
    ready::form(check)
}

const RIGHT_FORM: &str = "begin a check with `-- check: name`, and put a SELECT for the rows that are \
                          wrong below it, or a line `-- command: …`, or write a ready check such as \
                          `-- check: rows_unchanged(products)`";

const READY_NAMES: &str = "the ready checks are rows_unchanged, rows_at_least, rows_exactly, not_null, unique, \
                           accepted, foreign_keys, columns_unchanged and query_time; any other has a SELECT below it";

const ONE_SELECT: &str = "write one SELECT for the rows that are wrong; none may come back";

/// A name that is written as a ready check is, and is none.
fn looks_ready(name: &str) -> bool {
    let word = name.split_once('(').map_or("", |(word, _)| word.trim());
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && !READY_NAMES.contains(word)
}

struct File<'a> {
    text: &'a str,
    dialect: Dialect,
}

/// What stands below a header.
struct Below {
    statements: Vec<Range<usize>>,
    /// The commands with the comments that they stand in.
    commands: Vec<(Range<usize>, String)>,
}

impl File<'_> {
    fn checks(&self) -> Result<Vec<Check>, SourceProblem> {
        if self.text.contains('\0') {
            split(self.text, self.dialect)?;
        }
        let headers = self.headers()?;
        let first = headers.first().map_or(self.text.len(), |header| header.comment.start);
        let above = self.below(0..first)?;
        let early = above.statements.first().or(above.commands.first().map(|(span, _)| span));
        if let Some(span) = early {
            return Err(self.problem(span, "this stands before the first check", RIGHT_FORM));
        }
        let ends = headers.iter().skip(1).map(|next| next.comment.start);
        let ends = ends.chain([self.text.len()]);
        headers.iter().zip(ends).map(|(header, end)| self.check(header, end)).collect()
    }

    fn headers(&self) -> Result<Vec<Header>, SourceProblem> {
        let comments =
            lex(self.text, self.dialect).filter(|token| token.kind == TokenKind::Comment);
        let mut headers = Vec::new();
        for comment in comments {
            if let Some(header) = header::read(self.text, comment.span())? {
                headers.push(header);
            } else if let Some((word, _)) = labelled(comment.text(self.text))
                && let Some(meant) =
                    ["check", "command"].into_iter().find(|known| is_slip(word, known))
            {
                let message = format!("`{word}:` is not known");
                let help = format!("did you mean `-- {meant}: …`?");
                return Err(self.problem(&comment.span(), message, help));
            }
        }
        Ok(headers)
    }

    fn below(&self, part: Range<usize>) -> Result<Below, SourceProblem> {
        let text = &self.text[part.clone()];
        let mut commands = Vec::new();
        for comment in lex(text, self.dialect).filter(|token| token.kind == TokenKind::Comment) {
            let Some(("command", command)) = labelled(comment.text(text)) else {
                continue;
            };
            let span = part.start + comment.start..part.start + comment.end;
            if command.is_empty() {
                return Err(self.problem(
                    &span,
                    "this command is empty",
                    "write `-- command: curl -fsS …`",
                ));
            }
            commands.push((span, command.to_owned()));
        }
        Ok(Below { statements: self.statements(part)?, commands })
    }

    /// The statements of a part, by their places in the file.
    fn statements(&self, part: Range<usize>) -> Result<Vec<Range<usize>>, SourceProblem> {
        let at = part.start;
        let pieces =
            split(&self.text[part], self.dialect).map_err(|problem| self.moved(problem, at))?;
        let spans = pieces.into_iter().filter_map(|piece| piece.statement);
        Ok(spans.map(|span| at + span.start..at + span.end).collect())
    }

    fn check(&self, header: &Header, end: usize) -> Result<Check, SourceProblem> {
        let below = self.below(header.comment.end..end)?;
        let Some(call) = ready::read(self.text, header.name.clone(), self.dialect)? else {
            return self.asked(header, &below);
        };
        if let Some((command, _)) = below.commands.first() {
            return Err(self.problem(command, "a ready check has a command below it", RIGHT_FORM));
        }
        match call.ready {
            Ready::QueryTime { .. } => self.measured(header, call, below),
            _ => self.ready(header, call, &below),
        }
    }

    fn ready(&self, header: &Header, call: Call, below: &Below) -> Result<Check, SourceProblem> {
        if let Some(statement) = below.statements.first() {
            let message =
                format!("the ready check `{}` has a statement below it", ready::form(&call.ready));
            let help = "take the statement out, or begin it with a `-- check: name` of its own";
            return Err(self.problem(statement, message, help));
        }
        if !call.rest.is_empty() {
            let help = "begin the next check on a line of its own; an explanation begins with `--`";
            return Err(self.problem(&call.rest, "nothing may follow a ready check", help));
        }
        let compares =
            matches!(call.ready, Ready::RowsUnchanged { .. } | Ready::ColumnsUnchanged { .. });
        if compares && header.when() == When::Snapshot {
            return Err(self.problem(&header.name, NO_BEFORE.0, NO_BEFORE.1));
        }
        Ok(header.check(ready::form(&call.ready), header.when(), Body::Ready(call.ready)))
    }

    fn measured(&self, header: &Header, call: Call, below: Below) -> Result<Check, SourceProblem> {
        let mut statements = self.statements(call.rest)?;
        statements.extend(below.statements);
        let query = self.one_select(&statements, &header.name)?;
        self.only_after(header, "`query_time`")?;
        let name = ready::form(&call.ready);
        let Ready::QueryTime { p50, p95, n, .. } = call.ready else {
            return Err(self.problem(&header.name, "this is no measurement", RIGHT_FORM));
        };
        let sql = self.text[query].to_owned().into();
        Ok(header.check(name, When::After, Body::Ready(Ready::QueryTime { sql, p50, p95, n })))
    }

    /// A check with a name of the user's own.
    fn asked(&self, header: &Header, below: &Below) -> Result<Check, SourceProblem> {
        let name = header.free_name(self.text);
        match (below.commands.as_slice(), below.statements.as_slice()) {
            ([(_, command)], []) => {
                self.only_after(header, "a command")?;
                Ok(header.check(name, When::After, Body::Command(command.clone().into())))
            }
            ([], statements) => {
                let select = self.one_select(statements, &header.name)?;
                self.before_is_there(header, &select)?;
                Ok(header.check(
                    name,
                    header.when(),
                    Body::Sql(self.text[select].to_owned().into()),
                ))
            }
            ([(span, _)], _) => {
                Err(self.problem(span, "this check has both a command and a SELECT", RIGHT_FORM))
            }
            ([_, (span, _), ..], _) => {
                let help = "give it a `-- check: name` of its own, or join the commands with `&&`";
                Err(self.problem(span, "this check has more than one command", help))
            }
        }
    }

    fn one_select(
        &self,
        statements: &[Range<usize>],
        name: &Range<usize>,
    ) -> Result<Range<usize>, SourceProblem> {
        let [select] = statements else {
            return Err(match statements.get(1) {
                Some(second) => {
                    self.problem(second, "this check has more than one statement", ONE_SELECT)
                }
                None if looks_ready(&self.text[name.clone()]) => {
                    self.problem(name, "there is no ready check of this name", READY_NAMES)
                }
                None => self.problem(name, "this check has no SELECT", RIGHT_FORM),
            });
        };
        let sql = &self.text[select.clone()];
        if !is_read_only(sql, self.dialect) {
            let word = lex(sql, self.dialect).find(|token| token.is_code());
            let word = word.map(|token| token.text(sql)).unwrap_or_default();
            let message = match word.to_ascii_uppercase().as_str() {
                "SELECT" | "WITH" | "EXPLAIN" | "(" => {
                    "a check cannot write, and this statement does".to_owned()
                }
                _ => format!("a check is one SELECT, and this is `{word}`"),
            };
            return Err(self.problem(select, message, ONE_SELECT));
        }
        if let Some(reason) = reaches_outside(sql, self.dialect) {
            let message = format!("a check cannot change anything: {reason}");
            return Err(self.problem(select, message, ONE_SELECT));
        }
        Ok(select.clone())
    }

    fn before_is_there(&self, header: &Header, select: &Range<usize>) -> Result<(), SourceProblem> {
        let found = before_references(&self.text[select.clone()], self.dialect)
            .map_err(|problem| self.moved(problem, select.start))?;
        match found.first().filter(|_| header.when() == When::Snapshot) {
            Some(reference) => {
                let (start, end) = (reference.span.start, reference.span.end);
                let span = select.start + start..select.start + end;
                Err(self.problem(&span, NO_BEFORE.0, NO_BEFORE.1))
            }
            None => Ok(()),
        }
    }

    fn only_after(&self, header: &Header, what: &str) -> Result<(), SourceProblem> {
        match &header.when {
            Some((When::Before | When::Snapshot, span)) => {
                let message = format!("{what} always runs after the commit");
                Err(self.problem(span, message, "write `-- check(after): …` or `-- check: …`"))
            }
            _ => Ok(()),
        }
    }

    fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> SourceProblem {
        SourceProblem::new(self.text, span.clone(), message).with_help(help)
    }

    fn moved(&self, problem: SourceProblem, by: usize) -> SourceProblem {
        problem.in_file("", &Arc::from(self.text), by)
    }
}

const NO_BEFORE: (&str, &str) = (
    "a snapshot check has no state before it to compare with",
    "the snapshot is that state: name the table alone, or use `-- check: …`",
);

/// The word and the rest of a comment `-- word: rest`; parentheses behind the word are left out.
fn labelled(comment: &str) -> Option<(&str, &str)> {
    let body = comment.strip_prefix("--")?.trim_start();
    let length = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
    let (word, rest) = body.split_at(length);
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(options) => options.split_once(')')?.1.trim_start(),
        None => rest,
    };
    Some((word, rest.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests;
