//! Where settings come from, and which one counts.

use crate::shop::{PRODUCTS, Shop};

fn set_of(shop: &Shop, words: &str, variables: &[(&str, &str)]) -> String {
    let document =
        shop.run_with(&format!("status --format json {words}"), variables).ends(0).json();
    document["set"].as_str().unwrap().to_owned()
}

#[test]
fn a_flag_is_above_the_environment_above_the_file_above_the_default() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    assert_eq!(set_of(&shop, "", &[]), "main");
    std::fs::write(shop.path("mo-migrate.toml"), "set = \"file\"\n").unwrap();
    assert_eq!(set_of(&shop, "", &[]), "file");
    std::fs::write(shop.path(".env"), "MO_MIGRATE_SET=dotenv\n").unwrap();
    assert_eq!(set_of(&shop, "", &[]), "dotenv");
    assert_eq!(set_of(&shop, "", &[("MO_MIGRATE_SET", "environment")]), "environment");
    assert_eq!(set_of(&shop, "--set flag", &[("MO_MIGRATE_SET", "environment")]), "flag");
}

#[test]
fn the_address_comes_from_each_place() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    let database = |words: &str, variables: &[(&str, &str)]| {
        let ran = shop.run_with(&format!("status --format json {words}"), variables).ends(0);
        ran.json()["database"].as_str().unwrap().to_owned()
    };
    std::fs::write(shop.path("mo-migrate.toml"), "url = \"sqlite:file.db\"\n").unwrap();
    assert_eq!(database("", &[("DATABASE_URL", "")]), "file.db");
    assert_eq!(database("", &[]), "app.db");
    assert_eq!(database("", &[("MO_MIGRATE_URL", "sqlite:own.db")]), "own.db");
    assert_eq!(database("--url sqlite:flag.db", &[("MO_MIGRATE_URL", "sqlite:own.db")]), "flag.db");
}

#[test]
fn a_file_above_counts_and_its_paths_start_where_it_is() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    std::fs::rename(shop.path("migrations"), shop.path("sql")).unwrap();
    std::fs::create_dir(shop.path("inner")).unwrap();
    std::fs::write(shop.path("mo-migrate.toml"), "dir = \"sql\"\nurl = \"sqlite:app.db\"\n")
        .unwrap();
    let mut command = shop.command();
    command.current_dir(shop.path("inner")).env_remove("DATABASE_URL").arg("up");
    crate::shop::Ran::of(&command.output().unwrap()).ends(0);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
}

/// The migrations were looked for here, and `new` wrote a second version 1.
#[test]
fn the_usual_folder_of_migrations_is_beside_the_file_above_too() {
    let shop = Shop::open();
    std::fs::create_dir(shop.path("inner")).unwrap();
    std::fs::write(shop.path("mo-migrate.toml"), "url = \"sqlite:app.db\"\n").unwrap();
    let inside = |words: &[&str]| {
        let mut command = shop.command();
        command.current_dir(shop.path("inner")).env_remove("DATABASE_URL").args(words);
        crate::shop::Ran::of(&command.output().unwrap()).ends(0)
    };
    assert!(inside(&["status"]).last_line().starts_with("up to date: version 1"));
    inside(&["new", "more"]);
    assert!(shop.path("migrations/2_more.sql").exists() && !shop.path("inner/migrations").exists());
}

#[test]
fn without_an_address_it_says_what_to_do() {
    let shop = Shop::new(&[]);
    let ran = shop.run_with("up", &[("DATABASE_URL", "")]).ends(78);
    assert!(ran.err.contains("set `DATABASE_URL`"), "{}", ran.err);
}

#[test]
fn a_wrong_setting_is_named_with_the_remedy() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    std::fs::write(shop.path("mo-migrate.toml"), "lock_timeot = \"5s\"\n").unwrap();
    let ran = shop.run("status").ends(78);
    assert!(
        ran.err.contains("did you mean `lock_timeout`?") && ran.err.contains("mo-migrate.toml"),
        "{}",
        ran.err
    );
    std::fs::write(shop.path("mo-migrate.toml"), "lock_timeout = \"soon\"\n").unwrap();
    assert!(shop.run("status").ends(78).err.contains("`soon` is not a duration"));
    std::fs::remove_file(shop.path("mo-migrate.toml")).unwrap();
    let ran = shop.run_with("status", &[("MO_MIGRATE_KEEP", "soon")]).ends(78);
    assert!(ran.err.contains("`MO_MIGRATE_KEEP`"), "{}", ran.err);
    let ran = shop.run("status --keep soon").ends(64);
    assert!(ran.err.contains("--keep"), "{}", ran.err);
    shop.run("status --config nowhere.toml").ends(78);
}

#[test]
fn several_directories_are_one_list() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    std::fs::create_dir(shop.path("more")).unwrap();
    std::fs::write(shop.path("more/2_more.sql"), "CREATE TABLE more (x);").unwrap();
    assert_eq!(
        shop.run("--dir migrations --dir more up").ends(0).last_line(),
        "applied: version 2"
    );
}

#[test]
fn what_a_wrong_value_is_to_be_written_as_can_be_written_so() {
    let shop = Shop::open();
    let file = shop.path("mo-migrate.toml");
    for key in ["unit", "verify", "snapshot", "format", "keep", "lock_timeout"] {
        std::fs::write(&file, format!("{key} = 1.5\n")).unwrap();
        let ran = shop.run("status").ends(78);
        let hint = ran.err.lines().find(|line| line.contains("hint:")).expect(&ran.err);
        let lines: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
        assert!(!lines.is_empty(), "{hint}");
        for line in lines {
            std::fs::write(&file, line).unwrap();
            let ran = shop.run("status");
            assert_ne!(ran.code, 78, "`{line}`: {}", ran.err);
        }
    }
}
