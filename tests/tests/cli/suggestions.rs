//! The commands that messages suggest work when they are typed.

use std::process::Command;

use crate::shop::{LOSES_ONE, PRODUCTS, PROGRAM, Ran, Shop};

/// Every command in backquotes that is one of this program.
fn suggested(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|words| words.starts_with(PROGRAM)).map(ToOwned::to_owned).collect()
}

fn type_in(shop: &Shop, words: &str) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-c", words]).current_dir(shop.path("")).env_remove("DATABASE_URL");
    Ran::of(&command.stdin(std::process::Stdio::null()).output().unwrap())
}

#[test]
fn they_are_about_the_same_database_and_the_same_files() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    std::fs::rename(shop.path("migrations"), shop.path("my files")).unwrap();
    let run = |words: &[&str]| {
        let mut command = shop.command();
        command
            .env_remove("DATABASE_URL")
            .args(["--url", "sqlite:own.db", "--dir", "my files"])
            .args(words);
        Ran::of(&command.output().unwrap())
    };
    let commands = suggested(&run(&["history"]).ends(66).err);
    assert_eq!(commands.len(), 2, "{commands:?}");
    type_in(&shop, &commands[0]).ends(0);
    assert!(shop.path("own.db").exists());

    std::fs::write(shop.path("my files/2_enhance.sql"), LOSES_ONE).unwrap();
    run(&["up"]).ends(0);
    let commands = suggested(&run(&["restore"]).ends(5).err);
    assert_eq!(
        type_in(&shop, &commands[0]).ends(0).last_line().split(':').next(),
        Some("restored")
    );
}

#[test]
fn a_way_down_that_failed_is_gone_again_and_not_the_way_up() {
    let shop = Shop::open();
    shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    shop.write("2_more.down.sql", "DROP TABLE nowhere;\n");
    shop.run("up").ends(0);
    let ran = shop.run("down --to 1 --yes").ends(2);
    assert!(ran.err.contains(" down --to 1`") && !ran.err.contains(" up`"), "{}", ran.err);
    let told = shop.run("report").ends(0).out;
    assert!(told.contains(" down --to 1`") && !told.contains(" up`"), "{told}");
}

#[test]
fn a_check_that_takes_too_long_is_given_more_time_by_what_is_said() {
    let shop = Shop::open();
    let long = "-- check: ends\nWITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
        SELECT x FROM n WHERE x < 0;\n";
    std::fs::write(shop.path("long.sql"), long).unwrap();
    let words = "--check-timeout 200ms guard --check long.sql -- true";
    let ran = shop.run(words).ends(2);
    let says = |what: &str| ran.err.contains(what);
    assert!(says("`--check-timeout`") && says(" guard --check long.sql -- true`"), "{ran:?}");
    assert!(!says("migration"), "{ran:?}");
}

#[test]
fn the_tables_that_were_typed_are_in_the_command_that_goes_back_further() {
    let shop = Shop::open();
    shop.run("snapshot create").ends(0);
    let document = shop.run("snapshot create --format json").ends(0).json();
    let name = document["name"].as_str().unwrap();
    std::fs::remove_file(shop.path(&format!("app.db.mo-migrate/snapshots/{name}.db"))).unwrap();
    let ran = shop.run("restore --tables products --yes");
    assert!(ran.err.contains(" --tables products`"), "{}", ran.err);
}

#[test]
fn an_address_that_was_mistyped_leaves_nothing_behind() {
    let shop = Shop::open();
    for words in ["guard -- true", "recover", "recover --retry", "upgrade start"] {
        shop.run(&format!("--url sqlite:typo.db {words}")).ends(66);
        assert!(!shop.path("typo.db.mo-migrate").exists(), "{words}");
    }
}

fn rows(shop: &Shop) -> String {
    shop.sql("SELECT id || ' ' || name FROM products ORDER BY id")
}

/// What can be done was in no message: `up` made an empty database, and then nothing went on.
#[test]
fn a_file_that_goes_under_a_guard_is_brought_back_by_what_is_suggested() {
    let shop = Shop::open();
    let before = rows(&shop);
    let commands = suggested(&shop.run("guard -- rm app.db").ends(3).err);
    assert!(
        commands[0].ends_with(" recover"),
        "an empty file in its place helps nobody: {commands:?}"
    );
    // It would be read into the copy.
    std::fs::write(shop.path("app.db-wal"), "what is left of a log").unwrap();
    let ran = shop.run("recover").ends(66);
    let copy = ran.err.split('`').find(|part| part.contains("cp ")).expect(&ran.err);
    type_in(&shop, copy).ends(0);
    assert!(!shop.path("app.db-wal").exists() && shop.path("app.db-wal.old").exists(), "{copy}");
    let commands = suggested(&ran.err);
    assert!(commands[0].ends_with("recover --retry"), "{commands:?}");
    shop.run("recover --retry");
    assert_eq!(rows(&shop), before);
    shop.run("up").ends(0);
}

#[test]
fn each_is_understood() {
    let shop = Shop::open();
    let mut tried = 0;
    let mut all_of = |words: &str| {
        for command in suggested(&shop.run(&format!("--url sqlite:app.db {words}")).err) {
            let ran = type_in(&shop, &command);
            assert!(!matches!(ran.code, 64 | 126 | 127 | 78), "`{command}`: {}", ran.err);
            tried += 1;
        }
    };
    all_of("down");
    all_of("up --to 9");
    all_of("down --to 9");
    all_of("snapshot show nothing");
    all_of("snapshot delete nothing");
    all_of("baseline 9");
    shop.write("1_create_products.sql", &PRODUCTS.replace("Mouse", "Mice"));
    all_of("up");
    all_of("repair");
    assert!(tried >= 7, "{tried}");
}

#[test]
fn an_address_that_could_hold_a_password_is_not_repeated() {
    let shop = Shop::open();
    let ran = shop.run("--url sqlite:gone.db?vfs=unix history").ends(66);
    let commands = suggested(&ran.err);
    let hidden = format!("{PROGRAM} --url …");
    assert_eq!(commands, [format!("{hidden} up"), format!("{hidden} database create")]);
    // The one of the environment is not taken in its place.
    let ran = type_in(&shop, &format!("DATABASE_URL=sqlite:app.db {hidden} database drop --yes"));
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    assert!(ran.ends(78).err.contains("write it whole"));
}

/// A plain restore takes back what runs did; what a person did by hand comes back by name.
#[test]
fn what_a_restore_leaves_as_it_is_comes_back_by_the_command_that_it_names() {
    let shop = Shop::open();
    shop.run("snapshot create").ends(0);
    let before = shop.sql("SELECT count(*) FROM products");
    shop.sql("DELETE FROM products WHERE rowid = 1");
    let ran = shop.run("--url sqlite:app.db restore --yes").ends(0);
    assert!(ran.out.contains("nothing to do"), "{}", ran.out);
    let commands = suggested(&ran.out);
    let [command] = commands.as_slice() else { panic!("{commands:?}: {}", ran.out) };
    type_in(&shop, &format!("{command} --yes")).ends(0);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), before);
}

/// Whoever is paged reads `migrate`, whatever the program is called where it runs.
#[test]
fn a_hook_is_told_commands_that_work() {
    let shop = Shop::open();
    shop.write("2_more.sql", "SELECT * FROM nowhere;\n");
    let mut command = shop.command();
    command.args(["--hook", "failed=cat > told.json", "--url", "sqlite:app.db", "up"]);
    Ran::of(&command.output().unwrap()).ends(2);
    let told = std::fs::read_to_string(shop.path("told.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let commands = suggested(told["error"]["hint"].as_str().unwrap());
    assert!(commands[0].ends_with(" --url sqlite:app.db up"), "{commands:?}");
}

#[test]
fn a_name_of_a_file_a_moment_or_a_set_is_answered_with_the_nearest() {
    let shop = Shop::open();
    std::fs::write(shop.path("mask.sql"), "UPDATE products SET name = 'x';").unwrap();
    for (words, code, near) in [
        ("guard --check mas.sql -- true", 5, "the nearest name there is `mask.sql`"),
        ("clone create qa --from now --mask maks.sql", 5, "the nearest name there is `mask.sql`"),
        ("--hook befor=./x.sh up", 64, "did you mean `before`?"),
        ("lint migrations/1_create_product.sql", 64, "is `1_create_products.sql`"),
        ("--set mian status", 0, "did you mean `--set main`?"),
        ("--set mian up", 2, "warning: nothing of set `mian` is applied"),
        ("--set mian plan", 0, "the database has the set `main`: did you mean `--set main`?"),
    ] {
        let ran = shop.run(words);
        assert!(format!("{}{}", ran.out, ran.err).contains(near), "{words}: {ran:?}");
        assert_eq!(ran.code, code, "{words}: {ran:?}");
    }
    // It is there, and mistyped nowhere.
    assert!(!shop.run("plan").ends(0).out.contains("--set"));
}

/// Whoever went up to a version was told to go up to the last one.
#[test]
fn how_far_a_run_was_to_go_is_in_the_command_that_begins_it_again() {
    let shop = Shop::open();
    shop.write("2_more.sql", "SELECT * FROM nowhere;\n");
    shop.write("3_last.sql", "CREATE TABLE last (id INTEGER PRIMARY KEY);\n");
    for (words, again) in [("up --to 2", " up --to 2`"), ("up --steps 1", " up --steps 1`")] {
        let ran = shop.run(words);
        assert!(ran.err.contains(again), "{words}: {}", ran.err);
    }
    let told = shop.run("report").ends(0).out;
    assert!(told.contains(" up --steps 1`") && !told.contains(" up`"), "{told}");
    let closed = "--preflight x=false up --to 2";
    let ran = shop.run(closed).ends(5);
    assert!(ran.err.contains(" up --to 2`") && !ran.err.contains(" up`"), "{}", ran.err);
}

/// It was made anew of what is there now.
#[test]
fn a_clone_for_a_restore_is_made_anew_from_its_snapshot() {
    let shop = Shop::open();
    let made = shop.run("snapshot create --format json").ends(0).json();
    let name = made["name"].as_str().unwrap();
    shop.run(&format!("restore --into tried.db {name}")).ends(0);
    let ran = shop.run(&format!("restore --into tried.db {name}"));
    let again = format!(" clone refresh tried.db --from {name}`");
    assert!(ran.err.contains(&again), "{}", ran.err);
    let ran = shop.run("restore --into a/b");
    assert!(ran.err.contains(" restore --into NAME`"), "{}", ran.err);
}

/// It had no name of a program, and was asked about before it was refused.
#[test]
fn a_clone_of_a_clone_goes_by_the_command_that_is_named() {
    let shop = Shop::open();
    shop.run("clone create qa").ends(0);
    shop.run("--url sqlite:app_qa.db clone create sub").ends(0);
    let ran = shop.run("--url sqlite:app.db clone delete qa").ends(5);
    let commands = suggested(&ran.err);
    type_in(&shop, &commands[0]).ends(0);
    shop.run("clone delete qa --yes").ends(0);
}

/// It named `database create`, and was refused after that for the run that is open.
#[test]
fn a_restore_into_a_database_that_went_under_a_guard_names_recover() {
    let shop = Shop::open();
    shop.run("guard -- rm app.db").ends(3);
    let commands = suggested(&shop.run("restore --yes").ends(66).err);
    assert!(commands[0].ends_with(" recover"), "{commands:?}");
}

#[test]
fn a_file_that_is_replaced_under_a_guard_is_told_as_that() {
    let shop = Shop::open();
    std::fs::copy(shop.path("app.db"), shop.path("other.db")).unwrap();
    let ran = shop.run("guard -- mv other.db app.db");
    assert!(ran.err.contains("moved or replaced"), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
}

#[test]
fn a_clone_that_failed_is_begun_again_with_all_that_was_said_of_it() {
    let shop = Shop::open();
    let made = shop.run("snapshot create --format json").ends(0).json();
    let name = made["name"].as_str().unwrap();
    std::fs::write(shop.path("mask.sql"), "UPDATE nowhere SET name = 'x';").unwrap();
    let words = format!("clone create qa --from {name} --expires 2d --mask mask.sql");
    let ran = shop.run(&words);
    assert!(ran.err.contains(&format!(" {words}`")), "{}", ran.err);
}
