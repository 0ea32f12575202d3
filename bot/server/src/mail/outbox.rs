//! The outbox, and who is left alone, as an operator sees them.

use std::io::{self, Write};
use std::time::SystemTime;

use triage_store::{Outgoing, State, Store, Timestamp, Transaction};

use super::{CHANNEL, decide};
use crate::args::{OutboxArgs, StopsArgs};
use crate::config::Config;
use crate::error::Error;

/// Mails of one state that are listed.
const LISTED: u32 = 1000;

/// `triage-bot outbox`.
pub async fn run(args: &OutboxArgs, config: &Config) -> Result<(), Error> {
    let store = Store::open(&config.database).await?;
    let mut at = store.begin().await?;
    let now = Timestamp::from(SystemTime::now());
    match (&args.resend, &args.drop) {
        (Some(key), _) => {
            at.requeue(key, now).await?;
            decide::note(&mut at, "resend", key, "the operator said so", now).await?;
        }
        (None, Some(key)) => {
            at.dead(key, "dropped by the operator", now).await?;
            decide::note(&mut at, "drop", key, "the operator said so", now).await?;
        }
        (None, None) => list(&mut at).await?,
    }
    at.commit().await?;
    store.close().await;
    Ok(())
}

/// `triage-bot stops`.
pub async fn stops(args: &StopsArgs, config: &Config) -> Result<(), Error> {
    let store = Store::open(&config.database).await?;
    let mut at = store.begin().await?;
    let now = Timestamp::from(SystemTime::now());
    let stops = at.stops().await?;
    match &args.resume {
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            for stop in stops {
                writeln!(out, "{} {} (said {} in <{}>)", stop.kind.name(), stop.subject, stop.said_by, stop.said_in)?;
            }
            out.flush()?;
        }
        Some(who) => {
            let found: Vec<_> = stops.iter().filter(|stop| stop.subject.eq_ignore_ascii_case(who)).collect();
            if found.is_empty() {
                return Err(Error::Usage(format!("'{who}' did not ask to be left alone")));
            }
            for stop in found {
                at.resume(stop.kind, &stop.subject).await?;
                decide::note(&mut at, "resume", &stop.subject, "the operator said so", now).await?;
            }
        }
    }
    at.commit().await?;
    store.close().await;
    Ok(())
}

async fn list(at: &mut Transaction) -> Result<(), Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for state in State::ALL.into_iter().filter(|state| *state != State::Sent) {
        for reply in at.replies(CHANNEL, state, LISTED).await? {
            writeln!(out, "{}", line(&reply))?;
        }
    }
    Ok(out.flush()?)
}

/// Says on standard error what is left after a round.
pub async fn complain_of_stuck(at: &mut Transaction) -> Result<(), Error> {
    for state in [State::Pending, State::Unsure] {
        for reply in at.replies(CHANNEL, state, LISTED).await? {
            crate::complain(&line(&reply));
        }
    }
    Ok(())
}

/// Key, state, to whom, and why it is still there.
fn line(reply: &Outgoing) -> String {
    let why = reply.last_error.as_deref().unwrap_or("its time has not come");
    format!("{} {} to {}: {why}", reply.key, reply.state.name(), reply.recipients.join(", "))
}
