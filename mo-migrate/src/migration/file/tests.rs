use proptest::prelude::*;

use Dialect::{MatrixOne, Sqlite};

use super::*;

fn parse(text: &str) -> Result<SqlFile, SourceProblem> {
    SqlFile::parse("migrations/1_a.sql", text.as_bytes(), Sqlite)
}

fn statements(file: &SqlFile) -> Vec<(usize, &str)> {
    file.statements.iter().map(|statement| (statement.line, file.sql(statement))).collect()
}

#[test]
fn statements_come_with_their_lines() {
    let file = parse("\u{feff}-- head\nSELECT 1;\r\n\r\n  SELECT\n2; SELECT 3").unwrap();
    assert_eq!(statements(&file), [(2, "SELECT 1"), (4, "SELECT\n2"), (5, "SELECT 3")]);
    assert!(file.text.starts_with("--"));
    assert_eq!(parse("-- nothing\n").unwrap().statements, []);
}

#[test]
fn the_head_is_read() {
    let file = parse(
        "-- mo-migrate: no-transaction\n--mo-migrate:  tables a, \"my b\",`c` \r\n/* x */\n\
         -- mo-migrate: allow NO_WAY_BACK because the file is a log\n-- mo-migrate is fine\nSELECT 1",
    );
    let expected = Directives {
        transaction: TransactionMode::NoTransaction,
        tables: vec!["a".to_owned(), "my b".to_owned(), "c".to_owned()],
        allows: vec![Allow {
            code: "NO_WAY_BACK".to_owned(),
            reason: "the file is a log".to_owned(),
        }],
        foreign_keys_off: false,
    };
    assert_eq!(file.unwrap().directives, expected);
    let mode = |text| parse(text).unwrap().directives.transaction;
    assert_eq!(mode("-- no-transaction\nSELECT 1"), TransactionMode::NoTransaction);
    assert_eq!(mode("-- mo-migrate: transaction"), TransactionMode::Transaction);
    assert_eq!(mode("SELECT 1 -- no-transaction"), TransactionMode::Default);
    assert_eq!(mode("SELECT '\n-- mo-migrate: x'"), TransactionMode::Default);
}

#[test]
fn a_wrong_directive_is_shown_on_its_word() {
    for (text, marked, message, help) in [
        ("-- mo-migrate: no_transaction", "no_transaction", "not known", "`no-transaction`"),
        ("-- mo-migrate: frobnicate x", "frobnicate", "not known", "known are"),
        ("-- mo-migrate:", "", "empty", "known are"),
        ("-- mo-migrate: allow X", "allow X", "`allow X` has no reason", "because"),
        ("-- mo-migrate: allow X because ", "allow X because", "no reason", "because"),
        ("-- mo-migrate: allow because y", "allow because y", "no code", "because"),
        ("-- mo-migrate: tables", "tables", "missing", "tables a, b"),
        ("-- mo-migrate: tables a,", "tables a,", "missing", "tables a, b"),
        ("-- mo-migrate: tables a b", "b", "not a list", "tables a, b"),
        ("-- mo-migrate: tables a;", ";", "not a list", "tables a, b"),
        ("-- mo-migrate: transaction please", " please", "nothing may follow", "comment"),
        (
            "-- mo-migrate: transaction\n-- mo-migrate: no-transaction",
            "no-transaction",
            "both",
            "one",
        ),
        ("-- no-transaction\n-- mo-migrate: transaction", "transaction", "both", "one"),
        ("-- mo-migrate tables a", "-- mo-migrate tables a", "colon", "`-- mo-migrate: tables a`"),
        ("SELECT 1;\n-- mo-migrate: transaction", "-- mo-migrate: transaction", "below", "head"),
        ("SELECT -- mo-migrate: x\n1", "-- mo-migrate: x", "below", "head"),
    ] {
        let problem = parse(text).unwrap_err();
        assert_eq!(&problem.text[problem.span.clone()], marked, "{text}: {problem}");
        assert!(problem.message.contains(message), "{text}: {problem}");
        assert!(problem.help.as_deref().unwrap_or_default().contains(help), "{problem:?}");
        assert_eq!(problem.path, "migrations/1_a.sql");
    }
}

#[test]
fn foreign_keys_off_is_a_wish_and_no_statement() {
    let file = parse("PRAGMA foreign_keys=OFF;\nSELECT 1;\npragma foreign_keys(true);").unwrap();
    assert_eq!(statements(&file), [(2, "SELECT 1")]);
    assert!(file.directives.foreign_keys_off);
    for text in ["PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "PRAGMA cache_size = 0"] {
        let file = parse(text).unwrap();
        assert_eq!((file.statements.len(), file.directives.foreign_keys_off), (1, false), "{text}");
    }
}

#[test]
fn transaction_control_is_refused_with_its_place() {
    let file = parse("SELECT 'COMMIT';\n  begin  immediate;").unwrap();
    let problem = file.transaction_control(Sqlite).unwrap();
    assert_eq!(
        problem.to_string().split(" cannot").next(),
        Some("migrations/1_a.sql:2:3: `BEGIN IMMEDIATE`")
    );
    assert!(problem.help.unwrap().contains("no-transaction"));
    let file = parse("-- no-transaction\nCOMMIT").unwrap();
    assert!(
        file.transaction_control(Sqlite).unwrap().help.unwrap().contains("one statement at a time")
    );
    let trigger = "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END;";
    assert_eq!(parse(trigger).unwrap().transaction_control(Sqlite), None);
}

#[test]
fn bytes_that_are_not_utf8_are_a_problem_with_their_line() {
    let problem = SqlFile::parse("a.sql", b"SELECT 1;\n-- caf\xe9\n", MatrixOne).unwrap_err();
    assert_eq!(problem.to_string(), "a.sql:2:7: the byte 0xe9 is not UTF-8");
    let problem = SqlFile::parse("a.sql", b"\xff\xfeS\0", Sqlite).unwrap_err();
    assert!(problem.message.contains("UTF-16"));
    assert!(!problem.render(false).is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_a_file_or_a_problem(bytes in any::<Vec<u8>>()) {
        let _ = SqlFile::parse("a.sql", &bytes, Sqlite).map_err(|problem| problem.render(true));
    }

    #[test]
    fn any_head_is_read_or_refused(words in "(-- mo-migrate:|-- no-transaction|tables|allow|because|[,\"`\n; é]){0,12}") {
        for dialect in [Sqlite, MatrixOne] {
            match SqlFile::parse("a.sql", words.as_bytes(), dialect) {
                Ok(file) => prop_assert!(file.statements.iter().all(|one| !file.sql(one).is_empty())),
                Err(problem) => prop_assert!(problem.text.get(problem.span.clone()).is_some()),
            }
        }
    }
}
