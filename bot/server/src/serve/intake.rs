//! Writes deliveries down, many in one commit: a commit waits for the disk, and a burst of ten thousand has no time for
//! ten thousand of them.
//!
//! Who asked is answered after the commit. Then the delivery is on the disk, with its job.

use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use triage_store::{NewJob, Store, Timestamp};

/// Deliveries of one commit.
const TOGETHER: usize = 256;
/// Deliveries that wait for the next one.
const WAITING: usize = 2048;
/// How often a commit is tried that fails for now.
const TRIES: u32 = 4;
/// The break between two tries.
const BREAK: Duration = Duration::from_millis(100);

/// A delivery to be written down.
#[derive(Debug)]
pub struct Delivered {
    /// `github` or `gitlab`.
    pub channel: &'static str,
    /// What it is known by; it is new when none of them is.
    pub keys: Vec<String>,
    /// What is done about it, in words.
    pub verdict: String,
    /// The work that it makes.
    pub job: Option<NewJob>,
}

/// The database did not take it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database does not take deliveries: {0}")]
pub struct NotTaken(String);

/// Takes deliveries in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    queue: mpsc::Sender<(Delivered, oneshot::Sender<Result<bool, NotTaken>>)>,
}

impl Intake {
    /// Begins to take in; it ends with the last clone.
    pub fn new(store: Store) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(Delivered, oneshot::Sender<_>)>(WAITING);
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let mut batch = vec![first];
                while batch.len() < TOGETHER
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                let (deliveries, askers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
                let taken = take(&store, &deliveries).await;
                for (number, asker) in askers.into_iter().enumerate() {
                    let answer = taken.clone().map(|new| new.get(number).copied().unwrap_or_default());
                    // Who went away in the meantime does not need the answer.
                    drop(asker.send(answer));
                }
            }
        });
        Self { queue }
    }

    /// Writes a delivery down; false when it was known already.
    ///
    /// # Errors
    ///
    /// When the database does not take it; then it may come again.
    pub async fn take(&self, delivered: Delivered) -> Result<bool, NotTaken> {
        let gone = || NotTaken("the program ends".to_owned());
        let (asker, answer) = oneshot::channel();
        self.queue.send((delivered, asker)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn take(store: &Store, deliveries: &[Delivered]) -> Result<Vec<bool>, NotTaken> {
    let mut tries = 1;
    loop {
        match write(store, deliveries).await {
            Ok(new) => return Ok(new),
            Err(error) if error.is_transient() && tries < TRIES => tokio::time::sleep(BREAK * tries).await,
            Err(error) => {
                tracing::error!(%error, deliveries = deliveries.len(), "deliveries were not taken");
                return Err(NotTaken(error.to_string()));
            }
        }
        tries += 1;
    }
}

async fn write(store: &Store, deliveries: &[Delivered]) -> Result<Vec<bool>, triage_store::Error> {
    let now = Timestamp::from(SystemTime::now());
    let messages: Vec<(&str, &str, &str)> = deliveries
        .iter()
        .flat_map(|it| it.keys.iter().map(|key| (it.channel, key.as_str(), it.verdict.as_str())))
        .collect();
    let mut at = store.begin().await?;
    let mut written = at.see_all(&messages, now).await?.into_iter();
    let new: Vec<bool> =
        deliveries.iter().map(|it| written.by_ref().take(it.keys.len()).fold(true, |all, one| all & one)).collect();
    let jobs = deliveries.iter().zip(&new).filter(|(_, new)| **new).filter_map(|(it, _)| it.job.clone());
    at.enqueue(&jobs.collect::<Vec<_>>(), now).await?;
    at.commit().await?;
    Ok(new)
}
