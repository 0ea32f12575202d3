//! The configuration: `triage.yaml`, read, checked, with its secrets.
//!
//! [`raw`] is what may be written. Faults are said at file:line:column, with what to write instead.

mod forge;
mod mail;
pub mod raw;
mod server;
mod verify;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde_yaml::{Location, Spanned};
use triage_mail::reply::Templates;
use triage_rules::error::place_of;
use triage_store::Retention;

pub use self::forge::{Allowed, GithubConfig, GitlabConfig};
pub use self::mail::{List, MailConfig};
use self::raw::{RawConfig, RawRetention, RawSecret};
pub use self::server::{Access, ServerConfig, Token, WorkConfig};
pub use self::verify::{Limits, Tree, VerifyConfig, beside_us};
use crate::error::{Error, reason};

/// A configuration that can be worked with. Paths are from here.
#[derive(Debug)]
pub struct Config {
    /// What the bot remembers: a file or an address.
    pub database: String,
    /// How long and how much is remembered.
    pub retention: Retention,
    /// What it listens on, and to whom.
    pub server: ServerConfig,
    /// How the work is done.
    pub work: WorkConfig,
    /// A GitHub App.
    pub github: Option<GithubConfig>,
    /// A user of GitLab.
    pub gitlab: Option<GitlabConfig>,
    /// How fixes are proved.
    pub verify: Option<VerifyConfig>,
    /// Mail.
    pub mail: Option<MailConfig>,
}

impl Config {
    /// Puts in what was typed.
    pub fn replace(&mut self, database: Option<&str>, listen: Option<SocketAddr>) {
        if let Some(database) = database {
            database.clone_into(&mut self.database);
            if let Some(mail) = &mut self.mail {
                database.clone_into(&mut mail.database);
            }
        }
        if let Some(listen) = listen {
            self.server.listen = listen;
        }
    }

    /// What is configured for mail.
    ///
    /// # Errors
    ///
    /// When nothing is.
    pub fn mail(&self) -> Result<&MailConfig, Error> {
        self.mail.as_ref().ok_or_else(|| Error::Config("the configuration has no 'mail:'".into()))
    }
}

/// Reads a configuration with all that it names.
pub fn load(path: &Path) -> Result<Config, Error> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::Config(format!("{}: this is not UTF-8", path.display())),
        _ => Error::Config(format!("{}: {}", path.display(), reason(&error))),
    })?;
    Reader { path, folder: path.parent().unwrap_or(Path::new("")) }.config(parse(path, &text)?)
}

/// Reads the text of a configuration.
pub fn parse(path: &Path, text: &str) -> Result<RawConfig, Error> {
    serde_yaml::from_str(text).map_err(|error| {
        let (line, column, message) = place_of(&error);
        Error::Config(format!("{}:{line}:{column}: {message}", path.display()))
    })
}

fn retention(raw: &RawRetention) -> Retention {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    Retention {
        builds: raw.builds_days.map(days),
        reports: raw.reports_days.map(days),
        texts: raw.texts_days.map(days),
        audit: raw.audit_days.map(days),
        max_bytes: raw.max_database_mb.map(|size| u64::from(size) * 1_000_000),
    }
}

/// What faults and relative paths refer to.
struct Reader<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl Reader<'_> {
    fn config(&self, raw: RawConfig) -> Result<Config, Error> {
        let database = match raw.database.contains("://") {
            true => raw.database,
            false => self.folder.join(&raw.database).to_string_lossy().into_owned(),
        };
        let folder = raw.templates.as_ref().map(|folder| self.folder.join(&folder.value));
        let place = raw.templates.map_or(Location::UNKNOWN, |folder| folder.referenced);
        let templates = Templates::load(folder.as_deref()).map_err(|error| self.fault(&place, &error.to_string()))?;
        let mut mail = raw.mail.map(|mail| self.mail(mail, &database, templates)).transpose()?;
        let server = self.server(raw.server)?;
        if let Some(mail) = &mut mail {
            mail.dashboard.clone_from(&server.url);
        }
        let work = self.work(&raw.work)?;
        let github = raw.github.map(|github| self.github(github.value, &github.referenced)).transpose()?;
        let gitlab = raw.gitlab.map(|gitlab| self.gitlab(gitlab.value, &gitlab.referenced)).transpose()?;
        let verify = raw.verify.map(|verify| self.verify(verify.value, &verify.referenced)).transpose()?;
        let retention = retention(&raw.retention);
        Ok(Config { database, retention, server, work, github, gitlab, verify, mail })
    }

    fn password(
        &self,
        file: Option<&Spanned<PathBuf>>,
        variable: Option<&Spanned<String>>,
    ) -> Result<Option<String>, Error> {
        match (file, variable) {
            (Some(file), None) => self.secret_file(file).map(Some),
            (None, Some(name)) => self.variable(name).map(Some),
            (None, None) => Ok(None),
            (Some(_), Some(name)) => {
                Err(self.fault(&name.referenced, "give 'password_file' or 'password_env', not both"))
            }
        }
    }

    /// A secret of a part of the configuration, which stands at that place.
    fn secret(&self, raw: &RawSecret, part: &str, place: &Location) -> Result<SecretString, Error> {
        match (&raw.file, &raw.env) {
            (Some(file), None) => self.secret_file(file).map(SecretString::from),
            (None, Some(name)) => self.variable(name).map(SecretString::from),
            _ => {
                let why = format!("'{part}' needs a secret: give either a file or an environment variable");
                Err(self.fault(place, &why))
            }
        }
    }

    /// What an environment variable holds.
    fn variable(&self, name: &Spanned<String>) -> Result<String, Error> {
        let value = std::env::var(&name.value).ok().filter(|value| !value.is_empty());
        value
            .ok_or_else(|| self.fault(&name.referenced, &format!("the environment variable {} is not set", name.value)))
    }

    /// The first line of a file. What is in it is never shown.
    fn secret_file(&self, file: &Spanned<PathBuf>) -> Result<String, Error> {
        let text = String::from_utf8(self.file(file)?).map_err(|_| self.of_file(file, "this is not UTF-8"))?;
        let line = text.lines().next().unwrap_or_default().trim_end();
        if line.is_empty() { Err(self.of_file(file, "the first line is empty")) } else { Ok(line.to_owned()) }
    }

    /// What is in a file that the configuration names.
    fn file(&self, file: &Spanned<PathBuf>) -> Result<Vec<u8>, Error> {
        fs::read(self.folder.join(&file.value)).map_err(|error| self.of_file(file, &reason(&error)))
    }

    fn of_file(&self, file: &Spanned<PathBuf>, why: &str) -> Error {
        self.fault(&file.referenced, &format!("{}: {why}", self.folder.join(&file.value).display()))
    }

    fn fault(&self, at: &Location, message: &str) -> Error {
        let path = self.path.display();
        Error::Config(match *at == Location::UNKNOWN {
            true => format!("{path}: {message}"),
            false => format!("{path}:{}:{}: {message}", at.line(), at.column()),
        })
    }
}

#[cfg(test)]
mod tests;
