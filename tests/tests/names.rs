//! Names of databases, sets and tables as long as they may be and longer, in upper case, in other
//! scripts, with quotes, dots and blanks; and those that a server takes and can't keep, which are refused
//! before anything is touched.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::{Migrator, Outcome, error::Code};
use mo_migrate_tests::priced::{PRICES, V1};
use mo_migrate_tests::{Fixture, Place, engines, server};

const BAD: &str = "-- mo-migrate: no-transaction\nUPDATE products SET price = 0;\nCREATE TABLE more (x INT);\nSELECT * FROM nowhere;";

/// A database of this name, beside the one of a fixture, which has the files.
struct Named {
    files: Fixture,
    name: String,
}

impl Named {
    fn new(place: Place, name: &str) -> Self {
        let files = Fixture::new(place);
        files.file("1_products.sql", V1);
        Self { files, name: name.to_owned() }
    }

    fn address(&self) -> String {
        if self.files.place().is_sqlite() {
            return format!("sqlite:{}", self.files.folder().join(&self.name).display());
        }
        let escaped = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        server::address(&self.name.bytes().map(escaped).collect::<String>())
    }

    fn sql(&self, sql: &str) -> String {
        if self.files.place().is_sqlite() {
            return self.files.sql_of(&self.name, sql);
        }
        let name = self.name.to_lowercase().replace('`', "``");
        server::sql("", &sql.replace("FROM ", &format!("FROM `{name}`.")))
    }

    fn migrator(&self) -> Migrator {
        self.files.migrator().attended(true)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if !self.files.place().is_sqlite() {
            server::forget(&self.name.to_lowercase());
        }
    }
}

/// Long, in upper case, in other scripts; with a part that no other test has.
fn databases(place: Place) -> Vec<String> {
    let own = format!("{:x}", std::process::id());
    let mut names = vec![
        format!("{own}{}", "x".repeat(64 - own.len())),
        format!("{own}_Upper"),
        format!("{own}_täble_☃_日本"),
        format!("{own}.dots.and-signs+"),
        format!("{own}\\x%_"),
    ];
    if place.is_sqlite() {
        // The server makes no such database.
        names.extend(["'", "\"", "`", ";--", " with blanks "].map(|sign| format!("{own}{sign}")));
    }
    names
}

#[tokio::test]
async fn a_database_of_every_name_is_made_guarded_and_restored() {
    for place in engines() {
        for name in databases(place) {
            let named = Named::new(place, &name);
            let (migrator, what) = (named.migrator(), format!("{place:?}, {name:?}"));
            let report = migrator.run(named.address()).await;
            let report = report.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert_eq!(report.outcome, Outcome::Applied, "{what}");
            named.files.file("2_bad.sql", BAD);
            let error = migrator.run(named.address()).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Restored, "{what}: {error:?}");
            assert_eq!(named.sql(PRICES), "1500\n30\n", "{what}");
            named.files.file("2_bad.sql", "UPDATE products SET price = 1;");
            migrator.run(named.address()).await.unwrap();
            migrator.restore(named.address(), None).await.unwrap();
            assert_eq!(named.sql(PRICES), "1500\n30\n", "{what}");
        }
    }
}

#[tokio::test]
async fn a_database_whose_name_the_server_or_the_ledger_can_not_keep_is_refused() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let own = format!("{:x}", std::process::id());
        let unseen = ['\u{1b}', '\u{200b}', '\u{3000}'].map(|sign| format!("{own}{sign}"));
        for name in unseen.into_iter().chain([format!("{own}{}", "x".repeat(65 - own.len()))]) {
            let named = Named::new(place, &name);
            let error = named.migrator().run(named.address()).await.unwrap_err();
            assert_eq!(
                (error.code(), error.outcome()),
                (Code::Address, Outcome::Refused),
                "{error:?}"
            );
            assert!(!server::exists(&name), "{name:?} was made");
        }
    }
}

#[tokio::test]
async fn sets_of_every_name_have_histories_of_their_own() {
    let long = "s".repeat(64);
    for place in engines() {
        let shop = Fixture::new(place);
        let sets = ["main", "Main", "a.b", "it's \"a\" `set`", " ", "täble ☃", "a\\b%_", &long];
        for (at, set) in sets.iter().enumerate() {
            shop.file("1_x.sql", &format!("CREATE TABLE t{at} (x INT);"));
            let report = shop.migrator().set_name(*set).run(shop.address()).await;
            let report = report.unwrap_or_else(|error| panic!("{place:?}, {set:?}: {error:?}"));
            assert_eq!(report.outcome, Outcome::Applied, "{place:?}, {set:?}");
        }
        for (at, set) in sets.iter().enumerate() {
            let migrator = shop.migrator().set_name(*set);
            let history = migrator.history(shop.address()).await.unwrap();
            assert_eq!(history.len(), 1, "{place:?}, {set:?}: {history:?}");
            shop.file("1_x.sql", &format!("CREATE TABLE t{at} (x INT);"));
            let report = migrator.run(shop.address()).await.unwrap();
            assert_eq!(report.outcome, Outcome::UpToDate, "{place:?}, {set:?}");
        }
    }
}

#[tokio::test]
async fn a_set_whose_name_is_too_long_is_refused_before_anything_is_touched() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_products.sql", V1);
        let before = shop.dump();
        let migrator = shop.migrator().set_name("s".repeat(65));
        let error = migrator.run(shop.address()).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Code::Config, Outcome::Refused), "{error:?}");
        shop.assert_dump(&before, "refused");
    }
}

#[tokio::test]
async fn tables_with_long_names_and_of_upper_case_come_back() {
    for place in engines() {
        let shop = Fixture::new(place);
        let quote = place.by('"', '`');
        let names = ["x".repeat(64), "y".repeat(65), "é".repeat(64), "UPPER".to_owned()];
        let all = |words: &str| -> String {
            let each = |name: &String| words.replace("NAME", &format!("{quote}{name}{quote}"));
            names.iter().map(each).collect()
        };
        shop.file("1_x.sql", &all("CREATE TABLE NAME (x INT);\nINSERT INTO NAME VALUES (1);\n"));
        shop.migrator().run(shop.address()).await.unwrap();
        let before = shop.dump();
        let head = "-- mo-migrate: no-transaction\n";
        let bad = all("ALTER TABLE NAME ADD COLUMN y INT;\nDELETE FROM NAME;\n");
        shop.file("2_bad.sql", &format!("{head}{bad}SELECT * FROM nowhere;"));
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Restored, "{place:?}: {error:?}");
        shop.assert_dump(&before, "restored");
    }
}

/// What the server takes for a table, and can't show or drop.
const UNFIT: [&str; 6] = ["a\"b", "a\u{1b}b", "a\u{7}b", "a\u{202e}b", "a\u{a0}b", "a\u{3000}b"];

#[tokio::test]
async fn a_name_that_the_server_can_not_show_or_drop_is_refused_before_anything_is_touched() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = Fixture::new(place);
        shop.file("1_products.sql", V1);
        shop.migrator().run(shop.address()).await.unwrap();
        let before = shop.dump();
        for name in UNFIT {
            for statement in [
                format!("CREATE TABLE `{name}` (x INT)"),
                format!("ALTER TABLE products RENAME TO `{name}`"),
                format!("CREATE VIEW `{name}` AS SELECT * FROM products"),
                format!("CREATE SEQUENCE `{name}`"),
            ] {
                shop.file("2_bad.sql", &format!("UPDATE products SET price = 0;\n{statement};"));
                let error = shop.migrator().run(shop.address()).await.unwrap_err();
                let what = (error.code(), error.outcome());
                assert_eq!(what, (Code::NoWayBack, Outcome::Refused), "{statement:?}: {error:?}");
                assert_eq!(error.place().unwrap().line(), 2, "{statement:?}: {error:?}");
                let goal = mo_migrate::plan::Goal::Latest;
                let asked = shop.migrator().preview(shop.address(), goal).await;
                assert!(asked.is_err(), "{statement:?}: the plan says nothing of it");
                shop.assert_dump(&before, &statement);
            }
        }
        assert_eq!(
            shop.migrator().runs(shop.address()).await.unwrap().len(),
            1,
            "no run was begun"
        );
    }
}

#[tokio::test]
async fn a_table_that_the_server_can_not_show_is_named_with_what_to_do() {
    for place in engines().into_iter().filter(|place| !place.is_sqlite()) {
        let shop = Fixture::new(place);
        shop.file("1_products.sql", V1);
        shop.migrator().run(shop.address()).await.unwrap();
        shop.sql("CREATE TABLE `a\"b` (x INT); INSERT INTO `a\"b` VALUES (1)");
        shop.file("2_more.sql", "UPDATE products SET price = 0;");
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::NoWayBack, Outcome::Refused),
            "{error:?}"
        );
        assert!(error.message().contains("`a\"b` keeps the database"), "{error:?}");
        assert_eq!(shop.sql(PRICES), "1500\n30\n");
        // What the hint says.
        shop.sql("ALTER TABLE `a\"b` RENAME TO ab");
        let report = shop.migrator().run(shop.address()).await.unwrap();
        assert_eq!(report.outcome, Outcome::Applied);
        shop.migrator().restore(shop.address(), None).await.unwrap();
        assert_eq!(shop.sql("SELECT x FROM ab"), "1\n");
    }
}
