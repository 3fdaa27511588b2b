//! The SQL that makes a clone fit to be given away: run in it before anybody has it.
//!
//! Invariants:
//! 1. all of it is read before anything is made, and what could reach the original is refused;
//! 2. it is run whole, or the clone is removed.

use crate::engine::{Engine, Fence, Role};
use crate::error::{Result, say};
use crate::fault::{self, Transition};
use crate::ledger::Mask;
use crate::migration::{Checksum, SqlFile, SqlStatement};
use crate::settings::Settings;
use crate::sql::{self, Dialect, SourceProblem};

/// The table by which a clone is known to be ours.
const MARK: &str = "mo_migrate_clone";

/// A mask that was read.
#[derive(Debug)]
pub(super) struct Masking(SqlFile);

/// A mask as it is kept, from a file's name and text.
///
/// # Errors
/// It can't be read, or could reach the original.
pub(super) fn mask(name: &str, text: &str, dialect: Dialect) -> Result<Mask> {
    let mask = Mask {
        name: name.to_owned(),
        text: text.to_owned(),
        checksum: Checksum::of_text(text.as_bytes()).as_str().to_owned(),
    };
    Masking::read(&mask, dialect).map(|_| mask)
}

impl Masking {
    /// Reads a mask.
    ///
    /// # Errors
    /// It can't be read, or could reach the original.
    pub(super) fn read(mask: &Mask, dialect: Dialect) -> Result<Self> {
        let parsed = SqlFile::parse(&mask.name, mask.text.as_bytes(), dialect);
        let file = parsed.map_err(|problem| say::mask_unread(problem, &mask.name))?;
        if file.statements.is_empty() {
            return Err(say::mask_empty(&mask.name));
        }
        if let Some(problem) = file.transaction_control(dialect) {
            return Err(say::mask_ends_its_transaction(problem));
        }
        for statement in &file.statements {
            if let Some(why) = reaches_further(file.sql(statement), dialect) {
                return Err(say::mask_refused(place(&file, statement, why), why));
            }
        }
        Ok(Self(file))
    }

    /// Runs it in this database.
    ///
    /// # Errors
    /// A statement failed: the database is not to be given to anybody.
    pub(super) async fn run(&self, clone: &dyn Engine, settings: &Settings) -> Result<()> {
        let Self(file) = self;
        let whole = clone.capabilities().transactional_ddl;
        let mut work = clone.connect(Role::Work).await?;
        if file.directives.foreign_keys_off {
            work.foreign_keys(false).await?;
        }
        if whole {
            work.begin().await?;
        }
        work.limit(settings.statement_timeout);
        settings.stop.ends(&*work);
        let mut done = Ok(());
        for statement in &file.statements {
            work.fence(Fence::Transaction(&settings.history_table));
            let sent = work.execute(file.sql(statement), &[]).await;
            work.fence(Fence::Open);
            if settings.stop.asked() {
                done = Err(say::clone_interrupted());
                break;
            }
            if let Err(error) = sent {
                let problem = place(file, statement, error.message());
                done = Err(say::mask_failed(problem, error));
                break;
            }
        }
        if done.is_ok() {
            done = async {
                fault::before(Transition::Masked)?;
                if whole {
                    work.commit().await?;
                }
                fault::after(Transition::Masked)
            }
            .await;
        } else {
            let _ = work.rollback().await;
        }
        work.close().await;
        done
    }
}

/// Why a statement may do more than to change the database that it is run in.
fn reaches_further(statement: &str, dialect: Dialect) -> Option<&'static str> {
    if statement.to_ascii_lowercase().contains(MARK) {
        return Some("it names the table by which the clone is known to be ours");
    }
    if dialect == Dialect::Sqlite {
        sql::reaches_outside(statement, dialect)
    } else {
        sql::names_no_database(statement, dialect).err()
    }
}

fn place(file: &SqlFile, statement: &SqlStatement, why: &str) -> SourceProblem {
    let text = file.sql(statement);
    let problem = SourceProblem::new(text, 0..text.len(), why.to_owned());
    problem.in_file(&file.path, &file.text, statement.span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_that_could_reach_the_original_is_refused() {
        for (text, sqlite, matrixone) in [
            ("UPDATE users SET email = 'x'", true, true),
            ("UPDATE users SET email = concat('u', id) WHERE id > 3; DELETE FROM logs", true, true),
            ("ATTACH 'shop.db' AS o", false, false),
            ("UPDATE shop.users SET email = 'x'", true, false),
            ("INSERT INTO users SELECT * FROM shop.users", true, false),
            ("USE shop", true, false),
            ("COMMIT", false, false),
            ("VACUUM INTO 'shop.db'", false, false),
            ("DELETE FROM mo_migrate_clone", false, false),
            ("UPDATE 'users", false, false),
        ] {
            for (dialect, fit) in [(Dialect::Sqlite, sqlite), (Dialect::MatrixOne, matrixone)] {
                assert_eq!(mask("m.sql", text, dialect).is_ok(), fit, "{text} in {dialect:?}");
            }
        }
    }
}
