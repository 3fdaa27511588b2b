//! `up`: recovers if need be, then runs what is pending.

use std::time::Duration;

use super::{Operations, Settled};
use crate::engine::{Role, Target};
use crate::error::{Code, Error, Result, say};
use crate::guard::job::Job;
use crate::guard::{self, Run, record_of};
use crate::history::History;
use crate::ledger::{Ledger, RunRecord};
use crate::migration::MigrationSet;
use crate::observer::Event;
use crate::plan::{Goal, Plan, plan};
use crate::preflight::ItemState;
use crate::report::{Outcome, Report};
use crate::settings::{Settings, Unit};
use crate::time;
use crate::upgrade::UpgradeRecord;

/// The cheapest start of all: the application's own pool, one statement, and nothing else. None
/// when there is anything to do or to say; the long way finds out what.
pub(crate) async fn nothing_to_do(
    target: &Target,
    set: &MigrationSet,
    settings: &Settings,
    goal: Goal,
) -> Option<Report> {
    let stale = cfg!(debug_assertions) && !set.not_compiled_in().is_empty();
    if stale || !settings.unattended {
        return None;
    }
    let (engine, database, mut connection) = target.pooled().await?;
    let history = History::read_for_plan(&mut *connection, &settings.history_table).await;
    connection.close().await;
    let history = history.ok()?.filter(History::is_settled)?;
    let plan = plan(set, Some(&history), goal, settings).ok()?;
    if !plan.pending.is_empty() {
        return None;
    }
    let mut report = Report::new(&settings.set, engine, &database);
    (report.from, report.to) = (plan.from, plan.from);
    settings.observer.event(&Event::Finished(Outcome::UpToDate));
    Some(report)
}

/// Deaths in the apply of one migration after which a person has to say "try again".
const DEATHS: usize = 2;

impl Operations<'_> {
    /// Runs what is pending, up to the goal.
    pub(crate) async fn up(&self, goal: Goal) -> Result<Report> {
        self.warn_when_stale();
        let done = self.up_to(goal).await.map_err(say::start_lost);
        let done = done.map_err(|error| error.again_by(&goal.words()));
        if let Err(error) = &done
            && error.is_needs_person()
            && !error.is_told()
        {
            let engine = self.engine();
            let report = Report::new(&self.settings.set, engine.name(), engine.database());
            guard::tell_person(&self.settings, report, error).await;
        }
        done
    }

    fn tell(&self, event: &Event) {
        self.settings.observer.event(event);
    }

    fn warn_when_stale(&self) {
        if cfg!(debug_assertions) {
            let missing = self.set.not_compiled_in();
            if !missing.is_empty() {
                self.tell(&Event::Note(say::stale_binary(&missing)));
                tracing::warn!(?missing, "migrations that this program was compiled without");
            }
        }
    }

    /// It stays, empty, also when the run then fails: others may have found it by then, and what they
    /// write between a look and its removal would be lost.
    async fn make_missing_database(&self, goal: Goal) -> Result<()> {
        if self.engine.exists().await? {
            return Ok(());
        }
        // Nothing is made for a set that can't be read, nor at a time at which nothing may run.
        let plan = plan(self.set, None, goal, &self.settings)?;
        Job::up(&plan, self.set, self.engine(), &self.settings)?;
        if !plan.pending.is_empty() {
            self.may_begin().await?;
        }
        // Two starters may find it missing: the second one finds it made.
        if let Err(error) = self.engine.create_database().await {
            return if self.engine.exists().await? { Ok(()) } else { Err(error) };
        }
        self.tell(&Event::Note(say::database_made(self.engine().database())));
        Ok(())
    }

    /// Asks what the settings want to be asked before a run begins.
    ///
    /// A starting application is asked the same as a person: it was its author who set a window, and a
    /// set that waits for one can't be run by whoever happens to start next. It ends `refused`, with the
    /// time at which the window opens, and is not taken for a run that failed. What a dead run left is put
    /// back before, whatever the time: that is no new run, and waiting would not make it better.
    async fn may_begin(&self) -> Result<()> {
        for item in guard::preflight::of_settings(&self.settings).await {
            let asked = (item.state == ItemState::Ok).then(|| say::item_is_ok(&item));
            item.demanded()?;
            if let Some(words) = asked {
                self.tell(&Event::Note(words));
            }
        }
        Ok(())
    }

    async fn up_to(&self, goal: Goal) -> Result<Report> {
        match self.looked(goal).await {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => {}
            Err(error) if error.code() == Code::NoDatabase => {
                self.make_missing_database(goal).await?;
            }
            Err(error) if error.code() == Code::Database => {
                // Who may not even see what databases there are is told what right that needs.
                self.engine.exists().await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        let began = time::now_ms();
        let settled = self.settled().await?;
        // Who was waited for has died, and was put back by this very start: nothing has failed yet.
        let waited = settled.lock.waited && settled.dead_run.is_none();
        if let Some(report) = &settled.dead_run
            && report.outcome == Outcome::Restored
        {
            tracing::info!(run = report.run, "a dead run was put back");
        }
        match self.settings.unit {
            Unit::Run => self.one_run(goal, goal, settled, waited.then_some(began)).await,
            Unit::Migration => self.one_by_one(goal, settled, waited.then_some(began)).await,
        }
    }

    /// A report when there is nothing to do.
    async fn looked(&self, goal: Goal) -> Result<Option<Report>> {
        // A person's `up` looks into the ledger too, where a run that died after it had become
        // final still waits to be closed; a starting application's needs only the one statement.
        if self.settings.unattended || !self.is_run_open().await? {
            return self.start(goal).await;
        }
        // What is to be recovered may be that the whole database is gone.
        self.make_missing_database(goal).await.map(|()| None)
    }

    async fn is_run_open(&self) -> Result<bool> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(false) };
        let open = ledger.open_run().await;
        ledger.close().await;
        Ok(open?.is_some())
    }

    /// The one statement of a start: a report when there is nothing to do.
    async fn start(&self, goal: Goal) -> Result<Option<Report>> {
        let history = match self.history(Role::Start).await {
            // A place that can't be written may still be up to date.
            Err(error)
                if matches!(error.code(), Code::Database | Code::Connect | Code::NoSpace) =>
            {
                self.history(Role::Read).await.map_err(|_| error)?
            }
            other => other?,
        };
        let Some(history) = history.filter(History::is_settled) else { return Ok(None) };
        let plan = plan(self.set, Some(&history), goal, &self.settings)?;
        Ok(plan.pending.is_empty().then(|| self.up_to_date(&plan)))
    }

    fn up_to_date(&self, plan: &Plan<'_>) -> Report {
        self.as_it_is(plan.from)
    }

    /// There was nothing to do.
    pub(super) fn as_it_is(&self, version: Option<i64>) -> Report {
        let engine = self.engine();
        let mut report = Report::new(&self.settings.set, engine.name(), engine.database());
        (report.from, report.to) = (version, version);
        self.tell(&Event::Finished(Outcome::UpToDate));
        report
    }

    async fn one_by_one(
        &self,
        goal: Goal,
        settled: Settled,
        waited: Option<i64>,
    ) -> Result<Report> {
        let history = settled.history.as_ref();
        let pending = plan(self.set, history, goal, &self.settings)?.pending.len();
        let lock = settled.lock.clone();
        let mut first = Some(settled);
        let mut whole: Option<Report> = None;
        for _ in 0..pending.max(1) {
            // One step at a time, and the repeatable ones, which have no number, at the end.
            let next = if whole.as_ref().map_or(0, |report| report.migrations.len()) + 1 < pending
                || !matches!(goal, Goal::Latest)
            {
                Goal::Steps(1)
            } else {
                goal
            };
            let settled = match first.take() {
                Some(settled) => settled,
                None => self.looked_up(lock.clone()).await?,
            };
            let report = self.one_run(next, goal, settled, waited).await?;
            whole = Some(match whole {
                None => report,
                Some(before) => joined(before, report),
            });
        }
        whole.ok_or_else(|| say::internal(&"no run was made"))
    }

    /// Up to `goal`, on the way to where a person said.
    async fn one_run(
        &self,
        goal: Goal,
        said: Goal,
        settled: Settled,
        waited: Option<i64>,
    ) -> Result<Report> {
        let Settled { lock, mut ledger, history, .. } = settled;
        let plan = plan(self.set, history.as_ref(), goal, &self.settings)?;
        if plan.pending.is_empty() {
            ledger.close().await;
            return Ok(self.up_to_date(&plan));
        }
        if let Some(words) = self.mistyped(history.as_ref()).await {
            self.tell(&Event::Note(format!("warning: {words}")));
        }
        for finding in &plan.tolerated {
            self.tell(&Event::Note(say::tolerated(finding)));
        }
        let mut job = Job::up(&plan, self.set, self.engine(), &self.settings)?;
        job.again = said.words();
        if let Err(error) = self.may_run(&plan, &mut ledger, waited).await {
            ledger.close().await;
            return Err(error);
        }
        let record = record_of(&job, &self.settings, history.as_ref());
        let mut run = Run::new(self.engine(), self.settings.clone(), ledger, lock, record);
        run.history = history;
        Box::pin(run.execute(&job)).await
    }

    /// Whether this database is the one in use, where an upgrade has made another one beside it.
    pub(super) async fn is_in_use(&self, ledger: &mut Ledger) -> Result<()> {
        if let Some(upgrade) = ledger.upgrade().await? {
            self.is_not_left(&upgrade)?;
            if let Some(warning) = say::blue_is_migrated(self.engine.database(), &upgrade) {
                self.tell(&Event::Note(warning));
            }
        }
        Ok(())
    }

    /// Green is not the one to use in this one's place.
    pub(super) fn is_not_left(&self, upgrade: &UpgradeRecord) -> Result<()> {
        if upgrade.state.is_green_active() && upgrade.state.is_open() {
            return Err(say::blue_is_not_active(&self.engine.own_name(), &upgrade.green));
        }
        Ok(())
    }

    /// Asks everything that may be against a run of what is pending.
    async fn may_run(
        &self,
        plan: &Plan<'_>,
        ledger: &mut Ledger,
        waited: Option<i64>,
    ) -> Result<()> {
        self.is_in_use(ledger).await?;
        let runs = ledger.runs_in_brief().await?;
        match not_again(plan, &runs, &self.settings, waited, time::now_ms()) {
            Some(error) => Err(error),
            None => self.may_begin().await,
        }
    }
}

fn joined(mut before: Report, after: Report) -> Report {
    before.migrations.extend(after.migrations);
    before.checks.extend(after.checks);
    before.hooks.extend(after.hooks);
    before.tables = after.tables;
    before.to = after.to;
    before.snapshot = after.snapshot;
    for (phase, ms) in after.timings_ms {
        *before.timings_ms.entry(phase).or_default() += ms;
    }
    before
}

/// Why what is pending is not tried now: it failed while we waited, it failed a short while ago, or
/// it killed its process too often.
pub(super) fn not_again(
    plan: &Plan<'_>,
    runs: &[RunRecord],
    settings: &Settings,
    waited: Option<i64>,
    now: i64,
) -> Option<Error> {
    if settings.retry {
        return None;
    }
    let of_set = || runs.iter().filter(|run| run.set == settings.set && !run.is_of_a_guard());
    for migration in &plan.pending {
        let deaths = deaths_in(migration.version, migration.checksum.as_str(), of_set());
        if deaths >= DEATHS {
            return Some(say::deaths(&migration.title(), migration.place(), deaths));
        }
    }
    let fingerprint = plan.fingerprint();
    let failures: Vec<&RunRecord> =
        of_set().take_while(|run| run.fingerprint == fingerprint && is_failure(run)).collect();
    let last = failures.first()?;
    let ended = last.finished_at?;
    if waited.is_some_and(|since| ended >= since) {
        return Some(say::failed_while_waiting(last));
    }
    if !settings.unattended {
        return None;
    }
    let doublings = u32::try_from(failures.len() - 1).unwrap_or(u32::MAX).min(10);
    let pause = settings.retry_after.saturating_mul(2u32.saturating_pow(doublings));
    let since = now.saturating_sub(ended);
    // One that is still to come, by more than that, was before the clock was set back.
    let apart = Duration::from_millis(since.unsigned_abs());
    let left = pause.checked_sub(apart).filter(|left| !left.is_zero())?;
    Some(say::retry_later(last, if since < 0 { pause } else { left }))
}

/// The deaths in the apply of one text, since a run last came through it alive.
fn deaths_in<'a>(version: i64, checksum: &str, runs: impl Iterator<Item = &'a RunRecord>) -> usize {
    let came_through = |run: &&RunRecord| {
        let reached = run.applying.as_ref().is_some_and(|(last, _)| *last >= version);
        run.outcome == Some(Outcome::Applied) || (run.purpose == "up" && !run.died && reached)
    };
    let in_it = |run: &&RunRecord| {
        run.died && run.applying.as_ref().is_some_and(|(v, text)| *v == version && text == checksum)
    };
    runs.take_while(|run| !came_through(run)).filter(in_it).count()
}

fn is_failure(run: &RunRecord) -> bool {
    let code = format!("\"code\":\"{}\"", Code::Interrupted);
    let interrupted = run.error.as_ref().is_some_and(|error| error.contains(&code));
    // A run that died before it had changed anything is no failure, and one that died in apply is
    // counted as a death.
    let judged = match run.outcome {
        Some(Outcome::Restored) => true,
        // The latter was undone but for what has no way back.
        Some(Outcome::RolledBack | Outcome::NeedsPerson) => run.error.is_some(),
        _ => false,
    };
    judged && !run.died && !interrupted
}
