//! The queue as an operator sees it: `triage-bot jobs`.

use std::io::{self, Write};
use std::time::SystemTime;

use triage_store::{Audit, Job, JobFilter, JobState, Store, Timestamp, Transaction};

use crate::args::JobsArgs;
use crate::config::Config;
use crate::error::Error;

/// Jobs that are listed.
const LISTED: u32 = 1000;

/// `triage-bot jobs`.
pub async fn run(args: &JobsArgs, config: &Config) -> Result<(), Error> {
    let store = Store::open(args.database.as_deref().unwrap_or(&config.database)).await?;
    let mut at = store.begin().await?;
    let now = Timestamp::from(SystemTime::now());
    if let Some(id) = args.show {
        show(&existing(&mut at, id).await?)?;
    } else if let Some(id) = args.requeue {
        let job = existing(&mut at, id).await?;
        if !at.requeue_job(id, now).await? {
            return Err(Error::Usage(format!("job {id} is {}, not dead", job.state.name())));
        }
        note(&mut at, "requeue", &job, now).await?;
    } else if let Some(id) = args.drop {
        let job = existing(&mut at, id).await?;
        if !at.drop_job(id, "dropped by the operator", now).await? {
            return Err(Error::Usage(format!(
                "job {id} is {}; only one that waits or is dead can be dropped",
                job.state.name()
            )));
        }
        note(&mut at, "drop", &job, now).await?;
    } else if args.requeue_all {
        let dead = at.jobs(&JobFilter { state: Some(JobState::Dead), kind: None, limit: u32::MAX }).await?;
        for job in &dead {
            at.requeue_job(job.id, now).await?;
            note(&mut at, "requeue", job, now).await?;
        }
        writeln!(io::stdout(), "{} begun anew", triage_report::words::count(dead.len() as u64, "job", "jobs"))?;
    } else {
        list(args.state.as_deref(), &mut at).await?;
    }
    at.commit().await?;
    store.close().await;
    Ok(())
}

async fn existing(at: &mut Transaction, id: i64) -> Result<Job, Error> {
    at.job(id).await?.ok_or_else(|| Error::Usage(format!("there is no job {id}")))
}

async fn note(at: &mut Transaction, action: &str, job: &Job, now: Timestamp) -> Result<(), Error> {
    let (action, subject) = (action.to_owned(), format!("job {} {} {}", job.id, job.kind, job.key));
    let entry = Audit { at: now, actor: "operator".into(), action, subject, detail: "the operator said so".into() };
    Ok(at.audit(&entry).await?)
}

async fn list(state: Option<&str>, at: &mut Transaction) -> Result<(), Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for one in JobState::ALL {
        if state.map_or(one == JobState::Done, |state| state != one.name()) {
            continue;
        }
        let jobs = at.jobs(&JobFilter { state: Some(one), kind: None, limit: LISTED }).await?;
        for job in &jobs {
            writeln!(out, "{}", line(job))?;
        }
        if jobs.len() == LISTED as usize {
            writeln!(out, "… and older ones that are {}", one.name())?;
        }
    }
    Ok(out.flush()?)
}

/// Number, state, what it is about, how often it was tried and why that is.
fn line(job: &Job) -> String {
    let tried = triage_report::words::count(u64::try_from(job.attempts).unwrap_or(0), "attempt", "attempts");
    let why = job.last_error.as_ref().map(|why| format!(": {}", triage_report::safe::line(why))).unwrap_or_default();
    format!("{} {} {} {} ({tried}){why}", job.id, job.state.name(), job.kind, job.key)
}

fn show(job: &Job) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(job))?;
    writeln!(out, "worker: {}", job.worker.as_deref().unwrap_or("none"))?;
    writeln!(
        out,
        "created, changed, ready (milliseconds since 1970): {} {} {}",
        job.created_at.millis(),
        job.changed_at.millis(),
        job.ready_at.millis()
    )?;
    Ok(writeln!(out, "{}", job.payload)?)
}
