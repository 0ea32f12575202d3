//! Webhooks: what a forge tells us happened.
//!
//! [`signature`] makes a [`Delivery`] of headers and bytes, when it was sent by who knows the secret;
//! there is no other way to one, and nothing but a delivery is ever parsed. [`Delivery::notice`] says
//! in our words what happened ([`github`] and [`gitlab`] know theirs). What we do not act on is
//! [`Event::Nothing`], with the reason: forges add events and actions at any time.
//!
//! Texts in a [`Notice`] are what people and programs typed, as they typed them. Commit ids are checked
//! to be hexadecimal.

pub mod github;
pub mod gitlab;
pub mod notice;
pub mod signature;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use notice::{Event, Notice};

/// Characters of a parser's complaint.
const MESSAGE_MAX: usize = 300;

/// Which forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// GitHub, github.com or Enterprise.
    Github,
    /// GitLab, gitlab.com or self-managed.
    Gitlab,
}

impl Forge {
    /// `github` or `gitlab`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }
}

/// A delivery that was sent by who knows the secret. Made only by [`signature`].
#[derive(Clone)]
pub struct Delivery {
    forge: Forge,
    event: String,
    id: String,
    digest: [u8; 32],
    body: Bytes,
}

impl fmt::Debug for Delivery {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { forge, event, id, body, .. } = self;
        write!(f, "Delivery({} {event:?} {id:?} {} bytes)", forge.name(), body.len())
    }
}

/// A delivery whose body is not what its event says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} webhook `{event}`: {path}: {message}", forge.name())]
pub struct NotUnderstood {
    /// Who sent it.
    pub forge: Forge,
    /// The event's name.
    pub event: String,
    /// Where in the body: `workflow_run.head_sha`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl Delivery {
    /// Who sent it.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// The event's name as the forge has it: `workflow_run`, `Pipeline Hook`.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The delivery's id: `X-GitHub-Delivery`, `webhook-id`, `Idempotency-Key`, `X-Gitlab-Event-UUID`; for GitLab before
    /// 14.8 the hash of the body. At most 200 visible ASCII characters. It stays the same when the forge, or a person on
    /// its pages, sends the delivery again.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Two keys to remember; a delivery is a replay when either is known. The id alone does not do: only GitLab's signed
    /// form signs it, so that who has recorded a delivery could send it under another.
    pub fn keys(&self) -> [String; 2] {
        let forge = self.forge.name();
        [format!("{forge}:id:{}", self.id), format!("{forge}:sha256:{}", hex::encode(self.digest))]
    }

    /// What happened.
    ///
    /// # Errors
    /// When the body is not what the forge sends for this event. Unknown events and actions are no error.
    pub fn notice(&self) -> Result<Notice, NotUnderstood> {
        match self.forge {
            Forge::Github => github::notice(self),
            Forge::Gitlab => gitlab::notice(self),
        }
    }

    /// The body as JSON of this form. serde_json ends at a depth of 128.
    fn parse<T: DeserializeOwned>(&self) -> Result<T, NotUnderstood> {
        let json = self.json();
        let mut reader = serde_json::Deserializer::from_slice(&json);
        let parsed = serde_path_to_error::deserialize(&mut reader);
        let parsed = parsed.map_err(|error| self.not_understood(error.path().to_string(), error.inner()))?;
        reader.end().map_err(|error| self.not_understood(".".to_owned(), &error))?;
        Ok(parsed)
    }

    /// GitHub's default for a new webhook is a form with the JSON in the field `payload`.
    fn json(&self) -> Cow<'_, [u8]> {
        let form = self.forge == Forge::Github && self.body.starts_with(b"payload=");
        match form.then(|| url::form_urlencoded::parse(&self.body).next()).flatten() {
            Some((_, payload)) => Cow::Owned(payload.into_owned().into_bytes()),
            None => Cow::Borrowed(&self.body),
        }
    }

    fn not_understood(&self, path: String, error: &serde_json::Error) -> NotUnderstood {
        // serde quotes what it found, which a stranger wrote.
        let message = error.to_string().chars().filter(|it| !it.is_control()).take(MESSAGE_MAX).collect();
        let path = path.chars().filter(|it| !it.is_control()).take(MESSAGE_MAX).collect();
        NotUnderstood { forge: self.forge, event: self.event.clone(), path, message }
    }
}
