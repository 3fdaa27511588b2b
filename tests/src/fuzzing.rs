//! What holds for any text at all: the bodies of the fuzz targets, and of the test that replays
//! their corpora.
//!
//! Each function takes what a fuzzer made up, and panics when a promise is broken.

use std::hash::{Hash as _, Hasher as _};
use std::ops::Range;

use mo_migrate::sql::{
    self, Dialect, Piece, SourceProblem, Token, TokenKind, before_references, lex, scan, substitute,
};
use mo_migrate::validate::{Body, Ready, check_file};
use mo_migrate::{FileName, FileRole, SqlFile, fuzzing, parse_duration};

/// A function that takes what a fuzzer made up.
pub type Target = fn(&[u8]);

/// The targets by their names, which are those of their corpora too.
pub const TARGETS: &[(&str, Target)] = &[
    ("sql", sql),
    ("statement", statement),
    ("migration_file", migration_file),
    ("check_file", check_file),
    ("file_name", file_name),
    ("address", address),
    ("config", config),
    ("dotenv", dotenv),
];

const DIALECTS: [Dialect; 4] =
    [Dialect::Sqlite, Dialect::MatrixOne, Dialect::MySql, Dialect::Postgres];

/// What stands for a password: no text can have it in itself by chance.
fn secret(data: &[u8]) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    data.hash(&mut hasher);
    format!("secret{:016x}", hasher.finish())
}

/// The lexer and the splitter: the tokens and the pieces cover the text; no statement begins or ends
/// inside of a string, a name or a comment; what was split once splits the same again.
pub fn sql(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for dialect in DIALECTS {
        let tokens: Vec<Token> = lex(&text, dialect).collect();
        covers(&text, tokens.iter().map(|token| token.span()));
        let unclosed = tokens.iter().position(|token| !token.closed);
        assert!(unclosed.is_none_or(|at| at + 1 == tokens.len()), "an open token ends the text");
        match scan(&text, dialect) {
            Ok(scan) => {
                covers(&text, scan.pieces.iter().map(|piece| piece.whole.clone()));
                in_order(&text, &scan.comments);
                splits(&text, dialect, &tokens, &scan.pieces);
            }
            Err(problem) => is_shown(&text, &problem),
        }
    }
}

fn splits(text: &str, dialect: Dialect, tokens: &[Token], pieces: &[Piece]) {
    let statements: Vec<Range<usize>> =
        pieces.iter().filter_map(|piece| piece.statement.clone()).collect();
    in_order(text, &statements);
    for piece in pieces {
        let Some(statement) = &piece.statement else { continue };
        assert!(piece.whole.start <= statement.start && statement.end <= piece.whole.end);
    }
    // A DELIMITER of the file's own makes other tokens of what is behind it.
    if text.to_ascii_lowercase().contains("delimiter") {
        return;
    }
    let edges = statements.iter().flat_map(|span| [span.start, span.end]);
    let edges = edges.chain(pieces.iter().map(|piece| piece.whole.end));
    for edge in edges {
        let within = tokens.iter().find(|token| token.start < edge && edge < token.end);
        assert!(within.is_none(), "{dialect:?}: byte {edge} is inside of {within:?}");
    }
    let texts: Vec<&str> = statements.iter().map(|span| &text[span.clone()]).collect();
    let joined: String = texts.iter().flat_map(|sql| [sql, ";\n"]).collect();
    let again = sql::split(&joined, dialect).unwrap_or_else(|problem| panic!("{problem}"));
    let again: Vec<&str> =
        again.into_iter().filter_map(|piece| piece.statement).map(|span| &joined[span]).collect();
    assert_eq!(again, texts, "{dialect:?}");
}

/// The questions about one statement: each has an answer, and the places in them are in the text.
pub fn statement(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for dialect in DIALECTS {
        if let Some(span) = sql::transaction_control(&text, dialect) {
            in_order(&text, &[span]);
        }
        for token in lex(&text, dialect) {
            let _ = sql::unquote(token, &text, dialect);
        }
        let _ = sql::breaks_the_lock(&text, dialect);
        let _ = sql::drops_tables(&text, dialect);
        let _ = sql::fits_in_transaction_of_its_own(&text, dialect);
        let _ = sql::is_read_only(&text, dialect);
        let _ = sql::names_no_database(&text, dialect);
        let _ = sql::needs_no_transaction(&text, dialect);
        let _ = sql::pragma(&text, dialect);
        let _ = sql::reaches_outside(&text, dialect);
        let _ = sql::renames_table_to(&text, dialect);
        let _ = sql::session_variables(&text, dialect);
        let _ = sql::sets_session(&text, dialect);
        let _ = sql::writes_elsewhere(&text, dialect, "shop");
        let _ = sql::writes_to(&text, dialect, "shop");
        quoted_name_is_one(&text, dialect);
        match before_references(&text, dialect) {
            Ok(found) => {
                in_order(&text, &found.into_iter().map(|found| found.span).collect::<Vec<_>>());
            }
            Err(problem) => is_shown(&text, &problem),
        }
        let values = [("schema".to_owned(), "shop".to_owned())].into();
        if let Err(problem) = substitute(&text, &values, dialect) {
            is_shown(&text, &problem);
        }
    }
}

/// A name in quotes is one token, whatever is in it, and its own name again without them.
fn quoted_name_is_one(name: &str, dialect: Dialect) {
    let quoted = dialect.quote(name);
    let tokens: Vec<Token> = lex(&quoted, dialect).collect();
    let [token] = tokens[..] else { panic!("{dialect:?}: {quoted:?} is {tokens:?}") };
    assert!(token.kind == TokenKind::QuotedName && token.closed, "{dialect:?}: {token:?}");
    assert_eq!(sql::unquote(token, &quoted, dialect), name);
}

/// Migration files and their directives: places are in the text, lines are right, problems are shown.
pub fn migration_file(data: &[u8]) {
    for dialect in DIALECTS {
        let file = match SqlFile::parse("migrations/1_a.sql", data, dialect) {
            Ok(file) => file,
            Err(problem) => {
                is_shown(&problem.text, &problem);
                continue;
            }
        };
        let spans: Vec<_> =
            file.statements.iter().map(|statement| statement.span.clone()).collect();
        in_order(&file.text, &spans);
        for statement in &file.statements {
            assert!(!file.sql(statement).is_empty());
            let line = 1 + file.text[..statement.span.start].matches('\n').count();
            assert_eq!(statement.line, line);
        }
        if let Some(problem) = file.transaction_control(dialect) {
            is_shown(&file.text, &problem);
        }
    }
    let lines = 1 + String::from_utf8_lossy(data).matches('\n').count();
    for finding in fuzzing::lint("migrations/1_a.sql", data) {
        assert!(finding.line.is_some_and(|line| 1 <= line && line <= lines), "{finding:?}");
        assert!(!finding.engines.is_empty() && !finding.message.is_empty(), "{finding:?}");
    }
}

/// Check files: no check writes or is without a name, and a ready one reads back as the same.
pub fn check_file(data: &[u8]) {
    for dialect in DIALECTS {
        let checks = match check_file::parse("migrations/1_a.check.sql", data, dialect) {
            Ok(checks) => checks,
            Err(problem) => {
                is_shown(&problem.text, &problem);
                continue;
            }
        };
        for check in checks {
            assert!(!check.name.trim().is_empty());
            match &check.body {
                Body::Sql(sql) => assert!(sql::is_read_only(sql, dialect), "{sql}"),
                Body::Ready(Ready::QueryTime { sql, .. }) => {
                    assert!(sql::is_read_only(sql, dialect), "{sql}");
                }
                // The values of this one are shown as they are, and not as a backslash is written.
                Body::Ready(Ready::Accepted { values, .. })
                    if values.iter().any(|value| value.contains('\\')) => {}
                Body::Ready(ready) => reads_back(&check.name, ready, dialect),
                Body::Command(command) => assert!(!command.trim().is_empty()),
                Body::Rust(_) => panic!("a file has no function"),
            }
        }
    }
}

fn reads_back(name: &str, ready: &Ready, dialect: Dialect) {
    let text = format!("-- check: {name}\n");
    let again = check_file::parse("again", text.as_bytes(), dialect);
    let again = again.unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
    assert!(
        matches!(&again[..], [check] if matches!(&check.body, Body::Ready(same) if same == ready)),
        "{dialect:?}: {text:?} was {ready:?}, and is {again:?}"
    );
}

/// File names and durations: what is read can be written, and is read as the same again.
pub fn file_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = parse_duration(&text);
    for file in [text.as_ref(), &format!("{text}.sql"), &format!("1_{text}.sql")] {
        let Ok(Some(name)) = FileName::parse(file) else { continue };
        let ending = match name.role {
            FileRole::Up => ".up",
            FileRole::Down => ".down",
            FileRole::Check => ".check",
            FileRole::Repeatable | FileRole::Always => continue,
        };
        assert!(name.version > 0, "{file:?}");
        let written = format!("{}_{}{ending}.sql", name.version, name.name);
        assert_eq!(FileName::parse(&written), Ok(Some(name)), "{file:?}");
    }
}

/// Addresses: a password stands in no error, and in nothing that is shown of a database.
///
/// The text is an address up to its password, a line end, and what stands behind the password.
pub fn address(data: &[u8]) {
    let (text, secret) = (String::from_utf8_lossy(data), secret(data));
    let (front, behind) = text.split_once('\n').unwrap_or((&text, "host/db"));
    let _ = hides(fuzzing::address(&text), &secret);
    for scheme in ["matrixone://", "mysql://", "sqlite://", "sqlite:", ""] {
        let whole = format!("{scheme}{front}:{secret}@{behind}");
        // An `@` alone is part of many a path.
        if whole.to_ascii_lowercase().starts_with(&format!("sqlite:{secret}")) {
            continue;
        }
        let shown = hides(fuzzing::address(&whole), &secret);
        assert!(!shown.contains(&secret), "{whole:?}: {shown}");
        assert!(!fuzzing::may_be_shown(&whole), "{whole:?} would be shown");
    }
}

/// Configuration files: an address stands in no error.
///
/// The text is what stands before and behind the address in its line, and the lines below it.
pub fn config(data: &[u8]) {
    let (text, secret) = (String::from_utf8_lossy(data), secret(data));
    let _ = hides(fuzzing::config(&text).map(|()| String::new()), &secret);
    let (front, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (behind, below) = rest.split_once('\n').unwrap_or((rest, ""));
    let whole = format!("url = {front}{secret}{behind}\n{below}");
    let _ = hides(fuzzing::config(&whole).map(|()| String::new()), &secret);
}

/// `.env` files: no value stands in an error. The text has the value at its first character 1.
pub fn dotenv(data: &[u8]) {
    let (text, secret) = (String::from_utf8_lossy(data), secret(data));
    let whole = text.replacen('\u{1}', &secret, 1);
    if let Ok(pairs) = fuzzing::dotenv(&whole) {
        assert!(pairs.iter().all(|(key, _)| !key.is_empty()));
    }
    let _ = hides(fuzzing::dotenv(&whole).map(|_| String::new()), &secret);
}

/// What was read, or nothing; an error is shown, and without the secret.
fn hides(read: mo_migrate::Result<String>, secret: &str) -> String {
    let Err(error) = read else { return read.unwrap_or_default() };
    for shown in [error.render(false), error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(secret), "{shown}");
    }
    is_harmless(&error.render(false));
    String::new()
}

/// The spans cover the text without gap or overlap, and cut no character.
fn covers(text: &str, spans: impl Iterator<Item = Range<usize>>) {
    let mut at = 0;
    for span in spans {
        assert!(span.start == at && span.end > at, "{span:?} at {at}");
        assert!(text.is_char_boundary(span.end), "{span:?} cuts a character");
        at = span.end;
    }
    assert_eq!(at, text.len());
}

/// The spans are in the text, one behind the other, and cut no character.
fn in_order(text: &str, spans: &[Range<usize>]) {
    let mut at = 0;
    for span in spans {
        assert!(at <= span.start && span.start < span.end, "{span:?} at {at}");
        assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text");
        at = span.end;
    }
}

/// The place is in the text, and a terminal can be given the picture.
fn is_shown(text: &str, problem: &SourceProblem) {
    let span = &problem.span;
    assert!(span.start <= span.end && text.get(span.clone()).is_some(), "{span:?}: {problem}");
    is_harmless(&problem.render(false));
    is_harmless(&problem.to_string());
}

fn is_harmless(shown: &str) {
    let obeyed = shown.chars().find(|c| c.is_control() && *c != '\n');
    assert!(obeyed.is_none(), "{obeyed:?} in {shown:?}");
}
