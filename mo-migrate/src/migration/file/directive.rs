//! Directives: comments in a file's head that say how it runs.

use std::ops::Range;

use crate::sql::{Dialect, Lexer, Scan, SourceProblem, TokenKind, nearest, unquote_name};

/// Whether a migration runs inside of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransactionMode {
    /// As the engine does best.
    #[default]
    Default,
    /// Inside of one.
    Transaction,
    /// Outside of any: a failure is undone by the snapshot.
    NoTransaction,
}

/// A refusal that the file overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The code of what would be refused.
    pub code: String,
    /// Why it is right here.
    pub reason: String,
}

/// What the comments in a file's head say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Whether it runs inside of a transaction.
    pub transaction: TransactionMode,
    /// Tables that it says it touches, where the engine cannot see them.
    pub tables: Vec<String>,
    /// The refusals that it overrides.
    pub allows: Vec<Allow>,
    /// It switches foreign keys off, to rebuild a table that others refer to. The PRAGMA is not
    /// among the statements: inside of a transaction it would do nothing.
    pub foreign_keys_off: bool,
}

/// What every directive begins with.
const PREFIX: &str = "mo-migrate";

/// The directives, by their first words.
const KNOWN: [&str; 4] = ["no-transaction", "transaction", "tables", "allow"];

pub(super) fn read_head(
    text: &str,
    scan: &Scan,
    dialect: Dialect,
) -> Result<Directives, SourceProblem> {
    let head = scan.pieces.iter().find_map(|piece| piece.statement.clone());
    let head_end = head.map_or(text.len(), |statement| statement.start);
    let mut directives = Directives::default();
    if text.starts_with("-- no-transaction") {
        directives.transaction = TransactionMode::NoTransaction;
    }
    for comment in &scan.comments {
        let Some(body) = directive(text, comment)? else {
            continue;
        };
        if comment.start >= head_end {
            let problem = SourceProblem::new(
                text,
                comment.clone(),
                "a directive stands below the first statement",
            );
            return Err(problem.with_help("move it to the head of the file"));
        }
        Reader { text, dialect, body }.read(&mut directives)?;
    }
    Ok(directives)
}

/// The span behind `-- mo-migrate:`, blanks trimmed, if the comment is a directive.
fn directive(text: &str, comment: &Range<usize>) -> Result<Option<Range<usize>>, SourceProblem> {
    let written = &text[comment.clone()];
    let Some(rest) =
        written.strip_prefix("--").and_then(|rest| rest.trim_start().strip_prefix(PREFIX))
    else {
        return Ok(None);
    };
    let Some(body) = rest.trim_start().strip_prefix(':') else {
        let word = rest.split_whitespace().next().unwrap_or_default();
        if rest.starts_with(char::is_whitespace) && KNOWN.contains(&word) {
            let problem = SourceProblem::new(text, comment.clone(), "this directive has no colon");
            return Err(problem.with_help(format!("write `-- mo-migrate: {}`", rest.trim())));
        }
        return Ok(None);
    };
    let start = comment.end - body.trim_start().len();
    Ok(Some(start..start + body.trim().len()))
}

/// Reads one directive.
struct Reader<'a> {
    text: &'a str,
    dialect: Dialect,
    body: Range<usize>,
}

impl Reader<'_> {
    fn read(&self, directives: &mut Directives) -> Result<(), SourceProblem> {
        let body = &self.text[self.body.clone()];
        let word = body.split(char::is_whitespace).next().unwrap_or_default();
        let rest = self.body.start + word.len()..self.body.end;
        match word {
            "transaction" => self.mode(directives, TransactionMode::Transaction, rest),
            "no-transaction" => self.mode(directives, TransactionMode::NoTransaction, rest),
            "tables" => {
                directives.tables.extend(self.tables(rest)?);
                Ok(())
            }
            "allow" => {
                directives.allows.push(self.allow(rest)?);
                Ok(())
            }
            _ => {
                let span = self.body.start..self.body.start + word.len();
                let help = nearest(word, &KNOWN).map_or_else(
                    || "known are `no-transaction`, `transaction`, `tables a, b` and `allow CODE because …`".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                );
                let message = match word {
                    "" => "this directive is empty".to_owned(),
                    word => format!("the directive `{word}` is not known"),
                };
                Err(SourceProblem::new(self.text, span, message).with_help(help))
            }
        }
    }

    fn mode(
        &self,
        directives: &mut Directives,
        mode: TransactionMode,
        rest: Range<usize>,
    ) -> Result<(), SourceProblem> {
        if !self.text[rest.clone()].trim().is_empty() {
            let problem = SourceProblem::new(self.text, rest, "nothing may follow this directive");
            return Err(problem.with_help("put the words into a comment of their own"));
        }
        if directives.transaction != TransactionMode::Default && directives.transaction != mode {
            let message = "the file says both `transaction` and `no-transaction`";
            return Err(SourceProblem::new(self.text, self.body.clone(), message)
                .with_help("take one of them out"));
        }
        directives.transaction = mode;
        Ok(())
    }

    fn tables(&self, rest: Range<usize>) -> Result<Vec<String>, SourceProblem> {
        const FORM: &str =
            "write `-- mo-migrate: tables a, b`; a name with blanks is `\"my table\"`";
        let problem =
            |span, message: &str| Err(SourceProblem::new(self.text, span, message).with_help(FORM));
        let mut tables = Vec::new();
        let mut name_is_next = true;
        let line = &self.text[..rest.end];
        for token in Lexer::starting_at(line, self.dialect, rest.start) {
            match token.kind {
                TokenKind::Blank => {}
                _ if name_is_next && token.is_name(line) && token.closed => {
                    tables.push(unquote_name(token, line, self.dialect));
                    name_is_next = false;
                }
                _ if !name_is_next && token.is_sign(line, ",") => name_is_next = true,
                _ => return problem(token.span(), "this is not a list of tables"),
            }
        }
        if name_is_next { problem(self.body.clone(), "a table is missing") } else { Ok(tables) }
    }

    fn allow(&self, rest: Range<usize>) -> Result<Allow, SourceProblem> {
        let words = self.text[rest].trim();
        let (code, reason) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let reason = reason
            .trim_start()
            .strip_prefix("because")
            .filter(|reason| reason.starts_with(char::is_whitespace) && !reason.trim().is_empty());
        let named = !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let named = named && code != "because";
        if let Some(reason) = reason.filter(|_| named) {
            let (code, reason) = (code.to_ascii_uppercase(), reason.trim().to_owned());
            return Ok(Allow { code, reason });
        }
        let message = if named {
            format!("`allow {code}` has no reason")
        } else if code.is_empty() || code == "because" {
            "`allow` has no code".to_owned()
        } else if let Some(first) = code.strip_suffix(',') {
            format!(
                "`allow` takes one code, and here are more than `{first}`: give each a line of its own"
            )
        } else {
            format!("`{code}` can't be a code, which is letters, digits and `_`")
        };
        Err(SourceProblem::new(self.text, self.body.clone(), message).with_help(
            "write `-- mo-migrate: allow CODE because …`, for the next person who reads it",
        ))
    }
}
