//! Databases of their own that are made from this one.

use super::Migrator;
use crate::engine::Target;
use crate::error::Result;
use crate::operations::{CloneLine, CloneSwap, NewClone};

impl Migrator {
    /// Makes a database of its own from this one, the environment `{database}_{name}`.
    ///
    /// # Errors
    /// There is one of this name, the snapshot can't be cloned, or the mask failed; then nothing of it
    /// is left.
    pub async fn clone_create(
        &self,
        target: impl Into<Target>,
        name: &str,
        wanted: &NewClone,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_create(name, wanted)).await
        }))
        .await
    }

    /// The clones of this database; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn clone_list(&self, target: impl Into<Target>) -> Result<Vec<CloneLine>> {
        self.with_operations_even_without_files(target.into(), async |all| all.clone_list().await)
            .await
    }

    /// One clone; writes nothing.
    ///
    /// # Errors
    /// There is none of this name; the nearest one is named.
    pub async fn clone_show(&self, target: impl Into<Target>, name: &str) -> Result<CloneLine> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| all.clone_show(name).await)
            .await
    }

    /// What [`clone_delete`](Self::clone_delete) would remove.
    ///
    /// # Errors
    /// There is none of this name, or its database is another now.
    pub async fn clone_delete_preview(
        &self,
        target: impl Into<Target>,
        name: &str,
    ) -> Result<CloneLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.clone_delete_preview(name).await
        })
        .await
    }

    /// What [`clone_refresh`](Self::clone_refresh) would replace.
    ///
    /// # Errors
    /// There is none of this name, its database is another now, or there is nothing to make it from.
    pub async fn clone_refresh_preview(
        &self,
        target: impl Into<Target>,
        name: &str,
        from: Option<&str>,
    ) -> Result<CloneLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.clone_refresh_preview(name, from).await
        })
        .await
    }

    /// Makes a clone anew, from a run, a snapshot or `now`, with the same mask and for as long. The old
    /// one stays until the new one is whole.
    ///
    /// # Errors
    /// There is no such clone or snapshot, or the mask failed; then the old one is as it was.
    pub async fn clone_refresh(
        &self,
        target: impl Into<Target>,
        name: &str,
        from: Option<&str>,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_refresh(name, from)).await
        }))
        .await
    }

    /// Removes a clone with all that is in it.
    ///
    /// # Errors
    /// There is none of this name, or the database of its name is not the one that was made.
    pub async fn clone_delete(&self, target: impl Into<Target>, name: &str) -> Result<()> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.clone_delete(name)).await
        }))
        .await
    }

    /// What [`prune_clones`](Self::prune_clones) would remove or finish; writes nothing.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_clones_preview(&self, target: impl Into<Target>) -> Result<Vec<CloneLine>> {
        let target = target.into();
        self.with_operations_even_without_files(target, async |all| {
            all.clones_prune_preview().await
        })
        .await
    }

    /// Removes the clones that are over their time, and what a death left of one. Gives the names of
    /// the former.
    ///
    /// # Errors
    /// One can't be removed.
    pub async fn prune_clones(&self, target: impl Into<Target>) -> Result<Vec<String>> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.prune_clones()).await
        }))
        .await
    }

    /// Makes a database of this name from a run's snapshot, or the one named, for a restore to be tried
    /// in; the database itself stays as it is.
    ///
    /// # Errors
    /// There is a database of this name, or no such snapshot.
    pub async fn restore_into(
        &self,
        target: impl Into<Target>,
        wanted: Option<&str>,
        database: &str,
    ) -> Result<CloneLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.restore_into(database, wanted)).await
        }))
        .await
    }

    /// Takes a database that [`restore_into`](Self::restore_into) made, as it is by now, over into a
    /// snapshot, and says what changes when this database is [restored](Self::restore) from that. The
    /// snapshot may be deleted at once; a restore from it keeps it.
    ///
    /// # Errors
    /// There is no such database, it was made for something else, or a run is open in it.
    pub async fn restore_from_clone_preview(
        &self,
        target: impl Into<Target>,
        database: &str,
    ) -> Result<CloneSwap> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.swap_prepare(database)).await
        }))
        .await
    }
}
