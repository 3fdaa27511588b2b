//! The stand-alone command, for the tests to start: the same as the binary of the package.

use std::process::ExitCode;

fn main() -> ExitCode {
    mo_migrate::cli::Cli::from_dir("migrations").run()
}
