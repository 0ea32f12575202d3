//! What the bot remembers: mails and deliveries that came in, series, builds, causes, what people
//! said, the replies that go out, and the work that is to be done.
//!
//! Everything happens in a [`Transaction`]. What came in and what is to be answered are written in
//! the same one, so that a crash leaves either both or none: a message that was seen has its reply
//! in the outbox, and a message whose reply was not recorded is read again.
//!
//! One text of SQL serves SQLite (the default, one file) and PostgreSQL (many processes).
//! No clock is read here; the time is passed in.

mod archive;
mod builds;
mod causes;
mod commands;
mod database;
mod history;
mod inbox;
mod jobs;
mod lock;
mod outbox;
mod pages;
mod requests;
mod retention;
mod schema;
mod search;
mod states;
mod time;

pub use archive::{ArchivedCause, ArchivedCheckout, ArchivedFix, Occurrence};
pub use builds::{LineKind, NewBuild, NewCheckout};
pub use causes::{KnownCause, ProposedFix, SeenCause, Verdict};
pub use commands::{Audit, RecordedCommand, Stop, StopKind};
pub use database::{Error, Store, Transaction};
pub use history::{History, Reach, Said, Worked};
pub use inbox::{SeriesRecord, SeriesVersion};
pub use jobs::{Job, JobCount, JobFilter, JobState, LeaseWatch, NewJob, RunningJob, Wake, backoff};
pub use lock::SenderLock;
pub use outbox::{Counted, Lookup, NewReply, Outgoing, Recorded, Recovered, State};
pub use pages::{Build, Checkout, Day, Line, ListedCause, ToldIn, Which};
pub use requests::{DoneRequest, StoredBuild};
pub use retention::{Retention, Swept};
pub use search::Cursor;
pub use time::Timestamp;

#[cfg(test)]
mod tests;
