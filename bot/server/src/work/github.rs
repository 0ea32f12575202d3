//! GitHub as the configuration has it.

use std::sync::{Arc, Mutex, PoisonError};

use triage_forge::github::{Credentials, Github, Repository, Session};
use triage_forge::http::Settings;

use super::failure::Failure;
use super::task::Told;
use crate::config::{Config, GithubConfig};

/// The connection, made at the first use and anew when the configuration changes.
#[derive(Debug, Default)]
pub struct Connection {
    made: Mutex<Option<(Arc<Config>, Github)>>,
}

impl Connection {
    /// With the credentials of the configuration.
    pub fn get(&self, config: &Arc<Config>) -> Result<Github, Failure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, github)) = &*made
            && Arc::ptr_eq(of, config)
        {
            return Ok(github.clone());
        }
        let configured = configured(config)?;
        let api = configured.api.parse().map_err(|error| Failure::Never(format!("github.api: {error}")))?;
        let credentials = Credentials::App { id: configured.app_id, key: configured.key.clone() };
        let mut settings = Settings::new(api);
        // What takes longer comes back from the queue.
        settings.patience = config.work.lease;
        settings.attempts = 3;
        let github = Github::new(settings, &credentials).map_err(|error| Failure::Later(error.to_string(), None))?;
        *made = Some((Arc::clone(config), github.clone()));
        Ok(github)
    }

    /// What may be done in a repository, if it is one that is answered.
    pub async fn session(&self, config: &Arc<Config>, told: &Told) -> Result<(Session, Repository), Failure> {
        if !configured(config)?.repositories.has(&told.repository) {
            return Err(Failure::Never(format!("{} is not configured any more", told.repository)));
        }
        let repository = Repository::parse(&told.repository);
        let repository = repository.ok_or_else(|| Failure::Never("this is no repository of GitHub".into()))?;
        let github = self.get(config)?;
        let session = match told.installation {
            Some(id) => github.installation(id).await?,
            None => github.session(&repository).await?,
        };
        Ok((session, repository))
    }
}

/// What is configured for GitHub.
pub fn configured(config: &Config) -> Result<&GithubConfig, Failure> {
    config.github.as_ref().ok_or_else(|| Failure::Later("GitHub is not configured here".into(), None))
}
