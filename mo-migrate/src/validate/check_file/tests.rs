use std::time::Duration;

use proptest::prelude::*;

use super::*;
use Dialect::{MatrixOne, Sqlite};

fn read(text: &str) -> Result<Vec<Check>, SourceProblem> {
    parse("migrations/1_a.check.sql", text.as_bytes(), Sqlite)
}

fn one(text: &str) -> Check {
    let mut checks = read(text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    assert_eq!(checks.len(), 1, "{text}");
    checks.remove(0)
}

fn sql(check: &Check) -> &str {
    match &check.body {
        Body::Sql(sql) | Body::Command(sql) | Body::Ready(Ready::QueryTime { sql, .. }) => sql,
        Body::Ready(_) | Body::Rust(_) => "",
    }
}

/// The example of the design, with its explanations.
const EXAMPLE: &str = "\u{feff}-- how the shop is checked
-- check: no product is lost
SELECT b.id, b.name FROM {{before.products}} b LEFT JOIN products p ON p.id = b.id WHERE p.id IS NULL;
-- check(after): the shop answers            -- after the commit
-- command: curl -fsS http://127.0.0.1:8080/health
-- check(snapshot, timeout = 1m 30s): the snapshot is whole    -- runs on the clone
SELECT 1 WHERE (SELECT count(*) FROM products) <> 5;
-- check: rows_unchanged(products)           -- ready ones
-- check: query_time(p95 < 50ms, n = 20) SELECT * FROM products;  -- and more
";

#[test]
fn the_example_is_read() {
    for dialect in [Sqlite, MatrixOne] {
        let checks = parse("a.check.sql", EXAMPLE.as_bytes(), dialect).unwrap();
        let told: Vec<_> =
            checks.iter().map(|check| (&*check.name, check.when, sql(check))).collect();
        assert_eq!(told[0].0, "no product is lost");
        assert!(told[0].1 == When::Before && told[0].2.ends_with("p.id IS NULL"));
        let health = "curl -fsS http://127.0.0.1:8080/health";
        assert_eq!(told[1], ("the shop answers", When::After, health));
        let count = "SELECT 1 WHERE (SELECT count(*) FROM products) <> 5";
        assert_eq!(told[2], ("the snapshot is whole", When::Snapshot, count));
        assert_eq!(checks[2].timeout, Some(Duration::from_secs(90)));
        assert_eq!(told[3], ("rows_unchanged(products)", When::Before, ""));
        let query = "SELECT * FROM products";
        assert_eq!(told[4], ("query_time(p95 < 50ms, n = 20)", When::After, query));
        assert_eq!(told.len(), 5);
    }
}

#[test]
fn a_backslash_in_a_name_is_one_on_every_engine() {
    for dialect in [Sqlite, MatrixOne] {
        let checks = parse("a", br#"-- check: not_null("a\b".`c\n`)"#, dialect).unwrap();
        let expected = Ready::NotNull { table: r"a\b".into(), column: r"c\n".into() };
        assert!(matches!(&checks[0].body, Body::Ready(ready) if *ready == expected), "{dialect:?}");
    }
}

#[test]
fn ready_checks_are_read_and_written_back() {
    for (line, name) in [
        ("rows_unchanged(products)", "rows_unchanged(products)"),
        ("rows_unchanged ( [my t] )", "rows_unchanged(\"my t\")"),
        ("rows_at_least(products, 5)", "rows_at_least(products, 5)"),
        ("rows_exactly(`products`,7)", "rows_exactly(products, 7)"),
        ("not_null(products.category)", "not_null(products.category)"),
        ("not_null(products, \"a.b\")", "not_null(products.\"a.b\")"),
        ("unique(products.name)", "unique(products.name)"),
        ("unique(products, a, b)", "unique(products, a, b)"),
        ("accepted(p.c, 'it''s', 2, -3.5)", "accepted(p.c, 'it''s', '2', '-3.5')"),
        ("accepted(p, c, 'a)--')", "accepted(p.c, 'a)--')"),
        ("foreign_keys", "foreign_keys"),
        ("foreign_keys() -- all", "foreign_keys"),
        ("foreign_keys(products)", "foreign_keys(products)"),
        ("columns_unchanged(products)", "columns_unchanged(products)"),
        ("columns_unchanged(products, price, stock)", "columns_unchanged(products, price, stock)"),
    ] {
        let check = one(&format!("-- check: {line}\n"));
        assert_eq!((check.name.as_ref(), named(&check).as_str()), (name, name), "{line}");
        let again = one(&format!("-- check: {name}"));
        assert_eq!(format!("{:?}", again.body), format!("{:?}", check.body), "{line}");
    }
    let several =
        read("-- check: foreign_keys\n-- check: rows_unchanged(a)\n-- check: unique(a.b)");
    assert_eq!(several.unwrap().len(), 3);
}

#[test]
fn a_measurement_takes_its_query_from_its_line_or_from_below() {
    for text in [
        "-- check: query_time(p50 < 1.5s) SELECT 1;",
        "-- check(after): query_time(p50 < 1.5s)  -- why\nSELECT 1",
        "-- check: query_time(p50 < 1.5s, n = 20)\n\nSELECT 1 -- what\n;\n",
    ] {
        let check = one(text);
        assert_eq!((sql(&check), check.when), ("SELECT 1", When::After), "{text}");
        assert_eq!(check.name, "query_time(p50 < 1.5s, n = 20)");
    }
}

#[test]
fn names_and_options_are_free_in_form() {
    for (text, name, when) in [
        ("--CHECK:x\nSELECT 1", "x", When::Before),
        ("-- check ( After ) : a -- b\nSELECT 1", "a", When::After),
        (
            "-- check(before): unique names of products\nVALUES (1);",
            "unique names of products",
            When::Before,
        ),
        (
            "-- check(): well-known--name\nWITH a AS (SELECT 1) SELECT * FROM a",
            "well-known--name",
            When::Before,
        ),
        (
            "-- check: no_product_lost(v2)\nSELECT ';' -- check the rest\n",
            "no_product_lost(v2)",
            When::Before,
        ),
    ] {
        let check = one(text);
        assert_eq!((check.name.as_ref(), check.when), (name, when), "{text}");
        assert_eq!(named(&check), name);
    }
    assert!(read("").unwrap().is_empty());
    assert!(read("-- nothing yet\n").unwrap().is_empty());
    let missing_semicolon = read("-- check: a\nSELECT 1\n-- check: b\nSELECT 2").unwrap();
    assert_eq!(missing_semicolon.iter().map(sql).collect::<Vec<_>>(), ["SELECT 1", "SELECT 2"]);
}

#[test]
fn what_is_no_check_is_shown_with_the_right_form() {
    for (text, marked, message) in [
        ("SELECT 1;\n-- check: a\nSELECT 2", "SELECT 1", "before the first check"),
        ("-- command: x\n", "-- command: x", "before the first check"),
        ("-- check: a", "a", "no SELECT"),
        ("-- check: nosuch(products)", "nosuch(products)", "no ready check"),
        ("-- check: a\nSELECT 1; SELECT 2", "SELECT 2", "more than one statement"),
        ("-- check: a\nDELETE FROM t", "DELETE FROM t", "this is `DELETE`"),
        (
            "-- check: a\nWITH x AS (SELECT 1) DELETE FROM t",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "cannot write",
        ),
        ("-- check: a\nSELECT load_extension('x')", "SELECT load_extension('x')", "cannot change"),
        ("-- check: a\nCOMMIT", "COMMIT", "this is `COMMIT`"),
        ("-- check: a\nSELECT {{after.t}}", "{{after.t}}", "not known"),
        ("-- check(snapshot): a\nSELECT * FROM {{before.t}}", "{{before.t}}", "no state before"),
        ("-- check(snapshot): rows_unchanged(t)", "rows_unchanged(t)", "no state before"),
        ("-- check(snapshot): a\n-- command: x", "snapshot", "after the commit"),
        ("-- check(before): a\n-- command: x", "before", "after the commit"),
        ("-- check: a\n-- command:", "-- command:", "empty"),
        ("-- check: a\n-- command: x\n-- command: y", "-- command: y", "more than one command"),
        ("-- check: a\n-- command: x\nSELECT 1", "-- command: x", "both"),
        ("-- check: rows_unchanged(t)\nSELECT 1", "SELECT 1", "has a statement below"),
        ("-- check: rows_unchanged(t)\n-- command: x", "-- command: x", "has a command below"),
        ("-- check: rows_unchanged(t) SELECT 1", "SELECT 1", "nothing may follow"),
        ("-- check: rows_unchanged", "rows_unchanged", "not a form"),
        ("-- check: rows_unchanged(a.b)", "rows_unchanged(a.b)", "not a form"),
        ("-- check: rows_unchanged(a", "rows_unchanged(a", "not a form"),
        ("-- check: rows_unchanged(a -- b)", "rows_unchanged(a", "not a form"),
        ("-- check: rows_at_least(a, -1)", "rows_at_least(a, -1)", "not a form"),
        (
            "-- check: rows_exactly(a, 99999999999999999999)",
            "rows_exactly(a, 99999999999999999999)",
            "not a form",
        ),
        ("-- check: unique(a)", "unique(a)", "not a form"),
        ("-- check: accepted(a.b)", "accepted(a.b)", "not a form"),
        ("-- check: accepted(a.b, c)", "accepted(a.b, c)", "not a form"),
        ("-- check: not_null(a.b, c)", "not_null(a.b, c)", "not a form"),
        ("-- check: rows_unchangd(a)", "rows_unchangd", "no ready check"),
        ("-- check: query_time(p95 < 50) SELECT 1", "query_time(p95 < 50) SELECT 1", "not a form"),
        ("-- check: query_time(n = 5) SELECT 1", "query_time(n = 5) SELECT 1", "not a form"),
        (
            "-- check: query_time(p95 < 5ms, n = 0) SELECT 1",
            "query_time(p95 < 5ms, n = 0) SELECT 1",
            "not a form",
        ),
        ("-- check: query_time(p95 < 5ms)", "query_time(p95 < 5ms)", "no SELECT"),
        ("-- check: query_time(p95 < 5ms) SELECT 1;\nSELECT 2", "SELECT 2", "more than one"),
        ("-- check(before): query_time(p95 < 5ms) SELECT 1", "before", "after the commit"),
        ("-- check(aftr): a\nSELECT 1", "aftr", "did you mean `after`"),
        ("-- check(after, before): a\nSELECT 1", "before", "said twice"),
        ("-- check(timeout = 5): a\nSELECT 1", "timeout = 5", "no time"),
        ("-- check(timeout = -5s): a\nSELECT 1", "timeout = -5s", "no time"),
        ("-- check(timeout=1s,timeout=2s): a\nSELECT 1", "timeout=2s", "said twice"),
        ("-- check(after = 3): a\nSELECT 1", "after = 3", "has no value"),
        ("-- check(after) a\nSELECT 1", "-- check(after) a", "no colon"),
        ("-- check(after: a\nSELECT 1", "-- check(after: a", "not closed"),
        ("-- check:\nSELECT 1", "-- check:", "no name"),
        ("-- checks: a\nSELECT 1", "-- checks: a", "`checks:` is not known"),
        ("-- check: a\n-- comand: x", "-- comand: x", "`comand:` is not known"),
        ("-- check: a\nSELECT 'x", "'x", "not closed"),
        ("-- check: a\nSELECT 'x\n-- check: b\nSELECT 2", "'x", "not closed"),
    ] {
        let problem = read(text).err().unwrap_or_else(|| panic!("taken for right: {text}"));
        assert_eq!(&problem.text[problem.span.clone()], marked, "{text}: {problem}");
        assert!(problem.message.contains(message), "{text}: {problem}");
        assert!(
            problem
                .help
                .as_deref()
                .is_some_and(|help| help.contains('`') || help.contains("SELECT")),
            "{problem:?}"
        );
        assert_eq!(problem.path, "migrations/1_a.check.sql", "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_checks_or_a_problem(bytes in any::<Vec<u8>>()) {
        let _ = parse("a", &bytes, Sqlite).map_err(|problem| problem.render(true));
    }

    #[test]
    fn any_words_are_checks_or_a_problem(
        text in "(-- check|-- command:|\\(after\\)|: |unique|accepted|query_time|foreign_keys|p95 < 5ms|SELECT 1|[(),.;'\"`\n\\[\\]é -]|\\{\\{before.t\\}\\}|timeout = ){0,20}",
    ) {
        for dialect in [Sqlite, MatrixOne] {
            match parse("a", text.as_bytes(), dialect) {
                Ok(checks) => prop_assert!(checks.iter().all(|check| !check.name.is_empty())),
                Err(problem) => {
                    prop_assert!(problem.text.get(problem.span.clone()).is_some(), "{:?}", problem);
                    prop_assert!(problem.help.is_some(), "{:?}", problem);
                }
            }
        }
    }

    #[test]
    fn the_form_of_a_ready_check_reads_back(
        table in "[a-z \"'.$-]{1,8}", column in "[a-zé,()-]{1,8}", value in "[a-z'\\\\,)-]{0,8}", n in 1u32..99, nanos in 1u64..9_000_000_000_000,
    ) {
        let columns = vec![column.clone().into(), table.clone().into()];
        for ready in [
            Ready::RowsAtLeast { table: table.clone().into(), rows: u64::from(n) },
            Ready::Unique { table: table.clone().into(), columns: columns.into() },
            Ready::Accepted { table: table.into(), column: column.into(), values: vec![value.into()].into() },
            Ready::QueryTime { sql: "SELECT 1".into(), p50: None, p95: Some(Duration::from_nanos(nanos)), n },
        ] {
            let query = if matches!(ready, Ready::QueryTime { .. }) { " SELECT 1" } else { "" };
            let text = format!("-- check: {}{query}", ready::form(&ready));
            let checks = read(&text).unwrap_or_else(|problem| panic!("{problem} {text}"));
            prop_assert!(matches!(&checks[0].body, Body::Ready(read) if *read == ready), "{}", text);
        }
    }
}

/// A ready check's form, and any other's name.
fn named(check: &Check) -> String {
    match &check.body {
        Body::Ready(ready) => ready.to_string(),
        _ => check.name.clone().into_owned(),
    }
}
