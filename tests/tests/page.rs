//! The page of a run in a real browser: at the width of a phone and of a desk, in both colours, and
//! printed. Skipped, with a line that says so, where chromium is not installed.
//!
//! `MO_MIGRATE_PICTURES=FOLDER` keeps a picture of each, in base 64.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::Command;

use mo_migrate::Migrator;
use mo_migrate_tests::browser::Browser;
use mo_migrate_tests::{Fixture, Journal};

const WIDTHS: [u32; 3] = [320, 375, 1440];

/// Nothing is wider than the window; what is wider scrolls within its box.
const TOO_WIDE: &str = "[...document.querySelectorAll('body *')].filter(e => !e.closest('.box > *') \
    && !e.closest('.unseen') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))";

const HOSTILE: &str = "<script>document.title = 'taken'</script>\"'&";

fn migrate(shop: &Fixture) -> Migrator {
    shop.migrator().attended(true)
}

/// A shop with a wide table, a long name and names that would like to be tags.
async fn shop() -> Fixture {
    let shop = Fixture::new(Journal::Wal);
    let long = "a_name_that_is_as_long_as_names_of_tables_become_when_several_people_have_had_a_hand_in_it";
    let columns: Vec<String> = (0..14).map(|n| format!("column_number_{n} TEXT")).collect();
    shop.file(
        "1_shop.sql",
        &format!(
            "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price DECIMAL(10,2));
             CREATE TABLE {long} (id INTEGER PRIMARY KEY, {});
             CREATE TABLE \"{}\" (id INTEGER PRIMARY KEY, \"{}\" TEXT);
             INSERT INTO products (name, price) VALUES ('Laptop', 1500), ('Mouse', 30), ('<b>Hub</b>', 12);
             INSERT INTO {long} (column_number_0) VALUES ('{}'), (NULL);
             INSERT INTO \"{}\" DEFAULT VALUES;",
            columns.join(", "),
            HOSTILE.replace('"', "\"\""),
            HOSTILE.replace('"', "\"\""),
            "x".repeat(300),
            HOSTILE.replace('"', "\"\""),
        ),
    );
    migrate(&shop).run(shop.address()).await.unwrap();
    shop.file(
        "2_more.sql",
        &format!(
            "ALTER TABLE products ADD COLUMN category TEXT DEFAULT 'Electronics';
             ALTER TABLE {long} ADD COLUMN one_more TEXT;
             UPDATE \"{0}\" SET id = id + 1;
             DELETE FROM products WHERE id = 3;
             CREATE INDEX by_name ON products (name);",
            HOSTILE.replace('"', "\"\"")
        ),
    );
    shop.file(
        "2_more.check.sql",
        &format!(
            "-- check(after): three products
             SELECT count(*) AS found, NULL AS nobody, '' AS blank FROM products HAVING count(*) <> 3;
             -- check(after): nothing is too long
             SELECT * FROM {long};
             -- check: prices are not negative
             SELECT id FROM products WHERE price < 0;
             -- check(after): somebody else writes meanwhile
             -- command: {}\n",
            shop.shell("INSERT INTO products (name) VALUES ('Lamp')")
        ),
    );
    shop
}

/// Runs of all sorts, each as a page: its name and its file.
async fn pages(shop: &Fixture) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut write = async |name: &'static str| {
        let report = migrate(shop).report(shop.address(), None).await.unwrap();
        let file = shop.folder().join(format!("{name}.html"));
        std::fs::write(&file, report.to_html()).unwrap();
        found.push((name, format!("file://{}", file.display())));
    };
    write("applied").await;
    migrate(shop).run(shop.address()).await.unwrap_err();
    write("restored").await;
    shop.file("2_more.check.sql", "-- check: no\nSELECT id FROM products");
    migrate(shop).run(shop.address()).await.unwrap_err();
    write("rolled_back").await;
    let tables = (0..300).map(|n| format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY);\n"));
    shop.remove("2_more.check.sql");
    shop.file("2_more.sql", &tables.collect::<String>());
    migrate(shop).run(shop.address()).await.unwrap();
    write("large").await;
    migrate(shop).restore(shop.address(), None).await.unwrap();
    write("by_hand").await;
    let words = ["sh", "-c", "echo 300 of 1000 rows; echo '<b>no such file</b>' >&2; exit 7"];
    migrate(shop).guard("import").command(shop.address(), words).await.unwrap_err();
    write("guarded").await;
    shop.file("2_more.sql", "-- mo-migrate: no-transaction\nUPDATE products SET price = 1;");
    let died = Command::new(env!("CARGO_BIN_EXE_die_at"))
        .args([&shop.address(), shop.migrations().to_str().unwrap(), "applied:2"])
        .output();
    assert!(died.unwrap().stdout.is_empty());
    write("open").await;
    migrate(shop).recover(shop.address()).await.unwrap().unwrap();
    write("recovered").await;
    found
}

fn keep_picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("MO_MIGRATE_PICTURES") {
        let file = std::path::Path::new(&folder).join(format!("{name}.png.b64"));
        std::fs::write(file, browser.picture()).unwrap();
    }
}

#[tokio::test]
async fn a_page_is_readable_at_every_width_and_asks_for_nothing() {
    let Some(mut browser) = Browser::start() else {
        let _ = writeln!(std::io::stderr(), "skipped: chromium is not installed");
        return;
    };
    let shop = shop().await;
    for (name, address) in pages(&shop).await {
        for width in WIDTHS {
            for colours in ["light", "dark"] {
                browser.open(&address, width, colours);
                let what = format!("{name} at {width} in {colours}");
                let wide = browser.value("document.documentElement.scrollWidth");
                assert!(wide.as_u64().unwrap() <= u64::from(width), "{what} scrolls to {wide}");
                assert_eq!(browser.value(TOO_WIDE), serde_json::json!([]), "{what}");
                assert_eq!(browser.asked_for(), [""; 0], "{what}");
                let scripts = browser.value("document.scripts.length");
                assert_eq!(scripts, 0, "{what}");
                assert_ne!(browser.value("document.title"), "taken", "{what}");
                keep_picture(&mut browser, &format!("{name}-{width}-{colours}"));
            }
        }
    }
}

#[tokio::test]
async fn a_page_has_both_colours_and_is_printed_in_the_light_ones() {
    let Some(mut browser) = Browser::start() else {
        let _ = writeln!(std::io::stderr(), "skipped: chromium is not installed");
        return;
    };
    let shop = shop().await;
    let (_, address) = pages(&shop).await.swap_remove(1);
    let ink = "getComputedStyle(document.body).color";
    let overflow = "getComputedStyle(document.querySelector('.box')).overflowX";
    browser.open(&address, 800, "light");
    let light = browser.value(ink);
    assert_eq!(browser.value(overflow), "auto");
    browser.media("screen", "dark");
    assert_ne!(browser.value(ink), light);
    browser.media("print", "dark");
    assert_eq!(browser.value(ink), light, "paper is light");
    assert_eq!(browser.value(overflow), "visible", "paper does not scroll");
    let wide = browser.value("document.documentElement.scrollWidth");
    assert!(wide.as_u64().unwrap() <= 800, "paper is not {wide} wide");
    keep_picture(&mut browser, "printed");
}
