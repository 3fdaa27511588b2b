//! Hooks: what is told of a run at its moments.
//!
//! 1. What fails before a run stops it, with nothing touched.
//! 2. What fails after that changes nothing about how the run ends; the report says so.
//! 3. None of them may take longer than a check. A command that is ended, then or by an interruption, is
//!    ended with all that it started; what one that ended by itself has started lives on.
//! 4. Those of no run change nothing about what is done either: a checklist, a schedule of snapshots.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::error::BoxError;
use crate::printable::without_passwords;
use crate::process::Group;
use crate::report::{ErrorReport, Outcome, Report};

/// A moment of a run at which hooks are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// A run is to come, and nothing is missing for it: `migrate preflight` says so.
    Announce,
    /// All that could stop it was looked at, and nothing is touched yet. A hook that fails here stops the
    /// run.
    Before,
    /// It was applied and is final.
    After,
    /// It failed: what others can see of it is taken back next, and what was in a transaction is gone.
    Failed,
    /// The database is as it was: the run was rolled back, restored and compared, or refused after
    /// [`Before`](Self::Before) was told.
    Restored,
    /// A person has to decide.
    NeedsPerson,
    /// A snapshot of a schedule could not be made, or one that is over its time not be removed.
    SnapshotFailed,
    /// Another database becomes the one to use, in an upgrade. A hook that fails here stops that.
    Switch,
}

impl Moment {
    /// Every moment, in their order.
    pub const ALL: [Self; 8] = [
        Self::Announce,
        Self::Before,
        Self::After,
        Self::Failed,
        Self::Restored,
        Self::NeedsPerson,
        Self::SnapshotFailed,
        Self::Switch,
    ];

    /// As it stands in the settings and in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Before => "before",
            Self::After => "after",
            Self::Failed => "failed",
            Self::Restored => "restored",
            Self::NeedsPerson => "needs_person",
            Self::SnapshotFailed => "snapshot_failed",
            Self::Switch => "switch",
        }
    }
}

/// What a hook is told. The keys of its JSON are stable, and what is absent is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// Which moment it is.
    pub moment: Moment,
    /// The run, where there is one.
    pub run: Option<String>,
    /// The name of the set.
    pub set: String,
    /// The database, without any credentials.
    pub database: String,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// Why it did not go well.
    pub error: Option<ErrorReport>,
    /// All of it, once it has ended.
    pub report: Option<Report>,
    /// The address of the database to use from now on, without credentials, where that changes.
    pub active: Option<String>,
}

/// What a hook gives back.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// Something that is told of a run.
pub trait Hook: Send + Sync + fmt::Debug {
    /// What it is, for the report: never with a credential.
    fn name(&self) -> String;
    /// Is told.
    fn tell<'a>(&'a self, notice: &'a Notice) -> Told<'a>;
}

/// A hook and its moment.
#[derive(Clone, Debug)]
pub struct HookAt {
    /// When it is told.
    pub moment: Moment,
    /// What is told.
    pub hook: Arc<dyn Hook>,
}

/// A line for the shell, shown by its first word. It has the notice as JSON on its standard input, and the moment and the outcome
/// in `MO_MIGRATE_MOMENT` and `MO_MIGRATE_OUTCOME`; of a switch, the address to use in `MO_MIGRATE_ACTIVE`.
///
/// What it starts in the background lives on: it may be the application. Where it is itself ended, at its
/// limit or by an interruption, that is ended too.
#[derive(Clone, Debug)]
pub struct ShellHook(pub String);

impl Hook for ShellHook {
    fn name(&self) -> String {
        // Behind it may stand a token.
        let name = match self.0.trim().split_once(char::is_whitespace) {
            Some((first, _)) => format!("{first} …"),
            None => self.0.trim().to_owned(),
        };
        without_passwords(&name)
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Told<'a> {
        Box::pin(async move {
            let mut child = Command::new("sh")
                .args(["-c", &self.0])
                .env("MO_MIGRATE_MOMENT", notice.moment.as_str())
                .env("MO_MIGRATE_OUTCOME", notice.outcome.map_or("", Outcome::as_str))
                .env("MO_MIGRATE_ACTIVE", notice.active.as_deref().unwrap_or_default())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()?;
            let group = Group::of(&child);
            let (input, words) = (child.stdin.take(), serde_json::to_vec(notice)?);
            let written = async {
                if let Some(mut input) = input {
                    // One that does not read it is no error.
                    let _ = input.write_all(&words).await;
                }
                std::future::pending().await
            };
            // What it has started may hold the input open, and never read it.
            let status = tokio::select! {
                status = child.wait() => status,
                never = written => never,
            }?;
            group.leave();
            match status.code() {
                Some(0) => Ok(()),
                Some(code) => Err(format!("it exited with {code}").into()),
                None => Err("it was ended by a signal".into()),
            }
        })
    }
}
