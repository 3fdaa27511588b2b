//! The log of the library's inside, off unless `MO_MIGRATE_LOG` or `RUST_LOG` asks for it.

use tracing_subscriber::EnvFilter;

/// Starts the log on standard error.
pub(super) fn start() {
    let asked =
        ["MO_MIGRATE_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    if let Some(filter) = asked.filter(|filter| !filter.is_empty()) {
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(std::io::stderr);
        // A program that has a subscriber of its own keeps it.
        let _ = log.with_ansi(false).try_init();
    }
}
