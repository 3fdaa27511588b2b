//! Carrying out one check, within its time.

use std::time::Duration;

use super::{Body, Check, Verdict, When, command, latency, questions};
use crate::engine::{Connection, Engine, Inventory};
use crate::error::{Error, Result, say};
use crate::ledger::Ledger;
use crate::migration::Session;
use crate::panics;
use crate::settings::Stop;
use crate::sql;

/// What a check is carried out with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) run: String,
    pub(crate) limit: Duration,
    pub(crate) evidence: usize,
    /// The snapshot, and what it consists of.
    pub(crate) snapshot: &'a str,
    pub(crate) then: &'a Inventory,
    pub(crate) stop: Stop,
}

impl Context<'_> {
    /// How a statement names a table as it was in the snapshot.
    pub(crate) fn before(&self, table: &str) -> String {
        self.engine.before(self.snapshot, table)
    }
}

/// Carries out a check: at the end of its time, the statement or process that it runs is ended.
pub(crate) async fn carry_out(
    check: &Check,
    connection: &mut dyn Connection,
    context: &Context<'_>,
    ledger: &mut Ledger,
) -> Result<Verdict> {
    connection.limit(Some(context.limit));
    let stop = context.stop.clone();
    let answer = tokio::select! {
        biased;
        answer = tokio::time::timeout(context.limit, ask(check, &mut *connection, context, ledger)) => answer.ok(),
        () = stop.wait() => Some(Err(say::interrupted())),
    };
    // Where the question was given up, its statement is still running.
    connection.end_statement().await?;
    let answer = answer.unwrap_or_else(|| Err(say::check_time_limit(&check.name, context.limit)));
    connection.limit(None);
    answer
}

async fn ask(
    check: &Check,
    connection: &mut dyn Connection,
    context: &Context<'_>,
    ledger: &mut Ledger,
) -> Result<Verdict> {
    match &check.body {
        Body::Sql(text) => rows(check, text, connection, context).await,
        Body::Ready(ready) => match ready {
            super::Ready::QueryTime { sql, p50, p95, n } => {
                latency::measure(connection, sql, (*p50, *p95), *n).await
            }
            super::Ready::ForeignKeys { table } => {
                let rows =
                    context.engine.foreign_key_violations(connection, table.as_deref()).await?;
                Ok(Verdict::no_rows(
                    counted(rows.len(), "row has no parent", "rows have no parent"),
                    rows,
                ))
            }
            other => {
                let question = questions::question(other, context)?;
                let rows =
                    connection.fetch(&question.sql, &[], Some(context.evidence.max(1))).await?;
                Ok(Verdict::no_rows(question.wrong, rows))
            }
        },
        Body::Command(line) => command::run(line, context, ledger).await,
        Body::Rust(validator) => {
            let mut session = Session::new(connection);
            match panics::catch(validator(&mut session)).await {
                Ok(Ok(verdict)) => Ok(verdict),
                Ok(Err(error)) => Err(say::check_erred(&check.name, error)),
                Err(panic) => Err(say::check_panicked(&check.name, &panic)),
            }
        }
    }
}

/// A SELECT for rows that are wrong; one more than is shown is asked for, to say that there are more.
async fn rows(
    check: &Check,
    text: &str,
    connection: &mut dyn Connection,
    context: &Context<'_>,
) -> Result<Verdict> {
    let dialect = context.engine.dialect();
    let sql = if check.when == When::Snapshot {
        text.to_owned()
    } else {
        sql::substitute_before(text, dialect, |table| context.before(table)).map_err(Error::from)?
    };
    let most = context.evidence.max(1);
    let mut rows = connection.fetch(&sql, &[], Some(most + 1)).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let count = counted(rows.len(), "row is wrong", "rows are wrong");
    let detail = if more { format!("more than {count}") } else { count };
    Ok(Verdict::no_rows(detail, rows))
}

pub(super) fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
