//! `clone`: environments made from this database.

use std::time::Duration;

use serde::Serialize;

use super::Operations;
use super::make_clone::{CloneOrder, NOW};
use super::mask::mask;
use crate::error::{Code, Result, say};
use crate::ledger::{CloneRecord, Ledger};
use crate::migration::Version;
use crate::time;

/// What a clone that a person asked for is for.
const CLONE: &str = "clone";

/// What one is for that a restore is tried in.
pub(super) const RESTORE: &str = "restore";

/// A clone as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct CloneLine {
    /// What it is called.
    pub name: String,
    /// What it is for: `clone`, `restore` or `upgrade`.
    pub purpose: String,
    /// The database.
    pub database: String,
    /// Its address, with the user's name and without any credential.
    pub address: String,
    /// The snapshot that it was made from, or `now`.
    pub from: String,
    /// `ready`, or what it is in the midst of.
    pub state: String,
    /// The version that it had when it was made.
    pub version: Option<Version>,
    /// The file that was run in it.
    pub mask: Option<String>,
    /// The checksum of that file's text.
    pub mask_checksum: Option<String>,
    /// What the original has and it could not be given, in words.
    pub left_out: Vec<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it may go.
    pub expires_at: Option<String>,
    /// Its time is over.
    pub expired: bool,
    /// The ledger knows it, and it is gone.
    pub gone: bool,
}

/// What a clone is made from, how long it is kept, and what is run in it before anybody has it.
///
/// ```
/// # use std::time::Duration;
/// use mo_migrate::NewClone;
///
/// let qa = NewClone::default()
///     .from("now")
///     .expires(Duration::from_hours(72))
///     .mask("mask.sql", "UPDATE customers SET email = 'x@example.com';");
/// ```
#[derive(Clone, Debug, Default)]
pub struct NewClone {
    from: Option<String>,
    expires: Option<Duration>,
    mask: Option<(String, String)>,
}

impl NewClone {
    /// Of a run's snapshot, of the one named, or of `now`, which is the default.
    #[must_use]
    pub fn from(mut self, wanted: impl Into<String>) -> Self {
        self.from = Some(wanted.into());
        self
    }

    /// Until when it is kept, from the moment that it is made: after it `prune` removes it.
    #[must_use]
    pub fn expires(mut self, time: Duration) -> Self {
        self.expires = Some(time);
        self
    }

    /// SQL that is run in it before anybody has it, with the name of its file. When it fails, nothing
    /// of the clone is left.
    #[must_use]
    pub fn mask(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.mask = Some((name.into(), text.into()));
        self
    }
}

/// What a clone may be called.
pub(crate) fn is_clone_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=24).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with("verify")
        && text != "new"
        && !text.ends_with("_new")
}

/// Its time is over, and nobody else answers for it.
fn is_expired(clone: &CloneRecord, now: i64) -> bool {
    clone.purpose != "upgrade" && clone.expires_at.is_some_and(|at| at <= now)
}

impl Operations<'_> {
    /// Makes an environment.
    pub(crate) async fn clone_create(&self, name: &str, wanted: &NewClone) -> Result<CloneLine> {
        if !is_clone_name(name) {
            return Err(say::no_clone_name(name));
        }
        let database = self.engine.name_with(&format!("_{name}"));
        self.clone_to(name, CLONE, database, wanted).await
    }

    /// Makes a database of this name from a snapshot, for a restore to be tried in.
    pub(crate) async fn restore_into(
        &self,
        database: &str,
        wanted: Option<&str>,
    ) -> Result<CloneLine> {
        let from = self.snapshot_meant(wanted).await?;
        let wanted = NewClone::default().from(from);
        let made = self.clone_to(database, RESTORE, database.to_owned(), &wanted).await;
        made.map_err(say::restored_into)
    }

    async fn clone_to(
        &self,
        name: &str,
        purpose: &'static str,
        database: String,
        wanted: &NewClone,
    ) -> Result<CloneLine> {
        let dialect = self.engine.dialect();
        let given = wanted.mask.as_ref().map(|(name, text)| mask(name, text, dialect));
        let mask = given.transpose()?;
        // Nothing is made for a name that no database can have, nor beside a database that is not there.
        self.engine.beside(&database)?;
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        let lasts = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let order = CloneOrder {
            name: name.to_owned(),
            purpose,
            database,
            from: wanted.from.clone().unwrap_or_else(|| NOW.to_owned()),
            mask,
            expires_at: wanted.expires.map(|time| time::now_ms().saturating_add(lasts(time))),
        };
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let made = Box::pin(self.make_clone(&mut ledger, order)).await;
        ledger.close().await;
        self.clone_line(&made?).await
    }

    /// The clones that the ledger knows.
    pub(crate) async fn clone_list(&self) -> Result<Vec<CloneLine>> {
        let mut lines = Vec::new();
        for clone in self.known_clones().await? {
            lines.push(self.clone_line(&clone).await?);
        }
        Ok(lines)
    }

    /// One clone.
    pub(crate) async fn clone_show(&self, name: &str) -> Result<CloneLine> {
        self.clone_line(&called(self.known_clones().await?, name)?).await
    }

    /// The one that would be removed.
    pub(crate) async fn clone_delete_preview(&self, name: &str) -> Result<CloneLine> {
        let clone = of_people(self.known_clones().await?, name)?;
        let line = self.clone_line(&clone).await?;
        // What a death left is finished first, and then looked at.
        if line.state == "ready" && !line.gone {
            self.is_ours(&clone).await?;
        }
        self.nothing_hangs_on(&clone.database).await?;
        Ok(line)
    }

    /// The one that would be made anew, from what there is.
    pub(crate) async fn clone_refresh_preview(
        &self,
        name: &str,
        from: Option<&str>,
    ) -> Result<CloneLine> {
        let line = self.clone_delete_preview(name).await?;
        if let Some(from) = from.filter(|from| *from != NOW)
            && let Some(mut ledger) = Ledger::read(self.engine()).await?
        {
            let source = self.known_source(&mut ledger, from).await;
            ledger.close().await;
            source?;
        }
        Ok(line)
    }

    async fn is_ours(&self, clone: &CloneRecord) -> Result<()> {
        let ours = self.engine.is_marked(&clone.database, &clone.id).await?;
        if ours { Ok(()) } else { Err(say::not_our_database(&clone.database)) }
    }

    async fn known_clones(&self) -> Result<Vec<CloneRecord>> {
        let Some(mut ledger) = Ledger::read(self.engine()).await? else { return Ok(Vec::new()) };
        let clones = ledger.clones().await;
        ledger.close().await;
        clones
    }

    /// Makes it anew, with the same mask and for as long.
    pub(crate) async fn clone_refresh(&self, name: &str, from: Option<&str>) -> Result<CloneLine> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let made = async {
            self.finish_clones(&mut ledger).await?;
            let clone = of_people(ledger.clones().await?, name)?;
            Box::pin(self.make_anew(&mut ledger, clone, from.unwrap_or(NOW))).await
        };
        let made = Box::pin(made).await;
        ledger.close().await;
        self.clone_line(&made?).await
    }

    /// Removes it, with all that is in it.
    pub(crate) async fn clone_delete(&self, name: &str) -> Result<()> {
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let removed = async {
            let clone = of_people(ledger.clones().await?, name)?;
            self.remove_clone(&mut ledger, clone).await?;
            self.finish_clones(&mut ledger).await
        };
        let removed = removed.await;
        ledger.close().await;
        removed
    }

    /// The clones that `prune` would remove: what is over its time, and what a death left.
    pub(crate) async fn clones_prune_preview(&self) -> Result<Vec<CloneLine>> {
        let mut lines = self.clone_list().await?;
        lines.retain(|line| line.expired || line.state != "ready");
        Ok(lines)
    }

    /// Removes the clones that are over their time, and what a death left. Gives their names.
    pub(crate) async fn prune_clones(&self) -> Result<Vec<String>> {
        if self.known_clones().await?.is_empty() {
            return Ok(Vec::new());
        }
        let _lock = self.lock().await?;
        let mut ledger = Ledger::open(self.engine()).await?;
        let pruned = async {
            self.finish_clones(&mut ledger).await?;
            let (mut gone, now) = (Vec::new(), time::now_ms());
            for clone in ledger.clones().await? {
                if !is_expired(&clone, now) {
                    continue;
                }
                let name = clone.name.clone();
                match self.remove_clone(&mut ledger, clone).await {
                    Ok(()) => gone.push(name),
                    Err(error) if error.code() == Code::Taken => self.warn(&error),
                    Err(error) => return Err(error),
                }
            }
            Ok(gone)
        };
        let pruned = pruned.await;
        ledger.close().await;
        pruned
    }

    /// A clone as it is listed.
    async fn clone_line(&self, clone: &CloneRecord) -> Result<CloneLine> {
        let engine = self.engine.beside(&clone.database)?;
        Ok(CloneLine {
            name: clone.name.clone(),
            purpose: clone.purpose.clone(),
            database: clone.database.clone(),
            address: engine.address(),
            from: clone.from.clone(),
            state: clone.state.as_str().to_owned(),
            version: clone.version,
            mask: clone.mask.as_ref().map(|mask| mask.name.clone()),
            mask_checksum: clone.mask.as_ref().map(|mask| mask.checksum.clone()),
            left_out: clone.left_out.clone(),
            created_by: clone.created_by.clone(),
            created_at: time::rfc3339(clone.created_at),
            expires_at: clone.expires_at.map(time::rfc3339),
            expired: is_expired(clone, time::now_ms()),
            gone: !engine.exists().await?,
        })
    }
}

/// The same by what people call it. Where they say its database, the nearest name may be another clone's.
fn called(clones: Vec<CloneRecord>, name: &str) -> Result<CloneRecord> {
    let is_database = |clone: &&CloneRecord| clone.name != name && clone.database == name;
    match clones.iter().find(is_database) {
        Some(clone) => Err(say::clone_by_its_database(clone)),
        None => named(clones, name),
    }
}

pub(super) fn named(clones: Vec<CloneRecord>, name: &str) -> Result<CloneRecord> {
    let names: Vec<String> = clones.iter().map(|clone| clone.name.clone()).collect();
    let found = clones.into_iter().find(|clone| clone.name == name);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    found.ok_or_else(|| say::no_clone(name, &names))
}

/// The same, where it is for people to make anew or to remove.
fn of_people(clones: Vec<CloneRecord>, name: &str) -> Result<CloneRecord> {
    let clone = called(clones, name)?;
    if clone.purpose == "upgrade" { Err(say::clone_of_an_upgrade(&clone)) } else { Ok(clone) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_called_by_a_word_that_no_other_database_of_ours_has() {
        for (name, fit) in [
            ("qa", true),
            ("qa_2", true),
            ("", false),
            ("QA", false),
            ("q-a", false),
            ("verify", false),
            ("verify_1", false),
            ("new", false),
            ("qa_new", false),
            ("a_word_of_more_than_24_char", false),
        ] {
            assert_eq!(is_clone_name(name), fit, "{name}");
        }
    }
}
