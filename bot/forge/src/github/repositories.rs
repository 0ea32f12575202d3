//! Which repositories our App is installed on.

use std::time::SystemTime;

use serde::Deserialize;

use super::models::Installation;
use super::{Github, Session};
use crate::http::{Error, rfc3339};

/// A repository that our App is installed on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installed {
    /// Its number, which stays when it is renamed.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
    /// Nothing can be written there any more.
    #[serde(default)]
    archived: bool,
    /// When something was pushed there last, as RFC 3339 has it.
    #[serde(default)]
    pushed_at: Option<String>,
}

impl Github {
    /// What our App may do, for each of its installations that is not suspended
    /// (<https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app>). A token has none.
    ///
    /// # Errors
    ///
    /// When GitHub does not know our App.
    pub async fn installations(&self) -> Result<Vec<Session>, Error> {
        let Some(itself) = self.itself() else { return Ok(Vec::new()) };
        let all: Vec<Installation> = itself.list("/app/installations", None).await?;
        let mut sessions = Vec::new();
        for installation in all.into_iter().filter(|it| it.suspended_at.is_none()) {
            sessions.push(self.installation(installation.id).await?);
        }
        Ok(sessions)
    }
}

impl Session {
    /// The repositories of an installation to which something was pushed since then
    /// (<https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation>).
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked, or this is no installation.
    pub async fn repositories(&self, since: SystemTime) -> Result<Vec<Installed>, Error> {
        let mut all: Vec<Installed> = self.list("/installation/repositories", Some("repositories")).await?;
        let since = rfc3339(since);
        // Both are of the same form, so that the texts are in the order of the times.
        all.retain(|it| !it.archived && it.pushed_at.as_ref().is_none_or(|pushed| *pushed >= since));
        Ok(all)
    }
}
