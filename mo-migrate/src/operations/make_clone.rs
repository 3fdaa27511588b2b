//! Databases made from this one: made, made anew, removed, and finished after a death.
//!
//! Invariants:
//! 1. a clone is in the ledger before anything of it is there, and what a death leaves of one is
//!    removed or finished by the next command that holds the lock;
//! 2. nobody is given a clone before it was compared with its snapshot and masked; one that is masked
//!    or replaces another is made under a name of its own, and takes its place when it is whole;
//! 3. only a database with the mark of the ledger's own record is ever dropped, and none from which
//!    others were made, which its ledger alone knows.

use super::Operations;
use super::mask::Masking;
use super::restore::find;
use crate::engine::{Connection, Counts, Engine, Inventory, Role, Room, inventory_of_snapshot};
use crate::error::{Code, Error, Result, say};
use crate::fault::{self, Transition};
use crate::guard::same_inventory;
use crate::history::{History, HistoryWriter};
use crate::ledger::{CloneRecord, CloneState, Ledger, Mask, SnapshotRecord};
use crate::migration::Version;
use crate::observer::{Event, Phase, Progress};
use crate::snapshot::{self, Deletable, SnapshotOf, deletable};
use crate::upgrade::UpgradeRecord;
use crate::{lock, time};

/// What a clone is made from when nobody says it.
pub(crate) const NOW: &str = "now";

/// What a database has behind its name that is to take a clone's place.
const STAGING: &str = "_new";

/// What is to be made.
#[derive(Clone, Debug)]
pub(crate) struct CloneOrder {
    /// What people call it.
    pub(crate) name: String,
    /// What it is for: `clone`, `restore`, `upgrade`.
    pub(crate) purpose: &'static str,
    /// Its name beside the original.
    pub(crate) database: String,
    /// A run, a snapshot or `now`.
    pub(crate) from: String,
    /// What is run in it before anybody has it.
    pub(crate) mask: Option<Mask>,
    /// When it may go.
    pub(crate) expires_at: Option<i64>,
}

/// The snapshot that a clone is made from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) snapshot: String,
    pub(super) inventory: Inventory,
    /// It was made for this alone.
    pub(super) own: bool,
}

/// What the next command does about a clone in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfinished {
    Nothing,
    Remove,
    /// The new one goes, the old one stays.
    KeepOld,
    /// The new one takes its place.
    Replace,
}

fn unfinished(state: CloneState) -> Unfinished {
    match state {
        CloneState::Ready => Unfinished::Nothing,
        CloneState::Making | CloneState::Removing => Unfinished::Remove,
        CloneState::Refreshing => Unfinished::KeepOld,
        CloneState::Replacing => Unfinished::Replace,
    }
}

impl Operations<'_> {
    /// Makes a clone. The caller holds the lock.
    pub(crate) async fn make_clone(
        &self,
        ledger: &mut Ledger,
        order: CloneOrder,
    ) -> Result<CloneRecord> {
        if !self.engine.capabilities().durable {
            return Err(say::clone_in_memory());
        }
        let masking = order.mask.as_ref().map(|mask| Masking::read(mask, self.engine.dialect()));
        let masking = masking.transpose()?;
        self.finish_clones(ledger).await?;
        if let Some(there) = ledger.clones().await?.iter().find(|clone| clone.name == order.name) {
            return Err(say::clone_is_there(there, &order.from));
        }
        self.is_free(&order.database).await?;
        if masking.is_some() {
            self.is_free(&self.staging(&order.database)?).await?;
        }
        self.has_room(if masking.is_some() { 3 } else { 2 }).await?;
        let source = self.clone_source(ledger, &order.from).await?;
        let now = time::now_ms();
        let tail = uuid::Uuid::now_v7().simple().to_string();
        let mut record = CloneRecord {
            id: format!("clone_{}_{}", time::compact(now), &tail[24..]),
            name: order.name,
            purpose: order.purpose.to_owned(),
            database: order.database,
            from: if source.own { NOW.to_owned() } else { source.snapshot.clone() },
            state: CloneState::Making,
            version: None,
            mask: order.mask,
            staged: None,
            left_out: Vec::new(),
            created_by: lock::who(),
            created_at: now,
            expires_at: order.expires_at,
        };
        let made = match ledger.add_clone(&record).await {
            Ok(()) => self.fill(ledger, &mut record, &source, masking.as_ref()).await,
            failed => failed,
        };
        let made = match made {
            Ok(()) => Ok(record),
            Err(error) => {
                let left = self.remove_clone(ledger, record.clone()).await.err();
                let left = left.filter(|left| left.code() != Code::Taken);
                Err(say::clone_failed(error, &record, left.as_ref()))
            }
        };
        self.let_go(ledger, &source).await;
        made
    }

    /// Removes a clone. The caller holds the lock. What can't be dropped because it is not ours any more,
    /// or because others were made from it, stays in the ledger.
    pub(crate) async fn remove_clone(
        &self,
        ledger: &mut Ledger,
        mut record: CloneRecord,
    ) -> Result<()> {
        self.nothing_hangs_on(&record.database).await?;
        let was = record.state;
        // A hand has removed it. What is kept of a database of its name is not ours to remove then: another
        // one may have had it since.
        if was == CloneState::Ready && self.engine.beside(&record.database)?.is_free().await.is_ok()
        {
            ledger.forget_clone(&record.id).await?;
            return self.tell_what_is_left(&record.database).await;
        }
        // Nothing of ours is under the other name where none was ever made.
        let was_replaced = matches!(
            record.state,
            CloneState::Refreshing | CloneState::Replacing | CloneState::Removing
        );
        record.state = CloneState::Removing;
        ledger.update_clone(&record).await?;
        // Whoever migrates it now is waited for.
        let _lock = self.hold_clone(&record).await?;
        if record.mask.is_some() || record.staged.is_some() || was_replaced {
            self.drop_staging(&mut record).await?;
        }
        let dropped = self.drop_database(&record.database, &record.id).await;
        match dropped {
            // Nobody ever had one of ours.
            Err(error) if error.code() == Code::Taken && was == CloneState::Making => {
                ledger.forget_clone(&record.id).await?;
                Err(error)
            }
            Err(error) if error.code() == Code::Taken => {
                record.state = CloneState::Ready;
                ledger.update_clone(&record).await?;
                Err(error)
            }
            Err(error) => Err(error),
            Ok(()) => ledger.forget_clone(&record.id).await,
        }
    }

    /// Removes or finishes what a death left. The caller holds the lock.
    pub(crate) async fn finish_clones(&self, ledger: &mut Ledger) -> Result<()> {
        for mut record in ledger.clones().await? {
            let what = unfinished(record.state);
            match what {
                Unfinished::Nothing => continue,
                Unfinished::Remove => match self.remove_clone(ledger, record.clone()).await {
                    Err(error) if error.code() == Code::Taken => {}
                    done => done?,
                },
                Unfinished::KeepOld => {
                    self.drop_staging(&mut record).await?;
                    record.state = CloneState::Ready;
                    ledger.update_clone(&record).await?;
                }
                Unfinished::Replace => match self.replace(ledger, &mut record).await {
                    // The other one waits until its place is free.
                    Err(error) if error.code() == Code::Taken => {
                        self.warn(&error);
                        continue;
                    }
                    done => done?,
                },
            }
            let done = if what == Unfinished::Replace { "finished" } else { "removed" };
            let note =
                format!("what was left unfinished of the clone `{}` was {done}", record.name);
            self.settings.observer.event(&Event::Note(note));
        }
        self.prune_own_snapshots(ledger).await
    }

    /// Snapshots for or of a clone that a death, or a question without an answer, left.
    pub(super) async fn prune_own_snapshots(&self, ledger: &mut Ledger) -> Result<()> {
        let (snapshots, runs, now) =
            (ledger.snapshots().await?, ledger.runs().await?, time::now_ms());
        let own = |record: &&SnapshotRecord| {
            record.purpose == snapshot::CLONE || snapshot::clone_of(&record.purpose).is_some()
        };
        for record in snapshots.iter().filter(own) {
            if deletable(record, &runs, now) == Deletable::Yes {
                self.engine.delete_snapshot(&record.name).await?;
                ledger.forget_snapshot(&record.name).await?;
            }
        }
        Ok(())
    }

    /// Makes another one, which takes the place of a clone when it is whole. The caller holds the lock.
    pub(super) async fn make_anew(
        &self,
        ledger: &mut Ledger,
        mut record: CloneRecord,
        from: &str,
    ) -> Result<CloneRecord> {
        let masking = record.mask.as_ref().map(|mask| Masking::read(mask, self.engine.dialect()));
        let masking = masking.transpose()?;
        self.can_be_replaced(&record).await?;
        self.is_free(&self.staging(&record.database)?).await?;
        self.has_room(3).await?;
        let source = self.clone_source(ledger, from).await?;
        let old = record.clone();
        record.state = CloneState::Refreshing;
        ledger.update_clone(&record).await?;
        let now = time::now_ms();
        record.from = if source.own { NOW.to_owned() } else { source.snapshot.clone() };
        record.expires_at = old.expires_at.map(|at| now.saturating_add(at - old.created_at));
        (record.created_at, record.created_by) = (now, lock::who());
        let made = self.stage(&mut record, &source, masking.as_ref()).await;
        self.let_go(ledger, &source).await;
        if let Err(error) = made {
            let mut old = old;
            let left = match self.drop_staging(&mut old).await {
                Ok(()) => ledger.update_clone(&old).await.err(),
                Err(left) => Some(left),
            };
            return Err(say::refresh_failed(error, &old, left.as_ref()));
        }
        let replaced = self.replace(ledger, &mut record).await;
        replaced.map_err(|error| say::not_replaced(error, &record))?;
        Ok(record)
    }

    /// Makes what a new record is of.
    async fn fill(
        &self,
        ledger: &mut Ledger,
        record: &mut CloneRecord,
        source: &Source,
        masking: Option<&Masking>,
    ) -> Result<()> {
        if masking.is_some() {
            self.stage(record, source, masking).await?;
            return self.replace(ledger, record).await;
        }
        let database = record.database.clone();
        (record.left_out, record.version) = self.build(source, &database, &record.id, None).await?;
        self.goes_on()?;
        record.state = CloneState::Ready;
        ledger.update_clone(record).await
    }

    /// Makes what is to take a clone's place.
    async fn stage(
        &self,
        record: &mut CloneRecord,
        source: &Source,
        masking: Option<&Masking>,
    ) -> Result<()> {
        let staging = self.staging(&record.database)?;
        let built = self.build(source, &staging, &record.id, masking).await?;
        (record.left_out, record.version) = built;
        self.goes_on()
    }

    /// Nobody has asked it to stop.
    fn goes_on(&self) -> Result<()> {
        if self.settings.stop.asked() { Err(say::clone_interrupted()) } else { Ok(()) }
    }

    /// A clone of a snapshot, compared with it, with a history of its own, and masked before anybody but
    /// us may read it.
    pub(super) async fn build(
        &self,
        source: &Source,
        database: &str,
        id: &str,
        masking: Option<&Masking>,
    ) -> Result<(Vec<String>, Option<Version>)> {
        let mut left_out = self.clone_of(self.engine(), source, database, id).await?;
        let clone = self.engine.beside(database)?;
        let mut work = clone.connect(Role::Work).await?;
        let version = self.own_history(&mut *work).await;
        work.close().await;
        let version = version?;
        if let Some(masking) = masking {
            self.goes_on()?;
            self.settings.observer.event(&Event::Busy("mask".to_owned()));
            masking.run(&*clone, &self.settings).await?;
            clone.forget_what_was().await?;
        }
        left_out.extend(self.engine.give_rights(database, &source.inventory).await?);
        Ok((left_out, version))
    }

    async fn clone_of(
        &self,
        original: &dyn Engine,
        source: &Source,
        database: &str,
        id: &str,
    ) -> Result<Vec<String>> {
        fault::before(Transition::NewDatabase)?;
        let (snapshot, known) = (&source.snapshot, &source.inventory);
        let left_out = original.clone_into(snapshot, database, id, known).await?;
        fault::after(Transition::NewDatabase)?;
        let clone = original.beside(database)?;
        let mut read = clone.connect(Role::Read).await?;
        let found = clone.inventory(&mut *read, Counts::With, &Inventory::NOTHING).await;
        read.close().await;
        same_inventory(known, &found?, original, None).map_err(say::clone_differs)?;
        Ok(left_out)
    }

    /// Gives a clone an id of its own, and takes out what is open in the original. Gives its version.
    async fn own_history(&self, work: &mut dyn Connection) -> Result<Option<Version>> {
        let table = &self.settings.history_table;
        if History::read(work, table).await?.is_none() {
            return Ok(None);
        }
        work.begin().await?;
        HistoryWriter { connection: &mut *work, table }.of_its_own().await?;
        fault::before(Transition::OwnHistory)?;
        work.commit().await?;
        fault::after(Transition::OwnHistory)?;
        let history = History::read(work, table).await?;
        Ok(history.and_then(|history| history.latest(&self.settings.set)))
    }

    /// What was staged takes the clone's place: from here on a death is gone on with.
    async fn replace(&self, ledger: &mut Ledger, record: &mut CloneRecord) -> Result<()> {
        let name = self.staging(&record.database)?;
        let staging = self.engine.beside(&name)?;
        let clone = self.engine.beside(&record.database)?;
        // Another's database of that name is not what was made.
        if self.engine.is_marked(&name, &record.id).await? {
            if let Some(earlier) = record.staged.take() {
                staging.delete_snapshot(&earlier).await?;
            }
            let snapshot = snapshot::name(snapshot::CLONE, None, time::now_ms());
            record.staged = Some(snapshot.clone());
            record.state = CloneState::Replacing;
            ledger.update_clone(record).await?;
            let held = self.hold_clone(record).await?;
            self.drop_database(&record.database, &record.id).await?;
            drop(held);
            let conduct = (&self.settings).into();
            let progress = Progress::of(Phase::Snapshot, &self.settings.observer);
            staging.create_snapshot(&snapshot, &SnapshotOf::Usual, conduct, progress).await?;
            let inventory = inventory_of_snapshot(&*staging, &snapshot, Counts::With).await?;
            let source = Source { snapshot, inventory, own: true };
            let mut left = self.clone_of(&*staging, &source, &record.database, &record.id).await?;
            left.extend(staging.give_rights(&record.database, &source.inventory).await?);
            let new = left.into_iter().filter(|line| !record.left_out.contains(line));
            record.left_out.extend(new.collect::<Vec<_>>());
            self.drop_staging(record).await?;
        } else if !clone.exists().await? {
            // Somebody has removed both.
            return ledger.forget_clone(&record.id).await;
        }
        record.state = CloneState::Ready;
        record.staged = None;
        ledger.update_clone(record).await
    }

    /// Removes what was to take a clone's place.
    async fn drop_staging(&self, record: &mut CloneRecord) -> Result<()> {
        let name = self.staging(&record.database)?;
        let staging = self.engine.beside(&name)?;
        if let Some(snapshot) = record.staged.take() {
            staging.delete_snapshot(&snapshot).await?;
        }
        match self.drop_database(&name, &record.id).await {
            // A database of that name which is not ours was there before.
            Err(error) if error.code() == Code::Taken => Ok(()),
            done => done,
        }
    }

    /// The lock of a clone, where it is there and ours.
    async fn hold_clone(&self, record: &CloneRecord) -> Result<Option<lock::Held>> {
        if !self.engine.is_marked(&record.database, &record.id).await? {
            return Ok(None);
        }
        let clone = self.engine.beside(&record.database)?;
        lock::acquire(&*clone, &self.settings).await.map(Some)
    }

    /// It is ours, or gone, and nobody has a clone of it.
    async fn can_be_replaced(&self, record: &CloneRecord) -> Result<()> {
        let database = &record.database;
        self.nothing_hangs_on(database).await?;
        if !self.engine.beside(database)?.exists().await? {
            return self.is_free(database).await;
        }
        if self.engine.is_marked(database, &record.id).await? {
            Ok(())
        } else {
            Err(say::not_our_database(database))
        }
    }

    /// What was made from a database is known to its ledger alone, which goes with it.
    pub(super) async fn nothing_hangs_on(&self, database: &str) -> Result<()> {
        let engine = self.engine.beside(database)?;
        let made = made_from(&*engine).await?;
        if let Some(clone) = &made.clone {
            return Err(say::clones_of_it_first(database, clone, &engine.address()));
        }
        match made.upgrade.filter(|upgrade| upgrade.state.is_open()) {
            Some(upgrade) => {
                Err(say::upgrade_of_it_first(database, &upgrade.green, &engine.address()))
            }
            None => Ok(()),
        }
    }

    pub(super) fn warn(&self, error: &Error) {
        self.settings.observer.event(&Event::Note(format!("warning: {error}")));
    }

    pub(super) async fn drop_database(&self, database: &str, id: &str) -> Result<()> {
        self.nothing_hangs_on(database).await?;
        fault::before(Transition::DatabaseRemoved)?;
        self.engine.drop_marked(database, id, (&self.settings).into()).await?;
        fault::after(Transition::DatabaseRemoved)
    }

    /// The snapshot that is meant, or one of the database as it is.
    async fn clone_source(&self, ledger: &mut Ledger, from: &str) -> Result<Source> {
        if from != NOW {
            return self.known_source(ledger, from).await;
        }
        let history = self.history(Role::Start).await?;
        if history.as_ref().is_some_and(|history| !history.is_settled()) {
            return Err(say::open_run_first());
        }
        let version = history.and_then(|history| history.latest(&self.settings.set));
        // It goes as soon as the clone is there, or with the next command.
        let name = snapshot::name(snapshot::CLONE, None, time::now_ms());
        let mut record = SnapshotRecord::begun(name, snapshot::CLONE, version);
        ledger.add_snapshot(&record).await?;
        fault::before(Transition::Snapshot)?;
        let made = self.make_snapshot(&mut record, &SnapshotOf::Usual).await;
        fault::after(Transition::Snapshot)?;
        let source = Source { snapshot: record.name, inventory: record.inventory, own: true };
        if let Err(error) = made {
            self.let_go(ledger, &source).await;
            return Err(error);
        }
        Ok(source)
    }

    pub(super) async fn known_source(&self, ledger: &mut Ledger, from: &str) -> Result<Source> {
        let found = match find(self.engine(), ledger, Some(from), None).await {
            Ok(record) => record,
            // One that others made.
            Err(error) => {
                let there = self.engine.snapshots().await?;
                if !there.iter().any(|facts| facts.name == from) {
                    return Err(error);
                }
                let inventory = inventory_of_snapshot(self.engine(), from, Counts::With).await?;
                return Ok(Source { snapshot: from.to_owned(), inventory, own: false });
            }
        };
        if let Some(table) = found.table() {
            return Err(say::snapshot_of_one_table(&found.name, table));
        }
        let inventory = if found.inventory.objects.is_empty() {
            inventory_of_snapshot(self.engine(), &found.name, Counts::With).await?
        } else {
            found.inventory
        };
        Ok(Source { snapshot: found.name, inventory, own: false })
    }

    /// A snapshot for a clone alone is of no use any more; what can't be removed goes with the next
    /// command.
    async fn let_go(&self, ledger: &mut Ledger, source: &Source) {
        if source.own {
            let _ = self.undo_snapshot(ledger, &source.snapshot).await;
        }
    }

    /// Nothing has this name, and nothing is kept of what had it.
    pub(super) async fn is_free(&self, database: &str) -> Result<()> {
        let beside = self.engine.beside(database)?;
        if database == self.engine.own_name() {
            return Err(say::database_is_there(database));
        }
        beside.is_free().await?;
        let Some(mut ledger) = Ledger::read(&*beside).await? else { return Ok(()) };
        let (runs, snapshots) = (ledger.runs().await, ledger.snapshots().await);
        ledger.close().await;
        let made = made_from(&*beside).await?;
        let nothing_made = made.clone.is_none() && made.upgrade.is_none();
        if runs?.is_empty() && snapshots?.is_empty() && nothing_made {
            return Ok(());
        }
        Err(say::ledger_is_there(database, &beside.ledger_place()))
    }

    /// Says what is left of a database that a hand has removed.
    pub(super) async fn tell_what_is_left(&self, database: &str) -> Result<()> {
        if self.engine.beside(database)?.is_free().await.is_err() {
            return Ok(());
        }
        match self.is_free(database).await {
            Err(error) if error.code() == Code::Taken => {
                let place = self.engine.beside(database)?.ledger_place();
                self.settings.observer.event(&Event::Note(say::ledger_left(database, &place)));
                Ok(())
            }
            other => other,
        }
    }

    fn staging(&self, database: &str) -> Result<String> {
        Ok(self.engine.beside(database)?.name_with(STAGING))
    }

    /// There is room for so many copies of the database.
    pub(super) async fn has_room(&self, copies: u64) -> Result<()> {
        let space = self.engine.space().await?;
        let scarce = |room: &&Room| room.free < space.database.saturating_mul(copies);
        match space.rooms.iter().find(scarce) {
            Some(room) => Err(say::no_room_for_a_clone(room, &space, copies)),
            None => Ok(()),
        }
    }
}

/// What was made from a database and is not gone, as its ledger has it.
#[derive(Debug, Default)]
pub(crate) struct MadeFrom {
    /// The last one, unless it was taken back.
    pub(crate) upgrade: Option<UpgradeRecord>,
    /// The first of several.
    pub(crate) clone: Option<CloneRecord>,
}

pub(crate) async fn made_from(engine: &dyn Engine) -> Result<MadeFrom> {
    let Some(mut ledger) = Ledger::read(engine).await? else { return Ok(MadeFrom::default()) };
    let (clones, upgrade) = (ledger.clones().await, ledger.upgrade().await);
    ledger.close().await;
    let upgrade = upgrade?.filter(|upgrade| upgrade.state.is_open());
    Ok(MadeFrom { upgrade, clone: clones?.into_iter().next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_before_a_clone_is_whole_leaves_what_was_there_before() {
        for (state, what) in [
            (CloneState::Making, Unfinished::Remove),
            (CloneState::Ready, Unfinished::Nothing),
            (CloneState::Refreshing, Unfinished::KeepOld),
            (CloneState::Replacing, Unfinished::Replace),
            (CloneState::Removing, Unfinished::Remove),
        ] {
            assert_eq!(unfinished(state), what, "{state:?}");
        }
    }
}
