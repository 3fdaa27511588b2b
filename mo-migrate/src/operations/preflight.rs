//! `preflight`: everything that has to be so before `up`, asked item by item. It makes a snapshot and
//! removes it again, and changes nothing else.

use std::time::Duration;

use super::inspect::is_final;
use super::preview::guard_of;
use super::up::not_again;
use super::{Operations, lock};
use crate::engine::Role;
use crate::error::{Code, Error, Result, say};
use crate::guard;
use crate::guard::job::{Body, Job, Step};
use crate::history::History;
use crate::ledger::Ledger;
use crate::lock::Held;
use crate::plan::{Goal, Plan, plan, tolerant};
use crate::preflight::{Asked, Depth, Item, ItemKind, ItemState, Preflight, Rollback};
use crate::report::Report;
use crate::report::text::count;
use crate::settings::Keep;
use crate::snapshot::SnapshotOf;
use crate::{sql, time};

/// What the snapshot that is tried is for.
const PURPOSE: &str = crate::snapshot::PREFLIGHT;

const NO_DATABASE: &str = "there is no database yet";

/// How long the lock and others' transactions are waited for: a server may take a moment to notice that
/// our own last connection is gone, and more is not a free lock.
const SOON: Duration = Duration::from_secs(2);

/// The list as it grows.
#[derive(Debug, Default)]
struct List(Vec<Item>);

impl List {
    /// An interruption is no answer.
    fn add(&mut self, item: Item) -> Result<()> {
        if item.error().is_some_and(|error| error.code() == Code::Interrupted) {
            return Err(say::interrupted().ended_refused());
        }
        self.0.push(item);
        Ok(())
    }

    fn ask(&mut self, kind: ItemKind, asked: Result<Asked>) -> Result<()> {
        self.add(Item::of(kind, asked))
    }

    /// The same, where the answer is needed later.
    fn take<T>(&mut self, kind: ItemKind, asked: Result<(T, String)>) -> Result<Option<T>> {
        let (found, asked) = match asked {
            Ok((found, words)) => (Some(found), Asked::ok(words)),
            Err(error) => (None, Err(error)),
        };
        self.ask(kind, asked)?;
        Ok(found)
    }

    fn has(&self, kind: ItemKind, state: ItemState) -> bool {
        self.0.iter().any(|item| item.item == kind && item.state == state)
    }

    /// All of it, with what could not be asked, in its order.
    fn whole(mut self) -> Vec<Item> {
        for kind in ItemKind::ALL {
            let is_there = self.0.iter().any(|item| item.item == *kind);
            if !is_there && *kind != ItemKind::Own {
                self.0.push(Item::of(*kind, Asked::not("what it needs is missing")));
            }
        }
        self.0.sort_by_key(|item| item.item);
        self.0
    }

    fn is_ready(&self) -> bool {
        self.0.iter().all(|item| item.state != ItemState::Missing)
    }
}

impl Operations<'_> {
    /// The checklist of a run up to this goal.
    ///
    /// # Errors
    /// It was interrupted; whatever else is wrong is an item.
    pub(crate) async fn preflight(&self, goal: Goal, depth: Depth) -> Result<Preflight> {
        let mut list = List::default();
        let exists = list.take(ItemKind::Database, self.reached().await)?;
        let history = match exists {
            Some(true) => self.history(Role::Start).await,
            _ => Ok(None),
        };
        let (history, unread) = match history {
            Ok(history) => (history, None),
            Err(error) => (None, Some(error)),
        };
        let rollback = match exists {
            Some(exists) => {
                let seen = Seen { exists, history, goal, depth };
                self.of_run(&mut list, &seen, unread).await?
            }
            None => None,
        };
        self.not_interrupted()?;
        for item in guard::preflight::of_settings(&self.settings).await {
            list.add(item)?;
        }
        let told = self.announced(list.is_ready()).await;
        self.not_interrupted()?;
        list.ask(ItemKind::Notified, told)?;
        Ok(Preflight {
            ready: list.is_ready(),
            database: self.engine.database().to_owned(),
            items: list.whole(),
            rollback,
        })
    }

    /// Whoever interrupts it wants no answer.
    fn not_interrupted(&self) -> Result<()> {
        if self.settings.stop.asked() { Err(say::interrupted().ended_refused()) } else { Ok(()) }
    }

    async fn reached(&self) -> Result<(bool, String)> {
        let (exists, database) = (self.engine.exists().await?, self.engine.database());
        let words = if exists { "is there" } else { "is not there yet, and made by the run" };
        Ok((exists, format!("`{database}` {words}")))
    }

    /// What can be asked once the database is reached; gives how the run would be undone.
    async fn of_run(
        &self,
        list: &mut List,
        seen: &Seen,
        unread: Option<Error>,
    ) -> Result<Option<Rollback>> {
        let history = seen.history.as_ref();
        let planned = match unread {
            Some(error) => Err(error),
            None => plan(self.set, history, seen.goal, &self.settings),
        };
        let planned = list.take(ItemKind::Files, planned.map(with_words))?;
        let job = planned.as_ref().map(|plan| {
            let job = Job::up(plan, self.set, self.engine(), &self.settings);
            job.map(|job| (job, "all can be run, and undone".to_owned()))
        });
        let job = match job {
            Some(job) => list.take(ItemKind::Statements, job)?,
            None => None,
        };
        let lock = match self.locked_now(seen).await {
            Ok(None) => {
                list.ask(ItemKind::Lock, Asked::not(NO_DATABASE))?;
                Ok(None)
            }
            // A server's lock is where it notes who may do what.
            Err(error) if error.code() == Code::Snapshot => {
                list.ask(ItemKind::Lock, Asked::not("who can make no snapshot needs none"))?;
                Err(error)
            }
            lock => {
                let lock = lock.map(|held| (held, "free".to_owned()));
                Ok(list.take(ItemKind::Lock, lock)?.flatten())
            }
        };
        list.ask(ItemKind::OpenRun, self.no_open_run(history).await)?;
        if let Some(plan) = &planned {
            list.ask(ItemKind::LastTry, self.last_try(plan).await)?;
        }
        self.of_engine(list, seen, job.as_ref()).await?;
        self.of_snapshot(list, seen, job.as_ref(), lock).await?;
        list.ask(ItemKind::Clones, self.clones().await)?;
        let Some(job) = job else { return Ok(None) };
        let rollback = (!job.steps.is_empty()).then(|| self.rollback(&job));
        list.ask(ItemKind::Rollback, rollback_words(rollback.as_ref()))?;
        Ok(rollback)
    }

    /// The lock; where there is no database none is asked for, for it would make a place for the ledger.
    async fn locked_now(&self, seen: &Seen) -> Result<Option<Held>> {
        if !seen.exists {
            return Ok(None);
        }
        let mut settings = self.settings.clone();
        settings.lock_timeout = SOON.min(settings.lock_timeout);
        lock::acquire(self.engine(), &settings).await.map(Some)
    }

    async fn no_open_run(&self, history: Option<&History>) -> Result<Asked> {
        let (open, detail) = self.open_run(history).await?;
        let waits = open.is_some_and(|run| !is_final(&run, history));
        let marked = history.is_some_and(|history| history.marker.is_some());
        match detail.filter(|_| waits || marked) {
            Some(detail) => Err(say::open_run_there(&detail)),
            None => Asked::ok("none"),
        }
    }

    async fn last_try(&self, plan: &Plan<'_>) -> Result<Asked> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else {
            return Asked::ok("nothing was tried yet");
        };
        let read = async { Ok((ledger.runs().await?, ledger.upgrade().await?)) };
        let read: Result<_> = read.await;
        ledger.close().await;
        let (runs, upgrade) = read?;
        if let Some(upgrade) = upgrade.filter(|_| !plan.pending.is_empty()) {
            self.is_not_left(&upgrade)?;
        }
        let refused = not_again(plan, &runs, &self.settings, None, time::now_ms());
        refused.map_or_else(|| Asked::ok("nothing speaks against another one"), Err)
    }

    /// What a run asks in its own phase `preflight`, and who would be waited for.
    async fn of_engine(&self, list: &mut List, seen: &Seen, job: Option<&Job<'_>>) -> Result<()> {
        if !seen.exists {
            let kinds =
                [ItemKind::Space, ItemKind::Method, ItemKind::ComesBack, ItemKind::Blockers];
            for kind in kinds {
                list.ask(kind, Asked::not(NO_DATABASE))?;
            }
            return Ok(());
        }
        let items = match job {
            Some(job) => guard::preflight::of_engine(self.engine(), &self.settings, job).await,
            None => self.of_nothing(seen.history.as_ref()).await,
        };
        for item in items {
            list.add(item)?;
        }
        let held = self.engine.open_transactions(SOON).await;
        list.ask(
            ItemKind::Blockers,
            held.and_then(|held| match held.as_slice() {
                [] => Asked::ok("none"),
                held => Err(say::transactions_in_the_way(held, self.settings.lock_timeout)),
            }),
        )
    }

    /// The same of a run that does nothing: what can't be read is an item already.
    async fn of_nothing(&self, history: Option<&History>) -> Vec<Item> {
        let set = &self.settings.set;
        let Ok(plan) = tolerant(self.set, history, Goal::Steps(0), set) else { return Vec::new() };
        let Ok(job) = Job::up(&plan, self.set, self.engine(), &self.settings) else {
            return Vec::new();
        };
        guard::preflight::of_engine(self.engine(), &self.settings, &job).await
    }

    /// A snapshot is made, cloned, compared, and removed again. Less would not be known: rights and quotas
    /// show when they are used, and room when it is taken.
    async fn of_snapshot(
        &self,
        list: &mut List,
        seen: &Seen,
        job: Option<&Job<'_>>,
        lock: Result<Option<Held>>,
    ) -> Result<()> {
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) => {
                list.ask(ItemKind::Snapshot, Err(error))?;
                return list.ask(ItemKind::Verified, Asked::not("there is none"));
            }
        };
        let why_not = match (seen.exists, job.is_none_or(|job| job.snapshot), &lock) {
            _ if seen.depth == Depth::Quick => Some("`--quick` makes none"),
            (false, ..) => Some(NO_DATABASE),
            (_, false, _) => Some("the run takes none"),
            (_, _, None) => Some("none is made without the lock"),
            _ if list.has(ItemKind::OpenRun, ItemState::Missing) => Some("a run is open"),
            _ if list.has(ItemKind::Space, ItemState::Missing) => Some("there is no room for it"),
            _ if !self.engine.capabilities().durable => Some("it is in memory"),
            _ => None,
        };
        if let Some(why) = why_not {
            list.ask(ItemKind::Snapshot, Asked::not(why))?;
            return list.ask(ItemKind::Verified, Asked::not(why));
        }
        let version = seen.history.as_ref().and_then(|all| all.latest(&self.settings.set));
        let mut settings = self.settings.clone();
        // If nothing comes to remove it, the next `prune` does.
        settings.keep = Keep::from(Duration::ZERO);
        let own = Operations { engine: self.engine.clone(), set: self.set, settings };
        let made = own.snapshot_written_down(PURPOSE, &SnapshotOf::Usual, version).await;
        let made = made.map_err(say::snapshot_failed).map(|record| {
            let words = format!("one was made{}, and removed", of_size(record.bytes));
            (record, words)
        });
        let Ok((record, words)) = made else {
            list.take(ItemKind::Snapshot, made)?;
            return list.ask(ItemKind::Verified, Asked::not("there is none"));
        };
        let tested = if self.settings.stop.asked() {
            Err(say::interrupted())
        } else {
            own.snapshot_tested(&record.name).await
        };
        let removed = async {
            let mut ledger = Ledger::open(self.engine()).await?;
            let removed = own.snapshot_removed(&mut ledger, &record.name).await;
            ledger.close().await;
            removed
        };
        let removed = removed.await;
        list.ask(ItemKind::Snapshot, removed.and_then(|()| Asked::ok(words)))?;
        let tested = tested.map(|holds| Asked::Ok(format!("a clone of it is sound: {holds}")));
        list.ask(ItemKind::Verified, tested.map_err(Error::ended_refused))
    }

    /// The clones that tests of snapshots have left, or are using; none of them is in the way.
    async fn clones(&self) -> Result<Asked> {
        let clones = self.engine.clones().await?;
        let words: Vec<String> =
            clones.iter().map(|(name, run)| format!("`{name}`, for {run}")).collect();
        Asked::ok(if words.is_empty() {
            "none is left of a test that did not end".to_owned()
        } else {
            format!("left of a test that did not end: {}", words.join("; "))
        })
    }

    /// How this job would be undone, as far as its statements show it.
    fn rollback(&self, job: &Job<'_>) -> Rollback {
        let guard = guard_of(job, self.engine.capabilities().transactional_ddl);
        let (dialect, key) = (self.engine.dialect(), self.engine.ledger_key());
        let mut tables = std::collections::BTreeSet::new();
        let mut unknown = false;
        let mut stays =
            vec!["tables that it does not touch, with what others write to them".to_owned()];
        for step in &job.steps {
            let Body::Sql(file) = &step.body else {
                unknown = true;
                stays.push(format!("what {} does outside of the database", step.migration.title()));
                continue;
            };
            for statement in &file.statements {
                let touched = sql::writes_to(file.sql(statement), dialect, key);
                unknown |= touched.unknown;
                tables.extend(touched.tables);
                if let Some(what) = guard::job::without_way_back(file.sql(statement), self.engine())
                {
                    stays.push(format!("{}:{}: {what}", file.path, statement.line));
                }
            }
        }
        let mut commands = vec!["`migrate restore`".to_owned(), "`migrate diff RUN`".to_owned()];
        if job.steps.iter().all(has_down) {
            commands.push("`migrate down`".to_owned());
        }
        Rollback {
            ring: guard.ring,
            snapshot: guard.snapshot,
            kept: time::words(self.settings.keep.of("pre_upgrade")),
            method: self.settings.restore_method.words(),
            tables: tables.into_iter().collect(),
            unknown,
            stays,
            commands,
        }
    }

    async fn announced(&self, is_ready: bool) -> Result<Asked> {
        use crate::hooks::Moment;
        if self.settings.hooks_at(Moment::Announce).is_empty() {
            return Asked::not("nobody is to be told: `hook = [\"announce=./tell.sh\"]`");
        }
        if !is_ready {
            return Asked::not("nobody is told while something is missing");
        }
        let engine = self.engine();
        let report = Report::new(&self.settings.set, engine.name(), engine.database());
        let told = guard::announce(&self.settings, report).await?;
        Asked::ok(format!("told {}", told.join(", ")))
    }
}

/// What was seen of the database before the items were asked.
#[derive(Debug)]
struct Seen {
    exists: bool,
    history: Option<History>,
    goal: Goal,
    depth: Depth,
}

fn with_words(plan: Plan<'_>) -> (Plan<'_>, String) {
    let version = |version: Option<i64>| {
        version.map_or_else(|| "nothing".to_owned(), |version| version.to_string())
    };
    let words = match u64::try_from(plan.pending.len()).unwrap_or(u64::MAX) {
        0 => format!("nothing is pending: version {}", version(plan.from)),
        n => {
            let (from, to) = (version(plan.from), version(plan.to()));
            format!("{}: {from} → {to}", count(n, "pending migration"))
        }
    };
    (plan, words)
}

fn of_size(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(" of {}", say::size(bytes)))
}

fn has_down(step: &Step<'_>) -> bool {
    step.migration.down.is_some()
}

fn rollback_words(rollback: Option<&Rollback>) -> Result<Asked> {
    let Some(rollback) = rollback else { return Asked::not("nothing is pending") };
    match (rollback.ring, rollback.snapshot) {
        (1, true) => Asked::ok("one transaction, and a snapshot for later"),
        (1, false) => Asked::ok("one transaction; nothing for later"),
        (_, true) => Asked::ok("a snapshot undoes what fails"),
        (_, false) => Err(say::no_rollback()),
    }
}
