//! Somebody who reads a database again and again while a test changes it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::server;

/// A reader; it ends with this.
#[derive(Debug)]
pub(crate) enum Reader {
    Process(Child),
    Thread(Arc<AtomicBool>, Option<JoinHandle<()>>),
}

impl Reader {
    /// Another process that reads a file.
    pub(crate) fn of_file(path: &Path) -> Self {
        let read = format!(
            "while true; do sqlite3 -readonly -cmd '.timeout 2000' {} 'SELECT count(*) FROM sqlite_master'; done",
            path.display()
        );
        let reader = Command::new("sh")
            .args(["-c", &read])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self::Process(reader.unwrap())
    }

    /// A session that reads every table of a database of the server.
    pub(crate) fn of_database(database: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, database) = (Arc::clone(&stop), database.to_owned());
        let reading = std::thread::spawn(move || {
            // The database may go while it is read, which is not the reader's to judge.
            let _ = server::with(&database, None, async |connection| {
                while !asked.load(Ordering::Relaxed) {
                    for table in server::ask(connection, "SHOW TABLES").await.unwrap_or_default() {
                        let name = table[0].as_deref().unwrap_or_default();
                        let sql = format!("SELECT count(*) FROM `{name}`");
                        let _ = server::ask(connection, &sql).await;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            });
        });
        Self::Thread(stop, Some(reading))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        match self {
            Self::Process(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Self::Thread(stop, reading) => {
                stop.store(true, Ordering::Relaxed);
                let _ = reading.take().map(JoinHandle::join);
            }
        }
    }
}
