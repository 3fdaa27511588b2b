//! `restore` before its question: what becomes of each table, whose writes go, how long it takes; and that
//! what was shown is what is done.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use mo_migrate::{Fate, Migrator, Outcome, RestorePreview, Whose, error::Code, settings};
use mo_migrate_tests::typed::migrate;
use mo_migrate_tests::{Fixture, Place, engines, server};

const SHOP: &str = "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(40));
INSERT INTO products VALUES (1, 'Laptop'), (2, 'Mouse'), (3, 'Keyboard');
CREATE TABLE orders (id INT PRIMARY KEY, product INT); INSERT INTO orders VALUES (1, 1), (2, 2);
CREATE TABLE visits (id INT PRIMARY KEY, page VARCHAR(9)); INSERT INTO visits VALUES (1, 'a');
CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(9)); INSERT INTO notes VALUES (1, 'x'), (2, 'y');
CREATE VIEW names AS SELECT name FROM products;";

/// Changes rows, changes a definition, drops, makes, and leaves one alone.
const CHANGE: &str = "UPDATE orders SET product = 3 WHERE id = 1;
ALTER TABLE products ADD COLUMN price INT;
DROP VIEW names;
DROP TABLE notes;
CREATE TABLE tags (id INT PRIMARY KEY); INSERT INTO tags VALUES (1), (2);";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_shop.sql", SHOP);
    migrator(&shop).run(shop.address()).await.unwrap();
    shop.file("2_change.sql", CHANGE);
    migrator(&shop).run(shop.address()).await.unwrap();
    shop
}

fn migrator(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

async fn shown(shop: &Fixture) -> RestorePreview {
    migrator(shop).restore_preview(shop.address(), None).await.unwrap()
}

fn fates(preview: &RestorePreview) -> Vec<(&str, Fate, Option<u64>, Option<u64>)> {
    let tables = preview.changes.iter();
    tables.map(|t| (t.name.as_str(), t.fate, t.rows_now, t.rows_then)).collect()
}

/// It came back with its history alone, and was called up to date.
#[tokio::test]
async fn a_database_that_was_lost_and_made_anew_gets_all_of_its_snapshot_back() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let snapshot = migrator(&shop).snapshot_create(shop.address(), "nightly").await.unwrap();
        match place {
            Place::Sqlite(_) => std::fs::remove_file(shop.path()).unwrap(),
            Place::MatrixOne => {
                server::sql("", &format!("DROP DATABASE {}", shop.database()));
            }
        }
        let lost = migrator(&shop).restore_preview(shop.address(), Some(&snapshot.name)).await;
        let error = lost.unwrap_err();
        assert_eq!(error.code(), Code::NoDatabase, "{place:?}: {error:?}");
        assert!(error.hint().unwrap().contains("`migrate database create`"), "{error:?}");
        migrator(&shop).create_database(shop.address()).await.unwrap();
        let preview =
            migrator(&shop).restore_preview(shop.address(), Some(&snapshot.name)).await.unwrap();
        let stays = preview.changes.iter().any(|table| table.fate == Fate::Stays);
        assert!(!preview.changes.is_empty() && !stays, "{place:?}: {:?}", preview.changes);
        let report = migrator(&shop).restore(shop.address(), Some(&snapshot.name)).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{place:?}");
        shop.assert_dump(&before, "from its snapshot");
    }
}

#[tokio::test]
async fn each_table_is_shown_with_what_becomes_of_it_and_so_it_is_done() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql("INSERT INTO visits VALUES (2, 'b')");
        let before = shop.dump();
        let preview = shown(&shop).await;
        assert_eq!(
            fates(&preview),
            [
                ("notes", Fate::Returns, None, Some(2)),
                ("orders", Fate::ComesBack, Some(2), Some(2)),
                ("products", Fate::Remade, Some(3), Some(3)),
                ("tags", Fate::Goes, Some(2), None),
                ("visits", Fate::Stays, Some(2), Some(1)),
            ],
            "{place:?}"
        );
        assert_eq!(preview.changes[2].columns_lost, ["price"]);
        let view = preview.objects.iter().find(|object| object.name == "names").unwrap();
        assert_eq!((view.kind.as_str(), view.fate), ("view", Fate::Returns), "{place:?}");
        assert_eq!(preview.undecided, None, "{place:?}");
        shop.assert_dump(&before, "a question changes nothing");

        let report = migrator(&shop).restore(shop.address(), None).await.unwrap();
        let mut done = report.restore.unwrap().tables;
        done.retain(|name| !name.starts_with("sqlite_") && name != "mo_migrate_history");
        assert_eq!(done, ["notes", "orders", "products", "tags"], "{place:?}");
        assert_eq!(shop.sql("SELECT count(*) FROM visits"), "2\n", "{place:?}");
        assert_eq!(shop.sql("SELECT count(*) FROM notes"), "2\n", "{place:?}");
        assert_eq!(shop.sql("SELECT count(*) FROM names"), "3\n", "{place:?}");
    }
}

#[tokio::test]
async fn the_rows_of_others_that_would_go_are_counted_and_told_where_they_can_be() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql(
            "INSERT INTO orders VALUES (7, 7), (8, 8); UPDATE products SET name = 'x' WHERE id = 2",
        );
        let preview = shown(&shop).await;
        let of = |name: &str, whose: Whose| {
            let found = preview.writes.iter().find(|t| t.name == name && t.whose == whose);
            found.map(|table| (table.added, table.removed, table.changed))
        };
        if place.is_sqlite() {
            assert!(!preview.told_apart);
            assert_eq!(of("orders", Whose::Unknown), Some((2, 0, 1)));
            assert_eq!(of("products", Whose::Unknown), Some((0, 0, 1)));
        } else {
            assert!(preview.told_apart);
            assert_eq!(of("orders", Whose::Others), Some((2, 0, 0)));
            assert_eq!(of("orders", Whose::Undecided), Some((0, 0, 1)));
            assert_eq!(of("products", Whose::Others), Some((0, 0, 1)));
        }
        assert!(preview.writes.iter().all(|table| table.rows.is_empty()), "{place:?}");
        let said = migrate(&shop, "restore --dry-run").ends(0);
        let wanted = place.by("2 rows added, 1 row changed", "2 rows added");
        assert!(said.words.contains(wanted), "{}", said.words);
    }
}

/// With no run since, whatever was written is somebody else's, on every engine.
#[tokio::test]
async fn what_was_written_while_no_run_was_made_is_others() {
    for place in engines() {
        let shop = shop(place).await;
        let line = migrator(&shop).snapshot_create(shop.address(), "manual").await.unwrap();
        shop.sql("INSERT INTO visits VALUES (2, 'b'), (3, 'c')");
        let tables = ["visits".to_owned()];
        let preview = migrator(&shop)
            .restore_tables_preview(shop.address(), Some(&line.name), &tables)
            .await
            .unwrap();
        assert_eq!(fates(&preview), [("visits", Fate::ComesBack, Some(3), Some(1))], "{place:?}");
        assert!(preview.told_apart && preview.alone, "{place:?}");
        let [table] = preview.writes.as_slice() else { panic!("{preview:?}") };
        assert_eq!((table.whose, table.added), (Whose::Others, 2), "{place:?}");
    }
}

#[tokio::test]
async fn how_long_it_takes_is_told_by_what_was_measured_and_never_made_up() {
    for place in engines() {
        let shop = Fixture::new(place);
        shop.file("1_shop.sql", SHOP);
        migrator(&shop).run(shop.address()).await.unwrap();
        // Nothing is there that has taken any time to speak of.
        if !place.is_sqlite() {
            assert_eq!(shown(&shop).await.takes, None);
        }
        migrator(&shop).restore(shop.address(), None).await.unwrap();
        migrator(&shop).run(shop.address()).await.unwrap();
        let takes = shown(&shop).await.takes.unwrap();
        assert!(takes.by.contains("1 earlier restore of this database"), "{takes:?}");
        assert!(takes.at_most_ms.is_none_or(|most| most >= takes.at_least_ms), "{takes:?}");
        let said = migrate(&shop, "restore --dry-run").ends(0);
        assert!(said.line("takes").ends_with(&takes.by), "{}", said.words);
    }
}

#[tokio::test]
async fn what_would_stop_for_a_person_is_said_before() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql("INSERT INTO visits VALUES (2, 'b')");
        let refusing = migrator(&shop).foreign_writes(settings::ForeignWrites::Refuse);
        let preview = refusing.restore_preview(shop.address(), None).await.unwrap();
        let why = preview.undecided.unwrap();
        let before = shop.dump();
        let error = refusing.restore(shop.address(), None).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignWrites, "{place:?}: {error:?}");
        assert_eq!(error.message(), why, "{place:?}");
        shop.assert_dump(&before, "refused");
    }
}

/// It was begun, kept a failed state, and told the hooks that a person is needed.
#[tokio::test]
async fn a_restore_that_would_stop_for_a_person_is_not_begun_and_names_what_works() {
    for place in engines() {
        let shop = shop(place).await;
        let line = shop.shell("UPDATE visits SET page = 'imported'");
        let before = shop.dump();
        let guard = shop.migrator().guard("import");
        let words = ["sh".to_owned(), "-c".to_owned(), line];
        guard.command(shop.address(), words).await.unwrap();
        let imported = shop.dump();
        let runs = || migrate(&shop, "history --format json").words;
        let known = runs();
        let told = migrate(&shop, "restore --yes").ends(5);
        assert!(
            told.words.contains("MM0508") && told.words.contains("nothing was touched"),
            "{}",
            told.words
        );
        assert!(
            !told.words.contains("stays so") && !told.words.contains("all that differs"),
            "{}",
            told.words
        );
        shop.assert_dump(&imported, "refused");
        assert_eq!(runs(), known, "{place:?}");
        let command = told.words.split('`').find(|part| part.ends_with("--foreign-writes discard"));
        let words = command.unwrap().split_once(" restore ").unwrap().1;
        let done = migrate(&shop, &format!("restore {words}")).ends(0);
        assert!(done.words.contains("restored: version 2"), "{}", done.words);
        shop.assert_dump(&before, "restored");
    }
}

#[tokio::test]
async fn a_dry_run_asks_nobody_and_writes_nothing() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let runs = shop.in_ledger("SELECT count(*) FROM runs WHERE $THIS");
        let said = migrate(&shop, "restore --dry-run --format json").ends(0);
        let document: serde_json::Value = serde_json::from_str(&said.words).unwrap();
        for key in ["snapshot", "runs", "changes", "objects", "writes", "told_apart", "takes"] {
            assert!(document.get(key).is_some(), "{key}: {document}");
        }
        assert_eq!(document["changes"][0]["fate"], "returns", "{document}");
        shop.assert_dump(&before, "a dry run");
        assert_eq!(shop.in_ledger("SELECT count(*) FROM runs WHERE $THIS"), runs);
        let asked = migrate(&shop, "restore").ends(5);
        assert!(asked.words.contains("restore --yes"), "{}", asked.words);
    }
}

/// It took a copy of the whole database as the failed state, each time.
#[tokio::test]
async fn a_restore_that_has_nothing_to_bring_back_does_nothing_and_says_so() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        all.snapshot_create(shop.address(), "nightly").await.unwrap();
        let was = || (shop.dump(), shop.in_ledger("SELECT count(*) FROM runs WHERE $THIS"));
        let there = || {
            let all = shop.files_with("_v").into_iter().chain(shop.files_with("nightly"));
            all.collect::<Vec<_>>()
        };
        let (before, files) = (was(), there());
        let nothing = async |wanted: Option<&str>| {
            let report = all.restore(shop.address(), wanted).await.unwrap();
            assert_eq!((report.outcome, report.to), (Outcome::UpToDate, Some(2)), "{place:?}");
        };
        nothing(None).await;
        for words in ["restore", "restore --tables orders", "restore --dry-run"] {
            let said = migrate(&shop, words).ends(0);
            assert!(said.words.contains("nothing to do"), "{words}: {}", said.words);
        }
        let said = migrate(&shop, "restore --format json --yes").ends(0);
        assert!(said.words.contains("\"up_to_date\""), "{}", said.words);
        assert_eq!((was(), there()), (before, files), "{place:?}");

        // One that was made is not made again, and is none of what is taken back.
        shop.sql("DELETE FROM orders");
        let one = all.restore_tables(shop.address(), None, &["orders".to_owned()]).await.unwrap();
        assert_eq!(one.outcome, Outcome::Restored, "{place:?}");
        let preview = shown(&shop).await;
        assert!(preview.nothing_to_do && preview.runs.is_empty(), "{place:?}: {preview:?}");
        nothing(None).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_gone_is_named_and_no_older_one_is_taken_in_its_place() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let runs = all.runs(shop.address()).await.unwrap();
        let [newest, older] = [0, 1].map(|at| runs[at].snapshot.clone().unwrap());
        if place.is_sqlite() {
            std::fs::remove_file(shop.snapshot(&newest)).unwrap();
        } else {
            mo_migrate_tests::server::sql("", &format!("DROP SNAPSHOT {newest}"));
        }
        let before = shop.dump();
        let by_run = runs[0].id.as_str();
        for wanted in [None, Some(newest.as_str()), Some(by_run)] {
            let error = all.restore(shop.address(), wanted).await.unwrap_err();
            assert_eq!(error.code(), Code::NoSnapshot, "{error:?}");
            let said = error.render(false);
            assert!(said.contains(&format!("`{newest}` is gone")), "{place:?}: {said}");
            assert_eq!(said.contains(&older), wanted.is_none(), "{place:?}: {said}");
            let shown = all.restore_preview(shop.address(), wanted).await.unwrap_err();
            assert_eq!(shown.message(), error.message());
        }
        shop.assert_dump(&before, "refused");
        // It is known until somebody says that it may be forgotten.
        let said = migrate(&shop, "snapshot prune --yes").ends(0);
        assert!(said.words.contains("for it is gone: 1 snapshot"), "{}", said.words);
        let left = all.snapshot_list(shop.address()).await.unwrap();
        assert!(left.iter().all(|line| line.name != newest), "{place:?}: {left:?}");
        let report = all.restore(shop.address(), None).await.unwrap();
        assert_eq!((report.outcome, report.to), (Outcome::Restored, None), "{place:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_there_is_answered_with_the_nearest() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let run = all.runs(shop.address()).await.unwrap()[0].clone();
        let snapshot = run.snapshot.clone().unwrap();
        let slip = |name: &str| format!("{}x", &name[..name.len() - 1]);
        for (words, near) in [
            (format!("restore {} --yes", slip(&snapshot)), &snapshot),
            (format!("restore {} --yes", slip(&run.id)), &run.id),
            (format!("report {}", slip(&run.id)), &run.id),
            (format!("diff {}", slip(&run.id)), &run.id),
            (format!("verify {}", slip(&run.id)), &run.id),
            (format!("snapshot show {}", slip(&snapshot)), &snapshot),
            (format!("snapshot verify {}", slip(&snapshot)), &snapshot),
            (format!("snapshot pin {}", slip(&snapshot)), &snapshot),
            (format!("snapshot unpin {}", slip(&snapshot)), &snapshot),
            (format!("snapshot delete {} --yes", slip(&snapshot)), &snapshot),
            (format!("restore {snapshot} --tables prducts --yes"), &"products".to_owned()),
            ("guard --tables prducts -- true".to_owned(), &"products".to_owned()),
        ] {
            let said = migrate(&shop, &words).ends(66);
            assert!(said.words.contains(&format!("`{near}`")), "{words}: {}", said.words);
            assert!(said.words.contains("the nearest"), "{words}: {}", said.words);
        }
        let said = migrate(&shop, "up --to 9").ends(64);
        assert!(said.words.contains("the set has 1, 2"), "{}", said.words);
        let said = migrate(&shop, "restor").ends(64);
        assert!(said.words.contains("restore"), "{}", said.words);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_answered_with_the_nearest() {
    for place in engines() {
        let shop = shop(place).await;
        let name = place.by("shop.db", shop.database());
        let address = shop.address();
        let wrong = format!("{}x", &address[..address.len() - 1]);
        let said = migrate(&shop, &format!("--url {wrong} history")).ends(66);
        let nearest = said.words.lines().find(|line| line.contains("the nearest name"));
        assert!(nearest.is_some_and(|line| line.contains(&format!("`{name}`"))), "{}", said.words);
    }
}

/// A restore by hand has no snapshot of its own; what it has taken away is in its failed state.
#[tokio::test]
async fn a_run_that_went_back_is_answered_with_where_it_went_and_what_is_kept() {
    for place in engines() {
        let shop = shop(place).await;
        let all = migrator(&shop);
        let report = all.restore(shop.address(), None).await.unwrap();
        assert_eq!(report.outcome, Outcome::Restored, "{place:?}");
        let (run, restore) = (report.run.unwrap(), report.restore.unwrap());
        let said = migrate(&shop, &format!("restore {run} --yes")).ends(66);
        assert!(said.words.contains("has no snapshot of its own"), "{}", said.words);
        assert!(said.words.contains(&restore.failed_state.unwrap()), "{}", said.words);
    }
}

#[tokio::test]
async fn what_stays_as_it_is_comes_back_by_the_command_that_is_shown() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql("INSERT INTO visits VALUES (2, 'b'); CREATE TABLE theirs (id INT PRIMARY KEY)");
        let said = migrate(&shop, "restore --dry-run").ends(0).words;
        assert!(said.contains("is new, and stays: no run has made it"), "{place:?}: {said}");
        let command = said.split("what stays as it is comes back with `").nth(1).expect(&said);
        let (_, words) = command.split('`').next().unwrap().split_once(' ').unwrap();
        assert!(!words.contains("theirs"), "{words}: the snapshot does not have it");
        let said = migrate(&shop, &format!("{words} --yes"));
        assert_eq!(said.code, 0, "{place:?}: {}", said.words);
        assert_eq!(shop.sql("SELECT count(*) FROM visits"), "1\n", "{place:?}: {words}");
    }
}

/// What a failed state holds is not written down when it is made, and was taken for nothing: it never
/// verified, and the way back from a restore was shut.
#[tokio::test]
async fn what_a_restore_undid_comes_back_from_its_failed_state() {
    for place in engines() {
        let shop = shop(place).await;
        if place == Place::MatrixOne {
            shop.sql("CREATE SEQUENCE numbers; SELECT nextval('numbers')");
        }
        let before = shop.dump();
        let undone = migrator(&shop).restore(shop.address(), None).await.unwrap();
        assert_eq!(undone.outcome, Outcome::Restored, "{place:?}");
        let failed = undone.restore.as_ref().and_then(|restore| restore.failed_state.as_deref());
        assert!(failed.is_some(), "{place:?}");
        let orders = ["orders".to_owned()];
        let back = migrator(&shop).restore_tables(shop.address(), failed, &orders).await.unwrap();
        assert_eq!(back.outcome, Outcome::Restored, "{place:?}");
        assert_eq!(shop.sql("SELECT product FROM orders WHERE id = 1"), "3\n", "{place:?}");
        let back = migrator(&shop).restore(shop.address(), failed).await.unwrap();
        assert_eq!(back.outcome, Outcome::Restored, "{place:?}");
        shop.assert_dump(&before, "the failed state is back");
    }
}

#[tokio::test]
async fn what_migrations_left_half_done_comes_back_by_its_tables_alone() {
    for place in engines() {
        let shop = shop(place).await;
        let half =
            "-- mo-migrate: no-transaction\nINSERT INTO tags VALUES (3);\nSELECT * FROM nowhere;";
        shop.file("3_half.sql", half);
        let error = migrator(&shop).run(shop.address()).await.unwrap_err();
        let restore = error.report().unwrap().restore.as_ref();
        let failed = restore.and_then(|restore| restore.failed_state.clone()).unwrap();
        let failed = Some(failed.as_str());
        let shown = migrator(&shop).restore_preview(shop.address(), failed).await;
        assert_eq!(shown.unwrap_err().code(), Code::NoWayBack, "{place:?}");
        let before = shop.dump();
        let refused = migrator(&shop).restore(shop.address(), failed).await;
        assert_eq!(refused.unwrap_err().code(), Code::NoWayBack, "{place:?}");
        shop.assert_dump(&before, "nothing was touched");
        let tags = ["tags".to_owned()];
        migrator(&shop).restore_tables(shop.address(), failed, &tags).await.unwrap();
        assert_eq!(shop.sql("SELECT count(*) FROM tags"), "3\n", "{place:?}");
    }
}
