//! `github:` and `gitlab:`, read and checked.

use std::time::Duration;

use secrecy::SecretString;
use serde_yaml::{Location, Spanned};

use super::Reader;
use super::raw::{RawGithub, RawGitlab, RawSecret};
use crate::error::Error;

/// A GitHub App.
#[derive(Debug, Clone)]
pub struct GithubConfig {
    /// The address of the API, without `/` at its end.
    pub api: String,
    /// The number of the App.
    pub app_id: u64,
    /// Its private key in PEM.
    pub key: SecretString,
    /// One of them signed a webhook.
    pub webhook_secrets: Vec<SecretString>,
    /// Which repositories are answered.
    pub repositories: Allowed,
    /// Whether `/triage` is obeyed.
    pub commands: bool,
    /// How often failed runs are looked for; none: never.
    pub sweep: Option<Duration>,
}

/// A user of GitLab.
#[derive(Debug, Clone)]
pub struct GitlabConfig {
    /// The address of the server, without `/` at its end.
    pub url: String,
    /// The user's token.
    pub token: SecretString,
    /// One of them comes with a webhook.
    pub webhook_secrets: Vec<SecretString>,
    /// Which projects are answered.
    pub projects: Allowed,
    /// Whether the commit gets a status.
    pub status: bool,
    /// Whether `/triage` is obeyed.
    pub commands: bool,
    /// How often failed pipelines are looked for; none: never.
    pub sweep: Option<Duration>,
}

/// Repositories that are answered.
#[derive(Debug, Clone)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// Whether that one is answered. Forges do not tell upper from lower case.
    pub fn has(&self, repository: &str) -> bool {
        let repository = repository.to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(start) => repository.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => *allowed == repository,
        })
    }

    /// Those without `*`.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|name| !name.ends_with('*'))
    }

    /// Whether there are some with `*`, which the forge has to be asked for.
    pub fn has_patterns(&self) -> bool {
        self.0.iter().any(|name| name.ends_with('*'))
    }
}

impl Reader<'_> {
    pub(super) fn github(&self, raw: RawGithub, place: &Location) -> Result<GithubConfig, Error> {
        let key = match (&raw.key_file, &raw.key_env) {
            (Some(file), None) => {
                let text = String::from_utf8(self.file(file)?).ok();
                let text = text.filter(|text| text.contains("PRIVATE KEY-----"));
                SecretString::from(text.ok_or_else(|| self.of_file(file, "this is no private key in PEM"))?)
            }
            (None, Some(name)) => SecretString::from(self.variable(name)?),
            _ => return Err(self.fault(place, "github: give either 'key_file' or 'key_env'")),
        };
        Ok(GithubConfig {
            api: self.web_address(&raw.api)?,
            app_id: raw.app_id,
            key,
            webhook_secrets: self.secrets("github", &raw.webhook_secrets, place)?,
            repositories: self.allowed(&raw.repositories)?,
            commands: raw.commands,
            sweep: every(raw.sweep_minutes),
        })
    }

    pub(super) fn gitlab(&self, raw: RawGitlab, place: &Location) -> Result<GitlabConfig, Error> {
        let token = RawSecret { file: raw.token_file, env: raw.token_env };
        Ok(GitlabConfig {
            url: self.web_address(&raw.url)?,
            token: self.secret(&token, "gitlab", place)?,
            webhook_secrets: self.secrets("gitlab", &raw.webhook_secrets, place)?,
            projects: self.allowed(&raw.projects)?,
            status: raw.status,
            commands: raw.commands,
            sweep: every(raw.sweep_minutes),
        })
    }

    fn secrets(&self, part: &str, raw: &[RawSecret], place: &Location) -> Result<Vec<SecretString>, Error> {
        let part = format!("{part}.webhook_secrets");
        if raw.is_empty() {
            return Err(self.fault(place, &format!("{part}: give one: without it anyone could send webhooks")));
        }
        raw.iter().map(|secret| self.secret(secret, &part, place)).collect()
    }

    fn allowed(&self, raw: &[Spanned<String>]) -> Result<Allowed, Error> {
        for text in raw {
            let (owner, name) = text.value.rsplit_once('/').unwrap_or_default();
            let is_name = |part: &str| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
            };
            if !is_name(owner) || !(is_name(name) || name == "*") {
                let why = format!("'{}' is no repository: write owner/name, or owner/*", text.value);
                return Err(self.fault(&text.referenced, &why));
            }
        }
        Ok(Allowed(raw.iter().map(|text| text.value.to_ascii_lowercase()).collect()))
    }
}

fn every(minutes: u32) -> Option<Duration> {
    (minutes > 0).then(|| Duration::from_secs(u64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_answered() {
        let allowed = Allowed(vec!["valves/pump".into(), "tools/*".into()]);
        assert!(allowed.has("Valves/Pump") && allowed.has("tools/x") && allowed.has("tools/group/x"));
        assert!(!allowed.has("valves/pumps") && !allowed.has("tools/") && !allowed.has("toolsx/y"));
        assert_eq!(allowed.named().collect::<Vec<_>>(), ["valves/pump"]);
    }
}
