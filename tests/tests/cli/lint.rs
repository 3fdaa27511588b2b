//! `lint`, and what `plan` says of it.

use crate::shop::{PRODUCTS, Shop};

/// Loses a column's values; the update has a reason.
const CHANGES: &str = "-- mo-migrate: allow UPDATE_ALL because prices are in cents from now on\n\
    UPDATE products SET price = price * 100;\n\
    ALTER TABLE products\n  DROP COLUMN note;\n";

fn shop() -> Shop {
    Shop::new(&[("1_create_products.sql", PRODUCTS), ("2_change.sql", CHANGES)])
}

#[test]
fn lint_says_where_what_and_what_instead_and_asks_no_database() {
    let ran = shop()
        .run_with("lint", &[("DATABASE_URL", "matrixone://root@127.0.0.1:1/nowhere")])
        .ends(1);
    for words in [
        "migrations/2_change.sql:4: error[DROP_COLUMN]: the values in `note` of `products` go",
        "instead:  deploy programs that do not name `note` first",
        "or allow: -- mo-migrate: allow DROP_COLUMN because …",
        "note[NO_CHECK]: no check judges migrations 1 `create_products`, 2 `change`",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("UPDATE_ALL"), "{}", ran.out);
    assert_eq!(ran.last_line(), "1 finding in 2 migrations: 1 error, 1 note, 1 allowed");
}

#[test]
fn without_an_address_the_rules_of_each_engine_are_asked() {
    let shop = Shop::new(&[("1_a.sql", "ALTER TABLE t MODIFY a INT;\nDELETE FROM t;")]);
    let mut command = shop.command();
    let out = command.env_remove("DATABASE_URL").arg("lint").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.contains("1_a.sql:1: warning[CHANGE_TYPE] (matrixone): "), "{text}");
    assert!(text.contains("1_a.sql:2: error[DELETE_ALL]: "), "{text}");
    let ran = shop.run("lint").ends(1);
    assert!(!ran.out.contains("CHANGE_TYPE"), "the address is SQLite's: {}", ran.out);
}

#[test]
fn notes_alone_are_no_findings() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    let ran = shop.run("lint").ends(0);
    assert_eq!(ran.last_line(), "no findings in 1 migration: 1 note");
}

#[test]
fn lint_looks_at_the_files_and_the_versions_that_it_is_told() {
    let shop = shop();
    assert!(
        shop.run("lint migrations/1_create_products.sql")
            .ends(0)
            .last_line()
            .contains("1 migration")
    );
    shop.run("lint migrations/2_change.sql").ends(1);
    shop.run("lint --above 2").ends(0);
    let ran = shop.run("lint migrations/3_other.sql").ends(64);
    assert!(ran.err.contains("`migrations/3_other.sql` belongs to no migration"), "{}", ran.err);
    // What `git diff` names beside them is no reason to leave the others out.
    shop.write("always.check.sql", "-- check: one\nSELECT 1 WHERE 0;\n");
    shop.write("README.md", "# ours\n");
    let beside = "migrations/always.check.sql migrations/README.md";
    shop.run(&format!("lint {beside} migrations/2_change.sql")).ends(1);
    shop.run(&format!("lint {beside}")).ends(0);
    shop.run("lint migrations/READNE.md").ends(64);
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding() {
    let shop = Shop::new(&[("1_a.sql", "SELECT 'a;")]);
    let ran = shop.run("lint").ends(1);
    assert!(
        ran.out.contains("1_a.sql:1: error[UNREADABLE]") && !ran.out.contains("or allow"),
        "{}",
        ran.out
    );
}

#[test]
fn json_has_what_is_allowed_too() {
    let document = shop().run("lint --format json").ends(1).json();
    assert_eq!((&document["count"], &document["engines"][0]), (&1.into(), &"sqlite".into()));
    let first = &document["findings"][0];
    assert_eq!((&first["code"], &first["line"]), (&"UPDATE_ALL".into(), &2.into()));
    assert_eq!(first["allowed"], "prices are in cents from now on");
}

#[test]
fn sarif_names_files_from_where_it_is_run() {
    let document = shop().run("lint --format sarif").ends(1).json();
    let results = document["runs"][0]["results"].as_array().unwrap();
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "migrations/2_change.sql");
    assert_eq!(
        (&results[1]["ruleId"], &place["region"]["startLine"]),
        (&"DROP_COLUMN".into(), &4.into())
    );
    let ran = shop().run("up --format sarif").ends(64);
    assert!(ran.err.contains("lint --format sarif") && ran.out.is_empty(), "{}", ran.err);
}

#[test]
fn plan_says_what_lint_finds_in_what_is_pending() {
    let shop =
        Shop::new(&[("1_create_products.sql", "CREATE TABLE products (note TEXT, price INT);")]);
    shop.run("up").ends(0);
    shop.write("2_change.sql", CHANGES);
    let ran = shop.run("plan").ends(0);
    assert!(ran.out.contains("2_change.sql:4: error[DROP_COLUMN]"), "{}", ran.out);
    assert!(!ran.out.contains("UPDATE_ALL"), "{}", ran.out);
    let document = shop.run("plan --format json").ends(0).json();
    assert_eq!(document["lint"][1]["code"], "DROP_COLUMN");
    shop.run("up").ends(0);
    assert!(!shop.run("plan").ends(0).out.contains("lint"), "nothing is pending");
}

#[test]
fn a_hostile_name_is_harmless_in_every_format() {
    let hostile = "DROP TABLE \"a\u{1b}[31m\u{202e}\";\nUPDATE \"b\u{7}\" SET c = 1;";
    let shop = Shop::new(&[("1_a.sql", hostile)]);
    for format in ["text", "json", "sarif"] {
        let ran = shop.run(&format!("lint --format {format}")).ends(1);
        let obeyed = ran.out.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(obeyed, None, "{format}: {:?}", ran.out);
    }
}
