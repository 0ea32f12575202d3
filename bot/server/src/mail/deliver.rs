//! Sends what is due, each mail once.
//!
//! The order is what matters: claimed and committed, then the server is talked to; marked as handed
//! over and committed, then the content leaves; answered, then committed as sent. Whatever ends the
//! program between two of these, the state on the disk says what can have happened.

use triage_mail::manners::backoff;
use triage_mail::reply::Mail;
use triage_mail::send::SendError;
use triage_mail::{Address, MessageId};
use triage_store::{Lookup, Outgoing, StopKind, Store, Timestamp};

use super::{CHANNEL, decide};
use crate::config::MailConfig;
use crate::error::Error;

/// The time over which the rate is counted.
const HOUR: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// How long to wait before a place that does not answer is asked again for a mail.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// Looks for what is in doubt, and sends until nothing is due or the rate is reached.
pub async fn due(config: &MailConfig, store: &Store, now: &impl Fn() -> Timestamp) -> Result<(), Error> {
    look_up(config, store, now).await?;
    loop {
        let mut transaction = store.begin().await?;
        let Some(reply) = transaction.claim(CHANNEL, now()).await? else { return Ok(()) };
        if let Some((until, why)) = hold_back(config, &mut transaction, now()).await? {
            transaction.postpone(&reply.key, until, why, now()).await?;
            transaction.commit().await?;
            continue;
        }
        if let Some(why) = unwanted(&reply, &mut transaction).await? {
            transaction.dead(&reply.key, &why, now()).await?;
            decide::note(&mut transaction, "not sent", &reply.key, &why, now()).await?;
            transaction.commit().await?;
            continue;
        }
        transaction.commit().await?;
        send(config, store, &reply, now).await?;
    }
}

/// Until when nothing is sent, and why.
async fn hold_back(
    config: &MailConfig,
    at: &mut triage_store::Transaction,
    now: Timestamp,
) -> Result<Option<(Timestamp, &'static str)>, Error> {
    if let Some(end) = config.quiet_hours.and_then(|hours| hours.until(now.seconds())) {
        return Ok(Some((Timestamp::from_seconds(end), "these are quiet hours")));
    }
    if at.left_since(CHANNEL, now.before(HOUR)).await? >= config.per_hour {
        return Ok(Some((now.after(HOUR / 6), "enough mails were sent this hour")));
    }
    Ok(None)
}

/// Why a mail that was recorded is not wanted any more: someone said stop in the meantime.
async fn unwanted(reply: &Outgoing, at: &mut triage_store::Transaction) -> Result<Option<String>, Error> {
    let person = reply.recipients.first().map(|person| person.to_ascii_lowercase()).unwrap_or_default();
    let place = reply.place.to_ascii_lowercase();
    for (kind, subject) in [(StopKind::Person, &person), (StopKind::List, &place), (StopKind::Thread, &reply.thread)] {
        if at.is_stopped(kind, subject).await? {
            return Ok(Some(format!("{subject} asked to be left alone")));
        }
    }
    Ok(None)
}

async fn send(config: &MailConfig, store: &Store, reply: &Outgoing, now: &impl Fn() -> Timestamp) -> Result<(), Error> {
    let mail = match mail_of(config, reply) {
        Ok(mail) => mail,
        Err(why) => return failed(config, store, reply, &SendError::Permanent(why), now).await,
    };
    let ready = match config.relay.prepare(&mail).await {
        Ok(ready) => ready,
        Err(error) => return failed(config, store, reply, &error, now).await,
    };
    let refused = ready.refused.clone();
    let mut transaction = store.begin().await?;
    transaction.hand_over(&reply.key, now()).await?;
    transaction.commit().await?;
    match ready.hand_over().await {
        Ok(receipt) => {
            let mut transaction = store.begin().await?;
            transaction.sent(&reply.key, &receipt.answer, now()).await?;
            let to = reply.recipients.join(", ");
            decide::note(&mut transaction, "sent", &to, &format!("<{}> {}", reply.marker, receipt.answer), now())
                .await?;
            for (address, why) in refused {
                crate::complain(&format!("{address} was refused: {why}"));
                decide::note(&mut transaction, "refused", address.as_str(), &why, now()).await?;
            }
            Ok(transaction.commit().await?)
        }
        Err(error) => failed(config, store, reply, &error, now).await,
    }
}

/// The mail as the relay takes it.
fn mail_of(config: &MailConfig, reply: &Outgoing) -> Result<Mail, String> {
    let recipients: Result<Vec<Address>, _> = reply.recipients.iter().map(|text| Address::parse(text)).collect();
    Ok(Mail {
        sender: config.identity.bounces.clone(),
        recipients: recipients.map_err(|error| error.to_string())?,
        message_id: MessageId::parse(&reply.marker).map_err(|error| error.to_string())?,
        content: reply.content.clone(),
    })
}

/// Back-off for what may pass, the operator for what will not, a look for what is in doubt.
async fn failed(
    config: &MailConfig,
    store: &Store,
    reply: &Outgoing,
    error: &SendError,
    now: &impl Fn() -> Timestamp,
) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    let too_old = now().since(reply.created_at) >= config.give_up;
    match error {
        SendError::Transient(why) if !too_old => {
            let attempt = u32::try_from(reply.attempts).unwrap_or(u32::MAX);
            transaction.retry(&reply.key, why, backoff(attempt), now()).await?;
        }
        SendError::Unsure(why) => transaction.unsure(&reply.key, why, config.sent.settle, now()).await?,
        SendError::Transient(why) | SendError::Permanent(why) => {
            transaction.dead(&reply.key, why, now()).await?;
            crate::complain(&format!("a mail to {} will not be sent: {why}", reply.recipients.join(", ")));
            decide::note(&mut transaction, "not sent", &reply.key, why, now()).await?;
        }
    }
    Ok(transaction.commit().await?)
}

/// Looks for the mails that may have arrived.
async fn look_up(config: &MailConfig, store: &Store, now: &impl Fn() -> Timestamp) -> Result<(), Error> {
    let replies = store.begin().await?.to_look_up(CHANNEL, now()).await?;
    for reply in replies {
        let found = match (&config.sent.place, MessageId::parse(&reply.marker)) {
            (Some(place), Ok(id)) => match place.holds(&id).await {
                Ok(true) => Lookup::Found,
                Ok(false) if config.sent.resend => Lookup::Absent,
                Ok(false) => Lookup::Unknown,
                Err(error) => {
                    let why = format!("cannot tell whether it arrived: {error}");
                    let mut transaction = store.begin().await?;
                    transaction.look_later(&reply.key, &why, LOOK_AGAIN, now()).await?;
                    transaction.commit().await?;
                    continue;
                }
            },
            _ => Lookup::Unknown,
        };
        let mut transaction = store.begin().await?;
        transaction.settle(&reply.key, found, now()).await?;
        decide::note(&mut transaction, "looked up", &reply.key, &format!("{found:?}"), now()).await?;
        transaction.commit().await?;
    }
    Ok(())
}
