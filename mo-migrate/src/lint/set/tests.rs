use super::*;
use crate::migration::MigrationSet;

/// A set of these files, in a folder that goes with it.
fn set(files: &[(&str, &str)]) -> MigrationSet {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    MigrationSet::from_dirs(&[folder.path().to_owned()]).unwrap()
}

fn by(dialects: &[Dialect], files: &[(&str, &str)]) -> Vec<Finding> {
    let set = set(files);
    look_at(&set, &chosen(&set, &Scope::default()).unwrap(), dialects, None)
}

const BOTH: [Dialect; 2] = [Dialect::Sqlite, Dialect::MatrixOne];

#[test]
fn what_both_engines_find_alike_is_one_finding_and_what_one_finds_names_it() {
    let found = by(&BOTH, &[("1_a.sql", "DELETE FROM t;\nALTER TABLE t MODIFY a INT;")]);
    let shown: Vec<_> = found.iter().map(|f| (f.code, f.line, f.engines.join(" "))).collect();
    assert_eq!(
        shown,
        [
            ("DELETE_ALL", Some(1), "sqlite matrixone".to_owned()),
            ("CHANGE_TYPE", Some(2), "matrixone".to_owned())
        ]
    );
}

#[test]
fn a_text_of_one_engine_is_not_held_against_the_other() {
    let found =
        by(&BOTH, &[("1_a.sql", "CREATE TABLE t (a INT);\nINSERT INTO t VALUES ('it\\'s');\n")]);
    assert_eq!(found, []);
    assert_eq!(by(&BOTH, &[("1_a.sql", "PRAGMA user_version = 1;")]), []);
    let found = by(&BOTH, &[("1_a.sql", "nonsense;")]);
    assert_eq!(found[0].code, "NOT_READ");
}

#[test]
fn a_file_that_nobody_can_read_is_a_finding_with_its_line() {
    let found = by(&BOTH, &[("1_a.sql", "SELECT 1;\nSELECT 'a")]);
    assert_eq!((found[0].code, found[0].line, found.len()), ("UNREADABLE", Some(2), 1));
}

#[test]
fn a_file_allows_what_it_has_a_reason_for() {
    let text = "-- mo-migrate: allow DELETE_ALL because the cache is filled again\nDELETE FROM t;\nDROP TABLE t;";
    let found = by(&BOTH, &[("1_a.sql", text)]);
    assert_eq!(found[0].allowed.as_deref(), Some("the cache is filled again"));
    assert_eq!((found[0].counts(), found[1].counts()), (false, true));
    assert_eq!((found[1].code, found[1].line), ("DROP_TABLE", Some(3)));
}

#[test]
fn what_cannot_be_allowed_is_not() {
    let text = "-- mo-migrate: allow TRANSACTION because I say so\nBEGIN;";
    let found = by(&[Dialect::Sqlite], &[("1_a.sql", text)]);
    assert!(found[0].code == "TRANSACTION" && found[0].counts(), "{found:?}");
}

#[test]
fn an_allow_that_overrides_nothing_is_said_with_its_line() {
    let text = "-- first\n-- mo-migrate: allow DROP_TABEL because it is empty\nDROP TABLE t;";
    let found = by(&[Dialect::Sqlite], &[("1_a.sql", text)]);
    let unused = found.iter().find(|f| f.code == "UNUSED_ALLOW").unwrap();
    assert_eq!((unused.line, unused.counts()), (Some(2), false));
    assert_eq!(unused.instead.as_deref(), Some("did you mean `DROP_TABLE`?"));
    let outside =
        "-- mo-migrate: allow NO_WAY_BACK because of `other`\nDELETE FROM other.t WHERE a;";
    assert_eq!(by(&BOTH, &[("1_a.sql", outside)]), []);
}

#[test]
fn migrations_without_a_check_are_said_once() {
    let two = [
        ("1_a.sql", "SELECT 1;"),
        ("2_b.sql", "SELECT 1;"),
        ("2_b.check.sql", "-- check: a\nSELECT 1 WHERE 0;"),
    ];
    let note = |files: &[(&str, &str)]| {
        let set = set(files);
        no_check(&set, &chosen(&set, &Scope::default()).unwrap(), &BOTH)
    };
    let said = note(&two).unwrap();
    assert!(said.message.contains("migration 1 `a`:") && said.place.is_none(), "{said:?}");
    // The command writes the file of the newest one, which has it.
    let instead = said.instead.unwrap();
    assert!(instead.contains("1_a.check.sql") && !instead.contains("new --check"), "{instead}");
    let instead = note(&[two[0]]).unwrap().instead.unwrap();
    assert!(instead.contains("`migrate new --check`"), "{instead}");
    assert_eq!(
        note(&[("1_a.sql", "-- mo-migrate: allow NO_CHECK because it is trivial\nSELECT 1;")]),
        None
    );
    assert_eq!(note(&[two[0], ("always.check.sql", "-- check: a\nSELECT 1 WHERE 0;")]), None);
}

#[test]
fn a_scope_is_some_files_or_what_is_above_a_version() {
    let set = set(&[("1_a.sql", ""), ("2_b.sql", ""), ("2_b.down.sql", ""), ("R__r.sql", "")]);
    let titles = |scope: &Scope| -> Vec<String> {
        chosen(&set, scope).unwrap().iter().map(|migration| migration.title()).collect()
    };
    let above = Scope { above: Some(1), ..Scope::default() };
    assert_eq!(titles(&above), ["2 `b`", "repeatable `r`"]);
    let files = Scope { files: vec!["elsewhere/2_b.down.sql".to_owned()], ..Scope::default() };
    assert_eq!(titles(&files), ["2 `b`"]);
    let wrong = Scope { files: vec!["3_c.sql".to_owned()], ..Scope::default() };
    assert!(chosen(&set, &wrong).is_err());
}

#[test]
fn sarif_has_what_the_standard_requires() {
    let text = "-- mo-migrate: allow DELETE_ALL because it is\nDELETE FROM t;\nDROP TABLE \"[a](http://x)\";";
    let findings = by(&BOTH, &[("1_a b.sql", text)]);
    let mut lint = Lint { engines: Vec::new(), migrations: 1, findings };
    lint.findings.push(finding(Rule::NoCheck, say::no_check(&["1 `a`".to_owned()], None)));
    let document = lint.to_sarif();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Rule::ALL.len());
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 2);
    assert!(
        place["artifactLocation"]["uri"].as_str().unwrap().ends_with("/1_a%20b.sql"),
        "{place}"
    );
    assert_eq!(results[0]["suppressions"][0]["kind"], "inSource");
    assert_eq!(results[0]["suppressions"][0]["justification"], "it is");
    assert!(results[1]["suppressions"].is_null());
    assert!(!results[1]["message"]["text"].as_str().unwrap().contains("]("), "a name is no link");
    assert!(results[2]["locations"].is_null(), "it is said of the whole set");
}

/// The row of a rule in docs/lint.md.
fn row(rule: Rule) -> String {
    format!("| `{}` | {} | {} | {} |", rule.code(), rule.level().as_str(), rule.finds(), rule.why())
}

#[test]
fn the_document_has_every_rule_and_no_other() {
    let document = include_str!("../../../../docs/lint.md");
    for rule in Rule::ALL {
        assert!(
            document.lines().any(|line| line == row(*rule)),
            "docs/lint.md lacks\n{}",
            row(*rule)
        );
    }
    let (_, rules) = document.split_once("## The rules").unwrap();
    let codes = rules.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let unknown: Vec<&str> = codes.filter(|code| Rule::of(code).is_none()).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn what_an_earlier_migration_said_of_a_column_is_known() {
    let first = ("1_a.sql", "CREATE TABLE t (a VARCHAR(20) NOT NULL, b INT);");
    for (second, expected) in [
        ("ALTER TABLE t MODIFY a VARCHAR(40) NOT NULL;", ""),
        ("ALTER TABLE t MODIFY a VARCHAR(10) NOT NULL;", "CHANGE_TYPE"),
        ("ALTER TABLE t MODIFY a VARCHAR(40);", "CHANGE_TYPE"),
        ("ALTER TABLE t MODIFY b INT NOT NULL;", "SET_NOT_NULL"),
    ] {
        let found = by(&[Dialect::MatrixOne], &[first, ("2_b.sql", second)]);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes.join(" "), expected, "{second}");
    }
}

#[test]
fn a_file_in_the_words_of_one_engine_is_not_held_against_the_rules_of_the_other() {
    let text = "ALTER TABLE t ADD COLUMN a INT;\nALTER TABLE t ADD COLUMN b INT;\nPRAGMA user_version = 2;";
    assert_eq!(by(&BOTH, &[("1_a.sql", text)]), []);
    let found = by(&BOTH, &[("1_a.sql", "REPLACE INTO t (a) VALUES (1);")]);
    assert_eq!(found.len(), 1);
    let instead = found[0].instead.as_deref().unwrap();
    assert!(
        instead.contains("ON CONFLICT") && instead.contains("or, on matrixone:\nINSERT"),
        "{instead}"
    );
}
