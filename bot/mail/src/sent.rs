//! Whether a mail of ours arrived, when a crash leaves that in doubt.
//!
//! SMTP cannot be asked. But a mail that a server took arrives somewhere: in the archive of the
//! list, or in a mailbox that gets a copy. Its Message-ID is looked for there, once it has had time
//! to arrive.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::message::{Message, MessageId};

/// Bytes of a mail in which its header is looked for.
const HEADER: u64 = 64 << 10;
/// How long an archive may take to answer.
const ARCHIVE: Duration = Duration::from_secs(30);

/// Where our mails arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A Maildir.
    Maildir(PathBuf),
    /// A public-inbox archive over HTTP, by the address of its inbox.
    PublicInbox(String),
}

/// What cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The Maildir cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    Maildir(PathBuf, io::Error),
    /// The archive does not answer.
    #[error("{0}: {1}")]
    Archive(String, String),
}

impl Place {
    /// Whether a mail is there.
    ///
    /// # Errors
    ///
    /// When that cannot be told, which is no proof that it is not there.
    pub async fn holds(&self, id: &MessageId) -> Result<bool, LookupError> {
        match self {
            Self::Maildir(folder) => in_maildir(folder, id),
            Self::PublicInbox(address) => in_archive(address, id).await,
        }
    }
}

fn in_maildir(folder: &Path, id: &MessageId) -> Result<bool, LookupError> {
    let fault = |error| LookupError::Maildir(folder.to_owned(), error);
    for part in ["new", "cur"] {
        for entry in fs::read_dir(folder.join(part)).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let mut head = Vec::new();
            match File::open(&path) {
                Ok(file) => drop(file.take(HEADER).read_to_end(&mut head).map_err(fault)?),
                // Read in the meantime, and moved from `new` to `cur`.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(fault(error)),
            }
            // Parsing is for those that can be it.
            let wanted = id.as_str().as_bytes();
            let named = memchr::memmem::find(&head, wanted).is_some();
            if named && Message::parse(&head).message_id.as_ref() == Some(id) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn in_archive(address: &str, id: &MessageId) -> Result<bool, LookupError> {
    let fault = |why: String| LookupError::Archive(address.to_owned(), why);
    let client = reqwest::Client::builder()
        .timeout(ARCHIVE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| fault(error.to_string()))?;
    let url = format!("{}/{}/raw", address.trim_end_matches('/'), escaped(id.as_str()));
    let response = client.get(url).send().await.map_err(|error| fault(error.to_string()))?;
    match response.status().as_u16() {
        200 => Ok(true),
        // In another inbox of the same server.
        300..=302 => Ok(true),
        404 => Ok(false),
        status => Err(fault(format!("it answered {status}"))),
    }
}

/// The id as a part of a URL's path.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@!$&'()*+,;=:".contains(&byte);
    id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_maildir_is_searched_by_header() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let place = Place::Maildir(folder.path().to_owned());
        let id = |text: &str| MessageId::parse(text).unwrap();
        fs::write(folder.path().join("new/1"), "Subject: x\nIn-Reply-To: <b@x>\nMessage-ID:\n <a@x>\n\n<c@x>\n")
            .unwrap();
        fs::write(folder.path().join("tmp/2"), "Message-ID: <b@x>\n\n").unwrap();
        assert!(place.holds(&id("a@x")).await.unwrap());
        assert!(!place.holds(&id("b@x")).await.unwrap());
        assert!(!place.holds(&id("c@x")).await.unwrap());
        fs::rename(folder.path().join("new/1"), folder.path().join("cur/1:2,S")).unwrap();
        assert!(place.holds(&id("a@x")).await.unwrap());
        assert!(Place::Maildir("/nonexistent".into()).holds(&id("a@x")).await.is_err());
    }

    #[test]
    fn ids_in_urls() {
        assert_eq!(escaped("a/b?c@x"), "a%2Fb%3Fc@x");
    }
}
