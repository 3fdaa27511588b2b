//! Another process that writes to a database of the server in `MATRIXONE_URL`: `sql DATABASE SQL`.

use std::process::ExitCode;

use mo_migrate_tests::server;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "its answer to the test")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [database, sql] = words.as_slice() else { return ExitCode::from(64) };
    match server::try_sql(database, sql) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
