//! Who is in the way: sessions that hold what another one waits for.

use futures_core::future::BoxFuture;

use super::MatrixOne;
use crate::error::{Error, Result, say};

impl MatrixOne {
    /// The sessions that hold what this session waits for; none that can be seen when it can't be
    /// asked.
    pub(super) fn who_blocks(&self, session: u64, end: bool) -> BoxFuture<'static, Vec<String>> {
        let engine = self.clone();
        Box::pin(async move { engine.blockers(session, end).await.unwrap_or_default() })
    }

    /// The sessions that hold what this session waits for, each in words.
    /// They are ended where that is wanted.
    async fn blockers(&self, session: u64, end: bool) -> Result<Vec<String>> {
        let mut link = self.open("").await?;
        // The views, for joining the functions behind them makes the server panic.
        let sql = format!(
            "SELECT p.conn_id, p.user, p.client_host, CAST(t.create_ts AS CHAR), p.info \
             FROM information_schema.processlist x \
             JOIN mo_catalog.mo_locks l ON l.lock_wait = x.txn_id \
             JOIN information_schema.processlist p ON p.txn_id = l.txn_id \
             JOIN mo_catalog.mo_transactions t ON t.txn_id = l.txn_id WHERE x.conn_id = {session}"
        );
        let rows = link.ask(&sql).await?;
        for row in rows.iter().filter(|_| end) {
            let session: u64 = row.at(0)?;
            tracing::warn!(session, "a session that is in the way is ended");
            link.send(&format!("KILL {session}")).await?;
        }
        link.hang_up().await;
        rows.iter()
            .map(|row| {
                let (id, user, host): (u64, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
                let since: Option<String> = row.at(3)?;
                let runs: Option<String> = row.at(4)?;
                let runs = runs.filter(|text| !text.is_empty());
                let runs = runs.map_or_else(
                    || "runs nothing just now".to_owned(),
                    |text| format!("ran `{}`", say::shortened(&text)),
                );
                Ok(format!(
                    "session {id} of {user} at {host}, in a transaction since {}, {runs}",
                    since.unwrap_or_else(|| "an unknown time".to_owned())
                ))
            })
            .collect::<Result<Vec<_>, Error>>()
    }
}
