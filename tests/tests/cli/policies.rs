//! Each policy in both settings.

use crate::shop::{PRODUCTS, Shop};

/// The difference is refused with this code, and passes with this flag.
fn refused_unless(shop: &Shop, flag: &str, code: &str) {
    for question in ["plan", "up"] {
        let ran = shop.run(question).ends(5);
        assert!(ran.err.contains(code) && ran.err.contains("nothing was touched"), "{}", ran.err);
    }
    shop.run("validate").ends(1);
    shop.run(&format!("validate {flag}")).ends(0);
    shop.run(&format!("plan {flag}")).ends(0);
    shop.run(&format!("up {flag}")).ends(0);
}

#[test]
fn a_changed_text_is_refused_or_ignored() {
    let shop = Shop::open();
    shop.write("1_create_products.sql", &PRODUCTS.replace("Mouse", "Mice"));
    refused_unless(&shop, "--changed ignore", "MM0301");
}

#[test]
fn a_missing_migration_is_refused_or_ignored() {
    let shop = Shop::new(&[("1_a.sql", "CREATE TABLE a (x);"), ("2_b.sql", "CREATE TABLE b (x);")]);
    shop.run("up").ends(0);
    shop.remove("1_a.sql");
    refused_unless(&shop, "--missing ignore", "MM0302");
}

#[test]
fn a_late_migration_is_refused_or_applied() {
    let shop = Shop::new(&[("2_b.sql", "CREATE TABLE b (x);")]);
    shop.run("up").ends(0);
    shop.write("1_a.sql", "CREATE TABLE a (x);");
    refused_unless(&shop, "--out-of-order apply", "MM0303");
    assert_eq!(shop.sql("SELECT count(*) FROM a"), "0");
}

#[test]
fn a_newer_database_is_refused_or_ignored() {
    let shop = Shop::new(&[("1_a.sql", "CREATE TABLE a (x);"), ("2_b.sql", "CREATE TABLE b (x);")]);
    shop.run("up").ends(0);
    shop.remove("2_b.sql");
    refused_unless(&shop, "--newer ignore", "MM0304");
}

#[test]
fn a_unit_is_a_run_or_a_migration() {
    for (unit, kept) in [("run", 0), ("migration", 1)] {
        let shop =
            Shop::new(&[("1_a.sql", "CREATE TABLE a (x);"), ("2_b.sql", "CREATE TABLE a (x);")]);
        shop.run("database create").ends(0);
        shop.run(&format!("up --unit {unit}")).ends(2);
        let document = shop.run("status --format json").ends(0).json();
        assert_eq!(document["applied"].as_array().unwrap().len(), kept, "{unit}");
    }
}

#[test]
fn a_snapshot_is_taken_always_when_needed_or_never() {
    for (flags, taken) in
        [("", true), ("--snapshot when-needed", false), ("--dangerous-no-snapshot", false)]
    {
        let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
        let document = shop.run(&format!("up --format json {flags}")).ends(0).json();
        assert_eq!(document["snapshot"].is_object(), taken, "{flags}");
    }
}
