//! Webhooks, as Standard Webhooks describes them (standardwebhooks.com): a POST of JSON with the headers
//! `webhook-id`, `webhook-timestamp` and, where there is a secret, `webhook-signature`.
//!
//! An address often holds a credential: it is never shown beyond its host.

use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::BoxError;
use crate::hooks::{Hook, Notice, Told};

/// The variable with the secret: `whsec_` and base64, as the standard has it, or any text.
pub(super) const SECRET: &str = "MO_MIGRATE_WEBHOOK_SECRET";

/// How often it is tried: a notice may come twice, with the same `webhook-id`.
const ATTEMPTS: u32 = 3;

/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(10);

/// An address that is told by HTTP.
#[derive(Clone)]
pub(super) struct Webhook {
    address: String,
    secret: Option<String>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Webhook {
    /// The hook of an address; none where the text is none.
    pub(super) fn of(text: &str, secret: Option<&str>) -> Option<Self> {
        let is_address = text.starts_with("https://") || text.starts_with("http://");
        let (address, secret) = (text.to_owned(), secret.map(ToOwned::to_owned));
        is_address.then_some(Self { address, secret })
    }
}

impl Hook for Webhook {
    fn name(&self) -> String {
        let (scheme, rest) = self.address.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{authority}")
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Told<'a> {
        Box::pin(async move {
            let (address, body) = (self.address.clone(), serde_json::to_vec(notice)?);
            let secret = self.secret.clone();
            // Gone with whoever waits here.
            let waits = Arc::new(());
            let asker = Arc::downgrade(&waits);
            let sent = tokio::task::spawn_blocking(move || {
                post(&address, &body, secret.as_deref(), &asker)
            });
            sent.await?
        })
    }
}

/// Posts it, again after a moment where the other side could not take it and the asker still waits.
fn post(
    address: &str,
    body: &[u8],
    secret: Option<&str>,
    asker: &Weak<()>,
) -> Result<(), BoxError> {
    let id = format!("msg_{}", uuid::Uuid::now_v7().simple());
    let at = jiff::Timestamp::now().as_second().to_string();
    let config = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).max_redirects(0);
    let agent = ureq::Agent::new_with_config(config.build());
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut request = agent
            .post(address)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &at);
        if let Some(secret) = secret {
            request = request.header("webhook-signature", signature(secret, &id, &at, body));
        }
        let problem = match request.send(body) {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            // A redirection is not followed: it would take the notice to somebody else.
            Ok(answer) => return Err(format!("it answered {}", answer.status()).into()),
            Err(ureq::Error::StatusCode(code)) if code < 500 => {
                return Err(format!("it answered {code}").into());
            }
            Err(ureq::Error::StatusCode(code)) => format!("it answered {code}"),
            // The error's own words may hold the address.
            Err(ureq::Error::Timeout(_)) => "it did not answer in time".to_owned(),
            Err(ureq::Error::HostNotFound) => "there is no such host".to_owned(),
            Err(ureq::Error::Io(error)) => error.to_string(),
            Err(_) => "it could not be reached".to_owned(),
        };
        if attempt == ATTEMPTS {
            return Err(problem.into());
        }
        std::thread::sleep(Duration::from_secs(1));
        if asker.strong_count() == 0 {
            return Err(problem.into());
        }
    }
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.
fn signature(secret: &str, id: &str, at: &str, body: &[u8]) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_address_is_shown_by_its_host_alone() {
        for (address, shown) in [
            ("https://hooks.example.com/services/T0/s3cret?t=s3cret", "https://hooks.example.com"),
            ("http://host:8080/s3cret", "http://host:8080"),
        ] {
            let hook = Webhook::of(address, Some("s3cret")).unwrap();
            assert_eq!(hook.name(), shown);
            assert!(!format!("{hook:?}").contains("s3cret"));
        }
        assert!(Webhook::of("echo https://host", None).is_none());
    }
}
