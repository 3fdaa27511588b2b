//! Everything that can be written, under lints that leave generated code no freedom.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications
)]
#![deny(clippy::all, clippy::pedantic)]

use mo_migrate::__private::{Body, FileRole, MigrationDef, TransactionMode, ValidatorDef, When};
use mo_migrate::prelude::*;

/// Migrations in a module of their own.
pub mod later {
    use mo_migrate::prelude::*;

    /// An error of the application.
    #[derive(Debug)]
    pub struct Broken;

    impl std::fmt::Display for Broken {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("broken")
        }
    }

    impl std::error::Error for Broken {}

    /// Any error that can be boxed will do.
    ///
    /// # Errors
    /// Always.
    #[migration(version = 1_0, name = "seed the shop", no_transaction)]
    pub async fn seed(db: &mut Session<'_>) -> std::result::Result<(), Broken> {
        let _ = db;
        Err(Broken)
    }

    /// A validator in another module.
    ///
    /// # Errors
    /// Never.
    #[validator(after, timeout = "1h", name = "the shop answers")]
    pub async fn answers(_: &mut Session<'_>) -> Result<Verdict> {
        Ok(Verdict::Pass)
    }
}

#[validator]
async fn no_row_lost(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

#[validator(snapshot, timeout = "500ms")]
pub(crate) async fn whole(_db: &mut Session<'_>) -> Result<Verdict> {
    Ok(Verdict::Pass)
}

/// Adds the category.
#[migration(
    version = 2,
    down = "fixtures/down.sql",
    transaction,
    tables("products", "orders"),
    rebuilds,
    rehearsable,
    checks(
        no_row_lost,
        later::answers,
        rows_unchanged("products"),
        rows_at_least("products", 5),
        rows_exactly("products", 7),
        not_null("products", "category"),
        unique("products", ["name", "maker"]),
        accepted("orders", "state", ["open", "paid"]),
        foreign_keys(),
        foreign_keys("orders"),
        columns_unchanged("products", ["name"]),
        columns_unchanged("products"),
        query_time("SELECT 1", p50 = "5ms", p95 = "50ms", n = 10),
        command("true"),
    ),
)]
async fn add_category(db: &mut Session<'_>) -> Result<()> {
    let _ = db;
    Ok(())
}

#[migration(version = 4)]
async fn r#type(_: &mut Session<'_>) -> Result<()> {
    Ok(())
}

#[migration(version = 5)]
#[cfg(any())]
async fn not_here(_: &mut Session<'_>) -> Result<()> {
    nothing_that_compiles()
}

static MIGRATOR: Migrator = migrations!(
    "fixtures/good" { 1: checks(whole, rows_unchanged("products")), 3: checks() },
    later::seed,
    r#type,
    "fixtures/more",
    add_category,
);

#[test]
fn the_definition_is_what_the_attribute_said() {
    let def = <add_category as MigrationDef>::DEF;
    assert_eq!((def.version, def.name), (2, "add_category"));
    assert_eq!(def.down, Some(("fixtures/down.sql", "DELETE FROM products;\n")));
    assert_eq!(def.transaction, TransactionMode::Transaction);
    assert_eq!(def.tables, ["products", "orders"]);
    assert!(def.rebuilds && def.rehearsable);
    assert_eq!(def.checksum.len(), 64);
    let line = def.location.rsplit_once(':').and_then(|(_, line)| line.parse::<u32>().ok());
    assert!(def.location.contains("everything.rs:") && line > Some(40), "{}", def.location);

    let seed = <later::seed as MigrationDef>::DEF;
    assert_eq!((seed.version, seed.name), (10, "seed the shop"));
    assert_eq!(seed.transaction, TransactionMode::NoTransaction);
    assert!(seed.down.is_none() && seed.tables.is_empty() && !seed.rebuilds && !seed.rehearsable);
    assert_eq!(<r#type as MigrationDef>::DEF.name, "type");
}

#[test]
fn the_validators_are_what_the_attribute_said() {
    let said = |check: mo_migrate::__private::Check| {
        (check.name, check.when, check.timeout.map(|t| t.as_millis()))
    };
    assert_eq!(
        said(<no_row_lost as ValidatorDef>::DEF),
        ("no_row_lost".into(), When::Before, None)
    );
    assert_eq!(
        said(<later::answers as ValidatorDef>::DEF),
        ("the shop answers".into(), When::After, Some(3_600_000))
    );
    assert_eq!(said(<whole as ValidatorDef>::DEF), ("whole".into(), When::Snapshot, Some(500)));
}

#[test]
fn the_ready_checks_have_their_names() {
    let checks = <add_category as MigrationDef>::DEF.checks;
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "no_row_lost",
            "the shop answers",
            "rows_unchanged(products)",
            "rows_at_least(products, 5)",
            "rows_exactly(products, 7)",
            "not_null(products.category)",
            "unique(products, name, maker)",
            "accepted(orders.state, 'open', 'paid')",
            "foreign_keys",
            "foreign_keys(orders)",
            "columns_unchanged(products, name)",
            "columns_unchanged(products)",
            "query_time(p50 < 5ms, p95 < 50ms, n = 10)",
            "command(true)",
        ]
    );
    for check in checks {
        match &check.body {
            Body::Ready(ready) => assert_eq!(ready.to_string(), check.name),
            Body::Command(line) => assert_eq!(line, "true"),
            Body::Rust(_) | Body::Sql(_) => {}
        }
    }
    let after = checks.iter().filter(|check| check.when == When::After).count();
    assert_eq!(after, 3, "the validator, the measurement and the command");
}

#[test]
fn the_set_is_sorted_and_complete() {
    let set = MIGRATOR.static_set().unwrap();
    let functions: Vec<i64> = set.functions.iter().map(|function| function.version).collect();
    assert_eq!(functions, [2, 4, 10]);
    let good = &set.dirs[0];
    assert_eq!(good.path, "fixtures/good");
    assert!(good.absolute.ends_with("fixtures/good"), "{}", good.absolute);
    let files: Vec<_> =
        good.files.iter().map(|file| (file.file, file.role, file.version, file.name)).collect();
    assert_eq!(
        files,
        [
            ("R__views.sql", FileRole::Repeatable, 0, "views"),
            ("always.check.sql", FileRole::Always, 0, "always"),
            ("1_init.check.sql", FileRole::Check, 1, "init"),
            ("1_init.down.sql", FileRole::Down, 1, "init"),
            ("1_init.sql", FileRole::Up, 1, "init"),
            ("V3__rating.sql", FileRole::Up, 3, "rating"),
        ]
    );
    for file in good.files {
        assert!(good.texts.get_file(file.file).is_some(), "{}", file.file);
    }
    assert_eq!(good.texts.files().count(), good.files.len(), "files of others stay out");
    let checksum =
        |name: &str| good.files.iter().find(|file| file.file == name).map(|file| file.checksum);
    assert_eq!(
        checksum("V3__rating.sql"),
        checksum("R__views.sql"),
        "line ends and byte order marks do not count"
    );
    let attached: Vec<_> =
        set.attached.iter().map(|block| (block.version, block.checks.len())).collect();
    assert_eq!(attached, [(1, 2), (3, 0)]);
}
