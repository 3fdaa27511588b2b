//! The lock: `GET_LOCK` on the connection that does the work, so that it can't be free while a
//! statement of its holder still runs.
//!
//! Invariants:
//! 1. the lock's connection is the one that the work is done on; between two pieces of work it
//!    waits in the slot;
//! 2. whoever gets the lock moves the fence, which waits for every transaction that has read it: a
//!    holder that was taken over changes nothing more;
//! 3. a connection that is lost takes the lock with it; it is had again only if nobody else had it
//!    in between;
//! 4. a lock is held once the server shows what was written with it: one that has just been started may
//!    say that it has committed, and keep nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::link::Link;
use super::{LEDGER, MatrixOne, literal, quote};
use crate::engine::{Connection as _, LastHolder, LockAttempt, LockGuard};
use crate::error::{Error, Result, say};
use crate::lock::Holder;

/// A holder that gave no sign of life for so long, and whose session runs nothing, has lost its
/// machine or its network: its session is ended.
const TAKE_OVER_AFTER: Duration = Duration::from_mins(1);

/// How long the server may take to notice that a lost connection is gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// How long a server that has just been started may say that it has committed what it does not keep. It
/// asks every ten seconds where its transactions are to be written.
const KEEPS_WITHIN: Duration = Duration::from_secs(30);

/// The ledger's tables that the lock needs.
const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS {}.fence (guarded VARCHAR(64) PRIMARY KEY, n BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}.holders (guarded VARCHAR(64) PRIMARY KEY, holder TEXT NOT NULL, \
     session BIGINT UNSIGNED NOT NULL, beat BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}.sessions (name VARCHAR(64) PRIMARY KEY, guarded VARCHAR(64) NOT NULL, \
     session BIGINT UNSIGNED NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}.commits (guarded VARCHAR(64) PRIMARY KEY, mark VARCHAR(64) NOT NULL)",
];

/// What is known of a holder of the lock, by the server's clock alone: that of another machine may
/// be ahead.
pub(super) struct Heard {
    holder: Holder,
    beat: i64,
    session: u64,
    /// For how many milliseconds nothing was heard of it.
    silent: i64,
}

impl From<Heard> for LastHolder {
    fn from(Heard { holder, beat, silent, .. }: Heard) -> Self {
        Self { holder, beat, silent }
    }
}

/// What a start wrote down when it got the lock.
#[derive(Clone, Debug)]
struct Claim {
    /// The number that the fence has.
    fence: i64,
    /// The number of the session that holds the lock.
    session: u64,
    /// The words in the table of holders. Whoever gets the lock next leaves its own.
    holder: Holder,
}

/// How a lock came to be this start's.
#[derive(Clone, Copy)]
enum Claimed {
    /// By this start: the sessions that were left are no more, and there may be one `beside` that writes
    /// the ledger.
    First { beside: Option<u64> },
    /// Once more, after its connection was lost.
    Again,
}

/// Where the connection is that holds the lock.
#[derive(Debug, Default)]
enum State {
    /// Nobody here holds it.
    #[default]
    Free,
    /// Nobody here either: the lock is another's, or was not asked for yet. The connection is kept for
    /// the next attempt, or the next look.
    Asking(Box<Link>),
    /// It waits for work.
    Held(Box<Link>, Claim),
    /// It does the work.
    Out(Claim),
    /// It is lost, and the lock with it.
    Lost(Claim),
}

/// The place of the connection that holds the lock.
#[derive(Clone, Default)]
pub(super) struct Slot {
    state: Arc<Mutex<State>>,
    /// A connection to the ledger, which was made while the lock was taken.
    ledger: Arc<Mutex<Option<Link>>>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl Slot {
    /// The connection comes back from its work.
    pub(super) async fn put_back(&self, link: Link) {
        let mut state = self.state.lock().await;
        if let State::Out(claim) = &*state {
            *state = State::Held(Box::new(link), claim.clone());
        }
    }

    /// The connection was dropped at its work. Who holds the slot just now sees that by itself.
    pub(super) fn dropped(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && let State::Out(claim) = &*state
        {
            *state = State::Lost(claim.clone());
        }
    }

    /// A connection that has looked is kept, if the place is free.
    pub(super) async fn keep(&self, link: Link) {
        let mut state = self.state.lock().await;
        if matches!(*state, State::Free) {
            *state = State::Asking(Box::new(link));
        } else {
            drop(state);
            link.hang_up().await;
        }
    }

    /// The connection that is kept for a next look.
    async fn kept(&self) -> Option<Link> {
        let mut state = self.state.lock().await;
        match std::mem::take(&mut *state) {
            State::Asking(link) => Some(*link),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Whether the connection waits for work.
    async fn is_at_home(&self) -> bool {
        matches!(*self.state.lock().await, State::Held(..))
    }

    /// The connection is no more.
    pub(super) async fn lost(&self) {
        let mut state = self.state.lock().await;
        if let State::Out(claim) = &*state {
            *state = State::Lost(claim.clone());
        }
    }
}

/// The lock, held.
struct Guard {
    engine: MatrixOne,
    /// A connection of its own for signs of life, opened with the first.
    pulse: Arc<Mutex<Option<Link>>>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("database", &self.engine.shown).finish_non_exhaustive()
    }
}

impl LockGuard for Guard {
    fn beat(&self) {
        let (engine, pulse) = (self.engine.clone(), Arc::clone(&self.pulse));
        tokio::spawn(async move {
            // A sign that is late is no reason for a second one beside it.
            let Ok(mut pulse) = pulse.try_lock() else { return };
            if pulse.is_none() {
                *pulse = engine.open("").await.ok();
            }
            let Some(link) = pulse.as_mut() else { return };
            let sql = format!(
                "UPDATE {}.holders SET beat = {NOW} WHERE guarded = {}",
                quote(LEDGER),
                literal(&engine.name)
            );
            if link.send(&sql).await.is_err() {
                *pulse = None;
            }
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The connection goes, and with it the lock: once the server has ended what it runs.
        if let Ok(mut state) = self.engine.slot.state.try_lock() {
            *state = State::Free;
        }
        if let Ok(mut ledger) = self.engine.slot.ledger.try_lock() {
            *ledger = None;
        }
    }
}

/// Every run needs a snapshot, and the server makes one for these roles alone: whoever has another
/// role is told before anything is made, the ledger's database included.
async fn may_keep_snapshots(link: &mut Link) -> Result<()> {
    let rows = link.ask("SELECT current_role()").await?;
    let role: Option<String> = rows.first().map_or(Ok(None), |row| row.at(0))?;
    match role.as_deref() {
        Some("moadmin" | "accountadmin") => Ok(()),
        other => Err(say::not_administrator(other.unwrap_or("none"))),
    }
}

/// Asks the fence, by the connection that holds the lock, and whether the server keeps what it commits.
async fn still_holds(link: &mut Link) -> Result<()> {
    link.begin().await?;
    link.commit().await
}

/// The server's clock, in milliseconds since 1970.
pub(super) const NOW: &str =
    "timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6)) DIV 1000";

impl MatrixOne {
    /// One name for one database: at most 64 characters.
    fn lock_name(&self) -> String {
        let name = format!("{LEDGER}:{}", self.name);
        if name.chars().count() <= 64 {
            return name;
        }
        let sum = Sha256::digest(self.name.as_bytes());
        let tail =
            sum.iter().take(16).fold(String::new(), |tail, byte| format!("{tail}{byte:02x}"));
        format!("{LEDGER}:{tail}")
    }

    /// Tries the lock once.
    pub(super) async fn attempt(&self, ours: &Holder) -> Result<LockAttempt> {
        let mut state = self.slot.state.lock().await;
        let mut link = match std::mem::take(&mut *state) {
            State::Asking(link) => self.still_there(*link).await?,
            _ => self.open_known("").await?,
        };
        may_keep_snapshots(&mut link).await?;
        if !self.get_lock(&mut link).await? {
            let holder = self.holder(&mut link).await?;
            if let Some(heard) = &holder {
                self.end_silent(&mut link, heard).await?;
            }
            *state = State::Asking(Box::new(link));
            return Ok(LockAttempt::Taken(holder.map(|heard| heard.holder)));
        }
        // Whoever has the lock writes the ledger next: its connection is made meanwhile, and claimed too.
        let (last, ledger) = tokio::join!(self.left_by(&mut link), self.open_known(LEDGER));
        let (last, ledger) = (last?, ledger.ok());
        let beside = ledger.as_ref().map(Link::id);
        let claim = self.claim(&mut link, ours, Claimed::First { beside }).await?;
        *self.slot.ledger.lock().await = ledger;
        *state = State::Held(Box::new(link.fenced_by(claim.fence)), claim);
        let pulse = Arc::default();
        let guard = Arc::new(Guard { engine: self.clone(), pulse });
        Ok(LockAttempt::Held(guard, last.map(Into::into)))
    }

    /// Who had the lock last; nothing of it runs any more.
    async fn left_by(&self, link: &mut Link) -> Result<Option<Heard>> {
        let last = self.holder(link).await?;
        self.end_sessions(link, "TRUE").await?;
        Ok(last)
    }

    /// A connection that has looked or asked, with the number of its session; another one if it was lost
    /// since.
    async fn still_there(&self, link: Link) -> Result<Link> {
        match link.introduced().await {
            Err(error) if error.is_lost() => self.open_known("").await,
            other => other,
        }
    }

    /// A connection that writes the ledger. What a run says of itself ends with it when it is taken over.
    pub(super) async fn ledger_writer(&self) -> Result<Link> {
        if let Some(link) = self.slot.ledger.lock().await.take() {
            match link.introduced().await {
                // Another start may have ended it, which is told by who looks for the lock.
                Err(error) if error.is_lost() => {}
                other => return other,
            }
        }
        let mut link = self.open(LEDGER).await?;
        if self.holds_lock().await {
            link = link.introduced().await?;
            self.register(&mut link).await?;
        }
        Ok(link)
    }

    async fn get_lock(&self, link: &mut Link) -> Result<bool> {
        let sql = format!("SELECT GET_LOCK({}, 0)", literal(&self.lock_name()));
        let rows = link.ask(&sql).await.map_err(|error| {
            if error.message().contains("not supported") { say::server_too_old() } else { error }
        })?;
        let answer: Option<i64> = rows.first().map(|row| row.at(0)).transpose()?;
        Ok(answer == Some(1))
    }

    /// Who holds the lock or held it last, and when that was last heard of.
    pub(super) async fn holder(&self, link: &mut Link) -> Result<Option<Heard>> {
        let sql = format!(
            "SELECT holder, beat, session, {NOW} - beat FROM {}.holders WHERE guarded = {}",
            quote(LEDGER),
            literal(&self.name)
        );
        let rows = match link.ask(&sql).await {
            Ok(rows) => rows,
            Err(error) if say::is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(row) = rows.first() else { return Ok(None) };
        let words: String = row.at(0)?;
        // Words that can't be read name nobody.
        let Ok(holder) = serde_json::from_str(&words) else { return Ok(None) };
        Ok(Some(Heard { holder, beat: row.at(1)?, session: row.at(2)?, silent: row.at(3)? }))
    }

    /// Moves the fence on, and leaves our words and our sessions' numbers: all of it or nothing.
    async fn claim(&self, link: &mut Link, ours: &Holder, claimed: Claimed) -> Result<Claim> {
        let until = tokio::time::Instant::now() + KEEPS_WITHIN;
        loop {
            let claimed = match self.claim_in_ledger(link, ours, claimed).await {
                Err(error) if say::is_missing(&error) => {
                    self.make_ledger().await?;
                    self.claim_in_ledger(link, ours, claimed).await
                }
                other => other,
            };
            match claimed {
                Ok(Some(claim)) => return Ok(claim),
                // Neither is a ledger that was just made.
                Err(error) if !say::is_missing(&error) => return Err(error),
                _ if tokio::time::Instant::now() >= until => return Err(say::nothing_kept()),
                _ => {}
            }
            tracing::warn!("the server keeps nothing of what it commits: it is asked once more");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Gives nothing if the server has said that it is committed, and does not show it.
    async fn claim_in_ledger(
        &self,
        link: &mut Link,
        ours: &Holder,
        claimed: Claimed,
    ) -> Result<Option<Claim>> {
        let (ledger, guarded) = (quote(LEDGER), literal(&self.name));
        let words = literal(&serde_json::to_string(ours).unwrap_or_default());
        let session = link.id();
        let mark = uuid::Uuid::now_v7().simple().to_string();
        let mut all = vec![
            format!(
                "INSERT INTO {ledger}.fence (guarded, n) VALUES ({guarded}, 1) \
                 ON DUPLICATE KEY UPDATE n = n + 1"
            ),
            format!(
                "INSERT INTO {ledger}.holders (guarded, holder, session, beat) \
                 VALUES ({guarded}, {words}, {session}, {NOW}) \
                 ON DUPLICATE KEY UPDATE holder = {words}, session = {session}, beat = {NOW}"
            ),
        ];
        let mut sessions = vec![session];
        if let Claimed::First { beside } = claimed {
            all.push(format!("DELETE FROM {ledger}.sessions WHERE guarded = {guarded}"));
            sessions.extend(beside);
        }
        all.push(self.registration(&sessions));
        all.push(self.mark_commit(&mark));
        all.push(format!("SELECT n FROM {ledger}.fence WHERE guarded = {guarded}"));
        let rows = link.together(&all, Some(&self.mark_query())).await?;
        let fence = rows.first().map_or_else(|| Err(say::connection_lost()), |row| row.at(0))?;
        let kept: Option<String> = rows.get(1).map(|row| row.at(0)).transpose()?;
        let claim = Claim { fence, session, holder: ours.clone() };
        Ok((kept == Some(mark)).then_some(claim))
    }

    /// Writes down a session that may change the database, so that the next start can end it.
    pub(super) async fn register(&self, link: &mut Link) -> Result<()> {
        let sql = self.registration(&[link.id()]);
        link.send(&sql).await.map(drop)
    }

    fn registration(&self, sessions: &[u64]) -> String {
        format!(
            "INSERT INTO {}.sessions (name, guarded, session) SELECT session_id, {}, conn_id \
             FROM information_schema.processlist WHERE conn_id IN ({})",
            quote(LEDGER),
            literal(&self.name),
            sessions.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
        )
    }

    /// Ends what those of the sessions that are written down may still run, and waits until they are gone.
    async fn end_sessions(&self, link: &mut Link, which: &str) -> Result<()> {
        let (ledger, guarded) = (quote(LEDGER), literal(&self.name));
        let left = format!(
            "SELECT s.session FROM {ledger}.sessions s JOIN information_schema.processlist p \
             ON p.session_id = s.name WHERE s.guarded = {guarded} AND {which}"
        );
        let until = tokio::time::Instant::now() + GONE_WITHIN;
        loop {
            let rows = match link.ask(&left).await {
                Ok(rows) => rows,
                Err(error) if say::is_missing(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let session: u64 = row.at(0)?;
                tracing::warn!(session, "a session that was left is ended");
                // It may have gone by itself in the meantime; the next look tells.
                if let Err(error) = link.send(&format!("KILL {session}")).await
                    && tokio::time::Instant::now() >= until
                {
                    return Err(say::cannot_end_session(session, &error));
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends what this start's lost connections may still run: by the connection that holds the lock and
    /// by no other, for the sessions of whoever has it now are written down in the same place.
    pub(super) async fn end_lost(&self) -> Result<()> {
        let mut state = self.slot.state.lock().await;
        let (mut link, claim) = match std::mem::take(&mut *state) {
            State::Held(link, claim) => {
                *state = State::Lost(claim.clone());
                let mut link = *link;
                match still_holds(&mut link).await {
                    Ok(()) => (link, claim),
                    Err(error) if error.is_lost() => {
                        link.hang_up().await;
                        self.again(&claim).await?
                    }
                    Err(error) => return Err(error),
                }
            }
            State::Lost(claim) => {
                *state = State::Lost(claim.clone());
                self.again(&claim).await?
            }
            other => {
                *state = other;
                return Ok(());
            }
        };
        *state = State::Lost(claim.clone());
        self.end_sessions(&mut link, &format!("s.session <> {}", claim.session)).await?;
        *state = State::Held(Box::new(link), claim);
        Ok(())
    }

    /// Ends the session of a holder that was not heard of for long and runs nothing.
    async fn end_silent(&self, link: &mut Link, heard: &Heard) -> Result<()> {
        let Heard { session, silent, .. } = *heard;
        if silent < i64::try_from(TAKE_OVER_AFTER.as_millis()).unwrap_or(i64::MAX) {
            return Ok(());
        }
        let holds = format!("SELECT IS_USED_LOCK({})", literal(&self.lock_name()));
        let rows = link.ask(&holds).await?;
        let holder: Option<u64> = rows.first().map_or(Ok(None), |row| row.at(0))?;
        if holder != Some(session) || self.is_busy(link, session).await? {
            return Ok(());
        }
        tracing::warn!(session, silent, "the holder of the lock is silent: its session is ended");
        link.send(&format!("KILL {session}"))
            .await
            .map(drop)
            .map_err(|error| say::cannot_end_session(session, &error))
    }

    /// Whether a session runs a statement.
    async fn is_busy(&self, link: &mut Link, session: u64) -> Result<bool> {
        let rows = link.ask("SHOW PROCESSLIST").await?;
        for row in rows {
            if row.get::<u64>("conn_id")? == session {
                return Ok(!row.get::<Option<String>>("command")?.unwrap_or_default().is_empty());
            }
        }
        Ok(false)
    }

    /// Makes the ledger's database with what the lock needs.
    pub(super) async fn make_ledger(&self) -> Result<()> {
        let mut link = self.open("").await?;
        let made = async {
            link.send(&format!("CREATE DATABASE IF NOT EXISTS {}", quote(LEDGER))).await?;
            for table in TABLES {
                link.send(&table.replace("{}", &quote(LEDGER))).await?;
            }
            Ok(())
        }
        .await;
        link.hang_up().await;
        made.map_err(|error: Error| say::no_ledger_database(LEDGER, error))
    }

    /// The connection that does the work: the one that holds the lock, where this start holds it.
    pub(super) async fn work(&self) -> Result<Link> {
        let mut state = self.slot.state.lock().await;
        let (mut link, mut claim) = match std::mem::take(&mut *state) {
            State::Held(link, claim) => (*link, claim),
            State::Lost(claim) => {
                *state = State::Lost(claim.clone());
                self.again(&claim).await?
            }
            State::Out(claim) => {
                *state = State::Out(claim);
                return Err(say::internal(&"the connection that holds the lock is at work"));
            }
            other => {
                *state = other;
                return self.open_known(&self.name).await;
            }
        };
        *state = State::Lost(claim.clone());
        let mut moved = link.move_to(&self.name).await;
        if moved.as_ref().is_err_and(Error::is_lost) {
            // It was lost while it waited.
            (link, claim) = self.again(&claim).await?;
            *state = State::Lost(claim.clone());
            moved = link.move_to(&self.name).await;
        }
        if let Err(error) = moved {
            *state = State::Held(Box::new(link), claim);
            return Err(self.not_here(error).await);
        }
        *state = State::Out(claim);
        Ok(link.at_work(self.slot.clone()))
    }

    /// A connection that looks at the database: the one that holds the lock, while that has nothing else
    /// to do. Who has lost the lock to another start may find that there is nothing left to do.
    pub(super) async fn look(&self) -> Result<Link> {
        if self.slot.is_at_home().await {
            match self.work().await {
                Err(error) if error.is_locked() => {}
                other => return other,
            }
        }
        self.visitor(&self.name).await
    }

    /// A connection that only looks at this database, and is kept for the next one that does, and for the
    /// lock: a start has several looks, and a connection costs as much as ten statements.
    pub(super) async fn visitor(&self, database: &str) -> Result<Link> {
        if let Some(mut link) = self.slot.kept().await {
            if link.move_to(database).await.is_ok() {
                return Ok(link.kept_in(self.slot.clone()));
            }
            // It was lost, or there is no such database, which a new one says in the right words.
            link.hang_up().await;
        }
        Ok(self.open(database).await?.kept_in(self.slot.clone()))
    }

    /// Whether this start holds the lock, or did when it last heard of it.
    pub(super) async fn holds_lock(&self) -> bool {
        !matches!(*self.slot.state.lock().await, State::Free | State::Asking(_))
    }

    /// The number that the fence has while this start holds the lock; the lock is had again if its
    /// connection was lost.
    pub(super) async fn fence_held(&self) -> Result<Option<i64>> {
        let mut state = self.slot.state.lock().await;
        let claim = match &*state {
            State::Held(_, claim) | State::Out(claim) => return Ok(Some(claim.fence)),
            State::Free | State::Asking(_) => return Ok(None),
            State::Lost(claim) => claim.clone(),
        };
        let (link, claim) = self.again(&claim).await?;
        let fence = claim.fence;
        *state = State::Held(Box::new(link), claim);
        Ok(Some(fence))
    }

    /// The lock again, on a new connection: the old session is gone once it can be had. If nobody else
    /// had it in between, our words are still there; the fence may have been moved by this start, whose
    /// connection was lost before it heard of it.
    async fn again(&self, claim: &Claim) -> Result<(Link, Claim)> {
        let mut link = self.open_known("").await?;
        let until = tokio::time::Instant::now() + GONE_WITHIN;
        while !self.get_lock(&mut link).await? {
            if tokio::time::Instant::now() >= until {
                return Err(say::taken_over(&self.shown));
            }
            // The server may go on with what the lost one ran, and not have noticed.
            self.end_sessions(&mut link, &format!("s.session = {}", claim.session)).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let last = self.holder(&mut link).await?;
        if last.is_none_or(|heard| heard.holder != claim.holder) {
            return Err(say::taken_over(&self.shown));
        }
        let claim = self.claim(&mut link, &claim.holder, Claimed::Again).await?;
        Ok((link.fenced_by(claim.fence), claim))
    }
}
