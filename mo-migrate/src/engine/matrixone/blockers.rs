//! Who is in the way: sessions that hold what another one waits for.

use futures_core::future::BoxFuture;

use super::{MatrixOne, literal};
use crate::error::{Error, Result, say};

/// Who waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waiter {
    /// This session.
    Session(u64),
    /// A transaction of the server's own, for a table of the guarded database.
    Server,
    /// Whoever wants to change the guarded database next.
    Next,
}

impl MatrixOne {
    /// The sessions that hold what is waited for; none that can be seen when it can't be
    /// asked.
    pub(super) fn who_blocks(&self, waiter: Waiter, end: bool) -> BoxFuture<'static, Vec<String>> {
        let engine = self.clone();
        Box::pin(async move { engine.blockers(waiter, end).await.unwrap_or_default() })
    }

    /// The sessions that hold what is waited for, each in words.
    /// They are ended where that is wanted.
    pub(super) async fn blockers(&self, waiter: Waiter, end: bool) -> Result<Vec<String>> {
        let mut link = self.open("").await?;
        // The tables, or their rows in the catalogue, which have the database's name in their keys.
        let ours = format!(
            "(l.lock_content LIKE concat('%4601', lower(hex({0})), '00%') OR l.table_id IN \
             (SELECT CAST(rel_id AS CHAR) FROM mo_catalog.mo_tables \
             WHERE account_id = current_account_id() AND reldatabase = {0}))",
            literal(&self.name)
        );
        let waits = match waiter {
            Waiter::Session(session) => format!(
                "l.lock_wait IN (SELECT txn_id FROM information_schema.processlist WHERE conn_id = {session})"
            ),
            Waiter::Server => format!(
                "l.lock_wait <> '' AND l.lock_wait NOT IN \
                 (SELECT txn_id FROM information_schema.processlist WHERE txn_id <> '') AND {ours}"
            ),
            Waiter::Next => format!("p.conn_id <> connection_id() AND {ours}"),
        };
        // The views, for joining the functions behind them makes the server panic.
        let sql = format!(
            "SELECT DISTINCT p.conn_id, p.user, p.client_host, CAST(t.create_ts AS CHAR), p.info \
             FROM mo_catalog.mo_locks l \
             JOIN information_schema.processlist p ON p.txn_id = l.txn_id \
             JOIN mo_catalog.mo_transactions t ON t.txn_id = l.txn_id WHERE {waits}"
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
