//! The rehearsal: the pending migrations and their checks on a clone of the run's snapshot, before
//! anything is changed.
//!
//! Invariants:
//! 1. a clone's session can write to the original, so that only sets run here whose every statement was
//!    read and names no database, and Rust migrations that say `rehearsable`;
//! 2. the clone is dropped afterwards, whatever happened, and by the next start after a crash;
//! 3. a rehearsal that fails stops the run before it has touched anything; one that can't be made is
//!    a line, and stops nothing.

use std::time::Instant;

use super::job::{Body, Job, Step};
use super::restore_plan::mentions;
use super::run::Run;
use crate::engine::{
    Clone, Connection, Counts, Fence, Inventory, ObjectKind, inventory_of_snapshot,
};
use crate::error::{Code, Error, Result, say};
use crate::migration::Session;
use crate::observer::{Event, Phase};
use crate::report::{MigrationState, RehearsalReport};
use crate::settings::Rehearse;
use crate::snapshot::SnapshotOf;
use crate::validate::When;
use crate::{panics, sql, time};

/// A larger database is not rehearsed unless somebody asks: its clone alone would take seconds.
const TABLES: usize = 100;

/// With more rows a rehearsal would take as long as the run itself, and that may be minutes.
const ROWS: u64 = 10_000_000;

impl Run<'_> {
    /// Rehearses the job, where the settings and the set allow it.
    pub(super) async fn rehearse(&mut self, job: &Job<'_>) -> Result<()> {
        let asked = match self.settings.rehearse {
            Rehearse::Never => return Ok(()),
            Rehearse::WhenQuick => false,
            Rehearse::Always => true,
        };
        let Some(snapshot) =
            self.record.snapshot.clone().filter(|_| job.purpose != "down" && job.around.is_none())
        else {
            return Ok(());
        };
        let quick = self.engine.capabilities().cheap_clones && self.is_quick();
        if !(asked || quick) {
            return Ok(());
        }
        if let Err(why) = can_be_rehearsed(job, self.engine.dialect(), &self.then) {
            self.not_rehearsed(why);
            return Ok(());
        }
        self.enter(Phase::Rehearse, &snapshot).await?;
        let run = self.record.id.clone();
        let rehearsed = match self.engine.clone_snapshot(&snapshot, &run, None, &self.then).await {
            Ok(clone) if clone.only.is_some() => {
                clone.connection.close().await;
                Err("the snapshot can't be cloned as a whole".to_owned())
            }
            Ok(clone) => Ok(self.rehearse_on(job, clone).await),
            Err(error) => Err(format!("the snapshot can't be cloned: {}", error.message())),
        };
        self.remove_clone(&run).await?;
        match rehearsed {
            Err(why) => self.not_rehearsed(why),
            Ok(done) => {
                done.map_err(|error| match error.code() {
                    Code::Interrupted => error,
                    _ => say::rehearsal_failed(error, self.clones_leave_out()),
                })?;
                self.leave("");
            }
        }
        Ok(())
    }

    fn is_quick(&self) -> bool {
        let rows = self.then.tables().filter_map(|table| table.rows).sum::<u64>();
        self.then.tables().count() <= TABLES && rows <= ROWS
    }

    fn not_rehearsed(&mut self, why: String) {
        self.tell(&Event::Note(format!("could not be rehearsed: {why}")));
        self.report.rehearsal = Some(RehearsalReport { why: Some(why), ..Default::default() });
    }

    /// Objects that a clone lacks, by which a rehearsal may fail that the run would not.
    fn clones_leave_out(&self) -> bool {
        let afterwards = |kind: crate::engine::ObjectKind| kind.is_put_back_afterwards();
        self.then.objects.iter().any(|object| afterwards(object.kind))
    }

    async fn rehearse_on(&mut self, job: &Job<'_>, mut clone: Clone) -> Result<()> {
        let began = Instant::now();
        let mut report = RehearsalReport::default();
        let mut done = Ok(());
        for step in &job.steps {
            let started = Instant::now();
            let sent = self.rehearse_step(&mut *clone.connection, step).await;
            let mut line = super::pending_line(step);
            line.duration_ms = time::ms(started.elapsed());
            line.state =
                if sent.is_ok() { MigrationState::Applied } else { MigrationState::Failed };
            line.statements = *sent.as_ref().unwrap_or(&0);
            report.migrations.push(line);
            if let Err(error) = sent {
                done = Err(error);
                break;
            }
        }
        let checks = job.checks_at(When::Before);
        if done.is_ok() && !checks.is_empty() {
            let ran = self.report.checks.len();
            done = self.judge_on(&mut *clone.connection, &checks).await;
            report.checks = self.report.checks.split_off(ran);
        }
        clone.connection.close().await;
        report.duration_ms = time::ms(began.elapsed());
        report.done = done.is_ok();
        report.why = done.as_ref().err().map(ToString::to_string);
        self.report.rehearsal = Some(report);
        done
    }

    async fn rehearse_step(
        &mut self,
        connection: &mut dyn Connection,
        step: &Step<'_>,
    ) -> Result<u64> {
        let history = self.settings.history_table.clone();
        self.settings.stop.ends(&*connection);
        connection.remember_settings().await?;
        connection.limit(self.settings.statement_timeout);
        connection.fence(Fence::History(&history));
        let done = match &step.body {
            Body::Sql(file) => {
                let mut done = Ok(0);
                for (number, statement) in (1..).zip(&file.statements) {
                    if let Err(error) = connection.execute(file.sql(statement), &[]).await {
                        done = Err(super::apply::explain(step, file, statement, number, error));
                        break;
                    }
                    done = Ok(number);
                }
                done
            }
            Body::Rust(function) => {
                let mut session = Session::new(&mut *connection);
                let called = panics::catch((function.run)(&mut session)).await;
                let title = step.migration.title();
                match called {
                    Ok(Ok(())) => Ok(session.statements()),
                    Ok(Err(error)) => Err(say::migration_failed(&title, step.place(), error)),
                    Err(panic) => Err(say::migration_panicked(&title, step.place(), &panic)),
                }
            }
        };
        connection.fence(Fence::Open);
        connection.limit(None);
        connection.take_touched();
        connection.forget_settings().await?;
        done
    }
}

/// Why a job can't be rehearsed: it might reach the original, or needs what a clone does not have.
fn can_be_rehearsed(job: &Job<'_>, dialect: sql::Dialect, then: &Inventory) -> Result<(), String> {
    let left_out: Vec<String> = then
        .objects
        .iter()
        .filter(|object| matches!(object.kind, ObjectKind::Sequence | ObjectKind::Routine))
        .map(|object| object.name.split('(').next().unwrap_or_default().to_ascii_lowercase())
        .collect();
    for step in &job.steps {
        let title = step.migration.title();
        match &step.body {
            Body::Rust(function) if !function.rehearsable => {
                return Err(format!("migration {title} is in Rust and does not say `rehearsable`"));
            }
            Body::Rust(_) => {}
            Body::Sql(file) => {
                for statement in &file.statements {
                    let place = format!("migration {title}, line {}", statement.line);
                    sql::names_no_database(file.sql(statement), dialect)
                        .map_err(|why| format!("{place}: {why}"))?;
                    let text = file.sql(statement).to_ascii_lowercase();
                    if let Some(name) = left_out.iter().find(|name| mentions(&text, name)) {
                        return Err(format!("{place}: a clone does not have `{name}`"));
                    }
                }
            }
        }
    }
    Ok(())
}

/// A rehearsal that nobody waits for a run after: `plan --rehearse`.
impl Run<'_> {
    /// Takes a snapshot, rehearses on a clone of it, and removes both.
    ///
    /// # Errors
    /// The rehearsal failed, or could not be begun.
    pub(crate) async fn rehearse_alone(mut self, job: &Job<'_>) -> Result<RehearsalReport> {
        self.settings.rehearse = Rehearse::Always;
        self.ledger.begin_run(&mut self.record, None).await?;
        let rehearsed = self.snapshot_and_rehearse(job).await;
        let cleaned = self.remove_unused_snapshot().await;
        self.record.outcome = Some(crate::report::Outcome::RolledBack);
        self.record.finished_at = Some(time::now_ms());
        self.ledger.update_run(&self.record).await?;
        self.ledger.close().await;
        rehearsed.map_err(Error::ended_refused)?;
        cleaned?;
        Ok(self.report.rehearsal.unwrap_or_default())
    }

    async fn snapshot_and_rehearse(&mut self, job: &Job<'_>) -> Result<()> {
        let name = crate::snapshot::name("rehearsal", job.to.or(job.from), time::now_ms());
        self.record.snapshot = Some(name.clone());
        self.enter(Phase::Snapshot, &name).await?;
        let conduct = (&self.settings).into();
        let facts = self
            .engine
            .create_snapshot(&name, &SnapshotOf::Usual, conduct, self.progress())
            .await?;
        self.then = inventory_of_snapshot(self.engine, &name, Counts::With).await?;
        self.ledger.add_snapshot(&self.snapshot_record("rehearsal", facts)).await?;
        self.leave("");
        self.rehearse(job).await
    }
}
