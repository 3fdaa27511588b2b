//! The corpora of the fuzz targets, as ordinary tests: what a fuzzer has found stays found.
#![expect(clippy::print_stdout, reason = "the harness shows it where the test fails")]

use std::path::Path;

use mo_migrate_tests::fuzzing::TARGETS;

#[test]
fn every_text_of_the_corpora_keeps_the_promises() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, target) in TARGETS {
        let mut files: Vec<_> =
            seeds.join(name).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 10, "the corpus of `{name}` has {} texts", files.len());
        for file in files {
            // Its name is shown where the target panics.
            println!("{}", file.display());
            target(&std::fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let path = format!("fuzz_targets/{name}.rs");
        assert!(manifest.contains(&format!("path = \"{path}\"")), "{name}");
        let program = std::fs::read_to_string(fuzz.join(path)).unwrap();
        assert!(program.contains(&format!("fuzzing::{name}(")), "{program}");
    }
    assert_eq!(fuzz.join("seeds").read_dir().unwrap().count(), TARGETS.len());
}
