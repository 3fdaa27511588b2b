//! Rows from blue to green: a session in green that writes, and one in blue that keeps its writers out.
//!
//! Invariants:
//! 1. an ALTER that changes nothing takes each table's lock, as before a restore's DROP; it is never
//!    committed;
//! 2. blue is read by the session that holds the locks, which sees every commit before them;
//! 3. a row that was deleted in green is nobody else's to change any more; what others have committed
//!    there is read by the other session, which does not see the deletion;
//! 4. one statement names one moment of the past: sides are summed one after the other.

use async_trait::async_trait;

use super::copy::written;
use super::link::Link;
use super::restore::sum;
use super::{MatrixOne, catalog, hint, quote};
use crate::engine::{CarryOver, Conduct, Connection as _, Object, RowComparison, Side};
use crate::error::{Result, say};

/// The three, opened.
#[derive(Debug)]
pub(super) struct MatrixOneCarryOver {
    blue: MatrixOne,
    green: MatrixOne,
    snapshot: String,
    link: Link,
    /// Holds the locks of blue's tables.
    keeper: Option<Link>,
    conduct: Conduct,
}

impl MatrixOneCarryOver {
    pub(super) async fn open(
        blue: &MatrixOne,
        green: MatrixOne,
        snapshot: &str,
        conduct: Conduct,
    ) -> Result<Self> {
        let mut link = green.open_known(&green.name).await?;
        if blue.list_snapshots(&mut link, Some(snapshot)).await?.is_empty() {
            let all = blue.list_snapshots(&mut link, None).await;
            link.hang_up().await;
            return Err(say::no_snapshot(snapshot, &all?));
        }
        link.send("SET foreign_key_checks = 0").await?;
        link.waits(conduct).await?;
        let (blue, snapshot) = (blue.clone(), snapshot.to_owned());
        Ok(Self { blue, green, snapshot, link, keeper: None, conduct })
    }

    async fn sum(&mut self, table: &Object, side: Side) -> Result<(u64, u128)> {
        let of = |database: &MatrixOne| format!("{}.{}", quote(&database.name), quote(&table.name));
        let (blue, green) = (of(&self.blue), of(&self.green));
        match (side, &mut self.keeper) {
            (Side::Then, _) => {
                let source = format!("{blue}{}", hint(&self.snapshot));
                sum(&mut self.link, table, &[source]).await
            }
            (Side::Blue, Some(keeper)) => sum(keeper, table, &[blue]).await,
            (Side::Blue, None) => sum(&mut self.link, table, &[blue]).await,
            (Side::Green, _) => sum(&mut self.link, table, &[green]).await,
        }
    }
}

fn words((rows, sum): (u64, u128)) -> String {
    format!("{rows}:{sum}")
}

#[async_trait]
impl CarryOver for MatrixOneCarryOver {
    async fn keep_out(&mut self, tables: &[Object]) -> Result<()> {
        let mut keeper = self.blue.open_known(&self.blue.name).await?;
        keeper.waits(self.conduct).await?;
        keeper.begin().await?;
        let keeper = self.keeper.insert(keeper);
        for table in tables {
            let name = format!("{}.{}", quote(&self.blue.name), quote(&table.name));
            let locked = keeper.send(&format!("ALTER TABLE {name} COMMENT ''")).await;
            locked.map_err(|error| match error.database_code() {
                Some("1205") => say::blue_is_held(&table.name, self.conduct.wait, error),
                _ => error,
            })?;
        }
        Ok(())
    }

    async fn compare(&mut self, table: &Object, one: Side, other: Side) -> Result<RowComparison> {
        let one = self.sum(table, one).await?;
        let other = self.sum(table, other).await?;
        Ok(RowComparison { same: one.0, differs: one != other })
    }

    async fn contents(&mut self, table: &Object, side: Side) -> Result<String> {
        self.sum(table, side).await.map(words)
    }

    async fn begin(&mut self) -> Result<()> {
        self.link.begin().await
    }

    async fn empty(&mut self, table: &Object) -> Result<String> {
        let name = format!("{}.{}", quote(&self.green.name), quote(&table.name));
        // Without a condition the server makes another table in its place, and the keys of others to it
        // lead nowhere for the rest of the transaction.
        self.link.send(&format!("DELETE FROM {name} WHERE 1 = 1")).await?;
        let keeper = self.keeper.as_mut().ok_or_else(say::connection_lost)?;
        sum(keeper, table, &[name]).await.map(words)
    }

    async fn bring(&mut self, table: &Object) -> Result<()> {
        let name = quote(&table.name);
        let (blue, green) = (quote(&self.blue.name), quote(&self.green.name));
        let columns = written(table);
        let sql =
            format!("INSERT INTO {green}.{name} ({columns}) SELECT {columns} FROM {blue}.{name}");
        self.link.send(&sql).await.map(drop)
    }

    async fn orphans(&mut self) -> Result<usize> {
        Ok(catalog::orphans(&mut self.link, None).await?.len())
    }

    async fn commit(&mut self) -> Result<()> {
        self.link.commit().await
    }

    async fn take_back(&mut self) -> Result<()> {
        self.link.rollback().await
    }

    async fn close(self: Box<Self>) {
        for mut link in [Some(self.link), self.keeper].into_iter().flatten() {
            // If it can't be rolled back the connection is lost, and with it the transaction.
            let _ = link.rollback().await;
            link.hang_up().await;
        }
    }
}
