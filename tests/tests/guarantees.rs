//! docs/guarantees.md names the tests that show each promise: they are there.
#![expect(clippy::unwrap_used, reason = "what can't be read has failed the test")]

use std::collections::BTreeSet;
use std::path::Path;

/// The functions below a `#[test]` or `#[tokio::test]` in this folder and those below it.
fn tests_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let parts = text.split("#[test]").skip(1).chain(text.split("#[tokio::test").skip(1));
            let names = parts.filter_map(|part| part.split_once("fn ")?.1.split('(').next());
            found.extend(names.map(ToOwned::to_owned));
        }
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = BTreeSet::new();
    tests_in(&root.join("tests/tests"), &mut tests);
    tests_in(&root.join("mo-migrate/src"), &mut tests);
    let text = std::fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let rows: Vec<&str> = rows.filter(|line| !line.starts_with("| promise |")).collect();
    assert!(rows.len() > 15, "{rows:?}");
    for row in rows {
        let shown_by = row.trim_end_matches([' ', '|']).rsplit_once(" | ").unwrap().1;
        let named: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test shows this: {row}");
        for test in named {
            assert!(tests.contains(test), "there is no test `{test}`, which is to show: {row}");
        }
    }
}
