//! The proof of the flag: five replicas under load, twenty flips, the database killed in the middle, then without a notification.
//! No request fails that the database did not fail, no event is lost or doubled, and every flip is everywhere in two seconds.

use super::post_to;
use crate::BINARY;
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::embedded::{self, EmbeddedOptions, EmbeddedPostgres};
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage};
use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const REPLICAS: usize = 5;
const FLIPS: usize = 20;
/// When the database is killed, and when notifications end.
const KILLED_BEFORE: usize = 7;
const SILENT_FROM: usize = 11;
/// What the requirement allows from `set` to the last replica.
const AT_MOST: Duration = Duration::from_secs(2);

/// A database of its own, to be killed, and what serves over it.
struct Fleet {
    database: EmbeddedPostgres,
    folder: PathBuf,
    client: Client,
    replicas: Vec<Server>,
}

/// One answer: when its request began and when it was there, and which contract gave it.
struct Answered {
    begun: Instant,
    ended: Instant,
    is_old: bool,
}

/// One request that failed.
#[derive(Debug)]
struct Failed {
    begun: Instant,
    ended: Instant,
    status: StatusCode,
}

/// One flip: when `set` was first tried, when it was called and answered, and what to.
struct Flip {
    tried: Instant,
    begun: Instant,
    done: Instant,
    is_old: bool,
}

#[derive(Default)]
struct Log {
    sent: BTreeSet<String>,
    answered: Vec<Answered>,
    failed: Vec<Failed>,
}

impl Fleet {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = std::env::temp_dir().join(format!("dispatch-flips-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let database = EmbeddedPostgres::start(EmbeddedOptions::new(&folder).throwaway()).await.unwrap();
        let launch = Launch::serve(BINARY, database.url()).env("DATABASE_CONNECTIONS", "6");
        let (good, said) = launch.clone().run(&["migrate"]).await;
        assert!(good, "{said}");
        let launch = launch.arg("--no-worker");
        let replicas = join_all((0..REPLICAS).map(|_| launch.start())).await;
        Self { database, folder, client: Client::new(), replicas }
    }

    async fn sql(&self) -> dispatch_cutover::Client {
        let url: DatabaseUrl = self.database.url().parse().unwrap();
        connect::client(&url, "the proof").await.unwrap()
    }

    /// Sends one event until it is taken, at a replica, then at another one as Slack's repeats do.
    async fn send(&self, number: usize, log: &RefCell<Log>) {
        let message = SlackMessage::new(&format!("U{number}"), "hello");
        for _ in 0..2 {
            loop {
                let replica = &self.replicas[fastrand::usize(..REPLICAS)];
                let begun = Instant::now();
                let (status, body) = post_to(&self.client, replica, "/webhooks/slack", &message.body()).await;
                if status == StatusCode::OK {
                    log.borrow_mut().answered.push(Answered {
                        begun,
                        ended: Instant::now(),
                        is_old: body.get("ok").is_some(),
                    });
                    break;
                }
                log.borrow_mut().failed.push(Failed { begun, ended: Instant::now(), status });
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        log.borrow_mut().sent.insert(message.body()["event_id"].as_str().unwrap().to_owned());
    }

    /// Sets the flag by one replica; again and again where the database does not answer yet.
    async fn flip(&self, number: usize) -> Flip {
        let version = if number.is_multiple_of(2) { "operations" } else { "dispatch" };
        let tried = Instant::now();
        loop {
            let replica = &self.replicas[number % REPLICAS];
            let begun = Instant::now();
            let request = self.client.put(format!("{}/route/flag", replica.base())).bearer_auth(service_bearer());
            let wish = json!({ "api_version": version, "reason": format!("flip {number}") });
            let response = request.json(&wish).send().await.unwrap();
            if response.status() == StatusCode::OK {
                let told: Value = response.json().await.unwrap();
                assert_eq!(told["complete"], json!(true), "flip {number}: {told}");
                assert_eq!(told["replicas"].as_array().map(Vec::len), Some(REPLICAS), "flip {number}: {told}");
                return Flip { tried, begun, done: Instant::now(), is_old: version == "operations" };
            }
            assert_eq!(number, KILLED_BEFORE, "flip {number}: {}", response.status());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// How long after `set` a request still began that was answered by the contract before it.
fn lag(flip: &Flip, answered: &[Answered]) -> Duration {
    let late = answered.iter().filter(|one| one.begun >= flip.begun && one.begun < flip.done);
    let late = late.filter(|one| one.is_old != flip.is_old).map(|one| one.begun - flip.begun);
    late.max().unwrap_or_default()
}

#[tokio::test]
async fn twenty_flips_under_load_are_everywhere_in_two_seconds_and_lose_or_double_nothing() {
    let fleet = Fleet::start().await;
    let (log, over) = (RefCell::new(Log::default()), AtomicBool::new(false));
    let sender = async |number: usize| {
        while !over.load(Ordering::SeqCst) {
            fleet.send(number, &log).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let outage = RefCell::new(None);
    let flips = async {
        let mut flips = Vec::new();
        for number in 0..FLIPS {
            if number == KILLED_BEFORE {
                *outage.borrow_mut() = Some(Instant::now());
                let victim = Pid::from_raw(i32::try_from(fleet.database.pid()).unwrap());
                kill(victim, Signal::SIGKILL).unwrap();
            }
            if number == SILENT_FROM {
                // In this database alone: nobody is told of anything any more.
                let silence = "CREATE OR REPLACE FUNCTION pg_catalog.pg_notify(text, text) RETURNS void
                    LANGUAGE sql VOLATILE AS 'SELECT'";
                fleet.sql().await.batch_execute(silence).await.unwrap();
            }
            flips.push(fleet.flip(number).await);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        over.store(true, Ordering::SeqCst);
        flips
    };
    let work = async { tokio::join!(flips, join_all((0..5).map(sender))).0 };
    let flips = tokio::select! {
        flips = work => flips,
        never = fleet.database.keep_running() => never,
    };
    let log = log.into_inner();
    judge(&flips, &log, outage.into_inner().unwrap());

    let rows = fleet.sql().await.query("SELECT provider_event_id FROM dispatch.signals ORDER BY 1", &[]).await;
    let mut stored: Vec<String> = rows.unwrap().iter().map(|row| row.get(0)).collect();
    stored.sort();
    let sent: Vec<String> = log.sent.into_iter().collect();
    assert_eq!(stored, sent, "every event once");
    let history = fleet.sql().await.query("SELECT reason FROM dispatch.flag_changes ORDER BY changed_at", &[]).await;
    let history: Vec<Option<String>> = history.unwrap().iter().map(|row| row.get(0)).collect();
    let made: Vec<usize> = (0..FLIPS).filter(|n| history.contains(&Some(format!("flip {n}")))).collect();
    assert_eq!(made.len(), FLIPS, "each is in the history: {history:?}");
    let Fleet { database, folder, replicas, .. } = fleet;
    drop(replicas);
    database.stop().await.unwrap();
    embedded::remove(&folder).await.unwrap();
    let _ = std::fs::remove_dir_all(&folder);
}

fn judge(flips: &[Flip], log: &Log, killed: Instant) {
    // The database is away from its death until the first change that it took.
    let back = flips[KILLED_BEFORE].done;
    for failed in &log.failed {
        assert!(failed.ended >= killed && failed.begun <= back, "{failed:?} is no fault of the database");
        let told = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
        assert!(told.contains(&failed.status), "{failed:?}");
    }
    for old in [true, false] {
        assert!(log.answered.iter().filter(|one| one.is_old == old).count() > 50, "both contracts answered");
    }
    for (number, flip) in flips.iter().enumerate() {
        // One that was refused may be in force all the same: the database died between taking it and saying so.
        let next = flips.get(number + 1).map(|next| next.tried);
        // Whoever was still waiting when the next change was asked for may have met it.
        let before_next = |one: &&Answered| next.is_none_or(|next| one.ended < next);
        let settled = log.answered.iter().filter(|one| one.begun > flip.done).filter(before_next);
        for one in settled {
            assert_eq!(one.is_old, flip.is_old, "flip {number} was said to be everywhere");
        }
    }
    let took = |flip: &Flip| (flip.done - flip.begun).max(lag(flip, &log.answered));
    let worst = |range: std::ops::Range<usize>| flips[range].iter().map(took).max().unwrap_or_default();
    eprintln!(
        "from set to the last replica, p100: {:?} told, {:?} around the database's death, {:?} by the poll alone; {} requests, {} while the database was away",
        worst(0..KILLED_BEFORE),
        worst(KILLED_BEFORE..SILENT_FROM),
        worst(SILENT_FROM..FLIPS),
        log.answered.len(),
        log.failed.len()
    );
    assert!(worst(0..FLIPS) <= AT_MOST, "{:?}", flips.iter().map(took).collect::<Vec<_>>());
}
