//! Waits until the server of `MATRIXONE_URL` answers a question: `answers SECONDS`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mo_migrate_tests::server;

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(seconds) = seconds else { return ExitCode::from(64) };
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        match server::try_sql("", "SELECT 1") {
            Ok(_) => return ExitCode::SUCCESS,
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
            Err(_) => return ExitCode::FAILURE,
        }
    }
}
