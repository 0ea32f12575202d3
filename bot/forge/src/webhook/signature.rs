//! Who sent a delivery: signatures over its bytes, and its age.
//!
//! GitHub signs the body (`X-Hub-Signature-256`). GitLab sends a password along (`X-Gitlab-Token`),
//! or signs by [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
//! `webhook-id`, `webhook-timestamp` and `webhook-signature` over `<id>.<timestamp>.<body>`. All is
//! compared in constant time, over the bytes as they came, and before anything of them is parsed.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Delivery, Forge};

/// Bytes of a body that is taken. GitHub sends no larger one (25 MB); GitLab's are smaller.
pub const BODY_MAX: usize = 25 * 1024 * 1024;
/// How far the time of a signed delivery may be from ours, in both directions.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Characters of an id or an event's name.
const NAME_MAX: usize = 200;
/// Signatures of one delivery that are tried: while a sender changes its key, there are two.
const SIGNATURES_MAX: usize = 8;
/// How a key for signatures of Standard Webhooks begins.
const KEY_PREFIX: &str = "whsec_";

/// The secrets of GitHub's webhooks; several, so that one can be replaced without an outage.
#[derive(Clone)]
pub struct GithubSecrets(Vec<SecretString>);

/// The secrets of GitLab's webhooks; several of each kind, so that one can be replaced without an
/// outage.
#[derive(Clone)]
pub struct GitlabSecrets {
    /// What stands in `X-Gitlab-Token`.
    tokens: Vec<SecretString>,
    /// The keys of signatures.
    keys: Vec<SecretSlice<u8>>,
}

/// A secret that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// There is none: every delivery would be refused.
    #[error("there is no secret; give the one that the webhook was set up with")]
    None,
    /// It is empty: anyone could sign with it.
    #[error("a secret is empty; give the one that the webhook was set up with")]
    Empty,
    /// It begins with `whsec_` and no base64 of a key follows.
    #[error("a signing token is no base64 after `whsec_`; copy it again from the webhook's settings")]
    Key,
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its body is too large: its bytes.
    #[error("the body has {0} bytes, {BODY_MAX} are taken")]
    TooLarge(usize),
    /// Nothing in it says who sent it.
    #[error("{0} is missing; set a secret in the webhook's settings")]
    Unsigned(&'static str),
    /// It comes from who does not know the secret.
    #[error("{0} does not fit; the secret here and in the webhook's settings are not the same")]
    Forged(&'static str),
    /// It was signed too long ago, or in the future: by how many seconds.
    #[error("it was signed {0} seconds away from our clock, 300 are taken; it is a replay, or a clock is wrong")]
    Stale(u64),
    /// A header is missing or has a form that the forge does not send.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
}

impl Refused {
    /// What to answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Forged(_) | Self::Stale(_) => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Debug for GithubSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GithubSecrets({})", self.0.len())
    }
}

impl fmt::Debug for GitlabSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitlabSecrets({} tokens, {} keys)", self.tokens.len(), self.keys.len())
    }
}

impl GithubSecrets {
    /// Any of these is right.
    ///
    /// # Errors
    /// When there is none, or an empty one.
    pub fn new(secrets: Vec<SecretString>) -> Result<Self, BadSecret> {
        some(&secrets)?;
        Ok(Self(secrets))
    }

    /// The delivery, when it was signed with one of the secrets.
    ///
    /// GitHub signs no time, and the headers are not signed at all: who refuses replays remembers
    /// both of [`Delivery::keys`].
    ///
    /// # Errors
    /// When it was not, or a header is missing.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes) -> Result<Delivery, Refused> {
        const SIGNATURE: &str = "X-Hub-Signature-256";
        sized(&body)?;
        let signature = headers.get(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
        let hex = signature.as_bytes().strip_prefix(b"sha256=").ok_or(Refused::Malformed(SIGNATURE))?;
        let mut claimed = [0; 32];
        hex::decode_to_slice(hex, &mut claimed).map_err(|_| Refused::Malformed(SIGNATURE))?;
        // All secrets are tried, so that the time does not tell which one it was.
        let fits = self.0.iter().fold(false, |fits, secret| {
            fits | mac(secret.expose_secret().as_bytes(), &[&body]).verify_slice(&claimed).is_ok()
        });
        if !fits {
            return Err(Refused::Forged(SIGNATURE));
        }
        let event = name(headers, "X-GitHub-Event")?.ok_or(Refused::Malformed("X-GitHub-Event"))?;
        let id = name(headers, "X-GitHub-Delivery")?.ok_or(Refused::Malformed("X-GitHub-Delivery"))?;
        Ok(Delivery { forge: Forge::Github, event, id, digest: Sha256::digest(&body).into(), body })
    }
}

impl GitlabSecrets {
    /// Any of these is right. A signing token is `whsec_` and the base64 of its key, as GitLab makes it, or the key as
    /// plain text.
    ///
    /// With signing tokens and without tokens, every delivery must be signed. With both, one that is not signed must
    /// have the token: so webhooks can be changed one by one.
    ///
    /// # Errors
    /// When there is none, or one that cannot be used.
    pub fn new(tokens: Vec<SecretString>, signing: &[SecretString]) -> Result<Self, BadSecret> {
        if tokens.is_empty() || !signing.is_empty() {
            some(signing)?;
        }
        if !tokens.is_empty() {
            some(&tokens)?;
        }
        Ok(Self { tokens, keys: signing.iter().map(key).collect::<Result<_, _>>()? })
    }

    /// The delivery, when it was signed with one of the keys less than [`TOLERANCE`] from `now`, or bears one of the
    /// tokens.
    ///
    /// # Errors
    /// When it does not, or a header is missing.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes, now: SystemTime) -> Result<Delivery, Refused> {
        const SIGNATURE: &str = "webhook-signature";
        const TOKEN: &str = "X-Gitlab-Token";
        sized(&body)?;
        let signed = if headers.contains_key(SIGNATURE) && !self.keys.is_empty() {
            Some(self.signed(headers, &body, now)?)
        } else if self.tokens.is_empty() {
            return Err(Refused::Unsigned(SIGNATURE));
        } else {
            let claimed = headers.get(TOKEN).ok_or(Refused::Unsigned(TOKEN))?;
            if !self.is_token(claimed.as_bytes()) {
                return Err(Refused::Forged(TOKEN));
            }
            None
        };
        let event = name(headers, "X-Gitlab-Event")?.ok_or(Refused::Malformed("X-Gitlab-Event"))?;
        let digest: [u8; 32] = Sha256::digest(&body).into();
        // The first stays the same when GitLab repeats a delivery; the second is what releases before 17.4 have.
        let id = match signed {
            Some(id) => id,
            None => match name(headers, "Idempotency-Key")?.or(name(headers, "X-Gitlab-Event-UUID")?) {
                Some(id) => id,
                None => hex::encode(digest),
            },
        };
        Ok(Delivery { forge: Forge::Gitlab, event, id, digest, body })
    }

    /// The id of a delivery with the right signature.
    fn signed(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<String, Refused> {
        const ID: &str = "webhook-id";
        const TIMESTAMP: &str = "webhook-timestamp";
        const SIGNATURE: &str = "webhook-signature";
        let id = name(headers, ID)?.ok_or(Refused::Malformed(ID))?;
        let timestamp = name(headers, TIMESTAMP)?.ok_or(Refused::Malformed(TIMESTAMP))?;
        if timestamp.len() > 12 || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refused::Malformed(TIMESTAMP));
        }
        let seconds: u64 = timestamp.parse().map_err(|_| Refused::Malformed(TIMESTAMP))?;
        let claimed = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
        let claimed = claimed.ok_or(Refused::Malformed(SIGNATURE))?;
        let mut fits = false;
        for signature in claimed.split(' ').filter_map(|one| one.strip_prefix("v1,")).take(SIGNATURES_MAX) {
            let Ok(signature) = STANDARD.decode(signature) else { continue };
            for key in &self.keys {
                let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
                fits |= mac(key.expose_secret(), &parts).verify_slice(&signature).is_ok();
            }
        }
        if !fits {
            return Err(Refused::Forged(SIGNATURE));
        }
        let away = seconds.abs_diff(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        if away > TOLERANCE.as_secs() {
            return Err(Refused::Stale(away));
        }
        Ok(id)
    }

    /// Hashes are compared, so that the time tells not even the length.
    fn is_token(&self, claimed: &[u8]) -> bool {
        let claimed = Sha256::digest(claimed);
        self.tokens.iter().fold(false, |fits, token| {
            fits | bool::from(Sha256::digest(token.expose_secret().as_bytes()).as_slice().ct_eq(claimed.as_slice()))
        })
    }
}

fn some(secrets: &[SecretString]) -> Result<(), BadSecret> {
    if secrets.is_empty() {
        return Err(BadSecret::None);
    }
    if secrets.iter().any(|secret| secret.expose_secret().trim().is_empty()) { Err(BadSecret::Empty) } else { Ok(()) }
}

fn key(secret: &SecretString) -> Result<SecretSlice<u8>, BadSecret> {
    let secret = secret.expose_secret();
    let key = match secret.strip_prefix(KEY_PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| BadSecret::Key)?,
        None => secret.as_bytes().to_vec(),
    };
    if key.is_empty() { Err(BadSecret::Key) } else { Ok(key.into()) }
}

fn sized(body: &Bytes) -> Result<(), Refused> {
    if body.len() > BODY_MAX { Err(Refused::TooLarge(body.len())) } else { Ok(()) }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// A header that is there once, is not empty and has only visible ASCII and single blanks (`Job Hook`).
fn name(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    let fine = !value.is_empty() && value.len() <= NAME_MAX && value.trim() == value && !value.contains('\t');
    if fine && values.next().is_none() { Ok(Some(value.to_owned())) } else { Err(Refused::Malformed(name)) }
}
