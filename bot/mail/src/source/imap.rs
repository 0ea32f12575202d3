//! A mailbox of an IMAP server, read without changing it (EXAMINE, BODY.PEEK) and watched with IDLE.
//!
//! The connection is kept between calls and made anew when it broke, with growing pauses. Mails are told apart by UIDVALIDITY
//! and UID (RFC 3501 section 2.3.1.1).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_imap::Session;
use async_imap::error::Error as ImapError;
use async_imap::types::UnsolicitedResponse;
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::backoff::Backoff;
use super::{BATCH_MAX, Batch, Cursor, Filling, READ_MAX, SourceError};

/// How long a server may take to connect, or to answer a command.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a batch may take to arrive.
const FETCH_PATIENCE: Duration = Duration::from_secs(600);
/// IDLE is ended and begun again after this: servers log clients off after 30 minutes (RFC 2177), and so do many firewalls
/// before that.
const IDLE_MAX: Duration = Duration::from_secs(28 * 60);
/// How often a server without IDLE is asked.
const POLL: Duration = Duration::from_secs(60);

/// Where a mailbox is and who reads it.
#[derive(Debug, Clone)]
pub struct ImapConfig {
    /// Name or address of the server.
    pub host: String,
    /// 993 with TLS.
    pub port: u16,
    /// TLS or, on this machine, none.
    pub security: Security,
    /// Login name.
    pub user: String,
    /// Login password.
    pub password: Password,
    /// The mailbox, mostly `INBOX`.
    pub mailbox: String,
    /// A PEM file with authorities that are trusted besides the system's.
    pub authorities: Option<PathBuf>,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Tls,
    /// None. Refused unless the server is on this machine.
    Plain,
}

/// A password that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Keeps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for a login.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How far a mailbox was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImapCursor {
    /// UIDVALIDITY: with another one, UIDs mean other mails.
    uid_validity: u32,
    /// The last UID that was read.
    uid: u32,
}

/// A mailbox.
#[derive(Debug)]
pub struct Imap {
    config: ImapConfig,
    connection: Option<Connection>,
    backoff: Backoff,
}

/// A byte stream, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Stream for T {}

#[derive(Debug)]
struct Connection {
    session: Session<Box<dyn Stream>>,
    uid_validity: u32,
    /// The UID that the next mail gets, as said when the mailbox was opened.
    uid_next: Option<u32>,
    idle: bool,
    /// The server said that mail came, since the last search began.
    news: bool,
}

impl Imap {
    /// A mailbox; the first call connects.
    pub fn new(config: ImapConfig) -> Self {
        Self { config, connection: None, backoff: Backoff::default() }
    }

    pub(super) async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        let cursor = match cursor {
            None => ImapCursor::default(),
            Some(Cursor::Imap(cursor)) => *cursor,
            Some(_) => return Err(SourceError::Cursor),
        };
        let mut connection = self.connection().await?;
        match connection.fetch_after(cursor).await {
            Ok(batch) => {
                self.connection = Some(connection);
                Ok(batch)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) async fn end(&mut self) -> Result<Cursor, SourceError> {
        let mut connection = self.connection().await?;
        match connection.last_uid().await {
            Ok(uid) => {
                let cursor = ImapCursor { uid_validity: connection.uid_validity, uid };
                self.connection = Some(connection);
                Ok(Cursor::Imap(cursor))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        let end = Instant::now() + longest;
        let mut connection = self.connection().await?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.connection = Some(connection);
                return Ok(());
            }
            connection.hear();
            if connection.news {
                self.connection = Some(connection);
                return Ok(());
            }
            let waited =
                if connection.idle { connection.idle(left.min(IDLE_MAX)).await } else { connection.poll(left).await };
            match waited {
                Ok((back, false)) => connection = back,
                Ok((back, true)) => {
                    self.connection = Some(back);
                    return Ok(());
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// The connection that is open, or a new one.
    async fn connection(&mut self) -> Result<Connection, SourceError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.backoff.pause().await;
        match timeout(PATIENCE, open(&self.config)).await {
            Ok(Ok(connection)) => {
                self.backoff.success();
                Ok(connection)
            }
            Ok(Err(error)) => {
                self.backoff.failure();
                Err(error)
            }
            Err(_) => Err(self.failed(Fault::Slow)),
        }
    }

    fn failed(&mut self, fault: Fault) -> SourceError {
        self.backoff.failure();
        fault.of(&self.config.server())
    }
}

impl ImapConfig {
    fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// What went wrong on a connection.
#[derive(Debug)]
enum Fault {
    Imap(ImapError),
    Slow,
}

impl From<ImapError> for Fault {
    fn from(error: ImapError) -> Self {
        Self::Imap(error)
    }
}

impl From<tokio::time::error::Elapsed> for Fault {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Slow
    }
}

impl Fault {
    fn of(self, server: &str) -> SourceError {
        let server = server.to_owned();
        match self {
            Self::Slow => SourceError::Network { server, reason: "no answer in time".to_owned() },
            Self::Imap(ImapError::Io(error)) => SourceError::Network { server, reason: error.to_string() },
            Self::Imap(ImapError::ConnectionLost) => {
                SourceError::Network { server, reason: "connection lost".to_owned() }
            }
            Self::Imap(error) => SourceError::Refused { server, reason: error.to_string() },
        }
    }
}

async fn open(config: &ImapConfig) -> Result<Connection, SourceError> {
    let network = |reason: std::io::Error| SourceError::Network { server: config.server(), reason: reason.to_string() };
    let tcp = TcpStream::connect((config.host.as_str(), config.port)).await.map_err(network)?;
    tcp.set_nodelay(true).map_err(network)?;
    let peer = tcp.peer_addr().map_err(network)?;
    let stream: Box<dyn Stream> = match config.security {
        Security::Tls => {
            let name = ServerName::try_from(config.host.clone())
                .map_err(|_| SourceError::Config(format!("{:?} is no name of a server", config.host)))?;
            Box::new(TlsConnector::from(tls(config)?).connect(name, tcp).await.map_err(network)?)
        }
        Security::Plain => {
            allow_plain(peer, config)?;
            Box::new(tcp)
        }
    };
    log_in(config, stream).await
}

async fn log_in(config: &ImapConfig, stream: Box<dyn Stream>) -> Result<Connection, SourceError> {
    let network = |reason: std::io::Error| SourceError::Network { server: config.server(), reason: reason.to_string() };
    let fault = |error: ImapError| Fault::from(error).of(&config.server());
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.map_err(network)?;
    let (mut session, capabilities) = client
        .login_with_capabilities(&config.user, config.password.reveal())
        .await
        .map_err(|(error, _)| fault(error))?;
    let capabilities = match capabilities {
        Some(capabilities) => capabilities,
        None => session.capabilities().await.map_err(fault)?,
    };
    let idle = capabilities.has_str("IDLE");
    let mailbox = session.examine(&config.mailbox).await.map_err(fault)?;
    let uid_validity = mailbox.uid_validity.ok_or_else(|| SourceError::Refused {
        server: config.server(),
        reason: "the server has no UIDs that last, so nothing tells which mails are new".to_owned(),
    })?;
    Ok(Connection { session, uid_validity, uid_next: mailbox.uid_next, idle, news: false })
}

/// Whether a mailbox grew.
fn is_news(response: &UnsolicitedResponse) -> bool {
    matches!(response, UnsolicitedResponse::Exists(_) | UnsolicitedResponse::Recent(_))
}

/// A password never goes over a network in the clear.
fn allow_plain(peer: SocketAddr, config: &ImapConfig) -> Result<(), SourceError> {
    if peer.ip().is_loopback() {
        return Ok(());
    }
    Err(SourceError::Config(format!("{} is not this machine; use TLS, mostly on port 993", config.server())))
}

fn tls(config: &ImapConfig) -> Result<Arc<ClientConfig>, SourceError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &config.authorities {
        let bad = |reason| SourceError::Config(format!("{}: {reason}", path.display()));
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        let reason = "no certificate authorities are installed; install the system's (ca-certificates) or name a file";
        return Err(SourceError::Config(reason.to_owned()));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceError::Config(error.to_string()))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

impl Connection {
    /// The next mails behind a cursor. With another UIDVALIDITY all mails are new.
    async fn fetch_after(&mut self, cursor: ImapCursor) -> Result<Batch, Fault> {
        let last = if cursor.uid_validity == self.uid_validity { cursor.uid } else { 0 };
        // A search looks at the mailbox as the server showed it last; this makes it look anew.
        timeout(PATIENCE, self.session.noop()).await??;
        self.hear();
        self.news = false;
        let found = timeout(PATIENCE, self.session.uid_search(format!("UID {}:*", last.saturating_add(1)))).await??;
        // `n:*` always holds the last mail, also when its UID is below n.
        let mut uids: Vec<u32> = found.into_iter().filter(|uid| *uid > last).collect();
        uids.sort_unstable();
        let mut more = uids.len() > BATCH_MAX;
        uids.truncate(BATCH_MAX);
        let mut cursor = ImapCursor { uid_validity: self.uid_validity, uid: last };
        let mut filling = Filling::default();
        let end = Instant::now() + FETCH_PATIENCE;
        for uid in uids {
            if filling.is_full() {
                more = true;
                break;
            }
            let fetch = timeout(end.saturating_duration_since(Instant::now()), self.fetch(uid)).await??;
            self.hear();
            if let Some((raw, size)) = fetch {
                filling.push(&raw, size);
            }
            cursor.uid = uid;
        }
        Ok(Batch { messages: filling.messages, cursor: Cursor::Imap(cursor), more })
    }

    /// A mail, at most [`READ_MAX`] bytes of it, and its size; none when it was expunged.
    async fn fetch(&mut self, uid: u32) -> Result<Option<(Vec<u8>, u64)>, Fault> {
        let query = format!("(UID RFC822.SIZE BODY.PEEK[]<0.{READ_MAX}>)");
        let fetches: Vec<_> = self.session.uid_fetch(uid.to_string(), query).await?.try_collect().await?;
        let mail = fetches.iter().find(|fetch| fetch.uid == Some(uid)).and_then(|fetch| {
            let raw = fetch.body()?.to_vec();
            let size = fetch.size.map_or(0, u64::from).max(raw.len() as u64);
            // Servers count line ends as they please; only what was cut off by us is too long.
            Some(if raw.len() as u64 >= READ_MAX {
                (raw, size)
            } else {
                let size = raw.len() as u64;
                (raw, size)
            })
        });
        Ok(mail)
    }

    async fn last_uid(&mut self) -> Result<u32, Fault> {
        let found = timeout(PATIENCE, self.session.uid_search("UID *")).await??;
        Ok(found.into_iter().max().unwrap_or_else(|| self.uid_next.unwrap_or(1).saturating_sub(1)))
    }

    /// Takes what the server said besides its answers. It says once that mail came, in the answer to any command; IDLE does not
    /// repeat it.
    fn hear(&mut self) {
        while let Ok(response) = self.session.unsolicited_responses.try_recv() {
            self.news |= is_news(&response);
        }
    }

    /// Idles for a while. True when the mailbox changed.
    async fn idle(self, longest: Duration) -> Result<(Self, bool), Fault> {
        let Self { session, uid_validity, uid_next, idle, news } = self;
        let said = session.unsolicited_responses.clone();
        let mut handle = session.idle();
        timeout(PATIENCE, handle.init()).await??;
        // It may be said before the server begins to idle.
        let before =
            std::iter::from_fn(|| said.try_recv().ok()).fold(false, |news, response| news | is_news(&response));
        let longest = if before { Duration::ZERO } else { longest };
        // The library's own timeout begins anew with each sign of life of the server, so it is not the one to rely on.
        let (waiting, _stop) = handle.wait_with_timeout(IDLE_MAX);
        let changed = match timeout(longest, waiting).await {
            Err(_) => before,
            Ok(response) => match response? {
                async_imap::extensions::idle::IdleResponse::NewData(_) => true,
                async_imap::extensions::idle::IdleResponse::Timeout => false,
                // Nobody interrupts; the stream has ended.
                async_imap::extensions::idle::IdleResponse::ManualInterrupt => {
                    return Err(ImapError::ConnectionLost.into());
                }
            },
        };
        let session = timeout(PATIENCE, handle.done()).await??;
        Ok((Self { session, uid_validity, uid_next, idle, news }, changed))
    }

    /// Without IDLE, a pause and a sign of life. The caller looks whether anything came.
    async fn poll(mut self, longest: Duration) -> Result<(Self, bool), Fault> {
        tokio::time::sleep(longest.min(POLL)).await;
        timeout(PATIENCE, self.session.noop()).await??;
        Ok((self, true))
    }
}

#[cfg(test)]
#[path = "imap_tests.rs"]
mod tests;
