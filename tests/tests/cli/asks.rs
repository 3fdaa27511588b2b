//! `baseline`, `repair` and `database`: what asks first, and what it did when it was answered.

use crate::shop::{LOSES_ONE, PRODUCTS, Shop};

#[test]
fn baseline_marks_without_running() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS), ("2_enhance.sql", LOSES_ONE)]);
    shop.run("baseline 1 --yes").ends(66);
    shop.run("database create").ends(0);
    shop.sql("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    let ran = shop.run("baseline 1").ends(5);
    assert!(ran.err.contains("baseline 1 --yes"), "{}", ran.err);
    assert_eq!(shop.run("baseline 1 --yes").ends(0).out, "marked as applied: 1\n");
    assert!(shop.run("baseline 1").ends(0).out.starts_with("nothing to mark"));
    assert_eq!(
        shop.run("baseline 2 --yes --format json").ends(0).json()["versions"],
        serde_json::json!([2])
    );
    shop.run("status --exit-code").ends(0);
    shop.run("baseline 9 --yes").ends(64);
}

#[test]
fn repair_shows_both_checksums_and_asks() {
    let shop = Shop::open();
    assert!(shop.run("repair").ends(0).out.starts_with("nothing to repair"));
    shop.write("1_create_products.sql", &PRODUCTS.replace("Mouse", "Mice"));
    let ran = shop.run("repair").ends(5);
    assert_eq!(ran.err.matches("sha256:").count(), 2, "{}", ran.err);
    shop.run("up").ends(5);
    assert_eq!(shop.run("repair --yes").ends(0).out, "accepted: 1 migration\n");
    shop.run("up").ends(0);
}

#[test]
fn a_database_is_made_dropped_and_made_anew() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    assert_eq!(shop.run("database create --format json").ends(0).json()["state"], "created");
    assert!(shop.path("app.db").exists());
    shop.run("database create").ends(5);
    shop.run("up").ends(0);
    let ran = shop.run("database drop").ends(5);
    assert!(ran.err.contains("drops `app.db` at version 1"), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");

    shop.sql("DELETE FROM products");
    let ran = shop.run("database reset").ends(5);
    assert!(ran.err.contains("database reset --yes"), "{}", ran.err);
    assert_eq!(shop.run("database reset --yes").ends(0).last_line(), "applied: version 1");
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");

    shop.run("database drop --yes").ends(0);
    assert!(!shop.path("app.db").exists() && !shop.path("app.db.mo-migrate").exists());
    shop.run("database drop --yes").ends(66);
}

#[test]
fn a_set_that_cannot_be_read_drops_nothing() {
    let shop = Shop::open();
    shop.write("1_again.sql", "SELECT 1;");
    shop.run("database reset --yes").ends(65);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
}

/// Who is asked has an answer that leads somewhere.
#[test]
fn what_is_refused_is_refused_before_the_question() {
    let shop = Shop::open();
    shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    shop.write("2_more.down.sql", "-- not written yet\n");
    shop.run("up").ends(0);
    let made = shop.run("snapshot create --format json").ends(0).json();
    let name = made["name"].as_str().unwrap();
    shop.run(&format!("snapshot pin {name}")).ends(0);
    shop.run("clone create qa").ends(0);
    shop.run("--dir elsewhere upgrade start").ends(66);
    for (words, why) in [
        ("down", "has no statement"),
        ("clone refresh qa --from nope", "no snapshot or run `nope`"),
        ("database drop", "has clones"),
        (&*format!("snapshot delete {name}"), "is pinned"),
        ("report --output .", "name a file in it"),
    ] {
        let ran = shop.run(words);
        assert!(ran.err.contains(why) && !ran.err.contains("asks first"), "{words}: {ran:?}");
    }
}

/// The raw words of the system or the database, or none at all, were the answer.
#[test]
fn what_is_not_what_it_should_be_is_called_by_its_name() {
    let shop = Shop::open();
    let named = |words: &str, code: i32, why: &[&str]| {
        let ran = shop.run(words);
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{words}: {said}");
        for why in why {
            assert!(said.contains(why), "{words}: {said}");
        }
    };
    std::fs::create_dir(shop.path("folder")).unwrap();
    named("--url sqlite:folder status", 78, &["is a folder", "sqlite:folder/app.db"]);
    named("--url sqlite:folder up", 78, &["is a folder"]);
    named("database create", 5, &["a database `app.db` already", " status`"]);
    named("--history-table products status", 5, &["not a history", "`--history-table`"]);
    let other = "did you mean `--history-table mo_migrate_history`?";
    for (words, code) in [("status", 0), ("plan", 0), ("up", 2)] {
        named(&format!("--history-table other {words}"), code, &[other]);
    }
    let run = shop.run("history --format json").ends(0).json();
    let run = run["applied"][0]["run"].as_str().unwrap().to_owned();
    named(&format!("snapshot show {run}"), 66, &["is a run", "pre_upgrade_v1"]);
    let mask =
        std::fs::write(shop.path("mask.sql"), "BEGIN; UPDATE products SET name = 'x'; COMMIT;");
    mask.unwrap();
    let begins = "its transaction is not its own";
    named("clone create qa --from now --mask mask.sql", 5, &[begins, "take that statement out"]);
    named("--hook before= up", 64, &["write `before=./tell.sh`"]);
    std::fs::create_dir(shop.path("migrations/2_more.sql")).unwrap();
    named("plan", 65, &["is a folder, and has the name of a migration"]);
    std::fs::remove_dir(shop.path("migrations/2_more.sql")).unwrap();
    std::os::unix::fs::symlink("nowhere", shop.path("migrations/2_more.sql")).unwrap();
    named("plan", 5, &["what it leads to is not there", "ls -l migrations/2_more.sql"]);
    std::fs::remove_file(shop.path("migrations/2_more.sql")).unwrap();
    shop.write("2_more.sql", "-- mo-migrate: allow A, B because it is so\nDROP TABLE products;\n");
    named("plan", 65, &["give each a line of its own"]);
}

#[test]
fn a_snapshot_that_was_emptied_or_removed_by_a_hand_is_told_as_that() {
    let shop = Shop::open();
    let made = shop.run("snapshot create --format json").ends(0).json();
    let name = made["name"].as_str().unwrap();
    let shown = shop.run(&format!("snapshot show {name}")).ends(0).out;
    assert!(shown.contains("products  3 rows"), "{shown}");
    shop.sql("DELETE FROM products WHERE id = 1");
    let file = shop.path(&format!("app.db.mo-migrate/snapshots/{name}.db"));
    std::fs::write(&file, "").unwrap();
    for words in ["", " --tables products"] {
        let ran = shop.run(&format!("restore {name}{words}")).ends(3);
        assert!(ran.err.contains("does not verify") && ran.err.contains("MM0502"), "{}", ran.err);
    }
    // Neither are its bytes the database's.
    std::fs::write(&file, "no database at all".repeat(400)).unwrap();
    for words in ["restore --tables products", "snapshot verify", "clone create qa --from"] {
        let ran = shop.run(&format!("{words} {name}"));
        assert!(ran.code != 0 && ran.err.contains(name), "{words}: {ran:?}");
        assert!(!ran.err.contains("`app.db` can't be opened"), "{words}: {ran:?}");
    }
    std::fs::remove_file(&file).unwrap();
    let ran = shop.run(&format!("snapshot verify {name}")).ends(66);
    assert!(ran.err.contains(&format!("`{name}` is gone")), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "2");
}

/// It is the way back to what somebody has removed, and not ours to take.
#[test]
fn what_is_left_of_a_clone_that_a_hand_removed_is_said() {
    let shop = Shop::open();
    shop.run("clone create qa").ends(0);
    shop.run("--url sqlite:app_qa.db snapshot create").ends(0);
    std::fs::remove_file(shop.path("app_qa.db")).unwrap();
    let ran = shop.run("clone delete qa --yes").ends(0);
    assert!(ran.err.contains("app_qa.db.mo-migrate"), "{}", ran.err);
    assert!(shop.path("app_qa.db.mo-migrate").exists());
    shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    shop.run("upgrade start").ends(0);
    std::fs::remove_file(shop.path("app_green.db")).unwrap();
    let ran = shop.run("upgrade abort --yes").ends(0);
    assert!(ran.err.contains("app_green.db.mo-migrate"), "{}", ran.err);
}
