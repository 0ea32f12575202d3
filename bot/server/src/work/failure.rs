//! Why a job was not done, by what is to be done about it.

use std::time::{Duration, SystemTime};

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may pass: the job is tried again, not before that time when it is known.
    #[error("{0}")]
    Later(String, Option<Duration>),
    /// It will not pass: an operator has to look.
    #[error("{0}")]
    Never(String),
    /// The memory failed, or another worker has the job.
    #[error(transparent)]
    Store(#[from] triage_store::Error),
}

impl From<triage_forge::http::Error> for Failure {
    fn from(error: triage_forge::http::Error) -> Self {
        use triage_forge::http::Kind;
        let why = error.to_string();
        match error.kind {
            // Keys and rights are put right by people, and then it goes on.
            Kind::Unauthorized | Kind::Forbidden => Self::Later(why, None),
            _ if error.is_transient() => Self::Later(why, error.wait(SystemTime::now())),
            _ => Self::Never(why),
        }
    }
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        match error {
            crate::error::Error::Store(error) => Self::Store(error),
            other => Self::Later(other.to_string(), None),
        }
    }
}
