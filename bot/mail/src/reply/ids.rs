//! Ids that follow from what a reply is about.
//!
//! A crash, a retry or a second process comes to the same key and the same Message-ID, so that the
//! outbox, archives and mailers see one mail.

use sha2::{Digest, Sha256};

use crate::message::{Invalid, MessageId};

/// What a reply is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What the versions of the series share.
    pub series: &'a str,
    /// The version of the series.
    pub version: u32,
    /// `report`, `summary`, `answer`.
    pub purpose: &'a str,
    /// Fingerprints of the causes; for an answer the Message-ID that is answered. In any order.
    pub causes: &'a [&'a str],
}

impl About<'_> {
    /// 40 hexadecimal digits: half of a SHA-256 and more, over all parts with their lengths.
    pub fn key(&self) -> String {
        let mut causes = self.causes.to_vec();
        causes.sort_unstable();
        causes.dedup();
        let version = self.version.to_string();
        let mut hash = Sha256::new();
        for part in ["triage-reply-1", self.series, &version, self.purpose].iter().chain(&causes) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The Message-ID on that domain.
    ///
    /// # Errors
    ///
    /// When the domain is none that an id may have.
    pub fn message_id(&self, domain: &str) -> Result<MessageId, Invalid> {
        MessageId::parse(&format!("triage.{}@{domain}", self.key()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_for_the_same_and_another_for_another() {
        let one = About { series: "s@x", version: 1, purpose: "report", causes: &["b", "a"] };
        assert_eq!(one.key(), About { causes: &["a", "b", "a"], ..one }.key());
        assert_eq!(one.key().len(), 40);
        for other in [
            About { series: "t@x", ..one },
            About { version: 2, ..one },
            About { purpose: "summary", ..one },
            About { causes: &["ab"], ..one },
            About { causes: &["a"], ..one },
            About { series: "s@x1", version: 0, ..one },
        ] {
            assert_ne!(one.key(), other.key());
        }
        // It must not change from one release to the next: a retry would be a second mail.
        assert_eq!(
            one.message_id("bot.example.org").unwrap().as_str(),
            "triage.88bf4171f67a9dbf0a48bff31be3e91d412c4078@bot.example.org"
        );
        assert!(one.message_id("bot example").is_err());
    }
}
