//! Large things, into a temporary file.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::AsyncWriteExt;

use super::{Call, Client, Error, HOPS_MAX, Kind, guard, redirect};

/// What was downloaded, in a file without a name that goes away with it.
#[derive(Debug)]
pub struct Download {
    /// The file, at its beginning.
    pub file: File,
    /// Its bytes.
    pub length: u64,
    /// Whether there is more than the limit allowed.
    pub truncated: bool,
    /// Of what kind it is said to be: `application/zip`.
    pub content_type: Option<String>,
}

impl Client {
    /// Downloads something of at most `limit` bytes; of what is longer, the beginning.
    ///
    /// Redirects to other hosts are followed without credentials, by `https` only, and not into an inner network; the host
    /// of the API itself is trusted. A download that breaks off begins anew, with the first request, since addresses of
    /// storages expire within a minute.
    ///
    /// # Errors
    ///
    /// As those of [`Client::send`], and when the disk is full.
    pub async fn download(&self, call: &Call, limit: u64) -> Result<Download, Error> {
        let mut retry = self.retry();
        loop {
            self.wait_for_gate(call, &mut retry).await?;
            match self.download_once(call, limit).await {
                Ok(download) => {
                    self.gate.passed();
                    return Ok(download);
                }
                Err(error) => self.wait_after(call.repeat, error, &mut retry).await?,
            }
        }
    }

    async fn download_once(&self, call: &Call, limit: u64) -> Result<Download, Error> {
        let _place = self.places.acquire().await;
        let mut url = call.url.clone();
        for _ in 0..=HOPS_MAX {
            let request = self.request(call, &url).timeout(self.settings.download);
            let response = match self.answer(call, &url, request).await {
                // A storage that refuses: the address that the API gave is too old.
                Err(mut error) if !guard::same_origin(&call.url, &url) && forbids(&error) => {
                    error.kind = Kind::Interrupted;
                    return Err(error);
                }
                answer => answer?,
            };
            let Some(target) = redirect(call, &url, &response)? else {
                return self.save(call, response, limit).await;
            };
            guard::may_follow(&self.settings.api, &target)
                .map_err(|reason| Error::new(Kind::Redirect, call.shown(), reason))?;
            if call.method != Method::GET {
                return Err(Error::new(Kind::Redirect, call.shown(), "only a GET can be led elsewhere"));
            }
            url = target;
        }
        Err(Error::new(Kind::Redirect, call.shown(), "there is no end to its redirects"))
    }

    async fn save(&self, call: &Call, mut response: reqwest::Response, limit: u64) -> Result<Download, Error> {
        let failed =
            |error: std::io::Error| Error::new(Kind::Refused, call.shown(), format!("temporary file: {error}"));
        let promised = number(response.headers());
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(failed)?);
        let (mut length, mut truncated) = (0, false);
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::network(call.shown(), error))? {
            let room = usize::try_from(limit - length).unwrap_or(usize::MAX);
            let taken = &chunk[..chunk.len().min(room)];
            file.write_all(taken).await.map_err(failed)?;
            length += taken.len() as u64;
            if taken.len() < chunk.len() {
                truncated = true;
                break;
            }
        }
        file.flush().await.map_err(failed)?;
        if promised.is_some_and(|promised| !truncated && promised != length) {
            return Err(Error::new(Kind::Interrupted, call.shown(), "the download broke off"));
        }
        let mut file = file.into_std().await;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Download { file, length, truncated, content_type })
    }
}

/// Whether a storage refuses an address.
fn forbids(error: &Error) -> bool {
    matches!(error.status, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
}

/// How long the body is to be, where the library did not unpack it (it takes the header away then).
fn number(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
