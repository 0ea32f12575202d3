//! The report on logs, with fixes that were proved where that can be done.

use std::io;
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::sync::OnceCell;
use triage_report::secrets::Masked;

use super::Pool;
use super::failure::Failure;
use super::reading::Log;
use super::task::Told;
use crate::config::Config;
use crate::verify::{self, Wanted};

/// Those who prove, for one configuration; none when it names no tree, or there is no sandbox.
#[derive(Debug, Default)]
pub struct Provers {
    made: tokio::sync::Mutex<Option<(Arc<Config>, Option<verify::Pool>)>>,
    complained: OnceCell<()>,
}

impl Provers {
    async fn get(&self, config: &Arc<Config>) -> Option<verify::Pool> {
        let mut made = self.made.lock().await;
        if let Some((of, pool)) = &*made
            && Arc::ptr_eq(of, config)
        {
            return pool.clone();
        }
        let pool = match config.verify.clone() {
            None => None,
            Some(verify) => match verify::Pool::new(verify).await {
                Ok(pool) => Some(pool),
                Err(why) => {
                    self.complained
                        .get_or_init(|| async { tracing::warn!(%why, "fixes are not verified before replies go out") })
                        .await;
                    None
                }
            },
        };
        *made = Some((Arc::clone(config), pool.clone()));
        pool
    }
}

/// Reads logs, and proves the fixes of what broke when the tree is one that is built here.
pub async fn report(pool: &Pool, told: &Told, commit: &str, logs: Vec<Log>) -> Result<Masked, Failure> {
    let late = |error: io::Error| Failure::Later(format!("a log cannot be kept: {error}"), None);
    let read =
        |logs| async { pool.reading.report(logs).await.map_err(|error| Failure::Later(error.to_string(), None)) };
    let provers = pool.provers.get(&pool.config()).await.filter(|provers| provers.knows(&told.repository));
    let Some(provers) = provers else { return read(logs).await };
    let (logs, files) = tokio::task::spawn_blocking(move || kept(logs))
        .await
        .map_err(|error| Failure::Later(error.to_string(), None))?
        .map_err(late)?;
    let report = read(logs).await?;
    if !verify::is_about_code(&report) {
        return Ok(report);
    }
    let wanted = Wanted {
        tree: told.repository.clone(),
        commit: commit.to_owned(),
        axes: report.builds.first().map(|build| build.axes.clone()).unwrap_or_default(),
        logs: files.iter().map(|file| file.path().to_owned()).collect(),
    };
    match provers.prove(&wanted).await {
        Ok(proof) => {
            let mut report = report.into_report();
            verify::adopt(&mut report, proof);
            Ok(Masked::of(report))
        }
        // The answer goes out all the same, with fixes that say that they are not verified.
        Err(why) => {
            tracing::warn!(%why, repository = told.repository, commit, "nothing was proved");
            Ok(report)
        }
    }
}

/// The logs once more, in files with names.
fn kept(logs: Vec<Log>) -> io::Result<(Vec<Log>, Vec<NamedTempFile>)> {
    let (mut again, mut files) = (Vec::new(), Vec::new());
    for mut log in logs {
        let mut file = NamedTempFile::new()?;
        io::copy(&mut log.content, &mut file)?;
        again.push(Log { content: Box::new(file.reopen()?), ..log });
        files.push(file);
    }
    Ok((again, files))
}
