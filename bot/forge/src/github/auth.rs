//! Who we are to GitHub: an App, a person's token, or the token of a workflow.
//!
//! An App signs a token that is good for ten minutes and gets with it one for each installation, good for an hour
//! (<https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/about-authentication-with-a-github-app>).
//! octocrab keeps that until shortly before its end, and gets another when GitHub refuses it (401).

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use octocrab::models::{AppId, InstallationId};
use octocrab::{AuthState, auth::AppAuth, jsonwebtoken::EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::Repository;
use super::models::{App, Installation};
use super::session::{Session, path};
use crate::http::{Client, Error, Pace, Settings};

/// The account that comments with the token of a workflow.
const ACTIONS: &str = "github-actions[bot]";

/// What GitHub knows us by.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A GitHub App.
    App {
        /// Its number (`App ID` on its settings page).
        id: u64,
        /// Its private key, in PEM.
        key: SecretString,
    },
    /// A token of a person or a machine account: classic (`ghp_…`) or fine-grained (`github_pat_…`). It cannot make check
    /// runs, which are for Apps.
    Token(SecretString),
    /// The `GITHUB_TOKEN` of a workflow: the installation of the App `github-actions` on the repository.
    Actions(SecretString),
}

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The private key is none.
    #[error("the private key of the GitHub App is no RSA key in PEM; download a new one from the App's settings page")]
    Key,
    /// A token that no header can hold, or none.
    #[error("the token for GitHub is empty or has characters that no token has, such as a line end")]
    Token,
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] Error),
}

/// GitHub, with credentials. Clones share tokens and limits.
#[derive(Debug, Clone)]
pub struct Github {
    http: Client,
    who: Who,
}

#[derive(Debug, Clone)]
enum Who {
    App { auth: AppAuth, itself: Session, installations: Arc<Mutex<HashMap<u64, Session>>> },
    Token(Session),
}

impl Github {
    /// GitHub at an address: `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the credentials cannot be used.
    pub fn new(mut settings: Settings, credentials: &Credentials) -> Result<Self, CredentialsError> {
        settings.pace = settings.pace.or(Some(Pace::GITHUB));
        let http = Client::new(settings)?;
        let who = match credentials {
            Credentials::App { id, key } => {
                let key = EncodingKey::from_rsa_pem(key.expose_secret().as_bytes());
                let auth = AppAuth { app_id: AppId(*id), key: key.map_err(|_| CredentialsError::Key)? };
                let itself = Session::new(http.for_another(), AuthState::App(auth.clone()), None);
                Who::App { auth, itself, installations: Arc::default() }
            }
            Credentials::Token(token) => Who::Token(with_token(&http, token, None)?),
            Credentials::Actions(token) => Who::Token(with_token(&http, token, Some(ACTIONS))?),
        };
        Ok(Self { http, who })
    }

    /// What may be done in a repository. For an App this looks up its installation there.
    ///
    /// # Errors
    ///
    /// [`crate::http::Kind::NotFound`] when the App is not installed there.
    pub async fn session(&self, repository: &Repository) -> Result<Session, Error> {
        match &self.who {
            Who::Token(session) => Ok(session.clone()),
            Who::App { itself, .. } => {
                let path = path(&["repos", &repository.owner, &repository.name, "installation"]);
                let found: Installation = itself.get(&path).await?.json()?;
                self.installation(found.id).await
            }
        }
    }

    /// Our App as itself, without an installation; none with a token.
    pub(super) fn itself(&self) -> Option<&Session> {
        match &self.who {
            Who::Token(_) => None,
            Who::App { itself, .. } => Some(itself),
        }
    }

    /// What an installation of our App may do, by the number that its webhooks carry. With a token it is what the token may
    /// do.
    ///
    /// # Errors
    ///
    /// When GitHub does not know our App.
    pub async fn installation(&self, id: u64) -> Result<Session, Error> {
        let (auth, itself, installations) = match &self.who {
            Who::Token(session) => return Ok(session.clone()),
            Who::App { auth, itself, installations } => (auth, itself, installations),
        };
        let mut installations = installations.lock().await;
        if let Some(session) = installations.get(&id) {
            return Ok(session.clone());
        }
        let App { slug } = itself.get("/app").await?.json()?;
        let state = AuthState::App(auth.clone());
        // Each installation has limits of its own.
        let session = Session::new(self.http.for_another(), state, Some(format!("{slug}[bot]")));
        let session = session.installation(InstallationId(id))?;
        installations.insert(id, session.clone());
        Ok(session)
    }
}

fn with_token(http: &Client, token: &SecretString, login: Option<&str>) -> Result<Session, CredentialsError> {
    let secret = token.expose_secret();
    if secret.is_empty() || secret.contains(' ') || HeaderValue::from_str(secret).is_err() {
        return Err(CredentialsError::Token);
    }
    let state = AuthState::AccessToken { token: token.clone() };
    Ok(Session::new(http.clone(), state, login.map(str::to_owned)).with_secret(token.clone()))
}
