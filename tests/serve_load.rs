//! A burst of webhooks over many connections: none is lost, none is done twice. What it took is printed.
//!
//! `TRIAGE_WEBHOOKS` says how many (1,000 when it does not), `TRIAGE_CONNECTIONS` over how many connections (50).

#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use triage_tests::services::hub::Hub;
use triage_tests::services::postgres::Postgres;
use triage_tests::services::wait_for;
use triage_tests::serving::{Connection, Place, Running, Webhook};

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One delivery in ten is sent twice. Runs that passed make work, but no replies.
fn burst(name: &str, place: &Place) {
    let webhooks = number("TRIAGE_WEBHOOKS", 1000);
    let connections = number("TRIAGE_CONNECTIONS", 50);
    let mut all: Vec<Webhook> = (1..=webhooks as u64).map(|number| Webhook::run(number, "success")).collect();
    all.extend(all.iter().step_by(10).cloned().collect::<Vec<_>>());
    let (all, next, times) = (Arc::new(all), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let begin = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            let (all, next, times) = (Arc::clone(&all), Arc::clone(&next), Arc::clone(&times));
            let port = place.port;
            thread::spawn(move || {
                let mut connection = Connection::open(port).unwrap();
                let mut own = Vec::new();
                let mut answers = [0; 2];
                while let Some(webhook) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begin = Instant::now();
                    let answer = webhook.send(&mut connection).unwrap();
                    own.push(begin.elapsed());
                    match answer.status {
                        202 => answers[0] += 1,
                        200 => answers[1] += 1,
                        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
                    }
                }
                times.lock().unwrap().extend(own);
                answers
            })
        })
        .collect();
    let answers =
        senders.into_iter().map(|sender| sender.join().unwrap()).fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    let took = begin.elapsed();
    assert_eq!(answers, [webhooks, all.len() - webhooks], "each is taken once, and known from then on");
    let done = wait_for("all jobs to be done", || {
        let metrics = String::from_utf8(place.get("/metrics").unwrap().body).unwrap();
        let count = |state: &str| -> usize {
            let start = format!("triage_jobs{{kind=\"run\",state=\"{state}\"}} ");
            metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0)
        };
        thread::sleep(Duration::from_millis(200));
        assert_eq!(count("dead"), 0);
        (count("done") == webhooks).then(|| count("done"))
    });
    assert_eq!(done, webhooks, "jobs finished = deliveries - duplicates");
    let mut times = times.lock().unwrap().clone();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    eprintln!(
        "{name}: {} webhooks over {connections} connections in {took:.1?}: p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, most {:.1?}; all {done} jobs \
         done after {:.1?}",
        all.len(),
        at(50),
        at(90),
        at(99),
        times[times.len() - 1],
        begin.elapsed()
    );
}

#[test]
fn sqlite() {
    let place = Place::new(&Hub::start(), None, "");
    let _server = place.serve();
    burst("SQLite", &place);
}

#[test]
fn postgresql() {
    let server = Postgres::start();
    let place = Place::new(&Hub::start(), Some(&server.address()), "");
    let _server = place.serve();
    burst("PostgreSQL", &place);
}

/// Runs that failed, with logs that take time to read, for so many processes with one worker each. Prints how many were done
/// in a second, and how much of their time the connections of the database waited for locks.
fn shared_by(processes: usize) {
    let runs = number("TRIAGE_RUNS", 24) as u64;
    let (hub, server) = (Hub::start(), Postgres::start());
    hub.pad(u32::try_from(number("TRIAGE_LINES", 20_000)).unwrap());
    let place = Place::new(&hub, Some(&server.address()), "work: {jobs: 1}\n");
    let _serve = place.serve();
    let _workers: Vec<_> = (1..processes).map(|_| Running::start(place.command("work"))).collect();
    thread::sleep(Duration::from_secs(2));
    let mut connection = Connection::open(place.port).unwrap();
    let begin = Instant::now();
    for run in 1..=runs {
        assert_eq!(Webhook::run(run, "failure").send(&mut connection).unwrap().status, 202);
    }
    let (mut samples, mut waiting) = (0, 0);
    wait_for("all runs to be answered", || {
        let sample = server.query(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        let mut numbers = sample.trim().split('|').map(|text| text.parse::<u32>().unwrap());
        samples += numbers.next().unwrap();
        waiting += numbers.next().unwrap();
        (hub.comments().len() as u64 == runs).then_some(())
    });
    let took = begin.elapsed().as_secs_f64();
    assert!(hub.comments().values().all(|comments| *comments == 1), "none twice");
    let share = f64::from(waiting) / f64::from(samples.max(1)) * 100.0;
    eprintln!(
        "{processes} processes: {:.2} runs a second, {share:.2} % of {samples} samples wait for a lock",
        runs as f64 / took
    );
}

#[test]
fn one_two_and_four_processes() {
    [1, 2, 4].into_iter().for_each(shared_by);
}
