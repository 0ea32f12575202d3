//! The queue on both databases, by several processes' worth of connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use triage_store::{Error, Job, JobFilter, JobState, NewJob, RunningJob, Store, Timestamp};
#[cfg(target_os = "linux")]
use triage_tests::services::postgres::Postgres;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work);
}

fn new(key: &str, lane: Option<&str>) -> NewJob {
    NewJob {
        kind: "read".into(),
        key: key.into(),
        lane: lane.map(str::to_owned),
        payload: format!("{{\"key\":\"{key}\"}}"),
        priority: 0,
        not_before: NOW,
    }
}

async fn enqueue(store: &Store, jobs: &[NewJob]) -> u64 {
    let mut at = store.begin().await.unwrap();
    let new = at.enqueue(jobs, NOW).await.unwrap();
    at.commit().await.unwrap();
    new
}

async fn claim(store: &Store, limit: usize, now: Timestamp) -> Vec<Job> {
    store.claim_jobs(&["read"], "w", limit, now).await.unwrap()
}

fn keys(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.key.as_str()).collect()
}

async fn finish(store: &Store, job: &Job) {
    let mut at = store.begin().await.unwrap();
    at.finish_job(job, NOW).await.unwrap();
    at.commit().await.unwrap();
}

/// A job is done once, in its order, and by who has it.
async fn one_by_one(store: &Store) {
    let urgent = NewJob { priority: 5, ..new("urgent", None) };
    let later = NewJob { not_before: NOW.after(HOUR), ..new("later", None) };
    assert_eq!(enqueue(store, &[new("a", None), new("b", None), urgent, later, new("a", None)]).await, 4);
    assert_eq!(enqueue(store, &[new("a", None)]).await, 0, "it is there already");
    assert!(store.claim_jobs(&["other"], "w", 9, NOW).await.unwrap().is_empty());
    let jobs = claim(store, 2, NOW).await;
    assert_eq!(keys(&jobs), ["urgent", "a"]);
    assert_eq!(jobs[1].payload, "{\"key\":\"a\"}");
    assert_eq!((jobs[1].state, jobs[1].attempts, jobs[1].worker.as_deref()), (JobState::Running, 1, Some("w")));
    assert_eq!(keys(&claim(store, 9, NOW).await), ["b"]);

    // What a job does and its end are written together, or not at all.
    let mut at = store.begin().await.unwrap();
    assert!(at.see("mail", "x", "done", NOW).await.unwrap());
    at.finish_job(&jobs[0], NOW).await.unwrap();
    at.roll_back().await.unwrap();
    let mut at = store.begin().await.unwrap();
    assert_eq!(at.seen("mail", "x").await.unwrap(), None);
    assert!(at.has_job(&jobs[0]).await.unwrap());
    at.finish_job(&jobs[0], NOW).await.unwrap();
    at.commit().await.unwrap();
    let mut at = store.begin().await.unwrap();
    assert!(matches!(at.finish_job(&jobs[0], NOW).await, Err(Error::Lost(_))), "it is done");
    at.roll_back().await.unwrap();

    // A failure, a wait, and a clock that is set back by an hour meanwhile.
    let mut at = store.begin().await.unwrap();
    at.retry_job(&jobs[1], "the network is gone", Duration::from_secs(60), NOW).await.unwrap();
    at.commit().await.unwrap();
    assert!(claim(store, 9, NOW.after(Duration::from_secs(59))).await.is_empty());
    let again = claim(store, 9, NOW.before(HOUR)).await;
    assert_eq!(keys(&again), ["a", "later"], "rather early than an hour late");
    assert_eq!(again[0].last_error.as_deref(), Some("the network is gone"));

    // The worker is silent; another one takes the job, and the first comes back.
    let mut at = store.begin().await.unwrap();
    let running = at.running_jobs().await.unwrap();
    let silent = *running.iter().find(|job| job.id == again[0].id).unwrap();
    assert!(at.take_job_back(silent, 9, NOW).await.unwrap());
    assert!(!at.take_job_back(silent, 9, NOW).await.unwrap());
    at.commit().await.unwrap();
    let taken = claim(store, 9, NOW).await;
    assert_eq!((taken[0].id, taken[0].attempts), (again[0].id, 3));
    assert_eq!(store.beat(&[(again[0].id, again[0].token)]).await.unwrap(), [again[0].id], "it is told so");
    assert_eq!(store.beat(&[(taken[0].id, taken[0].token)]).await.unwrap(), [] as [i64; 0]);
    let mut at = store.begin().await.unwrap();
    assert!(!at.has_job(&again[0]).await.unwrap());
    assert!(matches!(at.finish_job(&again[0], NOW).await, Err(Error::Lost(_))));
    assert!(matches!(at.bury_job(&again[0], "no", NOW).await, Err(Error::Lost(_))));
    let stale = RunningJob { beat: silent.beat, token: taken[0].token, id: taken[0].id };
    assert!(!at.take_job_back(stale, 9, NOW).await.unwrap(), "it was heard of");
    // What ends its workers three times is left to the operator.
    let running = at.running_jobs().await.unwrap();
    let silent = *running.iter().find(|job| job.id == taken[0].id).unwrap();
    assert!(at.take_job_back(silent, 3, NOW).await.unwrap());
    let dead = at.job(taken[0].id).await.unwrap().unwrap();
    assert_eq!(dead.state, JobState::Dead);
    assert!(at.requeue_job(dead.id, NOW).await.unwrap() && !at.requeue_job(dead.id, NOW).await.unwrap());
    at.commit().await.unwrap();
    let anew = claim(store, 1, NOW).await;
    assert_eq!((anew[0].id, anew[0].attempts), (dead.id, 1));
    let mut at = store.begin().await.unwrap();
    at.release_job(&anew[0], NOW).await.unwrap();
    at.commit().await.unwrap();
    let anew = claim(store, 1, NOW).await;
    assert_eq!(anew[0].attempts, 1, "giving it back is no failure");

    let mut at = store.begin().await.unwrap();
    at.bury_job(&anew[0], "it never works", NOW).await.unwrap();
    let found = at.jobs(&JobFilter { state: Some(JobState::Dead), kind: Some("read"), limit: 9 }).await.unwrap();
    assert_eq!((keys(&found), found[0].last_error.as_deref()), (vec!["a"], Some("it never works")));
    assert!(at.drop_job(anew[0].id, "dropped", NOW).await.unwrap());
    let counts: BTreeMap<JobState, u64> =
        at.count_jobs().await.unwrap().into_iter().map(|count| (count.state, count.jobs)).collect();
    assert_eq!(counts, BTreeMap::from([(JobState::Running, 2), (JobState::Done, 2)]));
    assert_eq!(at.forget_jobs(NOW.after(HOUR)).await.unwrap(), 2);
    let seen = at.see_all(&[("github", "1", "a"), ("mail", "1", "b"), ("github", "1", "c")], NOW).await.unwrap();
    assert_eq!(seen, [true, true, false]);
    assert_eq!(at.see_all(&[("github", "1", "a"), ("github", "2", "b")], NOW).await.unwrap(), [false, true]);
    at.commit().await.unwrap();
}

/// Of a lane one runs at a time, in order; lanes do not wait for each other.
async fn lanes(store: &Store) {
    let jobs = [new("p1", Some("p")), new("p2", Some("p")), new("q1", Some("q")), new("p3", Some("p"))];
    enqueue(store, &jobs).await;
    let first = claim(store, 9, NOW).await;
    assert_eq!(keys(&first), ["p1", "q1"]);
    assert!(claim(store, 9, NOW).await.is_empty());
    finish(store, &first[1]).await;
    let mut at = store.begin().await.unwrap();
    at.retry_job(&first[0], "not now", Duration::from_secs(60), NOW).await.unwrap();
    at.commit().await.unwrap();
    assert!(claim(store, 9, NOW).await.is_empty(), "the order stays while the first waits");
    for key in ["p1", "p2", "p3"] {
        let next = claim(store, 9, NOW.after(HOUR)).await;
        assert_eq!(keys(&next), [key]);
        finish(store, &next[0]).await;
    }
}

/// Twelve that open an empty database at once, and then share the work.
async fn together(address: &str) {
    const JOBS: usize = 600;
    let open: Vec<_> = (0..12).map(|_| tokio::spawn(Store::open(address.to_owned().leak()))).collect();
    let mut stores = Vec::new();
    for store in open {
        stores.push(store.await.unwrap().unwrap());
    }
    let jobs: Vec<NewJob> = (0..JOBS)
        .map(|number| {
            let lane = (number % 2 == 0).then(|| format!("lane {}", number % 14));
            new(&number.to_string(), lane.as_deref())
        })
        .collect();
    // Half of them by each of two, at once.
    let (left, right) = tokio::join!(enqueue(&stores[0], &jobs), enqueue(&stores[1], &jobs));
    assert_eq!(left + right, JOBS as u64);
    let done = Arc::new(Mutex::new(Vec::new()));
    let busy = Arc::new(Mutex::new(BTreeSet::new()));
    let workers: Vec<_> = stores
        .into_iter()
        .map(|store| {
            let (done, busy) = (Arc::clone(&done), Arc::clone(&busy));
            tokio::spawn(async move {
                while done.lock().unwrap().len() < JOBS {
                    let jobs = claim(&store, 3, NOW).await;
                    for job in &jobs {
                        let is_alone = job.lane.is_none() || busy.lock().unwrap().insert(job.lane.clone());
                        assert!(is_alone, "two of {:?} at once", job.lane);
                    }
                    for job in &jobs {
                        let mut at = store.begin().await.unwrap();
                        assert!(at.see("done", &job.key, "", NOW).await.unwrap(), "{} is done twice", job.key);
                        at.finish_job(job, NOW).await.unwrap();
                        busy.lock().unwrap().remove(&job.lane);
                        at.commit().await.unwrap();
                        done.lock().unwrap().push(job.key.clone());
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let done: BTreeSet<String> = done.lock().unwrap().iter().cloned().collect();
    assert_eq!(done.len(), JOBS);
}

/// Who waits for work is woken by who writes it down: `same` is another connection, or the same.
async fn woken(listening: &Store, writing: &Store) {
    let mut wake = listening.listen().await.unwrap();
    let begin = Instant::now();
    let (store, job) = (writing.clone(), new("wake", None));
    let writer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        enqueue(&store, &[job]).await
    });
    wake.wait(Duration::from_secs(60)).await;
    assert!(begin.elapsed() < Duration::from_secs(30), "nobody woke it");
    assert_eq!(writer.await.unwrap(), 1);
}

#[test]
fn sqlite() {
    let folder = triage_tests::folder();
    let address = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run(async {
        one_by_one(&Store::open(&address("one.db")).await.unwrap()).await;
        lanes(&Store::open(&address("two.db")).await.unwrap()).await;
        together(&address("three.db")).await;
        let store = Store::open(&address("four.db")).await.unwrap();
        woken(&store, &store).await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn postgresql() {
    let server = Postgres::start();
    run(async { one_by_one(&Store::open(&server.address()).await.unwrap()).await });
    let server = Postgres::start();
    run(async { lanes(&Store::open(&server.address()).await.unwrap()).await });
    let server = Postgres::start();
    run(together(&server.address()));
    let server = Postgres::start();
    run(async {
        let address = server.address();
        woken(&Store::open(&address).await.unwrap(), &Store::open(&address).await.unwrap()).await;
    });
}
