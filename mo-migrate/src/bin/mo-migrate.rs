//! The stand-alone command: the migrations of a directory, `migrations` unless `--dir` says otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    mo_migrate::cli::Cli::from_dir("migrations").run()
}
