//! `restore --at`: back to a moment that is in no snapshot, where the engine reads its past.
//!
//! Invariants:
//! 1. that the moment can be read is known before anything is touched, and looked at again before the
//!    restore is committed: nothing keeps it from being collected;
//! 2. a moment in the midst of a run is none to go back to;
//! 3. a restore that died before its commit is closed and not gone on with: by then the moment may be
//!    out of reach.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Operations;
use crate::engine::{Counts, Inventory, Moment, Moments, Role};
use crate::error::{Error, Result, say};
use crate::history::History;
use crate::ledger::{Ledger, SnapshotRecord};
use crate::snapshot::{FAILED, MOMENT, moment_name};
use crate::{lock, time};

/// Nanoseconds of a millisecond, and of a second.
const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;

/// No server is asked for what is longer ago: a hundred years.
const LONGEST: i64 = 100 * 365 * 86_400 * SECOND;

impl Operations<'_> {
    /// The moment, as what is known of a snapshot.
    pub(super) async fn moment(
        &self,
        ledger: &mut Ledger,
        at: SystemTime,
    ) -> Result<SnapshotRecord> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        let mut moments = self.engine.moments().await?;
        let readable = self.readable(&mut *moments, ledger, at).await;
        moments.close().await;
        readable?;
        let name = moment_name(at);
        let mut past = self.engine.open_snapshot(&name).await?;
        let history = History::read(&mut *past, &self.settings.history_table).await;
        let inventory = self.engine.inventory(&mut *past, Counts::With, &Inventory::NOTHING).await;
        past.close().await;
        let unread = |error: Error| match error.database_code() {
            Some(_) => say::moment_unread(at / MS, error),
            None => error,
        };
        let inventory = inventory.map_err(unread)?;
        if inventory.tables().next().is_none() {
            return Err(say::nothing_then(at / MS));
        }
        let history = history.map_err(unread)?;
        if let Some(marker) = history.as_ref().and_then(|history| history.marker.as_ref()) {
            return Err(say::moment_of_a_run(at / MS, marker));
        }
        Ok(SnapshotRecord {
            name,
            run: None,
            purpose: MOMENT.to_owned(),
            level: MOMENT.to_owned(),
            created_by: lock::who(),
            created_at: at / MS,
            version_before: history.and_then(|history| history.latest(&self.settings.set)),
            version_target: None,
            delete_after: Some(time::now_ms()),
            pinned: false,
            bytes: None,
            inventory,
        })
    }

    /// Refuses what is still to come, and what can't be read, with what can.
    async fn readable(
        &self,
        moments: &mut dyn Moments,
        ledger: &mut Ledger,
        at: i64,
    ) -> Result<()> {
        let now = self.clock().await?;
        if at > now {
            return Err(say::moment_to_come(at / MS, now / MS));
        }
        if moments.has_a_past() && moments.can_read(&Moment::At(at)).await? {
            return Ok(());
        }
        let window = if moments.has_a_past() {
            let first = first_readable(moments, now).await?;
            Some([first / MS, now / MS])
        } else {
            None
        };
        let there = self.engine.snapshots().await?;
        let mut kept: Vec<(String, i64)> = ledger
            .snapshots()
            .await?
            .into_iter()
            .filter(|known| known.purpose != FAILED && known.is_whole())
            .filter(|known| there.iter().any(|facts| facts.name == known.name))
            .map(|known| (known.name, known.created_at))
            .collect();
        kept.sort_by_key(|(_, made)| *made);
        Err(say::no_moment(at / MS, window, &kept))
    }

    /// The server's clock, or ours where it has none, in nanoseconds since 1970.
    async fn clock(&self) -> Result<i64> {
        let mut link = self.engine.connect(Role::Read).await?;
        let now = link.moment().await;
        link.close().await;
        Ok(now?.unwrap_or_else(|| time::now_ms().saturating_mul(MS)))
    }
}

/// The first moment that can be read, to the second.
async fn first_readable(moments: &mut dyn Moments, now: i64) -> Result<i64> {
    let (mut gone, mut there) = (now - LONGEST, now);
    while there - gone > SECOND {
        let middle = gone + (there - gone) / 2;
        if moments.can_read(&Moment::At(middle)).await? {
            there = middle;
        } else {
            gone = middle;
        }
    }
    Ok(there)
}
