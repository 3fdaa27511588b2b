//! One file for each message of the macros; what they accept is in everything.rs.
//!
//! The files are compiled in a package of trybuild's own, and the macros look for directories from
//! that package on; so the fixtures are copied there first.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io;
use std::path::Path;

#[test]
fn every_message_marks_the_mistake_and_names_the_remedy() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let package = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    let _ = fs::remove_dir_all(package.join("fixtures"));
    copy(Path::new("fixtures"), &package.join("fixtures")).unwrap();

    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
