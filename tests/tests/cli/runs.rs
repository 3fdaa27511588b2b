//! `up` and the ways back.

use crate::shop::{LOSES_ONE, NONE_LOST, PRODUCTS, Shop};

#[test]
fn up_shows_what_it_did_and_then_that_nothing_is_left() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    let ran = shop.run("").ends(0);
    assert!(ran.out.contains("create_products  sql  applied  2 statements"), "{}", ran.out);
    assert!(ran.out.contains("products  new, 3 rows  2 columns: id, name"), "{}", ran.out);
    assert!(ran.out.contains("snapshot  pre_upgrade_v1_"), "{}", ran.out);
    assert_eq!(ran.last_line(), "applied: version 1");
    for phase in ["✓ snapshot", "✓ apply", "✓ commit", "✓ keep"] {
        assert!(ran.err.contains(phase), "{phase}: {}", ran.err);
    }
    assert_eq!(shop.run("up").ends(0).out, "up to date: version 1\n");
}

#[test]
fn tables_show_rows_and_columns_before_and_after() {
    let shop = Shop::open();
    shop.write(
        "2_more.sql",
        "ALTER TABLE products ADD COLUMN price REAL; INSERT INTO products (name) VALUES ('Cable');",
    );
    let ran = shop.run("up").ends(0);
    assert!(
        ran.out.contains("products  3 → 4 rows  2 → 3 columns: id, name, price"),
        "{}",
        ran.out
    );
    assert_eq!(ran.last_line(), "applied: version 1 → 2");
}

#[test]
fn the_document_of_up_has_every_key() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    let document = shop.run("up --format json").ends(0).json();
    assert_eq!(document["outcome"], "applied");
    assert_eq!(document["migrations"][0]["name"], "create_products");
    assert_eq!(document["tables"][0]["columns_after"], serde_json::json!(["id", "name"]));
    for key in [
        "run",
        "set",
        "engine",
        "database",
        "from",
        "to",
        "checks",
        "snapshot",
        "rehearsal",
        "restore",
        "timings_ms",
        "error",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    assert_eq!(shop.run("up --format json").ends(0).json()["outcome"], "up_to_date");
}

#[test]
fn a_failed_check_is_rolled_back_and_shows_its_rows() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    shop.write("2_enhance.check.sql", NONE_LOST);
    let ran = shop.run("up").ends(2);
    assert!(ran.out.contains("✗ no product is lost (migration 2, before)"), "{}", ran.out);
    assert!(ran.out.contains("id = 3, name = \"Mechanical Keyboard\""), "{}", ran.out);
    assert!(ran.last_line().starts_with("rolled back: version 1"), "{}", ran.out);
    assert!(ran.err.contains("error[MM0204]") && ran.err.contains("✗ validate"), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");

    let ran = shop.run("up --no-evidence").ends(2);
    assert!(
        !ran.out.contains("Keyboard") && !ran.err.contains("Keyboard"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn what_was_committed_is_restored() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", &format!("-- mo-migrate: no-transaction\n{LOSES_ONE}"));
    shop.write("2_enhance.check.sql", NONE_LOST);
    let document = shop.run("up --format json").ends(2).json();
    assert_eq!(
        (&document["outcome"], &document["error"]["code"]),
        (&"restored".into(), &"MM0204".into())
    );
    assert_eq!(document["restore"]["proof"], "contents");
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
}

#[test]
fn up_goes_as_far_as_it_is_told() {
    let files = [
        ("1_a.sql", "CREATE TABLE a (x);"),
        ("2_b.sql", "CREATE TABLE b (x);"),
        ("3_c.sql", "CREATE TABLE c (x);"),
    ];
    let shop = Shop::new(&files);
    assert_eq!(shop.run("up --to 1").ends(0).last_line(), "applied: version 1");
    assert_eq!(shop.run("up --steps 1").ends(0).last_line(), "applied: version 1 → 2");
    shop.run("up --to 9").ends(64);
    assert_eq!(shop.run("up").ends(0).last_line(), "applied: version 2 → 3");
}

#[test]
fn down_asks_and_takes_back_by_the_down_file() {
    let shop = Shop::open();
    shop.write("1_create_products.down.sql", "DROP TABLE products;");
    let ran = shop.run("down").ends(5);
    assert!(ran.err.contains("create_products") && ran.err.contains("down --yes"), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    let document = shop.run("down --yes --format json").ends(0).json();
    assert_eq!(document["migrations"][0]["state"], "reverted");
    assert_eq!(shop.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'products'"), "0");
    assert_eq!(shop.run("down --yes --format json").ends(5).json()["outcome"], "refused");
}

/// What `new --down` writes, as it was written.
#[test]
fn a_down_file_that_was_never_written_takes_nothing_back() {
    let shop = Shop::open();
    shop.run("new --down").ends(0);
    let ran = shop.run("down --yes").ends(5);
    assert!(ran.err.contains("1_create_products.down.sql` has no statement"), "{}", ran.err);
    assert!(shop.run("status").ends(0).last_line().starts_with("up to date: version 1"));
}

/// It may be meant; it is not a thing to find out later.
#[test]
fn a_file_without_a_statement_is_applied_and_found_before() {
    let shop = Shop::new(&[("1_init.sql", "-- to be written\n")]);
    let ran = shop.run("lint").ends(1);
    assert!(ran.out.contains("1_init.sql:1: warning[EMPTY]"), "{}", ran.out);
    assert!(shop.run("plan").ends(0).out.contains("warning[EMPTY]"));
    shop.run("up").ends(0);
}

#[test]
fn a_version_without_a_down_file_is_not_taken_back() {
    let ran = Shop::open().run("down --yes").ends(5);
    assert!(ran.err.contains("MM0306"), "{}", ran.err);
}

#[test]
fn restore_shows_asks_and_goes_back() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    shop.run("up").ends(0);
    let ran = shop.run("restore").ends(5);
    assert!(
        ran.err.contains("leaves      version 1") && ran.err.contains("products"),
        "{}",
        ran.err
    );
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "2");
    let document = shop.run("restore --yes --format json").ends(0).json();
    assert_eq!((&document["outcome"], &document["to"]), (&"restored".into(), &1.into()));
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    let ran = shop.run("restore nothing_of_this_name --yes").ends(66);
    assert!(ran.err.contains("MM0503"), "{}", ran.err);
}

#[test]
fn recover_says_when_there_is_nothing_to_recover() {
    let shop = Shop::open();
    assert_eq!(shop.run("recover").ends(0).out, "nothing to recover: no run is open\n");
    let document = shop.run("recover --format json").ends(0).json();
    assert_eq!(
        (&document["outcome"], &document["database"]),
        (&"up_to_date".into(), &"app.db".into())
    );
}
