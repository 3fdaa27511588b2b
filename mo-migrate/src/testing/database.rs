//! A database of a test.

use std::path::{Path, PathBuf};

use super::dump::dump;
use super::folder::Folder;
use crate::Migrator;
use crate::engine::{Connection, Counts, Fence, Inventory, Role, SharedEngine, Target};
use crate::error::{Code, Error, Result};
use crate::migration::{Session, Statement, Version};
use crate::plan::Goal;
use crate::report::Report;
use crate::settings::Unit;
use crate::sql;
use crate::value::{FromValue, Row};

/// A database at a version, for the test of the next one.
#[derive(Debug)]
pub struct TestDatabase {
    migrator: Migrator,
    address: String,
    engine: SharedEngine,
    file: Option<PathBuf>,
    folder: Option<Folder>,
}

impl TestDatabase {
    pub(super) async fn new(migrator: &Migrator, version: Version) -> Result<Self> {
        let folder = Folder::new()?;
        let file = folder.path().join("test.db");
        let mut database = Self::open(migrator, &format!("sqlite:{}", file.display()))?;
        (database.file, database.folder) = (Some(file), Some(folder));
        database.bring_to(version).await?;
        Ok(database)
    }

    pub(super) async fn on(migrator: &Migrator, version: Version, address: &str) -> Result<Self> {
        let database = Self::open(migrator, address)?;
        database.bring_to(version).await?;
        Ok(database)
    }

    fn open(migrator: &Migrator, address: &str) -> Result<Self> {
        Ok(Self {
            // A test is a person who asks: what failed is tried again at once.
            migrator: migrator.clone().attended(true),
            address: address.to_owned(),
            engine: Target::from(address).open()?,
            file: None,
            folder: None,
        })
    }

    async fn bring_to(&self, version: Version) -> Result<()> {
        if !self.engine.exists().await? {
            self.engine.create_database().await?;
        }
        if version != 0 {
            // One by one: a check compares with the version before its own.
            let migrator = self.migrator.clone().unit(Unit::Migration);
            Box::pin(migrator.to(&self.address, Goal::Version(version))).await?;
        }
        Ok(())
    }

    /// Its address, for a connection of the test's own.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its file; none when the address was given.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Runs one or more statements, separated by `;`: all of them or none.
    ///
    /// # Errors
    /// The first statement that fails, with its number.
    pub async fn seed(&mut self, sql: &str) -> Result<()> {
        let mut work = self.engine.connect(Role::Work).await?;
        let done = seed_on(&mut *work, &self.migrator.settings().history_table, sql).await;
        work.close().await;
        done
    }

    /// Applies this one migration, under the whole guard and judged by its checks.
    ///
    /// # Errors
    /// It is not the next one, or as [`Migrator::run`].
    pub async fn apply(&mut self, version: Version) -> Result<Report> {
        let goal = Goal::Version(version);
        let pending = self.migrator.plan(&self.address, goal).await?;
        match pending.as_slice() {
            [] => Err(Error::new(Code::Usage, format!("version {version} is applied already"))
                .hinted(format!("begin with `testing::at(&MIGRATOR, {})`", version - 1))),
            [_] => Box::pin(self.migrator.to(&self.address, goal)).await,
            [first, ..] => {
                let message = format!(
                    "version {version} is not the next one: {} `{}` is",
                    first.version, first.name
                );
                let before = &pending[pending.len() - 2];
                Err(Error::new(Code::Usage, message)
                    .hinted(format!("begin with `testing::at(&MIGRATOR, {})`", before.version)))
            }
        }
    }

    /// Takes the newest version back by its down file.
    ///
    /// # Errors
    /// As [`Migrator::down`].
    pub async fn down(&mut self) -> Result<Report> {
        Box::pin(self.migrator.down(&self.address, None)).await
    }

    /// Takes every version above this one back; 0 takes back all.
    ///
    /// # Errors
    /// As [`Migrator::down`].
    pub async fn down_to(&mut self, version: Version) -> Result<Report> {
        Box::pin(self.migrator.down(&self.address, Some(version))).await
    }

    /// The highest version that it has.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn version(&self) -> Result<Option<Version>> {
        Ok(self.migrator.status(&self.address).await?.version)
    }

    /// Lets a function work on the database, with a session such as a migration gets.
    ///
    /// # Errors
    /// The function's own.
    pub async fn session<T>(
        &self,
        work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.engine.connect(Role::Work).await?;
        let done = work(&mut Session::new(&mut *connection)).await;
        connection.close().await;
        done
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_all(&self, query: impl Statement) -> Result<Vec<Row>> {
        self.session(async |session| session.fetch_all(query).await).await
    }

    /// The first value of the first row of a query.
    ///
    /// # Errors
    /// There is none, it is of another type, or what the database says.
    pub async fn fetch_scalar<T: FromValue>(&self, query: impl Statement) -> Result<T> {
        self.session(async |session| session.fetch_scalar(query).await).await
    }

    /// The columns of a table or a view, in their order.
    ///
    /// # Errors
    /// There is no such table.
    pub async fn columns(&self, table: &str) -> Result<Vec<String>> {
        let inventory = self.inventory(Counts::Without).await?;
        let found = inventory.table(table).ok_or_else(|| no_table(table, &inventory))?;
        if !found.columns.is_empty() {
            return Ok(found.columns.iter().map(|column| column.name.clone()).collect());
        }
        // A view has its columns from its query alone; the join gives a row where it has none.
        let view = self.engine.dialect().quote(table);
        let query = format!(
            "SELECT v.* FROM (SELECT 1 AS one) AS o LEFT JOIN {view} AS v ON 1 = 1 LIMIT 1"
        );
        let rows = self.fetch_all(query).await?;
        Ok(rows.first().map_or_else(Vec::new, |row| row.columns().to_vec()))
    }

    /// The number of rows of a table.
    ///
    /// # Errors
    /// There is no such table.
    pub async fn row_count(&self, table: &str) -> Result<u64> {
        let inventory = self.inventory(Counts::Without).await?;
        inventory.table(table).ok_or_else(|| no_table(table, &inventory))?;
        self.fetch_scalar(format!("SELECT count(*) FROM {}", self.engine.dialect().quote(table)))
            .await
    }

    /// All that the database consists of, as text: definitions, rows and row numbers, the history
    /// too. Two equal dumps are two equal databases.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn dump(&self) -> Result<String> {
        let mut read = self.engine.connect(Role::Work).await?;
        let text = dump(&*self.engine, &mut *read).await;
        read.close().await;
        text
    }

    pub(super) fn engine(&self) -> &SharedEngine {
        &self.engine
    }

    /// Keeps the file when the value goes; gives where it is.
    pub(super) fn keep(&mut self) -> String {
        if let Some(folder) = &mut self.folder {
            folder.keep();
        }
        self.engine.database().to_owned()
    }

    async fn inventory(&self, counts: Counts<'_>) -> Result<Inventory> {
        let mut read = self.engine.connect(Role::Work).await?;
        let inventory = self.engine.inventory(&mut *read, counts, &Inventory::NOTHING).await;
        read.close().await;
        inventory
    }
}

async fn seed_on(work: &mut dyn Connection, history: &str, text: &str) -> Result<()> {
    let pieces = sql::split(text, work.dialect()).map_err(Error::from)?;
    let statements: Vec<&str> =
        pieces.into_iter().filter_map(|piece| text.get(piece.statement?)).collect();
    work.begin().await?;
    work.fence(Fence::Transaction(history));
    let mut done = Ok(());
    for (at, statement) in statements.iter().enumerate() {
        if let Err(error) = work.execute(statement, &[]).await {
            let message =
                format!("statement {} of {} of the seed failed", at + 1, statements.len());
            done = Err(error.within(Code::Statement, message));
            break;
        }
    }
    work.fence(Fence::Open);
    match done {
        Ok(()) => work.commit().await,
        Err(error) => {
            work.rollback().await?;
            Err(error)
        }
    }
}

fn no_table(wanted: &str, inventory: &Inventory) -> Error {
    let names: Vec<&str> = inventory.tables().map(|table| table.name.as_str()).collect();
    Error::new(
        Code::RowValue,
        format!("there is no table `{wanted}`; there are {}", names.join(", ")),
    )
}
