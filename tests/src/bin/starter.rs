//! A starting application: `starter ADDRESS DIRECTORY SET`. It prints how its start ended and with
//! which error, and `judged` if the file of that name was there by then, beside the directory.

use std::path::Path;

use mo_migrate::Migrator;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "its answer to the test")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, set] = words.as_slice() else { return };
    let done = Migrator::from_dir(directory).set_name(set).run(address).await;
    let judged = Path::new(directory).with_file_name("judged").exists();
    let judged = if judged { "judged" } else { "not judged yet" };
    match done {
        Ok(report) => println!("{}, {judged}", report.outcome.as_str()),
        Err(error) => println!("{} {}, {judged}", error.outcome().as_str(), error.code()),
    }
}
