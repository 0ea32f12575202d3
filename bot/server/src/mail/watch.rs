//! Staying: a round whenever mail or the result of a build came, until one is told to stop.
//!
//! One task watches each source in the source's own way: IMAP by IDLE, files by their times. It only
//! says that something came; the round reads it. What was dealt with is known from the database.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use triage_mail::source::{Cursor, Imap, Maildir, Mbox, Quoting, Source, SourceError};
use triage_store::Store;

use crate::args::MailArgs;
use crate::config::{Config, MailConfig};
use crate::error::Error;
use crate::serve::listen::stopped;

/// How long what is due to be sent may wait.
const TICK: Duration = Duration::from_secs(30);
/// What comes shortly after something else is dealt with in the same round.
const GATHER: Duration = Duration::from_millis(500);
/// How long a source that cannot be read is left alone.
const RETRY: Duration = Duration::from_secs(60);
/// How long a source waits before it looks by itself.
const LONGEST: Duration = Duration::from_secs(300);
/// How often the folder of results is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// `triage-bot mail --watch`. A fault of the first round is told at once; later ones are complained
/// of, and the next round tries again.
pub async fn stay(args: &MailArgs, config: &MailConfig) -> Result<(), Error> {
    if !config.send {
        return Err(Error::Usage("--watch sends what is found: set 'send: true', or leave it out".into()));
    }
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    super::round(args, config, None).await?;
    let end = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    rounds(args, config, None, end).await;
    Ok(())
}

/// Within `triage-bot serve`: the same, for as long as mail is configured to be sent. What is sent while the
/// program ends is sent to its end.
pub fn within(
    store: Store,
    mut config: watch::Receiver<Arc<Config>>,
    mut stop: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            while !*stop.borrow() {
                let now = Arc::clone(&config.borrow_and_update());
                let end = async {
                    tokio::select! {
                        () = stopped(&mut stop) => {}
                        changed = config.changed() => if changed.is_err() { std::future::pending().await },
                    }
                };
                match now.mail.as_ref().filter(|mail| mail.send) {
                    Some(mail) => {
                        let args = MailArgs::watching();
                        if let Err(error) = super::round(&args, mail, Some(&store)).await {
                            crate::complain(&error.to_string());
                        }
                        rounds(&args, mail, Some(&store), end).await;
                    }
                    None => end.await,
                }
            }
        });
    })
}

/// A round whenever something comes, until the end. Each is complained of when it fails, and the next one tries again.
async fn rounds(args: &MailArgs, config: &MailConfig, store: Option<&Store>, end: impl Future<Output = ()>) {
    let news = Arc::new(Notify::new());
    // They end with this function.
    let mut watchers = JoinSet::new();
    for source in sources(config) {
        watchers.spawn(listen(source, Arc::clone(&news)));
    }
    if let Some(folder) = &config.results {
        watchers.spawn(watch_folder(folder.clone(), Arc::clone(&news)));
    }
    let mut end = std::pin::pin!(end);
    loop {
        let came = tokio::select! {
            () = &mut end => return,
            () = news.notified() => true,
            () = tokio::time::sleep(TICK) => false,
        };
        let done = if came {
            tokio::time::sleep(GATHER).await;
            super::round(args, config, store).await
        } else {
            super::deliver_due(args, config, store).await
        };
        if let Err(error) = done {
            crate::complain(&error.to_string());
        }
    }
}

/// The configured sources that mail comes to.
fn sources(config: &MailConfig) -> Vec<Source> {
    let maildirs = config.maildirs.iter().map(|folder| Source::Maildir(Maildir::new(folder)));
    let mboxes = config.mboxes.iter().map(|file| Source::Mbox(Mbox::new(file, Quoting::Rd)));
    let imap = config.imap.iter().map(|mailbox| Source::Imap(Box::new(Imap::new(mailbox.clone()))));
    let archives = config.git_archives.iter().map(|archive| Source::GitArchive(archive.clone()));
    maildirs.chain(mboxes).chain(imap).chain(archives).collect()
}

/// Says when mail comes to a source, for ever.
async fn listen(mut source: Source, news: Arc<Notify>) {
    let mut cursor = None;
    let mut last = String::new();
    loop {
        let looked = match look(&mut source, &mut cursor).await {
            Ok(came) => {
                if came {
                    news.notify_one();
                }
                source.wait(LONGEST).await
            }
            Err(error) => Err(error),
        };
        match looked {
            Ok(()) => last.clear(),
            Err(error) => {
                let why = error.to_string();
                // Once, not every minute.
                if why != last {
                    crate::complain(&format!("{why}; it is tried again"));
                }
                last = why;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// True when there is mail behind the cursor, which moves on. The first time there may be: it came
/// between the last round and now.
async fn look(source: &mut Source, cursor: &mut Option<Cursor>) -> Result<bool, SourceError> {
    if cursor.is_none() {
        *cursor = Some(source.end().await?);
        return Ok(true);
    }
    let mut came = false;
    loop {
        let batch = source.read(cursor.as_ref()).await?;
        came |= !batch.messages.is_empty();
        *cursor = Some(batch.cursor);
        if !batch.more {
            return Ok(came);
        }
    }
}

/// Says when something in a folder changes, for ever.
async fn watch_folder(folder: PathBuf, news: Arc<Notify>) {
    let mut before = BTreeMap::new();
    loop {
        let now = files(&folder);
        if now != before {
            news.notify_one();
        }
        before = now;
        tokio::time::sleep(LOOK).await;
    }
}

/// The files of a folder, with the times of their last changes.
fn files(folder: &Path) -> BTreeMap<OsString, Option<SystemTime>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name(), entry.metadata().and_then(|data| data.modified()).ok())).collect()
}
