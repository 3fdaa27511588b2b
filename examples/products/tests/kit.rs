//! The testing kit itself, as an application uses it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod engines;

use mo_migrate::prelude::*;
use mo_migrate::testing::{self, Restores};
use products::MIGRATOR;

#[tokio::test]
async fn a_database_is_removed_with_its_value() -> Result<()> {
    let db = testing::at(&MIGRATOR, 0).await?;
    let path = db.path().unwrap().to_owned();
    assert!(path.is_file());
    assert_eq!(db.version().await?, None);
    drop(db);
    assert!(!path.parent().unwrap().exists());
    Ok(())
}

#[tokio::test]
async fn a_database_of_the_callers_own_stays() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let db = testing::at_on(&MIGRATOR, 1, &format!("sqlite:{}", file.display())).await?;
    assert_eq!((db.path(), db.row_count("products").await?), (None, 5));
    drop(db);
    let mut again = testing::at_on(&MIGRATOR, 1, &format!("sqlite:{}", file.display())).await?;
    again.apply(2).await?;
    assert_eq!(again.row_count("products").await?, 7);
    Ok(())
}

#[tokio::test]
async fn only_the_next_migration_is_applied() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(0).await?;
        let error = db.apply(2).await.unwrap_err();
        assert!(error.to_string().contains("1 `create_products` is"), "{error}");
        assert_eq!(error.hint(), Some("begin with `testing::at(&MIGRATOR, 1)`"));
        db.apply(1).await?;
        db.apply(2).await?;
        assert!(db.apply(2).await.unwrap_err().to_string().contains("applied already"));
    }
    Ok(())
}

#[tokio::test]
async fn a_seed_is_all_or_nothing_and_says_which_statement_failed() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(1).await?;
        let seed = "DELETE FROM products; -- one; two\nINSERT INTO produkts VALUES (1);";
        let error = db.seed(seed).await.unwrap_err();
        assert!(error.to_string().contains("statement 2 of 2 of the seed failed"), "{error}");
        assert_eq!(db.row_count("products").await?, 5);
        assert!(db.seed("COMMIT").await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn a_session_works_as_a_migrations_does() -> Result<()> {
    for engine in engines::all() {
        let db = engine.at(2).await?;
        let name: String = db
            .session(async |session| {
                session
                    .execute_with("UPDATE products SET stock = ? WHERE id = ?", params![0, 5])
                    .await?;
                session.fetch_scalar("SELECT name FROM products WHERE stock = 0").await
            })
            .await?;
        assert_eq!(name, "USB-C Hub");
        let listed = Query::select()
            .column("name")
            .from("products")
            .and_where(Expr::col("price").gt(300))
            .take();
        assert_eq!(db.fetch_all(listed).await?.len(), 2);
        assert!(db.row_count("orders").await.unwrap_err().to_string().contains("there are"));
    }
    Ok(())
}

#[tokio::test]
async fn a_view_has_its_columns_even_when_it_is_empty() -> Result<()> {
    for engine in engines::all() {
        let mut db = engine.at(2).await?;
        db.seed("CREATE VIEW sold_out AS SELECT id, name FROM products WHERE stock = 0").await?;
        assert_eq!(db.columns("sold_out").await?, ["id", "name"]);
        assert_eq!(db.row_count("sold_out").await?, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_seed_for_a_version_that_is_not_there_is_refused() {
    let error = Restores::of(&MIGRATOR).seed(3, "SELECT 1").run().await.unwrap_err();
    assert!(error.to_string().contains("version 3"), "{error}");
}

mod broken {
    //! Migrations with which the kit has to be red.

    use std::path::PathBuf;

    use mo_migrate::prelude::*;
    use mo_migrate::settings::SnapshotPolicy;
    use mo_migrate::testing::{self, Restores};

    #[migration(version = 1)]
    async fn create(db: &mut Session<'_>) -> Result<()> {
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)").await?;
        Ok(())
    }

    #[migration(version = 2)]
    async fn fails_by_itself(db: &mut Session<'_>) -> Result<()> {
        db.execute("INSERT INTO notez VALUES (1, 'a')").await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_migration_that_fails_by_itself_is_no_proof() {
        static SET: Migrator = migrations!(create, fails_by_itself);
        let error = testing::assert_restores(&SET).await.unwrap_err();
        assert!(error.to_string().contains("notez"), "{error}");
        let file = kept(&error).unwrap();
        assert!(file.is_file(), "{error:?}");
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    }

    #[migration(version = 3, no_transaction)]
    async fn swallows(db: &mut Session<'_>) -> Result<()> {
        let _ = db.execute("INSERT INTO notes (text) VALUES ('kept')").await;
        Ok(())
    }

    #[tokio::test]
    async fn an_error_that_a_function_swallows_is_noticed_by_the_guard() -> Result<()> {
        static SET: Migrator = migrations!(create, swallows);
        let tried = testing::assert_restores(&SET).await?;
        let first = tried.cases.iter().find(|case| case.migration.contains("swallows")).unwrap();
        assert_eq!(
            (first.failure.as_str(), first.outcome),
            ("before statement 1", Outcome::Restored)
        );
        Ok(())
    }

    #[migration(version = 4, no_transaction)]
    async fn half(db: &mut Session<'_>) -> Result<()> {
        db.execute("INSERT INTO notes (text) VALUES ('first')").await?;
        db.execute("INSERT INTO notes (text) VALUES ('second')").await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_guard_without_a_snapshot_is_red_and_shows_what_is_left() {
        static SET: Migrator = migrations!(create, half);
        let guarded = testing::assert_restores(&SET).await.unwrap();
        assert!(guarded.cases.iter().any(|case| case.failure == "before statement 2"), "{guarded}");

        let bare = SET.clone().snapshot(SnapshotPolicy::DangerousNever);
        let error = Restores::of(&bare)
            .seed(1, "INSERT INTO notes (text) VALUES ('old')")
            .run()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("is not as it was"), "{error}");
        let file = kept(&error).unwrap();
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    }

    /// The kit keeps the database of a failed trial, and the error says where.
    fn kept(error: &Error) -> Option<PathBuf> {
        error.kept()?.strip_prefix("the test's database, ").map(PathBuf::from)
    }
}
