//! Who may give commands.

use super::models::Permission;
use super::session::path;
use super::{Repository, Session};
use crate::http::Error;

impl Session {
    /// Whether an account may push to a repository. `author_association` in webhooks does not tell: a `MEMBER` of an
    /// organisation may have no right to a repository of it.
    ///
    /// GitHub knows more roles than it says here: `maintain` is `write`, `triage` is `read`
    /// (<https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>).
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked. An account that does not exist may not.
    pub async fn may_write(&self, repository: &Repository, login: &str) -> Result<bool, Error> {
        let asked = path(&["repos", &repository.owner, &repository.name, "collaborators", login, "permission"]);
        match self.get(&asked).await {
            Ok(reply) => {
                let Permission { permission } = reply.json()?;
                Ok(matches!(permission.as_str(), "admin" | "write" | "maintain"))
            }
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
