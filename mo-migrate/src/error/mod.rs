//! Errors: what happened, what caused it, what is true of the database now, and what to do next.
//!
//! The kinds stand in [`Code`]; the sentences for people in the files beside this one.

mod code;
mod disk;
mod render;
pub(crate) mod say;

use std::fmt;

pub use code::{Code, ExitCode};

use crate::printable::commands_as;
pub(crate) use crate::printable::printable;
use crate::report::{Outcome, Report};
use crate::sql::SourceProblem;
pub(crate) use disk::Disk;

/// Any error that a migration or a validator of the user's may return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A result with this crate's error, unless another one is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done, and what is true now.
///
/// It carries the report of all that was done before it.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    causes: Vec<String>,
    place: Option<SourceProblem>,
    outcome: Option<Outcome>,
    database: Option<String>,
    kept: Option<String>,
    hint: Option<String>,
    report: Option<Box<Report>>,
    source: Option<BoxError>,
    /// The database's own code.
    native: Option<String>,
    /// What is the matter with the disk, where that is the cause.
    disk: Option<Disk>,
    /// The connection went, or none could be had: what was to be done can be tried on another one.
    lost: bool,
    /// Where in the statement, in bytes.
    offset: Option<usize>,
    /// The hooks know of it.
    told: bool,
}

impl Error {
    /// An error of this kind: one sentence, lower case, without a full stop.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            causes: Vec::new(),
            place: None,
            outcome: None,
            database: None,
            kept: None,
            hint: None,
            report: None,
            source: None,
            native: None,
            disk: None,
            lost: false,
            offset: None,
            told: false,
        }))
    }

    /// The kind, with its stable name.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What caused it, the nearest first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The place in a file, where there is one.
    #[must_use]
    pub fn place(&self) -> Option<&SourceProblem> {
        self.0.place.as_ref()
    }

    /// How the run ended: refused, unless something was begun.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.0.outcome.unwrap_or(self.0.code.outcome())
    }

    /// What is true of the database now.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.0.database.as_deref()
    }

    /// What is kept, and until when.
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        self.0.kept.as_deref()
    }

    /// What to do; it ends in a command.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The report of what was done before the error, where a run had begun.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_deref()
    }

    /// The code that a command ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self.outcome() {
            Outcome::NeedsPerson => ExitCode::NEEDS_PERSON,
            _ if self.0.code == Code::Interrupted => ExitCode::INTERRUPTED,
            Outcome::RolledBack | Outcome::Restored => ExitCode::UNDONE,
            Outcome::Locked => ExitCode::LOCKED,
            outcome => match self.0.code.exit_code() {
                // Of a kind that undoes a run or needs a person later on, and here nothing was touched.
                ExitCode::NEEDS_PERSON | ExitCode::UNDONE if outcome == Outcome::Refused => {
                    ExitCode::REFUSED
                }
                code => code,
            },
        }
    }

    /// Nothing was touched.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.outcome() == Outcome::Refused
    }

    /// Another one holds the lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.outcome() == Outcome::Locked
    }

    /// The run failed and was undone: rolled back, or restored and compared.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        matches!(self.outcome(), Outcome::RolledBack | Outcome::Restored)
    }

    /// Somebody has to decide; [`hint`](Self::hint) says between what.
    #[must_use]
    pub fn is_needs_person(&self) -> bool {
        self.outcome() == Outcome::NeedsPerson
    }

    /// The code that the database itself gave, where it was the database that said no.
    #[must_use]
    pub fn database_code(&self) -> Option<&str> {
        self.0.native.as_deref()
    }

    pub(crate) fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    pub(crate) fn disk(&self) -> Option<Disk> {
        self.0.disk
    }

    pub(crate) fn on_disk(mut self, disk: Option<Disk>) -> Self {
        self.0.disk = disk;
        self
    }

    /// A connection was lost, or could not be had.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost
    }

    pub(crate) fn lost(mut self) -> Self {
        self.0.lost = true;
        self
    }

    pub(crate) fn native(mut self, code: Option<String>, offset: Option<usize>) -> Self {
        self.0.native = code;
        self.0.offset = offset;
        self
    }

    /// The same error with another code and message; its own message becomes its first cause.
    pub(crate) fn within(mut self, code: Code, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.0.message, message.into());
        self.0.causes.insert(0, inner);
        self.0.code = code;
        self
    }

    /// It ended before anything was changed, whatever it was.
    pub(crate) fn ended_refused(mut self) -> Self {
        let outcome = match self.0.code.outcome() {
            Outcome::NeedsPerson => Outcome::Refused,
            other => other,
        };
        self.0.outcome = Some(outcome);
        if self.0.database.is_none() {
            self.0.database = Some("nothing was touched".to_owned());
        }
        self
    }

    /// The hooks know of it.
    pub(crate) fn told(mut self) -> Self {
        self.0.told = true;
        self
    }

    /// Whether hooks know of it, or a run's report says that they were told.
    pub(crate) fn is_told(&self) -> bool {
        self.0.told || self.0.report.is_some()
    }

    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Of a command that is not `up`: an interruption names it.
    #[cfg(feature = "cli")]
    pub(crate) fn begun_again(self, words: &str) -> Self {
        if self.code() == Code::Interrupted { self.again_by(words) } else { self }
    }

    /// Of a run that is not begun again by `up` alone, but by these words: the command, and what was said
    /// behind it. Flags that a hint has for `up` are the command's own.
    pub(crate) fn again_by(self, words: &str) -> Self {
        let (command, said) = words.split_once(' ').unwrap_or((words, ""));
        self.hinted_as(|hint| {
            commands_as(hint, "up", |flags| {
                // A run has said it already, where its command says it too.
                let flags = flags.strip_suffix(said).unwrap_or(flags).trim_end();
                let typed = [command, flags, said];
                let typed: Vec<_> = typed.into_iter().filter(|words| !words.is_empty()).collect();
                typed.join(" ")
            })
        })
    }

    /// With its hint in other words, where it has one.
    pub(crate) fn hinted_as(self, again: impl FnOnce(&str) -> String) -> Self {
        match self.hint().map(again) {
            Some(hint) => self.hinted(hint),
            None => self,
        }
    }

    pub(crate) fn placed(mut self, place: SourceProblem) -> Self {
        self.0.place = Some(place);
        self
    }

    pub(crate) fn ended(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }

    pub(crate) fn true_now(mut self, database: impl Into<String>) -> Self {
        self.0.database = Some(database.into());
        self
    }

    pub(crate) fn keeping(mut self, kept: impl Into<String>) -> Self {
        self.0.kept = Some(kept.into());
        self
    }

    pub(crate) fn reported(mut self, report: Report) -> Self {
        self.0.report = Some(Box::new(report));
        self
    }

    pub(crate) fn caused_by(mut self, source: BoxError) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*source);
        while let Some(error) = cause {
            self.0.causes.push(error.to_string());
            cause = error.source();
        }
        self.0.source = Some(source);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.message))?;
        for cause in &self.0.causes {
            write!(f, ": {}", printable(cause))?;
        }
        Ok(())
    }
}

/// As a person reads it, so that `main() -> Result<(), Error>` prints something useful.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<SourceProblem> for Error {
    fn from(problem: SourceProblem) -> Self {
        Self::new(Code::BadFile, problem.message.clone()).placed(problem)
    }
}
