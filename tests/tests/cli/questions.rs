//! `plan`, `status`, `history`, `validate`, `verify` and `diff`.

use std::process::Command;

use crate::shop::{LOSES_ONE, NONE_LOST, PRODUCTS, Ran, Shop};

#[test]
fn plan_shows_every_statement_with_its_line_and_what_guards_it() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    shop.write("2_enhance.check.sql", NONE_LOST);
    let ran = shop.run("plan").ends(0);
    for words in [
        "2 enhance",
        "1 ALTER TABLE",
        "2 DELETE FROM",
        "no product is lost",
        "before the commit",
        "ring 1: one transaction",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert_eq!(ran.last_line(), "1 migration would run: 1 → 2");
    assert_eq!(shop.run("up --dry-run").ends(0).out, ran.out);
    let document = shop.run("plan --format json").ends(0).json();
    assert_eq!(document["migrations"][0]["statements"][1]["line"], 2);
    assert_eq!(document["guard"]["ring"], 1);
}

#[test]
fn plan_says_why_a_transaction_is_not_enough() {
    let shop = Shop::new(&[("1_a.sql", "-- mo-migrate: no-transaction\nVACUUM;")]);
    let ran = shop.run("plan").ends(0);
    assert!(
        ran.out.contains("ring 2")
            && ran.out.contains("migration 1 `a` runs outside of a transaction"),
        "{}",
        ran.out
    );
    assert!(!shop.path("app.db").exists(), "a question makes no database");
}

#[test]
fn status_tells_what_is_applied_and_pending() {
    let shop = Shop::new(&[("1_create_products.sql", PRODUCTS)]);
    assert!(shop.run("status").ends(0).last_line().starts_with("no database yet"));
    shop.run("status --exit-code").ends(1);
    shop.run("up").ends(0);
    shop.run("status --exit-code").ends(0);
    shop.write("2_enhance.sql", LOSES_ONE);
    let ran = shop.run("status --exit-code").ends(1);
    assert!(ran.last_line().starts_with("pending: version 1, the set has 2"), "{}", ran.out);
    let document = shop.run("status --format json").ends(0).json();
    assert_eq!(
        (&document["state"], &document["pending"][0]["version"]),
        (&"pending".into(), &2.into())
    );
}

/// Hints of commands that need no migrations name `status`.
#[test]
fn status_answers_where_no_migrations_are() {
    let shop = Shop::open();
    std::fs::remove_dir_all(shop.path("migrations")).unwrap();
    let ran = shop.run("status").ends(0);
    assert!(ran.last_line().starts_with("no migrations: version 1  ("), "{}", ran.out);
    for words in ["create_products", "there is no directory `migrations`", "`--dir`"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    shop.run("status --exit-code").ends(1);
    let document = shop.run("status --format json").ends(0).json();
    assert_eq!(
        (&document["state"], &document["findings"]),
        (&"no_migrations".into(), &serde_json::json!([]))
    );
    let ran = shop.run("--url sqlite:none.db status").ends(0);
    assert!(ran.last_line().starts_with("no database yet"), "{}", ran.out);
    // What would be done needs them still.
    shop.run("plan").ends(66);
}

#[test]
fn history_has_versions_and_runs() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    shop.write("2_enhance.check.sql", NONE_LOST);
    shop.run("up").ends(2);
    let ran = shop.run("history").ends(0);
    assert!(ran.out.contains("create_products") && ran.out.contains("rolled back"), "{}", ran.out);
    let document = shop.run("history --format json").ends(0).json();
    assert_eq!(document["applied"].as_array().unwrap().len(), 1);
    let outcomes: Vec<_> =
        document["runs"].as_array().unwrap().iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(outcomes, ["rolled_back", "applied"]);
    assert_eq!(document["runs"][0]["error"]["code"], "MM0204");
}

#[test]
fn validate_finds_what_differs_and_what_cannot_be_read() {
    let shop = Shop::open();
    assert_eq!(shop.run("validate").ends(0).out, "valid\n");
    shop.write("1_create_products.sql", &PRODUCTS.replace("Mouse", "Mice"));
    shop.write("2_bad.sql", "SELECT 'not closed");
    let ran = shop.run("validate").ends(1);
    assert!(
        ran.out.contains("changed after it was applied") && ran.out.contains("2_bad.sql:1"),
        "{}",
        ran.out
    );
    let document = shop.run("validate --format json").ends(1).json();
    assert_eq!(
        (&document["valid"], &document["findings"][0]["finding"]),
        (&false.into(), &"changed".into())
    );
}

#[test]
fn verify_runs_the_checks_on_the_database_as_it_is() {
    let shop = Shop::open();
    shop.write(
        "1_create_products.check.sql",
        "-- check: all have names\nSELECT id FROM products WHERE name = '';\n",
    );
    assert!(shop.run("verify").ends(0).out.contains("✓ all have names"));
    shop.sql("UPDATE products SET name = '' WHERE id = 2");
    let ran = shop.run("verify").ends(1);
    assert!(ran.out.contains("✗ all have names") && ran.out.contains("id = 2"), "{}", ran.out);
    let document = shop.run("verify --format json").ends(1).json();
    assert_eq!(
        (&document["holds"], &document["checks"][0]["verdict"]),
        (&false.into(), &"fail".into())
    );
}

/// The id of a second run, which loses a product and is restored.
fn restored(shop: &Shop) -> String {
    shop.write("2_enhance.sql", &format!("-- mo-migrate: no-transaction\n{LOSES_ONE}"));
    shop.write("2_enhance.check.sql", NONE_LOST);
    let document = shop.run("up --proof-limit 1 --format json").ends(2).json();
    assert_eq!(document["restore"]["proof"], "counts");
    document["run"].as_str().unwrap().to_owned()
}

#[test]
fn verify_of_a_run_completes_its_proof() {
    let shop = Shop::open();
    let run = restored(&shop);
    let ran = shop.run(&format!("verify {run}")).ends(0);
    assert_eq!(ran.out, "  ✓  products  3 rows\nidentical: as it is now, all contents; 3 rows\n");
    shop.sql("UPDATE products SET name = 'Rat' WHERE id = 2");
    let ran = shop.run(&format!("verify {run}")).ends(1);
    assert!(ran.out.contains("✗  products  1 row differs"), "{}", ran.out);
    assert!(ran.last_line().contains("may be somebody's later write"), "{}", ran.out);
    let document = shop.run(&format!("verify {run} --format json")).ends(1).json();
    assert_eq!(
        (&document["holds"], &document["as_of"], &document["proof"]),
        (&false.into(), &"now".into(), &"contents".into())
    );
    shop.run("verify nothing").ends(66);
    let first = shop.run("history --format json").ends(0).json();
    let first = first["runs"][1]["run"].as_str().unwrap().to_owned();
    assert!(shop.run(&format!("verify {first}")).ends(5).err.contains("brought nothing back"));
}

#[test]
fn diff_shows_the_rows_with_what_became_of_them() {
    let shop = Shop::open();
    let run = restored(&shop);
    let ran = shop.run(&format!("diff {run}")).ends(1);
    assert!(ran.out.contains("products  1 row removed, with category"), "{}", ran.out);
    assert!(ran.out.contains("    - id = 3, name = \"Mechanical Keyboard\"\n"), "{}", ran.out);
    assert!(ran.last_line().ends_with("1 row in 1 table; whose they are can't be told"));
    let ran = shop.run(&format!("diff {run} --limit 0")).ends(1);
    assert!(ran.out.contains("… and 1 more, without `--limit`"), "{}", ran.out);
    let document = shop.run(&format!("diff {run} --format json")).ends(1).json();
    assert_eq!(
        (&document["tables"][0]["rows"][0]["change"], &document["told_apart"]),
        (&"removed".into(), &false.into())
    );
    shop.run("diff nothing").ends(66);
    shop.remove("2_enhance.check.sql");
    shop.write("2_enhance.sql", "UPDATE products SET name = name;");
    let applied = shop.run("up --format json").ends(0).json();
    let applied = applied["run"].as_str().unwrap();
    assert!(shop.run(&format!("diff {applied}")).ends(0).out.starts_with("no difference"));
    shop.sql("UPDATE products SET name = 'Rat' WHERE id = 2");
    let ran = shop.run(&format!("diff {applied}")).ends(1);
    assert!(ran.out.contains("~ id = 2, name = \"Mouse\" → \"Rat\""), "{}", ran.out);
}

const QUESTIONS: [&str; 7] =
    ["status", "plan", "history", "validate", "snapshot list", "report", "report --format html"];

#[test]
fn questions_leave_every_file_as_it_is() {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    let before = shop.files();
    for question in QUESTIONS {
        shop.run(question).ends(0);
        assert!(before == shop.files(), "`{question}` changed a file");
    }
}

/// A bind mount that can't be written binds root too; where none can be made, permissions do.
#[test]
fn questions_work_where_nothing_can_be_written() {
    let shop = Shop::open();
    let folder = shop.path("");
    let script = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,ro,bind '{0}' && cd '{0}' && ! touch probe 2>/dev/null || exit 99; ",
        folder.display()
    );
    for question in QUESTIONS {
        let words = format!("{script} exec '{}' {question}", crate::shop::PROGRAM);
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", &words])
            .env("DATABASE_URL", "sqlite:app.db");
        let ran = command.output().map(|output| Ran::of(&output));
        match ran {
            Ok(ran) if ran.code != 99 && !ran.err.contains("unshare") => drop(ran.ends(0)),
            _ => return without_permissions(&shop),
        }
    }
}

fn without_permissions(shop: &Shop) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |mode| {
        std::fs::set_permissions(shop.path(""), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o555);
    let all: Vec<Ran> = QUESTIONS.iter().map(|question| shop.run(question)).collect();
    mode(0o755);
    for ran in all {
        ran.ends(0);
    }
}
