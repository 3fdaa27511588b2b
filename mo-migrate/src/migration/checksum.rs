//! Checksums that an editor or a version control system does not change.

use std::fmt;

use sha2::{Digest, Sha256};

/// A checksum with the algorithm that made it: `sha256:9f86d0…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checksum(String);

impl Checksum {
    /// Of a text: SHA-256 after a byte order mark is dropped and CRLF and CR are made LF.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut hasher = Sha256::new();
        let mut bytes = text.iter().copied().peekable();
        let mut line = Vec::with_capacity(text.len());
        while let Some(byte) = bytes.next() {
            if byte == b'\r' {
                bytes.next_if_eq(&b'\n');
                line.push(b'\n');
            } else {
                line.push(byte);
            }
        }
        hasher.update(&line);
        let hex = hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            use fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Self::from_hex(&hex)
    }

    /// From lower case hex of SHA-256, as the macros write it.
    #[must_use]
    pub fn from_hex(hex: &str) -> Self {
        Self(format!("sha256:{hex}"))
    }

    /// As it was stored, its algorithm in front.
    #[must_use]
    pub fn from_stored(stored: &str) -> Self {
        Self(stored.to_owned())
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.0.char_indices().nth(19).map_or(self.0.len(), |(at, _)| at);
        f.write_str(&self.0[..short])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_a_byte_order_mark_do_not_count() {
        let unix = Checksum::of_text(b"a;\nb;\n");
        assert_eq!(unix, Checksum::of_text(b"a;\r\nb;\r\n"));
        assert_eq!(unix, Checksum::of_text(b"a;\rb;\r"));
        assert_eq!(unix, Checksum::of_text(b"\xEF\xBB\xBFa;\nb;\n"));
        assert_ne!(unix, Checksum::of_text(b"a;\n\nb;\n"));
    }

    #[test]
    fn the_algorithm_is_stored() {
        assert_eq!(
            Checksum::of_text(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(Checksum::of_text(b"").to_string(), "sha256:e3b0c44298fc");
    }
}
