//! Reads logs, away from what has to answer quickly: a bounded number at once, each on a thread of its own.

use std::io::Read;
use std::sync::Arc;

use tokio::sync::Semaphore;
use triage_causes::matrix::axes::{self, Axes};
use triage_causes::{Analyzer, Options, Report};
use triage_log::container::Limits;
use triage_report::secrets::Masked;
use triage_rules::RuleBook;

use crate::builds;
use crate::error::reason;

/// Reads logs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reading {
    book: Arc<RuleBook>,
    turns: Arc<Semaphore>,
    limits: Limits,
}

/// A log to be read.
pub struct Log {
    /// What it is called.
    pub name: String,
    /// What it is a build of, as far as that is known from elsewhere.
    pub axes: Axes,
    /// Its bytes, perhaps packed.
    pub content: Box<dyn Read + Send>,
}

/// The thread that read ended early.
#[derive(Debug, thiserror::Error)]
#[error("the reading of a log broke off")]
pub struct BrokenOff;

impl Reading {
    /// So many at once, each with so many bytes unpacked.
    pub fn new(at_once: usize, bytes: u64) -> Self {
        let limits = Limits { bytes, ..Limits::default() };
        Self { book: Arc::new(RuleBook::embedded()), turns: Arc::new(Semaphore::new(at_once.max(1))), limits }
    }

    /// The report on logs. They are read to their ends even when nobody waits any more, but the turn is kept until then.
    pub async fn report(&self, logs: Vec<Log>) -> Result<Masked, BrokenOff> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| BrokenOff)?;
        let (book, limits) = (Arc::clone(&self.book), self.limits);
        let read = tokio::task::spawn_blocking(move || {
            let report = read(&book, logs, limits);
            drop(turn);
            builds::masked(report)
        });
        read.await.map_err(|_| BrokenOff)
    }
}

fn read(book: &RuleBook, logs: Vec<Log>, limits: Limits) -> Report {
    let mut analyzer = Analyzer::new(book, Options::default());
    let mut known: Vec<(String, Axes)> = Vec::new();
    for mut log in logs {
        let mut see = |name: &str| known.push((name.to_owned(), log.axes.clone()));
        if let Err(error) = builds::read_into(&mut analyzer, &log.name, &mut log.content, limits, &mut see) {
            analyzer.problem(log.name, reason(&error));
        }
    }
    let mut report = analyzer.finish();
    for build in &mut report.builds {
        if let Some((_, more)) = known.iter().find(|(name, _)| *name == build.id) {
            // What was said of the build counts more than what its log shows.
            let found = std::mem::replace(&mut build.axes, more.clone());
            axes::fill(&mut build.axes, &found);
        }
    }
    report
}
