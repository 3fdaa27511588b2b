//! Snapshots by hand, and how long they are kept.

use super::Migrator;
use crate::engine::Target;
use crate::error::Result;
use crate::operations::{Scheduled, SnapshotLine, SnapshotTable};
use crate::snapshot::SnapshotOf;

impl Migrator {
    /// Makes a snapshot.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn snapshot_create(
        &self,
        target: impl Into<Target>,
        purpose: &str,
    ) -> Result<SnapshotLine> {
        self.snapshot_create_of(target, purpose, &SnapshotOf::Usual).await
    }

    /// Makes a snapshot of the account, the database or one table.
    ///
    /// # Errors
    /// The engine has no such snapshots, there is no such table, or it can't be made.
    pub async fn snapshot_create_of(
        &self,
        target: impl Into<Target>,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<SnapshotLine> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_create(purpose, of)).await
        }))
        .await
    }

    /// All snapshots, those of others too.
    ///
    /// # Errors
    /// They can't be listed.
    pub async fn snapshot_list(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_list().await
        })
        .await
    }

    /// One snapshot.
    ///
    /// # Errors
    /// There is none of this name; the nearest one is named.
    pub async fn snapshot_show(
        &self,
        target: impl Into<Target>,
        name: &str,
    ) -> Result<SnapshotLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_show(name).await
        })
        .await
    }

    /// The tables of a snapshot with their rows; none where mo-migrate has not made it.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn snapshot_tables(
        &self,
        target: impl Into<Target>,
        name: &str,
    ) -> Result<Option<Vec<SnapshotTable>>> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_tables(name).await
        })
        .await
    }

    /// Clones a snapshot, tests the clone and drops it; gives what it holds, in words.
    ///
    /// # Errors
    /// It does not verify.
    pub async fn snapshot_verify(&self, target: impl Into<Target>, name: &str) -> Result<String> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_verify(name)).await
        }))
        .await
    }

    /// Pins a snapshot, or lets it go.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn snapshot_pin(
        &self,
        target: impl Into<Target>,
        name: &str,
        pinned: bool,
    ) -> Result<SnapshotLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_pin(name, pinned).await
        })
        .await
    }

    /// What [`snapshot_delete`](Self::snapshot_delete) would delete.
    ///
    /// # Errors
    /// There is no such snapshot; or it is pinned, needed, or another's.
    pub async fn snapshot_delete_preview(
        &self,
        target: impl Into<Target>,
        name: &str,
    ) -> Result<SnapshotLine> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_delete_preview(name).await
        })
        .await
    }

    /// Deletes a snapshot, unless a run still needs it.
    ///
    /// # Errors
    /// It is pinned, needed, or another's.
    pub async fn snapshot_delete(&self, target: impl Into<Target>, name: &str) -> Result<()> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_delete(name).await
        })
        .await
    }

    /// Whether there is what a snapshot would be of: the database, and snapshots of that level. Makes none.
    ///
    /// # Errors
    /// There is not, or it can't be found out.
    pub async fn snapshot_could_be(
        &self,
        target: impl Into<Target>,
        of: &SnapshotOf,
    ) -> Result<()> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.snapshot_could_be(of).await
        })
        .await
    }

    /// A snapshot of a schedule: makes one, and deletes those for the same that are over their time.
    ///
    /// # Errors
    /// It can't be made, or one can't be deleted; the hooks of `snapshot_failed` are told.
    pub async fn snapshot_scheduled(
        &self,
        target: impl Into<Target>,
        purpose: &str,
        of: &SnapshotOf,
    ) -> Result<Scheduled> {
        let target = target.into();
        Box::pin(self.with_operations_even_without_files(target, async |all| {
            Box::pin(all.snapshot_scheduled(purpose, of)).await
        }))
        .await
    }

    /// What [`prune`](Self::prune) would delete.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_preview(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.prune_preview_of(target, None).await
    }

    /// Deletes the snapshots that are over their time and not needed. Where there is one to go back to,
    /// one is left, however old it is.
    ///
    /// # Errors
    /// One can't be deleted.
    pub async fn prune(&self, target: impl Into<Target>) -> Result<Vec<SnapshotLine>> {
        self.prune_of(target, None).await
    }

    /// What [`prune_of`](Self::prune_of) would delete.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn prune_preview_of(
        &self,
        target: impl Into<Target>,
        purpose: Option<&str>,
    ) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| {
            all.prune_preview(purpose).await
        })
        .await
    }

    /// The same as [`prune`](Self::prune), of those alone that are for this.
    ///
    /// # Errors
    /// One can't be deleted.
    pub async fn prune_of(
        &self,
        target: impl Into<Target>,
        purpose: Option<&str>,
    ) -> Result<Vec<SnapshotLine>> {
        self.with_operations_even_without_files(target.into(), async |all| all.prune(purpose).await)
            .await
    }
}
