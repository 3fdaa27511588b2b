//! Snapshots by hand that the server refuses: each refusal says what to do.

use mo_migrate::error::Code;
use mo_migrate::{Migrator, SnapshotOf};
use mo_migrate_tests::server;

/// An account with a database `d` of one table, that goes with this.
struct Account(String);

impl Drop for Account {
    fn drop(&mut self) {
        let _ = server::try_sql("", &format!("DROP ACCOUNT {}", self.0));
    }
}

impl Account {
    /// None without a server.
    fn new() -> Option<Self> {
        server::url()?;
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let account = Self(format!("mmt{since:x}"));
        let name = &account.0;
        server::sql("", &format!("CREATE ACCOUNT {name} ADMIN_NAME 'admin' IDENTIFIED BY '111'"));
        account.run("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
        Some(account)
    }

    fn run(&self, sql: &str) {
        let user = format!("{}:admin", self.0);
        server::try_sql_as("", Some((&user, "111")), sql).unwrap();
    }

    fn address(&self, user: &str, database: &str) -> String {
        let address = server::address(database);
        let (scheme, place) = address.split_once("://").unwrap();
        let (_, host) = place.rsplit_once('@').unwrap();
        format!("{scheme}://{}%3A{user}:111@{host}", self.0)
    }
}

fn all() -> [SnapshotOf; 3] {
    [SnapshotOf::Account, SnapshotOf::Database, SnapshotOf::Table("t".to_owned())]
}

#[tokio::test]
async fn the_quota_of_each_level_is_named() {
    let Some(account) = Account::new() else { return };
    let id = format!(
        "SELECT account_id FROM mo_catalog.mo_account WHERE account_name = '{}'",
        account.0
    );
    let id = server::sql("", &id).trim().to_owned();
    let empty = tempfile::tempdir().unwrap();
    let migrator = Migrator::from_dir(empty.path());
    let address = account.address("admin", "d");
    for (of, level) in all().iter().zip(["account", "database", "table"]) {
        server::sql("", &format!("SELECT mo_feature_limit_upsert({id}, 'snapshot', '{level}', 1)"));
        migrator.snapshot_create_of(&address, "manual", of).await.unwrap();
        let error = migrator.snapshot_create_of(&address, "manual", of).await.unwrap_err();
        assert_eq!(error.code(), Code::Snapshot, "{error:?}");
        assert!(error.message().contains(&format!("of level `{level}` is used up")), "{error:?}");
        assert!(error.hint().unwrap().contains(&format!("'{level}', -1")), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_right_and_a_missing_database_are_named() {
    let Some(account) = Account::new() else { return };
    account.run(
        "CREATE ROLE r; CREATE USER u IDENTIFIED BY '111' DEFAULT ROLE r; GRANT ALL ON ACCOUNT * TO r;
         GRANT ALL ON DATABASE * TO r; GRANT ALL ON TABLE *.* TO r",
    );
    let empty = tempfile::tempdir().unwrap();
    let migrator = Migrator::from_dir(empty.path());
    for of in &all() {
        let address = account.address("u", "d");
        let error = migrator.snapshot_create_of(&address, "manual", of).await.unwrap_err();
        assert!(error.is_refused(), "{error:?}");
        assert!(error.message().contains("can make no snapshot"), "{of:?}: {error:?}");
        assert!(error.hint().unwrap().contains("administrator"), "{error:?}");
        let address = account.address("admin", "nowhere");
        let error = migrator.snapshot_create_of(&address, "manual", of).await.unwrap_err();
        assert_eq!(error.code(), Code::NoDatabase, "{of:?}: {error:?}");
    }
}
