//! A file that is added to the migrations is compiled in.

fn main() {
    for directory in ["migrations", "rollback_demo"] {
        // For cargo alone, which reads the standard output of a build script.
        let line = format!("cargo::rerun-if-changed={directory}\n");
        let _ = std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes());
    }
}
