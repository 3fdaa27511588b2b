//! What a command answers: for people, for programs, and the code that it ends with.

use serde::Serialize;

use crate::error::ExitCode;
use crate::report::Report;

/// The answer of a command.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// None where the answer is a text for another program, such as a shell's completions.
    pub(super) json: Option<serde_json::Value>,
    /// The document for code hosts, where the command has one.
    pub(super) sarif: Option<serde_json::Value>,
    pub(super) code: ExitCode,
}

impl Answer {
    pub(super) fn new(text: impl Into<String>, json: &impl Serialize) -> Self {
        let json = serde_json::to_value(json).unwrap_or_default();
        Self { text: text.into(), json: Some(json), sarif: None, code: ExitCode::OK }
    }

    /// The report of a run that ended well.
    pub(super) fn report(report: &Report) -> Self {
        Self::new(report.to_text(true), &report.to_json())
    }

    /// The text alone, whatever the format.
    pub(super) fn verbatim(text: String) -> Self {
        Self { text, json: None, sarif: None, code: ExitCode::OK }
    }

    /// With a document for code hosts.
    pub(super) fn sarif(self, sarif: serde_json::Value) -> Self {
        Self { sarif: Some(sarif), ..self }
    }

    /// Ends with 5 if so: it answers why a run would be refused.
    pub(super) fn refused(self, refused: bool) -> Self {
        Self { code: if refused { ExitCode::REFUSED } else { self.code }, ..self }
    }

    /// Ends with 1 if so: the answer is "pending" or "findings".
    pub(super) fn findings(self, found: bool) -> Self {
        Self { code: if found { ExitCode::FINDINGS } else { self.code }, ..self }
    }
}
