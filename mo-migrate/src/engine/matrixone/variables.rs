//! The settings of a session: a migration's SET is not the next one's, nor the checks', nor the guard's.

use std::collections::{BTreeMap, BTreeSet};

use super::link::Link;
use super::{literal, quote};
use crate::engine::Connection as _;
use crate::error::Result;
use crate::sql::{self, Dialect};

/// What a session was set to, and what may have changed it.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// The server's variables by their names, and the role.
    then: Option<(BTreeMap<String, String>, String)>,
    /// The session's own ones that were named since.
    named: BTreeSet<String>,
    /// A statement that may set something was sent since.
    set: bool,
}

impl Variables {
    /// A migration's statement goes to the session.
    pub(super) fn hear(&mut self, statement: &str) {
        self.set |= sql::sets_session(statement, Dialect::MatrixOne);
        self.named.extend(sql::session_variables(statement, Dialect::MatrixOne));
    }

    /// Whatever may go to the session by another way.
    pub(super) fn anything(&mut self) {
        self.set = true;
    }
}

async fn read(link: &mut Link) -> Result<(BTreeMap<String, String>, String)> {
    let mut all = BTreeMap::new();
    for row in link.ask("SHOW SESSION VARIABLES").await? {
        all.insert(row.at(0)?, row.at::<Option<String>>(1)?.unwrap_or_default());
    }
    let role = link.ask("SELECT current_role()").await?;
    let role: Option<String> = role.first().map_or(Ok(None), |row| row.at(0))?;
    Ok((all, role.unwrap_or_default()))
}

impl Link {
    pub(super) async fn note_variables(&mut self) -> Result<()> {
        let then = Some(read(self).await?);
        *self.variables() = Variables { then, ..Variables::default() };
        Ok(())
    }

    /// A SET would commit an open transaction, so that nothing is put back inside of one.
    pub(super) async fn put_variables_back(&mut self) -> Result<()> {
        if self.in_transaction().await? {
            return Ok(());
        }
        let noted = std::mem::take(self.variables());
        let Some((then, role)) = noted.then else { return Ok(()) };
        for name in &noted.named {
            self.send(&format!("SET @{} = NULL", quote(name))).await?;
        }
        if noted.set {
            let database = quote(self.database());
            self.send(&format!("USE {database}")).await?;
            let (now, present) = read(self).await?;
            if present != role {
                self.send(&format!("SET ROLE {}", quote(&role))).await?;
            }
            for (name, value) in then.iter().filter(|(name, value)| now.get(*name) != Some(value)) {
                let number = value.parse::<i128>().is_ok();
                let value = if number { value.clone() } else { literal(value) };
                self.send(&format!("SET {name} = {value}")).await?;
            }
        }
        *self.variables() = Variables { then: Some((then, role)), ..Variables::default() };
        Ok(())
    }
}
