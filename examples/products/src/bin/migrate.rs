//! The `migrate` command of this application.

use std::process::ExitCode;

use mo_migrate::cli::Cli;
use products::{MIGRATOR, address};

fn main() -> ExitCode {
    Cli::new(&MIGRATOR).default_url(address::default()).run()
}
