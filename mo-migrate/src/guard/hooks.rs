//! Telling the hooks.

use std::time::Instant;

use super::run::Run;
use crate::error::{Error, Result, say};
use crate::hooks::{HookAt, Moment, Notice};
use crate::observer::Event;
use crate::report::{HookReport, Outcome, Report};
use crate::settings::{Settings, Stop};
use crate::time;

impl Run<'_> {
    /// Tells those that want to know before anything is touched; the first one that fails stops the run.
    pub(crate) async fn tell_before(&mut self) -> Result<()> {
        let stop = self.settings.stop.clone();
        let told = tell(&self.settings, Moment::Before, &mut self.report, Some(&stop)).await;
        self.go_on().and(told)
    }

    /// Tells of a failure, when no transaction keeps others out any more: before what they can see is taken
    /// back, and else after it.
    pub(super) async fn tell_failed(&mut self, failure: &Error) {
        self.report.error = Some(failure.into());
        // Each has its line in the report.
        let _ = tell(&self.settings, Moment::Failed, &mut self.report, None).await;
    }

    fn was_told_before(&self) -> bool {
        self.report.hooks.iter().any(|line| line.moment == Moment::Before.as_str())
    }

    /// The ledger has how the run ended, or that it is left to the next start.
    pub(crate) async fn write_report(&mut self) -> Result<()> {
        self.record.report = Some(self.report.to_json().to_string());
        self.ledger.update_run(&self.record).await
    }

    /// Tells those that want to know how it ended.
    pub(crate) async fn tell_end(&mut self, outcome: Outcome) {
        let moment = match outcome {
            Outcome::Applied => Moment::After,
            Outcome::RolledBack | Outcome::Restored => Moment::Restored,
            Outcome::NeedsPerson => Moment::NeedsPerson,
            // Who was told that it begins is told that it did not.
            Outcome::Refused if self.was_told_before() => Moment::Restored,
            // Of a run that was taken over the other start tells.
            Outcome::UpToDate | Outcome::Refused | Outcome::Locked => return,
        };
        let before = self.report.hooks.len();
        let _ = tell(&self.settings, moment, &mut self.report, None).await;
        if self.report.hooks.len() > before {
            // It is over, whether what they said is written or not.
            let _ = self.write_report().await;
        }
    }
}

/// Tells that a person is needed where no run was begun that could say so.
pub(crate) async fn tell_person(settings: &Settings, mut report: Report, error: &Error) {
    (report.outcome, report.error) = (error.outcome(), Some(error.into()));
    let _ = tell(settings, Moment::NeedsPerson, &mut report, None).await;
}

/// Tells those that want to know of a run that is to come; gives whom, and the first failure.
pub(crate) async fn announce(settings: &Settings, mut report: Report) -> Result<Vec<String>> {
    let told = tell(settings, Moment::Announce, &mut report, Some(&settings.stop)).await;
    told.map(|()| report.hooks.into_iter().map(|line| line.hook).collect())
}

/// Tells that a snapshot of a schedule is not as it should be.
pub(crate) async fn tell_schedule(settings: &Settings, mut report: Report, error: &Error) {
    (report.outcome, report.error) = (error.outcome(), Some(error.into()));
    let _ = tell(settings, Moment::SnapshotFailed, &mut report, None).await;
}

/// Tells all of a moment, writes their lines into the report, and gives the first failure. What is asked
/// to `stop` tells nobody else; once it has come to its end all are told, and who is asked to stop then
/// ends the one that is being told.
async fn tell(
    settings: &Settings,
    moment: Moment,
    report: &mut Report,
    stop: Option<&Stop>,
) -> Result<()> {
    let mut first = Ok(());
    for HookAt { hook, .. } in settings.hooks_at(moment) {
        let stop = match stop {
            Some(stop) if stop.asked() => break,
            None if settings.stop.asked() => Stop::default(),
            _ => settings.stop.clone(),
        };
        let (began, limit) = (Instant::now(), settings.check_timeout);
        settings.observer.event(&Event::Busy(format!("hook {}", moment.as_str())));
        let notice = notice(moment, report);
        let told = tokio::select! {
            biased;
            told = tokio::time::timeout(limit, hook.tell(&notice)) => told,
            // It may have acted on it, and is told how the run ends.
            () = stop.wait() => Ok(Err("it was interrupted".into())),
        };
        let problem = match told {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("it took longer than {}", time::words(limit))),
        };
        if let Some(problem) = &problem {
            let error = say::hook_failed(&hook.name(), moment, problem);
            settings.observer.event(&Event::Note(format!("warning: {error}")));
            first = first.and(Err(error));
        }
        let (moment, hook) = (moment.as_str().to_owned(), hook.name());
        let duration_ms = time::ms(began.elapsed());
        report.hooks.push(HookReport { moment, hook, problem, duration_ms });
    }
    first
}

fn notice(moment: Moment, report: &Report) -> Notice {
    let has_ended = !matches!(
        moment,
        Moment::Announce | Moment::Before | Moment::Failed | Moment::SnapshotFailed
    );
    Notice {
        moment,
        run: report.run.clone(),
        set: report.set.clone(),
        database: report.database.clone(),
        outcome: has_ended.then_some(report.outcome),
        error: report.error.clone(),
        report: has_ended.then(|| report.clone()),
        active: None,
    }
}
