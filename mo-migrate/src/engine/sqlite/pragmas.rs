//! The settings of a connection: a migration's PRAGMA is not the next one's, nor the checks', nor the
//! guard's.

use super::connection::SqliteLink;
use crate::engine::Connection as _;
use crate::error::Result;

/// What changes how statements run or what they answer, and can be read.
const SETTINGS: [&str; 12] = [
    "query_only",
    "foreign_keys",
    "defer_foreign_keys",
    "recursive_triggers",
    "ignore_check_constraints",
    "reverse_unordered_selects",
    "legacy_alter_table",
    "trusted_schema",
    "full_column_names",
    "short_column_names",
    "count_changes",
    "automatic_index",
];

/// What a connection was set to, and what can't be read of it.
#[derive(Debug, Default)]
pub(super) struct Pragmas {
    then: Vec<i64>,
    /// The one setting that has no question for it was changed.
    like: bool,
}

impl Pragmas {
    /// The guard itself switches foreign keys: that is what they go back to.
    pub(super) fn foreign_keys(&mut self, on: bool) {
        let at = SETTINGS.iter().position(|name| *name == "foreign_keys");
        if let Some(noted) = at.and_then(|at| self.then.get_mut(at)) {
            *noted = i64::from(on);
        }
    }

    /// A statement goes to the connection.
    pub(super) fn hear(&mut self, statement: &str) {
        let pragma = crate::sql::pragma(statement, crate::sql::Dialect::Sqlite);
        self.like |= pragma.is_some_and(|(name, _)| name == "case_sensitive_like");
    }
}

async fn read(link: &mut SqliteLink) -> Result<Vec<i64>> {
    let columns = SETTINGS.map(|name| format!("(SELECT * FROM pragma_{name})"));
    let rows = link.fetch(&format!("SELECT {}", columns.join(", ")), &[], None).await?;
    (0..SETTINGS.len()).map(|at| rows.first().map_or(Ok(0), |row| row.at(at))).collect()
}

impl SqliteLink {
    pub(super) async fn note_pragmas(&mut self) -> Result<()> {
        let then = read(self).await?;
        *self.pragmas() = Pragmas { then, like: false };
        Ok(())
    }

    pub(super) async fn put_pragmas_back(&mut self) -> Result<()> {
        let noted = std::mem::take(self.pragmas());
        if !noted.then.is_empty() {
            let now = read(self).await?;
            let both = SETTINGS.iter().zip(noted.then.iter().zip(&now));
            for (name, (then, _)) in both.filter(|(_, (then, now))| then != now) {
                self.execute(&format!("PRAGMA {name} = {then}"), &[]).await?;
            }
            if noted.like {
                self.execute("PRAGMA case_sensitive_like = OFF", &[]).await?;
            }
        }
        *self.pragmas() = Pragmas { then: noted.then, like: false };
        Ok(())
    }
}
