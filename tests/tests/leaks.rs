//! What a migration sets on its session is not there for the next one, the checks or the guard.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::Outcome;
use mo_migrate_tests::{Fixture, Place, engines, places};

/// What a migration sets.
const fn sets(place: Place) -> &'static str {
    place.by(
        "PRAGMA recursive_triggers = ON; PRAGMA ignore_check_constraints = ON; PRAGMA legacy_alter_table = ON;
        PRAGMA case_sensitive_like = ON;",
        "SET sql_mode = ''; SET @mine = 5; SET group_concat_max_len = 7, sql_safe_updates = 1;
        SET time_zone = '+05:00'; SET foreign_key_checks = 0; SET sql_select_limit = 1;",
    )
}

/// What is so where it is set: the migration itself sees all of it.
const fn is_set(place: Place) -> &'static str {
    place.by(
        "(SELECT * FROM pragma_recursive_triggers) + (SELECT * FROM pragma_ignore_check_constraints)
        + (SELECT * FROM pragma_legacy_alter_table) + ('a' NOT LIKE 'A')",
        "if(@@sql_mode = '', 1, 0) + if(coalesce(@mine, 0) = 5, 1, 0) + if(@@group_concat_max_len = 7, 1, 0)
        + if(@@sql_safe_updates = 1, 1, 0) + if(@@time_zone = '+05:00', 1, 0) + if(@@foreign_key_checks = 0, 1, 0)",
    )
}

#[tokio::test]
async fn a_setting_ends_with_its_migration() {
    for place in places() {
        for head in place.headings() {
            let shop = Fixture::new(place);
            let (sets, is_set, all) = (sets(place), is_set(place), place.by("4\n", "6\n"));
            shop.file(
                "1_sets.sql",
                &format!("{head}CREATE TABLE seen (version INT, n INT); {sets} INSERT INTO seen SELECT 1, {is_set};"),
            )
            .file("2_next.sql", &format!("{head}INSERT INTO seen SELECT 2, {is_set};"))
            .file("2_next.check.sql", &format!("-- check: nothing is set\nSELECT {is_set} AS n WHERE ({is_set}) <> 0;"));
            let report = shop.migrator().run(shop.address()).await.unwrap();
            assert_eq!(report.outcome, Outcome::Applied, "{place:?}, {head:?}");
            let seen = |version| shop.sql(&format!("SELECT n FROM seen WHERE version = {version}"));
            assert_eq!((seen(1).as_str(), seen(2).as_str()), (all, "0\n"), "{place:?}, {head:?}");
        }
    }
}

#[tokio::test]
async fn a_setting_of_a_migration_that_fails_is_in_nobodys_way() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file(
            "1_init.sql",
            "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2);",
        );
        shop.migrator().run(shop.address()).await.unwrap();
        let before = shop.dump();
        let sets = format!("{}{}", sets(place), place.by("PRAGMA query_only = ON;", ""));
        shop.file(
            "2_x.sql",
            &format!("-- mo-migrate: no-transaction\nDELETE FROM t WHERE id = 1; {sets} SELECT * FROM nowhere;"),
        );
        let error = shop.migrator().attended(true).run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{error:?}");
        shop.assert_dump(&before, "restored");
    }
}

/// The history is written by the guard, on the same connection.
#[tokio::test]
async fn a_migration_that_lets_nothing_be_written_any_more_is_recorded_all_the_same() {
    for place in places().into_iter().filter(|place| place.is_sqlite()) {
        let shop = Fixture::new(place);
        shop.file("1_x.sql", "CREATE TABLE t (id INT); PRAGMA query_only = ON;")
            .file("2_y.sql", "INSERT INTO t VALUES (1);");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(shop.sql("SELECT count(*) FROM t"), "1\n");
    }
}
