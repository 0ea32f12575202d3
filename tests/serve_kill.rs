//! Every delivery ends in one reply, whatever is killed whenever.
//!
//! `TRIAGE_KILLS` says how many times (12 when it does not). Each time something chosen at random is killed with SIGKILL at
//! a random moment: the server, a worker, or PostgreSQL itself; meanwhile the forge answers one request in twenty with 500.

#![cfg(target_os = "linux")]

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use triage_tests::services::clock::Clock;
use triage_tests::services::hub::Hub;
use triage_tests::services::postgres::Postgres;
use triage_tests::services::wait_for;
use triage_tests::serving::{Connection, Place, Running, Webhook};

/// Deliveries for each kill.
const DELIVERIES: u64 = 4;
/// For how long no reply may come. Many kills leave much to be done.
const LONGEST: Duration = Duration::from_secs(120);
const WORK: &str = "work: {jobs: 2, lease_seconds: 2, poll_seconds: 1, attempts: 100}\n";

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

fn kills() -> u64 {
    std::env::var("TRIAGE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Sends it until it is taken, as a forge's operator would.
fn deliver(place: &Place, number: u64) {
    let webhook = Webhook::run(number, "failure");
    wait_for("the delivery to be taken", || {
        let answer = Connection::open(place.port).and_then(|mut connection| webhook.send(&mut connection));
        match answer {
            Ok(answer) if answer.status == 202 || answer.status == 200 => Some(()),
            _ => {
                thread::sleep(Duration::from_millis(50));
                None
            }
        }
    });
}

/// Waits until each has its reply, and looks that none has two.
fn each_once(hub: &Hub, place: &Place, deliveries: u64) {
    hub.fail(0);
    let (mut replies, mut since) = (0, Instant::now());
    while (replies as u64) < deliveries {
        let jobs = || place.jobs(&[]).stdout;
        assert!(since.elapsed() < LONGEST, "{replies} of {deliveries} replies; waiting: {}", jobs());
        thread::sleep(Duration::from_millis(200));
        if hub.comments().len() > replies {
            (replies, since) = (hub.comments().len(), Instant::now());
        }
    }
    // What would be a second one has time to come.
    wait_for("the queue to be empty", || {
        thread::sleep(Duration::from_millis(300));
        place.jobs(&[]).stdout.is_empty().then_some(())
    });
    let comments = hub.comments();
    let doubled: Vec<_> = comments.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(comments.keys().copied().collect::<Vec<_>>(), (1..=deliveries).collect::<Vec<_>>());
    let checks: Vec<_> = hub.checks().into_iter().filter(|(_, count)| *count != 1).collect();
    assert!(checks.is_empty(), "{checks:?}");
}

#[test]
fn sqlite() {
    let (hub, mut random, kills) = (Hub::start(), Random::new(), kills());
    let place = Place::new(&hub, None, WORK);
    hub.fail(5);
    let mut server = place.serve();
    for kill in 0..kills {
        thread::scope(|scope| {
            let wait = Duration::from_millis(random.below(900));
            let (place, server) = (&place, &mut server);
            scope.spawn(move || {
                thread::sleep(wait);
                server.kill();
                *server = Running::start(place.command("serve"));
            });
            (1..=DELIVERIES).for_each(|number| deliver(place, kill * DELIVERIES + number));
        });
    }
    each_once(&hub, &place, kills * DELIVERIES);
    eprintln!("SQLite: {kills} kills, {} deliveries, each answered once", kills * DELIVERIES);
}

#[test]
fn postgresql() {
    let (hub, mut random, kills) = (Hub::start(), Random::new(), kills());
    let mut database = Postgres::start();
    let place = Place::new(&hub, Some(&database.address()), WORK);
    hub.fail(5);
    let mut server = place.serve();
    let mut worker = Running::start(place.command("work"));
    let mut victims = [0; 3];
    for kill in 0..kills {
        thread::scope(|scope| {
            let (wait, victim) = (Duration::from_millis(random.below(900)), random.below(3) as usize);
            victims[victim] += 1;
            let (place, server, worker, database) = (&place, &mut server, &mut worker, &mut database);
            scope.spawn(move || {
                thread::sleep(wait);
                match victim {
                    0 => {
                        server.kill();
                        *server = Running::start(place.command("serve"));
                    }
                    1 => {
                        worker.kill();
                        *worker = Running::start(place.command("work"));
                    }
                    _ => database.kill(),
                }
            });
            (1..=DELIVERIES).for_each(|number| deliver(place, kill * DELIVERIES + number));
        });
    }
    each_once(&hub, &place, kills * DELIVERIES);
    eprintln!(
        "PostgreSQL: {} kills of the server, {} of the worker, {} of the database; {} deliveries, each answered once",
        victims[0],
        victims[1],
        victims[2],
        kills * DELIVERIES
    );
}

/// An hour forward and an hour back, while jobs wait and are at work.
#[test]
fn a_clock_that_is_set() {
    let hub = Hub::start();
    let place = Place::new(&hub, None, WORK);
    hub.fail(30);
    let clock = Clock::new(place.folder());
    let mut command = place.command("serve");
    clock.show(&mut command);
    let _server = Running::start(command);
    place.wait();
    let mut number = 0;
    for offset in [3600, -3600, 0, -7200, 1] {
        for _ in 0..DELIVERIES {
            number += 1;
            deliver(&place, number);
        }
        clock.set(offset);
        // The work on one more goes on by that clock.
        number += 1;
        deliver(&place, number);
        thread::sleep(Duration::from_secs(1));
    }
    each_once(&hub, &place, number);
    let said = place.said("serve");
    let hours: std::collections::BTreeSet<&str> = said.lines().filter_map(|line| line.get(11..13)).collect();
    assert!(hours.len() > 1, "the program saw no other clock: {hours:?}");
}

/// A disk that is full: nothing can be written for a while. What is not taken is refused, what was taken is answered.
#[test]
fn a_full_disk() {
    let hub = Hub::start();
    let place = Place::new(&hub, None, WORK);
    // A file may have no more bytes than the (soft) limit allows; with the signal ignored, writing fails as on a full disk.
    let command = place.command("serve");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; exec \"$@\" 2>/dev/null", "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    let server = Running::start(shell);
    place.wait();
    let limit = |bytes: &str| {
        let arguments = ["--pid".to_owned(), server.id().to_string(), format!("--fsize={bytes}")];
        let set = std::process::Command::new("prlimit").args(arguments).status();
        assert!(set.unwrap().success());
    };
    (1..=DELIVERIES).for_each(|number| deliver(&place, number));
    limit("1:");
    for number in DELIVERIES + 1..=2 * DELIVERIES {
        let mut connection = Connection::open(place.port).unwrap();
        let answer = Webhook::run(number, "failure").send(&mut connection).unwrap();
        assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
        assert!(answer.head.contains("retry-after"));
    }
    assert_eq!(place.get("/healthz").unwrap().status, 200);
    limit("unlimited:");
    (DELIVERIES + 1..=2 * DELIVERIES).for_each(|number| deliver(&place, number));
    each_once(&hub, &place, 2 * DELIVERIES);
}
