//! `/webhook/github` and `/webhook/gitlab`: verified, written down with the work that it makes, answered.
//!
//! The signature is looked at before anything is parsed; what was not signed never reaches a parser. What is not acted on
//! is written down, too, so that a delivery is one of two things: known, or refused.

use std::net::SocketAddr;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use triage_forge::webhook::signature::{BadSecret, GithubSecrets, GitlabSecrets, Refused};
use triage_forge::webhook::{Delivery, Event, Forge, Notice};
use triage_store::Timestamp;

use super::answer::Problem;
use super::intake::Delivered;
use super::{App, body, metrics, source};
use crate::config::{Allowed, Config};
use crate::work::task::{Task, Told};

/// Above this, parsing takes so long that others are let go on meanwhile.
const LARGE: usize = 256 << 10;

/// `/webhook/github`.
pub async fn github(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, &'static str), Problem> {
    take(&app, Forge::Github, peer, request).await
}

/// `/webhook/gitlab`.
pub async fn gitlab(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, &'static str), Problem> {
    take(&app, Forge::Gitlab, peer, request).await
}

async fn take(
    app: &App,
    forge: Forge,
    peer: SocketAddr,
    request: Request,
) -> Result<(StatusCode, &'static str), Problem> {
    let config = app.config();
    let Some(hook) = Hook::of(&config, forge) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("{} is not configured here", forge.name())));
    };
    let (head, body) = request.into_parts();
    let from = source::of(&config.server, peer, &head.headers);
    app.sources.refuse_guesses(from)?;
    let body = body::read(body, config.server.limits.webhook_bytes).await?;
    let is_large = body.len() > LARGE;
    let delivery = match hook.verify(&head.headers, body) {
        Ok(delivery) => delivery,
        Err(refused) => {
            metrics::delivery(forge.name(), "refused");
            app.sources.failure(from);
            tracing::warn!(forge = forge.name(), %from, %refused, "a webhook was refused");
            return Err(Problem::new(refused.status(), refused.to_string()));
        }
    };
    let notice = if is_large { tokio::task::block_in_place(|| delivery.notice()) } else { delivery.notice() };
    let (verdict, task) = match notice {
        Ok(notice) => todo(forge, &notice, hook.allowed),
        Err(error) => {
            tracing::warn!(%error, "a webhook was not understood");
            (format!("not understood: {error}"), None)
        }
    };
    let acted = task.is_some();
    let delivered = Delivered {
        channel: forge.name(),
        keys: delivery.keys().into(),
        verdict,
        job: task.map(|task| task.job(Timestamp::from(SystemTime::now()))),
    };
    match app.intake.take(delivered).await {
        Ok(true) if acted => {
            metrics::delivery(forge.name(), "queued");
            Ok((StatusCode::ACCEPTED, "queued\n"))
        }
        Ok(true) => {
            metrics::delivery(forge.name(), "noted");
            Ok((StatusCode::OK, "noted; there is nothing to do\n"))
        }
        Ok(false) => {
            metrics::delivery(forge.name(), "known");
            Ok((StatusCode::OK, "known already\n"))
        }
        Err(_) => {
            metrics::delivery(forge.name(), "failed");
            Err(Problem::later("the delivery could not be written down; send it again"))
        }
    }
}

/// What a forge's webhooks are checked with.
struct Hook<'a> {
    forge: Forge,
    secrets: &'a [SecretString],
    allowed: &'a Allowed,
}

impl<'a> Hook<'a> {
    fn of(config: &'a Config, forge: Forge) -> Option<Self> {
        let (secrets, allowed) = match forge {
            Forge::Github => config.github.as_ref().map(|it| (&it.webhook_secrets, &it.repositories))?,
            Forge::Gitlab => config.gitlab.as_ref().map(|it| (&it.webhook_secrets, &it.projects))?,
        };
        Some(Self { forge, secrets, allowed })
    }

    fn verify(&self, headers: &HeaderMap, body: Bytes) -> Result<Delivery, Refused> {
        let none = |_: BadSecret| Refused::Unsigned("a secret that can be used, in the configuration,");
        match self.forge {
            Forge::Github => GithubSecrets::new(self.secrets.to_vec()).map_err(none)?.verify(headers, body),
            Forge::Gitlab => {
                // Signing tokens begin with this, as GitLab makes them.
                let is_key = |secret: &&SecretString| secret.expose_secret().starts_with("whsec_");
                let (keys, tokens): (Vec<_>, Vec<_>) = self.secrets.iter().partition(is_key);
                let (keys, tokens): (Vec<_>, Vec<_>) =
                    (keys.into_iter().cloned().collect(), tokens.into_iter().cloned().collect());
                GitlabSecrets::new(tokens, &keys).map_err(none)?.verify(headers, body, SystemTime::now())
            }
        }
    }
}

/// What is to be done about a notice, in words and as work.
fn todo(forge: Forge, notice: &Notice, allowed: &Allowed) -> (String, Option<Task>) {
    let nothing = |why: &str| (why.to_owned(), None);
    let Some(repository) = &notice.repository else { return nothing("it is about no repository") };
    if !allowed.has(&repository.path) {
        return nothing("the repository is not configured");
    }
    let told = Told {
        forge,
        repository: repository.path.clone(),
        repository_id: repository.id,
        installation: notice.installation,
    };
    match &notice.event {
        Event::Run(run) => ("run".to_owned(), Some(Task::run(told, run))),
        Event::Comment(comment) => ("command".to_owned(), Some(Task::command(told, comment))),
        Event::Nothing(why) => nothing(why),
        Event::Ping => nothing("ping"),
        Event::Job(_) => nothing("a job: its run is waited for"),
        Event::Check(_) => nothing("a check: runs are read"),
        Event::Change(_) => nothing("a change: its runs are waited for"),
        Event::Rerequested(_) => nothing("a check that is wanted anew: `/triage retest` does that"),
    }
}
