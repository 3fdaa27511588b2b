//! Databases made from this one: environments, and those that a restore is tried in.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Stdio;
use std::time::Duration;

use mo_migrate::NewClone;
use mo_migrate::error::Code;
use mo_migrate_tests::typed::{Said, in_shop};
use mo_migrate_tests::{Fixture, JOURNALS, Journal, Place, Small, engines, places, program};
use rustix::process::{Pid, Signal, kill_process};

const V1: &str = "CREATE TABLE customers (id $KEY, name VARCHAR(100) NOT NULL, email VARCHAR(100));
INSERT INTO customers (name, email) VALUES ('Ada', 'ada@analytical.example'), ('Bob', 'bob@builder.example');";

const V2: &str = "ALTER TABLE customers ADD COLUMN city VARCHAR(50);";

const MASK: &str =
    "UPDATE customers SET email = 'nobody@example.com';\nDELETE FROM customers WHERE name = 'Bob';";

const EMAILS: &str = "SELECT email FROM customers ORDER BY id";

async fn shop(place: Place) -> Fixture {
    let shop = Fixture::new(place);
    shop.file("1_customers.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    shop
}

fn id_of(shop: &Fixture, database: &str) -> String {
    shop.sql_of(database, "SELECT detail FROM mo_migrate_history WHERE kind = 'head'")
}

#[tokio::test]
async fn a_clone_has_all_of_the_original_and_a_history_of_its_own() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        let line =
            shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        let qa = shop.beside("_qa");
        assert_eq!((line.database.as_str(), line.version), (qa.as_str(), Some(1)), "{place:?}");
        assert_eq!((line.state.as_str(), line.from.as_str()), ("ready", "now"));
        assert_eq!(line.left_out, [""; 0]);
        assert_eq!(shop.sql_of(&qa, EMAILS), shop.sql(EMAILS), "{place:?}");
        let ours = shop.sql("SELECT detail FROM mo_migrate_history WHERE kind = 'head'");
        assert_ne!(id_of(&shop, &qa), ours);
        shop.assert_dump(&before, "the original was only read");
        assert!(shop.files_with("partial").is_empty());

        // It is a database as any other: it is migrated, put back, and leaves the original alone.
        let address = shop.address_of(&qa);
        let status = shop.migrator().status(&address).await.unwrap();
        assert_eq!((status.version, status.open_run), (Some(1), None), "{place:?}");
        assert!(shop.migrator().runs(&address).await.unwrap().is_empty());
        shop.file("2_city.sql", V2);
        shop.file("2_city.check.sql", "-- check(after): no\nSELECT 1 FROM customers;");
        shop.migrator().run(&address).await.unwrap_err();
        assert_eq!(shop.sql_of(&qa, EMAILS), shop.sql(EMAILS), "{place:?}: it was put back");
        shop.remove("2_city.check.sql");
        shop.migrator().attended(true).run(&address).await.unwrap();
        shop.migrator().restore(&address, None).await.unwrap();
        assert_eq!(shop.migrator().status(&address).await.unwrap().version, Some(1));
        shop.assert_dump(&before, "what is done to a clone is done to it alone");

        shop.migrator().clone_delete(shop.address(), "qa").await.unwrap();
        assert!(!shop.is_beside(&qa), "{place:?}");
        assert!(shop.files_with("_qa").is_empty(), "{:?}", shop.files_with("_qa"));
        assert!(shop.migrator().clone_list(shop.address()).await.unwrap().is_empty());
        shop.assert_dump(&before, "the original stays");
    }
}

#[tokio::test]
async fn what_has_the_name_is_never_written_over() {
    for place in engines() {
        let shop = shop(place).await;
        let qa = shop.beside("_qa");
        if !place.is_sqlite() {
            mo_migrate_tests::server::sql("", &format!("CREATE DATABASE {qa}"));
        }
        let _ = shop.sql_of(&qa, "CREATE TABLE theirs (id INT); INSERT INTO theirs VALUES (7)");
        let made = shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await;
        let error = made.unwrap_err();
        assert_eq!(error.code(), Code::Taken, "{error:?}");
        assert!(error.is_refused());
        assert_eq!(shop.sql_of(&qa, "SELECT id FROM theirs"), "7\n");
        assert!(shop.migrator().clone_list(shop.address()).await.unwrap().is_empty());
        let into = shop.migrator().restore_into(shop.address(), None, &qa).await.unwrap_err();
        assert_eq!(into.code(), Code::Taken, "{into:?}");
    }
}

/// A log or a journal of another database, beside a name that is free, would be rolled into the clone.
#[tokio::test]
async fn what_another_database_left_beside_a_free_name_is_never_taken_over() {
    for place in JOURNALS.map(Place::Sqlite) {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        let there = shop.files_with("");
        let masked = NewClone::default().mask("mask.sql", MASK);
        for (name, wanted) in [
            ("shop_qa.db-wal", NewClone::default()),
            ("shop_qa.db-shm", NewClone::default()),
            ("shop_qa.db-journal", NewClone::default()),
            ("shop_qa_new.db-journal", masked),
        ] {
            let left = shop.folder().join(name);
            std::fs::write(&left, "theirs").unwrap();
            let made = migrator.clone_create(shop.address(), "qa", &wanted).await;
            let error = made.unwrap_err();
            assert_eq!(error.code(), Code::Taken, "{error:?}");
            assert!(error.hint().unwrap().contains(name), "{}", error.render(false));
            if !name.contains("_new") {
                let into = migrator.restore_into(shop.address(), None, "shop_qa.db").await;
                assert_eq!(into.unwrap_err().code(), Code::Taken);
            }
            assert_eq!(std::fs::read_to_string(&left).unwrap(), "theirs", "{place:?}");
            assert!(migrator.clone_list(shop.address()).await.unwrap().is_empty());
            std::fs::remove_file(&left).unwrap();
            assert_eq!(shop.files_with("_qa"), [""; 0], "{place:?}: {name}, {there:?}");
        }
        // The clone that a snapshot is tested on has another name then.
        let left = shop.folder().join("shop.db_verify-journal");
        std::fs::write(&left, "theirs").unwrap();
        let snapshot = migrator.snapshot_create(shop.address(), "nightly").await.unwrap().name;
        migrator.snapshot_verify(shop.address(), &snapshot).await.unwrap();
        assert_eq!(std::fs::read_to_string(&left).unwrap(), "theirs", "{place:?}");
    }
}

/// Its file is gone, and its log is there: whether that is the clone's nobody can tell.
#[tokio::test]
async fn what_is_left_of_a_clone_whose_file_is_gone_is_named_and_stays() {
    let shop = shop(Place::Sqlite(Journal::Wal)).await;
    let migrator = shop.migrator();
    migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
    let left = shop.folder().join("shop_qa.db-wal");
    std::fs::remove_file(shop.folder().join("shop_qa.db")).unwrap();
    std::fs::write(&left, "theirs?").unwrap();
    let error = migrator.clone_delete(shop.address(), "qa").await.unwrap_err();
    assert_eq!(error.code(), Code::Taken, "{error:?}");
    assert_eq!(std::fs::read_to_string(&left).unwrap(), "theirs?");
    assert_eq!(migrator.clone_list(shop.address()).await.unwrap().len(), 1, "it is known still");
    std::fs::remove_file(&left).unwrap();
    migrator.clone_delete(shop.address(), "qa").await.unwrap();
    assert!(migrator.clone_list(shop.address()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_that_has_taken_a_clones_place_is_never_dropped() {
    for place in engines() {
        let shop = shop(place).await;
        let qa = shop.beside("_qa");
        let migrator = shop.migrator();
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        let _ = shop.sql_of(&qa, "DROP TABLE mo_migrate_clone");
        let before = migrator.clone_list(shop.address()).await.unwrap();
        for _ in 0..2 {
            let error = migrator.clone_delete(shop.address(), "qa").await.unwrap_err();
            assert_eq!(error.code(), Code::Taken, "{error:?}");
            assert!(shop.is_beside(&qa), "{place:?}");
            assert_eq!(shop.sql_of(&qa, EMAILS), shop.sql(EMAILS));
            let error = migrator.clone_refresh(shop.address(), "qa", None).await.unwrap_err();
            assert_eq!(error.code(), Code::Taken, "{error:?}");
            // What was refused is known still, as it was.
            let after = migrator.clone_list(shop.address()).await.unwrap();
            assert_eq!(format!("{after:?}"), format!("{before:?}"), "{place:?}");
        }
    }
}

#[tokio::test]
async fn a_clone_from_which_others_were_made_is_not_removed() {
    for place in engines() {
        let shop = shop(place).await;
        let (migrator, qa) = (shop.migrator(), shop.beside("_qa"));
        for name in ["qa", "old"] {
            let over = NewClone::default().expires(Duration::ZERO);
            migrator.clone_create(shop.address(), name, &over).await.unwrap();
        }
        let of_qa = shop.address_of(&qa);
        migrator.clone_create(&of_qa, "x", &NewClone::default()).await.unwrap();
        let x = shop.beside("_qa_x");
        let refused = |error: &mo_migrate::Error| {
            assert_eq!(error.code(), Code::Taken, "{error:?}");
            assert!(error.render(false).contains(&x), "{}", error.render(false));
        };
        refused(&migrator.clone_delete(shop.address(), "qa").await.unwrap_err());
        refused(&migrator.clone_refresh(shop.address(), "qa", None).await.unwrap_err());
        // The others that are over their time go all the same.
        assert_eq!(migrator.prune_clones(shop.address()).await.unwrap(), ["old"], "{place:?}");
        assert!(shop.is_beside(&qa) && shop.is_beside(&x), "{place:?}");
        let left = migrator.clone_list(shop.address()).await.unwrap();
        assert_eq!((left.len(), left[0].state.as_str()), (1, "ready"));
        assert_eq!(migrator.clone_list(&of_qa).await.unwrap().len(), 1);

        migrator.clone_delete(&of_qa, "x").await.unwrap();
        migrator.clone_delete(shop.address(), "qa").await.unwrap();
        assert!(!shop.is_beside(&qa) && !shop.is_beside(&x), "{place:?}");
    }
}

#[tokio::test]
async fn a_clone_that_is_being_upgraded_is_not_removed() {
    for place in engines() {
        let shop = shop(place).await;
        let (migrator, qa) = (shop.migrator(), shop.beside("_qa"));
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        shop.file("2_city.sql", V2);
        let of_qa = shop.address_of(&qa);
        migrator.upgrade_start(&of_qa, None).await.unwrap();
        let green = shop.beside("_qa_green");
        for _ in 0..2 {
            let error = migrator.clone_delete(shop.address(), "qa").await.unwrap_err();
            assert_eq!(error.code(), Code::Taken, "{error:?}");
            assert!(error.render(false).contains(&green), "{}", error.render(false));
            assert!(shop.is_beside(&qa) && shop.is_beside(&green), "{place:?}");
        }
        migrator.upgrade_abort(&of_qa).await.unwrap();
        migrator.clone_delete(shop.address(), "qa").await.unwrap();
        assert!(!shop.is_beside(&qa) && !shop.is_beside(&green), "{place:?}");
    }
}

/// The clone was removed by a hand, and another database had its name since.
#[tokio::test]
async fn what_another_database_of_a_clones_name_left_is_not_removed_with_the_clone() {
    for place in engines() {
        let shop = shop(place).await;
        let (migrator, qa) = (shop.migrator(), shop.beside("_qa"));
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        let of_qa = shop.address_of(&qa);
        remove_by_hand(&shop, &qa);
        migrator.create_database(&of_qa).await.unwrap();
        migrator.run(&of_qa).await.unwrap();
        let snapshot = migrator.snapshot_create(&of_qa, "nightly").await.unwrap().name;
        remove_by_hand(&shop, &qa);
        let error = migrator.clone_refresh(shop.address(), "qa", None).await.unwrap_err();
        assert_eq!(error.code(), Code::Taken, "{error:?}");
        migrator.clone_delete(shop.address(), "qa").await.unwrap();
        assert!(migrator.clone_list(shop.address()).await.unwrap().is_empty());
        let left = migrator.snapshot_show(&of_qa, &snapshot).await.unwrap();
        assert_eq!((left.purpose.as_deref(), left.gone), (Some("nightly"), false), "{place:?}");
        migrator.snapshot_delete(&of_qa, &snapshot).await.unwrap();
    }
}

fn remove_by_hand(shop: &Fixture, database: &str) {
    if !shop.place().is_sqlite() {
        mo_migrate_tests::server::sql("", &format!("DROP DATABASE {database}"));
    }
    for file in [database.to_owned(), format!("{database}-wal"), format!("{database}-shm")] {
        let _ = std::fs::remove_file(shop.folder().join(file));
    }
}

/// Its ledger is there still, on a server beside all others.
#[tokio::test]
async fn what_was_made_from_a_clone_that_a_hand_removed_is_known_and_can_be_removed() {
    for place in engines() {
        let shop = shop(place).await;
        let (migrator, qa) = (shop.migrator(), shop.beside("_qa"));
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        let of_qa = shop.address_of(&qa);
        migrator.clone_create(&of_qa, "x", &NewClone::default()).await.unwrap();
        remove_by_hand(&shop, &qa);
        let error = migrator.clone_delete(shop.address(), "qa").await.unwrap_err();
        assert_eq!(error.code(), Code::Taken, "{error:?}");
        assert_eq!(migrator.clone_list(&of_qa).await.unwrap().len(), 1, "{place:?}");
        migrator.clone_delete(&of_qa, "x").await.unwrap();
        assert!(!shop.is_beside(&shop.beside("_qa_x")), "{place:?}");
        migrator.clone_delete(shop.address(), "qa").await.unwrap();
        assert!(migrator.clone_list(shop.address()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn clones_of_one_snapshot_are_as_it_was_and_outlive_it() {
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        let then = shop.sql(EMAILS);
        let snapshot = migrator.snapshot_create(shop.address(), "nightly").await.unwrap().name;
        shop.sql("UPDATE customers SET email = 'later'");
        for name in ["one", "two"] {
            let wanted = NewClone::default().from(&snapshot);
            migrator.clone_create(shop.address(), name, &wanted).await.unwrap();
        }
        migrator.snapshot_delete(shop.address(), &snapshot).await.unwrap();
        for name in ["one", "two"] {
            let database = shop.beside(&format!("_{name}"));
            assert_eq!(shop.sql_of(&database, EMAILS), then, "{place:?}");
        }
        assert_ne!(id_of(&shop, &shop.beside("_one")), id_of(&shop, &shop.beside("_two")));
        let run = &migrator.runs(shop.address()).await.unwrap()[0].id;
        let first = NewClone::default().from(run);
        let line = migrator.clone_create(shop.address(), "before", &first).await.unwrap();
        assert_eq!(line.version, None, "it is of before the first version");
        let wrong = NewClone::default().from(format!("{run}x"));
        let error = migrator.clone_create(shop.address(), "three", &wrong).await.unwrap_err();
        assert_eq!(error.code(), Code::NoSnapshot);
        assert_eq!(migrator.clone_list(shop.address()).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_masked_clone_has_nothing_of_what_was_masked() {
    for place in places() {
        let shop = shop(place).await;
        let before = shop.dump();
        let wanted = NewClone::default().mask("mask.sql", MASK);
        let line = shop.migrator().clone_create(shop.address(), "qa", &wanted).await.unwrap();
        assert_eq!(line.mask.as_deref(), Some("mask.sql"));
        assert!(line.mask_checksum.unwrap().starts_with("sha256:"));
        let qa = shop.beside("_qa");
        assert_eq!(shop.sql_of(&qa, EMAILS), "nobody@example.com\n", "{place:?}");
        assert!(shop.files_with("_new").is_empty(), "{:?}", shop.files_with("_new"));
        if place.is_sqlite() {
            let bytes = std::fs::read(shop.folder().join(&qa)).unwrap();
            for secret in ["analytical", "builder"] {
                let found = bytes.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
                assert!(!found, "{place:?}: `{secret}` is still in the file");
            }
            let mode = shop.sql("PRAGMA journal_mode");
            assert_eq!(shop.sql_of(&qa, "PRAGMA journal_mode"), mode, "{place:?}");
        }
        shop.assert_dump(&before, "the original is not masked");
    }
}

#[tokio::test]
async fn a_mask_that_fails_leaves_nothing() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        // Readers of a log may leave it.
        let files = || -> Vec<String> {
            let all = shop.files_with("").into_iter();
            all.filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
        };
        let there = files();
        let wanted = NewClone::default().mask("mask.sql", format!("{MASK}\nDELETE FROM nowhere;"));
        let made = shop.migrator().clone_create(shop.address(), "qa", &wanted).await;
        let error = made.unwrap_err();
        assert_eq!(error.code(), Code::Mask, "{error:?}");
        assert_eq!(error.place().unwrap().line(), 3, "{}", error.render(false));
        assert!(!shop.is_beside(&shop.beside("_qa")) && !shop.is_beside(&shop.beside("_qa_new")));
        assert_eq!(files(), there, "{place:?}");
        assert!(shop.migrator().clone_list(shop.address()).await.unwrap().is_empty());
        shop.assert_dump(&before, "the original stays");
    }
}

#[tokio::test]
async fn a_clone_whose_mask_is_interrupted_leaves_nothing_that_is_not_masked() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        shop.file("../mask.sql", &format!("{MASK}\n{}", place.endless()));
        let mut process = in_shop(&shop, program("migrate_from_dir"));
        let process = process.args(["clone", "create", "qa", "--mask", "mask.sql"]);
        let mut child = process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while !shop.is_beside(&shop.beside("_qa_new")) {
            assert!(child.try_wait().unwrap().is_none(), "{place:?}: it ended before the mask");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let said = Said::of(&child.wait_with_output().unwrap()).ends(130);
        assert!(said.words.contains("what was begun of the clone is removed"), "{}", said.words);
        assert!(said.words.contains("nothing of `"), "{place:?}: {}", said.words);
        assert!(!shop.is_beside(&shop.beside("_qa")) && !shop.is_beside(&shop.beside("_qa_new")));
        assert!(shop.migrator().clone_list(shop.address()).await.unwrap().is_empty());
        shop.assert_dump(&before, "the original stays");
    }
}

#[tokio::test]
async fn a_mask_without_a_statement_gives_nothing_away() {
    for place in engines() {
        let shop = shop(place).await;
        let wanted = NewClone::default().mask("mask.sql", "-- to be written\n");
        let error = shop.migrator().clone_create(shop.address(), "qa", &wanted).await.unwrap_err();
        assert_eq!(error.code(), Code::Mask, "{error:?}");
        assert!(!shop.is_beside(&shop.beside("_qa")), "{place:?}");
    }
}

#[tokio::test]
async fn a_mask_that_could_reach_the_original_is_refused_before_anything_is_made() {
    for place in engines() {
        let shop = shop(place).await;
        let before = shop.dump();
        let original = shop.path().display().to_string();
        let attach = format!("ATTACH '{original}' AS o");
        let named = format!("UPDATE {}.customers SET email = 'x'", shop.database());
        for text in [place.by(attach.as_str(), named.as_str()), "COMMIT", "UPDATE 'customers"] {
            let wanted = NewClone::default().mask("mask.sql", text);
            let made = shop.migrator().clone_create(shop.address(), "qa", &wanted).await;
            let error = made.unwrap_err();
            assert_eq!(error.code(), Code::Mask, "{text}: {error:?}");
            assert!(error.is_refused());
            assert!(shop.files_with("_qa").is_empty(), "{place:?}, {text}");
            shop.assert_dump(&before, "nothing was touched");
        }
    }
}

#[tokio::test]
async fn a_refreshed_clone_is_masked_again_and_the_old_one_stays_until_it_is_whole() {
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        let week = Duration::from_hours(168);
        let wanted = NewClone::default().mask("mask.sql", MASK).expires(week);
        let first = migrator.clone_create(shop.address(), "qa", &wanted).await.unwrap();
        let qa = shop.beside("_qa");
        shop.sql("INSERT INTO customers (name, email) VALUES ('Cy', 'cy@c.example')");
        let _ = shop.sql_of(&qa, "UPDATE customers SET email = 'tested'");
        let anew = migrator.clone_refresh(shop.address(), "qa", None).await.unwrap();
        assert_eq!(shop.sql_of(&qa, EMAILS), "nobody@example.com\nnobody@example.com\n");
        assert_eq!(anew.mask_checksum, first.mask_checksum, "{place:?}");
        assert!(anew.expires_at >= first.expires_at);
        assert!(shop.files_with("_new").is_empty(), "{:?}", shop.files_with("_new"));

        // A mask that fails by now leaves the one that is there.
        let _ = shop.sql_of(&qa, "UPDATE customers SET email = 'tested'");
        shop.sql("ALTER TABLE customers RENAME TO clients");
        let error = migrator.clone_refresh(shop.address(), "qa", None).await.unwrap_err();
        assert_eq!(error.code(), Code::Mask, "{error:?}");
        assert_eq!(shop.sql_of(&qa, EMAILS), "tested\ntested\n", "{place:?}");
        assert!(shop.files_with("_new").is_empty(), "{:?}", shop.files_with("_new"));
        let lines = migrator.clone_list(shop.address()).await.unwrap();
        assert_eq!((lines.len(), lines[0].state.as_str()), (1, "ready"));
    }
}

/// A death came after the new one was whole and its staging was gone, and before the ledger had heard of it.
#[tokio::test]
async fn a_database_with_the_name_of_what_is_staged_is_neither_taken_nor_removed() {
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        shop.in_ledger("UPDATE clones SET state = 'replacing' WHERE $THIS");
        let staged = shop.beside("_qa_new");
        if !place.is_sqlite() {
            mo_migrate_tests::server::sql("", &format!("CREATE DATABASE {staged}"));
        }
        let _ = shop.sql_of(&staged, "CREATE TABLE theirs (id INT)");
        migrator.clone_create(shop.address(), "other", &NewClone::default()).await.unwrap();
        let qa = shop.beside("_qa");
        assert_eq!(shop.sql_of(&qa, EMAILS), shop.sql(EMAILS), "{place:?}");
        assert_eq!(shop.sql_of(&staged, "SELECT count(*) FROM theirs"), "0\n", "{place:?}");
        let lines = migrator.clone_list(shop.address()).await.unwrap();
        assert!(lines.iter().all(|line| line.state == "ready" && !line.gone), "{lines:?}");
        // Nor is it taken by a clone that would need the name.
        for refused in [
            migrator.clone_refresh(shop.address(), "qa", None).await.unwrap_err(),
            migrator.restore_into(shop.address(), None, &staged).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), Code::Taken, "{place:?}: {refused:?}");
        }
        assert_eq!(shop.sql_of(&staged, "SELECT count(*) FROM theirs"), "0\n", "{place:?}");
    }
}

#[tokio::test]
async fn an_expired_clone_is_named_and_goes_with_prune() {
    for place in engines() {
        let shop = shop(place).await;
        let migrator = shop.migrator();
        let soon = NewClone::default().expires(Duration::ZERO);
        migrator.clone_create(shop.address(), "old", &soon).await.unwrap();
        migrator.clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
        let lines = migrator.clone_list(shop.address()).await.unwrap();
        let expired: Vec<bool> = lines.iter().map(|line| line.expired).collect();
        assert_eq!(expired, [true, false], "{lines:?}");
        let shown = migrator.prune_clones_preview(shop.address()).await.unwrap();
        assert_eq!(shown.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["old"]);
        assert!(shop.is_beside(&shop.beside("_old")), "it is only shown");
        assert_eq!(migrator.prune_clones(shop.address()).await.unwrap(), ["old"]);
        assert!(!shop.is_beside(&shop.beside("_old")) && shop.is_beside(&shop.beside("_qa")));
    }
}

#[tokio::test]
async fn a_restore_is_tried_in_a_database_beside_it() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file("2_city.sql", V2);
        shop.migrator().run(shop.address()).await.unwrap();
        let before = shop.dump();
        let name = shop.beside("_test");
        let line = shop.migrator().restore_into(shop.address(), None, &name).await.unwrap();
        assert_eq!((line.purpose.as_str(), line.version), ("restore", Some(1)), "{place:?}");
        assert_eq!(shop.sql_of(&name, EMAILS), shop.sql(EMAILS));
        shop.assert_dump(&before, "the original stays");
    }
}

/// What the clones' own are for goes with the next command of clones.
#[tokio::test]
async fn a_snapshot_that_a_person_makes_is_never_for_what_ours_are_for() {
    let shop = shop(Place::Sqlite(Journal::Wal)).await;
    let before = shop.files_with("snapshots");
    for purpose in
        ["clone", "from_clone", "from_clone x", "upgrade", "migrated", "preflight", "moment"]
    {
        let made = shop.migrator().snapshot_create(shop.address(), purpose).await;
        assert_eq!(made.unwrap_err().code(), Code::Usage, "{purpose}");
        let guarded = shop.migrator().guard(purpose).command(shop.address(), ["true"]).await;
        assert_eq!(guarded.unwrap_err().code(), Code::Usage, "{purpose}");
    }
    let words = "snapshot create --purpose migrated";
    let said = mo_migrate_tests::typed::migrate(&shop, words).ends(64);
    assert!(said.words.contains("makes its own for: `pre_upgrade`"), "{}", said.words);
    assert_eq!(shop.files_with("snapshots"), before);
}

#[tokio::test]
async fn a_database_with_an_open_run_is_not_cloned() {
    for place in engines() {
        let shop = shop(place).await;
        shop.sql(
            "INSERT INTO mo_migrate_history VALUES ('marker', 'main', 0, '', 'open', '', 'run_x', 0, 0, 'me', \
             '{\"run\":\"run_x\",\"set\":\"main\",\"snapshot\":null,\"ring\":2,\"since\":0}')",
        );
        let made = shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await;
        assert_eq!(made.unwrap_err().code(), Code::OpenRun, "{place:?}");
        assert!(shop.files_with("_qa").is_empty());
    }
}

/// What is there no longer is asked for in the restore's own transaction by nobody.
#[tokio::test]
async fn a_database_becomes_again_what_it_was_before_its_first_version() {
    for place in places() {
        let shop = shop(place).await;
        let first = shop.migrator().snapshot_list(shop.address()).await.unwrap();
        let first: Vec<_> = first.iter().filter(|line| line.run.is_some()).collect();
        let first = first.last().unwrap().name.clone();
        let name = shop.beside("_test");
        let migrator = shop.migrator();
        migrator.restore_into(shop.address(), Some(&first), &name).await.unwrap();
        let swap = migrator.restore_from_clone_preview(shop.address(), &name).await.unwrap();
        let back = migrator.restore(shop.address(), Some(&swap.snapshot)).await.unwrap();
        assert_eq!((back.outcome, back.to), (mo_migrate::Outcome::Restored, None), "{place:?}");
        assert_eq!(migrator.status(shop.address()).await.unwrap().version, None, "{place:?}");
    }
}

/// A shop at version 2, and a database with its version 1 in which somebody has tried something.
async fn tried(place: Place) -> (Fixture, String) {
    let shop = shop(place).await;
    shop.sql("CREATE TABLE orders (id INT PRIMARY KEY, customer INT)");
    shop.sql("INSERT INTO orders VALUES (1, 1)");
    shop.file("2_city.sql", V2);
    shop.migrator().run(shop.address()).await.unwrap();
    let name = shop.beside("_test");
    shop.migrator().restore_into(shop.address(), None, &name).await.unwrap();
    let _ = shop.sql_of(
        &name,
        "UPDATE customers SET email = 'tried' WHERE id = 1; CREATE TABLE notes (id INT PRIMARY KEY); \
         INSERT INTO notes VALUES (7)",
    );
    (shop, name)
}

#[tokio::test]
async fn a_database_becomes_what_was_tried_beside_it() {
    for place in places() {
        let (shop, name) = tried(place).await;
        let id = shop.sql("SELECT detail FROM mo_migrate_history WHERE kind = 'head'");
        shop.sql("INSERT INTO orders VALUES (2, 2)");
        let migrator = shop.migrator();
        let swap = migrator.restore_from_clone_preview(shop.address(), &name).await.unwrap();
        assert_eq!((swap.version_now, swap.version), (Some(2), Some(1)), "{place:?}");
        let words = |all: &[mo_migrate::SwapChange]| -> Vec<String> {
            all.iter().map(|change| format!("{}: {}", change.name, change.what)).collect()
        };
        let mut tested = words(&swap.tested.unwrap());
        tested.sort();
        assert_eq!(tested, ["customers: 1 row changed", "notes: is new"], "{place:?}");
        let changes = words(&swap.changes);
        assert!(changes.contains(&"customers: has another definition".to_owned()), "{changes:?}");
        assert!(changes.contains(&"orders: 1 row gone".to_owned()), "{changes:?}");

        // What is written to it from here on was not shown, and does not come.
        let _ = shop.sql_of(&name, "INSERT INTO notes VALUES (8)");
        let before = shop.sql("SELECT count(*) FROM orders");
        assert_eq!(before, "2\n", "only shown so far");
        let report = migrator.restore(shop.address(), Some(&swap.snapshot)).await.unwrap();
        assert_eq!(report.outcome, mo_migrate::Outcome::Restored);
        assert_eq!(shop.sql(EMAILS), "tried\nbob@builder.example\n", "{place:?}");
        assert_eq!(shop.sql("SELECT id FROM notes"), "7\n");
        assert_eq!(shop.sql("SELECT id FROM orders"), "1\n");
        assert_eq!(shop.sql("SELECT detail FROM mo_migrate_history WHERE kind = 'head'"), id);
        assert!(shop.try_sql("SELECT * FROM mo_migrate_clone").is_err(), "it is no clone");
        let status = migrator.status(shop.address()).await.unwrap();
        assert_eq!((status.version, status.open_run), (Some(1), None));
        assert_eq!(shop.sql_of(&name, "SELECT count(*) FROM notes"), "2\n", "the clone stays");

        // What was there is in the failed state, and the way goes on from here.
        let failed = report.restore.unwrap().failed_state.unwrap();
        assert_eq!(shop.sql_in(&failed, "SELECT id FROM {orders} ORDER BY id"), "1\n2\n");
        migrator.clone_delete(shop.address(), &name).await.unwrap();
        assert_eq!(migrator.run(shop.address()).await.unwrap().to, Some(2), "{place:?}");
        shop.assert_sound();
    }
}

/// It was, when the question about it had no answer, and the database became the clone.
#[tokio::test]
async fn what_a_clone_held_is_gone_back_to_by_its_name_alone() {
    for place in engines() {
        let (shop, name) = tried(place).await;
        let migrator = shop.migrator();
        let swap = migrator.restore_from_clone_preview(shop.address(), &name).await.unwrap();
        let newest = migrator.restore_preview(shop.address(), None).await.unwrap();
        assert!(newest.snapshot.starts_with("pre_upgrade_v2_"), "{place:?}: {}", newest.snapshot);
        // What is shown of it is the clone's.
        let named = migrator.restore_preview(shop.address(), Some(&swap.snapshot)).await.unwrap();
        let notes = named.changes.iter().find(|table| table.name == "notes").unwrap();
        assert_eq!(notes.rows_then, Some(1), "{place:?}: {named:?}");
        let report = migrator.restore(shop.address(), Some(&swap.snapshot)).await.unwrap();
        assert_ne!(report.snapshot.unwrap().delete_after, None);
        // A clone of it too.
        let of_it = NewClone::default().from(&swap.snapshot);
        let line = migrator.clone_create(shop.address(), "again", &of_it).await.unwrap();
        assert_eq!(shop.sql_of(&line.database, "SELECT id FROM notes"), "7\n", "{place:?}");
        let newest = migrator.restore_preview(shop.address(), None).await.unwrap();
        assert!(newest.snapshot.starts_with("pre_upgrade_v2_"), "{place:?}: {}", newest.snapshot);
        for clone in ["again", name.as_str()] {
            migrator.clone_delete(shop.address(), clone).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_dry_run_of_a_restore_from_a_clone_does_nothing() {
    let (shop, name) = tried(Place::Sqlite(Journal::Wal)).await;
    let before = (shop.dump(), shop.files_with("from_clone"));
    let words = format!("restore --from-clone {name} --dry-run --yes");
    let said = mo_migrate_tests::typed::migrate(&shop, &words).ends(0);
    assert!(said.words.contains("notes: is new"), "{}", said.words);
    assert_eq!((shop.dump(), shop.files_with("from_clone")), before);
    let words = format!("restore --into {name}2 --dry-run");
    let _ = mo_migrate_tests::typed::migrate(&shop, &words).ends(64);
}

#[tokio::test]
async fn nothing_comes_back_from_an_environment_or_from_a_clone_with_an_open_run() {
    for place in engines() {
        let (shop, name) = tried(place).await;
        let before = shop.dump();
        let migrator = shop.migrator();
        let wanted = NewClone::default().mask("m.sql", MASK);
        migrator.clone_create(shop.address(), "qa", &wanted).await.unwrap();
        let error = migrator.restore_from_clone_preview(shop.address(), "qa").await.unwrap_err();
        assert_eq!(error.code(), Code::Clone, "{error:?}");
        let _ = shop.sql_of(
            &name,
            "INSERT INTO mo_migrate_history VALUES ('marker', 'main', 0, '', 'open', '', 'run_x', 0, 0, 'me', \
             '{\"run\":\"run_x\",\"set\":\"main\",\"snapshot\":null,\"ring\":2,\"since\":0}')",
        );
        let error = migrator.restore_from_clone_preview(shop.address(), &name).await.unwrap_err();
        assert_eq!(error.code(), Code::OpenRun, "{error:?}");
        assert!(shop.files_with("from_clone").is_empty());
        shop.assert_dump(&before, "nothing was touched");
    }
}

#[tokio::test]
async fn a_clone_on_a_disk_with_any_room_left_is_whole_or_leaves_nothing() {
    let Some(small) = Small::of(16 << 20) else { return };
    let shop = Fixture::within(Place::Sqlite(Journal::Rollback), small.path());
    shop.file("1_customers.sql", V1);
    shop.migrator().run(shop.address()).await.unwrap();
    let (before, migrator) = (shop.dump(), shop.migrator());
    // The mask is what needs the most room, which nobody knows before.
    let grows = format!(
        "{MASK}\nINSERT INTO customers (name, email) VALUES ('big', hex(zeroblob(200000)));"
    );
    let files = || -> Vec<String> {
        shop.files_with("").into_iter().filter(|name| name != "lock" && name != "ballast").collect()
    };
    let there = files();
    let (mut made, mut refused) = (0, 0);
    for room in (0..40).map(|step| step * 50_000) {
        small.leave(room);
        let wanted = NewClone::default().mask("mask.sql", grows.as_str());
        match migrator.clone_create(shop.address(), "qa", &wanted).await {
            Ok(_) => {
                made += 1;
                small.make_room();
            }
            Err(error) => {
                refused += 1;
                small.make_room();
                assert!(error.is_refused(), "{room}: {error:?}");
                assert!(
                    error.hint().is_some_and(|hint| hint.contains("room")),
                    "{room}: {error:?}"
                );
            }
        }
        // What a full disk did not let it remove goes with the next command, or is finished by it.
        migrator.prune_clones(shop.address()).await.unwrap();
        migrator.prune(shop.address()).await.unwrap();
        for line in migrator.clone_list(shop.address()).await.unwrap() {
            assert_eq!((line.state.as_str(), line.gone), ("ready", false), "{room}: {line:?}");
            let rows = shop.sql_of("shop_qa.db", "SELECT count(*) FROM customers");
            assert_eq!(rows, "2\n", "{room}");
            migrator.clone_delete(shop.address(), "qa").await.unwrap();
        }
        assert_eq!(files(), there, "{room}");
    }
    assert!(made > 0 && refused > 0, "{made} made, {refused} refused");
    assert!(shop.files_with("qa").is_empty());
    shop.assert_dump(&before, "the original");
}

#[tokio::test]
async fn a_clone_of_a_failed_state_is_no_run_that_is_open() {
    for place in engines() {
        let shop = shop(place).await;
        shop.file(
            "2_city.sql",
            "-- mo-migrate: no-transaction\nDELETE FROM customers WHERE id = 1;",
        );
        shop.file(
            "2_city.check.sql",
            "-- check(after): nobody is lost\nSELECT 1 WHERE (SELECT count(*) FROM customers) < 2;",
        );
        let error = shop.migrator().run(shop.address()).await.unwrap_err();
        let report = error.report().unwrap();
        let failed = report.restore.as_ref().unwrap().failed_state.clone().unwrap();
        let wanted = NewClone::default().from(&failed);
        let line = shop.migrator().clone_create(shop.address(), "why", &wanted).await.unwrap();
        assert_eq!(line.version, Some(1), "{place:?}");
        let why = shop.beside("_why");
        assert_eq!(shop.sql_of(&why, EMAILS), "bob@builder.example\n", "as it had gone wrong");
        let status = shop.migrator().status(shop.address_of(&why)).await.unwrap();
        assert_eq!((status.open_run, status.version), (None, Some(1)), "{place:?}");
    }
}

#[tokio::test]
async fn a_clone_is_made_through_the_applications_own_pool() {
    for place in places().into_iter().filter(|place| place.is_sqlite()) {
        let shop = shop(place).await;
        let pool = sqlx::SqlitePool::connect(&shop.address()).await.unwrap();
        let wanted = NewClone::default().mask("mask.sql", MASK);
        shop.migrator().clone_create(&pool, "qa", &wanted).await.unwrap();
        assert_eq!(shop.sql_of("shop_qa.db", EMAILS), "nobody@example.com\n", "{place:?}");
        shop.migrator().clone_refresh(&pool, "qa", None).await.unwrap();
        shop.migrator().clone_delete(&pool, "qa").await.unwrap();
        assert!(shop.files_with("qa").is_empty(), "{:?}", shop.files_with("qa"));
        pool.close().await;
        let memory = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
        let error = shop.migrator().clone_create(&memory, "qa", &wanted).await.unwrap_err();
        assert_eq!(error.code(), Code::Clone, "{error:?}");
    }
}
