//! Clones of a snapshot: `<database>_verify`, for tests of what it holds.
//!
//! Invariants:
//! 1. a clone and the table in it that says whose it is are made in one transaction;
//! 2. only a database whose marker names the run is ever dropped;
//! 3. a name that is taken is left alone: ours gets the run's ending.

use super::catalog;
use super::link::Link;
use super::{MatrixOne, hint, literal, quote};
use crate::engine::{Clone, Connection as _};
use crate::error::{Result, say};

/// The table that says which run made a clone.
pub(super) const MARKER: &str = "mo_migrate_clone";

/// The longest name of a database.
const LONGEST: usize = 64;

impl MatrixOne {
    /// The names that the clone of a run may have.
    fn clone_names(&self, run: &str) -> [String; 2] {
        let tail: String =
            run.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
        [self.verify_name("_verify"), self.verify_name(&format!("_verify_{}", tail.to_lowercase()))]
    }

    fn verify_name(&self, ending: &str) -> String {
        let room = LONGEST.saturating_sub(ending.len());
        let name: String = self.name.chars().take(room).collect();
        format!("{name}{ending}")
    }

    pub(super) async fn make_clone(&self, snapshot: &str, run: &str) -> Result<Clone> {
        let mut link = self.open_known("").await?;
        let made = self.clone_on(&mut link, snapshot, run).await;
        let name = match made {
            Ok(name) => name,
            Err(error) => {
                let _ = link.rollback().await;
                link.hang_up().await;
                return Err(error);
            }
        };
        link.hang_up().await;
        let connection = Box::new(self.open_known(&name).await?);
        Ok(Clone { name, connection })
    }

    async fn clone_on(&self, link: &mut Link, snapshot: &str, run: &str) -> Result<String> {
        // The server makes an empty database of a source that it can't find, and says OK.
        if self.list_snapshots(link, Some(snapshot)).await?.is_empty() {
            return Err(say::no_snapshot(snapshot, &self.list_snapshots(link, None).await?));
        }
        let names = self.clone_names(run);
        let mut name = names[1].clone();
        if !self.database_exists(link, &names[0]).await? {
            name.clone_from(&names[0]);
        } else if self.is_clone_of(link, &names[0], run).await? {
            link.send(&format!("DROP DATABASE {}", quote(&names[0]))).await?;
            name.clone_from(&names[0]);
        }
        let clone = quote(&name);
        link.begin().await?;
        link.send(&format!(
            "CREATE DATABASE {clone} CLONE {}{}",
            quote(&self.name),
            hint(snapshot)
        ))
        .await?;
        link.send(&format!("CREATE TABLE {clone}.{MARKER} (run VARCHAR(100) PRIMARY KEY)")).await?;
        link.send(&format!("INSERT INTO {clone}.{MARKER} (run) VALUES ({})", literal(run))).await?;
        link.commit().await?;
        Ok(name)
    }

    async fn is_clone_of(&self, link: &mut Link, name: &str, run: &str) -> Result<bool> {
        let source = format!("{}.{MARKER} WHERE run = {}", quote(name), literal(run));
        match catalog::count(link, &source).await {
            Ok(rows) => Ok(rows > 0),
            Err(error) if say::is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn remove_clone(&self, run: &str) -> Result<()> {
        let mut link = self.open("").await?;
        let removed = self.remove_clone_on(&mut link, run).await;
        link.hang_up().await;
        removed
    }

    async fn remove_clone_on(&self, link: &mut Link, run: &str) -> Result<()> {
        for name in self.clone_names(run) {
            if self.database_exists(link, &name).await?
                && self.is_clone_of(link, &name, run).await?
            {
                link.send(&format!("DROP DATABASE {}", quote(&name))).await?;
            }
        }
        Ok(())
    }
}
