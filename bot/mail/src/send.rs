//! Sending over SMTP, in two steps with a mark between.
//!
//! SMTP cannot be asked what became of a mail. A server may have taken it though the answer never
//! came, and then only looking where it should arrive tells. So [`Relay::prepare`] does all that
//! can fail without the server having the mail (connect, TLS, login, envelope, `DATA`), the caller
//! writes down that the mail is handed over now, and [`Ready::hand_over`] sends the content. Only
//! between the last two is a doubt possible.
//!
//! lettre speaks SMTP; its own `send` has no place for the mark, so its connection is driven here.

use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use crate::message::Address;
use crate::reply::Mail;

/// How long one command may take (RFC 5321 section 4.5.3.2 asks for five minutes).
const COMMAND: Duration = Duration::from_secs(5 * 60);
/// How long the answer to the content may take (the same section asks for ten minutes).
const CONTENT: Duration = Duration::from_secs(10 * 60);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(30);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after `STARTTLS`, or nothing is sent (port 587).
    StartTls,
    /// None.
    Plain,
}

/// The server that takes our mail.
#[derive(Clone)]
pub struct Relay {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Whether [`Security::Plain`] may leave this machine.
    pub allow_plain: bool,
    /// Name and password.
    pub login: Option<(String, String)>,
    /// Our name, said in `EHLO`.
    pub hello: String,
    /// Certificates of authorities in PEM that are trusted beside the system's.
    pub authorities: Vec<u8>,
}

impl std::fmt::Debug for Relay {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let login = self.login.as_ref().map(|(name, _)| name);
        f.debug_struct("Relay")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("login", &login)
            .finish_non_exhaustive()
    }
}

/// Why a mail was not sent. In none of these cases does the server have it, but for
/// [`SendError::Unsure`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not now: try again.
    #[error("{0}")]
    Transient(String),
    /// Not ever: tell the operator.
    #[error("{0}")]
    Permanent(String),
    /// The server may have it.
    #[error("{0}")]
    Unsure(String),
}

/// What the server said when it took a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its answer, mostly with the id in its queue.
    pub answer: String,
}

/// A server that waits for the content of a mail.
pub struct Ready {
    connection: AsyncSmtpConnection,
    content: Vec<u8>,
    /// Recipients that the server does not take, with its answer.
    pub refused: Vec<(Address, String)>,
}

impl Relay {
    /// Connects, and does all that comes before the content.
    ///
    /// # Errors
    ///
    /// The server certainly does not have the mail.
    pub async fn prepare(&self, mail: &Mail) -> Result<Ready, SendError> {
        let mut connection = self.connect().await?;
        match envelope(&mut connection, mail).await {
            Ok(refused) => {
                // The end of the content is a line with a dot, and lettre begins it with a line end.
                let content = mail.content.strip_suffix("\r\n").unwrap_or(&mail.content).as_bytes().to_vec();
                Ok(Ready { connection, content, refused })
            }
            Err(error) => {
                let _ = tokio::time::timeout(Duration::from_secs(5), connection.abort()).await;
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        if self.security == Security::Plain && !self.allow_plain && !is_loopback(&self.host) {
            let why = format!("{} is not this machine, and mail would go there without TLS", self.host);
            return Err(SendError::Permanent(why));
        }
        let hello = ClientId::Domain(self.hello.clone());
        let implicit = if self.security == Security::Tls { Some(self.tls()?) } else { None };
        let address = (self.host.as_str(), self.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &hello, implicit, None);
        let mut connection = within(CONNECT * 2, connecting).await.map_err(|error| self.named(error))?;
        if self.security == Security::StartTls {
            if !connection.can_starttls() {
                let why = format!("{} offers no STARTTLS, and TLS is asked for", self.host);
                return Err(SendError::Permanent(why));
            }
            within(CONNECT * 2, connection.starttls(self.tls()?, &hello)).await.map_err(|error| self.named(error))?;
        }
        if let Some((name, password)) = &self.login {
            let credentials = Credentials::new(name.clone(), password.clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            within(COMMAND, connection.auth(&mechanisms, &credentials)).await.map_err(|error| self.named(error))?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, SendError> {
        let fault = |error: lettre::transport::smtp::Error| SendError::Permanent(format!("TLS: {error}"));
        let mut builder = TlsParameters::builder(self.host.clone());
        if !self.authorities.is_empty() {
            builder = builder.add_root_certificate(Certificate::from_pem(&self.authorities).map_err(fault)?);
        }
        builder.build_rustls().map_err(fault)
    }

    fn named(&self, error: SendError) -> SendError {
        let named = |text: String| format!("{}:{}: {text}", self.host, self.port);
        match error {
            SendError::Transient(text) => SendError::Transient(named(text)),
            SendError::Permanent(text) => SendError::Permanent(named(text)),
            SendError::Unsure(text) => SendError::Unsure(named(text)),
        }
    }
}

impl Ready {
    /// Sends the content. The caller has written down before that it does.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsure`] when no answer came; in the other cases the server said no.
    pub async fn hand_over(mut self) -> Result<Receipt, SendError> {
        let sent = tokio::time::timeout(CONTENT, self.connection.message(&self.content)).await;
        let receipt = match sent {
            Err(_) => Err(SendError::Unsure("no answer to the content within ten minutes".into())),
            Ok(Ok(response)) => Ok(Receipt { answer: response.message().collect::<Vec<_>>().join(" ") }),
            Ok(Err(error)) if error.is_transient() || error.is_permanent() => Err(judged(&error)),
            Ok(Err(error)) => Err(SendError::Unsure(in_full(&error))),
        };
        // The mail is the server's now, or not: what follows changes nothing.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.connection.abort()).await;
        receipt
    }

    /// Sends nothing: the connection is closed, and the server drops what it has heard. After
    /// `DATA` a command would be content.
    pub fn give_up(self) {
        drop(self);
    }
}

/// `MAIL`, `RCPT` and `DATA`. A recipient that is refused for good is left out, unless it is the
/// last one; one that is refused for now puts all off, or it would never get the mail.
async fn envelope(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<Vec<(Address, String)>, SendError> {
    let mut options = Vec::new();
    if !mail.content.is_ascii() {
        if !connection.server_info().supports_feature(Extension::EightBitMime) {
            let why = "the server does not take 8BITMIME, and a patch must not be encoded anew";
            return Err(SendError::Permanent(why.into()));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let parsed = |address: &Address| {
        let fault = |_| SendError::Permanent(format!("the address {address} cannot be sent to"));
        address.as_str().parse::<lettre::Address>().map_err(fault)
    };
    within(COMMAND, connection.command(MailCommand::new(Some(parsed(&mail.sender)?), options))).await?;
    let mut refused = Vec::new();
    for recipient in &mail.recipients {
        match within(COMMAND, connection.command(Rcpt::new(parsed(recipient)?, Vec::new()))).await {
            Ok(_) => {}
            Err(SendError::Permanent(why)) => refused.push((recipient.clone(), why)),
            Err(other) => return Err(other),
        }
    }
    if refused.len() == mail.recipients.len() {
        let whys: Vec<String> = refused.iter().map(|(address, why)| format!("{address}: {why}")).collect();
        return Err(SendError::Permanent(whys.join("; ")));
    }
    within(COMMAND, connection.command(Data)).await?;
    Ok(refused)
}

/// The answer in time, or why not. Before the content, a connection that breaks is no doubt.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(judged(&error)),
        Err(_) => Err(SendError::Transient(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// 5xx, and what we do wrong ourselves, are for a person to look at. All else may pass, also a
/// certificate that is wrong: someone may have forgotten to renew it.
fn judged(error: &lettre::transport::smtp::Error) -> SendError {
    let text = in_full(error);
    if error.is_permanent() || error.is_client() { SendError::Permanent(text) } else { SendError::Transient(text) }
}

/// The error with what is behind it, as one line: servers write what they like.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    crate::message::one_line(&text, 500)
}

/// True for names and addresses of this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
