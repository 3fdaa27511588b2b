//! Connections that are made, or given up.

use std::io;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions as _, Connection as _, MySqlPool};
use tokio::time::timeout;

use crate::time;

/// How long a server is given to let somebody in; it may be busy, and is not to be waited for for ever.
const PATIENCE: [Duration; 1] = [Duration::from_secs(20)];

/// The same with TLS, one attempt after the other. A server that gets the first bytes of a handshake
/// together with the request for it loses them (docs/matrixone.md), and then both would wait.
const PATIENCE_WITH_TLS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(10),
];

/// How long a goodbye may take; on its way it is in no time.
const GOODBYE: Duration = Duration::from_millis(50);

fn patience(options: &MySqlConnectOptions) -> &'static [Duration] {
    let plain = matches!(options.get_ssl_mode(), MySqlSslMode::Disabled);
    if plain || !cfg!(feature = "tls-rustls") { &PATIENCE } else { &PATIENCE_WITH_TLS }
}

/// Makes a connection of its own.
pub(super) async fn connect(options: &MySqlConnectOptions) -> sqlx::Result<MySqlConnection> {
    patiently(patience(options), || options.connect()).await
}

/// The same as a pool makes its own.
pub(super) async fn connect_like(
    pool: &MySqlPool,
    options: MySqlConnectOptions,
) -> sqlx::Result<MySqlConnection> {
    let private = pool.options().clone().min_connections(0).max_connections(1);
    let patience = patience(&options);
    let private = private.connect_lazy_with(options);
    patiently(patience, || private.acquire()).await.map(PoolConnection::detach)
}

/// Says goodbye and hangs up. Nobody is waited for: with TLS the driver waits until the server hangs up,
/// which that does not do.
pub(super) async fn hang_up(connection: MySqlConnection) {
    let _ = timeout(GOODBYE, connection.close()).await;
}

async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(
    patience: &[Duration],
    attempt: impl Fn() -> F,
) -> sqlx::Result<T> {
    for limit in patience {
        if let Ok(answered) = timeout(*limit, attempt()).await {
            return answered;
        }
        tracing::debug!(?limit, "the server let nobody in");
    }
    let words = format!("nobody was let in within {}", time::words(patience.iter().sum()));
    Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, words)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::cell::Cell;

    use super::*;

    const SHORT: [Duration; 3] = [Duration::from_millis(1); 3];

    #[tokio::test]
    async fn a_server_that_lets_nobody_in_is_given_up() {
        let nobody = || std::future::pending::<sqlx::Result<()>>();
        let error = patiently(&SHORT, nobody).await.unwrap_err();
        assert!(error.to_string().contains("nobody was let in within 3ms"), "{error}");
    }

    #[tokio::test]
    async fn a_handshake_that_the_server_has_lost_is_tried_again() {
        let attempts = Cell::new(0);
        let third = async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 { std::future::pending().await } else { Ok(attempts.get()) }
        };
        assert_eq!(patiently(&SHORT, third).await.unwrap(), 3);
    }

    #[test]
    fn only_with_tls_an_attempt_is_short() {
        let with = |mode| patience(&MySqlConnectOptions::new().ssl_mode(mode)).len();
        assert_eq!(with(MySqlSslMode::Disabled), 1);
        assert_eq!(with(MySqlSslMode::Preferred) > 1, cfg!(feature = "tls-rustls"));
    }
}
