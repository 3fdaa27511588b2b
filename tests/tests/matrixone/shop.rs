//! A database of the server, and what every test here does with it.

use std::ops::Deref;

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, server};

/// A statement that fails.
pub(crate) const BAD: &str = "SELECT * FROM nowhere;";

/// A database with a history; what was made for it beside it goes with it.
pub(crate) struct Shop {
    fixture: Fixture,
    /// What undoes what the test did outside of its database.
    tidy: Vec<String>,
}

impl Deref for Shop {
    type Target = Fixture;
    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for statement in &self.tidy {
            let _ = server::try_sql("", statement);
        }
    }
}

impl Shop {
    /// Holds this, and has had one migration; none without a server. `DB` is the database's name.
    pub(crate) async fn of(sql: &str) -> Option<Self> {
        server::url()?;
        let shop = Self { fixture: Fixture::new(Place::MatrixOne), tidy: Vec::new() };
        shop.run(sql);
        shop.file("1_first.sql", "CREATE TABLE first_of_all (id INT PRIMARY KEY);");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        Some(shop)
    }

    /// The text with the database's name for `DB`.
    pub(crate) fn named(&self, sql: &str) -> String {
        sql.replace("DB", self.database())
    }

    /// Runs SQL as another client, with the database's name for `DB`.
    #[track_caller]
    pub(crate) fn run(&self, sql: &str) -> String {
        self.sql(&self.named(sql))
    }

    /// The same, where a refusal is an answer too.
    pub(crate) fn tries(&self, sql: &str) -> Result<String, String> {
        self.try_sql(&self.named(sql))
    }

    /// Asserts that the server refuses this, and that these words say why.
    #[track_caller]
    pub(crate) fn refuses(&self, sql: &str, why: &str) {
        let error = self.tries(sql).expect_err(sql);
        assert!(error.contains(why), "{sql}: {error}");
    }

    /// Another database that goes with this one: `DB_other`, which holds this.
    #[track_caller]
    pub(crate) fn other(&self, sql: &str) -> String {
        let name = format!("{}_other", self.database());
        if !server::exists(&name) {
            server::sql("", &format!("CREATE DATABASE {name}"));
        }
        server::sql(&name, &self.named(sql))
    }

    /// A user with a role of his own, which may connect and nothing else: `DB` and `DB_role`.
    #[track_caller]
    pub(crate) fn user(&mut self) {
        server::sql(
            "",
            &self.named(
                "CREATE ROLE DB_role; CREATE USER DB IDENTIFIED BY 'secret' DEFAULT ROLE DB_role; GRANT CONNECT ON ACCOUNT * TO DB_role",
            ),
        );
        self.tidy = vec![self.named("DROP USER DB"), self.named("DROP ROLE DB_role")];
    }

    /// Runs SQL as that user.
    pub(crate) fn as_user(&self, sql: &str) -> Result<String, String> {
        let user = Some((self.database(), "secret"));
        server::try_sql_as(self.database(), user, &self.named(sql)).map_err(|e| e.to_string())
    }

    /// Runs this as a second migration, which has to fail with this outcome.
    pub(crate) async fn fails(&self, migration: &str, outcome: Outcome) -> mo_migrate::Error {
        self.file("2_x.sql", &self.named(migration));
        let error = self.migrator().attended(true).run(self.address()).await.unwrap_err();
        assert_eq!(error.outcome(), outcome, "{migration}: {error:?}");
        error
    }

    /// Runs each of these as a second migration that fails in the end: all must be as before, to the
    /// byte of the dump.
    pub(crate) async fn comes_back_from(&self, migrations: &[&str]) {
        let before = self.dump();
        for migration in migrations {
            self.fails(&format!("{migration}; {BAD}"), Outcome::Restored).await;
            self.assert_dump(&before, migration);
            assert_eq!(self.files_with("_verify"), [""; 0], "{migration}");
        }
    }
}
