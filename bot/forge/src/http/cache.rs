//! Answers that are asked for again with their `ETag`: a 304 costs nothing of GitHub's primary limit
//! (<https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>).

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use http::header::ETAG;
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use url::Url;

use super::call::Reply;

/// Bytes of all bodies together.
const BYTES_MAX: usize = 16 << 20;
/// Bytes of one body.
const BODY_MAX: usize = 2 << 20;
/// Answers.
const ENTRIES_MAX: usize = 1000;

/// What an answer belongs to: the address and all headers of the request, credentials included, hashed.
pub(super) type Key = [u8; 32];

/// Answers by request, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    replies: HashMap<Key, Reply>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Cache {
    /// What to remember a request by. Another token may see another answer.
    pub(super) fn key(url: &Url, headers: &HeaderMap) -> Key {
        let mut hash = Sha256::new();
        hash.update(url.as_str());
        for (name, value) in headers {
            hash.update([0]);
            hash.update(name.as_str());
            hash.update([0]);
            hash.update(value.as_bytes());
        }
        hash.finalize().into()
    }

    /// The tag to ask with.
    pub(super) fn tag(&self, key: &Key) -> Option<HeaderValue> {
        self.entries().replies.get(key)?.headers.get(ETAG).cloned()
    }

    /// The answer that is still true.
    pub(super) fn get(&self, key: &Key) -> Option<Reply> {
        self.entries().replies.get(key).cloned()
    }

    /// Remembers an answer that has a tag.
    pub(super) fn put(&self, key: Key, reply: &Reply) {
        let fits = reply.status == StatusCode::OK && reply.headers.contains_key(ETAG) && reply.body.len() <= BODY_MAX;
        let mut entries = self.entries();
        entries.remove(&key);
        if !fits {
            return;
        }
        entries.bytes += reply.body.len();
        entries.replies.insert(key, reply.clone());
        entries.order.push_back(key);
        while entries.bytes > BYTES_MAX || entries.order.len() > ENTRIES_MAX {
            let Some(oldest) = entries.order.front().copied() else { break };
            entries.remove(&oldest);
        }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Entries {
    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.replies.remove(key) {
            self.bytes -= old.body.len();
            self.order.retain(|it| it != key);
        }
    }
}
