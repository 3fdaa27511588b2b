//! Telling the hooks.

use std::time::Instant;

use super::run::{Run, Stage};
use crate::error::{Error, Result, say};
use crate::hooks::{HookAt, Moment, Notice};
use crate::observer::Event;
use crate::report::{HookReport, Outcome};
use crate::settings::Stop;
use crate::time;

impl Run<'_> {
    /// Tells those that want to know before anything is touched; the first one that fails stops the run.
    pub(crate) async fn tell_before(&mut self) -> Result<()> {
        let stop = self.settings.stop.clone();
        let told = self.tell_hooks(Moment::Before, &stop).await;
        self.go_on().and(told)
    }

    /// Tells of a failure whose effects are still there.
    pub(super) async fn tell_failed(&mut self, failure: &Error) {
        if !matches!(self.stage, Stage::Untouched | Stage::Kept | Stage::Restored) {
            self.report.error = Some(failure.into());
            // Each has its line in the report.
            let _ = self.tell_hooks(Moment::Failed, &Stop::default()).await;
        }
    }

    /// Tells those that want to know how it ended. Gives whether there was one.
    pub(crate) async fn tell_end(&mut self, outcome: Outcome) -> bool {
        let moment = match outcome {
            Outcome::Applied => Moment::After,
            Outcome::RolledBack | Outcome::Restored => Moment::Restored,
            Outcome::NeedsPerson => Moment::NeedsPerson,
            Outcome::UpToDate | Outcome::Refused | Outcome::Locked => return false,
        };
        let before = self.report.hooks.len();
        let _ = self.tell_hooks(moment, &Stop::default()).await;
        self.report.hooks.len() > before
    }

    /// Tells all of a moment, and gives the first failure.
    async fn tell_hooks(&mut self, moment: Moment, stop: &Stop) -> Result<()> {
        let mut first = Ok(());
        for HookAt { hook, .. } in self.settings.hooks_at(moment) {
            let (began, limit) = (Instant::now(), self.settings.check_timeout);
            let notice = self.notice(moment);
            let told = tokio::select! {
                biased;
                told = tokio::time::timeout(limit, hook.tell(&notice)) => told,
                () = stop.wait() => return first,
            };
            let problem = match told {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("it took longer than {}", time::words(limit))),
            };
            if let Some(problem) = &problem {
                let error = say::hook_failed(&hook.name(), moment, problem);
                self.tell(&Event::Note(format!("warning: {error}")));
                first = first.and(Err(error));
            }
            let (moment, hook) = (moment.as_str().to_owned(), hook.name());
            let duration_ms = time::ms(began.elapsed());
            self.report.hooks.push(HookReport { moment, hook, problem, duration_ms });
        }
        first
    }

    fn notice(&self, moment: Moment) -> Notice {
        let has_ended = !matches!(moment, Moment::Before | Moment::Failed);
        Notice {
            moment,
            run: self.report.run.clone(),
            set: self.report.set.clone(),
            database: self.report.database.clone(),
            outcome: has_ended.then_some(self.report.outcome),
            error: self.report.error.clone(),
            report: has_ended.then(|| self.report.clone()),
        }
    }
}
