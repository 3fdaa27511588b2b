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
    for (words, why) in [
        ("down", "has no statement"),
        (&*format!("snapshot delete {name}"), "is pinned"),
        ("report --output .", "name a file in it"),
    ] {
        let ran = shop.run(words);
        assert!(ran.err.contains(why) && !ran.err.contains("asks first"), "{words}: {ran:?}");
    }
}
