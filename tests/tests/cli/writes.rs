//! `new` and `completions`.

use crate::shop::{PROGRAM, Shop};

#[test]
fn new_numbers_its_files_as_the_others_are() {
    let shop = Shop::new(&[]);
    std::fs::remove_dir(shop.path("migrations")).unwrap();
    assert_eq!(shop.run("new CreateProducts").ends(0).out, "migrations/1_create_products.sql\n");
    let document = shop.run("new add-category --down --check --format json").ends(0).json();
    let files = [
        "migrations/2_add_category.sql",
        "migrations/2_add_category.down.sql",
        "migrations/2_add_category.check.sql",
    ];
    assert_eq!(document["files"], serde_json::json!(files));
    shop.run("up").ends(0);

    shop.write("20260101120000_later.sql", "");
    let ran = shop.run("new again").ends(0);
    let version: i64 = ran.out["migrations/".len()..].split('_').next().unwrap().parse().unwrap();
    assert!(version > 20_260_101_120_000, "{}", ran.out);
}

#[test]
fn new_without_a_name_writes_beside_the_newest_and_over_nothing() {
    let shop = Shop::new(&[("0001_init.up.sql", "CREATE TABLE t (x);")]);
    assert_eq!(shop.run("new --down").ends(0).out, "migrations/0001_init.down.sql\n");
    shop.run("new --down").ends(5);
    shop.run("new").ends(64);
    shop.run("new --- --").ends(64);
}

#[test]
fn new_rust_prints_a_function_and_writes_nothing() {
    let shop = Shop::open();
    let before = shop.files();
    let ran = shop.run("new add_category --rust").ends(0);
    assert!(ran.out.contains("#[migration(version = 2)]\nasync fn add_category("), "{}", ran.out);
    assert!(ran.err.contains("migrations!"), "{}", ran.err);
    assert!(before == shop.files());
}

#[test]
fn completions_are_for_the_program_as_it_is_called() {
    let shop = Shop::new(&[]);
    let name = std::path::Path::new(PROGRAM).file_name().unwrap().to_str().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let ran = shop.run(&format!("completions {shell}")).ends(0);
        assert!(ran.out.contains(name) && ran.out.contains("baseline"), "{shell}");
    }
    shop.run("completions csh").ends(64);
}
