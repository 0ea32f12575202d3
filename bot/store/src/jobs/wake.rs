//! Waiting for work: PostgreSQL tells its listeners, SQLite the process that wrote it. Where neither
//! does, the time runs out and the caller looks.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::Notify;

use super::CHANNEL;
use crate::database::{Error, Store};

/// Waits for work.
#[derive(Debug)]
pub struct Wake {
    here: Arc<Notify>,
    there: Option<PgListener>,
}

impl Store {
    /// Listens for work. One at a time in a process: what one hears is not told to another.
    pub async fn listen(&self) -> Result<Wake, Error> {
        let there = match self.postgres() {
            None => None,
            Some(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen(CHANNEL).await?;
                Some(listener)
            }
        };
        Ok(Wake { here: self.woken(), there })
    }
}

impl Wake {
    /// Returns when there is work, or after `longest`.
    pub async fn wait(&mut self, longest: Duration) {
        let Self { here, there } = self;
        let heard = async {
            match there {
                None => std::future::pending().await,
                // It connects anew by itself; until then the caller looks from time to time.
                Some(listener) => {
                    if listener.recv().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        };
        tokio::select! {
            () = here.notified() => {}
            () = heard => {}
            () = tokio::time::sleep(longest) => {}
        }
    }
}
